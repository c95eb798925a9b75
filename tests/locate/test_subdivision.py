"""Cells that are left undecided keep all that may matter to a point of theirs: held against the whole polygons."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from qpvhealth.locate.plane import Plane
from qpvhealth.locate.subdivision import Territory, border, covering, cut, values
from qpvhealth.spatial.proximity import Shapes, nearby

X, Y, WITHIN_M, DEEPEST = 650_000.0, 6_860_000.0, 300.0, 11


def rough(random, x, y, radius):
    """Draw a star of many short sides, as the outline of a quarter is."""
    n = int(random.integers(3, 120))
    turn, reach = np.sort(random.uniform(0, 2 * np.pi, n)), radius * random.uniform(0.6, 1, n)
    return shapely.make_valid(shapely.Polygon(np.column_stack([x + reach * np.cos(turn), y + reach * np.sin(turn)])))


@pytest.fixture(params=[False, True])
def territory(request):
    random = np.random.default_rng(1)
    polygons = np.array([rough(random, X + 900 * i, Y + 400 * (i % 2), 500.0) for i in range(4)], dtype=object)
    plane = Plane(polygons, "EPSG:2154", 2154, WITHIN_M, deepest=DEEPEST)
    return Territory(Shapes(polygons), border(polygons), plane, WITHIN_M, 0, 4, is_measured=request.param)


def levels(territory):
    """Cut every undecided cell, level by level; give the level, its undecided cells, and the blocks they were cut out of."""
    _, cells = covering(territory, 5)
    for level in (5, 7, 9):
        parents = cells
        blocks, cells = cut(territory, parents, level)
        yield level + 2, cells, parents, blocks


def places(territory, level, cells, random):
    """Draw a point in each candidate of each cell."""
    owner = np.repeat(np.arange(len(cells.ix)), np.diff(cells.start))
    return territory.plane.metres(level, *(c[owner] + random.uniform(0, 1, len(owner)) for c in (cells.ix, cells.iy)))


def test_the_nearest_segment_of_every_point_is_kept(territory):
    random, n_kept = np.random.default_rng(2), []
    for level, left, _, _ in levels(territory):
        x, y = places(territory, level, left, random)
        to_kept = territory.border.distances(x, y, left.first, left.segment)
        to_all = shapely.distance(shapely.boundary(territory.shapes.polygons[left.polygon]), shapely.points(x, y))
        np.testing.assert_array_equal(to_kept, to_all)  # to the last bit: the operations are those of GEOS
        n_kept.append(len(left.segment) / len(left.polygon))
    assert n_kept[-1] < 4 < len(territory.border.segments) / 4


def test_signs_at_a_level_are_those_of_every_point(territory):
    random, n_signed = np.random.default_rng(3), 0
    for level, left, _, _ in levels(territory):
        x, y = places(territory, level, left, random)
        covered = shapely.intersects_xy(territory.shapes.polygons[left.polygon], x, y)
        signed = left.sign != 0
        np.testing.assert_array_equal(left.sign[signed], np.where(covered[signed], -1, 1))
        n_signed += int(signed.sum())
    assert n_signed > 1000


def test_every_point_of_a_decided_cell_has_its_answer(territory):
    random, polygons, largest = np.random.default_rng(4), territory.shapes.polygons, 0
    for level, left, parents, blocks in levels(territory):
        which, row, column = np.nonzero(blocks >= 0)
        ix, iy = parents.ix[which] * 4 + column, parents.iy[which] * 4 + row
        x, y = territory.plane.metres(level, *(c + random.uniform(0, 1, len(c)) for c in (ix, iy)))
        polygon, is_inside, _ = nearby(x, y, territory.shapes, WITHIN_M)
        np.testing.assert_array_equal(values(polygon, is_inside, 0, len(polygons)), blocks[which, row, column])
        which, row, column = np.nonzero(blocks < 0)
        place = -blocks[which, row, column] // 2 - 1
        np.testing.assert_array_equal(left.ix[place], parents.ix[which] * 4 + column)
        np.testing.assert_array_equal(left.iy[place], parents.iy[which] * 4 + row)
        largest = max(largest, int(blocks.max()))
    assert (largest > len(polygons)) == (not territory.is_measured)


def test_segments_without_length_are_points():
    twice = shapely.Polygon([(0, 0), (0, 0), (10, 0), (10, 10), (10, 10), (0, 10)])
    lines, x = border(np.array([twice], dtype=object)), np.array([-3.0, 5.0, 13.0])
    y, first = np.array([-4.0, 2.0, 14.0]), np.arange(4) * len(lines.segments)
    segment = np.tile(np.arange(len(lines.segments)), 3)
    np.testing.assert_array_equal(lines.distances(x, y, first, segment), [5.0, 2.0, 5.0])
