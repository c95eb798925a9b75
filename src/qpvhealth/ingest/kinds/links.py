"""Confirmed identities: which number became which, one row a pair. Only what is in such a file changes the accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.contract.change_tables import LINK_KINDS
from qpvhealth.errors import InputError
from qpvhealth.ingest import cleaning, corrections, layouts
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction

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
OWN_IDENTIFIER = r"[^:]+:.+"
KINDS_FR = {"renumérotation": "renumbered", "renuméroté": "renumbered", "fusion": "merged", "scission": "split"}
COLUMNS = ["finess_et_from", "finess_et_to", "kind", "from_year", "to_year", "reason", "source_id"]


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read confirmed identities: ``finess_et_from``, ``finess_et_to``, ``kind``, ``from_year``, ``to_year``, ``reason``.

    A number is a FINESS ET number or an extract's own identifier prefixed by its source id. Years are the last vintage of the
    first number and the first of the second, empty for any. Without a kind, it is a renumbering. Raises InputError for a
    renumbering that gives one number two successors, or a number linked to itself.
    """
    raw = tables.read(card)
    layouts.choose(raw, card, (LAYOUT,))
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, LAYOUT), known, card.id, "finess_et_from")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    numbers = {side: _numbers(text[f"finess_et_{side}"], sieve) for side in ("from", "to")}
    kind = cleaning.coded(
        text["kind"].fillna("renumbered"),
        {**{k: k for k in LINK_KINDS}, **KINDS_FR, **(card.words("kind") or {})},
        column="kind",
        where=f"{raw.place()}: card {card.id}",
    )
    years = {side: _years(text[f"{side}_year"], sieve) for side in ("from", "to")}
    told = {"finess_et_from": numbers["from"], "finess_et_to": numbers["to"], "kind": kind, "reason": text["reason"]}
    frame = pd.DataFrame({**told, "from_year": years["from"], "to_year": years["to"]})
    staged = sieve.staged(frame, frame.duplicated().to_numpy())
    _refuse_contradictions(staged.frame, str(raw.place()))
    return staged


def none() -> pd.DataFrame:
    """Return an empty frame of links."""
    kinds = {c: "Int64" if c.endswith("_year") else "str" for c in COLUMNS}
    return pd.DataFrame({c: pd.Series(dtype=kind) for c, kind in kinds.items()})


def _numbers(text: pd.Series, sieve: Sieve) -> pd.Series:
    own = text.str.fullmatch(OWN_IDENTIFIER).fillna(value=False).astype(bool)
    values, bad, _ = cleaning.finess(text.where(~own))
    sieve.reject(text.isna(), "identifier-missing", "a link needs two numbers")
    sieve.reject(bad, "finess-invalid", 'FINESS number "{}" (nine characters expected)', text)
    return values.where(~own, text).astype("str")


def _years(text: pd.Series, sieve: Sieve) -> pd.Series:
    bad = text.notna() & ~text.str.fullmatch(r"\d{4}").fillna(value=False).astype(bool)
    sieve.reject(bad, "value-unreadable", 'year "{}" (four digits expected)', text)
    return pd.to_numeric(text.where(~bad)).astype("Int64")


def _refuse_contradictions(frame: pd.DataFrame, where: str) -> None:
    itself = frame[frame["finess_et_from"] == frame["finess_et_to"]]
    moved = frame[frame["kind"] == "renumbered"]
    twice = moved[moved.duplicated(["finess_et_from", "from_year"], keep=False)]
    if len(itself):
        raise InputError(f"{where}: a number is linked to itself: {', '.join(itself['finess_et_from'].head(10))}")
    if len(twice):
        raise InputError(
            f'{where}: one number, two successors: {", ".join(twice["finess_et_from"].unique()[:10])}; write "split"'
        )
