"""Generations of QPV perimeters: which set of polygons the law puts in force, where, and over which dates.

The resolver is keyed on (territory, date), because on 1 January 2024 metropolitan QPV changed and overseas ones did not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from qpvhealth.facts import lists
from qpvhealth.facts.territories import METROPOLE

QPV_2015, QPV_2024 = "qpv-2015", "qpv-2024"
IN_FORCE = "in_force"
"""Name of the country rows that add the territories up, each with the generation in force there at the date."""


@dataclass(frozen=True)
class Perimeter:
    """The QPV of one territory in one generation: ``count`` polygons, in force from ``start`` to ``end`` included.

    ``end`` null: still in force. ``text``: the text of law. A territory that a generation does not list has no QPV in it.
    """

    generation: str
    territory: str
    count: int
    start: date
    end: date | None = None
    text: str = ""

    def in_force(self, on: date) -> bool:
        """Say whether the perimeter is in force on a day, both bounds included."""
        return self.start <= on and (self.end is None or on <= self.end)


@dataclass(frozen=True)
class Generation:
    """One set of perimeters: its name, and the pattern of its codes."""

    name: str
    code_pattern: str


_LIST = lists.load("generations", ("generation", "perimeter", "status_letters", "denominators"))
GENERATIONS = lists.records(Generation, _LIST["generation"], "generations.toml: generation")
PERIMETERS = lists.records(Perimeter, _LIST["perimeter"], "generations.toml: perimeter")
CODE_PATTERNS: dict[str, str] = {g.name: g.code_pattern for g in GENERATIONS}

STATUS_LETTERS: dict[str, str] = _LIST["status_letters"]
"""Last letter of a code of 2024 and later (reading of I, M, N: inference). It is not the legal status of the polygon."""

DENOMINATORS: dict[str, tuple[int, str]] = {name: (d["n"], d["words"]) for name, d in _LIST["denominators"].items()}
"""Numbers of QPV in circulation: each is right for its perimeter, none is the number of QPV."""

_COUNTS: dict[tuple[str, str], int] = {(p.generation, p.territory): p.count for p in PERIMETERS}
KNOWN: tuple[str, ...] = tuple(CODE_PATTERNS)
"""The official generations, the oldest first."""


def expected_count(generation: str, territory: str) -> int | None:
    """Return how many QPV the law puts in a territory; 0 where it puts none, null for a set that is not official."""
    return _COUNTS.get((generation, territory), 0) if generation in KNOWN else None


Dates = tuple[date | None, date | None]
"""First and last day of a set of perimeters; null: open."""


def in_force(
    territory: str, on: date, available: tuple[str, ...], own: Mapping[str, Dates] | None = None
) -> str | None:
    """Return the generation in force in a territory on a day, among those ``available``, first official one first.

    The perimeters of a territory that came into force last replace the earlier ones, also those without ``end``. ``qpv-2026`` stands
    for ``qpv-2024`` outside Mayotte, where both are the same perimeters. A territory without QPV follows metropolitan France, so that
    it is counted once. Null when no available generation is in force.

    ``own``: the sets that are not official, with the dates their cards state. The law comes first: one of them is in force only on a
    day on which the law puts no QPV in the territory (the 215 quarters of 2008, before 2015); the first by name.
    """
    for place in (territory, METROPOLE):
        current = [p for p in PERIMETERS if p.territory == place and p.in_force(on)]
        if current:
            last = max(p.start for p in current)
            return next((p.generation for p in current if p.start == last and p.generation in available), None)
    dated = {name: dates for name, dates in sorted((own or {}).items()) if name in available}
    return next((n for n, (first, last) in dated.items() if (first or on) <= on <= (last or on)), None)
