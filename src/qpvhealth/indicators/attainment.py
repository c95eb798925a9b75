"""How far a programme has come: share of the way, pace needed, pace observed, date at the present pace.

Attainment = (value - base) / (target - base). No base, no rate: what is left, its pace and date need none. No target, nothing but the
value and its pace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        "n_unknown",
        "share_of_way",
        "pace_needed",
        "pace_observed",
        "met_on",
        "state",
        "because",
    ),
    *("source", "note"),
]


def attain(programmes: Sequence[Programme], observed: pd.DataFrame) -> pd.DataFrame:
    """Hold each programme against what was observed: one row per programme, origin and date; one row without where nothing was.

    ``observed``: ``programme``, ``on``, ``value``, ``n_unknown``, ``origin`` (computed or published: never mixed in a pace). Paces
    are structures a year; ``pace_observed`` runs from the observation before, else from the base. ``met_on`` is null where the
    pace does not lead there; ``because`` says what could not be computed.
    """
    rows = []
    for programme in programmes:
        mine = observed[observed["programme"] == programme.id]
        base = {k: getattr(programme, k) for k in COLUMNS if hasattr(programme, k)} | {"programme": programme.id}
        if mine.empty:
            rows.append(base | {"state": "non observé", "because": _unobserved(programme)})
        for _, part in mine.groupby("origin"):
            rows += [base | row for row in _of_origin(programme, part.sort_values("on", ignore_index=True))]
    days = dict.fromkeys(("baseline_on", "deadline", "on", "met_on"), "datetime64[s]")
    return pd.DataFrame(rows, columns=COLUMNS).astype(days)


def _unobserved(programme: Programme) -> str:
    why = "aucune valeur : ni extrait, ni chiffre publié, ni liste pour ce périmètre et ce champ"
    return f"{why} ; {programme.no_base}" if programme.no_base else why


def _of_origin(programme: Programme, mine: pd.DataFrame) -> list[dict[str, object]]:
    rows = []
    for at, seen in enumerate(mine.to_dict("records")):
        before = mine.iloc[at - 1] if at else None
        told = {"programme": programme.id, **{k: seen[k] for k in ("on", "value", "n_unknown", "origin")}}
        rows.append(told | _progress(programme, seen["value"], seen["on"], before))
    return rows


def _progress(programme: Programme, value: float, on: pd.Timestamp, before: pd.Series | None) -> dict[str, object]:
    """Measure one observation."""
    if pd.isna(value):
        return {"state": "inconnu", "because": "valeur inconnue à cette date"}
    if programme.baseline_on is not None and on < pd.Timestamp(programme.baseline_on):
        return {"state": "avant la base", "because": "observé avant la date de la base"}
    pace = _pace(programme, value, on, before)
    told: dict[str, object] = {
        "pace_observed": pace,
        "state": "sans base",
        "because": f"pas de taux : {programme.no_base}",
    }
    if np.isnan(programme.target):
        return told
    told["state"] = _state(programme, value, on)
    if programme.baseline is not None:
        told["share_of_way"] = (value - programme.baseline) / (programme.target - programme.baseline)
        told["because"] = ""
    gap = programme.target - value
    return told if gap <= 0 else told | _ahead(programme, on, gap, pace, str(told["because"]))


def _ahead(programme: Programme, on: pd.Timestamp, gap: float, pace: float | None, because: str) -> dict[str, object]:
    """Measure what is left: the pace it takes until the deadline, and when the pace observed leads there. Neither needs a base."""
    left = None if programme.deadline is None else _years(on, pd.Timestamp(programme.deadline))
    met = _after(on, gap / pace) if pace and pace > 0 else None
    undated = "" if met is not None else "pas de date : " + _no_pace(pace)
    needed = gap / left if left is not None and left > 0 else None
    return {"pace_needed": needed, "met_on": met, "because": " ; ".join(filter(None, (because, undated)))}


def _no_pace(pace: float | None) -> str:
    return "une seule observation" if pace is None else "le rythme observé n'y mène pas"


def _state(programme: Programme, value: float, on: pd.Timestamp) -> str:
    if value >= programme.target:
        return "atteint"
    late = programme.deadline is not None and on > pd.Timestamp(programme.deadline)
    return "échéance passée" if late else "en cours"


def _pace(programme: Programme, value: float, on: pd.Timestamp, before: pd.Series | None) -> float | None:
    """Return structures a year since the observation before, else since the base; null where there is neither."""
    if before is not None and not pd.isna(before["value"]):
        return float((value - before["value"]) / _years(before["on"], on))
    if programme.baseline is None or programme.baseline_on is None:
        return None
    years = _years(pd.Timestamp(programme.baseline_on), on)
    return (value - programme.baseline) / years if years > 0 else None


def _years(start: pd.Timestamp, end: pd.Timestamp) -> float:
    return float((end - start).days / DAYS_A_YEAR)


_FARTHEST_YEARS = 200


def _after(on: pd.Timestamp, years: float) -> pd.Timestamp | None:
    return on + pd.Timedelta(days=round(years * DAYS_A_YEAR)) if years < _FARTHEST_YEARS else None
