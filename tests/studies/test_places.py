"""The best places in the plane: what is called best is, and nothing exceeds the bound."""

from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings, strategies as st

from qpvhealth.spatial.proximity import Perimeters
from qpvhealth.spatial.sites import Space
from qpvhealth.studies.places import best_places

pytest.importorskip("scipy")


def space(polygons, near_m):
    return Space(
        {"metropole": Perimeters(np.arange(len(polygons)).astype(str), np.array(polygons, dtype=object))}, near_m
    )


def test_six_around_a_place_that_only_a_few_metres_share():
    """Each is 4,997 m from the middle: nowhere but there are all six within 5,000 m."""
    angles = np.arange(6) * np.pi / 3
    ring = [shapely.Point(5_097 * np.cos(a), 5_097 * np.sin(a)).buffer(100) for a in angles]
    tried, plan = best_places(space(ring, 5_000), np.full(6, 1_000.0), 1)
    assert (plan.value, plan.bound, plan.is_optimal) == (6_000, 6_000, True)
    assert np.hypot(tried.x[plan.sites], tried.y[plan.sites]) < 10


def test_what_squares_cannot_settle_is_not_called_best():
    """Three surroundings that meet in one point: no square finds it, and none may leave it out."""
    apart = [shapely.box(x, y, x + 1, y + 1) for x, y in ((0, 0), (201, 0))]
    _, plan = best_places(space(apart, 100), np.full(2, 10.0), 1)
    assert plan.bound == 20  # a point at exactly 100 m of both
    assert plan.value == 20 or not plan.is_optimal


def test_nothing_to_serve():
    assert best_places(Space({}, 0), np.array([]), 3)[1] == ([], 0, 0, 0)
    assert best_places(Space({}, 10), np.array([]), 3)[1][:3] == ([], 0, 0)


@given(
    st.lists(st.tuples(*[st.integers(0, 1_500)] * 2, st.integers(0, 20)), min_size=1, max_size=7),
    st.sampled_from([0, 150, 400, 900]),
    st.integers(1, 3),
    st.lists(st.tuples(*[st.integers(-500, 2_000)] * 2), min_size=3, max_size=8),
)
@settings(max_examples=40, deadline=None)
def test_no_places_do_better_than_the_bound(boxes, near_m, n, points):
    """Places drawn at random, and the plan measured again: none above the bound, and the plan is worth what it says."""
    polygons = np.array([shapely.box(x, y, x + 100, y + 100) for x, y, _ in boxes], dtype=object)
    weight = np.array([float(w) for _, _, w in boxes])
    tried, plan = best_places(space(polygons, near_m), weight, n)

    def worth(places):
        reached = [shapely.distance(polygons, shapely.Point(p)) <= near_m for p in places]
        return weight[np.logical_or.reduce([*reached, np.zeros(len(weight), dtype=bool)])].sum()

    assert len(plan.sites) <= n
    assert worth(zip(tried.x[plan.sites], tried.y[plan.sites], strict=True)) == plan.value
    corners = [(x + dx, y + dy) for x, y, _ in boxes for dx in (50, -near_m) for dy in (50, -near_m)]
    assert max(worth(chosen) for chosen in combinations([*points, *corners[:8]], min(n, 2))) <= plan.bound
