"""Cells of a territory, cut where points fall: what is decided once for all the points of a cell, by the distance to the QPV.

With the distance taken negative inside a polygon, the QPV of a point is the one of smallest signed distance (the deepest
inside, else the nearest). Each signed distance changes by at most one metre a metre, so its value at the centre of a cell
bounds it over the cell: a cell is decided where that bound leaves one answer, and cut in four otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from qpvhealth.locate.plane import Plane
    from qpvhealth.spatial.proximity import Shapes

UNKNOWN, INSIDE, OUTSIDE = 0, -1, 1
NOTHING, OPEN = 0, -1
BLOCK_BITS = 2
BLOCK = 1 << BLOCK_BITS
"""A cell is cut into so many cells across and up."""
SEGMENTS_AT_ONCE, MOST_PAIRS = 1 << 15, 2_000_000
SLACK_M = 1e-5
"""Added to every bound: far more than the micrometre that distances are rounded to, far less than anything measured."""
ROUNDING = 1e-13
"""Added to one minus a cosine: far more than its rounding."""


class Border(NamedTuple):
    """The segments of all polygons of a territory, one a row: start, step to the end, its square, end (metres); ``first[q]`` is the first of ``q``."""

    segments: np.ndarray
    first: np.ndarray

    def distances(self, x: np.ndarray, y: np.ndarray, first: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """Return the distance of each point to the nearest of its segments, ``segment[first[i]:first[i + 1]]``: at least one.

        The operations are those of GEOS (``Distance::pointToSegment``) in their order, and so is the result, to the last bit.
        """
        n = np.diff(first)
        px, py = np.repeat(x, n), np.repeat(y, n)
        start_x, start_y, dx, dy, squared, end_x, end_y = self.segments.take(segment, axis=0).T
        qx, qy = px - start_x, py - start_y
        with np.errstate(divide="ignore", invalid="ignore"):
            along = (qx * dx + qy * dy) / squared
            distance = np.abs(qx * dy - qy * dx) / squared * np.sqrt(squared)
        before = np.flatnonzero(~(along > 0))  # those without length too
        distance[before] = np.sqrt(qx[before] * qx[before] + qy[before] * qy[before])
        after = np.flatnonzero(along >= 1)
        qx, qy = px[after] - end_x[after], py[after] - end_y[after]
        distance[after] = np.sqrt(qx * qx + qy * qy)
        return np.asarray(np.minimum.reduceat(distance, first[:-1]))


class Cells(NamedTuple):
    """Undecided cells of one size, each with its candidate polygons, each of these with its candidate segments.

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

    def take(self, which: np.ndarray) -> Cells:
        """Return some of the cells, in the order of their positions."""
        size = self.start[which + 1] - self.start[which]
        pair = ranges(self.start[which], size)
        n_segments = self.first[pair + 1] - self.first[pair]
        segment = self.segment[ranges(self.first[pair], n_segments)]
        places = self.ix[which], self.iy[which]
        return Cells(*places, offsets(size), self.polygon[pair], self.sign[pair], offsets(n_segments), segment)


@dataclass(frozen=True)
class Territory:
    """What is cut: the polygons (metres), their segments, the plane over them, the distance (metres).

    ``offset``: how many of the ``n`` polygons of the whole index come before. ``is_measured``: the distance of what is near is wanted
    too, so that no cell is decided near.
    """

    shapes: Shapes
    border: Border
    plane: Plane
    within_m: float
    offset: int
    n: int
    is_measured: bool


def border(polygons: np.ndarray) -> Border:
    """Take polygons apart into segments, holes included."""
    parts, of_polygon = shapely.get_parts(polygons, return_index=True)
    rings, of_part = shapely.get_rings(parts, return_index=True)
    xy, of_ring = shapely.get_coordinates(rings, return_index=True)
    joined = of_ring[1:] == of_ring[:-1]
    start, end = xy[:-1][joined], xy[1:][joined]
    step = end - start
    owner = of_polygon[of_part[of_ring[:-1][joined]]]
    first = np.searchsorted(owner, np.arange(len(polygons) + 1))
    squared = step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1]
    return Border(np.concatenate([start, step, squared[:, None], end], axis=1), first)


def covering(territory: Territory, deepest: int) -> tuple[int, Cells]:
    """Return the cells that the box of a polygon comes within the distance of, each with the polygons that may matter there, seen by their boxes.

    No segment is listed. They are cells of level ``deepest``, or the first larger ones that come in ``MOST_PAIRS`` with their polygons.
    """
    plane, boxes = territory.plane, shapely.bounds(territory.shapes.polygons)
    west, south, east, north = plane.covering(territory.shapes.polygons, territory.within_m, 0)
    wide, high = east - west + 1, north - south + 1
    polygon = np.repeat(np.arange(len(wide)), wide * high)
    rank = ranges(np.zeros_like(wide), wide * high)
    ix, iy = west[polygon] + rank % wide[polygon], south[polygon] + rank // wide[polygon]
    for level in range(deepest + 1):
        columns = plane.columns << level
        if level:
            ix, iy, polygon = (np.tile(2 * ix, 4), np.tile(2 * iy, 4), np.tile(polygon, 4))
            ix[len(ix) // 2 :] += 1
            iy.reshape(2, 2, -1)[:, 1] += 1
            west, south, east, north = plane.covering(territory.shapes.polygons, territory.within_m, level)
            near = (ix >= west[polygon]) & (ix <= east[polygon]) & (iy >= south[polygon]) & (iy <= north[polygon])
            ix, iy, polygon = ix[near], iy[near], polygon[near]
        cell, which = np.unique(iy * columns + ix, return_inverse=True)
        x, y = plane.metres(level, cell % columns + 0.5, cell // columns + 0.5)
        least, most = _box_distances(boxes[polygon], x[which], y[which])
        # the nearest polygon of every point of a cell is no farther than the farthest corner of any box
        limit = np.full(len(cell), np.inf)
        np.minimum.at(limit, which, most)
        near = least <= limit[which] + 2 * plane.radius[level] + SLACK_M
        ix, iy, polygon, which = ix[near], iy[near], polygon[near], which[near]
        if len(polygon) > MOST_PAIRS:
            break
    order = np.lexsort((polygon, which))
    polygon = polygon[order].astype(np.int32)
    return level, Cells(
        (cell % columns).astype(np.int32),
        (cell // columns).astype(np.int32),
        np.searchsorted(which[order], np.arange(len(cell) + 1)),
        polygon,
        np.full(len(polygon), UNKNOWN, dtype=np.int8),
        np.zeros(len(polygon) + 1, dtype=np.int64),
        np.zeros(0, dtype=np.int32),
    )


def _box_distances(boxes: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each point is from its box, and from the farthest corner of it."""
    west, south, east, north = boxes.T
    least = np.hypot(np.maximum(0, np.maximum(west - x, x - east)), np.maximum(0, np.maximum(south - y, y - north)))
    return least, np.hypot(np.maximum(x - west, east - x), np.maximum(y - south, north - y))


def cut(territory: Territory, cells: Cells, level: int) -> tuple[np.ndarray, Cells]:
    """Cut cells of a level into 4 by 4, in two steps.

    Returns the values of the small cells of each, shape (n, 4, 4), and the undecided ones, to which ``undecided_values`` refer.
    """
    blocks = np.full((len(cells.ix), BLOCK, BLOCK), NOTHING, dtype=np.int32)
    undecided, n_undecided = [cells.take(np.arange(0))], 0
    for a, b in runs(n_segments(cells, territory.border)):
        part, of = _with_segments(cells.take(np.arange(a, b)), territory.border), np.arange(a, b)
        for step in range(1, BLOCK_BITS + 1):
            part, of, wide = _quartered(part), np.tile(of, 4), BLOCK >> step
            value, left = _classified(part, territory, level + step)
            row, column = ((v % (1 << step)) * wide for v in (part.iy, part.ix))
            decided = np.flatnonzero(value > NOTHING)
            for up in range(wide):
                for across in range(wide):
                    blocks[of[decided], row[decided] + up, column[decided] + across] = value[decided]
            part, of = left, of[value == OPEN]
        blocks[of, part.iy % BLOCK, part.ix % BLOCK] = undecided_values(n_undecided, len(of))
        undecided, n_undecided = [*undecided, part], n_undecided + len(of)
    return blocks, join(undecided)


def join(parts: list[Cells]) -> Cells:
    """Put cells end to end."""
    ix, iy, start, polygon, sign, first, segment = zip(*parts, strict=True)
    starts, firsts = (offsets(np.concatenate([np.diff(o) for o in each])) for each in (start, first))
    ix, iy, polygon, sign, segment = map(np.concatenate, (ix, iy, polygon, sign, segment))
    return Cells(ix, iy, starts, polygon, sign, firsts, segment)


def n_segments(cells: Cells, border: Border) -> np.ndarray:
    """Count the segments of the candidates of each cell."""
    if len(cells.segment):
        return np.asarray(np.diff(cells.first[cells.start]))
    n_before = offsets(np.diff(border.first)[cells.polygon])
    return np.asarray(np.diff(n_before[cells.start]))


def ranges(start: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Put the ranges ``start[i] .. start[i] + size[i]`` end to end."""
    return np.asarray(np.arange(int(size.sum())) + np.repeat(start - (np.cumsum(size) - size), size))


def offsets(sizes: np.ndarray) -> np.ndarray:
    """Return where runs of these sizes start when put end to end, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def runs(sizes: np.ndarray) -> list[tuple[int, int]]:
    """Cut positions into runs of about as many segments, so that arrays stay in the cache of a core."""
    total = np.cumsum(sizes)
    cuts = np.searchsorted(total, np.arange(SEGMENTS_AT_ONCE, total[-1] if len(total) else 0, SEGMENTS_AT_ONCE)) + 1
    return list(pairwise([0, *(int(c) for c in np.unique(cuts) if c < len(sizes)), len(sizes)])) if len(sizes) else []


def values(polygon: np.ndarray, is_inside: np.ndarray, offset: int, n: int) -> np.ndarray:
    """Return answers as numbers: 0 for no polygon (-1), from 1 on inside one of ``n``, from ``n + 1`` on near one; ``offset`` come before."""
    return np.where(polygon < 0, NOTHING, 1 + offset + polygon + np.where(is_inside, 0, n)).astype(np.int32)


def undecided_values(first: int, n: int) -> np.ndarray:
    """Return the values of undecided cells, ``n`` from place ``first`` on in their list: -2, -4, ...; the odd ones are blocks."""
    return -2 - 2 * (first + np.arange(n, dtype=np.int32))


def _with_segments(cells: Cells, border: Border) -> Cells:
    """List all segments of the candidates of cells that have none listed."""
    if len(cells.segment):
        return cells
    n = np.diff(border.first)[cells.polygon]
    return cells._replace(first=offsets(n), segment=ranges(border.first[cells.polygon], n).astype(np.int32))


def _quartered(cells: Cells) -> Cells:
    """Cut each cell in four, each with the candidates of the whole; their segments, four times the same, are listed once."""
    n = len(cells.ix)
    east, north = np.repeat([0, 1, 0, 1], n).astype(np.int32), np.repeat([0, 0, 1, 1], n).astype(np.int32)
    return Cells(
        np.tile(cells.ix, 4) * 2 + east,
        np.tile(cells.iy, 4) * 2 + north,
        offsets(np.tile(np.diff(cells.start), 4)),
        np.tile(cells.polygon, 4),
        np.tile(cells.sign, 4),
        offsets(np.tile(np.diff(cells.first), 4)),
        cells.segment,
    )


def _classified(cells: Cells, territory: Territory, level: int) -> tuple[np.ndarray, Cells]:
    """Give the value of each cell, and those that are ``OPEN`` with what is left of their candidates.

    A polygon stays a candidate where its signed distance at the centre is within a cell's width (twice the radius) of the
    smallest one, and not beyond the distance; a segment, where it may be the nearest of its polygon for a point of the cell.
    """
    radius, within = territory.plane.radius[level] + SLACK_M, territory.within_m
    if not len(cells.ix):
        return np.zeros(0, dtype=np.int32), cells
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
    near = (n == 1) & (smallest > radius) & (smallest + radius <= within) & (not territory.is_measured)
    polygon = np.maximum.reduceat(np.where(candidate, cells.polygon, -1), cells.start[:-1])
    is_open = (n > 0) & ~(inside | near)
    value = values(np.where(is_open, -1, polygon), inside, territory.offset, territory.n)
    value[is_open] = OPEN
    left = candidate & is_open[owner]
    sign[distance <= radius] = UNKNOWN
    first, segment = _nearest_segments(cells, feet, distance, left, radius)
    start = offsets(np.add.reduceat(left, cells.start[:-1], dtype=np.int64)[is_open])
    return value, Cells(cells.ix[is_open], cells.iy[is_open], start, cells.polygon[left], sign[left], first, segment)


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
    n = np.bincount(of[seen], minlength=len(left))[left]
    return offsets(n), cells.segment.take(within[seen] % max(len(cells.segment), 1))


def _feet(cells: Cells, x: np.ndarray, y: np.ndarray, border: Border) -> tuple[np.ndarray, ...]:
    """Measure each candidate segment from the centre of its cell.

    Returns how far east and north of the nearest point of the segment the centre lies (metres), and that distance squared.
    """
    segment = cells.segment
    n = np.diff(cells.first[cells.start])
    qx, qy = (np.repeat(v, n).reshape(-1, max(len(segment), 1)) for v in (x, y))
    start_x, start_y, dx, dy, length2 = border.segments.take(segment, axis=0).T[:5]
    qx -= start_x
    qy -= start_y
    along = qx * dx
    part = qy * dy
    along += part
    along /= np.where(length2 > 0, length2, 1.0)
    np.maximum(along, 0.0, out=along)
    np.minimum(along, 1.0, out=along)
    qx -= np.multiply(along, dx, out=part)
    qy -= np.multiply(along, dy, out=part)
    squared = np.multiply(qx, qx, out=along)
    squared += np.multiply(qy, qy, out=part)
    return qx.ravel(), qy.ravel(), squared.ravel()
