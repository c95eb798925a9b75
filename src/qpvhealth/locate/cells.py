"""The index of a set of QPV: for any number of points, the QPV that covers each and the nearest one within a distance.

Most points lie in a cell that is decided for all its points; the others are measured on the polygons that are candidates in
their cell (``proximity``). So the answer is that of the polygons themselves, point for point.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely
from pyproj import CRS

from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.locate.plane import TOP_M, Plane
from qpvhealth.locate.subdivision import UNKNOWN, Territory, border, ranges, subdivide
from qpvhealth.spatial.projection import WGS84, same_crs, territories_at, transform_points
from qpvhealth.spatial.proximity import Perimeters, Shapes, choose, nearby

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = (5, 8, 11)
"""Sizes at which cells are looked up: about 1 km, 128 m, 16 m."""
POINTS_FOR_LEVELS = {0: 0, 2: 50_000, 3: 5_000_000}
"""From how many points on so many sizes pay: few points are measured one by one before a plane is cut, millions need small cells."""
CLOSE_IN_TOWNS = 0.18
"""The share of points around towns that cells of 128 m leave undecided: what ``POINTS_FOR_LEVELS`` was measured with."""
MAX_CELLS = 6_000_000
BLOCK_BITS = 3
BLOCK = 1 << BLOCK_BITS
AT_ONCE = 1 << 17
NOWHERE, ANY = 0, -(2**31)
_BOX_MARGIN = 1e-5


class Answers(NamedTuple):
    """One row per point: ``inside`` and ``near`` are positions in the codes of the index, -1 for none; metres, NaN beyond."""

    inside: np.ndarray
    near: np.ndarray
    distance_m: np.ndarray | None


@dataclass(frozen=True)
class Grid:
    """The decided and undecided cells of one territory.

    ``tables[k]`` holds the cells of ``LEVELS[k]``: 0 nothing within the distance; ``1 + q`` inside polygon ``q``; ``1 + n + q`` near it,
    where polygons are counted over the whole index (``n``) and those of this territory start at ``offset``; negative: undecided, and
    ``-1 - value`` is a block of the next table, or in the last one a test (see ``measure``).
    """

    territory: str
    crs: str
    epsg: int
    origin: tuple[float, float]
    size: tuple[float, float]
    shape: tuple[int, int]
    tables: tuple[np.ndarray, ...]
    candidates_at: np.ndarray
    candidates: np.ndarray
    offset: int
    shapes: Shapes

    def look_up(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the value of the cell of each point, the positions of the undecided ones, and which points lie on the grid at all."""
        across, up = (x - self.origin[0]) * (1 / self.size[0]), (y - self.origin[1]) * (1 / self.size[1])
        rows, columns = self.shape
        on_grid = (across >= 0) & (across < columns) & (up >= 0) & (up < rows)
        shift = BLOCK_BITS * (len(self.tables) - 1)
        with np.errstate(invalid="ignore"):
            ix, iy = (np.multiply(c, 1 << shift, out=c).astype(np.int32) for c in (across, up))
        place = (iy >> shift) * np.int32(columns) + (ix >> shift)
        place[~on_grid] = rows * columns
        value = self.tables[0].take(place)
        undecided = _undecided(value)
        ix, iy, block = (v.take(undecided) for v in (ix, iy, value))
        for table in self.tables[1:]:
            shift -= BLOCK_BITS
            row, column = (iy >> shift) & (BLOCK - 1), (ix >> shift) & (BLOCK - 1)
            block = table.take((-1 - block) * np.int32(BLOCK**2) + row * np.int32(BLOCK) + column)
            value[undecided] = block
            left = _undecided(block)
            undecided, ix, iy, block = (v.take(left) for v in (undecided, ix, iy, block))
        return value, undecided, on_grid

    def measure(self, x: np.ndarray, y: np.ndarray, test: np.ndarray, within_m: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the polygon (-1: none) of points of undecided cells, and whether they are inside it, measured one by one.

        Tests 0 to n - 1: near polygon ``q`` at least, is the point inside? n to 2n - 1: outside ``q``, is it within the distance?
        From 2n on: a list of candidates.
        """
        mx, my = transform_points(x, y, self.crs, self.epsg)
        n = len(self.shapes)
        polygon, is_inside = test % n, np.zeros(len(x), dtype=bool)
        side, ring, several = (np.flatnonzero(c) for c in (test < n, (test >= n) & (test < 2 * n), test >= 2 * n))
        is_inside[side] = self.shapes.contains(polygon[side], mx[side], my[side])
        polygon[ring[self.shapes.distances(polygon[ring], mx[ring], my[ring]) > within_m]] = -1
        start = self.candidates_at[test[several] - 2 * n]
        size = self.candidates_at[test[several] - 2 * n + 1] - start
        pairs = np.repeat(np.arange(len(several)), size), self.candidates[ranges(start, size)].astype(np.int64)
        polygon[several], is_inside[several] = choose(mx[several], my[several], pairs, self.shapes, within_m)
        return polygon, is_inside


class Index:
    """The cells of every territory of a set of QPV, for points in one coordinate system and one distance (metres)."""

    def __init__(
        self, perimeters: Mapping[str, Perimeters], grids: tuple[Grid, ...], crs: str, within_m: float
    ) -> None:
        """Gather grids; ``build`` makes them."""
        self.perimeters, self.grids, self.crs, self.within_m = dict(perimeters), grids, crs, within_m
        self.codes = np.concatenate([np.array([], dtype=object), *(p.codes for p in perimeters.values())])
        sizes = [len(p.codes) for p in perimeters.values()]
        self._offsets = dict(zip(perimeters, np.cumsum([0, *sizes]).tolist(), strict=False))
        own = {g.territory: g.shapes for g in grids}
        self._shapes = {name: own[name] if name in own else Shapes(p.polygons) for name, p in perimeters.items()}
        ends = [np.multiply(g.size, g.shape[::-1]) + g.origin for g in grids]
        boxes = [shapely.box(*g.origin, *end) for g, end in zip(grids, ends, strict=True)]
        self._overlapping = {
            g.territory for g, a in zip(grids, boxes, strict=True) if sum(map(a.intersects, boxes)) > 1
        }

    def locate(self, x: np.ndarray, y: np.ndarray, *, with_distance: bool = False) -> Answers:
        """Place points, each among the QPV of the territory where it falls, in the metres of that territory.

        ``inside``: the QPV the point is inside (see ``proximity``); of several the one in which it is deepest, then the smallest
        code. ``near``: outside all, the nearest at most ``within_m`` away (≤), then the smallest code. A point with a null
        coordinate, or outside every territory, gets none. ``distance_m``, ``with_distance``: 0 inside, NaN beyond.
        """
        starts = range(0, max(len(x), 1), AT_ONCE)
        value = np.concatenate([self._values(x[i : i + AT_ONCE], y[i : i + AT_ONCE]) for i in starts])
        n = len(self.codes)
        inside, near = np.where(value <= n, value - 1, -1), np.where(value > n, value - 1 - n, -1)
        if not with_distance:
            return Answers(inside, near, None)
        distance = np.where(inside >= 0, 0.0, np.nan)
        for name, shapes in self._shapes.items():
            polygon = near - self._offsets[name]
            if not len(at := np.flatnonzero((near >= 0) & (polygon >= 0) & (polygon < len(shapes)))):
                continue
            metres = transform_points(x[at], y[at], self.crs, TERRITORIES[name].epsg)
            distance[at] = shapes.distances(polygon[at], *metres)
        return Answers(inside, near, distance)

    def _values(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return what ``Grid`` holds of each point, those of undecided cells measured."""
        value, left = np.zeros(len(x), dtype=np.int32), np.arange(len(x))
        for grid in self.grids:
            if not len(left):
                break
            gx, gy = (x, y) if len(left) == len(x) else (x[left], y[left])
            cell, undecided, on_grid = grid.look_up(gx, gy)
            if len(undecided):
                test = -1 - cell[undecided].astype(np.int64)
                answer = grid.measure(gx[undecided], gy[undecided], test, self.within_m)
                cell[undecided] = self._value(*answer, grid.offset)
            value[left] = cell
            elsewhere = cell == NOWHERE
            left = left[elsewhere if grid.territory in self._overlapping else elsewhere & ~on_grid]
        if len(self.grids) < len(self.perimeters):
            value[left] = ANY
        # where not even the territory is certain, longitude and latitude name it, and no cell is used
        at = np.flatnonzero(value == ANY)
        value[at] = NOWHERE
        at = at[np.isfinite(x[at]) & np.isfinite(y[at])]
        if len(at):
            territory = territories_at(*transform_points(x[at], y[at], self.crs, WGS84))
            for name, shapes in self._shapes.items():
                if not len(here := at[territory == name]):
                    continue
                metres = transform_points(x[here], y[here], self.crs, TERRITORIES[name].epsg)
                value[here] = self._value(*nearby(*metres, shapes, self.within_m), self._offsets[name])
        return value

    def _value(self, polygon: np.ndarray, is_inside: np.ndarray, offset: int) -> np.ndarray:
        near = np.where(is_inside, 0, len(self.codes))
        return np.where(polygon < 0, NOWHERE, 1 + near + offset + polygon).astype(np.int32)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the index as plain arrays, for a file or another process."""
        arrays: dict[str, np.ndarray] = {}
        for name, p in self.perimeters.items():
            wkb = shapely.to_wkb(p.polygons)
            arrays[f"{name}.codes"] = np.asarray(p.codes, dtype=str)
            arrays[f"{name}.wkb"] = np.frombuffer(b"".join(wkb), dtype=np.uint8)
            arrays[f"{name}.wkb_at"] = np.cumsum([0, *map(len, wkb)])
        for g in self.grids:
            arrays |= {f"{g.territory}.table{k}": table for k, table in enumerate(g.tables)}
            arrays |= {f"{g.territory}.candidates_at": g.candidates_at, f"{g.territory}.candidates": g.candidates}
        grids = [[g.territory, g.epsg, g.origin, g.size, g.shape, g.offset, len(g.tables)] for g in self.grids]
        header = [self.crs, self.within_m, list(self.perimeters), grids]
        return arrays | {"header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Index:
        """Return the index that ``to_arrays`` wrote."""
        crs, within_m, territories, headers = json.loads(arrays["header"].tobytes())
        perimeters, grids = {}, []
        for name in territories:
            data, at = arrays[f"{name}.wkb"].tobytes(), arrays[f"{name}.wkb_at"].tolist()
            polygons = np.asarray(shapely.from_wkb([data[a:b] for a, b in pairwise(at)]), dtype=object)
            perimeters[name] = Perimeters(arrays[f"{name}.codes"].astype(object), polygons)
        for name, epsg, origin, size, shape, offset, n_tables in headers:
            tables = tuple(arrays[f"{name}.table{k}"] for k in range(n_tables))
            candidates = arrays[f"{name}.candidates_at"], arrays[f"{name}.candidates"]
            place = tuple(origin), tuple(size), tuple(shape)
            grids.append(Grid(name, crs, epsg, *place, tables, *candidates, offset, Shapes(perimeters[name].polygons)))
        return cls(perimeters, tuple(grids), crs, within_m)


def _undecided(value: np.ndarray) -> np.ndarray:
    """Return the positions of negative values other than ``ANY``, which is the lowest: those above it without their sign."""
    return np.flatnonzero(value.view(np.uint32) > np.uint32(-ANY))


def build(
    perimeters: Mapping[str, Perimeters],
    crs: str,
    within_m: float,
    *,
    n_points: int | None = None,
    close: float | None = None,
) -> Index:
    """Make the index of QPV for points in ``crs``.

    ``perimeters``: by territory, in its metres. ``n_points``: about how many points will be placed, and ``close``, the share of them
    that ``close_share`` gives; they change the time, never an answer. A territory to which ``crs`` does not extend gets no cells:
    points outside the boxes of the others are then measured one by one, as all are where they are few.
    """
    usable = {name: p for name, p in perimeters.items() if len(p.codes)}
    n_levels = levels_for(n_points, close)
    covered = {name for name in usable if n_levels and _extends_to(crs, name)}
    grids, offset, n = [], 0, sum(len(p.codes) for p in usable.values())
    for name, p in usable.items():
        if name in covered:
            shapes, lines = Shapes(p.polygons), border(p.polygons)
            levels = _levels(float(lines.length.sum()), len(shapes), within_m, n_levels)
            box = TERRITORIES[name].box if len(covered) < len(usable) else None
            plane = Plane(p.polygons, crs, TERRITORIES[name].epsg, within_m, deepest=levels[-1], box=box)
            grids.append(_grid(name, Territory(shapes, lines, plane, within_m), levels, offset=offset, n=n))
        offset += len(p.codes)
    grids.sort(key=lambda g: -len(g.shapes))
    return Index(usable, tuple(grids), crs, within_m)


def _extends_to(crs: str, territory: str) -> bool:
    """Say whether a coordinate system is made for the whole of a territory."""
    if same_crs(crs, TERRITORIES[territory].epsg) or same_crs(crs, WGS84):
        return True
    area = CRS.from_user_input(crs).area_of_use
    west, south, east, north = TERRITORIES[territory].box
    return area is not None and area.west <= west and area.east >= east and area.south <= south and area.north >= north


def levels_for(n_points: int | None, close: float | None = None) -> int:
    """Return how many sizes of cells pay for a number of points: all where it is not known, none where they are few.

    The smallest cells pay for points ``close`` to a border or to the distance alone: where their share is known, it counts.
    """
    wanted = max(k for k, least in POINTS_FOR_LEVELS.items() if n_points is None or n_points >= least)
    if n_points is None or close is None or wanted < len(LEVELS):
        return wanted
    return wanted if n_points * close >= POINTS_FOR_LEVELS[wanted] * CLOSE_IN_TOWNS else wanted - 1


def close_share(perimeters: Mapping[str, Perimeters], crs: str, within_m: float, x: np.ndarray, y: np.ndarray) -> float:
    """Return the share of points (in ``crs``) that lie so close to a border, or to the distance, that cells of 128 m do not decide."""
    radius = TOP_M / 2 ** LEVELS[-2] / np.sqrt(2)
    there = np.isfinite(x) & np.isfinite(y)
    territory, n = territories_at(*transform_points(x[there], y[there], crs, WGS84)), 0
    for name, p in perimeters.items():
        here = np.flatnonzero(there)[territory == name]
        if not len(here):
            continue  # to find the way to metres that no point needs would take a tenth of a second
        points = shapely.points(*transform_points(x[here], y[here], crs, TERRITORIES[name].epsg))
        lines = shapely.STRtree(shapely.boundary(p.polygons))
        reach = {"max_distance": within_m + radius, "return_distance": True, "all_matches": False}
        distance = lines.query_nearest(points, **reach)[1]
        n += int(np.count_nonzero((distance <= radius) | (np.abs(distance - within_m) <= radius)))
    return n / max(len(x), 1)


def _levels(length_m: float, n_polygons: int, within_m: float, n_levels: int) -> tuple[int, ...]:
    """Choose the sizes of cells: the smallest must not be too many along the borders and at the distance."""
    line = 2 * length_m + n_polygons * 2 * np.pi * within_m
    fine = [k for k in LEVELS[:n_levels] if 2 * line / (TOP_M / 2**k) <= MAX_CELLS]
    return tuple(fine) or LEVELS[:1]


def _grid(name: str, territory: Territory, levels: tuple[int, ...], *, offset: int, n: int) -> Grid:
    """Fill the tables of one territory; its polygons are counted from ``offset``, among ``n`` of the whole index."""
    plane, n_own = territory.plane, len(territory.shapes)
    tables = _Tables(plane, levels)
    for level, decided, left in subdivide(territory, levels[-1]):
        polygon = decided.polygon.astype(np.int32) + offset
        tables.fill(level, decided.ix, decided.iy, np.where(decided.is_inside, 1 + polygon, 1 + n + polygon))
        if level == levels[-1]:
            size = np.diff(left.start)
            first, sign = left.polygon[left.start[:-1]].astype(np.int64), left.sign[left.start[:-1]]
            side = (size == 1) & (sign == UNKNOWN) & (2 * plane.radius[level] + 1 <= territory.within_m)
            several = ~side & ((size > 1) | (sign == UNKNOWN))
            tests = np.where(side, first, n_own + first)
            tests[several] = 2 * n_own + np.arange(int(several.sum()))
            candidates_at = np.concatenate([[0], np.cumsum(size[several])])
            candidates = left.polygon[np.repeat(several, size)]
            tables.fill(level, left.ix, left.iy, -1 - tests)
        elif level in levels:  # each undecided cell gets a block in the next table
            tables.fill(level, left.ix, left.iy, -1 - np.arange(len(left.ix)))
            tables.arrays.append(np.zeros(len(left.ix) * BLOCK**2, dtype=np.int32))
    _refer(tables.arrays[0], plane, name, levels[0])
    scale = 2 ** levels[0]
    place = (plane.x, plane.y), (plane.width / scale, plane.height / scale), (plane.rows * scale, plane.columns * scale)
    arrays = tuple(tables.arrays), candidates_at, candidates
    return Grid(name, plane.crs, plane.epsg, *place, *arrays, offset, territory.shapes)


class _Tables:
    """The tables of a grid while they are filled, from the largest cells to the smallest."""

    def __init__(self, plane: Plane, levels: tuple[int, ...]) -> None:
        self.levels, self._columns = levels, plane.columns << levels[0]
        self.arrays = [np.zeros((plane.rows << levels[0]) * self._columns + 1, dtype=np.int32)]

    def fill(self, level: int, ix: np.ndarray, iy: np.ndarray, value: np.ndarray) -> None:
        """Write the value of cells of a level into the table of that size, or of the next smaller one."""
        if not len(ix):
            return
        k = next(k for k, size in enumerate(self.levels) if level <= size)
        shift = self.levels[k] - level
        first, row = self._place(k, ix << shift, iy << shift), BLOCK if k else self._columns
        for up in range(1 << shift):
            for across in range(1 << shift):
                self.arrays[k][first + up * row + across] = value

    def _place(self, k: int, ix: np.ndarray, iy: np.ndarray) -> np.ndarray:
        """Return where cells of the size of table ``k`` are in it."""
        if k == 0:
            return np.asarray(iy.astype(np.int64) * self._columns + ix)
        shift = self.levels[k] - self.levels[k - 1]
        parent = self.arrays[k - 1][self._place(k - 1, ix >> shift, iy >> shift)].astype(np.int64)
        return np.asarray((-1 - parent) * BLOCK**2 + (iy % BLOCK) * BLOCK + ix % BLOCK)


def _refer(table: np.ndarray, plane: Plane, territory: str, level: int) -> None:
    """Mark the cells that are not wholly in the box of their territory: there the position of each point decides."""
    columns = plane.columns << level
    at = np.flatnonzero(table)
    ix, iy = at % columns, at // columns
    corners = [plane.coordinates(level, ix + a, iy + b) for a in (0, 1) for b in (0, 1)]
    lonlat = np.array([transform_points(x, y, plane.crs, WGS84) for x, y in corners])
    (west, south), (east, north) = lonlat.min(0) - _BOX_MARGIN, lonlat.max(0) + _BOX_MARGIN
    w, s, e, n = TERRITORIES[territory].box
    doubtful = ~((west > w) & (south > s) & (east < e) & (north < n))
    names = list(TERRITORIES)
    for other in names[names.index(territory) + 1 :]:
        w, s, e, n = TERRITORIES[other].box
        doubtful |= (west <= e) & (east >= w) & (south <= n) & (north >= s)
    table[at[doubtful]] = ANY
