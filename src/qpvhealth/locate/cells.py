"""The index of a set of QPV: for any number of points, the QPV that covers each and the nearest one within a distance.

Cells of 1 km that no box of a polygon comes near are decided for all their points. The others are cut, to 256 m, 64 m, then 16 m, once
so many points have fallen into them that this costs less than to measure the next ones. What no cell decides is measured on the
polygons that are candidates in it: the answer is that of the polygons themselves, point for point, whatever has been cut before.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pyproj import CRS

from qpvhealth.contract.precision import MARGIN_M, rounded_m
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.locate.plane import Plane
from qpvhealth.locate.subdivision import (
    BLOCK,
    BLOCK_BITS,
    INSIDE,
    NOTHING,
    OUTSIDE,
    UNKNOWN,
    Cells,
    Territory,
    border,
    covering,
    cut,
    join,
    n_segments,
    offsets,
    ranges,
    runs,
    undecided_values,
    values,
)
from qpvhealth.spatial.projection import WGS84, same_crs, territories_at, transform_points
from qpvhealth.spatial.proximity import Perimeters, Shapes, nearby, ranked

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST, SMALLEST = 5, 11
"""The levels of the largest cells, about 1 km, and of the smallest, 16 m. A large distance starts with larger ones."""
MEASURED_POINTS, MEASURED_AT_LAST, MEASURED_SEGMENTS = 5, 30, 64
"""Points of a cell that are measured before it is cut, and before it is cut to the smallest; one more for so many segments of its candidates."""
LEAST_CUT = 256
"""At least one in so many undecided cells of the next size is cut at a time: tables are copied each time."""
MAX_OPEN = 2_000_000
"""Undecided cells of one size, as many as fit 200 MB or so: no more are made."""
AT_ONCE, FEW = 1 << 17, 64
ANY = -(2**31)
_NEVER = 2**62
_BOX_MARGIN = 1e-3
SMALL_PLANE = 100


class Answers(NamedTuple):
    """One row per point: ``inside`` and ``near`` are positions in the codes of the index, -1 for none; metres, NaN beyond."""

    inside: np.ndarray
    near: np.ndarray
    distance_m: np.ndarray | None


class Grid:
    """The cells of one territory.

    ``tables[k]`` holds the value of each cell of ``levels[k]``: one of ``subdivision.values``; ``ANY`` where not even the territory is
    certain; another negative one for what is undecided. There ``-1 - value`` is twice the number of a block of the next table, or one more
    than twice the place of the cell in ``undecided[k]``.
    ``patience[k]``: how many more points are measured in each of these before it is cut.
    """

    def __init__(self, territory: Territory, name: str) -> None:
        """Lay cells of the largest size; nothing is cut yet."""
        self.territory = territory
        plane, (level, cells) = territory.plane, covering(territory, LARGEST)
        self.levels = range(level, SMALLEST + 1, BLOCK_BITS)
        self.rows, self.columns = plane.rows << level, plane.columns << level
        table = np.zeros(self.rows * self.columns + 1, dtype=np.int32)
        table[cells.iy.astype(np.int64) * self.columns + cells.ix] = undecided_values(0, len(cells.ix))
        _mark_doubtful(table[:-1], plane, name, level)
        table[-1] = ANY  # off the grid
        none = cells.take(np.arange(0))
        smaller = range(1, len(self.levels))
        self.tables = [table, *(np.zeros(0, dtype=np.int32) for _ in smaller)]
        self.undecided = [cells, *(none for _ in smaller)]
        self.patience = [self._patience(0, cells), *(np.zeros(0, dtype=np.int64) for _ in smaller)]
        self._lock = threading.Lock()

    def locate(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the value of each point, ``ANY`` where the territory is not certain; and its distance, where it is near and was measured."""
        plane, shift = self.territory.plane, BLOCK_BITS * (len(self.levels) - 1)
        scale = 1 << self.levels[0]
        across, up = (x - plane.x) * (scale / plane.width), (y - plane.y) * (scale / plane.height)
        on_grid = (across >= 0) & (across < self.columns) & (up >= 0) & (up < self.rows)
        with np.errstate(invalid="ignore"):
            ix, iy = (np.multiply(c, 1 << shift, out=c).astype(np.int32) for c in (across, up))
        place = (iy >> shift) * np.int32(self.columns) + (ix >> shift)
        place[~on_grid] = self.rows * self.columns
        value, distance = self.tables[0].take(place), np.full(len(x), np.nan)
        at = np.flatnonzero(value.view(np.uint32) > np.uint32(-ANY))  # negative, and not ANY
        ix, iy, place, content = (v.take(at) for v in (ix, iy, place, value))
        for k in range(len(self.levels)):
            refers = -1 - content
            if k + 1 < len(self.levels) and self._cut(k, refers[refers & 1 == 1] >> 1):
                refers = -1 - self.tables[k].take(place)
            is_open = refers & 1 == 1
            here = at[is_open]
            value[here], distance[here] = self._measured(k, refers[is_open] >> 1, x[here], y[here])
            if is_open.all():
                break
            at, ix, iy, block = (v[~is_open] for v in (at, ix, iy, refers >> 1))
            shift -= BLOCK_BITS
            row, column = (iy >> shift) & (BLOCK - 1), (ix >> shift) & (BLOCK - 1)
            place = block * np.int32(BLOCK**2) + row * np.int32(BLOCK) + column
            value[at] = content = self.tables[k + 1].take(place)
            left = np.flatnonzero(content < 0)
            at, ix, iy, place, content = (v.take(left) for v in (at, ix, iy, place, content))
        return value, distance

    def _patience(self, k: int, cells: Cells) -> np.ndarray:
        """Return how many points to measure in each cell before it is cut; a cell whose points are all measured has no end to it."""
        if k + 1 == len(self.levels):
            return np.full(len(cells.ix), _NEVER)
        n_points = MEASURED_AT_LAST if k + 2 == len(self.levels) else MEASURED_POINTS
        patience = n_points + n_segments(cells, self.territory.border) // MEASURED_SEGMENTS
        if self.territory.is_measured:
            alone = np.diff(cells.start) == 1
            patience[alone] = np.where(cells.sign[cells.start[:-1][alone]] == OUTSIDE, _NEVER, patience[alone])
        return patience

    def _cut(self, k: int, cell: np.ndarray) -> bool:
        """Count the points of undecided cells of size ``k``, and cut the cells that have had enough; say whether any was.

        Cells are cut when there are many, since each time tables are copied. Several threads cut different cells at a time.
        """
        n_points = np.bincount(cell)
        with self._lock:
            patience = self.patience[k]
            patience[: len(n_points)] -= n_points
            due = np.flatnonzero(patience <= 0)
            n_next = len(self.undecided[k + 1].ix)
            if len(due) <= n_next // LEAST_CUT or n_next > MAX_OPEN:
                return False
            patience[due] = _NEVER
            cells = self.undecided[k].take(due)
        blocks, undecided = cut(self.territory, cells, self.levels[k])
        patience = self._patience(k + 1, undecided)
        with self._lock:
            n_blocks = len(self.tables[k + 1]) // BLOCK**2
            blocks[blocks < NOTHING] -= 2 * len(self.undecided[k + 1].ix)
            self.undecided[k + 1] = join([self.undecided[k + 1], undecided])
            self.patience[k + 1] = np.concatenate([self.patience[k + 1], patience])
            self.tables[k + 1] = np.concatenate([self.tables[k + 1], blocks.reshape(-1)])
            # what refers to a block is written after it, for threads that read meanwhile
            self.tables[k][self._place(k, cells.ix, cells.iy)] = -1 - 2 * (n_blocks + np.arange(len(due)))
        return True

    def _place(self, k: int, ix: np.ndarray, iy: np.ndarray) -> np.ndarray:
        """Return where cells of size ``k`` are in their table."""
        if k == 0:
            return np.asarray(iy.astype(np.int64) * self.columns + ix)
        of_parent = self._place(k - 1, ix >> BLOCK_BITS, iy >> BLOCK_BITS)
        block = (-1 - self.tables[k - 1][of_parent].astype(np.int64)) >> 1
        return np.asarray(block * BLOCK**2 + (iy % BLOCK) * BLOCK + ix % BLOCK)

    def _measured(self, k: int, cell: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the value and the distance of points of undecided cells of size ``k``, measured one by one."""
        territory, cells = self.territory, self.undecided[k]
        shapes, border = territory.shapes, territory.border
        mx, my = transform_points(x, y, territory.plane.crs, territory.plane.epsg)
        size = cells.start[cell + 1] - cells.start[cell]
        pair, point = ranges(cells.start[cell], size), np.repeat(np.arange(len(cell)), size)
        if not k:  # the boxes of polygons come near these cells, and that is all
            is_near = shapes.are_near(cells.polygon[pair], mx[point], my[point], territory.within_m + MARGIN_M)
            pair, point = pair[is_near], point[is_near]
        polygon, sign, px, py = cells.polygon[pair].astype(np.int64), cells.sign[pair], mx[point], my[point]
        first, end = (
            (cells.first[pair], cells.first[pair + 1]) if k else (border.first[polygon], border.first[polygon + 1])
        )

        def to_border(some: np.ndarray) -> np.ndarray:
            """Return the rounded distance of the points of some pairs to the borders of their polygons."""
            start, size = first[some], end[some] - first[some]
            metres = np.zeros(len(some))
            for a, b in runs(size):
                segment = ranges(start[a:b], size[a:b])
                segment = cells.segment[segment] if k else segment
                metres[a:b] = border.distances(px[some[a:b]], py[some[a:b]], offsets(size[a:b]), segment)
            return rounded_m(metres)

        covered, unknown = sign == INSIDE, np.flatnonzero(sign == UNKNOWN)
        covered[unknown] = shapes.covers(polygon[unknown], px[unknown], py[unknown])
        chosen, is_inside, metres = ranked(point, polygon, covered, to_border, to_border).chosen(
            len(cell), territory.within_m
        )
        return values(chosen, is_inside, territory.offset, territory.n), metres


class Index:
    """The cells of every territory of a set of QPV, for points in one coordinate system and one distance (metres)."""

    def __init__(
        self, perimeters: Mapping[str, Perimeters], crs: str, within_m: float, *, with_distance: bool = False
    ) -> None:
        """Take QPV by territory, in its metres. Cells are made where points fall, in the territories to which ``crs`` extends.

        ``with_distance``: the distances of what is near are wanted too.
        """
        self.perimeters = {name: p for name, p in perimeters.items() if len(p.codes)}
        self.crs, self.within_m, self.with_distance = crs, within_m, with_distance
        self.codes = np.concatenate([np.array([], dtype=object), *(p.codes for p in self.perimeters.values())])
        sizes = [len(p.codes) for p in self.perimeters.values()]
        self._offsets = dict(zip(self.perimeters, np.cumsum([0, *sizes]).tolist(), strict=False))
        self._shapes = {name: Shapes(p.polygons) for name, p in self.perimeters.items()}
        self._grids: dict[str, Grid | None] = {}
        self._lock = threading.Lock()

    def locate(self, x: np.ndarray, y: np.ndarray) -> Answers:
        """Place points, each among the QPV of the territory where it falls, in the metres of that territory.

        ``inside``: the QPV the point is inside (see ``proximity``); of several the one in which it is deepest, then the smallest
        code. ``near``: outside all, the nearest at most ``within_m`` away (≤), then the smallest code. A point with a null
        coordinate, or outside every territory, gets none. ``distance_m``, ``with_distance``: 0 inside, NaN beyond.
        """
        parts = [self._located(x[i : i + AT_ONCE], y[i : i + AT_ONCE]) for i in range(0, max(len(x), 1), AT_ONCE)]
        value, distance = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        n = len(self.codes)
        inside, near = np.where(value <= n, value - 1, -1), np.where(value > n, value - (1 + n), -1)
        return Answers(inside, near, np.where(inside >= 0, 0.0, distance) if self.with_distance else None)

    def _located(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the value of each point, as ``Grid`` has it, and its distance where it was measured."""
        value, distance = np.full(len(x), ANY, dtype=np.int32), np.full(len(x), np.nan)
        left, tried = np.arange(len(x)), set()
        if not self._grids:  # a few points tell where most are
            some = slice(None, None, len(x) // FEW + 1)
            for name in {*self._territories(x[some], y[some])} & {*self.perimeters}:
                self._grid(name)
        for name, grid in [*self._grids.items()]:
            tried.add(name)
            if grid is not None and len(left) == len(x):
                value, distance = grid.locate(x, y)
                left = np.flatnonzero(value == ANY)
            elif grid is not None and len(left):
                value[left], distance[left] = grid.locate(x[left], y[left])
                left = left[value[left] == ANY]
        # where no cell says in which territory a point is, its longitude and latitude do
        value[left] = NOTHING
        left = left[np.isfinite(x[left]) & np.isfinite(y[left])] if len(left) else left
        territory = self._territories(x[left], y[left])
        for name in {*territory} & {*self.perimeters}:
            here = left[territory == name]
            if name not in tried and (grid := self._grid(name)) is not None:
                value[here], distance[here] = grid.locate(x[here], y[here])
                here = here[value[here] == ANY]
            metres = transform_points(x[here], y[here], self.crs, TERRITORIES[name].epsg)
            chosen, is_inside, distance[here] = nearby(*metres, self._shapes[name], self.within_m)
            value[here] = values(chosen, is_inside, self._offsets[name], len(self.codes))
        return value, distance

    def _territories(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Name the territory of each point; None outside all."""
        return territories_at(*transform_points(x, y, self.crs, WGS84)) if len(x) else np.array([], dtype=object)

    def _grid(self, name: str) -> Grid | None:
        """Return the cells of a territory, made when first asked for; null where the system does not extend to it."""
        with self._lock:
            if name not in self._grids:
                self._grids[name] = self._made(name) if _extends_to(self.crs, name) else None
            return self._grids[name]

    def _made(self, name: str) -> Grid:
        shapes, (_, epsg, box) = self._shapes[name], (name, TERRITORIES[name].epsg, TERRITORIES[name].box)
        plane = Plane(shapes.polygons, self.crs, epsg, self.within_m, deepest=SMALLEST, box=box)
        numbers = self._offsets[name], len(self.codes)
        lines = border(shapes.polygons)
        return Grid(Territory(shapes, lines, plane, self.within_m, *numbers, is_measured=self.with_distance), name)


def _extends_to(crs: str, territory: str) -> bool:
    """Say whether a coordinate system is made for the whole of a territory."""
    if same_crs(crs, TERRITORIES[territory].epsg) or same_crs(crs, WGS84):
        return True
    area = CRS.from_user_input(crs).area_of_use
    west, south, east, north = TERRITORIES[territory].box
    return area is not None and area.west <= west and area.east >= east and area.south <= south and area.north >= north


def _mark_doubtful(table: np.ndarray, plane: Plane, territory: str, largest: int) -> None:
    """Mark the cells of level ``largest`` where the position of each point must tell its territory.

    They lie near the box of another territory; or not wholly in that of their own, and polygons are near. Both are seen on cells of
    16 km, of 4 km in a small plane.
    """
    level = min(1 if plane.rows * plane.columns > SMALL_PLANE else 3, largest)
    rows, columns, side = plane.rows << level, plane.columns << level, 1 << (largest - level)
    iy, ix = np.mgrid[: rows + 1, : columns + 1]
    corners = transform_points(*plane.coordinates(level, ix.ravel(), iy.ravel()), plane.crs, WGS84)
    lattice = np.array(corners).reshape(2, rows + 1, columns + 1)
    around = np.array([lattice[:, a : rows + a, b : columns + b] for a in (0, 1) for b in (0, 1)])
    (west, south), (east, north) = around.min(0) - _BOX_MARGIN, around.max(0) + _BOX_MARGIN
    others = np.isnan(west + south)
    for name, (w, s, e, n) in ((t.name, t.box) for t in TERRITORIES.values()):
        if name == territory:
            beyond = ~((west > w) & (south > s) & (east < e) & (north < n))
        else:
            others |= (west <= e) & (east >= w) & (south <= n) & (north >= s)
    blocks = table.reshape(rows, side, columns, side).swapaxes(1, 2)
    blocks[others] = ANY
    blocks[beyond] = np.where(blocks[beyond] == NOTHING, NOTHING, ANY)
