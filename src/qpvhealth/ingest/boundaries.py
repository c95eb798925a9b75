"""Outlines of communes, départements and regions, and the table of communes (COG) with their EPCI."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.ingest import cleaning, layouts, tables
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.staged import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.raw import RawTable

OUTLINES = Layout(
    "outlines",
    (
        Field(
            "area_code",
            ("code", "insee", "insee_com", "insee_dep", "insee_reg", "codgeo", "com", "dep", "reg", "code_insee"),
            required=True,
        ),
        Field("label", ("nom", "libelle", "name", "nom_com", "nom_dep", "nom_reg", "libgeo")),
    ),
)
COMMUNES = Layout(
    "cog",
    (
        Field("area_code", ("COM", "code", "codgeo", "code_insee", "insee", "DEP", "REG"), required=True),
        Field("label", ("LIBELLE", "nom", "libgeo")),
        Field("kind", ("TYPECOM",)),
        Field("department_code", ("code_departement", "DEP")),
        Field("region_code", ("code_region", "REG")),
        Field("epci_code", ("EPCI", "siren_epci", "code_epci")),
        Field("epci_label", ("lib_epci", "nom_epci", "LIBEPCI")),
    ),
)
COUNTED_KINDS = ("COM", "ARM")
_LEVEL_HEADERS = {"commune": "COM", "department": "DEP", "region": "REG"}


def read(card: Card) -> Staged:
    """Read outlines (``geometry``, ``crs``) or a table of communes without geometry, one row per area code.

    In a COG table only communes and arrondissements (TYPECOM COM, ARM) are in scope. Raises InputError for outlines without
    coordinate system.
    """
    raw = tables.read(card)
    return _outlines(raw, card) if raw.geometry is not None else _table(raw, card)


def _outlines(raw: RawTable, card: Card) -> Staged:
    sieve = Sieve(raw, card.id)
    text = layouts.renamed(raw, card, OUTLINES)
    crs = card.get("crs") or raw.crs
    if crs is None:
        raise InputError(f'{raw.place()}: no coordinate system; write crs = "EPSG:…" in card {card.id}')
    sieve.reject(text["area_code"].isna(), "value-missing", "no area code")
    frame = pd.DataFrame(
        {"level": card["level"], "area_code": _codes(text["area_code"], card["level"]), "label": text["label"]}
    )
    frame["crs"], frame["geometry"] = str(crs), raw.geometry
    absent = pd.Series([g is None or g.is_empty for g in frame["geometry"]], index=frame.index)
    sieve.reject(absent, "geometry-missing", "no outline")
    return sieve.staged(frame)


def _table(raw: RawTable, card: Card) -> Staged:
    sieve = Sieve(raw, card.id)
    level_header = _LEVEL_HEADERS[card["level"]]
    named = {"area_code": level_header} if level_header in raw.frame.columns else {}
    text = layouts.renamed(raw, _with_columns(card, named), COMMUNES)
    if text["kind"].notna().any():
        sieve.leave_out(~text["kind"].isin(COUNTED_KINDS), text["kind"].fillna("no TYPECOM"))
    sieve.reject(text["area_code"].isna(), "value-missing", "no area code")
    frame = text[["label", "department_code", "region_code", "epci_code", "epci_label"]].assign(level=card["level"])
    frame["area_code"] = _codes(text["area_code"], card["level"])
    return sieve.staged(frame, sieve.keep & frame.duplicated().to_numpy())


def _with_columns(card: Card, named: dict[str, str]) -> Card:
    return type(card)(card.id, card.kind, card.path, card.given_path, card.options, named | card.columns, card.values)


def _codes(text: pd.Series, level: str) -> pd.Series:
    if level == "commune":
        return cleaning.communes(text).values.fillna(text.str.strip())
    return text.str.strip().str.upper().str.zfill(2)
