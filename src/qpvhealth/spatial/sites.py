"""Perimeters of a release put back in metres, and the places where a new structure would serve the most QPV."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.precision import MARGIN_M, rounded_m
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.spatial.projection import WGS84, to_degrees, transform_geometries, transform_points
from qpvhealth.spatial.proximity import Perimeters

LARGEST_GROUP = 6
"""Most QPV whose common neighbourhood is looked for: more than that share one only in theory."""


def in_metres(neighbourhoods: pd.DataFrame) -> dict[str, Perimeters]:
    """Return the polygons of published QPV (EPSG:4326) by territory, in its metres; those without area are left out."""
    held = neighbourhoods[neighbourhoods["area_km2"] > 0].sort_values("qpv_code")
    out = {}
    for territory, rows in held.groupby("territory"):
        polygons = np.asarray(rows["geometry"].to_numpy(), dtype=object)
        metres = transform_geometries(polygons, WGS84, TERRITORIES[str(territory)].epsg)
        out[str(territory)] = Perimeters(rows["qpv_code"].to_numpy(dtype=object), metres)
    return out


def candidates(perimeters: dict[str, Perimeters], near_m: float) -> pd.DataFrame:
    """Return the places worth trying: ``site``, ``territory``, ``longitude``, ``latitude``, ``x``, ``y`` (metres of the territory).

    One inside each QPV; and, where a structure also serves what lies within ``near_m``, one for each group of QPV whose surroundings
    meet, found by adding neighbours one at a time. What a place serves is measured exactly by ``served``.
    """
    parts = []
    for territory, found in perimeters.items():
        areas = _groups(found, near_m) if near_m > 0 else list(found.polygons)
        points = shapely.point_on_surface(np.array(areas, dtype=object))
        x, y = shapely.get_x(points), shapely.get_y(points)
        lon, lat = to_degrees(x, y, TERRITORIES[territory].epsg)
        parts.append(pd.DataFrame({"territory": territory, "longitude": lon, "latitude": lat, "x": x, "y": y}))
    return pd.concat(parts, ignore_index=True).rename_axis("site").reset_index()


def _groups(perimeters: Perimeters, near_m: float) -> list[shapely.Geometry]:
    """Return the polygons, and the meeting places of the surroundings of two QPV or more (drawn a hair narrower than exact)."""
    around = shapely.buffer(perimeters.polygons, near_m)
    left, right = shapely.STRtree(around).query(around, predicate="intersects")
    beside = {int(a): sorted({int(b) for b in right[left == a] if b > a}) for a in np.unique(left)}
    found = [*perimeters.polygons]
    level: list[tuple[tuple[int, ...], shapely.Geometry]] = [((int(a),), around[a]) for a in np.unique(left)]
    for _ in range(LARGEST_GROUP - 1):
        level = [
            ((*members, other), common)
            for members, area in level
            for other in beside[members[-1]]
            if (common := shapely.intersection(area, around[other])).area > 0
        ]
        found += [area for _, area in level]
    return found


def served(sites: pd.DataFrame, perimeters: dict[str, Perimeters], near_m: float) -> pd.DataFrame:
    """Return the QPV that each site serves: ``site``, ``qpv_code``, ``distance_m`` ≤ ``near_m`` (0: the QPV that covers it)."""
    parts = [pd.DataFrame({"site": [], "qpv_code": [], "distance_m": []}).astype({"site": "int64", "qpv_code": "str"})]
    for territory, rows in sites.groupby("territory"):
        if territory not in perimeters:
            continue
        found = perimeters[str(territory)]
        points = shapely.points(rows["x"].to_numpy(dtype=float), rows["y"].to_numpy(dtype=float))
        at, qpv = shapely.STRtree(found.polygons).query(points, predicate="dwithin", distance=near_m + MARGIN_M)
        distance = rounded_m(shapely.distance(points[at], found.polygons[qpv]))
        pairs = {"site": rows["site"].to_numpy()[at], "qpv_code": found.codes[qpv].astype(str), "distance_m": distance}
        parts.append(pd.DataFrame(pairs)[distance <= near_m])
    return pd.concat(parts, ignore_index=True)


def placed(longitude: np.ndarray, latitude: np.ndarray, territory: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Put points in the metres of their territory; NaN where it is not known."""
    x, y = np.full(len(longitude), np.nan), np.full(len(longitude), np.nan)
    for name, at in territory.reset_index(drop=True).dropna().groupby(territory.reset_index(drop=True)).indices.items():
        x[at], y[at] = transform_points(longitude[at], latitude[at], WGS84, TERRITORIES[str(name)].epsg)
    return x, y
