"""What is known of each 2015 neighbourhood besides its contour: people, GP zone class, NPNRU.

The six cells are the consistent reading of the published figures at April 2020, scope "MSP and pluriprofessional centres":
QPV covered and not covered, by class, with their people; 253 of 5 000 people and more, of which 15 above 24 000, all
covered; 148 large ones uncovered, 104 of them in the NPNRU; 190 large and 448 in all in the NPNRU.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from qpvhealth.sample.cohorts import INSIDE
from qpvhealth.sample.hosts import members
from qpvhealth.sample.neighbourhoods import OVERSEAS_FATES, SEED, groups, neighbourhoods


@dataclass(frozen=True)
class Cell:
    """QPV of one class, covered or not: how many of each size, and their people in all."""

    is_covered: bool
    zone: str
    giant: int
    large: int
    small: int
    people: int

    @property
    def n(self) -> int:
        """Number of QPV of the cell."""
        return self.giant + self.large + self.small


CELLS = (
    Cell(is_covered=True, zone="ZIP", giant=4, large=21, small=25, people=411_000),
    Cell(is_covered=True, zone="ZAC", giant=3, large=16, small=21, people=316_000),
    Cell(is_covered=True, zone="other", giant=8, large=53, small=61, people=1_026_000),
    Cell(is_covered=False, zone="ZIP", giant=0, large=45, small=280, people=1_100_000),
    Cell(is_covered=False, zone="ZAC", giant=0, large=20, small=154, people=473_000),
    Cell(is_covered=False, zone="other", giant=0, large=83, small=720, people=2_109_060),
)
MEANS = {"giant": 34_000, "large_covered": 10_000, "large": 7_000}
BOUNDS = {"giant": (24_100, 60_000), "large": (5_000, 23_000), "small": (150, 4_980)}
NPNRU_LARGE = {True: 86, False: 104}
NPNRU_OVERSEAS = {"971": 3, "972": 3, "973": 8, "974": 8, "976": 4}
NPNRU_METROPOLITAN_SMALL = 422 - 86 - 104


@cache
def census() -> pd.DataFrame:
    """Tell, for each 2015 neighbourhood: department, is_covered (primary, 2020), zone, size, population, is_npnru."""
    frame = pd.DataFrame({"qpv_code": [q.code for q in neighbourhoods("qpv-2015")]})
    frame["department"] = [q.department for q in neighbourhoods("qpv-2015")]
    frame["is_mono_only"] = frame["qpv_code"].isin(_hosts_of_2020(is_mono=True))
    frame["is_covered"] = frame["qpv_code"].isin(_hosts_of_2020(is_mono=False))
    frame = frame.join(_cells(frame))
    frame["label"] = _labels(frame)
    frame["is_npnru"] = _npnru(frame)
    return frame


def _hosts_of_2020(*, is_mono: bool) -> set[str]:
    there = [m for m in members() if m.cohort.places[2020] in INSIDE and m.host is not None]
    return {m.host.code for m in there if m.host is not None and (m.cohort.host == "mono") == is_mono}


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Deal the neighbourhoods to the cells; the eleven that hold monoprofessional centres only go last, to the small others."""
    out = pd.DataFrame(index=frame.index, columns=["zone", "size", "population"])
    for is_covered in (True, False):
        at = frame.index[frame["is_covered"] == is_covered]
        dealt = at[np.random.default_rng(SEED + is_covered).permutation(len(at))]
        ranked = sorted(dealt, key=lambda i: bool(frame.loc[i, "is_mono_only"]))
        start = 0
        for cell in (c for c in CELLS if c.is_covered == is_covered):
            out.loc[ranked[start : start + cell.n], :] = np.array(_filled(cell), dtype=object)
            start += cell.n
    return out.astype({"population": "int64"})


def _filled(cell: Cell) -> list[list[object]]:
    large_mean = MEANS["large_covered" if cell.is_covered else "large"]
    totals = {"giant": cell.giant * MEANS["giant"], "large": cell.large * large_mean}
    totals["small"] = cell.people - sum(totals.values())
    sizes = {"giant": cell.giant, "large": cell.large, "small": cell.small}
    return [[cell.zone, s, p] for s, n in sizes.items() for p in spread(totals[s], n, *BOUNDS[s])]


def spread(total: int, n: int, low: int, high: int) -> list[int]:
    """Write a total as ``n`` different-looking whole numbers within bounds, rising evenly around their mean."""
    if n == 0:
        return []
    mean = total / n
    reach = 0.9 * min(mean - low, high - mean)
    numbers = [int(mean + reach * (2 * (k * 37 % n) / n - 1 + 1 / n)) for k in range(n)]
    rest = total - sum(numbers)
    return [v + rest // n + (k < rest % n) for k, v in enumerate(numbers)]


def _labels(frame: pd.DataFrame) -> pd.Series:
    """Write the class in the words of the national workbook; a few of the others have the undocumented ``0``."""
    words = np.array(["Hors vivier", "Zone de vigilance", "Hors vivier"])[np.arange(len(frame)) // 8 % 3]
    other = pd.Series(words, index=frame.index).mask(frame.index.to_series() % 250 == 3, "0")  # noqa: PLR2004
    return frame["zone"].where(frame["zone"] != "other", other)


def _npnru(frame: pd.DataFrame) -> pd.Series:
    is_metropolitan = ~frame["department"].isin(list(OVERSEAS_FATES))
    is_large = frame["size"] != "small"
    wanted = [(is_metropolitan & is_large & (frame["is_covered"] == c), n) for c, n in NPNRU_LARGE.items()]
    quiet = ~is_large & ~frame["is_mono_only"]
    wanted.append((is_metropolitan & quiet, NPNRU_METROPOLITAN_SMALL))
    wanted += [(quiet & (frame["department"] == d), n) for d, n in NPNRU_OVERSEAS.items()]
    chosen = [i for fits, n in wanted for i in frame.index[fits][:n]]
    return frame.index.to_series().isin(chosen)


@cache
def populations_2024() -> dict[str, int]:
    """Invent the people of 2020 in the neighbourhoods of 2024: those of 2013, a little more or less, shared by area."""
    people = census().set_index("qpv_code")["population"].to_dict()
    out = {}
    for group in groups():
        before = sum(people[q.code] for q in group.old) or 1_500
        for qpv in group.new:
            out[qpv.code] = before * (98 + group.rank % 6) // 100 // len(group.new)
    return out
