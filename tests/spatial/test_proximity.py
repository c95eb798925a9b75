"""The one rule by which a QPV is chosen among candidates, on squares worked by hand."""

import numpy as np
import pytest
import shapely

from qpvhealth.spatial.proximity import Shapes, nearby, rank

SQUARES = Shapes(
    np.array(
        [
            shapely.box(0, 0, 100, 100),
            shapely.box(60, 0, 200, 100),
            shapely.box(300, 0, 400, 100),
            shapely.box(0, 300, 9, 309),
        ],
        dtype=object,
    )
)
"""The first two overlap from 60 to 100; the third lies 100 m to the east; the fourth, to the north, is smaller."""


def every(x):
    """Pair each point with each square, the last first."""
    point, polygon = np.meshgrid(np.arange(len(x)), np.arange(len(SQUARES))[::-1])
    return point.ravel(), polygon.ravel()


@pytest.mark.parametrize(
    ("x", "y", "polygon", "inside"),
    [
        (10, 50, 0, True),  # in one
        (70, 50, 0, True),  # in two, 30 m deep in the first, 10 m in the second
        (95, 50, 1, True),  # 5 m and 35 m
        (80, 50, 0, True),  # 20 m in both: the smaller code
        (80.0000004, 50, 0, True),  # as deep in both, to the micrometre
        (80.000001, 50, 1, True),
        (100, 50, 1, True),  # on the border of the first, in the second
        (200, 50, 1, True),  # on a border
        (200.0000004, 50, 1, True),  # at a distance that rounds to 0
        (200.000001, 50, 1, False),
        (250, 50, 1, False),  # as near to the next one: the smaller code
        (251, 50, 2, False),
        (450, 50, 2, False),  # exactly the distance
        (450.0000004, 50, 2, False),
        (450.000001, 50, -1, False),
        (np.nan, 50, -1, False),
        (10, np.nan, -1, False),
        (np.inf, 50, -1, False),
    ],
)
def test_the_deepest_then_the_nearest_then_the_smallest_code(x, y, polygon, inside):
    chosen, is_inside, _ = nearby(np.array([x, 10.0]), np.array([y, 304.0]), SQUARES, 50)
    assert (chosen.tolist(), is_inside.tolist()) == ([polygon, 3], [inside, False])


def test_every_pair_or_the_near_ones_give_the_same_choice():
    spread = np.random.default_rng(0)
    x, y = spread.uniform(-100, 500, 300), spread.uniform(-100, 400, 300)
    hinted = rank(x, y, every(x), SQUARES).chosen(len(x), 40)
    np.testing.assert_equal(hinted, nearby(x, y, SQUARES, 40))
    assert set(hinted[0]) == {-1, 0, 1, 2, 3}


def test_pairs_are_ranked_point_by_point_with_the_depth_where_several_cover():
    x = np.array([250.0, 95.0])
    found = rank(x, np.array([50.0, 50.0]), every(x), SQUARES)
    assert found.point.tolist() == [0] * 4 + [1] * 4
    assert found.polygon.tolist() == [1, 2, 0, 3, 1, 0, 2, 3]
    assert found.is_inside.tolist() == [False] * 4 + [True, True, False, False]
    assert found.signed_m[:2].tolist() == [50, 50]
    assert found.signed_m[4:6].tolist() == [-35, -5]
    assert found.is_first.tolist() == [True, False, False, False] * 2


def test_one_polygon_that_covers_needs_no_depth():
    x = np.array([10.0])
    found = rank(x, np.array([50.0]), every(x), SQUARES)
    assert found.signed_m[0] == 0


def test_no_pair_gives_no_choice():
    nothing = np.array([], dtype=int)
    chosen, is_inside, metres = rank(np.array([1.0]), np.array([1.0]), (nothing, nothing), SQUARES).chosen(1, 10)
    assert (chosen.tolist(), is_inside.tolist(), np.isnan(metres).tolist()) == ([-1], [False], [True])
    assert len(SQUARES) == 4


@pytest.mark.parametrize(("x", "y"), [(-1, 150), (1, 150), (0, -1), (0, 1)])
def test_a_point_is_inside_up_to_a_distance_that_rounds_to_0(x, y):
    """The third square, on each side of each border."""
    edge = np.array([350 + 50 * x, 50 + 50 * y if x == 0 else 50.0])
    out = np.array([x, y if x == 0 else 0.0])
    points = edge + out * np.array([[-1.0], [0.0], [4e-7], [2e-6], [1.0]])
    which = np.full(5, 2)
    assert nearby(*points.T, SQUARES, 0.5)[1].tolist() == [True, True, True, False, False]
    assert SQUARES.are_near(which, *points.T, 0.5).tolist() == [True, True, True, True, False]
    assert SQUARES.covers(which, *points.T).tolist() == [True, True, False, False, False]


def test_points_far_from_their_polygon_are_in_none():
    which = np.array([0, 1, 2, 3])
    assert SQUARES.covers(which, np.full(4, 350.0), np.full(4, 50.0)).tolist() == [False, False, True, False]
    assert SQUARES.are_near(which, np.full(4, 5.0), np.full(4, 305.0), 200).tolist() == [False, False, False, True]
