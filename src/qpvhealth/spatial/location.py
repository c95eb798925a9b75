"""The join: which QPV a point is in, which are near, and how far. One index query, then the ranking of ``proximity``.

No polygon is buffered: a drawn buffer of 300 m misses 0.05 % of the points that are truly within 300 m.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.precision import MARGIN_M, rounded_m
from qpvhealth.spatial.projection import groups
from qpvhealth.spatial.proximity import Shapes, rank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qpvhealth.spatial.proximity import Perimeters


class Located(NamedTuple):
    """``points``: one row per point, in order. ``pairs``: one row per point and QPV within the largest distance."""

    points: pd.DataFrame
    pairs: pd.DataFrame


_POINT_KINDS = {"qpv_code": "str", "nearest_qpv_code": "str"} | dict.fromkeys(
    ("distance_m", "border_distance_m", "n_qpv_inside", "n_nearest"), "float64"
)
_PAIR_KINDS = {"point": "int64", "qpv_code": "str", "distance_m": "float64"}
_NEAREST_KINDS = {"group": "int64", "qpv_code": "str", "code": "str", "distance_m": "float64"}
_POINTS, _PAIRS, _NEAREST = (
    pd.DataFrame(columns=list(k)).astype(k) for k in (_POINT_KINDS, _PAIR_KINDS, _NEAREST_KINDS)
)


def locate_all(
    x: np.ndarray, y: np.ndarray, territory: pd.Series, perimeters: Mapping[str, Perimeters], within_m: float
) -> Located:
    """Place points of any territory, each among the QPV of its own; ``x`` and ``y`` are in the metres of ``territory``.

    ``points``: ``qpv_code`` (the QPV the point is inside; of several the one in which it is deepest, then the smallest code; null
    outside), ``nearest_qpv_code`` (the QPV at the smallest distance, then the smallest code; inside, the one assigned),
    ``distance_m`` (0 inside), ``border_distance_m`` (minus the distance to the border of the assigned QPV inside, ``distance_m``
    outside), ``n_qpv_inside``, ``n_nearest`` (how many at that distance). ``pairs``: ``point`` (position), ``qpv_code``,
    ``distance_m`` ≤ ``within_m``. Distances are rounded as in ``proximity``. A point whose territory has no polygon, or with a null
    coordinate, gets nulls. Equal points are located once.
    """
    points, pairs = [_POINTS], [_PAIRS]
    there = np.isfinite(x) & np.isfinite(y) & territory.isin(list(perimeters)).to_numpy(dtype=bool)
    for (name,), at in groups(pd.DataFrame({"territory": territory.where(there).to_numpy()}), "territory"):
        # one number holds both coordinates, to the bit: sorting numbers is ten times quicker than sorting pairs
        spots, spot = np.unique(x[at] + 1j * y[at], return_inverse=True)
        located = _located(spots.real, spots.imag, perimeters[name], within_m)
        points.append(located.points.take(spot).set_axis(at))
        of_points = pd.DataFrame({"spot": spot, "at": at}).merge(located.pairs, left_on="spot", right_on="point")
        pairs.append(of_points.assign(point=of_points["at"])[list(_PAIRS)])
    return Located(pd.concat(points).reindex(range(len(x))), pd.concat(pairs, ignore_index=True))


def _located(x: np.ndarray, y: np.ndarray, perimeters: Perimeters, within_m: float) -> Located:
    """Place points, none null, among the polygons of one territory."""
    points, shapes = shapely.points(x, y), Shapes(perimeters.polygons)
    reach = np.maximum(within_m, _distance_to_vertex(points, perimeters.polygons)) + MARGIN_M
    ranked = rank(
        x, y, tuple(shapely.STRtree(perimeters.polygons).query(points, predicate="dwithin", distance=reach)), shapes
    )
    pairs = pd.DataFrame(ranked._asdict()).assign(distance_m=np.maximum(ranked.signed_m, 0.0))
    pairs["qpv_code"] = pd.array(perimeters.codes, dtype="str").take(ranked.polygon)
    best = pairs[ranked.is_first].set_index("point")
    border, inside = best["distance_m"].copy(), best["is_inside"]
    at = best.index[inside]
    border[inside] = -shapes.depths(best.loc[inside, "polygon"].to_numpy(), x[at], y[at])
    tied = pairs["distance_m"] == pairs["point"].map(best["distance_m"])
    located = {
        "qpv_code": best["qpv_code"].where(inside),
        "nearest_qpv_code": best["qpv_code"],
        "distance_m": best["distance_m"],
        "border_distance_m": border + 0.0,
        "n_qpv_inside": pairs["is_inside"].groupby(pairs["point"]).sum().astype(float),
        "n_nearest": tied.groupby(pairs["point"]).sum().astype(float),
    }
    near = pairs[pairs["distance_m"] <= within_m].sort_values(["point", "polygon"])
    return Located(pd.DataFrame(located).reindex(range(len(x))), near[list(_PAIRS)])


def _distance_to_vertex(points: np.ndarray, polygons: np.ndarray) -> np.ndarray:
    """Return the distance of each point to the nearest of one vertex per polygon: its nearest polygon is no farther."""
    if not len(polygons):
        return np.zeros(len(points))
    _, distance = shapely.STRtree(_vertices(polygons)).query_nearest(points, return_distance=True, all_matches=False)
    return np.asarray(distance)


def _vertices(polygons: np.ndarray) -> np.ndarray:
    """Return one vertex of each polygon."""
    return np.asarray(shapely.get_point(shapely.get_exterior_ring(shapely.get_geometry(polygons, 0)), 0))


def distances(x: np.ndarray, y: np.ndarray, qpv_code: pd.Series, perimeters: Mapping[str, Perimeters]) -> np.ndarray:
    """Return the rounded distance of each point to the QPV of its row in ``qpv_code``; NaN without a point or such a polygon.

    Point and QPV must be of one territory, in its metres: the caller pairs them.
    """
    polygons = {code: polygon for p in perimeters.values() for code, polygon in zip(p.codes, p.polygons, strict=True)}
    shapes = np.array([polygons.get(code) for code in qpv_code], dtype=object)
    there = np.isfinite(x) & np.isfinite(y)
    metres = np.full(len(x), np.nan)
    metres[there] = shapely.distance(shapely.points(x[there], y[there]), shapes[there])
    return rounded_m(metres)


def nearest_points(
    perimeters: Mapping[str, Perimeters],
    x: np.ndarray,
    y: np.ndarray,
    *,
    territory: pd.Series,
    codes: pd.Series,
    of: np.ndarray,
) -> pd.DataFrame:
    """Return the nearest point of each group for each QPV of its territory: ``group``, ``qpv_code``, ``code``, ``distance_m``.

    ``x`` and ``y`` are in the metres of ``territory``; ``of`` numbers the group of each point from 0. Of points at the same
    rounded distance, the one with the smallest code.
    """
    order = pd.factorize(codes, sort=True)[0]
    points = pd.DataFrame(
        {"x": x, "y": y, "group": of, "order": order, "code": codes.array, "territory": territory.array}
    )
    points = points[np.isfinite(x) & np.isfinite(y) & points["territory"].isin(list(perimeters))]
    parts = [_nearest(points.take(at), perimeters[name]) for (name,), at in groups(points, "territory")]
    return pd.concat([_NEAREST, *parts], ignore_index=True)


def _nearest(points: pd.DataFrame, perimeters: Perimeters) -> pd.DataFrame:
    """Return the nearest point of each group and polygon, in the metres of one territory.

    It is no farther from a vertex of the polygon than the point nearest to that vertex, plus the length of the polygon. A pair of
    polygon and spot, in whatever groups, is measured once.
    """
    polygons, vertices = perimeters.polygons, _vertices(perimeters.polygons)
    west, south, east, north = shapely.bounds(polygons).T
    length = np.hypot(east - west, north - south) + MARGIN_M
    spots, number = np.unique(points["x"].to_numpy() + 1j * points["y"].to_numpy(), return_inverse=True)
    drawn = shapely.points(spots.real, spots.imag)
    distinct = points.assign(spot=number).sort_values("order").drop_duplicates(["group", "spot"])
    candidates = []
    for _, own in distinct.groupby("group"):
        tree = shapely.STRtree(drawn[own["spot"]])
        _, reach = tree.query_nearest(vertices, return_distance=True, all_matches=False)
        polygon, at = tree.query(vertices, predicate="dwithin", distance=reach + length)
        candidates.append(own.take(at).assign(polygon=polygon))
    pairs = pd.concat(candidates)
    measured, back = np.unique(pairs["polygon"] * len(spots) + pairs["spot"], return_inverse=True)
    polygon, spot = np.divmod(measured, len(spots))
    pairs["distance_m"] = rounded_m(shapely.distance(polygons[polygon], drawn[spot]))[back]
    pairs["qpv_code"] = pd.array(perimeters.codes, dtype="str").take(pairs["polygon"].to_numpy())
    best = pairs.sort_values(["group", "polygon", "distance_m", "order"]).drop_duplicates(["group", "polygon"])
    return best[list(_NEAREST)]
