"""The point of each structure: coordinates, the system they are in, and what the source itself says of their quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.facts.situations import CENTROID, LOCATED, MISSING
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, METROPOLE
from qpvhealth.ingest import cleaning, systems
from qpvhealth.ingest.extracts import coded
from qpvhealth.ingest.readers import finess_legacy

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.readers.raw import RawTable
    from qpvhealth.ingest.staging import Sieve

_POINT = int(shapely.GeometryType.POINT)


def with_points(text: pd.DataFrame, raw: RawTable) -> pd.DataFrame:
    """Take the coordinates of a geometry file from its points, unless it has them in columns too."""
    if raw.geometry is None or text[["x", "longitude"]].notna().any(axis=None):
        return text
    is_point = shapely.get_type_id(raw.geometry) == _POINT
    places = np.array([g if p else None for g, p in zip(raw.geometry, is_point, strict=True)], dtype=object)
    x, y = (pd.Series(axis(places), index=text.index) for axis in (shapely.get_x, shapely.get_y))
    written = {"x": x.map(repr, na_action="ignore"), "y": y.map(repr, na_action="ignore")}
    return text.assign(**written, crs=text["crs"].fillna(raw.crs)).astype("str")


def read(text: pd.DataFrame, department: pd.Series, card: Card, sieve: Sieve) -> dict[str, pd.Series]:
    """Return the point of each row, as columns: coordinates, their system, status, precision and score.

    Projected coordinates are taken where their system is known (see ``_systems``), elsewhere longitude and latitude. A point
    that its own quality columns call a commune, a locality or without score never decides: its status is ``centroid``.
    """
    x, y, lon, lat = (_numbers(text[name], sieve) for name in ("x", "y", "longitude", "latitude"))
    tokens = finess_legacy.coordinate_source(text["coordinate_source"])
    crs = _systems(text, tokens, department, card)
    both = x.notna() & y.notna()
    projected = both & crs.notna()
    geographic = ~projected & lon.notna() & lat.notna()
    unused = both & ~projected & ~geographic
    if unused.any():
        written = text["crs"].fillna(text["coordinate_source"]).fillna("")
        sieve.warn_at("crs-unknown", unused, written, "coordinates not used")
    there = projected | geographic
    precision = coded(text["location_precision"], "location_precision", card, sieve)
    precision = precision.mask(tokens["is_centroid"], "municipality")
    score = _scores(text["location_score"], sieve)
    poor = precision.isin(("municipality", "locality")) | tokens["is_poor"]
    poor |= score.isna() & text["coordinate_source"].isna() & bool(score.notna().any())
    return {
        "x": lon.where(geographic, x.where(projected)),
        "y": lat.where(geographic, y.where(projected)),
        "crs": crs.mask(geographic, systems.WGS84).where(there),
        "location_precision": precision,
        "location_score": score.fillna(tokens["score"]),
        "location_status": _statuses(there, poor),
    }


def _statuses(there: pd.Series, poor: pd.Series) -> pd.Series:
    words = pd.array([MISSING, LOCATED, CENTROID], dtype="str")
    return pd.Series(words.take(np.where(there, 1 + poor, 0)), index=there.index)


def _systems(text: pd.DataFrame, tokens: pd.DataFrame, department: pd.Series, card: Card) -> pd.Series:
    """Return the system of projected coordinates: the row's own, else the card's, else that of the layout.

    FINESS writes metropolitan points in Lambert-93 where it does not say; a system that is written but not known is unknown.
    """
    own = cleaning.translated(text["crs"], systems.named).fillna(tokens["crs"])
    silent = text["crs"].isna() & ~tokens["names_crs"]
    stated = systems.of_card(card)
    if stated is None:
        silent &= cleaning.translated(department, DEPARTMENT_TERRITORY.get) == METROPOLE
    return own.mask(silent & own.isna(), stated or systems.LAMBERT_93)


def _scores(text: pd.Series, sieve: Sieve) -> pd.Series:
    """Read scores in [0, 1]; a column that goes beyond 1 counts to 100."""
    score = _numbers(text, sieve)
    return score / finess_legacy.SCORE_SCALE if (score > 1).any() else score


def _numbers(text: pd.Series, sieve: Sieve) -> pd.Series:
    (values, bad, _), suppressed = cleaning.numbers(text)
    sieve.warn_at("number-unreadable", bad, text, f"{text.name} taken as unknown")
    sieve.warn_at("number-suppressed", suppressed, text, f"{text.name} taken as unknown")
    return values
