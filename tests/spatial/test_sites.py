"""Sites for new structures: squares whose surroundings meet, distances in metres."""

import numpy as np
import pandas as pd
import shapely
from hypothesis import given, settings, strategies as st

from qpvhealth.spatial import projection, sites
from qpvhealth.spatial.proximity import Perimeters

X, Y = 650_000, 6_860_000


def squares(*west):
    polygons = np.array([shapely.box(X + w, Y, X + w + 100, Y + 100) for w in west], dtype=object)
    codes = np.array([f"Q{n}" for n in range(len(west))], dtype=object)
    return {"metropole": Perimeters(codes, polygons)}


def space(held, near_m):
    return sites.Space(held, near_m)


def sets(squares, *, of_middle=False):
    square, qpv = squares.served if of_middle else (squares.square, squares.qpv)
    return [sorted(qpv[square == k].tolist()) for k in range(squares.n)]


def test_from_within_there_is_a_point_in_each_qpv_and_where_several_meet():
    held = squares(0, 400, 470)  # the last two overlap
    points = space(held, 0).points()
    assert sets(points, of_middle=True) == [[0], [1], [2], [1, 2]]
    assert space(held, 0).is_enumerated
    assert sets(space(squares(0, 100), 0).points(), of_middle=True)[-1] == [0, 1]  # a border is inside
    assert not space(squares(*range(6)), 0).is_enumerated  # larger groups are not looked for
    assert not space(held, 1).is_enumerated


def test_a_point_in_each_qpv_serves_its_surroundings():
    assert sets(space(squares(0, 400), 350).points(), of_middle=True) == [[0, 1], [0, 1]]
    assert sets(space(squares(0, 400), 349).points(), of_middle=True) == [[0], [1]]


def test_territories_do_not_meet():
    held = squares(0, 300) | {"mayotte": Perimeters(np.array(["M"]), np.array([shapely.box(X, Y, X + 100, Y + 100)]))}
    both = space(held, 500)
    assert both.codes.tolist() == ["Q0", "Q1", "M"]
    assert sets(both.roots()) == [[0, 1], [2]]
    frame = sites.places(both, both.points(), [0, 2])
    assert frame["territory"].tolist() == ["metropole", "mayotte"]
    lon, lat = projection.transform_points(frame["x"].to_numpy()[:1], frame["y"].to_numpy()[:1], 2154, 4326)
    np.testing.assert_allclose(frame[["longitude", "latitude"]].to_numpy()[0], [lon[0], lat[0]])
    assert sites.places(both, both.points(), []).empty


@given(
    st.lists(st.tuples(*[st.integers(0, 2_000)] * 2, st.integers(1, 300)), min_size=1, max_size=6),
    st.integers(1, 900),
    st.lists(st.tuples(*[st.floats(-1_000, 3_500)] * 2), min_size=5, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_a_square_names_all_that_its_points_serve(boxes, near_m, points):
    polygons = np.array([shapely.box(X + x, Y + y, X + x + side, Y + y + side) for x, y, side in boxes], dtype=object)
    where = space({"metropole": Perimeters(np.arange(len(boxes)).astype(str), polygons)}, near_m)
    live = where.roots()
    for _ in range(5):
        live = where.split(live)
        for x, y in points:
            serves = set(np.flatnonzero(shapely.distance(polygons, shapely.Point(X + x, Y + y)) <= near_m).tolist())
            here = np.flatnonzero((np.abs(live.x - X - x) <= live.half) & (np.abs(live.y - Y - y) <= live.half))
            assert serves <= set().union(*(sets(live)[k] for k in here))
    for x, y, served in zip(live.x, live.y, sets(live, of_middle=True), strict=True):
        assert served == np.flatnonzero(shapely.distance(polygons, shapely.Point(x, y)) <= near_m).tolist()


def test_what_a_place_serves_is_measured():
    frame = pd.DataFrame({"site": [7], "territory": "metropole", "x": [X - 200.0], "y": [Y + 50.0]})
    assert sites.served(frame, squares(0, 400), 200).to_numpy().tolist() == [[7, "Q0", 200.0]]
    assert sites.served(frame, squares(0, 400), 199).empty


def test_a_release_is_put_back_in_metres():
    polygon = squares(0)["metropole"].polygons
    degrees = projection.transform_geometries(polygon, 2154, 4326)
    frame = pd.DataFrame({"qpv_code": ["Q0", "Q1"], "territory": "metropole", "area_km2": [0.01, 0.0]})
    held = sites.in_metres(frame.assign(geometry=[degrees[0], None]))
    assert held["metropole"].codes.tolist() == ["Q0"]  # the collapsed one is left out
    assert abs(shapely.area(held["metropole"].polygons)[0] - 10_000) < 0.01


def test_points_without_territory_are_nowhere():
    lon, lat = projection.transform_points(np.array([X + 50.0]), np.array([Y + 50.0]), 2154, 4326)
    x, _ = projection.to_territory_metres(np.repeat(lon, 2), np.repeat(lat, 2), pd.Series(["metropole", None]), 4326)
    assert abs(x[0] - X - 50) < 0.001
    assert np.isnan(x[1])
