"""The exact answer for a point and its candidate QPV: inside, else nearest to, measured on the polygons themselves.

Distances are metres rounded to the micrometre (``precision.rounded_m``) before they are compared. A point is inside a polygon that
covers it, border included, or whose distance rounds to 0. The signed distance of a point to a polygon is the distance outside, minus
the distance to the border inside. The QPV of a point is the one of smallest signed distance: the deepest of those it is inside, else
the nearest; then the smallest code.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from qpvhealth.contract.precision import MARGIN_M, rounded_m

if TYPE_CHECKING:
    from collections.abc import Callable

    Measured = Callable[[np.ndarray], np.ndarray]


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
        self._tree: shapely.STRtree | None = None
        self._own = threading.local()

    def __len__(self) -> int:
        """Count the polygons."""
        return len(self.polygons)

    def candidates(self, x: np.ndarray, y: np.ndarray, within_m: float) -> tuple[np.ndarray, np.ndarray]:
        """Pair each point with the polygons whose box is at most ``within_m`` away, to the east or north; positions of both."""
        if self._tree is None:
            self._tree = shapely.STRtree(self.polygons)
        point, polygon = self._tree.query(shapely.box(x - within_m, y - within_m, x + within_m, y + within_m))
        return point, polygon

    def covers(self, which: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Say whether polygon ``which[i]`` covers point ``i``, border included, by GEOS's exact predicate."""
        order = self._in_box(which, x, y, 0.0)
        mask = np.zeros(len(which), dtype=bool)
        mask[order] = shapely.intersects_xy(self._prepared(which[order]), x[order], y[order])
        return mask

    def are_near(self, which: np.ndarray, x: np.ndarray, y: np.ndarray, within_m: float) -> np.ndarray:
        """Say whether point ``i`` is inside polygon ``which[i]``, or at most ``within_m`` away."""
        order = self._in_box(which, x, y, within_m)
        mask = np.zeros(len(which), dtype=bool)
        mask[order] = shapely.dwithin(self._prepared(which[order]), shapely.points(x[order], y[order]), within_m)
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
        copies = shapely.force_2d(self.polygons[missing])  # new ones, even of polygons without heights
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

    def chosen(self, n_points: int, within_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the QPV of each of ``n_points``, the first within ``within_m`` (≤); whether the point is inside it; and its signed metres.

        -1, False and NaN where none is within the distance.
        """
        first = self.is_first & (self.signed_m <= within_m)
        point = self.point[first]
        polygon, is_inside = np.full(n_points, -1, dtype=np.int64), np.zeros(n_points, dtype=bool)
        signed_m = np.full(n_points, np.nan)
        polygon[point], is_inside[point], signed_m[point] = (
            self.polygon[first],
            self.is_inside[first],
            self.signed_m[first],
        )
        return polygon, is_inside, signed_m


def rank(x: np.ndarray, y: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], shapes: Shapes) -> Ranked:
    """Rank candidate pairs: the polygons a point is inside first, the deepest first; then the nearest; then the smallest code.

    ``pairs``: positions of points and of the polygons each may belong to; the order of polygons is that of their codes. The depth is
    measured where a point is inside several.
    """
    point, polygon = pairs

    def measured(way: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> Measured:
        """Measure some of the pairs, by their positions."""
        return lambda at: way(polygon[at], x[point[at]], y[point[at]])

    covered = shapes.covers(polygon, x[point], y[point])
    return ranked(point, polygon, covered, measured(shapes.distances), measured(shapes.depths))


def ranked(
    point: np.ndarray, polygon: np.ndarray, covered: np.ndarray, distances: Measured, depths: Measured
) -> Ranked:
    """Rank candidate pairs as ``rank`` does: ``covered`` says which polygons cover their point, the two measures give metres for some pairs."""
    outside = np.flatnonzero(~covered)
    signed = np.zeros(len(point))
    signed[outside] = distances(outside)
    inside = signed == 0
    n_inside = np.bincount(point[inside], minlength=int(point.max(initial=0)) + 1)
    several = np.flatnonzero(inside & (n_inside[point] > 1))
    signed[several] = -depths(several)
    order = np.argsort(point, kind="stable")
    again = point[order[1:]] == point[order[:-1]]
    several = order[at := np.flatnonzero(np.append(again, False) | np.append(False, again))]
    order[at] = several[np.lexsort((polygon[several], signed[several], ~inside[several], point[several]))]
    return Ranked(point[order], polygon[order], inside[order], signed[order])


def nearby(x: np.ndarray, y: np.ndarray, shapes: Shapes, within_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choose the QPV of each point with no hint, all in the metres of one territory (``Ranked.chosen``); a null coordinate gets none."""
    there = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    at, polygon = shapes.candidates(x[there], y[there], within_m + MARGIN_M)
    point = there[at]
    near = shapes.are_near(polygon, x[point], y[point], within_m + MARGIN_M)
    return rank(x, y, (point[near], polygon[near]), shapes).chosen(len(x), within_m)
