"""Answers of the national address geocoder: one point per structure, with what the service says of its quality.

Contract: data.geopf.fr, POST /geocodage/search/csv; columns are taken by name, rows by identifier, never by position.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.facts.situations import CENTROID, LOCATED, MISSING, UNKNOWN
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage
from qpvhealth.ingest.systems import WGS84

KIND = Kind("geocoded", "geocoded", lambda *_: True)
OK_STATUS = "ok"
USABLE_TYPES = ("housenumber", "street")


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read one answer: the point of each structure, its precision, score, and the commune that the service found.

    A point of type locality or municipality, or without score, stands for a commune and never decides; a status that is not
    ok gives no point. Rows without identifier are rejected, and both of two rows that answer differently for one.
    """
    return stage(card, corrections, KIND, _clean, compare_by="finess_et")


def _clean(sieve: Sieve) -> pd.DataFrame:
    text = sieve.text
    finess, _, repaired = cleaning.finess(text["finess_et"])
    own = text["finess_et"].where(cleaning.matches(text["finess_et"], cleaning.OWN_IDENTIFIER))
    identifiers = finess.fillna(own).astype("str")
    unusable = 'identifier "{}" (a FINESS number, or source:identifier)'
    sieve.reject(identifiers.isna(), "geocoder-answer-unusable", unusable, text["finess_et"])
    sieve.warn_at("finess-zeros-restored", repaired, text["finess_et"], "eight digits read as nine")

    longitude, latitude, score = (sieve.numbers(c) for c in ("longitude", "latitude", "result_score"))
    status = text["result_status"].str.strip().str.casefold().fillna(OK_STATUS)
    there = longitude.notna() & latitude.notna() & (status == OK_STATUS)
    precision = text["result_type"].str.strip().str.casefold()
    usable = precision.isin(USABLE_TYPES) & score.notna()
    frame = pd.DataFrame({"finess_et": identifiers, "x": longitude.where(there), "y": latitude.where(there)})
    frame["crs"] = pd.Series(WGS84, index=frame.index, dtype="str").where(there)
    frame["location_status"] = np.where(~there, MISSING, np.where(usable, LOCATED, CENTROID))
    frame["location_precision"] = precision.where(precision.isin((*USABLE_TYPES, "locality", "municipality")), UNKNOWN)
    frame["location_score"] = score
    frame["commune_found"] = cleaning.communes(text["result_citycode"]).typed
    frame = frame.astype({"location_status": "str", "location_precision": "str"}).assign(year=sieve.card["year"])

    repeated = sieve.repeats(frame, "finess_et")
    twice = identifiers[~repeated].duplicated(keep=False).reindex(identifiers.index, fill_value=False)
    sieve.reject(twice, "geocoder-answer-unusable", "two answers for one identifier; none was chosen")
    return frame
