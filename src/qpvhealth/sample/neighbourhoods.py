"""The invented neighbourhoods: what stood in 2015, what stands since 2024, and what became of each.

A *group* is a place and the rectangles that stand there in each generation. The fates repeat the sizes of the real
change of generation: metropolitan 1 201 kept (294 unchanged, 907 modified), 38 merged into 18, 10 split into 24, 8 mixed
into 8, 39 gone, 111 new; overseas 47 unchanged, 158 modified, 13 gone, 42 new.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import numpy as np

from qpvhealth.facts.territories import METROPOLE, TERRITORIES
from qpvhealth.sample.geography import (
    COMMUNE_SIDE,
    N_URBAN,
    OVERSEAS,
    OVERSEAS_SIDE,
    Box,
    Commune,
    communes_of,
    metropolitan_departments,
)

SEED = 35901
METROPOLITAN_FATES = {
    "unchanged": 294,
    "modified": 907,
    "merged-2": 16,
    "merged-3": 2,
    "split-2": 6,
    "split-3": 4,
    "mixed": 4,
    "gone": 39,
    "new": 111,
}
OVERSEAS_FATES = {
    "971": {"unchanged": 4, "modified": 11, "gone": 1, "new": 4},
    "972": {"unchanged": 2, "modified": 5, "new": 2},
    "973": {"unchanged": 6, "modified": 20, "gone": 6, "new": 3},
    "974": {"unchanged": 11, "modified": 35, "gone": 3, "new": 11},
    "976": {"unchanged": 8, "modified": 27, "gone": 1, "new": 7},
    "978": {"unchanged": 1, "modified": 1, "new": 1},
    "987": {"unchanged": 15, "modified": 59, "gone": 2, "new": 14},
}
REAL_UP_TO = {"59": 94, "974": 58, "987": 92}
"""Where real numbers of 2024 run so high that ours would meet them: up to there, ours end in C, as no real one does."""

GROWTH_M, SHRINKAGE_M = 120, 60
SLOTS = ((7_000, 7_000), (22_000, 8_000), (8_000, 22_000))
SPECIAL_NAMES = {
    50: "L\u2019{} du Sacré-C\u0153ur",
    51: "{} \u2013 Cité d\u2019Été",
    52: "Les {} de l\u2019\u0152uvre",
}
"""Names with the characters that only cp1252 has, as some real ones: curly apostrophe, dash, oe in one letter."""

Site = tuple[tuple[Commune, ...], float, float]
"""The communes of a group and the place of its middle, in metres."""

FAULTS = ("bowtie", "spike", "bowtie", "spike", "bowtie", "pinched")


@dataclass(frozen=True)
class Qpv:
    """A neighbourhood of one generation. ``box`` is its rectangle in metres; ``shape`` and ``fault`` say how it is drawn."""

    code: str
    name: str
    generation: str
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


@dataclass
class _Numbers:
    """Next free number of each département and generation: up from 901 for 2015, down from 99 for 2024."""

    old: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)

    def old_code(self, department: str) -> str:
        """Give the next code of 2015 in a département."""
        number = self.old.get(department, 900) + 1
        self.old[department] = number
        return f"QP{department:0>3}{number}"

    def new_code(self, department: str, letter: str) -> str:
        """Give the next code of 2024, whose letter says what became of the neighbourhood."""
        number = self.new.get(department, 100) - 1
        self.new[department] = number
        letter = "C" if number <= REAL_UP_TO.get(department, 0) else letter
        return f"QN{department:0>3}{number:02d}{letter}"


@cache
def groups() -> tuple[Group, ...]:
    """Draw every group of the invented France, metropolitan ones first."""
    numbers = _Numbers()
    fates = _shuffled(METROPOLITAN_FATES)
    made = [_group(i, fate, _metropolitan_site(i, fate), numbers) for i, fate in enumerate(fates)]
    for department, wanted in OVERSEAS_FATES.items():
        for i, fate in enumerate(_shuffled(wanted)):
            made.append(_group(len(made), fate, _overseas_site(department, i), numbers))
    return tuple(made)


def _shuffled(fates: dict[str, int]) -> list[str]:
    listed = [fate for fate, n in fates.items() for _ in range(n)]
    order = np.random.default_rng(SEED).permutation(len(listed))
    return [listed[i] for i in order]


def _metropolitan_site(rank: int, fate: str) -> Site:
    departments = metropolitan_departments()
    k, d = divmod(rank, len(departments))
    communes = communes_of(departments[d])
    if k == 0 and d % 5 == 1 and fate in ("unchanged", "modified"):
        return (communes[0], communes[1]), *communes[0].at(COMMUNE_SIDE - 60, 15_000)
    slot, number = divmod(k, N_URBAN)
    return (communes[number],), *communes[number].at(*SLOTS[slot])


def _overseas_site(department: str, rank: int) -> Site:
    communes = communes_of(department)
    slot, number = divmod(rank, len(communes))
    north = 1_125 + 2_250 * (slot // 3)
    if rank == 0 and department == "971":
        return (communes[0], communes[1]), *communes[0].at(OVERSEAS_SIDE - 60, north)
    return (communes[number],), *communes[number].at(1_500 + 3_000 * (slot % 3), north)


def _group(rank: int, fate: str, site: Site, numbers: _Numbers) -> Group:
    communes, x, y = site
    old_boxes, new_boxes = _boxes(rank, fate, x, y)
    letter = {"unchanged": "I", "new": "N"}.get(fate, "M")
    department = communes[0].department
    shape = _shape(rank, fate)
    fault = FAULTS[rank // 53 % len(FAULTS)] if fate == "modified" and rank % 53 == 7 else None  # noqa: PLR2004
    old = tuple(
        Qpv(numbers.old_code(department), _name(rank, k, old=True), "qpv-2015", communes, box, shape, fault)
        for k, box in enumerate(old_boxes)
    )
    new = tuple(
        Qpv(
            numbers.new_code(department, letter),
            _name(rank, k, old=False),
            "qpv-2024",
            communes,
            box,
            shape,
            _new_fault(rank, fate),
        )
        for k, box in enumerate(new_boxes)
    )
    return Group(rank, fate, communes, old, new)


def _boxes(rank: int, fate: str, x: float, y: float) -> tuple[list[Box], list[Box]]:
    """Lay the rectangles of a group around its place: those of 2015, those of 2024."""
    half_x, half_y = 200 + 10 * (rank * 7 % 16), 200 + 10 * (rank * 5 % 16)
    alone = (x - half_x, y - half_y, x + half_x, y + half_y)
    kind, _, count = fate.partition("-")
    run = 400 * int(count or 2)
    whole = (x - run / 2, y - 220, x + run / 2, y + 220)
    parts = _slices(whole, [400 * k / run for k in range(run // 400 + 1)])
    change = -SHRINKAGE_M if rank % 3 == 0 else GROWTH_M
    return {
        "unchanged": ([alone], [alone]),
        "modified": ([alone], [(*alone[:3], alone[3] + change)]),
        "merged": (parts, [whole]),
        "split": ([whole], parts),
        "mixed": (parts, _slices(whole, [0, 0.7, 1])),
        "gone": ([alone], []),
        "new": ([], [alone]),
    }[kind]


def _slices(box: Box, cuts: list[float]) -> list[Box]:
    west, south, east, north = box
    edges = [west + cut * (east - west) for cut in cuts]
    return [(a, south, b, north) for a, b in pairwise(edges)]


def _shape(rank: int, fate: str) -> str:
    if fate not in ("unchanged", "modified"):
        return "plain"
    return {0: "cut", 4: "hole", 8: "parts"}.get(rank % 12, "plain")


def _new_fault(rank: int, fate: str) -> str | None:
    if fate == "new" and rank == _first_new_alone():
        return "collapsed"
    return {11: "bowtie", 67: "spike"}.get(rank % 400) if fate == "modified" else None


@cache
def _first_new_alone() -> int:
    return _shuffled(METROPOLITAN_FATES).index("new")


def _name(rank: int, part: int, *, old: bool) -> str:
    """Write an invented name; a few of 2015 hold the characters that only cp1252 has, as some real ones do."""
    name = f"Quartier inventé {rank + 1}" + ("" if part == 0 else f" {'ABC'[part]}")
    special = SPECIAL_NAMES.get(rank % 100)
    return special.format(name) if special and old else name


@cache
def neighbourhoods(generation: str) -> tuple[Qpv, ...]:
    """List the neighbourhoods of a generation, in the order of their groups."""
    return tuple(q for g in groups() for q in (g.old if generation == "qpv-2015" else g.new))


def group_of(code: str) -> Group:
    """Give the group of a neighbourhood, of either generation."""
    return _groups_by_code()[code]


@cache
def _groups_by_code() -> dict[str, Group]:
    return {q.code: g for g in groups() for q in (*g.old, *g.new)}


def epsg_of(qpv: Qpv) -> int:
    """Give the projection in which the rectangle of a neighbourhood is written."""
    return TERRITORIES[qpv.territory].epsg


def counts(generation: str) -> dict[str, int]:
    """Count neighbourhoods: metropolitan ones, then each overseas département."""
    listed = [METROPOLE if q.territory == METROPOLE else q.department for q in neighbourhoods(generation)]
    return {area: listed.count(area) for area in (METROPOLE, *OVERSEAS) if area in listed}
