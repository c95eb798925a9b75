"""Already published series (Baromètre…): one row per indicator, area and date, kept as published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.ingest import cleaning, corrections, layouts
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction

_VALUES = (
    Field("indicator", ("id_indicateur", "indicateur_id", "indic_id"), required=True),
    Field("label", ("indicateur", "libelle_indicateur")),
    Field("date", ("metric_date",), required=True),
    Field("value", ("valeur", "indic_value"), required=True),
    Field("unit", ("unite",)),
)
LAYOUTS = (
    Layout("series-department", (Field("department", ("code_departement", "dep"), required=True), *_VALUES)),
    Layout("series-region", (Field("region", ("code_region", "reg"), required=True), *_VALUES)),
    Layout("series-country", (Field("country", ("maille_geographique", "maille"), required=True), *_VALUES)),
)
COUNTRY = "FR"
COLUMNS = ["name", "release", "indicator", "level", "area_code", "date", "value", "unit"]


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read one file of a series: ``name``, ``release``, ``indicator``, ``level``, ``area_code``, ``date``, ``value``, ``unit``.

    The level is that of the layout: a column of départements, regions, or neither. A row without date or value is rejected;
    nothing is filled: a row that is not there is absent, not zero. Raises UsageError when no layout fits.
    """
    raw = tables.read(card)
    layout = layouts.choose(raw, card, LAYOUTS)
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, layout), known, card.id, "indicator")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    level = layout.fields[0].name
    days, bad_days, _ = cleaning.dates(text["date"])
    (values, bad_values, _), suppressed = cleaning.numbers(text["value"])
    sieve.reject(bad_days | text["date"].isna(), "value-unreadable", 'date "{}"', text["date"])
    sieve.reject(bad_values & ~suppressed, "value-unreadable", 'value "{}"', text["value"])
    sieve.reject(text["value"].isna() | text["indicator"].isna(), "value-missing", "no value, or no indicator")
    told = {"name": card["name"], "release": card["release"], "indicator": text["indicator"], "level": level}
    area = _area(text[level], level)
    frame = pd.DataFrame({**told, "area_code": area, "date": days, "value": values, "unit": text["unit"]})
    return sieve.staged(frame, frame.duplicated().to_numpy())


def none() -> pd.DataFrame:
    """Return an empty frame of series."""
    kinds = {"date": "datetime64[s]", "value": "float64"}
    return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "str")) for c in COLUMNS})


def combine(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the files of all series together. Raises UsageError when two give one cell of one release."""
    whole = pd.concat([f[COLUMNS] for f in frames], ignore_index=True) if frames else none()
    twice = whole[whole.duplicated(["name", "release", "indicator", "level", "area_code", "date"])]
    if len(twice):
        shown = ", ".join(sorted(twice["name"] + " " + twice["release"])[:3])
        raise UsageError(f"series: two values for one indicator, area and date in {shown}; give each file its release")
    return whole


def _area(text: pd.Series, level: str) -> pd.Series:
    if level == "country":
        return pd.Series(COUNTRY, index=text.index, dtype="str")
    codes = text.str.strip().str.upper()
    codes = codes.where(~codes.str.fullmatch(r"\d").fillna(value=False).astype(bool), codes.str.zfill(2))
    return codes.fillna(NO_REGION).astype("str")
