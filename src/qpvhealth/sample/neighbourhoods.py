"""The invented neighbourhoods: what stood in 2015, what stands since 2024, and what became of each.

A *group* is a place and the rectangles that stand there in each generation. The fates (``figures.toml``) repeat the sizes of
the real change of generation: metropolitan 1 201 unchanged or modified (294, 907), 38 merged into 18, 10 split into 24, 8
mixed into 8, 39 gone, 111 new; overseas 47 unchanged, 158 modified, 13 gone, 42 new.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from qpvhealth.facts.territories import METROPOLE, TERRITORIES
from qpvhealth.sample.geography import (
    COMMUNE_SIDE,
    N_URBAN,
    OVERSEAS_SIDE,
    Box,
    Commune,
    communes_of,
    metropolitan_departments,
)
from qpvhealth.sample.resources import lists

SEED = 35901
FATES: dict[str, dict[str, int]] = lists("figures.toml")["fates"]
"""Number of groups of each fate, in metropolitan France and in each overseas département."""

REAL_UP_TO = {"59": 94, "974": 58, "987": 92}
"""Where real numbers of 2024 run so high that ours would meet them: up to there, ours end in C, as no real one does."""

GROWTH_M, SHRINKAGE_M = 120, 60
SLOTS = ((4_000, 4_000), (11_500, 4_500), (4_500, 11_500))
FAULTS = ("bowtie", "spike", "bowtie", "spike", "bowtie", "pinched")


@dataclass(frozen=True)
class Qpv:
    """A neighbourhood of one generation. ``box`` is its rectangle in metres; ``shape`` and ``fault`` say how it is drawn."""

    code: str
    name: str
    communes: tuple[Commune, ...]
    box: Box
    shape: str = "plain"
    fault: str | None = None

    @property
    def department(self) -> str:
        """Its département."""
        return self.communes[0].department

    @property
    def territory(self) -> str:
        """Its territory."""
        return self.communes[0].territory

    @property
    def epsg(self) -> int:
        """The projection of its rectangle."""
        return TERRITORIES[self.territory].epsg


@dataclass(frozen=True)
class Group:
    """A place, its fate, and what stands there in each generation (either may be empty)."""

    rank: int
    fate: str
    communes: tuple[Commune, ...]
    old: tuple[Qpv, ...]
    new: tuple[Qpv, ...]

    @property
    def is_plain(self) -> bool:
        """Whether one 2015 neighbourhood stands alone in one commune: structures may be put east of it."""
        return self.fate in ("unchanged", "modified") and len(self.communes) == 1


@cache
def groups() -> tuple[Group, ...]:
    """Draw every group of the invented France, metropolitan ones first.

    In a département, numbers go up from 901 for 2015 and down from 99 for 2024. One new neighbourhood of 2024 has no area.
    """
    plan = []
    for area, sizes in FATES.items():
        listed = [fate for fate, n in sizes.items() for _ in range(n)]
        order = np.random.default_rng(SEED).permutation(len(listed))
        plan += [(area, k, listed[i]) for k, i in enumerate(order)]
    first_new = [fate for _, _, fate in plan].index("new")
    used_2015, used_2024 = Counter[str](), Counter[str]()
    drawn = []
    for rank, (area, rank_in_area, fate) in enumerate(plan):
        communes, x, y = _site(area, rank_in_area, fate)
        department = communes[0].department
        is_single, is_modified = fate in ("unchanged", "modified"), fate == "modified"
        shape = {0: "cut", 4: "hole", 8: "parts"}.get(rank % 12, "plain") if is_single else "plain"
        fault_2015 = FAULTS[rank // 53 % len(FAULTS)] if is_modified and rank % 53 == 7 else None  # noqa: PLR2004
        fault_2024 = {11: "bowtie", 67: "spike"}.get(rank % 400) if is_modified else None
        fault_2024 = "collapsed" if rank == first_new else fault_2024
        names = [f"Quartier inventé {rank + 1}{part}" for part in ("", " B", " C")]
        old, new = [], []
        boxes_2015, boxes_2024 = _boxes(rank, fate, x, y)
        for name, box in zip(names, boxes_2015, strict=False):
            used_2015[department] += 1
            code = f"QP{department:0>3}{900 + used_2015[department]}"
            special = lists("layouts.toml")["special_names"].get(str(rank % 100), "{}").format(name)
            old.append(Qpv(code, special, communes, box, shape, fault_2015))
        for name, box in zip(names, boxes_2024, strict=False):
            used_2024[department] += 1
            number = 100 - used_2024[department]
            letter = {"unchanged": "I", "new": "N"}.get(fate, "M")
            letter = "C" if number <= REAL_UP_TO.get(department, 0) else letter
            new.append(Qpv(f"QN{department:0>3}{number:02d}{letter}", name, communes, box, shape, fault_2024))
        drawn.append(Group(rank, fate, communes, tuple(old), tuple(new)))
    return tuple(drawn)


def _site(area: str, rank: int, fate: str) -> tuple[tuple[Commune, ...], float, float]:
    """Return the communes of a group and the place of its middle, in metres; a few groups straddle two communes."""
    if area == METROPOLE:
        k, d = divmod(rank, len(metropolitan_departments()))
        communes = communes_of(metropolitan_departments()[d])
        if k == 0 and d % 5 == 1 and fate in ("unchanged", "modified"):
            return communes[:2], *communes[0].at(COMMUNE_SIDE - 60, 7_500)
        slot, number = divmod(k, N_URBAN)
        return (communes[number],), *communes[number].at(*SLOTS[slot])
    communes = communes_of(area)
    slot, number = divmod(rank, len(communes))
    north = 1_125 + 2_250 * (slot // 3)
    if rank == 0 and area == "971":
        return communes[:2], *communes[0].at(OVERSEAS_SIDE - 60, north)
    return (communes[number],), *communes[number].at(1_500 + 3_000 * (slot % 3), north)


def _boxes(rank: int, fate: str, x: float, y: float) -> tuple[list[Box], list[Box]]:
    """Lay the rectangles of a group around its place: those of 2015, those of 2024."""
    half_x, half_y = 200 + 10 * (rank * 7 % 16), 200 + 10 * (rank * 5 % 16)
    alone = (x - half_x, y - half_y, x + half_x, y + half_y)
    kind, _, count = fate.partition("-")
    n_parts = int(count or 2)
    west, south, east, north = whole = (x - 200 * n_parts, y - 220, x + 200 * n_parts, y + 220)
    change = -SHRINKAGE_M if rank % 3 == 0 else GROWTH_M

    def slices(*cuts: float) -> list[Box]:
        """Cut the whole from west to east, at shares of its width."""
        return [(a, south, b, north) for a, b in pairwise(west + cut * (east - west) for cut in cuts)]

    parts = slices(*(k / n_parts for k in range(n_parts + 1)))
    return {
        "unchanged": ([alone], [alone]),
        "modified": ([alone], [(*alone[:3], alone[3] + change)]),
        "merged": (parts, [whole]),
        "split": ([whole], parts),
        "mixed": (parts, slices(0, 0.7, 1)),
        "gone": ([alone], []),
        "new": ([], [alone]),
    }[kind]


@cache
def neighbourhoods(generation: str) -> tuple[Qpv, ...]:
    """List the neighbourhoods of a generation, in the order of their groups."""
    return tuple(q for g in groups() for q in (g.old if generation == "qpv-2015" else g.new))


@cache
def groups_by_code() -> dict[str, Group]:
    """Return the group of each neighbourhood, of either generation, by its code."""
    return {q.code: g for g in groups() for q in (*g.old, *g.new)}


@cache
def old_by_commune() -> dict[Commune, list[Qpv]]:
    """Return the 2015 neighbourhoods of each commune that has any, those that straddle its limit included."""
    by_commune: dict[Commune, list[Qpv]] = {}
    for qpv in neighbourhoods("qpv-2015"):
        for commune in qpv.communes:
            by_commune.setdefault(commune, []).append(qpv)
    return by_commune
