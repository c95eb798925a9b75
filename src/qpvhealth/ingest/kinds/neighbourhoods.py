"""QPV polygons of one generation: any vector file, column names of both generations in any case, to one staged table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.generations import CODE_PATTERNS
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.layouts import has_insee_codes
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import PROVENANCE, Card, Correction, Sieve, Staged, stage

if TYPE_CHECKING:
    from qpvhealth.ingest.readers.raw import RawTable

ID = "id"
"""The column in which GDAL gives the ids of the features of a GeoJSON."""
NO_COMMUNE = frozenset({"NA", "N/A", "ND"})
_POLYGONAL = [
    int(t)
    for t in (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON, shapely.GeometryType.GEOMETRYCOLLECTION)
]
_POINTS = [int(shapely.GeometryType.POINT), int(shapely.GeometryType.MULTIPOINT)]
KIND = Kind(
    "neighbourhoods",
    "neighbourhoods",
    lambda raw, layout: raw.geometry is not None and not has_insee_codes(raw, layout, "qpv_code"),
)
_CODE = ["qpv_code", "generation"]


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read the polygons of one file: code, name, communes, geometry as read and its coordinate system.

    A QPV without polygon among others keeps its row, its geometry null: it counts, and what covers it is unknown.

    Raises InputError without a coordinate system, without geometry, for a layer of points or lines, or when one code has two different
    polygons; UsageError when the codes are those of another generation, or the card asks for codes that are not there.
    """
    raw = tables.read_vector(card)
    staged = stage(_with_code_column(card, raw), corrections, KIND, _clean, compare_by="qpv_code", raw=raw)
    refuse_conflicts(staged.frame, raw.file)
    return staged


def _with_code_column(card: Card, raw: RawTable) -> Card:
    """Take the codes from the ids of the features where no column has them: an id counts only where every one is an official code."""
    (layout,) = KIND.layouts
    if "qpv_code" in card.columns or ID not in raw.frame or not layout.missing(list(raw.frame.columns), truncated=True):
        return card
    official = "|".join(dict.fromkeys(CODE_PATTERNS.values()))
    are_codes = raw.frame[ID].str.strip().str.upper().str.fullmatch(official).fillna(value=False)
    return replace(card, columns={**card.columns, "qpv_code": ID}) if are_codes.all() else card


def _clean(sieve: Sieve) -> pd.DataFrame:
    text, card, shapes = sieve.text, sieve.card, sieve.raw.geometry
    if shapes is None:
        raise InputError(f"{sieve.raw.place()}: no geometry; a neighbourhoods file holds polygons")
    frame = pd.DataFrame({"generation": pd.Series(card["generation"], index=text.index, dtype="str")})
    frame = frame.assign(name=text["name"], commune_codes=_communes(sieve), commune_names=text["commune_names"])
    frame["epci_codes"] = cleaning.translated(
        text["epci_codes"], lambda cell: _joined([c for c in cleaning.listed(cell) if c.isascii() and c.isdigit()])
    )
    frame["crs"] = pd.Series(sieve.crs(), index=frame.index, dtype="str")
    frame["geometry"] = shapes
    if (wanted := card.get("codes")) is not None:
        codes = text["qpv_code"].str.strip().str.upper()
        if absent := sorted(set(wanted) - set(codes.dropna())):
            raise UsageError(f"{sieve.raw.place()}: no QPV {', '.join(absent[:10])}; correct codes in card {card.id}")
        sieve.leave_out(~codes.isin(wanted), "not among the codes of the card")
    frame.insert(0, "qpv_code", sieve.qpv_codes())
    types = shapely.get_type_id(shapes)
    bare = (types < 0) | shapely.is_empty(shapes)
    other = ~bare & ~np.isin(types, _POLYGONAL)
    if other.any() and (bare | other).all():
        what = "points" if np.isin(types[other], _POINTS).all() else "lines"
        raise InputError(
            f"{sieve.raw.place()}: {what}, no polygon: a card of kind neighbourhoods names the outlines of the QPV; "
            "give the layer or the file of polygons (layer = in the card)"
        )
    sieve.reject(other, "geometry-missing", "a point or a line, not a polygon")
    frame["geometry"] = np.array([None if b else s for b, s in zip(bare, shapes, strict=True)], dtype=object)
    if (sieve.keep & bare).all():
        sieve.reject(bare, "geometry-missing", "no polygon")
    return frame


def _communes(sieve: Sieve) -> pd.Series:
    """Return the commune codes of each cell, comma-separated; what cannot be a code is left out and reported."""
    text = sieve.text["commune_codes"]
    listed = {
        cell: [c for c in cleaning.listed(cell) if c.upper() not in NO_COMMUNE] for cell in text.dropna().unique()
    }
    written = pd.Series([*dict.fromkeys(code for codes in listed.values() for code in codes)], dtype="str")
    typed, bad, repaired = cleaning.communes(written)
    for rule, mask, message in (
        ("commune-zeros-restored", repaired, "four digits read as five"),
        ("commune-invalid", bad, "commune code left out"),
    ):
        wrong = set(written[mask])
        concerned = {cell for cell, codes in listed.items() if not wrong.isdisjoint(codes)}
        sieve.warn_at(rule, text.isin(concerned), text, message)
    right = dict(zip(written[~bad], typed[~bad], strict=True))
    return cleaning.translated(text, lambda cell: _joined([right[c] for c in listed[cell] if c in right]))


def _joined(codes: list[str]) -> str | None:
    """Join codes, once each, in their order; null where there is none."""
    return ",".join(dict.fromkeys(codes)) or None


def refuse_conflicts(frame: pd.DataFrame, where: str) -> None:
    """Raise InputError when a code stands for two polygons that are not identical."""
    several = frame[frame.duplicated(_CODE, keep=False)]
    if several.empty:
        return
    lines = [
        f"{where}: {code} has two different polygons or names, rows {', '.join(map(str, rows['source_row']))}"
        for (code, _), rows in list(several.groupby(_CODE))[:20]
    ]
    raise InputError("\n".join([*lines, "keep one file, or name in `codes` of a card which QPV it should give"]))


def combine(frames: list[pd.DataFrame]) -> tuple[pd.DataFrame, dict[str, int], dict[str, int]]:
    """Put the files of all generations together; identical polygons in two files count once.

    Returns the frame, the number of duplicates per source, and of polygons without area that gave way to a usable one of
    another card. Raises InputError when two files give one code two different polygons.
    """
    frame = pd.concat(frames, ignore_index=True)
    twice = frame[frame.duplicated(_CODE, keep=False)]
    shapes = twice["geometry"].to_numpy(dtype=object)
    area = pd.Series(shapely.area(shapes), index=twice.index).fillna(0)
    largest = area.groupby([twice[c] for c in _CODE]).transform("max")
    again = twice.assign(geometry=shapely.to_wkb(shapes)).drop(columns=PROVENANCE).duplicated()
    gives_way = ~again & (area == 0) & (largest > 0)
    duplicates, replaced = (
        twice.loc[mask, "source_id"].value_counts().astype(int).to_dict() for mask in (again, gives_way)
    )
    whole = frame.drop(twice.index[again | gives_way]).reset_index(drop=True)
    refuse_conflicts(whole, "neighbourhoods")
    return whole, duplicates, replaced
