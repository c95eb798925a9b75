"""The point of each structure: coordinates, the system they are in, and what the source itself says of their quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from qpvhealth.errors import InputError
from qpvhealth.facts.situations import CENTROID, LOCATED, MISSING
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, METROPOLE
from qpvhealth.ingest import cleaning, systems

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.readers.raw import RawTable
    from qpvhealth.ingest.staging import Sieve

SEVERAL_DIGITS, RARE_SHARE = 3, 0.05
COMMON_ROWS, COMMON_SHARE = 5, 0.5
"""Fewer digits than the others of the file, by so many, in so many rows, or in so many of a département, are a choice; else they are
zeros left out."""
_DIGITS = r"^[+-]?\d*?(?P<zeros>0*)(?:[.,](?P<decimals>\d*?)0*)?$"
_PAIR = r"^\s*([+-]?\d+(?:\.\d+)?)\s*[,;]\s*([+-]?\d+(?:\.\d+)?)\s*$"
"""Latitude first. Source: documentation of Opendatasoft, type geo_point_2d."""
_POINT = int(shapely.GeometryType.POINT)
CENTROID_GEOCODER = r"ADMIN[-_ ]?EXPRESS"
SCORE_SCALE = 100


def with_points(text: pd.DataFrame, raw: RawTable, card: Card) -> pd.DataFrame:
    """Take the coordinates of a geometry file from its points, unless it has them in columns too.

    A row without coordinates takes those that a cell has together, "48.85, 2.35"; a cell that is no such pair stays to be reported.
    Raises InputError where neither the file, nor its rows, nor the card say in which system its points are.
    """
    if not cleaning.is_blank(text["latitude_longitude"]):
        together = text["latitude_longitude"].where(text[["x", "longitude", "latitude"]].isna().all(axis=1))
        pair = together.str.extract(_PAIR).astype("str")
        text = text.assign(
            latitude=text["latitude"].fillna(pair[0]), longitude=text["longitude"].fillna(pair[1].fillna(together))
        )
    if raw.geometry is None or text[["x", "longitude"]].notna().any(axis=None):
        return text
    if raw.crs is None and not card.get("crs") and text["crs"].isna().all():
        doubt = f" ({raw.crs_doubt})" if raw.crs_doubt else ""
        raise InputError(
            f'{raw.place()}: no coordinate system{doubt}; ask the producer, then write crs = "EPSG:…" in card {card.id}'
        )
    is_point = shapely.get_type_id(raw.geometry) == _POINT
    places = np.array([g if p else None for g, p in zip(raw.geometry, is_point, strict=True)], dtype=object)
    x, y = (pd.Series(axis(places), index=text.index) for axis in (shapely.get_x, shapely.get_y))
    written = {"x": x.map(repr, na_action="ignore"), "y": y.map(repr, na_action="ignore")}
    return text.assign(**written, crs=text["crs"].fillna(raw.crs)).astype("str")


def read(sieve: Sieve, department: pd.Series, precision: pd.Series) -> dict[str, pd.Series]:
    """Return the point of each row, as columns: coordinates, their system, status, precision and score.

    Projected coordinates are taken where their system is known, elsewhere longitude and latitude; where a row has both, the second pair
    is in ``longitude_beside`` and ``latitude_beside``. ``location_step``: what the last digit written stands for, in the unit of the
    coordinates. Their system is the row's own where it is known, else the card's, else that of the layout: FINESS writes metropolitan
    points in Lambert-93 where it does not say; without a card that decides, a system that is written but not known is unknown. A point
    that its own quality columns call a commune, a locality or without score
    never decides: its status is ``centroid``. Scores are in [0, 1]; a column that goes beyond 1 counts to 100.
    """
    text = sieve.text
    x, y, lon, lat, score = (sieve.numbers(c) for c in ("x", "y", "longitude", "latitude", "location_score"))
    tokens = source_tokens(text["coordinate_source"])
    crs = cleaning.translated(text["crs"], systems.by_name).fillna(tokens["crs"])
    if (stated := systems.of_card(sieve.card)) is not None:
        crs = crs.fillna(stated)
    silent = crs.isna() & text["crs"].isna() & ~tokens["names_crs"]
    crs = crs.mask(
        silent & (cleaning.translated(department, DEPARTMENT_TERRITORY.get) == METROPOLE), systems.LAMBERT_93
    )
    both = x.notna() & y.notna()
    projected = both & crs.notna()
    geographic = ~projected & lon.notna() & lat.notna()
    written = text["crs"].fillna(text["coordinate_source"]).fillna("")
    unused = both & ~projected & ~geographic
    sieve.warn_at("crs-unknown", unused, written, f"coordinates not used{_near(text['crs'][unused])}")
    there = projected | geographic

    precision = precision.mask(tokens["is_centroid"], "municipality")
    score = score / SCORE_SCALE if (score > 1).any() else score
    poor = precision.isin(("municipality", "locality")) | tokens["is_poor"]
    poor |= score.isna() & text["coordinate_source"].isna() & bool(score.notna().any())
    status = pd.array([MISSING, LOCATED, CENTROID], dtype="str").take(np.where(there, 1 + poor, 0))
    steps = _steps(text["x"].where(projected), text["y"].where(projected), department, several=np.inf).fillna(
        _steps(
            text["longitude"].where(geographic), text["latitude"].where(geographic), department, several=SEVERAL_DIGITS
        )
    )
    return {
        "x": lon.where(geographic, x.where(projected)),
        "y": lat.where(geographic, y.where(projected)),
        "crs": crs.mask(geographic, systems.WGS84).where(there),
        "longitude_beside": lon.where(projected & lat.notna()),
        "latitude_beside": lat.where(projected & lon.notna()),
        "location_step": steps,
        "location_precision": precision,
        "location_score": score.fillna(tokens["score"]),
        "location_status": pd.Series(status, index=there.index),
    }


def _near(written: pd.Series) -> str:
    """Name the systems near the one written most often; empty for none."""
    usual = written.dropna().mode()
    return systems.near_words(str(usual.iloc[0])) if len(usual) else ""


def _steps(east: pd.Series, north: pd.Series, department: pd.Series, *, several: float) -> pd.Series:
    """Return what the last digit of each point stands for (0.01 for two decimals, 100 for whole hundreds), the finer axis deciding.

    A point with fewer digits than most of the file, less than ``several``, in few rows of it and less than half of its département, has
    lost zeros: it is as fine as they are.
    """
    if cleaning.is_blank(east):
        return pd.Series(np.nan, index=east.index)
    digits = []
    for axis in (east, north):
        parts = pc.extract_regex(pc.utf8_trim_whitespace(pa.array(axis, type=pa.large_string())), _DIGITS)
        zeros, decimals = (
            pc.utf8_length(pc.struct_field(parts, name)).cast("float64") for name in ("zeros", "decimals")
        )
        written = pc.if_else(pc.greater(pc.fill_null(decimals, 0.0), 0.0), decimals, pc.negate(zeros))
        digits.append(pd.Series(written.to_numpy(zero_copy_only=False), index=axis.index))
    finer = digits[0].where(~(digits[1] > digits[0]), digits[1])
    usual, rank = finer.median(), finer.rank(method="max", pct=True)
    by_department = finer.groupby(department)
    n, share = (by_department.rank(method="max", pct=is_share) for is_share in (False, True))
    common = (n >= COMMON_ROWS) & (share > COMMON_SHARE)
    lost = (finer < usual) & (rank < RARE_SHARE) & (usual - finer < several) & ~common
    steps: pd.Series = 10.0 ** -finer.mask(lost, usual)
    return steps


def source_tokens(text: pd.Series) -> pd.DataFrame:
    """Split ``sourcecoordet`` of FINESS (``1,ATLASANTE,96,BAN,EPSG:2154 RGF93 …``).

    Returns ``crs`` (null where none is known), ``names_crs`` (whether it writes one at all), ``score`` in [0, 1] (null for
    ``.``), ``is_centroid`` (geocoder of the ADMIN-EXPRESS family) and ``is_poor``: a commune centroid or a point without score
    never decides.
    """
    if cleaning.is_blank(text):
        nothing = {"crs": None, "names_crs": False, "score": np.nan, "is_centroid": False, "is_poor": False}
        return pd.DataFrame(nothing, index=text.index).astype({"crs": "str"})
    codes, written = text.astype("str").factorize()
    distinct = pd.Series([*written, None], dtype="str")  # a cell without text has code -1: the last, null
    parts = distinct.str.split(",", n=4, expand=True).reindex(columns=range(5)).astype("str")
    score = pd.to_numeric(parts[2].str.extract(r"^\s*(\d+(?:[.]\d+)?)\s*$")[0]).astype("float64") / SCORE_SCALE
    last = parts[4].str.extract(r"([^,]*)$")[0].astype("str")  # the name of a geocoder may hold commas
    tool = parts[3].str.upper().fillna("") + " " + parts[4].str.upper().fillna("")
    is_centroid = tool.str.contains(CENTROID_GEOCODER, regex=True)
    columns = {
        "crs": cleaning.translated(last, systems.by_name),
        "names_crs": parts[4].str.strip().fillna("") != "",
    }
    quality = {"score": score, "is_centroid": is_centroid, "is_poor": distinct.notna() & (is_centroid | score.isna())}
    return pd.DataFrame(columns | quality).take(codes).set_axis(text.index)
