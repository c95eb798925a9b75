"""The index gives, point for point, what the polygons themselves give: held against a naive loop over all of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import pairwise
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings, strategies as st

from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.locate import cells
from qpvhealth.spatial import location, proximity
from qpvhealth.spatial.projection import territory_of_position, transform_points
from qpvhealth.spatial.proximity import Perimeters

LAMBERT = "EPSG:2154"
X, Y = 650_000.0, 6_860_000.0


def perimeters(polygons, codes=None):
    codes = codes or [f"QP{i:06d}" for i in range(len(polygons))]
    return Perimeters(np.array(codes, dtype=object), np.array(polygons, dtype=object))


def naive(x, y, given, within_m):
    """One point and one polygon at a time, metres rounded: inside (the deepest), else nearest within, then the smallest code."""
    inside, near, distance = [], [], []
    for a, b in zip(x, y, strict=True):
        if not (np.isfinite(a) and np.isfinite(b)):
            inside.append(-1), near.append(-1), distance.append(np.nan)
            continue
        point = shapely.Point(a, b)
        others = [(0 if p.covers(point) else round(p.distance(point), 6), i) for i, p in enumerate(given.polygons)]
        covering = [(-round(given.polygons[i].boundary.distance(point), 6), i) for d, i in others if d == 0]
        close = [] if covering else [o for o in others if o[0] <= within_m]
        inside.append(min(covering)[1] if covering else -1)
        near.append(min(close)[1] if close else -1)
        distance.append(0.0 if covering else min(close)[0] if close else np.nan)
    return np.array(inside), np.array(near), np.array(distance)


def cutting(n_points):
    """Cut cells once so many points have fallen into them, whatever their number of segments: 0 at once, null as always."""
    if n_points is None:
        return nullcontext()
    return mock.patch.multiple(cells, MEASURED_POINTS=n_points, MEASURED_AT_LAST=n_points, MEASURED_SEGMENTS=2**40)


def index_of(perimeters, crs=LAMBERT, within_m=300.0, *, with_distance=False):
    return cells.Index(perimeters, crs, within_m, with_distance=with_distance)


def held(polygons, x, y, within_m, *, crs=LAMBERT):
    """Hold the index against the naive loop, in the metres where the points really fall, however much of it is cut."""
    given = perimeters(polygons)
    gx, gy = transform_points(np.asarray(x, float), np.asarray(y, float), LAMBERT, crs)
    mx, my = transform_points(gx, gy, crs, LAMBERT)
    inside, near, distance = naive(mx, my, given, within_m)
    for cut_after, with_distance in ((None, True), (0, True), (0, False), (3, True)):
        index = index_of({"metropole": given}, crs, within_m, with_distance=with_distance)
        for turn in range(2):  # the second finds cells that the first has cut
            with cutting(cut_after):
                found = index.locate(gx, gy)
            message = f"cut after {cut_after}, turn {turn}"
            np.testing.assert_array_equal(found.inside, inside, message)
            np.testing.assert_array_equal(found.near, near, message)
            if with_distance:
                np.testing.assert_array_equal(found.distance_m, distance, message)
    return found


coordinate = st.integers(-40, 40).map(lambda v: v * 25.0)


@st.composite
def shapes(draw):
    kind = draw(st.sampled_from(["box", "triangle", "ring", "two"]))
    x, y = X + draw(coordinate), Y + draw(coordinate)
    wide, high = draw(st.integers(1, 40)) * 12.5, draw(st.integers(1, 40)) * 12.5
    box = shapely.box(x, y, x + wide, y + high)
    if kind == "triangle":
        return shapely.Polygon([(x, y), (x + wide, y), (x + wide / 3, y + high)])
    if kind == "ring":
        return box.difference(shapely.box(x + wide / 4, y + high / 4, x + wide / 2, y + high / 2))
    if kind == "two":
        return shapely.MultiPolygon([box, shapely.box(x + 2 * wide, y, x + 3 * wide, y + high / 2)])
    return box


@settings(max_examples=60, deadline=None)
@given(
    polygons=st.lists(shapes(), min_size=1, max_size=6),
    within_m=st.sampled_from([0.0, 5.0, 100.0, 300.0, 1000.0, 40_000.0]),
    crs=st.sampled_from([LAMBERT, "EPSG:4326", "EPSG:3857"]),
    seed=st.integers(0, 2**31),
)
def test_index_is_the_naive_loop(polygons, within_m, crs, seed):
    random = np.random.default_rng(seed)
    x, y = (c + random.uniform(-1800, 1800, 60) for c in (X, Y))
    corner = random.choice(shapely.get_coordinates(np.array(polygons, dtype=object)), 15)
    turn = random.uniform(0, 2 * np.pi, 15)
    around = corner + within_m * np.column_stack([np.cos(turn), np.sin(turn)])
    beside = corner + random.choice([-within_m, 0, within_m], (15, 2))
    x, y = (np.concatenate([a, corner[:, k], around[:, k], beside[:, k]]) for k, a in enumerate((x, y)))
    held(polygons, x, y, within_m, crs=crs)


def test_points_on_borders_and_vertices_are_inside():
    polygon = shapely.Polygon([(X, Y), (X + 700, Y + 130), (X + 420, Y + 900), (X - 90, Y + 333)])
    share = np.linspace(0, 1, 500)
    on = shapely.get_coordinates(shapely.line_interpolate_point(polygon.boundary, share, normalized=True))
    corners = shapely.get_coordinates(polygon)
    found = held([polygon], *np.concatenate([on, corners]).T, 300.0)
    assert (found.inside[-5:] == 0).all()


def test_points_exactly_at_the_distance_are_near():
    square = shapely.box(X, Y, X + 500, Y + 500)
    step = np.array([0, 1e-9, -1e-9, 1e-6, -1e-6])
    x = np.concatenate([X + 500 + 300 + step, X - 300 + step, np.full(5, X + 250)])
    y = np.concatenate([np.full(10, Y + 250), Y - 300 + step])
    found = held([square], x, y, 300.0)
    assert found.near[0] == found.near[5] == found.near[10] == 0
    assert (
        cells.Index({"metropole": perimeters([square])}, LAMBERT, 300.0, with_distance=True).locate(x, y).distance_m[0]
        == 300
    )


@pytest.mark.parametrize("size", [16.0, 128.0, 1024.0, 32768.0])
def test_points_on_the_edges_of_cells(size):
    x0, y0 = np.floor(X / size) * size, np.floor(Y / size) * size
    step = np.array([-1e-9, 0, 1e-9, -0.5, 0.5])
    x = (x0 + np.arange(-8, 9)[:, None] * min(size, 128) + step).ravel()
    for polygons in ([shapely.box(x0, y0, x0 + 512, y0 + 512)], [shapely.box(x0 + 1, y0 + 1, x0 + 97, y0 + 33)]):
        held(polygons, x, np.full(len(x), y0), 300.0)
        held(polygons, np.full(len(x), x0), y0 + x - x0, 300.0)


def test_overlaps_go_to_the_deepest_then_to_the_smallest_code():
    left, right = shapely.box(X, Y, X + 1000, Y + 1000), shapely.box(X + 600, Y, X + 1600, Y + 1000)
    x = X + np.array([650.0, 800.0, 950.0, 600.0, 1000.0])
    found = held([left, right], x, np.full(5, Y + 500), 300.0)
    assert found.inside.tolist() == [0, 0, 1, 0, 1]


def test_nearest_of_two_then_the_smallest_code():
    a, b = shapely.box(X, Y, X + 100, Y + 100), shapely.box(X + 300, Y, X + 400, Y + 100)
    x = X + np.array([150.0, 199.999999, 200.0, 200.0000001, 250.0])
    found = held([b, a], x, np.full(5, Y + 50), 300.0)
    assert found.near.tolist() == [1, 1, 0, 0, 0]


def test_the_middle_of_a_very_large_polygon_is_inside():
    hole = shapely.box(X + 40_000, Y + 40_000, X + 40_010, Y + 40_010)
    large = shapely.box(X, Y, X + 80_000, Y + 80_000).difference(hole)
    x = X + np.array([40_005.0, 40_000.0, 39_000.0, 1.0, 60_000.0])
    found = held([large], x, x - X + Y, 300.0)
    assert found.inside.tolist() == [-1, 0, 0, 0, 0]


def test_far_null_and_infinite_points_get_nothing():
    found = index_of({"metropole": perimeters([shapely.box(X, Y, X + 9, Y + 9)])}).locate(
        np.array([np.nan, X, np.inf, -1e12, X + 5e5, X + 4]), np.array([Y, np.nan, Y, 1e12, Y, Y + 4])
    )
    assert found.inside.tolist() == [-1, -1, -1, -1, -1, 0]
    assert (found.near == -1).all()
    assert found.distance_m is None


def test_no_point_and_no_polygon():
    empty = np.array([])
    assert len(index_of({}).locate(empty, empty).inside) == 0
    assert index_of({}).locate(np.array([X]), np.array([Y])).near.tolist() == [-1]


def overseas():
    """One square of 400 m in the middle of the box of each territory, in its own metres."""
    squares = {}
    for name, territory in TERRITORIES.items():
        west, south, east, north = territory.box
        x, y = transform_points(np.array([(west + east) / 2]), np.array([(south + north) / 2]), 4326, territory.epsg)
        square = shapely.box(x[0] - 200, y[0] - 200, x[0] + 200, y[0] + 200)
        squares[name] = perimeters([square], [f"Q-{name}"])
    return squares


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:2154", "EPSG:5490", "EPSG:32620", "EPSG:27572"])
def test_each_territory_is_measured_in_its_own_metres(crs):
    squares = overseas()
    index = cells.Index(squares, crs, 300.0)
    for name, square in squares.items():
        epsg, (west, south, east, north) = TERRITORIES[name].epsg, square.polygons[0].bounds
        x = np.array([(west + east) / 2, east + 299.9, east + 300.1, west - 150])
        gx, gy = transform_points(x, np.full(4, (south + north) / 2), epsg, crs)
        back = territory_of_position(*transform_points(gx, gy, crs, 4326))
        mx, my = transform_points(gx, gy, crs, epsg)
        inside, near, _ = naive(mx, my, square, 300.0)
        found = index.locate(gx, gy)
        own = np.append(np.where(index.codes == f"Q-{name}")[0], -1)
        np.testing.assert_array_equal(found.inside, np.where(back == name, own[inside], -1), name)
        np.testing.assert_array_equal(found.near, np.where(back == name, own[near], -1), name)
        if (
            np.hypot(mx - x, my - (south + north) / 2).max() < 0.01
        ):  # a system comes back from its own part of the world
            assert (inside.tolist(), near.tolist()) == ([0, -1, -1, -1], [-1, 0, -1, 0])


def test_a_point_outside_the_box_of_its_territory_gets_nothing():
    west, south, *_ = TERRITORIES["metropole"].box
    x, y = transform_points(np.array([west]), np.array([(south + 51) / 2]), 4326, 2154)
    square = perimeters([shapely.box(x[0] - 500, y[0] - 500, x[0] + 500, y[0] + 500)])
    found = index_of({"metropole": square}, "EPSG:4326").locate(
        np.array([west + 1e-9, west - 1e-9]), np.full(2, (south + 51) / 2)
    )
    assert found.inside.tolist() == [0, -1]


def test_the_national_join_gives_the_same():
    random = np.random.default_rng(3)
    middles = [shapely.Point(X + a, Y + b) for a, b in random.uniform(0, 8000, (40, 2))]
    polygons = [m.buffer(r, quad_segs=3) for m, r in zip(middles, random.uniform(50, 900, 40), strict=True)]
    given = perimeters(polygons)
    x, y = X + random.uniform(-800, 8800, 5000), Y + random.uniform(-800, 8800, 5000)
    home = pd.Series(["metropole"] * len(x), dtype="str")
    expected = location.locate_all(x, y, home, {"metropole": given}, 300.0).points
    found = index_of({"metropole": given}, with_distance=True).locate(x, y)
    codes = np.array([*given.codes, None], dtype=object)
    close = (expected["qpv_code"].isna() & (expected["distance_m"] <= 300)).to_numpy()
    assert codes[found.inside].tolist() == expected["qpv_code"].astype(object).where(lambda s: s.notna(), None).tolist()
    assert codes[found.near].tolist() == np.where(close, expected["nearest_qpv_code"], None).tolist()
    within = (expected["distance_m"] <= 300).to_numpy()
    np.testing.assert_array_equal(found.distance_m[within], expected["distance_m"].to_numpy()[within])


def test_threads_share_an_index():
    given = perimeters([shapely.Point(X + 700 * k, Y).buffer(300, quad_segs=40) for k in range(30)])
    x, y = np.random.default_rng(1).uniform((X - 400, Y - 700), (X + 21_000, Y + 700), (200_000, 2)).T
    whole = index_of({"metropole": given}).locate(x, y)
    index = index_of({"metropole": given})
    edges = range(0, 200_001, 2_000)
    with cutting(3), ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(lambda e: index.locate(x[e[0] : e[1]], y[e[0] : e[1]]), pairwise(edges)))
    np.testing.assert_array_equal(np.concatenate([p.inside for p in parts]), whole.inside)
    np.testing.assert_array_equal(np.concatenate([p.near for p in parts]), whole.near)


def test_cells_are_cut_where_enough_points_fall():
    given = {
        "metropole": perimeters([shapely.box(X, Y, X + 900, Y + 900), shapely.box(X + 9000, Y, X + 9900, Y + 900)])
    }
    index = index_of(given)
    border_x, border_y = np.full(20, X) + np.arange(20) * 1e-3, np.full(20, Y + 450.0)
    n_cut = []
    for n in (3, 3, 20, 20, 20, 20):
        index.locate(border_x[:n], border_y[:n])
        (grid,) = index._grids.values()
        n_cut.append([len(table) // cells.BLOCK**2 for table in grid.tables[1:]])
    assert n_cut == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1], [1, 1, 1]]


def test_no_more_cells_are_cut_than_fit_the_memory():
    polygon = shapely.Point(X, Y).buffer(5000, quad_segs=200)
    x, y = shapely.get_coordinates(shapely.segmentize(polygon.boundary, 10.0)).T
    with mock.patch.object(cells, "MAX_OPEN", 100):
        held([polygon], x[:400], y[:400], 300.0)
        index = index_of({"metropole": perimeters([polygon])})
        with cutting(1):
            for part in np.array_split(np.arange(len(x)), 200):
                index.locate(x[part], y[part])
    (grid,) = index._grids.values()
    assert 100 < len(grid.undecided[1].ix) < 400


@pytest.mark.parametrize("off", [0.0, 3e-7, -3e-7, 4.9e-7, 5.1e-7, 1e-6, 1e-5])
def test_a_hair_off_a_border_or_the_distance_is_decided_by_the_rounded_distance(off):
    triangle = shapely.Polygon([(X, Y), (X + 1000, Y + 333), (X, Y + 333)])
    share = np.random.default_rng(2).uniform(0, 1000, 400)
    normal = np.array([0.333, -1.0]) / np.hypot(0.333, 1.0)
    for metres in (0.0, 300.0):
        x, y = (np.array([X + share, Y + share * 0.333]).T + normal * (metres + off)).T
        found = held([triangle], x, y, 300.0)
        assert (found.inside == 0).all() == (metres == 0 and off < 5e-7)
        polygon, is_inside, _ = proximity.nearby(x, y, proximity.Shapes(np.array([triangle], dtype=object)), 300.0)
        np.testing.assert_array_equal(is_inside, found.inside == 0)
        np.testing.assert_array_equal(polygon >= 0, (found.inside == 0) | (found.near == 0))


def quarters(random):
    """Draw outlines as those of towns: some share a border, some overlap, some have a hole, one lies in a hole, one is a sliver."""
    centres = random.uniform(0, 1500, (6, 2)) + np.array([X, Y])
    stars = []
    for x, y in centres:
        n = int(random.integers(5, 60))
        turn, reach = np.sort(random.uniform(0, 2 * np.pi, n)), random.uniform(60, 350, n)
        stars.append(shapely.Polygon(np.column_stack([x + reach * np.cos(turn), y + reach * np.sin(turn)])))
    ring = (
        shapely.Point(X - 900, Y)
        .buffer(300, quad_segs=7)
        .difference(shapely.Point(X - 900, Y).buffer(200, quad_segs=5))
    )
    halves = [shapely.box(X, Y - 900, X + 333, Y - 500), shapely.box(X + 333, Y - 900, X + 700, Y - 500)]
    sliver = shapely.Polygon([(X - 300, Y - 700), (X - 100, Y - 699.9), (X - 300, Y - 699.8)])
    return [*shapely.make_valid(stars, method="structure"), ring, shapely.Point(X - 900, Y).buffer(50), *halves, sliver]


@pytest.mark.parametrize("crs", [LAMBERT, "EPSG:4326"])
@pytest.mark.parametrize("seed", range(3))
def test_points_chosen_to_be_hard_get_the_naive_answer(seed, crs):
    random, within_m = np.random.default_rng(seed), 300.0
    polygons = quarters(random)
    borders = shapely.boundary(np.array(polygons, dtype=object))
    vertices = shapely.get_coordinates(borders)
    vertices = vertices[random.choice(len(vertices), 40)]
    on = shapely.get_coordinates(
        shapely.line_interpolate_point(random.choice(borders, 40), random.random(40), normalized=True)
    )
    a, b = vertices[:-1], vertices[1:]
    length = np.hypot(*(b - a).T)[:, None] + 1e-9
    normal = np.column_stack([b[:, 1] - a[:, 1], a[:, 0] - b[:, 0]]) / length
    at_distance = np.concatenate(
        [
            a + normal * within_m,
            (a + b) / 2 + normal * within_m,
            a + np.array([within_m, 0]),
            a - np.array([0, within_m]),
        ]
    )
    ties = (
        shapely.get_coordinates(shapely.centroid(polygons))[:, None]
        + shapely.get_coordinates(shapely.centroid(polygons))
    ) / 2
    sizes = np.array([1024.0, 256.0, 64.0, 16.0])[random.integers(0, 4, 40)][:, None]
    on_edges = np.floor(vertices / sizes) * sizes
    half_edges = np.column_stack([on_edges[:, 0], vertices[:, 1]])
    points = np.concatenate([vertices, on, at_distance, ties.reshape(-1, 2), on_edges, half_edges])
    steps = random.choice([0.0, 1e-10, -1e-10, 4.9e-7, -5.1e-7, 1e-6, -1e-3], points.shape)
    x, y = np.concatenate([points, points + steps]).T
    found = held(polygons, x, y, within_m, crs=crs)
    assert (found.inside >= 0).sum() > 50
    assert (found.near >= 0).sum() > 50
