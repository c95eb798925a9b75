"""Points compared with lists alone: whether one can stand in the commune, or the département, that its structure declares.

Lists outline nothing. What is known of a commune are its QPV, and the middle of the structures that declare it (three at least: a wrong
one does not move it); of a metropolitan département, the ground on which maps are drawn. What is far from it is doubted, never refused.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.facts import ground
from qpvhealth.facts.situations import CENTROID, CONTRADICTORY, LOCATED
from qpvhealth.facts.territories import METROPOLE, TERRITORIES
from qpvhealth.spatial.placement import whole_commune
from qpvhealth.spatial.projection import WGS84, to_territory_metres, transform_geometries

if TYPE_CHECKING:
    from collections.abc import Collection

WIDE = frozenset({"guyane", "polynesie"})
"""Territories whose communes are as wide as a département, or lie over islands far apart."""
KNOWN_FROM = 3
BESIDE_M, NEAR_M = 5_000.0, 1_000.0
"""Farther than the first from what is known of its commune, and nearer than the second to another: it is of the other (our choices).
Of 10,004 establishments of all kinds in Occitanie one is, and one is beyond 15 km; of its 652 MSP and centres none is beyond 3 km."""
GROUND_M = 10_000.0
"""No place of a département is farther than 8.5 km from its ground where another's lies (against the outlines that the ground is made from)."""
SIXTY, MOST, JUDGED, OFF_M, GAIN = 0.6, 0.95, 5, 1_000.0, 4.0
"""Degrees and minutes: hardly a fraction reaches the first; of so many points at least, the middle one is so far from the QPV of its
commune, and so many times nearer once minutes are divided by 60."""


def other_areas(
    rows: pd.DataFrame, references: pd.DataFrame, quarters: pd.DataFrame, *, reach_m: float, outlined: Collection[str]
) -> pd.Series:
    """Return, by structure, the commune (else département) near which its point lies though it cannot be in the one declared; else null.

    ``rows``: one row per structure and year, with ``finess_et``, ``territory``, ``commune_code``, ``department_code``, ``x`` and ``y`` in
    the metres of the territory, ``location_status``, ``location_error_m``, ``commune_distance_m``; ``references``: the same of every
    structure that says where its commune is. ``quarters``: of ``perimeters.by_commune``. ``reach_m``: how far a commune reaches from
    what is known of it. Where the outline of the commune is given it has decided, and so has that of a département of ``outlined``.
    """
    areas = pd.Series(index=rows.index, dtype="str")
    has_point = np.isfinite(rows[["x", "y"]].to_numpy(dtype=float)).all(axis=1)
    # the digits of a rounded point bound its place, though they decide nothing
    is_rounded = (rows["location_status"] == CENTROID) & rows["location_error_m"].notna()
    judged = rows.assign(error_m=rows["location_error_m"].where(is_rounded, 0.0))
    judged = judged[
        has_point
        & (rows["location_status"].isin((LOCATED, CONTRADICTORY)) | is_rounded)
        & rows["commune_distance_m"].isna()
    ]
    every_place = _places(references, quarters)
    for territory, own in judged.groupby("territory"):
        points = shapely.points(own["x"], own["y"])
        off = np.full(len(own), None, dtype=object)
        places = every_place[every_place["territory"] == territory]
        if territory not in WIDE and len(places):
            home_m = _distance_m(points, own["commune_code"], places) - own["error_m"].to_numpy(dtype=float)
            away = np.flatnonzero(home_m > min(BESIDE_M, reach_m))
            nearest, near_m = shapely.STRtree(places["metres"].to_numpy()).query_nearest(
                points[away], return_distance=True, all_matches=False
            )
            other = places["area_code"].to_numpy(dtype=object)[nearest[1]]
            beside = near_m < NEAR_M
            far = (home_m[away] > reach_m) | ((home_m[away] > BESIDE_M) & beside)
            off[away[far]] = np.where(beside, other, own["department_code"].to_numpy(dtype=object)[away])[far]
        if territory == METROPOLE:
            at = np.flatnonzero(~own["department_code"].isin(outlined).to_numpy())
            under = _other_ground(points[at], own["department_code"].iloc[at], own["error_m"].iloc[at])
            off[at] = np.where(pd.isna(off[at]) | ~pd.isna(under) & _is_department(off[at]), under, off[at])
        areas.loc[own.index] = off
    return areas


def misread_minutes(rows: pd.DataFrame, quarters: pd.DataFrame) -> pd.DataFrame:
    """Find the départements whose points are degrees and minutes read as decimals: 43.36 for 43°36', which is 43.60.

    ``rows``: as for ``other_areas``, with ``year``, ``location_source_id`` and ``geometry``, the point in degrees. Points of
    communes that have a QPV are compared with it, as they are and converted. Returns ``year``, ``source_id``, ``department_code``, ``n``
    (points), ``off_m`` and ``converted_m`` (medians, metres).
    """
    judged = rows[rows["x"].notna() & rows["geometry"].notna() & rows["commune_code"].notna()]
    degrees = shapely.get_coordinates(judged["geometry"].to_numpy(dtype=object))
    judged = judged.assign(longitude=degrees[:, 0], latitude=degrees[:, 1])
    judged["is_minutes"] = (np.abs(degrees) % 1 < SIXTY).all(axis=1)
    key = ["year", "location_source_id", "department_code"]
    judged = judged[judged.groupby(key)["is_minutes"].transform("mean") > MOST]
    coded = quarters.assign(area_code=whole_commune(quarters["area_code"]))
    parts = []
    for territory, own in judged.groupby("territory"):
        places = coded[coded["territory"] == territory]
        degrees = own[["longitude", "latitude"]].to_numpy(dtype=float)
        converted = np.trunc(degrees) + np.sign(degrees) * (np.abs(degrees) % 1) / SIXTY
        moved = to_territory_metres(converted[:, 0], converted[:, 1], own["territory"], WGS84)
        read_m, converted_m = (
            _distance_m(shapely.points(x, y), own["commune_code"], places) for x, y in ((own["x"], own["y"]), moved)
        )
        parts.append(own[key].assign(off_m=read_m, converted_m=converted_m))
    if not parts:
        return pd.DataFrame(columns=["year", "source_id", "department_code", "n", "off_m", "converted_m"])
    medians = pd.concat(parts).dropna(subset=["off_m"]).groupby(key)
    misread = medians[["off_m", "converted_m"]].median().assign(n=medians.size()).reset_index()
    misread = misread[
        (misread["n"] >= JUDGED) & (misread["off_m"] > OFF_M) & (misread["converted_m"] * GAIN < misread["off_m"])
    ]
    return misread.rename(columns={"location_source_id": "source_id"}).reset_index(drop=True)


def _places(references: pd.DataFrame, quarters: pd.DataFrame) -> pd.DataFrame:
    """Gather what is known of each commune: ``territory``, ``area_code``, ``metres``; its QPV, and the middle of its structures."""
    listed = references[references["territory"].notna() & (references["location_status"] == LOCATED)]
    listed = listed.drop_duplicates(["finess_et", "territory", "commune_code", "x", "y"])
    listed = listed.assign(area_code=whole_commune(listed["commune_code"]))
    several = listed.groupby(["territory", "area_code"])["finess_et"].transform("size") >= KNOWN_FROM
    by_commune = listed[several].groupby(["territory", "area_code"])
    middles = by_commune.agg(n=("finess_et", "nunique"), x=("x", "median"), y=("y", "median")).reset_index()
    middles = middles[middles["n"] >= KNOWN_FROM]
    points = middles[["territory", "area_code"]].assign(metres=shapely.points(middles["x"], middles["y"]))
    own = quarters[["territory", "area_code", "metres"]]
    own = own.assign(area_code=whole_commune(own["area_code"]))
    return pd.concat([own, points], ignore_index=True)


def _distance_m(points: np.ndarray, communes: pd.Series, places: pd.DataFrame) -> np.ndarray:
    """Return how far each point is from what is known of its commune; null where nothing is."""
    wanted = pd.DataFrame({"area_code": whole_commune(communes).to_numpy(), "at": np.arange(len(points))})
    pairs = wanted.dropna().merge(places, on="area_code")
    metres = shapely.distance(points[pairs["at"]], pairs["metres"].to_numpy(dtype=object))
    distance = pd.Series(metres, dtype="float64").groupby(pairs["at"].to_numpy()).min()
    return distance.reindex(range(len(points))).to_numpy(dtype=float)


def _is_department(codes: np.ndarray) -> np.ndarray:
    return np.array([isinstance(code, str) and len(code) < len("75056") for code in codes], dtype=bool)


@cache
def _ground() -> tuple[np.ndarray, np.ndarray]:
    """Return the metropolitan départements of the ground, frame by frame: their codes, and their shapes in metres."""
    own = [o for o in ground.outlines() if len(o.code) == len("75")]
    shapes = np.array([shapely.multipolygons([shapely.polygons(ring) for ring in o.rings]) for o in own], dtype=object)
    metres = transform_geometries(shapes, WGS84, TERRITORIES[METROPOLE].epsg)
    return np.array([o.code for o in own], dtype=object), shapely.make_valid(metres, method="structure")


def _other_ground(points: np.ndarray, departments: pd.Series, error_m: pd.Series) -> np.ndarray:
    """Return the département on whose ground each point lies, where it is more than ``GROUND_M`` and its error from that of its own; else null."""
    codes, shapes = _ground()
    own_m = np.full(len(points), np.inf)
    wanted = departments.to_numpy(dtype=object)
    for code, shape in zip(codes, shapes, strict=True):
        at = np.flatnonzero(wanted == code)
        own_m[at] = np.minimum(own_m[at], shapely.distance(points[at], shape))
    off = np.flatnonzero((own_m > GROUND_M + error_m.to_numpy(dtype=float)) & np.isfinite(own_m))
    under = np.full(len(points), None, dtype=object)
    point, area = shapely.STRtree(shapes).query(points[off], predicate="within")
    under[off[point]] = codes[area]
    return under
