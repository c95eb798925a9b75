import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings, strategies as st

from qpvhealth.locate import cells
from qpvhealth.spatial.location import distances, locate_all, nearest_points
from qpvhealth.spatial.proximity import Perimeters

RING = 300.0


def square(x, y, side=100.0):
    return shapely.box(x, y, x + side, y + side)


def perimeters(**polygons):
    codes = sorted(polygons)
    return Perimeters(np.array(codes, dtype=object), np.array([polygons[c] for c in codes], dtype=object))


def at(given_perimeters, *points, within=RING):
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    return locate_all(x, y, pd.Series(["metropole"] * len(x), dtype="str"), {"metropole": given_perimeters}, within)


ONE = perimeters(A=square(0, 0))


@pytest.mark.parametrize(
    ("point", "code", "distance", "border"),
    [
        ((50, 50), "A", 0, -50),  # in the middle
        ((90, 50), "A", 0, -10),
        ((100, 50), "A", 0, 0),  # on an edge: borders are inside
        ((100, 100), "A", 0, 0),  # on a vertex
        ((101, 50), None, 1, 1),
        ((103, 104), None, 5, 5),  # off a corner, 3-4-5
        ((5000, 50), None, 4900, 4900),  # beyond every ring: the nearest is still named
    ],
)
def test_one_square(point, code, distance, border):
    row = at(ONE, point).points.iloc[0]
    assert (None if pd.isna(row["qpv_code"]) else row["qpv_code"]) == code
    assert row["nearest_qpv_code"] == "A"
    assert (row["distance_m"], row["border_distance_m"]) == (distance, border)


def test_a_hole_is_outside_and_its_edge_inside():
    ring = perimeters(A=shapely.difference(square(0, 0), shapely.box(40, 40, 60, 60)))
    rows = at(ring, (50, 50), (40, 50), (30, 50)).points
    assert rows["qpv_code"].isna().tolist() == [True, False, False]
    assert rows["distance_m"].tolist() == [10, 0, 0]
    assert rows["border_distance_m"].tolist() == [10, 0, -10]


def test_a_distance_that_rounds_to_0_is_inside():
    triangle = shapely.Polygon([(473, 511), (755, 950), (34, 144)])
    point = (445.13496225638414, 603.6044099565127)
    assert not shapely.covers(triangle, shapely.Point(point))
    row = at(perimeters(A=triangle), point).points.iloc[0]
    assert (row["qpv_code"], row["distance_m"], row["border_distance_m"], row["n_qpv_inside"]) == ("A", 0, 0, 1)
    assert not np.signbit(row["border_distance_m"])


@pytest.mark.parametrize(
    ("x", "code", "metres", "is_pair"),
    [
        (100.0000004, "A", 0, True),
        (100.0000006, None, 0.000001, True),
        (400.0000004, None, 300, True),
        (400.0000006, None, 300.000001, False),
        (99.9999996, "A", 0, True),
    ],
)
def test_what_decides_is_rounded_to_the_micrometre(x, code, metres, is_pair):
    found = at(ONE, (x, 50))
    row = found.points.iloc[0]
    assert (None if pd.isna(row["qpv_code"]) else row["qpv_code"], row["border_distance_m"]) == (code, metres)
    assert found.pairs["distance_m"].tolist() == [metres] * is_pair


def test_distances_that_round_alike_are_tied():
    rows = at(perimeters(B=square(0, 0), A=square(300, 0)), (199.9999999, 50), (199.999999, 50)).points
    assert rows["nearest_qpv_code"].tolist() == ["A", "B"]
    assert rows["n_nearest"].tolist() == [2, 1]


def test_on_a_shared_border_the_smallest_code_wins():
    rows = at(perimeters(B=square(0, 0), A=square(100, 0)), (100, 50)).points
    assert rows["qpv_code"].tolist() == ["A"]
    assert rows["n_qpv_inside"].tolist() == [2]


def test_in_an_overlap_the_deepest_wins_then_the_smallest_code():
    overlap = perimeters(A=square(0, 0), B=square(60, 0))
    rows = at(overlap, (90, 50), (65, 50), (80, 50)).points
    # 10 m deep in A and 30 in B; 35 and 5; 20 and 20
    assert rows["qpv_code"].tolist() == ["B", "A", "A"]
    assert rows["border_distance_m"].tolist() == [-30, -35, -20]
    assert rows["nearest_qpv_code"].tolist() == ["B", "A", "A"]


def test_at_the_same_distance_the_smallest_code_is_nearest():
    rows = at(perimeters(B=square(0, 0), A=square(300, 0)), (200, 50), (2000, 50)).points
    assert rows["nearest_qpv_code"].tolist() == ["A", "A"]
    assert rows["n_nearest"].tolist() == [2, 1]


def test_a_tie_beyond_every_ring_is_settled_too():
    far = at(perimeters(B=square(-5100, 0), A=square(5000, 0)), (0, 50)).points.iloc[0]
    assert (far["nearest_qpv_code"], far["n_nearest"], far["distance_m"]) == ("A", 2, 5000)


def test_pairs_hold_what_is_exactly_at_the_distance():
    pairs = at(ONE, (400, 50), (400.001, 50), (50, 50)).pairs
    assert pairs.to_dict("list") == {"point": [0, 2], "qpv_code": ["A", "A"], "distance_m": [300, 0]}


def test_a_null_point_gets_nulls():
    found = at(ONE, (np.nan, 50), (50, np.nan), (50, 50))
    assert found.points["distance_m"].isna().tolist() == [True, True, False]
    assert found.points["nearest_qpv_code"].isna().tolist() == [True, True, False]
    assert found.pairs["point"].tolist() == [2]


@pytest.mark.parametrize(("x", "y"), [(np.nan, 1.0), (1.0, np.nan), (np.nan, np.nan)])
def test_half_a_point_is_none(x, y):
    found = locate_all(np.array([1.0, x]), np.array([1.0, y]), pd.Series(["metropole"] * 2), {"metropole": ONE}, RING)
    assert found.points["qpv_code"].isna().tolist() == [False, True]
    assert list(found.pairs.columns) == ["point", "qpv_code", "distance_m"]
    assert found.pairs["point"].tolist() == [0]
    assert np.isnan(distances(np.array([x]), np.array([y]), pd.Series(["A"]), {"metropole": ONE})).all()


def test_a_structure_is_compared_with_the_qpv_of_its_territory_only():
    both = {"metropole": perimeters(A=square(0, 0)), "mayotte": perimeters(M=square(0, 1000))}
    territory = pd.Series(["metropole", "mayotte", "guyane", None, "metropole"], dtype="str")
    x, y = np.array([50, 50, 50, 50, 50.0]), np.array([50, 50, 50, 50, 1050.0])
    found = locate_all(x, y, territory, both, RING)
    assert found.points["nearest_qpv_code"].fillna("-").tolist() == ["A", "M", "-", "-", "A"]
    assert found.points["qpv_code"].fillna("-").tolist() == ["A", "-", "-", "-", "-"]
    assert found.points["distance_m"].fillna(-1).tolist() == [0, 950, -1, -1, 950]
    assert found.pairs["point"].tolist() == [0]


def test_co_located_structures_keep_one_answer_each():
    found = locate_all(
        np.array([110.0] * 3), np.array([50.0] * 3), pd.Series(["metropole"] * 3), {"metropole": ONE}, RING
    )
    assert found.points["distance_m"].tolist() == [10, 10, 10]
    assert sorted(found.pairs["point"]) == [0, 1, 2]


def test_no_polygon_at_all():
    found = locate_all(np.array([1.0]), np.array([1.0]), pd.Series(["metropole"]), {}, RING)
    assert found.points.isna().all(axis=None)
    assert found.pairs.empty


def test_distance_to_a_named_qpv():
    named = pd.Series(["A", "A", "gone", None], dtype="str")
    got = distances(np.array([110.0, np.nan, 0, 0]), np.array([50.0, 50, 0, 0]), named, {"metropole": ONE})
    assert got[0] == 10
    assert np.isnan(got[1:]).all()


def test_nearest_point_of_each_qpv_and_its_ties():
    two = perimeters(A=square(0, 0), B=square(1000, 0))
    x, y, codes = (
        np.array([110.0, -10, 1050, np.nan]),
        np.array([50.0, 50, 50, 0]),
        pd.Series(["2", "1", "3", "0"], dtype="str"),
    )
    home = pd.Series(["metropole"] * 4)
    got = nearest_points({"metropole": two}, x, y, territory=home, codes=codes, of=np.array([0, 0, 1, 1]))
    assert got.to_dict("list") == {
        "group": [0, 0, 1, 1],
        "qpv_code": ["A", "B", "A", "B"],
        "code": ["1", "2", "3", "3"],
        "distance_m": [10, 890, 950, 0],
    }


# the join by index must be the naive double loop, adversarial points included

_cell = st.integers(-4, 4)
_polygon = st.tuples(_cell, _cell, st.integers(1, 3), st.integers(1, 3)).map(
    lambda t: shapely.box(t[0] * 50, t[1] * 50, (t[0] + t[2]) * 50, (t[1] + t[3]) * 50)
)
_triangle = st.tuples(*[st.tuples(_cell, _cell)] * 3).map(lambda t: shapely.Polygon([(50 * a, 50 * b) for a, b in t]))
_shapes = st.lists(st.one_of(_polygon, _triangle.filter(lambda p: p.is_valid and p.area > 0)), min_size=1, max_size=7)


def adversarial(polygons):
    """Vertices, middles of edges and centroids of the polygons."""
    coordinates = shapely.get_coordinates(polygons)
    middles = (coordinates[1:] + coordinates[:-1]) / 2
    return [tuple(c) for c in (*coordinates, *middles, *shapely.get_coordinates(shapely.centroid(polygons)))]


def naive(polygons, codes, x, y, within):
    """One polygon at a time: round, then inside where covered or at 0, the deepest; else the nearest; then the smallest code."""
    point = shapely.Point(x, y)
    distance = [0.0 if p.covers(point) else round(p.distance(point), 6) for p in polygons]
    inside = [
        (-round(p.boundary.distance(point), 6), c) for p, c, d in zip(polygons, codes, distance, strict=True) if d == 0
    ]
    near = min(zip(distance, codes, strict=True))
    depth, code = min(inside) if inside else (None, None)
    return {
        "qpv_code": code,
        "nearest_qpv_code": code or near[1],
        "distance_m": near[0],
        "border_distance_m": near[0] if code is None else depth,
        "n_qpv_inside": len(inside),
        "n_nearest": distance.count(near[0]),
        "pairs": sorted((c, d) for c, d in zip(codes, distance, strict=True) if d <= within),
    }


@settings(max_examples=60, deadline=None)
@given(
    _shapes, st.lists(st.tuples(st.floats(-400, 400), st.floats(-400, 400)), max_size=6), st.sampled_from([50.0, 120.0])
)
def test_the_join_is_the_double_loop(polygons, points, within):
    codes = [f"Q{n}" for n in range(len(polygons))]
    every = [*points, *adversarial(polygons)]
    found = at(Perimeters(np.array(codes, dtype=object), np.array(polygons, dtype=object)), *every, within=within)
    for n, (row, (x, y)) in enumerate(zip(found.points.to_dict("records"), every, strict=True)):
        expected = naive(polygons, codes, x, y, within)
        pairs = found.pairs[found.pairs["point"] == n]
        assert list(zip(pairs["qpv_code"], pairs["distance_m"], strict=True)) == expected.pop("pairs")
        assert {k: (None if pd.isna(row[k]) else row[k]) for k in expected} == expected


_PARIS = (650_000.0, 6_860_000.0)


@settings(max_examples=40, deadline=None)
@given(_shapes, st.lists(st.tuples(st.integers(0, 6), st.floats(0, 1)), min_size=1, max_size=20))
def test_the_build_and_the_index_of_locate_give_one_answer(polygons, along):
    """On borders, as well as a number can say: a hair inside or outside, where a distance of 0 and the exact predicate differ."""
    moved = shapely.affinity.translate
    turned = [moved(shapely.affinity.rotate(p, 17, origin=(0, 0)), *_PARIS) for p in polygons]
    given_perimeters = Perimeters(
        np.array([f"Q{n}" for n in range(len(turned))], dtype=object), np.array(turned, dtype=object)
    )
    lines = [shapely.line_interpolate_point(turned[k % len(turned)].boundary, s, normalized=True) for k, s in along]
    x, y = shapely.get_coordinates(lines).T
    built = at(given_perimeters, *zip(x, y, strict=True), within=50.0).points
    index = cells.Index({"metropole": given_perimeters}, "EPSG:2154", 50.0)
    found = index.locate(x, y)
    named = [None if n < 0 else index.codes[n] for n in found.inside]
    assert built["qpv_code"].astype(object).where(built["qpv_code"].notna(), None).tolist() == named
    near = built["nearest_qpv_code"].where(built["qpv_code"].isna() & (built["distance_m"] <= 50)).fillna("-")
    assert near.tolist() == ["-" if n < 0 else index.codes[n] for n in found.near]


_TERRITORY = st.sampled_from(["metropole", "mayotte", "guyane", None])


@settings(max_examples=60, deadline=None)
@given(_shapes, st.lists(st.tuples(_cell, _cell, st.integers(0, 2), _TERRITORY), max_size=9))
def test_the_nearest_point_of_each_group_is_the_naive_minimum(polygons, points):
    codes = [f"S{n}" for n in range(len(points))][::-1]
    x, y = np.array([50.0 * p[0] for p in points]), np.array([50.0 * p[1] for p in points])
    groups, home = np.array([p[2] for p in points], dtype=np.int64), [p[3] for p in points]
    both = {"metropole": {}, "mayotte": {}}
    for n, polygon in enumerate(polygons):
        both[list(both)[n % 2]][f"Q{n}"] = polygon
    given_perimeters = {name: perimeters(**own) for name, own in both.items() if own}
    found = nearest_points(
        given_perimeters,
        x,
        y,
        territory=pd.Series(home, dtype="str"),
        codes=pd.Series(codes, dtype="str"),
        of=groups,
    )
    expected = {}
    for a, b, code, group, territory in zip(x, y, codes, groups, home, strict=True):
        for name, polygon in both.get(territory, {}).items():
            told = (round(shapely.distance(polygon, shapely.Point(a, b)), 6), code)
            expected[group, name] = min(told, expected.get((group, name), told))
    got = zip(found["group"], found["qpv_code"], found["distance_m"], found["code"], strict=True)
    assert {(group, name): told for group, name, *told in map(tuple, got)} == {k: list(v) for k, v in expected.items()}
