"""Targets of programmes given in the raw folder, beside those of the facts: base, target, deadline, perimeter and source."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.perimeter_sets import PERIMETER_SETS
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

KIND = Kind("targets", "targets", lambda *_: True)
NO_BASE = "la base n'est pas donnée"


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read one file of targets: one row per programme. A target without value, or with a perimeter not known, is rejected."""
    return stage(card, corrections, KIND, _clean)


def _clean(sieve: Sieve) -> pd.DataFrame:
    text = sieve.text
    for name in (f.name for f in sieve.layout.fields if f.required):
        sieve.reject(text[name].isna(), "value-missing", f"no {name}")
    target, base = cleaning.numbers(text["target"])[0], cleaning.numbers(text["baseline"])[0]
    sieve.reject(target.bad | target.typed.isna() | base.bad, "value-unreadable", "target or baseline is no number")
    baseline_on, deadline = cleaning.dates(text["baseline_on"]), cleaning.dates(text["deadline"])
    sieve.reject(baseline_on.bad | deadline.bad, "value-unreadable", "date of the baseline or deadline cannot be read")
    perimeter = text["perimeter"].fillna("in_force")
    unknown = ~(perimeter.isin(PERIMETER_SETS) | perimeter.str.startswith("all_"))
    expected = f'perimeter "{{}}" ({", ".join(PERIMETER_SETS)}, or all_<generation>)'
    sieve.reject(unknown, "value-unreadable", expected, perimeter)
    no_base = pd.Series(np.where(base.typed.isna(), NO_BASE, ""), index=text.index, dtype="str")
    return text.assign(
        target=target.typed,
        baseline=base.typed,
        baseline_on=baseline_on.typed,
        deadline=deadline.typed,
        near=text["near"].fillna("inside"),
        perimeter=perimeter,
        no_base=text["no_base"].fillna(no_base),
    )


def combine(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the files together. Raises UsageError for a programme given twice."""
    whole = KIND.together(frames)
    if (twice := whole["id"][whole["id"].duplicated()]).size:
        raise UsageError(f"targets: given twice: {', '.join(twice)}")
    return whole
