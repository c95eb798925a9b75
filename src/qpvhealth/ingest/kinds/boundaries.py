"""Outlines of communes, départements and regions, and the table of communes (COG) with their EPCI."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import shapely

from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.layouts import has_insee_codes, mapped_columns
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

if TYPE_CHECKING:
    from qpvhealth.ingest.layouts import Layout
    from qpvhealth.ingest.readers.raw import RawTable

COUNTED_KINDS = ("COM", "ARM")


def _recognises(raw: RawTable, layout: Layout) -> bool:
    """Outlines have a shape and INSEE codes; a table of communes says of which kind they are, or in which areas they lie."""
    if raw.geometry is not None:
        return layout.name == OUTLINES and has_insee_codes(raw, layout, "area_code")
    columns = mapped_columns(raw, layout)
    return layout.name == COMMUNES and not columns.isdisjoint({"kind", "department_code", "epci_code"})


KIND = Kind("boundaries", "boundaries", _recognises)
OUTLINES, COMMUNES = "outlines", "cog"


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read outlines (``geometry``, ``crs``) or a table of communes without geometry, one row per area code.

    In a COG table only communes and arrondissements (TYPECOM COM, ARM) are in scope. Raises InputError for outlines without
    coordinate system.
    """
    raw = tables.read(card)
    name, level = COMMUNES if raw.geometry is None else OUTLINES, card["level"]
    layout = next(layout for layout in KIND.layouts if layout.name == name)
    # the area codes are those of one level, which no other column has then
    codes = {"area_code": tuple(KIND.expanded(("*any", f"*{level}"))), f"{level}_code": ()}
    layout = replace(layout, fields=tuple(replace(f, aliases=codes.get(f.name, f.aliases)) for f in layout.fields))
    if raw.geometry is None:
        return stage(card, corrections, KIND, _table, layouts=(layout,), raw=raw, compare_by="area_code")
    return stage(card, corrections, KIND, _outlines, layouts=(layout,), raw=raw)


def _outlines(sieve: Sieve) -> pd.DataFrame:
    frame = pd.DataFrame({"level": sieve.card["level"], "area_code": _codes(sieve), "label": sieve.text["label"]})
    frame["population"] = sieve.numbers("population")
    frame["crs"] = pd.Series(sieve.crs(), index=frame.index, dtype="str")
    frame["geometry"] = sieve.raw.geometry
    absent = shapely.is_missing(sieve.raw.geometry) | shapely.is_empty(sieve.raw.geometry)
    sieve.reject(absent, "geometry-missing", "no outline")
    return frame


def _table(sieve: Sieve) -> pd.DataFrame:
    text = sieve.text
    if text["kind"].notna().any():
        sieve.leave_out(~text["kind"].isin(COUNTED_KINDS), text["kind"].fillna("no TYPECOM"))
    counted = text.drop(columns="kind").assign(population=sieve.numbers("population"))
    return counted.assign(level=sieve.card["level"], area_code=_codes(sieve))


def _codes(sieve: Sieve) -> pd.Series:
    """Return the codes of a level, lost zeros restored; a row without one is rejected."""
    cells = cleaning.whole(sieve.text["area_code"])
    sieve.reject(cells.isna(), "value-missing", "no area code")
    if sieve.card["level"] == "commune":
        return sieve.communes("area_code").fillna(cells)
    return cells.str.upper().str.zfill(2)
