"""Perimeters of a release put back in metres, and the places where a new structure would serve the most QPV."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.precision import MARGIN_M, rounded_m
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.spatial.projection import WGS84, to_degrees, transform_geometries
from qpvhealth.spatial.proximity import Perimeters

LARGEST_GROUP = 6
"""Most QPV whose common neighbourhood is looked for: more than that share one only in theory."""


def in_metres(neighbourhoods: pd.DataFrame) -> dict[str, Perimeters]:
    """Return the polygons of published QPV (EPSG:4326) by territory, in its metres; those without polygon are left out."""
    usable = neighbourhoods[neighbourhoods["geometry"].notna()].sort_values("qpv_code")
    perimeters = {}
    for territory, rows in usable.groupby("territory"):
        polygons = np.asarray(rows["geometry"].to_numpy(), dtype=object)
        metres = transform_geometries(polygons, WGS84, TERRITORIES[str(territory)].epsg)
        perimeters[str(territory)] = Perimeters(rows["qpv_code"].to_numpy(dtype=object), metres)
    return perimeters


def candidates(perimeters: dict[str, Perimeters], near_m: float) -> pd.DataFrame:
    """Return the places worth trying: ``site``, ``territory``, ``longitude``, ``latitude``, ``x``, ``y`` (metres of the territory).

    One inside each QPV; and, where a structure also serves what lies within ``near_m``, one for each group of QPV whose surroundings
    meet, grown by one neighbour at a time. What a place serves is measured exactly by ``served``.
    """
    parts = []
    for territory, (_, polygons) in perimeters.items():
        areas = [*polygons]
        if near_m > 0:  # surroundings are drawn a hair narrower than exact
            around = shapely.buffer(polygons, near_m)
            left, right = shapely.STRtree(around).query(around, predicate="intersects")
            neighbours = {int(a): sorted({int(b) for b in right[left == a] if b > a}) for a in np.unique(left)}
            level: list[tuple[tuple[int, ...], shapely.Geometry]] = [((a,), around[a]) for a in neighbours]
            for _ in range(LARGEST_GROUP - 1):
                level = [
                    ((*members, other), common)
                    for members, area in level
                    for other in neighbours[members[-1]]
                    if (common := shapely.intersection(area, around[other])).area > 0
                ]
                areas += [area for _, area in level]
        points = shapely.point_on_surface(np.array(areas, dtype=object))
        x, y = shapely.get_x(points), shapely.get_y(points)
        lon, lat = to_degrees(x, y, TERRITORIES[territory].epsg)
        parts.append(pd.DataFrame({"territory": territory, "longitude": lon, "latitude": lat, "x": x, "y": y}))
    return pd.concat(parts, ignore_index=True).rename_axis("site").reset_index()


def served(sites: pd.DataFrame, perimeters: dict[str, Perimeters], near_m: float) -> pd.DataFrame:
    """Return the QPV that each site serves: ``site``, ``qpv_code``, ``distance_m`` ≤ ``near_m`` (0: the QPV it is inside)."""
    parts = [pd.DataFrame({"site": [], "qpv_code": [], "distance_m": []}).astype({"site": "int64", "qpv_code": "str"})]
    for territory, rows in sites[sites["territory"].isin(list(perimeters))].groupby("territory"):
        codes, polygons = perimeters[str(territory)]
        points = shapely.points(rows["x"].to_numpy(dtype=float), rows["y"].to_numpy(dtype=float))
        at, qpv = shapely.STRtree(polygons).query(points, predicate="dwithin", distance=near_m + MARGIN_M)
        distance = rounded_m(shapely.distance(points[at], polygons[qpv]))
        pairs = {"site": rows["site"].to_numpy()[at], "qpv_code": codes[qpv].astype(str), "distance_m": distance}
        parts.append(pd.DataFrame(pairs)[distance <= near_m])
    return pd.concat(parts, ignore_index=True)
