"""Answers of the national address geocoder: one point per structure, with what the service says of its quality.

Contract: data.geopf.fr, POST /geocodage/search/csv; columns are taken by name, rows by identifier, never by position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.facts.situations import CENTROID, LOCATED, MISSING, UNKNOWN
from qpvhealth.ingest import cleaning, corrections, layouts
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction

LAYOUT = Layout(
    "geocoder-answer",
    (
        Field("finess_et", ("finess", "nofinesset", "id", "identifiant"), required=True),
        Field("longitude", ("lon", "result_longitude"), required=True),
        Field("latitude", ("lat", "result_latitude"), required=True),
        Field("result_score", (), required=True),
        Field("result_type", (), required=True),
        Field("result_status", ()),
        Field("result_citycode", ()),
    ),
)
OK_STATUS = "ok"
USABLE_TYPES = ("housenumber", "street")
WGS84 = "EPSG:4326"


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read one answer: the point of each structure, its precision, score, and the commune that the service found.

    A point of type locality or municipality, or without score, stands for a commune and never decides; a status that is not
    ok gives no point. Rows without identifier are rejected, and both of two rows that answer differently for one.
    """
    raw = tables.read(card)
    layouts.choose(raw, card, (LAYOUT,))
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, LAYOUT), known, card.id, "finess_et")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    codes = _identifiers(text["finess_et"], sieve)
    frame = _points(text, codes, sieve).assign(year=card["year"])
    repeated = sieve.repeats(frame, "finess_et")
    twice = codes[~repeated].duplicated(keep=False).reindex(codes.index, fill_value=False)
    sieve.reject(twice, "geocoder-answer-unusable", "two answers for one identifier; none was chosen")
    return sieve.staged(frame, repeated)


def _identifiers(text: pd.Series, sieve: Sieve) -> pd.Series:
    numbers = cleaning.finess(text)
    own = text.where(cleaning.matches(text, cleaning.OWN_IDENTIFIER))
    codes = numbers.typed.fillna(own)
    unusable = 'identifier "{}" (a FINESS number, or source:identifier)'
    sieve.reject(codes.isna(), "geocoder-answer-unusable", unusable, text)
    sieve.warn_at("finess-zeros-restored", numbers.repaired, text, "eight digits read as nine")
    return codes.astype("str")


def _points(text: pd.DataFrame, codes: pd.Series, sieve: Sieve) -> pd.DataFrame:
    values = {c: _number(text[c], sieve) for c in ("longitude", "latitude", "result_score")}
    kind = text["result_type"].str.strip().str.casefold()
    status = text["result_status"].str.strip().str.casefold().fillna(OK_STATUS)
    there = values["longitude"].notna() & values["latitude"].notna() & (status == OK_STATUS)
    usable = kind.isin(USABLE_TYPES) & values["result_score"].notna()
    frame = pd.DataFrame(
        {"finess_et": codes, "x": values["longitude"].where(there), "y": values["latitude"].where(there)}
    )
    frame["crs"] = pd.Series(WGS84, index=codes.index, dtype="str").where(there)
    frame["location_status"] = np.where(~there, MISSING, np.where(usable, LOCATED, CENTROID))
    known = (*USABLE_TYPES, "locality", "municipality")
    frame["location_precision"] = kind.where(kind.isin(known), UNKNOWN)
    frame["location_score"] = values["result_score"]
    frame["commune_found"] = cleaning.communes(text["result_citycode"]).typed
    return frame.astype({"location_status": "str", "location_precision": "str"})


def _number(text: pd.Series, sieve: Sieve) -> pd.Series:
    (values, bad, _), _ = cleaning.numbers(text)
    sieve.warn_at("number-unreadable", bad, text, f"{text.name} taken as unknown")
    return values
