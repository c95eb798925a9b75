"""A territory cut into cells that are decided once for all their points: a quadtree over the distance to the QPV.

With the distance taken negative inside a polygon, the QPV of a point is the one of smallest signed distance (the deepest
inside, else the nearest). Each signed distance changes by at most one metre a metre, so its value at the centre of a cell
bounds it over the cell: a cell is decided where that bound leaves one answer, and cut in four otherwise.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qpvhealth.locate.plane import Plane
    from qpvhealth.spatial.proximity import Shapes

UNKNOWN, INSIDE, OUTSIDE = 0, -1, 1
PAIRS_AT_ONCE = 1 << 15
SLACK_M = 1e-5
"""Added to every bound: far more than the micrometre that distances are rounded to, far less than anything measured."""
ROUNDING = 1e-13
"""Added to one minus a cosine: far more than its rounding."""


class Border(NamedTuple):
    """The segments of all polygons of a territory: start, unit direction, length (metres); ``first[q]`` is the first of ``q``."""

    x: np.ndarray
    y: np.ndarray
    ux: np.ndarray
    uy: np.ndarray
    length: np.ndarray
    first: np.ndarray


class Cells(NamedTuple):
    """Cells of one size still undecided, each with its candidate polygons, each of these with its candidate segments.

    ``ix``, ``iy``: place in the grid of that size. Candidates of cell ``i``: ``polygon[start[i]:start[i + 1]]``, with ``sign``
    (of the distance over the whole cell, where known); segments of candidate ``j``: ``segment[first[j]:first[j + 1]]``.
    """

    ix: np.ndarray
    iy: np.ndarray
    start: np.ndarray
    polygon: np.ndarray
    sign: np.ndarray
    first: np.ndarray
    segment: np.ndarray

    def run(self, a: int, b: int) -> Cells:
        """Return consecutive cells, from ``a`` to before ``b``."""
        ga, gb = self.start[a], self.start[b]
        pa, pb = self.first[ga], self.first[gb]
        return Cells(
            self.ix[a:b],
            self.iy[a:b],
            self.start[a : b + 1] - ga,
            self.polygon[ga:gb],
            self.sign[ga:gb],
            self.first[ga : gb + 1] - pa,
            self.segment[pa:pb],
        )


class Decided(NamedTuple):
    """Cells of one size with one answer: the polygon, and whether its points are inside it (else near it)."""

    ix: np.ndarray
    iy: np.ndarray
    polygon: np.ndarray
    is_inside: np.ndarray


@dataclass(frozen=True)
class Territory:
    """What is subdivided: the polygons (metres), their segments, the plane over them, the distance (metres)."""

    shapes: Shapes
    border: Border
    plane: Plane
    within_m: float


def border(polygons: np.ndarray) -> Border:
    """Take polygons apart into segments, holes included."""
    parts, of_polygon = shapely.get_parts(polygons, return_index=True)
    rings, of_part = shapely.get_rings(parts, return_index=True)
    xy, of_ring = shapely.get_coordinates(rings, return_index=True)
    joined = of_ring[1:] == of_ring[:-1]
    a, b = xy[:-1][joined], xy[1:][joined]
    step = b - a
    length = np.hypot(step[:, 0], step[:, 1])
    unit = step / np.where(length > 0, length, 1.0)[:, None]
    owner = of_polygon[of_part[of_ring[:-1][joined]]]
    first = np.searchsorted(owner, np.arange(len(polygons) + 1))
    x, y, ux, uy = np.ascontiguousarray(np.concatenate([a, unit], axis=1).T)
    return Border(x, y, ux, uy, length, first)


def subdivide(territory: Territory, deepest: int) -> Iterator[tuple[int, Decided, Cells]]:
    """Give, from the largest cells to the smallest, the level, its decided cells and its undecided ones.

    Cells that are neither are beyond the distance of every polygon. The cells of level ``deepest`` keep no segment.
    """

    def classified(part: Cells, level: int) -> tuple[Decided, Cells]:
        """Quarter some cells, and part those that are decided from those that are not."""
        return _classified(_quartered(part) if level else part, territory, level, keep=level < deepest)

    with ThreadPoolExecutor(2) as threads:
        level, steps = 0, [threads.submit(classified, part, 0) for part in _chunks(whole(territory))]
        while steps:
            parts = [step.result() for step in steps]
            decided = Decided(*(np.concatenate(columns) for columns in zip(*(d for d, _ in parts), strict=True)))
            ix, iy, start, polygon, sign, first, segment = zip(*(cells for _, cells in parts), strict=True)
            starts, firsts = (_offsets(np.concatenate([np.diff(o) for o in offsets])) for offsets in (start, first))
            ix, iy, polygon, sign, segment = map(np.concatenate, (ix, iy, polygon, sign, segment))
            left = Cells(ix, iy, starts, polygon, sign, firsts, segment)
            # the next level is begun before this one is handed over, so that both cores have work
            chunks = _chunks(left) if level < deepest and len(left.ix) else []
            steps = [threads.submit(classified, part, level + 1) for part in chunks]
            yield level, decided, left
            level += 1


def whole(territory: Territory) -> Cells:
    """Return the largest cells, each with the polygons whose box comes within the distance of it, and all their segments."""
    plane, first = territory.plane, territory.border.first
    west, south, east, north = plane.covering(territory.shapes.polygons, territory.within_m)
    wide, high = east - west + 1, north - south + 1
    polygon = np.repeat(np.arange(len(wide)), wide * high)
    rank = ranges(np.zeros_like(wide), wide * high)
    ix, iy = west[polygon] + rank % wide[polygon], south[polygon] + rank // wide[polygon]
    cell, which = np.unique(iy * plane.columns + ix, return_inverse=True)
    order = np.argsort(which, kind="stable")
    polygon = polygon[order]
    n_segments = (first[1:] - first[:-1])[polygon]
    return Cells(
        (cell % plane.columns).astype(np.int32),
        (cell // plane.columns).astype(np.int32),
        np.searchsorted(which[order], np.arange(len(cell) + 1)),
        polygon.astype(np.int32),
        np.zeros(len(polygon), dtype=np.int8),
        _offsets(n_segments),
        ranges(first[polygon], n_segments).astype(np.int32),
    )


def ranges(start: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Put the ranges ``start[i] .. start[i] + size[i]`` end to end."""
    return np.asarray(np.arange(int(size.sum())) + np.repeat(start - (np.cumsum(size) - size), size))


def _offsets(sizes: np.ndarray) -> np.ndarray:
    """Return where runs of these sizes start when put end to end, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(sizes)])


def _chunks(cells: Cells) -> list[Cells]:
    """Cut cells into runs of about as many segments, so that arrays stay in the cache of a core."""
    at = cells.first[cells.start]
    n = max(1, int(at[-1]) // PAIRS_AT_ONCE)
    cuts = np.unique(np.searchsorted(at, np.linspace(0, at[-1], n + 1)[1:-1]))
    edges = [0, *(int(c) for c in cuts if 0 < c < len(cells.ix)), len(cells.ix)]
    return [cells.run(a, b) for a, b in pairwise(edges)]


def _quartered(cells: Cells) -> Cells:
    """Cut each cell in four, each with the candidates of the whole; their segments, four times the same, are listed once."""
    n = len(cells.ix)
    east, north = np.repeat([0, 1, 0, 1], n).astype(np.int32), np.repeat([0, 0, 1, 1], n).astype(np.int32)
    return Cells(
        np.tile(cells.ix, 4) * 2 + east,
        np.tile(cells.iy, 4) * 2 + north,
        _offsets(np.tile(np.diff(cells.start), 4)),
        np.tile(cells.polygon, 4),
        np.tile(cells.sign, 4),
        _offsets(np.tile(np.diff(cells.first), 4)),
        cells.segment,
    )


def _classified(cells: Cells, territory: Territory, level: int, *, keep: bool) -> tuple[Decided, Cells]:
    """Part cells into decided ones and undecided ones with what is left of their candidates; drop those that are far.

    A polygon stays a candidate where its signed distance at the centre is within a cell's width (twice the radius) of the
    smallest one, and not beyond the distance; a segment, where it may be the nearest of its polygon for a point of the cell.
    """
    radius, within = territory.plane.radius[level] + SLACK_M, territory.within_m
    x, y = territory.plane.metres(level, cells.ix + 0.5, cells.iy + 0.5)
    feet = _feet(cells, x, y, territory.border)
    distance = np.sqrt(np.minimum.reduceat(feet[2], cells.first[:-1]))
    size = np.diff(cells.start)
    owner = np.repeat(np.arange(len(size)), size)
    sign = cells.sign.astype(np.int8)
    # a border that may cross the cell of its only candidate leaves it undecided, whichever side the centre is on
    unknown = np.flatnonzero((sign == UNKNOWN) & ((distance > radius) | (size > 1)[owner]))
    covered = territory.shapes.covers(cells.polygon[unknown], x[owner[unknown]], y[owner[unknown]])
    sign[unknown] = np.where(covered, INSIDE, OUTSIDE)
    signed = distance * sign
    smallest = np.minimum.reduceat(signed, cells.start[:-1])
    candidate = (signed <= smallest[owner] + 2 * radius) & (signed <= within + radius)
    n = np.add.reduceat(candidate, cells.start[:-1], dtype=np.int32)
    inside = (n == 1) & (smallest < -radius)
    near = (n == 1) & (smallest > radius) & (smallest + radius <= within)
    polygon = np.maximum.reduceat(np.where(candidate, cells.polygon, -1), cells.start[:-1])
    done = inside | near
    open_cell = (n > 0) & ~done
    left = candidate & open_cell[owner]
    sign[distance <= radius] = UNKNOWN
    first, segment = np.zeros(int(left.sum()) + 1, dtype=np.int64), np.zeros(0, dtype=np.int32)
    if keep:
        first, segment = _nearest_segments(cells, feet, distance, left, radius)
    start = _offsets(np.add.reduceat(left, cells.start[:-1], dtype=np.int64)[open_cell])
    decided = Decided(cells.ix[done], cells.iy[done], polygon[done], inside[done])
    ix, iy = cells.ix[open_cell], cells.iy[open_cell]
    return decided, Cells(ix, iy, start, cells.polygon[left], sign[left], first, segment)


def _nearest_segments(
    cells: Cells, feet: tuple[np.ndarray, ...], distance: np.ndarray, left: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return, of the candidates that are ``left``, the segments that may be their nearest for a point of the cell.

    From a point at most ``radius`` off the centre, no segment is nearer or farther by more than ``radius`` than from the centre.
    And let the nearest point of the nearest segment be ``d`` from the centre in the direction ``u``, of another ``e`` in the direction
    ``v``. A point off the centre by ``w``, at most ``r`` long, is at most ``d + r² / 2d - u·w`` from the first and at least ``e - v·w``
    from the other: the other is never nearest where ``e - d - r² / 2d > r |u - v|``. Far off, where all segments lie in one
    direction, that leaves the few that face the cell. Returned as ``Cells.first`` and ``Cells.segment``.
    """
    feet_x, feet_y, squared = feet
    reach = np.where(left, distance + 2 * radius, -1.0)
    limit = np.where(left, reach * reach, -1.0)
    within = np.flatnonzero(squared <= np.repeat(limit, np.diff(cells.first)))
    of = np.repeat(np.arange(len(left)), np.diff(np.searchsorted(within, cells.first)))
    x, y, away = feet_x.take(within), feet_y.take(within), np.sqrt(squared.take(within))
    nearest = np.flatnonzero(away == distance.take(of))
    ux, uy = np.zeros((2, len(distance)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ux[of[nearest]], uy[of[nearest]] = x[nearest] / away[nearest], y[nearest] / away[nearest]
        cosine = x * ux.take(of)
        cosine += y * uy.take(of)
        cosine /= away
        away -= (distance + radius * radius / (2 * distance)).take(of)
        seen = ~(away > radius * np.sqrt(2 * (1 + ROUNDING - cosine)))
    n_segments = np.bincount(of[seen], minlength=len(left))[left]
    return _offsets(n_segments), cells.segment.take(within[seen] % max(len(cells.segment), 1))


def _feet(cells: Cells, x: np.ndarray, y: np.ndarray, border: Border) -> tuple[np.ndarray, ...]:
    """Measure each candidate segment from the centre of its cell.

    Returns how far east and north of the nearest point of the segment the centre lies (metres), and that distance squared.
    """
    segment = cells.segment
    n_segments = np.diff(cells.first[cells.start])
    dx, dy = (np.repeat(v, n_segments).reshape(-1, max(len(segment), 1)) for v in (x, y))
    ux, uy = border.ux.take(segment), border.uy.take(segment)
    dx -= border.x.take(segment)
    dy -= border.y.take(segment)
    along = dx * ux
    part = dy * uy
    along += part
    np.maximum(along, 0.0, out=along)
    np.minimum(along, border.length.take(segment), out=along)
    dx -= np.multiply(along, ux, out=part)
    dy -= np.multiply(along, uy, out=part)
    squared = np.multiply(dx, dx, out=along)
    squared += np.multiply(dy, dy, out=part)
    return dx.ravel(), dy.ravel(), squared.ravel()
