"""The area in common against the polygon that GEOS draws of it, and by hand."""

import tracemalloc

import numpy as np
import pytest
import shapely
from shapely import affinity

from qpvhealth.spatial import common_area as rule
from qpvhealth.spatial.common_area import common_area

SQUARE = shapely.box(0, 0, 10, 10)
RING = SQUARE.difference(shapely.box(2, 2, 8, 8))
TWO = shapely.union_all([shapely.box(0, 0, 4, 10), shapely.box(6, 0, 10, 10)])
TILTED = shapely.Polygon([(0, 0), (10, 10), (0, 10)])


def of(first, second):
    return float(common_area(np.array([first], dtype=object), np.array([second], dtype=object))[0])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (SQUARE, SQUARE, 100),
        (SQUARE, SQUARE.reverse(), 100),
        (SQUARE, shapely.box(5, 5, 15, 15), 25),
        (SQUARE, shapely.box(2, 3, 4, 5), 4),
        (SQUARE, shapely.box(10, 0, 20, 10), 0),
        (SQUARE, shapely.box(10, 10, 20, 20), 0),
        (SQUARE, shapely.box(30, 0, 40, 10), 0),
        (RING, shapely.box(2, 2, 8, 8), 0),
        (RING, shapely.box(0, 0, 5, 5), 25 - 9),
        (RING, RING, 64),
        (TWO, shapely.box(3, 0, 7, 5), 10),
        (TWO, RING, 64 - 4 * 2),
        (SQUARE, TILTED, 50),
        (TILTED, shapely.Polygon([(0, 0), (10, 0), (0, 10)]), 25),
        (TILTED, shapely.Polygon([(0, 0), (10, 10), (10, 0)]), 0),
    ],
)
def test_by_hand(first, second, expected):
    assert of(first, second) == of(second, first) == pytest.approx(expected, abs=1e-9)


def blob(random):
    """Draw a polygon around a point of a large country: a star, holes and parts included, some corners on whole metres."""
    corners = int(random.integers(3, 40))
    angle = np.sort(random.uniform(0, 2 * np.pi, corners))
    radius = random.uniform(100, 900, corners)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    if random.random() < 0.3:
        x, y = np.round(x, -1), np.round(y, -1)
    centre = 650_000 + random.uniform(-400, 400), 6_860_000 + random.uniform(-400, 400)
    star = shapely.make_valid(shapely.Polygon(np.column_stack([x, y])), method="structure", keep_collapsed=False)
    if random.random() < 0.4:
        star = star.difference(shapely.box(-60, -60, 50, 50))
    return affinity.translate(star, *np.round(centre))


def polygonal(shape):
    return shape.area > 0 and shape.geom_type in ("Polygon", "MultiPolygon")


def test_as_the_polygon_that_is_drawn():
    random = np.random.default_rng(11)
    given = [(blob(random), blob(random)) for _ in range(600)]
    nearly = [(p, affinity.translate(p, *random.uniform(-0.01, 0.01, 2))) for p, _ in given[:200]]
    turned = [(p, shapely.transform(p, lambda xy: np.round(xy, 1)).buffer(0)) for p, _ in given[200:400]]
    first, second = np.array([pair for pair in given + nearly + turned if all(map(polygonal, pair))], dtype=object).T
    drawn = shapely.area(shapely.intersection(first, second))
    assert (drawn > 0).sum() > 800
    assert common_area(first, second) == pytest.approx(drawn, rel=1e-8, abs=1e-4)
    assert common_area(second, first) == pytest.approx(drawn, rel=1e-8, abs=1e-4)


def test_pairs_do_not_depend_on_those_beside_them(monkeypatch):
    random = np.random.default_rng(12)
    shapes = np.array([p for p in (blob(random) for _ in range(60)) if polygonal(p)], dtype=object)
    first, second = shapes[:-1], shapes[1:]
    alone = [of(a, b) for a, b in zip(first, second, strict=True)]
    assert common_area(first, second) == pytest.approx(alone, abs=1e-5)
    for pairs, edges, most in ((7, 3, 10**6), (1, 1, 10**6), (7, 3, 100), (60, 3, 0)):
        monkeypatch.setattr(rule, "PAIRS", pairs)
        monkeypatch.setattr(rule, "AT_ONCE", edges)
        monkeypatch.setattr(rule, "MOST", most)
        assert common_area(first, second) == pytest.approx(alone, abs=1e-5)


def comb(n, height):
    """Draw a comb whose teeth lie above one another, each as long as the comb is wide."""
    teeth = [(0 if k % 4 in (0, 3) else 1000, k // 2 * height) for k in range(2 * n)]
    return shapely.Polygon([*teeth, (-1, n * height), (-1, -1)])


def test_combs_are_drawn_in_the_memory_of_two_polygons():
    tall, low = comb(6001, 0.5), comb(6001, 0.4)
    assert tall.is_valid
    assert low.is_valid
    tracemalloc.start()
    found = of(tall, low), of(tall, SQUARE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == pytest.approx([tall.intersection(low).area, tall.intersection(SQUARE).area], rel=1e-8)
    assert peak < 50e6


def test_no_pair_has_no_area():
    assert common_area(np.array([], dtype=object), np.array([], dtype=object)).tolist() == []


def test_real_contours_share_what_is_drawn(real_contours):
    old, new = real_contours
    at, then = shapely.STRtree(old).query(new, predicate="intersects")[::-1]
    drawn = shapely.area(shapely.intersection(old[at], new[then]))
    assert len(drawn) > 1000
    assert common_area(old[at], new[then]) == pytest.approx(drawn, rel=1e-8, abs=1e-5)


@pytest.fixture
def real_contours(real_data):
    """The metropolitan QPV of both generations, in metres."""
    folder = real_data / "neighbourhoods"
    files = folder / "qpv-2015/QP_METROPOLE_LB93.shp", folder / "qpv-2024/qpv-2026-rounded-1584.geojson"
    return [_metres(path) for path in files]


def _metres(path):
    import geopandas as gpd

    layer = gpd.read_file(path).to_crs(2154)
    shapes = shapely.make_valid(layer.geometry.to_numpy(), method="structure", keep_collapsed=False)
    west, _, east, _ = layer.total_bounds
    assert west < east
    box = shapely.box(0, 6_000_000, 1_300_000, 7_200_000)
    return shapes[shapely.within(shapes, box) & (shapely.area(shapes) > 0)]
