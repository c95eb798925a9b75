"""Where a structure is: which of the points offered for it can be believed, and which one is used.

A point may come from the extract, from a register, or from the geocoder. Each is held against the declared territory, commune
or département; the first in rank that is located and contradicts nothing is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.precision import rounded_m
from qpvhealth.facts.situations import CENTROID, CONTRADICTORY, LOCATED, MISSING
from qpvhealth.facts.territories import COMMUNE_OF_ARRONDISSEMENT
from qpvhealth.spatial import datums
from qpvhealth.spatial.projection import groups, outside_box, territory_of_position, to_degrees, to_territory_metres

if TYPE_CHECKING:
    from collections.abc import Mapping

AREAS = ("commune_code", "department_code", "region_code")
QPV_OF_COMMUNE = "qpv_of_commune"
QPV_REACH_M = 200_000.0
"""No place of a commune is farther than this from a QPV of it: the largest, in Guyane, measure less from end to end."""
OUTLINE_LEVELS = {
    "commune": "commune_code",
    "department": "department_code",
    "region": "region_code",
    QPV_OF_COMMUNE: "commune_code",
}
ROUNDED = "rounded coordinates"
"""Of a point within whose error it stands anywhere: as on a street, or, where the error is more than that of one, as in a commune."""
METRES_A_DEGREE = 111_320.0
DOUBTED_FROM, DOUBTED_SHARE = 10, 0.5
"""A coordinate system is doubted from this many points on, when more than this share of them are wrong (our choices)."""
_STATUS_RANK = {LOCATED: 0, CONTRADICTORY: 1, CENTROID: 2, MISSING: 3}


def place(
    structures: pd.DataFrame,
    candidates: pd.DataFrame,
    *,
    outlines: Mapping[str, pd.DataFrame],
    tolerance_m: Mapping[str, float],
    minimum_score: float,
    error_m: Mapping[str, float],
) -> pd.DataFrame:
    """Choose one point for each structure of some years.

    ``structures``: one row per ``finess_et`` and ``year`` with ``territory`` and ``AREAS``. ``candidates``: any
    number of rows per ``finess_et`` and ``year`` with ``rank``, ``source_id``, ``x``, ``y``, ``crs``, ``location_status``,
    ``location_precision``, ``location_score``, ``location_step`` (of the last digit written, null: not rounded) and ``commune_found``.
    ``outlines``: by level of ``OUTLINE_LEVELS``, ``area_code``, ``territory`` and ``metres``.

    Returns one row per structure, in their order: ``location_status`` and its note, precision, error (metres), the source used,
    ``commune_distance_m`` (metres to the outline of the declared commune, null without one),
    ``x`` and ``y`` in the metres of the territory, ``longitude`` and ``latitude`` (null where they are no place on earth), the number of
    sources that give a point and the largest distance between their usable points. A territory that is not declared follows from the
    point.
    """
    owners = structures[["finess_et", "year", "territory", *AREAS]].assign(owner=np.arange(len(structures)))
    offered = candidates.merge(owners, on=["finess_et", "year"], validate="many_to_one")
    offered = _positioned(offered)
    offered["rounding_m"] = _rounding_m(offered)
    offered = _judged(offered, outlines, tolerance_m, minimum_score, error_m.get("street", np.inf))
    order = offered.assign(status_rank=offered["location_status"].map(_STATUS_RANK))
    order = order.sort_values(["owner", "status_rank", "rank", "source_id"]).drop_duplicates("owner")
    best = pd.Series(order.index, index=order["owner"]).reindex(range(len(structures)), fill_value=-1).to_numpy()
    chosen = offered.drop(columns=["finess_et", "year", "owner"]).reindex(best).reset_index(drop=True)
    chosen.insert(0, "finess_et", structures["finess_et"].reset_index(drop=True))
    chosen["location_status"] = chosen["location_status"].fillna(MISSING)
    chosen["location_precision"] = chosen["location_precision"].fillna("unknown")
    error, rounding = chosen["location_precision"].map(dict(error_m)).astype("float64"), chosen["rounding_m"]
    located = chosen["location_status"] == LOCATED
    is_rounded = (located & (rounding > error)) | (chosen["location_note"] == ROUNDED)
    error = error.where(located & ~is_rounded, rounding.where(is_rounded))
    chosen["location_error_m"] = error + _shift_m(chosen["crs"]).fillna(0.0)
    chosen["location_precision"] = chosen["location_precision"].mask(is_rounded & located, "street")
    chosen["location_note"] = chosen["location_note"].mask(is_rounded & located, ROUNDED)
    on_earth = chosen["longitude"].between(-180, 180) & chosen["latitude"].between(-90, 90)
    chosen[["longitude", "latitude"]] = chosen[["longitude", "latitude"]].where(on_earth)
    chosen["territory"] = structures["territory"].reset_index(drop=True).fillna(chosen["territory_found"])
    n_sources = offered[offered["x"].notna()].groupby("owner")["source_id"].nunique()
    chosen["n_location_sources"] = n_sources.reindex(chosen.index, fill_value=0)
    usable = offered[offered["x"].notna() & (offered["location_status"] == LOCATED)]
    several = usable[usable["owner"].duplicated(keep=False)]
    used = chosen[["x", "y"]].take(several["owner"].to_numpy()).to_numpy(dtype=float)
    gap = shapely.distance(shapely.points(several[["x", "y"]].to_numpy(dtype=float)), shapely.points(used))
    chosen["location_conflict_m"] = pd.Series(rounded_m(gap)).groupby(several["owner"].to_numpy()).max()
    return chosen


def _rounding_m(points: pd.DataFrame) -> pd.Series:
    """Return how far, in metres, a place may be from its rounded point: half of the last digit on both axes."""
    degrees = (points["given_x"].abs() <= 180) & (points["given_y"].abs() <= 90)  # noqa: PLR2004 -- no grid begins there
    east = np.cos(np.radians(points["given_y"].where(degrees, 0.0).to_numpy(dtype=float)))
    unit = np.where(degrees, METRES_A_DEGREE * np.hypot(1.0, east), np.sqrt(2.0))
    steps: pd.Series = points.reindex(columns=["location_step"])["location_step"].astype("float64")
    return pd.Series(steps.to_numpy() / 2 * unit, index=points.index)


def _shift_m(crs: pd.Series) -> pd.Series:
    """Return to how many metres the way from each system to degrees is accurate: 0 where that is not reported, null if not stated."""
    shifts = {system: datums.shift(str(system)) for system in crs.dropna().unique()}
    metres = {
        system: 0.0 if s is None else np.nan if s.accuracy_m is None else s.accuracy_m for system, s in shifts.items()
    }
    return crs.map(metres).astype("float64").where(crs.notna(), 0.0)


def _positioned(offered: pd.DataFrame) -> pd.DataFrame:
    """Add longitude, latitude, the territory where the point falls, and metres of the declared (else found) territory."""
    frame = offered.rename(columns={"x": "given_x", "y": "given_y"})
    lon, lat = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    x, y = frame["given_x"].to_numpy(dtype=float), frame["given_y"].to_numpy(dtype=float)
    for (crs,), at in groups(frame, "crs"):
        lon[at], lat[at] = to_degrees(x[at], y[at], crs)
    frame = frame.assign(longitude=lon, latitude=lat, territory_found=territory_of_position(lon, lat).to_numpy())
    territory = frame["territory"].fillna(frame["territory_found"])
    frame["x"], frame["y"] = to_territory_metres(x, y, territory, frame["crs"])
    return frame


def _judged(
    frame: pd.DataFrame,
    outlines: Mapping[str, pd.DataFrame],
    tolerance_m: Mapping[str, float],
    minimum_score: float,
    street_m: float,
) -> pd.DataFrame:
    """Set the status of each point and the reason why it cannot decide.

    A point whose digits leave more open than a street does, ``street_m``, decides no more than a commune.
    An arrondissement is its commune. A source most of whose points of a year, in one system and territory, are wrong is not in the
    system stated: its points that fell in the right area by chance cannot decide either.
    """
    has_point = frame["longitude"].notna() & frame["latitude"].notna()
    located = frame["location_status"] == LOCATED
    poor = located & (frame["location_score"] < minimum_score)
    coarse = located & (frame["rounding_m"] > street_m)
    adrift = located & _shift_m(frame["crs"]).isna()
    position, declared = frame["territory_found"], frame["territory"]
    stray = has_point & (position.isna() | (declared.notna() & (position != declared)))
    another, commune = frame["commune_found"], frame["commune_code"]
    elsewhere = another.notna() & commune.notna() & (whole_commune(another) != whole_commune(commune))
    outside, commune_distance_m = _outside_declared(frame, outlines, tolerance_m)
    system = frame.groupby(["source_id", "year", "crs", "territory"], dropna=False).ngroup().to_numpy()
    n, n_wrong = (
        np.bincount(system[rows], minlength=len(frame))[system] for rows in (has_point, stray | outside & has_point)
    )
    doubted = has_point & (n >= DOUBTED_FROM) & (n_wrong > DOUBTED_SHARE * n)
    reasons = {
        "no point": ~has_point,
        "outside its declared territory, or every territory": stray & located,
        "far from its declared commune or département": outside & located,
        "most points of this source and system are elsewhere than declared": doubted & located,
        "the geocoder found another commune": elsewhere & located,
        "score too low": poor,
        ROUNDED: coarse,
        "how far its coordinate system is from longitude and latitude is not stated": adrift,
        "the point stands for a commune or a place": frame["location_status"] == CENTROID,
    }
    reason = np.select([np.asarray(at) for at in reasons.values()], range(len(reasons)), -1)
    notes = pd.array([*reasons], dtype="str").take(reason, allow_fill=True)
    contradictory = located & has_point & (stray | outside | doubted | elsewhere)
    status = frame["location_status"].where(~(poor | coarse | adrift), CENTROID).where(~contradictory, CONTRADICTORY)
    status = status.where(has_point, MISSING)
    return frame.assign(location_status=status, location_note=notes, commune_distance_m=commune_distance_m)


def whole_commune(communes: pd.Series) -> pd.Series:
    """Return communes, an arrondissement as its commune."""
    return communes.map(COMMUNE_OF_ARRONDISSEMENT).astype("str").fillna(communes)


def _outside_declared(
    frame: pd.DataFrame, outlines: Mapping[str, pd.DataFrame], tolerance_m: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Say which points lie farther than the tolerance from a declared area, and how far from the outline of the declared commune.

    That is its outline; where none is given, the box of the département and, in Polynésie, of the commune; and the surroundings of
    the QPV of the commune. An arrondissement without outline is its commune.
    """
    outside, from_commune = np.zeros(len(frame), dtype=bool), np.full(len(frame), np.nan)
    for level in ("department", "commune"):
        codes = frame[OUTLINE_LEVELS[level]]
        if level in outlines:
            codes = codes.mask(codes.isin(outlines[level]["area_code"]))
        outside |= outside_box(frame["longitude"].to_numpy(), frame["latitude"].to_numpy(), codes)
    allowed_m = {**tolerance_m, QPV_OF_COMMUNE: QPV_REACH_M}
    for level in OUTLINE_LEVELS.keys() & outlines.keys():
        shapes, codes = outlines[level], frame[OUTLINE_LEVELS[level]]
        index = pd.Index(shapes["area_code"])
        area = index.get_indexer(codes)
        area = np.where(area < 0, index.get_indexer(whole_commune(codes)), area)
        at = np.flatnonzero((area >= 0) & frame["x"].notna() & frame["y"].notna())
        home = shapes["territory"].array.take(area[at]) == frame["territory"].array.take(at)
        at = at[np.asarray(home, dtype=bool)]
        points = shapely.points(frame["x"].to_numpy()[at], frame["y"].to_numpy()[at])
        distance = shapely.distance(points, shapes["metres"].to_numpy(dtype=object)[area[at]])
        outside[at] |= rounded_m(distance) > allowed_m[level]
        if level == "commune":
            from_commune[at] = rounded_m(distance)
    return outside, from_commune
