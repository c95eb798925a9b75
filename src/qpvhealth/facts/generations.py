"""Generations of QPV perimeters: which set of polygons the law puts in force, where, and over which dates.

The resolver is keyed on (territory, date), because on 1 January 2024 metropolitan QPV changed and overseas ones did not.
Sources of each line are in ``text``; counts were measured on the published contours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from qpvhealth.facts.territories import METROPOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

QPV_2015, QPV_2024, QPV_2026 = "qpv-2015", "qpv-2024", "qpv-2026"
IN_FORCE = "in_force"
"""Name of the country rows that add the territories up, each with the generation in force there at the date."""

CODE_PATTERNS: dict[str, str] = {
    QPV_2015: r"QP(0\d{2}|02[AB]|9[78]\d)\d{3}",
    QPV_2024: r"QN(0\d{2}|02[AB]|9[78]\d)\d{2}[IMNC]",
    QPV_2026: r"QN(0\d{2}|02[AB]|9[78]\d)\d{2}[IMNC]",
}

STATUS_LETTERS: dict[str, str] = {"I": "unchanged", "M": "modified", "N": "new", "C": "whole_commune"}
"""Last letter of a code of 2024 and later (reading of I, M, N: inference). It is not the legal status of the polygon."""


@dataclass(frozen=True)
class Perimeter:
    """The QPV of one territory in one generation: ``count`` polygons, in force from ``start`` to ``end`` included.

    ``end`` null: still in force. ``count`` 0: the law puts no QPV there.
    """

    generation: str
    territory: str
    count: int
    start: date
    end: date | None
    text: str

    def in_force(self, on: date) -> bool:
        """Say whether the perimeter is in force on a day, both bounds included."""
        return self.start <= on and (self.end is None or on <= self.end)


_D2015 = "décret 2014-1750 du 30 décembre 2014, rectifié par 2015-1138"
_D2015_OVERSEAS = "décret 2014-1751 du 30 décembre 2014, rectifié par 2015-1138"
_D2024 = "décret 2023-1314 du 28 décembre 2023"
_D2025 = "décrets 2024-1211 et 2024-1212 du 27 décembre 2024 (second-hand)"
_MAYOTTE = "loi 2025-797 du 11 août 2025; date of effect 1 January 2026 is an inference"

_OVERSEAS_2015 = {
    "guadeloupe": 16,
    "martinique": 7,
    "guyane": 32,
    "la_reunion": 49,
    "mayotte": 36,
    "saint_martin": 2,
    "polynesie": 76,
}
_OVERSEAS_2024 = {
    "guadeloupe": 19,
    "martinique": 9,
    "guyane": 29,
    "la_reunion": 57,
    "mayotte": 42,
    "saint_martin": 3,
    "polynesie": 88,
}
_MAYOTTE_LAST_DAY_2024 = date(2025, 12, 31)


def _overseas_2024(territory: str, count: int) -> Perimeter:
    end = _MAYOTTE_LAST_DAY_2024 if territory == "mayotte" else None
    return Perimeter(QPV_2024, territory, count, date(2025, 1, 1), end, _D2025)


PERIMETERS: tuple[Perimeter, ...] = (
    Perimeter(QPV_2015, METROPOLE, 1296, date(2015, 1, 1), date(2023, 12, 31), _D2015),
    *(
        Perimeter(QPV_2015, t, n, date(2015, 1, 1), date(2024, 12, 31), _D2015_OVERSEAS)
        for t, n in _OVERSEAS_2015.items()
    ),
    Perimeter(QPV_2024, METROPOLE, 1362, date(2024, 1, 1), None, _D2024),
    *(_overseas_2024(t, n) for t, n in _OVERSEAS_2024.items()),
    # The same perimeters as qpv-2024 outside Mayotte: legally that text, published in one package with the 17 communes.
    Perimeter(QPV_2026, METROPOLE, 1362, date(2024, 1, 1), None, _D2024),
    *(Perimeter(QPV_2026, t, n, date(2025, 1, 1), None, _D2025) for t, n in _OVERSEAS_2024.items() if t != "mayotte"),
    Perimeter(QPV_2026, "mayotte", 17, date(2026, 1, 1), None, _MAYOTTE),
)

_BY_KEY: dict[tuple[str, str], Perimeter] = {(p.generation, p.territory): p for p in PERIMETERS}
KNOWN: tuple[str, ...] = (QPV_2015, QPV_2024, QPV_2026)


def perimeter(generation: str, territory: str) -> Perimeter | None:
    """Return the perimeter of a territory in a generation; null where the law names no QPV or the set is not official."""
    return _BY_KEY.get((generation, territory))


def expected_count(generation: str, territory: str) -> int | None:
    """Return how many QPV the law puts in a territory; 0 where it puts none, null for a set that is not official."""
    if generation not in KNOWN:
        return None
    found = perimeter(generation, territory)
    return found.count if found else 0


Dates = tuple[date | None, date | None]
"""First and last day of a set of perimeters; null: open."""


def in_force(
    territory: str, on: date, available: tuple[str, ...], own: Mapping[str, Dates] | None = None
) -> str | None:
    """Return the generation in force in a territory on a day, among those ``available``, first known one first.

    ``qpv-2026`` stands for ``qpv-2024`` outside Mayotte, where both are the same perimeters. A territory without QPV
    follows metropolitan France, so that it is counted once. Null when no available generation is in force.

    ``own``: the sets that are not official, with the dates their cards state. The law comes first: one of them is in force only on a
    day on which the law puts no QPV in the territory (the 215 quarters of 2008, before 2015); the first by name.
    """
    rules = [p for g in KNOWN if g in available for p in [_BY_KEY.get((g, territory)) or _BY_KEY[(g, METROPOLE)]]]
    found = next((p.generation for p in rules if p.in_force(on)), None)
    of_law = [_BY_KEY.get((g, territory)) or _BY_KEY[(g, METROPOLE)] for g in KNOWN]
    if found is not None or any(p.in_force(on) for p in of_law):
        return found
    given = {name: dates for name, dates in sorted((own or {}).items()) if name in available}
    return next((n for n, (first, last) in given.items() if (first or on) <= on <= (last or on)), None)


DENOMINATORS: dict[str, tuple[int, str]] = {
    "all_2015": (1514, "all QPV of 2015"),
    "insee_2015": (1436, "metropolitan France and the overseas départements, the INSEE perimeter of 2015"),
    "metropole_2015": (1296, "metropolitan QPV of 2015"),
    "metropole_2024": (1362, "metropolitan QPV of 2024"),
    "in_force_2024_01_01": (1580, "1,362 metropolitan of 2024 and 218 overseas of 2015, in force on 1 January 2024"),
    "all_2024": (1609, "all QPV of 2024, before the Mayotte law"),
    "all_2026": (1584, "all QPV, the 17 communes of Mayotte instead of 42 QPV"),
    "dom_2026": (1493, "metropolitan France and the five overseas départements after the Mayotte law"),
}
"""Numbers of QPV in circulation: each is right for its perimeter, none is the number of QPV."""
