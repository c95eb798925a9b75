"""Events of communes: which code gave way to which, and when; they come on top of those of the package (``facts.commune_events``)."""

from __future__ import annotations

import pandas as pd

from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

KIND = Kind("commune_events", "commune_events", lambda *_: True)
COMMUNE = "COM"


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read events: ``code_from``, ``event_on`` (a day), ``code_to``, ``name_from``, one row an event.

    Where the file says of which kind each side is (TYPECOM), only what was and is a commune is in scope: a part of one is not, nor
    a commune that none was before (Tende in 1947).
    """
    return stage(card, corrections, KIND, _clean, compare_by="code_from")


def _clean(sieve: Sieve) -> pd.DataFrame:
    text = sieve.text
    kinds = text[["kind_from", "kind_to"]]
    sieve.leave_out((kinds.notna() & (kinds != COMMUNE)).any(axis=1), "part of a commune")
    created = text["code_from"].isna() & text["kind_from"].isna() & text["kind_to"].notna()
    sieve.leave_out(created, "a commune that none was before")
    columns = {c: sieve.communes(c) for c in ("code_from", "code_to")}
    columns["event_on"] = sieve.dates("event_on")
    for column, cells in columns.items():
        sieve.reject(cells.isna(), "value-missing", f'no usable {column}: "{{}}"', text[column])
    return pd.DataFrame(columns).assign(name_from=text["name_from"])
