"""How far a programme has come: share of the way, pace needed, pace observed, date at the present pace.

Attainment = (value - base) / (target - base). No base, no rate: what is left, its pace and date need none. No target, nothing but the
value and its pace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from qpvhealth.facts.programmes import Programme

DAYS_A_YEAR = 365.25
COMPUTED, PUBLISHED = "calculé", "publié"
COLUMNS = [
    *(
        "programme",
        "label",
        "perimeter",
        "scope",
        "near",
        "baseline",
        "baseline_on",
        "target",
        "deadline",
        "deadline_said",
    ),
    *(
        "on",
        "origin",
        "value",
        "lower",
        "upper",
        "n_unknown",
        "share_of_way",
        "share_of_way_lower",
        "share_of_way_upper",
    ),
    *("pace_needed", "pace_observed", "met_on", "state", "because", "source", "note"),
]
NOTHING = "aucune valeur : ni extrait, ni chiffre publié, ni liste pour ce périmètre et ce champ"
NO_RATE = "pas de taux : {}"
"""Why something is not computed: with what a programme lacks."""


def attain(programmes: Sequence[Programme], observed: pd.DataFrame) -> pd.DataFrame:
    """Hold each programme against what was observed: one row per programme, origin and date; one row without where nothing was.

    ``observed``: ``programme``, ``on``, ``value`` with its ``lower`` and ``upper`` (null where it has none), ``n_unknown``, ``origin``
    (computed or published: never mixed in a pace). The share of the way has the bounds of the value. Paces are structures a year;
    ``pace_observed`` runs from the observation before, else from the base. ``met_on`` is null where the pace does not lead there;
    ``because`` says what could not be computed.
    """
    rows: list[dict[str, object]] = []
    for programme in programmes:
        mine = observed[observed["programme"] == programme.id]
        base = {k: getattr(programme, k) for k in COLUMNS if hasattr(programme, k)} | {"programme": programme.id}
        if mine.empty:
            because = f"{NOTHING} ; {programme.no_base}" if programme.no_base else NOTHING
            rows.append(base | {"state": "non observé", "because": because})
        for _, part in mine.groupby("origin"):
            before: dict[Hashable, Any] | None = None
            for seen in part.sort_values("on", ignore_index=True).to_dict("records"):
                what = {str(k): seen[k] for k in ("on", "value", "lower", "upper", "n_unknown", "origin")}
                rows.append(base | what | _progress(programme, seen, before))
                before = seen
    days = dict.fromkeys(("baseline_on", "deadline", "on", "met_on"), "datetime64[s]")
    return pd.DataFrame(rows, columns=COLUMNS).astype(days)


def _progress(programme: Programme, seen: dict[Hashable, Any], before: dict[Hashable, Any] | None) -> dict[str, object]:
    """Measure one observation: how far, and what is left until the deadline and at the pace since the observation ``before``."""
    value, on = seen["value"], seen["on"]
    start = None if programme.baseline_on is None else pd.Timestamp(programme.baseline_on)
    if pd.isna(value):
        return {"state": "inconnu", "because": "valeur inconnue à cette date"}
    if start is not None and on < start:
        return {"state": "avant la base", "because": "observé avant la date de la base"}
    pace = None
    if before is not None and not pd.isna(before["value"]):
        pace = float((value - before["value"]) / _years(before["on"], on))
    elif programme.baseline is not None and start is not None and _years(start, on) > 0:
        pace = (value - programme.baseline) / _years(start, on)
    row: dict[str, object] = {"pace_observed": pace, "state": "sans base"}
    because = "" if programme.baseline is not None else NO_RATE.format(programme.no_base)
    if np.isnan(programme.target):
        return row | {"because": NO_RATE.format(programme.no_base)}
    deadline = None if programme.deadline is None else pd.Timestamp(programme.deadline)
    late = deadline is not None and on > deadline
    row["state"] = "atteint" if value >= programme.target else "échéance passée" if late else "en cours"
    if programme.baseline is not None:
        way = programme.target - programme.baseline
        sides = {"": value, "_lower": seen["lower"], "_upper": seen["upper"]}
        row |= {f"share_of_way{side}": (at - programme.baseline) / way for side, at in sides.items()}
    gap = programme.target - value
    if gap <= 0:
        return row | {"because": because}
    left = None if deadline is None else _years(on, deadline)
    far = gap / pace if pace and pace > 0 else np.inf
    met = on + pd.Timedelta(days=round(far * DAYS_A_YEAR)) if far < _FARTHEST_YEARS else None
    no_pace = "une seule observation" if pace is None else "le rythme observé n'y mène pas"
    undated = "" if met is not None else f"pas de date : {no_pace}"
    needed = gap / left if left is not None and left > 0 else None
    return row | {"pace_needed": needed, "met_on": met, "because": " ; ".join(filter(None, (because, undated)))}


def _years(start: pd.Timestamp, end: pd.Timestamp) -> float:
    return float((end - start).days / DAYS_A_YEAR)


_FARTHEST_YEARS = 200
