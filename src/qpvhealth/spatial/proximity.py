"""The exact answer for a point and its candidate QPV: covered by, else nearest to, measured on the polygons themselves.

The signed distance of a point to a polygon is the distance outside, minus the distance to the border inside. The QPV of a
point is the one of smallest signed distance: the deepest of those that cover it, else the nearest; then the smallest code.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
import shapely


class Perimeters(NamedTuple):
    """The polygons of one territory and generation, in metres, in the order of their codes; collapsed ones left out."""

    codes: np.ndarray
    polygons: np.ndarray


class Shapes:
    """Polygons in metres, each prepared once for each thread that asks about it.

    GEOS builds the inner index of a prepared polygon while it is used, without a lock: two threads that share one end in a
    corrupted heap, even where it has been used before on a vertex of its own (seen in three runs of three).
    """

    def __init__(self, polygons: np.ndarray) -> None:
        """Keep polygons; nothing is prepared yet."""
        self.polygons = polygons
        self._boxes = shapely.bounds(polygons)
        self._own = threading.local()

    def __len__(self) -> int:
        """Count the polygons."""
        return len(self.polygons)

    def covers(self, which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Say whether polygon ``which[i]`` covers point ``i``, border included, by GEOS's exact predicate."""
        west, south, east, north = self._boxes[which].T
        near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
        order = near[np.argsort(which[near], kind="stable")]
        told = np.zeros(len(which), dtype=bool)
        told[order] = shapely.intersects_xy(self._prepared(which[order]), x[order], y[order])
        return told

    def distances(self, which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the distance, in metres, of point ``i`` to polygon ``which[i]``; 0 inside."""
        found: np.ndarray = shapely.distance(self.polygons[which], shapely.points(x, y))
        return found

    def depths(self, which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the distance, in metres, of point ``i`` to the border of polygon ``which[i]``."""
        found: np.ndarray = shapely.distance(shapely.boundary(self.polygons[which]), shapely.points(x, y))
        return found

    def _prepared(self, which: np.ndarray) -> np.ndarray:
        """Return this thread's own copies of polygons, prepared."""
        mine: np.ndarray | None = getattr(self._own, "polygons", None)
        if mine is None:
            mine = self._own.polygons = np.full(len(self.polygons), None, dtype=object)
        missing = np.bincount(which, minlength=len(mine)).astype(bool) & shapely.is_missing(mine)
        copies = shapely.from_wkb(shapely.to_wkb(self.polygons[missing]))
        shapely.prepare(copies)
        mine[missing] = copies
        return np.asarray(mine[which])


class Ranked(NamedTuple):
    """Candidate pairs, those of a point together, its best first: inside or not, and metres (outside; inside, 0 or minus the depth)."""

    point: np.ndarray
    polygon: np.ndarray
    is_inside: np.ndarray
    signed_m: np.ndarray

    @property
    def is_first(self) -> np.ndarray:
        """Say which pair is the best of its point."""
        return np.concatenate([[True], self.point[1:] != self.point[:-1]])[: len(self.point)]


def rank(x: np.ndarray, y: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], shapes: Shapes) -> Ranked:
    """Rank candidate pairs: what covers the point first, the deepest first; then the nearest; then the smallest code.

    ``pairs``: positions of points and of the polygons each may belong to; the order of polygons is that of their codes. The depth is
    measured where several cover a point.
    """
    point, polygon = pairs
    covered = shapes.covers(polygon, x[point], y[point])
    signed = np.zeros(len(point))
    apart = ~covered
    signed[apart] = shapes.distances(polygon[apart], x[point[apart]], y[point[apart]])
    several = covered & (np.bincount(point[covered], minlength=len(x))[point] > 1)
    signed[several] = -shapes.depths(polygon[several], x[point[several]], y[point[several]])
    order = np.lexsort((polygon, signed, apart, point))
    return Ranked(point[order], polygon[order], covered[order], signed[order])


class Choice(NamedTuple):
    """For each point: the polygon that was chosen (-1: none within the distance), whether it covers, metres to it (0 inside)."""

    polygon: np.ndarray
    is_inside: np.ndarray
    distance_m: np.ndarray


def choose(
    x: np.ndarray, y: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], shapes: Shapes, within_m: float
) -> Choice:
    """Choose among candidate pairs the QPV of each point: the first of ``rank`` within ``within_m`` (≤), in metres."""
    ranked = rank(x, y, pairs, shapes)
    first = ranked.is_first & (ranked.signed_m <= within_m)
    point = ranked.point[first]
    chosen = np.full(len(x), -1, dtype=np.int64)
    chosen[point] = ranked.polygon[first]
    is_inside = np.zeros(len(x), dtype=bool)
    is_inside[point] = ranked.is_inside[first]
    distance = np.full(len(x), np.nan)
    distance[point] = np.maximum(ranked.signed_m[first], 0.0)
    return Choice(chosen, is_inside, distance)


def nearby(x: np.ndarray, y: np.ndarray, shapes: Shapes, within_m: float) -> Choice:
    """Choose the QPV of each point with no hint, all in the metres of one territory; a null coordinate gets none."""
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    tree = shapely.STRtree(shapes.polygons)
    at, polygon = tree.query(shapely.points(x[there], y[there]), predicate="dwithin", distance=within_m)
    return choose(x, y, (there[at], polygon), shapes, within_m)
