"""The exact answer for a point and its candidate QPV: inside, else nearest to, measured on the polygons themselves.

Distances are metres rounded to the micrometre (``precision.rounded_m``) before they are compared. A point is inside a polygon that
covers it, border included, or whose distance rounds to 0. The signed distance of a point to a polygon is the distance outside, minus
the distance to the border inside. The QPV of a point is the one of smallest signed distance: the deepest of those it is inside, else
the nearest; then the smallest code.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
import shapely

from qpvhealth.contract.precision import MARGIN_M, rounded_m


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
        """Take polygons; nothing is prepared yet."""
        self.polygons = polygons
        self._boxes = shapely.bounds(polygons)
        self._own = threading.local()

    def __len__(self) -> int:
        """Count the polygons."""
        return len(self.polygons)

    def covers(self, which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Say whether polygon ``which[i]`` covers point ``i``, border included, by GEOS's exact predicate."""
        order = self._in_box(which, x, y, 0.0)
        mask = np.zeros(len(which), dtype=bool)
        mask[order] = shapely.intersects_xy(self._prepared(which[order]), x[order], y[order])
        return mask

    def contains(self, which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Say whether point ``i`` is inside polygon ``which[i]``: covered by it, or at a distance that rounds to 0."""
        mask = self.covers(which, x, y)
        close = self._in_box(which, x, y, MARGIN_M)
        close = close[~mask[close]]
        points = shapely.points(x[close], y[close])
        close = close[shapely.dwithin(self._prepared(which[close]), points, MARGIN_M)]
        mask[close] = self.distances(which[close], x[close], y[close]) == 0
        return mask

    def distances(self, which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the rounded distance, in metres, of point ``i`` to polygon ``which[i]``; 0 inside."""
        return rounded_m(shapely.distance(self.polygons[which], shapely.points(x, y)))

    def depths(self, which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the rounded distance, in metres, of point ``i`` to the border of polygon ``which[i]``."""
        return rounded_m(shapely.distance(shapely.boundary(self.polygons[which]), shapely.points(x, y)))

    def _in_box(self, which: np.ndarray, x: np.ndarray, y: np.ndarray, margin_m: float) -> np.ndarray:
        """Return the positions of the points in the box of their polygon, or as close to it, in the order of the polygons."""
        west, south, east, north = self._boxes[which].T
        near = (x >= west - margin_m) & (x <= east + margin_m) & (y >= south - margin_m) & (y <= north + margin_m)
        at = np.flatnonzero(near)
        return at[np.argsort(which[at], kind="stable")]

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
    """Candidate pairs in the order of points, the best of each first: inside or not, and signed metres (inside, 0 or minus the depth)."""

    point: np.ndarray
    polygon: np.ndarray
    is_inside: np.ndarray
    signed_m: np.ndarray

    @property
    def is_first(self) -> np.ndarray:
        """Say which pair is the best of its point."""
        return np.concatenate([[True], self.point[1:] != self.point[:-1]])[: len(self.point)]


def rank(x: np.ndarray, y: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], shapes: Shapes) -> Ranked:
    """Rank candidate pairs: the polygons a point is inside first, the deepest first; then the nearest; then the smallest code.

    ``pairs``: positions of points and of the polygons each may belong to; the order of polygons is that of their codes. The depth is
    measured where a point is inside several.
    """
    point, polygon = pairs
    outside = ~shapes.covers(polygon, x[point], y[point])
    signed = np.zeros(len(point))
    signed[outside] = shapes.distances(polygon[outside], x[point[outside]], y[point[outside]])
    inside = signed == 0
    several = inside & (np.bincount(point[inside], minlength=len(x))[point] > 1)
    signed[several] = -shapes.depths(polygon[several], x[point[several]], y[point[several]])
    order = np.lexsort((polygon, signed, ~inside, point))
    return Ranked(point[order], polygon[order], inside[order], signed[order])


def choose(
    x: np.ndarray, y: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], shapes: Shapes, within_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Choose among candidate pairs the QPV of each point: the first of ``rank`` within ``within_m`` (≤), in metres.

    Returns for each point the polygon (-1: none within the distance), and whether the point is inside it.
    """
    ranked = rank(x, y, pairs, shapes)
    first = ranked.is_first & (ranked.signed_m <= within_m)
    point = ranked.point[first]
    chosen, is_inside = np.full(len(x), -1, dtype=np.int64), np.zeros(len(x), dtype=bool)
    chosen[point], is_inside[point] = ranked.polygon[first], ranked.is_inside[first]
    return chosen, is_inside


def nearby(x: np.ndarray, y: np.ndarray, shapes: Shapes, within_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Choose the QPV of each point with no hint, all in the metres of one territory; a null coordinate gets none."""
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    tree = shapely.STRtree(shapes.polygons)
    points = shapely.points(x[there], y[there])
    at, polygon = tree.query(points, predicate="dwithin", distance=within_m + MARGIN_M)
    return choose(x, y, (there[at], polygon), shapes, within_m)
