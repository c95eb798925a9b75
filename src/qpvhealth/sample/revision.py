"""The same France sent again: three contours of 2015 edited, nothing else. What a comparison of two releases must find."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pandas as pd

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample.hosts import members
from qpvhealth.sample.neighbourhoods import Qpv, neighbourhoods
from qpvhealth.sample.stories import identifier, states

SHIFTS_M = {"lip": 20.0, "brim": -15.0, "near": 300.0}
"""By how much the eastern border moves, for a neighbourhood beside which, or inside which, a structure of that word stands."""

TEXT = """
## Revised

The contours of 2015 are those of a second delivery: the eastern border of {codes} moved by {shifts} metres. Everything else is
as in the first delivery.
"""


@cache
def edits() -> dict[str, float]:
    """Name the three neighbourhoods of 2015 that are edited, one of them overseas, and the shift of their eastern border."""
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


def contour_changes() -> pd.DataFrame:
    """Return what the edited contours change: ``year``, ``finess_et``, ``effect_in_qpv`` under the neighbourhoods of 2015."""
    boxes = {q.code: (q.box, edited(q).box) for q in neighbourhoods("qpv-2015") if q.code in edits()}
    frame = states()
    there = frame[frame["in_stock"] & frame["host"].isin(list(boxes)) & frame["x"].notna()]
    rows = []
    for row in there.to_dict("records"):
        was, now = (
            west <= row["x"] <= east and south <= row["y"] <= north for west, south, east, north in boxes[row["host"]]
        )
        rows.append((row["year"], identifier(row), int(now) - int(was)))
    told = pd.DataFrame(rows, columns=["year", "finess_et", "effect_in_qpv"])
    return told[told["effect_in_qpv"] != 0].reset_index(drop=True)


def readme() -> str:
    """Write what the page of the folder says of the revision."""
    return TEXT.format(codes=", ".join(edits()), shifts=", ".join(f"{s:+.0f}" for s in edits().values()))
