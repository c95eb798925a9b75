"""Confirmed identities: which number became which, one row a pair. Only what is in such a file changes the accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.contract.tables import LINK_KINDS
from qpvhealth.errors import InputError
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Coded, Kind
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.staging import stage

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.staging import Sieve, Staged

LAYOUT = Layout(
    "links",
    (
        Field("finess_et_from", ("finess_from", "ancien_finess", "finess_et_avant"), required=True),
        Field("finess_et_to", ("finess_to", "nouveau_finess", "finess_et_apres"), required=True),
        Field("kind", ("nature", "type")),
        Field("from_year", ("annee_avant", "dernier_millesime")),
        Field("to_year", ("annee_apres", "premier_millesime")),
        Field("reason", ("motif", "commentaire")),
    ),
)
KINDS_FR = {"renumérotation": "renumbered", "renuméroté": "renumbered", "fusion": "merged", "scission": "split"}
KIND = Kind(
    "links",
    fr="Identités confirmées : quel numéro FINESS en est devenu un autre",
    en="Confirmed identities: which FINESS number became which",
    layouts=(LAYOUT,),
    coded={"kind": Coded(LINK_KINDS, {**{k: k for k in LINK_KINDS}, **KINDS_FR})},
    example='kind = "links"\npath = "links.csv"',
)
COLUMNS = ["finess_et_from", "finess_et_to", "kind", "from_year", "to_year", "reason", "source_id"]


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read confirmed identities: ``finess_et_from``, ``finess_et_to``, ``kind``, ``from_year``, ``to_year``, ``reason``.

    A number is a FINESS ET number or an extract's own identifier prefixed by its source id. Years are the last vintage of the
    first number and the first of the second, empty for any. Without a kind, it is a renumbering. Raises InputError for a
    renumbering that gives one number two successors, or a number linked to itself.
    """
    staged = stage(card, corrections, (LAYOUT,), _clean, compare_by="finess_et_from")
    frame, where = staged.frame, card.path.name
    itself = frame.loc[frame["finess_et_from"] == frame["finess_et_to"], "finess_et_from"]
    if len(itself):
        raise InputError(f"{where}: a number is linked to itself: {', '.join(itself.head(10))}")
    moved = frame[frame["kind"] == "renumbered"]
    twice = moved.loc[moved.duplicated(["finess_et_from", "from_year"], keep=False), "finess_et_from"].unique()
    if len(twice):
        raise InputError(f'{where}: one number, two successors: {", ".join(twice[:10])}; write "split"')
    return staged


def none() -> pd.DataFrame:
    """Return an empty frame of links."""
    return pd.DataFrame({c: pd.Series(dtype="Int64" if c.endswith("_year") else "str") for c in COLUMNS})


def _clean(sieve: Sieve) -> pd.DataFrame:
    columns = {c: sieve.structures(c) for c in ("finess_et_from", "finess_et_to")}
    columns["kind"] = sieve.coded("kind", KIND.coded["kind"]).fillna("renumbered")
    columns["reason"] = sieve.text["reason"]
    for column in ("from_year", "to_year"):
        years = sieve.text[column]
        bad = years.notna() & ~cleaning.matches(years, r"\d{4}")
        sieve.reject(bad, "value-unreadable", 'year "{}" (four digits expected)', years)
        columns[column] = pd.to_numeric(years.where(~bad)).astype("Int64")
    return pd.DataFrame(columns)
