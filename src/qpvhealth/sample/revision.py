"""The same France sent again: three contours of 2015 edited, nothing else, so that two releases can be compared."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample.hosts import members

if TYPE_CHECKING:
    from qpvhealth.sample.neighbourhoods import Qpv

SHIFTS_M = {"lip": 20.0, "brim": -15.0, "near": 300.0}
"""How far the eastern border moves, for a neighbourhood next to which, or inside which, a structure of that word stands."""


@cache
def edits() -> dict[str, float]:
    """Return the three neighbourhoods of 2015 that are edited, one of them overseas, and the shift of their eastern border."""
    chosen = {}
    for word, shift in SHIFTS_M.items():
        hosts = [m.host for m in members() if m.host is not None and set(m.cohort.story.split()) - {"."} == {word}]
        fits = (q for q in hosts if q.fault is None and (q.territory == METROPOLE) == (word != "near"))
        chosen[next(q.code for q in fits)] = shift
    return chosen


def edited(qpv: Qpv) -> Qpv:
    """Move the eastern border of a neighbourhood, if it is one of those edited."""
    west, south, east, north = qpv.box
    return replace(qpv, box=(west, south, east + edits().get(qpv.code, 0.0), north))
