"""Confirmed identities: which number became which, one row a pair. Only what is in such a file changes the accounts."""

from __future__ import annotations

import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

KIND = Kind("links", "links", lambda *_: True)


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read confirmed identities: ``finess_et_from``, ``finess_et_to``, ``kind``, ``from_year``, ``to_year``, ``reason``.

    A number is a FINESS ET number or an extract's own identifier prefixed by its source id. Years are the last vintage of the
    first number and the first of the second, empty for any. Without a kind, it is a renumbering. Raises InputError for a
    renumbering that gives one number two successors, or a number linked to itself.
    """
    staged = stage(card, corrections, KIND, _clean, compare_by="finess_et_from")
    frame, where = staged.frame, card.path.name
    itself = frame.loc[frame["finess_et_from"] == frame["finess_et_to"], "finess_et_from"]
    if len(itself):
        raise InputError(f"{where}: a number is linked to itself: {', '.join(itself.head(10))}")
    moved = frame[frame["kind"] == "renumbered"]
    twice = moved.loc[moved.duplicated(["finess_et_from", "from_year"], keep=False), "finess_et_from"].unique()
    if len(twice):
        raise InputError(f'{where}: one number, two successors: {", ".join(twice[:10])}; write "split"')
    return staged


def _clean(sieve: Sieve) -> pd.DataFrame:
    columns = {c: sieve.structures(c) for c in ("finess_et_from", "finess_et_to")}
    columns["kind"] = sieve.coded("kind").fillna("renumbered")
    columns["reason"] = sieve.text["reason"]
    for column in ("from_year", "to_year"):
        years = sieve.text[column]
        bad = years.notna() & ~cleaning.matches(years, r"\d{4}")
        sieve.reject(bad, "value-unreadable", 'year "{}" (four digits expected)', years)
        columns[column] = pd.to_numeric(years.where(~bad)).astype("Int64")
    return pd.DataFrame(columns)
