"""Cells that are left undecided keep all that may matter to a point of theirs: held against the whole polygons."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from qpvhealth.locate.plane import Plane
from qpvhealth.locate.subdivision import Territory, border, subdivide
from qpvhealth.spatial.proximity import Shapes

X, Y, WITHIN_M, DEEPEST = 650_000.0, 6_860_000.0, 300.0, 11


def rough(random, x, y, radius):
    """Draw a star of many short sides, as the outline of a quarter is."""
    n = int(random.integers(3, 120))
    turn, reach = np.sort(random.uniform(0, 2 * np.pi, n)), radius * random.uniform(0.6, 1, n)
    return shapely.make_valid(shapely.Polygon(np.column_stack([x + reach * np.cos(turn), y + reach * np.sin(turn)])))


@pytest.fixture
def territory():
    random = np.random.default_rng(1)
    polygons = np.array([rough(random, X + 900 * i, Y + 400 * (i % 2), 500.0) for i in range(4)], dtype=object)
    plane = Plane(polygons, "EPSG:2154", 2154, WITHIN_M, deepest=DEEPEST)
    return Territory(Shapes(polygons), border(polygons), plane, WITHIN_M)


def test_the_nearest_segment_of_every_point_is_kept(territory):
    plane, edges, random = territory.plane, territory.border, np.random.default_rng(2)
    n_kept = []
    for level, _, left in subdivide(territory, DEEPEST):
        if level == DEEPEST:
            break
        owner = np.repeat(np.arange(len(left.ix)), np.diff(left.start))
        x, y = plane.metres(level, *(c[owner] + random.uniform(0, 1, len(owner)) for c in (left.ix, left.iy)))
        step = edges.length[left.segment]
        a = np.column_stack([edges.x[left.segment], edges.y[left.segment]])
        b = a + np.column_stack([edges.ux[left.segment], edges.uy[left.segment]]) * step[:, None]
        points = shapely.points(np.repeat(x, np.diff(left.first)), np.repeat(y, np.diff(left.first)))
        to_kept = np.minimum.reduceat(
            shapely.distance(shapely.linestrings(np.stack([a, b], 1)), points), left.first[:-1]
        )
        to_all = shapely.distance(shapely.boundary(territory.shapes.polygons[left.polygon]), shapely.points(x, y))
        np.testing.assert_allclose(to_kept, to_all, rtol=0, atol=1e-6)
        n_kept.append(len(left.segment) / len(left.polygon))
    assert n_kept[-1] < 4 < n_kept[0]


def test_sides_told_at_a_level_are_those_of_every_point(territory):
    plane, random, n_told = territory.plane, np.random.default_rng(3), 0
    for level, decided, left in subdivide(territory, DEEPEST):
        owner = np.repeat(np.arange(len(left.ix)), np.diff(left.start))
        x, y = plane.metres(level, *(c[owner] + random.uniform(0, 1, len(owner)) for c in (left.ix, left.iy)))
        covered = shapely.intersects_xy(territory.shapes.polygons[left.polygon], x, y)
        told = left.sign != 0
        np.testing.assert_array_equal(left.sign[told], np.where(covered[told], -1, 1))
        x, y = plane.metres(level, *(c + random.uniform(0, 1, len(c)) for c in (decided.ix, decided.iy)))
        covered = shapely.intersects_xy(territory.shapes.polygons[decided.polygon], x, y)
        np.testing.assert_array_equal(covered, decided.is_inside)
        n_told += int(told.sum()) + len(covered)
    assert n_told > 1000
