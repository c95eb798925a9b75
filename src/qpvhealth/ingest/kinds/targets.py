"""Targets of programmes given in the raw folder, beside those of the facts: base, target, deadline, perimeter and source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.published import PERIMETER_SETS
from qpvhealth.ingest import cleaning, corrections, layouts
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction

_REQUIRED = ("id", "label", "measure", "scope", "target", "source")
_OPTIONAL = ("near", "perimeter", "baseline", "baseline_on", "deadline", "deadline_said", "no_base", "note")
LAYOUT = Layout(
    "programme-targets",
    (*(Field(n, (), required=True) for n in _REQUIRED), *(Field(n, ()) for n in _OPTIONAL)),
)
COLUMNS = [
    *("id", "label", "measure", "scope", "near", "perimeter", "baseline", "baseline_on", "target", "deadline"),
    *("deadline_said", "source", "no_base", "note", "source_id", "source_row"),
]
NO_BASE = "la base n'est pas donnée"


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read one file of targets: one row per programme. A target without value, or with a perimeter not known, is rejected."""
    raw = tables.read(card)
    layouts.choose(raw, card, (LAYOUT,))
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, LAYOUT), known, card.id, "id")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    for name in _REQUIRED:
        sieve.reject(text[name].isna(), "value-missing", f"no {name}")
    target, base = cleaning.numbers(text["target"])[0], cleaning.numbers(text["baseline"])[0]
    sieve.reject(target.bad | target.typed.isna() | base.bad, "value-unreadable", "target or baseline is no number")
    baseline_on, deadline = cleaning.dates(text["baseline_on"]), cleaning.dates(text["deadline"])
    sieve.reject(baseline_on.bad | deadline.bad, "value-unreadable", "date of the baseline or deadline cannot be read")
    perimeter = text["perimeter"].fillna("in_force")
    unknown = ~(perimeter.isin(PERIMETER_SETS) | perimeter.str.startswith("all_"))
    expected = f'perimeter "{{}}" ({", ".join(PERIMETER_SETS)}, or all_<generation>)'
    sieve.reject(unknown, "value-unreadable", expected, perimeter)
    typed = {
        "target": target.typed,
        "baseline": base.typed,
        "baseline_on": baseline_on.typed,
        "deadline": deadline.typed,
    }
    none = pd.Series(np.where(base.typed.isna(), NO_BASE, ""), index=text.index, dtype="str")
    told = {"near": text["near"].fillna("inside"), "perimeter": perimeter, "no_base": text["no_base"].fillna(none)}
    return sieve.staged(text.assign(**typed, **told))


def combine(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the files together. Raises UsageError for a programme given twice."""
    if not frames:
        kinds = {"baseline": "float64", "target": "float64", "source_row": "int64"}
        days = {"baseline_on": "datetime64[s]", "deadline": "datetime64[s]"}
        return pd.DataFrame({c: pd.Series(dtype=(kinds | days).get(c, "str")) for c in COLUMNS})
    whole = pd.concat(frames, ignore_index=True)
    if (twice := whole["id"][whole["id"].duplicated()]).size:
        raise UsageError(f"targets: given twice: {', '.join(twice)}")
    return whole[COLUMNS]
