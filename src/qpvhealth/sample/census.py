"""Facts about each 2015 neighbourhood besides its contour: people, GP zone class, NPNRU.

The six cells (``figures.toml``) are the consistent reading of the published figures at April 2020, scope "MSP and
pluriprofessional centres": QPV covered and not covered, by class, with their people; 253 of 5 000 people and more, of which 15
above 24 000, all covered; 148 large ones uncovered, 104 of them in the NPNRU; 190 large and 448 in all in the NPNRU.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from qpvhealth.sample.cohorts import INSIDE
from qpvhealth.sample.geography import OVERSEAS
from qpvhealth.sample.neighbourhoods import SEED, groups, neighbourhoods
from qpvhealth.sample.places import members
from qpvhealth.sample.resources import lists

MEANS = {"giant": 34_000, "large_covered": 10_000, "large": 7_000}
BOUNDS = {"giant": (24_100, 60_000), "large": (5_000, 23_000), "small": (150, 4_980)}


@cache
def census() -> pd.DataFrame:
    """Return, for each 2015 neighbourhood: department, is_covered (primary, 2020), zone, label, size, population, is_npnru.

    The neighbourhoods are dealt to the cells; the eleven of monoprofessional centres only go last, to the small others. The
    label is the class in the words of the national workbook; a few of the others have the undocumented ``0``.
    """
    frame = pd.DataFrame(
        [(q.code, q.department) for q in neighbourhoods("qpv-2015")], columns=["qpv_code", "department"]
    )
    inside = [m for m in members() if m.cohort.places[2020] in INSIDE]
    for column, is_mono in (("is_mono_only", True), ("is_covered", False)):
        hosts = {m.host.code for m in inside if m.host is not None and (m.cohort.host == "mono") == is_mono}
        frame[column] = frame["qpv_code"].isin(hosts)
    dealt: list[tuple[int, str, str, int]] = []
    for is_covered in (True, False):
        at = frame.index[frame["is_covered"] == is_covered]
        shuffled = at[np.random.default_rng(SEED + is_covered).permutation(len(at))]
        ranked = sorted(shuffled, key=lambda i: bool(frame.loc[i, "is_mono_only"]))
        cells = [c for c in lists("figures.toml")["cells"] if c["is_covered"] == is_covered]
        places = [(cell["zone"], size, people) for cell in cells for size, people in _people_of(cell)]
        dealt += [(i, *place) for i, place in zip(ranked, places, strict=True)]
    frame = frame.join(pd.DataFrame(dealt, columns=["index", "zone", "size", "population"]).set_index("index"))
    words = np.array(["Hors vivier", "Zone de vigilance", "Hors vivier"])[frame.index // 8 % 3]
    words[frame.index % 250 == 3] = "0"  # noqa: PLR2004
    npnru = lists("figures.toml")["npnru"]
    is_metropolitan = ~frame["department"].isin(OVERSEAS)
    is_large = frame["size"] != "small"
    is_quiet = ~is_large & ~frame["is_mono_only"]
    chosen = [
        (is_metropolitan & is_large & frame["is_covered"], npnru["large_covered"]),
        (is_metropolitan & is_large & ~frame["is_covered"], npnru["large_uncovered"]),
        (is_metropolitan & is_quiet, npnru["small"]),
        *((is_quiet & (frame["department"] == d), n) for d, n in npnru["overseas"].items()),
    ]
    return frame.assign(
        label=frame["zone"].where(frame["zone"] != "other", words),
        is_npnru=frame.index.isin([i for mask, n in chosen for i in frame.index[mask][:n]]),
    )


def _people_of(cell: dict[str, Any]) -> list[tuple[str, int]]:
    """Share the people of a cell: the size and the population of each of its neighbourhoods."""
    totals = {"giant": cell["giant"] * MEANS["giant"]}
    totals["large"] = cell["large"] * MEANS["large_covered" if cell["is_covered"] else "large"]
    totals["small"] = cell["people"] - sum(totals.values())
    return [(size, people) for size, total in totals.items() for people in _spread(total, cell[size], *BOUNDS[size])]


def _spread(total: int, n: int, low: int, high: int) -> list[int]:
    """Write a total as ``n`` different-looking whole numbers within bounds, rising evenly around their mean."""
    if n == 0:
        return []
    mean = total / n
    reach = 0.9 * min(mean - low, high - mean)
    numbers = [int(mean + reach * (2 * (k * 37 % n) / n - 1 + 1 / n)) for k in range(n)]
    rest = total - sum(numbers)
    return [number + rest // n + (k < rest % n) for k, number in enumerate(numbers)]


@cache
def populations_2024() -> dict[str, int]:
    """Invent the people of 2020 in the neighbourhoods of 2024: those of 2013, a little more or less, shared by area."""
    people = census().set_index("qpv_code")["population"].to_dict()
    populations = {}
    for group in groups():
        before = sum(people[q.code] for q in group.old) or 1_500
        for qpv in group.new:
            populations[qpv.code] = before * (98 + group.rank % 6) // 100 // len(group.new)
    return populations
