"""Outlines of communes, départements and regions, and the table of communes (COG) with their EPCI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import shapely

from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.layouts import Field, Layout, has_insee_codes, mapped_columns
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import stage

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.readers.raw import RawTable
    from qpvhealth.ingest.staging import Sieve, Staged

_CODES: dict[str, tuple[str, ...]] = {
    "commune": ("insee_com", "com", "codgeo", "depcom", "code_commune"),
    "department": ("insee_dep", "dep", "code_dept", "code_departement"),
    "region": ("insee_reg", "reg", "code_region"),
}
_ANY_CODE = ("code", "insee", "code_insee")
_LABELS = ("nom", "libelle", "name", "nom_com", "nom_dep", "nom_reg", "nom_officiel", "libgeo")
COUNTED_KINDS = ("COM", "ARM")


def outlines_layout(*levels: str) -> Layout:
    """Return the layout of outlines of these levels: a file of communes also holds the codes of what they lie in."""
    codes = (*_ANY_CODE, *(c for level in levels for c in _CODES[level]))
    return Layout("outlines", (Field("area_code", codes, required=True), Field("label", _LABELS)))


def table_layout(*levels: str) -> Layout:
    """Return the layout of a table of areas of these levels (COG), without geometry."""
    codes = (*_ANY_CODE, *(c for level in levels for c in _CODES[level]))
    return Layout(
        "cog",
        (
            Field("area_code", codes, required=True),
            Field("label", ("libelle", "nom", "libgeo")),
            Field("kind", ("typecom",)),
            Field("department_code", () if "department" in levels else ("code_departement", "dep")),
            Field("region_code", () if "region" in levels else ("code_region", "reg")),
            Field("epci_code", ("EPCI", "siren_epci", "code_epci")),
            Field("epci_label", ("lib_epci", "nom_epci", "LIBEPCI")),
        ),
    )


OUTLINES = outlines_layout(*_CODES)
COMMUNES = table_layout("commune")


def _recognises(raw: RawTable, layout: Layout) -> bool:
    """Outlines have a shape and INSEE codes; a table of communes says of which kind they are, or in which areas they lie."""
    if raw.geometry is not None:
        return layout is OUTLINES and has_insee_codes(raw, layout, "area_code")
    columns = mapped_columns(raw, layout)
    return layout is COMMUNES and not columns.isdisjoint({"kind", "department_code", "epci_code"})


KIND = Kind(
    "boundaries",
    fr="Contours de communes, de départements ou de régions, ou table des communes (COG)",
    en="Outlines of communes, départements or regions, or the table of communes (COG)",
    layouts=(OUTLINES, COMMUNES),
    keys={"level": str, "year": int, "crs": str},
    required=("level", "year"),
    choices={"level": tuple(_CODES)},
    recognises=_recognises,
    example='kind = "boundaries"\npath = "boundaries/communes.csv"\nlevel = "commune"\nyear = 2024',
)


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read outlines (``geometry``, ``crs``) or a table of communes without geometry, one row per area code.

    In a COG table only communes and arrondissements (TYPECOM COM, ARM) are in scope. Raises InputError for outlines without
    coordinate system.
    """
    raw = tables.read(card)
    if raw.geometry is not None:
        return stage(card, corrections, (outlines_layout(card["level"]),), _outlines, raw=raw)
    return stage(card, corrections, (table_layout(card["level"]),), _table, raw=raw, compare_by="area_code")


def _outlines(sieve: Sieve) -> pd.DataFrame:
    frame = pd.DataFrame({"level": sieve.card["level"], "area_code": _codes(sieve), "label": sieve.text["label"]})
    frame["crs"] = pd.Series(sieve.crs(), index=frame.index, dtype="str")
    frame["geometry"] = sieve.raw.geometry
    absent = shapely.is_missing(sieve.raw.geometry) | shapely.is_empty(sieve.raw.geometry)
    sieve.reject(absent, "geometry-missing", "no outline")
    return frame


def _table(sieve: Sieve) -> pd.DataFrame:
    text = sieve.text
    if text["kind"].notna().any():
        sieve.leave_out(~text["kind"].isin(COUNTED_KINDS), text["kind"].fillna("no TYPECOM"))
    return text.drop(columns="kind").assign(level=sieve.card["level"], area_code=_codes(sieve))


def _codes(sieve: Sieve) -> pd.Series:
    """Return the codes of a level, lost zeros restored; a row without one is rejected."""
    cells = sieve.text["area_code"].str.strip()
    sieve.reject(cells.isna(), "value-missing", "no area code")
    if sieve.card["level"] == "commune":
        return sieve.communes("area_code").fillna(cells)
    return cells.str.upper().str.zfill(2)
