"""Outlines of communes, départements and regions, and the table of communes (COG) with their EPCI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import shapely

from qpvhealth.ingest import cleaning, layouts, systems
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Sieve

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.readers.raw import RawTable
    from qpvhealth.ingest.staging import Staged

_CODES: dict[str, tuple[str, ...]] = {
    "commune": ("insee_com", "com", "codgeo", "depcom", "code_commune"),
    "department": ("insee_dep", "dep", "code_dept", "code_departement"),
    "region": ("insee_reg", "reg", "code_region"),
}
_ANY_CODE = ("code", "insee", "code_insee")
_LABELS = ("nom", "libelle", "name", "nom_com", "nom_dep", "nom_reg", "nom_officiel", "libgeo")


def outlines_layout(*levels: str) -> Layout:
    """Return the layout of outlines of these levels: a file of communes also holds the codes of what they lie in."""
    codes = (*_ANY_CODE, *(c for level in levels for c in _CODES[level]))
    return Layout("outlines", (Field("area_code", codes, required=True), Field("label", _LABELS)))


def table_layout(*levels: str) -> Layout:
    """Return the layout of a table of areas of these levels (COG), without geometry."""
    codes = (*_ANY_CODE, *(c for level in levels for c in _CODES[level]))
    above = {
        "department_code": () if "department" in levels else ("code_departement", "dep"),
        "region_code": () if "region" in levels else ("code_region", "reg"),
        "epci_code": ("EPCI", "siren_epci", "code_epci"),
        "epci_label": ("lib_epci", "nom_epci", "LIBEPCI"),
    }
    return Layout(
        "cog",
        (
            Field("area_code", codes, required=True),
            Field("label", ("libelle", "nom", "libgeo")),
            Field("kind", ("typecom",)),
            *(Field(name, aliases) for name, aliases in above.items()),
        ),
    )


OUTLINES = outlines_layout(*_CODES)
COMMUNES = table_layout("commune")
COUNTED_KINDS = ("COM", "ARM")


def read(card: Card) -> Staged:
    """Read outlines (``geometry``, ``crs``) or a table of communes without geometry, one row per area code.

    In a COG table only communes and arrondissements (TYPECOM COM, ARM) are in scope. Raises InputError for outlines without
    coordinate system.
    """
    raw = tables.read(card)
    return _outlines(raw, card) if raw.geometry is not None else _table(raw, card)


def _outlines(raw: RawTable, card: Card) -> Staged:
    sieve = Sieve(raw, card.id)
    text = layouts.renamed(raw, card, outlines_layout(card["level"]))
    crs = systems.of_layer(raw, card, sieve)
    frame = pd.DataFrame({"level": card["level"], "area_code": _codes(text, card, sieve), "label": text["label"]})
    frame["crs"], frame["geometry"] = pd.Series(crs, index=frame.index, dtype="str"), raw.geometry
    absent = shapely.is_missing(raw.geometry) | shapely.is_empty(raw.geometry)
    sieve.reject(absent, "geometry-missing", "no outline")
    return sieve.staged(frame)


def _table(raw: RawTable, card: Card) -> Staged:
    sieve = Sieve(raw, card.id)
    text = layouts.renamed(raw, card, table_layout(card["level"]))
    if text["kind"].notna().any():
        sieve.leave_out(~text["kind"].isin(COUNTED_KINDS), text["kind"].fillna("no TYPECOM"))
    frame = text[["label", "department_code", "region_code", "epci_code", "epci_label"]].assign(level=card["level"])
    frame["area_code"] = _codes(text, card, sieve)
    return sieve.staged(frame, sieve.repeats(frame, "area_code"))


def _codes(text: pd.DataFrame, card: Card, sieve: Sieve) -> pd.Series:
    """Return the codes of a level, lost zeros restored; a row without one is rejected."""
    given = text["area_code"]
    sieve.reject(given.isna(), "value-missing", "no area code")
    if card["level"] == "commune":
        codes = cleaning.communes(given)
        sieve.warn_at("commune-zeros-restored", codes.repaired, given, "four digits read as five")
        return codes.typed.fillna(given.str.strip())
    return given.str.strip().str.upper().str.zfill(2)
