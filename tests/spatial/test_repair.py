import numpy as np
import pytest
import shapely
from shapely import from_wkt

from qpvhealth.spatial.repair import repair

SQUARE = shapely.box(0, 0, 10, 10)


def one(geometry):
    done = repair(np.array([geometry], dtype=object))
    return done.geometry[0], done.repair[0], done.area_change[0]


@pytest.mark.parametrize(
    ("wkt", "area"),
    [
        ("POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))", 50),  # a bowtie keeps both wings: buffer(0) would halve it
        ("POLYGON ((0 0, 10 0, 10 5, 20 5, 10 5, 10 10, 0 10, 0 0))", 100),  # a spike is cut
        # a hole outside its shell is a part
        ("POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (20 20, 30 20, 30 30, 20 30, 20 20))", 200),
        ("MULTIPOLYGON (((0 0, 10 0, 10 10, 0 10, 0 0)), ((0 0, 10 0, 10 10, 0 10, 0 0)))", 100),  # the same ring twice
        ("MULTIPOLYGON (((0 0, 10 0, 10 10, 0 10, 0 0)), ((2 2, 4 2, 4 4, 2 4, 2 2)))", 100),  # a shell in a shell
        ("POLYGON ((0 0, 10 0, 10 10, 5 10, 5 5, 5 10, 0 10, 0 0))", 100),  # a line into the inside
        ("GEOMETRYCOLLECTION (POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0)), LINESTRING (0 0, 50 50), POINT (9 99))", 100),
    ],
)
def test_the_polygonal_part_is_kept(wkt, area):
    geometry, done, _ = one(from_wkt(wkt))
    assert done == "repaired"
    assert shapely.area(geometry) == pytest.approx(area)
    assert geometry.geom_type in ("Polygon", "MultiPolygon")
    assert geometry.is_valid


def test_the_area_change_is_stated():
    overlapping = from_wkt("MULTIPOLYGON (((0 0, 10 0, 10 10, 0 10, 0 0)), ((5 0, 15 0, 15 10, 5 10, 5 0)))")
    geometry, _, change = one(overlapping)
    assert shapely.area(geometry) == pytest.approx(150)
    assert change == pytest.approx(150 / 200 - 1)


def test_a_valid_polygon_is_left_to_the_bit():
    geometry, done, change = one(SQUARE)
    assert (geometry, done, change) == (SQUARE, None, 0)


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        shapely.Polygon(),
        shapely.LineString([(0, 0), (1, 1)]),
        shapely.Point(1, 1),
        shapely.GeometryCollection(),
        from_wkt("POLYGON ((0 0, 10 10, 0 0, 0 0))"),  # collapsed: no area left
        from_wkt("POLYGON ((1 1, 1 1, 1 1, 1 1))"),
        shapely.transform(SQUARE, lambda xy: np.where((xy == 10).all(axis=1)[:, None], np.nan, xy)),
    ],
)
def test_what_has_no_area_is_collapsed(geometry):
    found, done, change = one(geometry)
    assert found is None
    assert done == "collapsed"
    assert np.isnan(change)


def test_three_dimensions_and_holes_stay_holes():
    ring = shapely.difference(SQUARE, shapely.box(4, 4, 6, 6))
    geometry, done, _ = one(shapely.force_3d(ring, 7.0))
    assert done is None
    assert shapely.area(geometry) == 96


def test_what_is_beside_a_bad_shape_is_judged_alone():
    """A vertex that is no number, two parts that overlap in a collection, and a hair of a polygon."""
    broken = shapely.transform(SQUARE, lambda xy: np.where((xy == 10).all(axis=1)[:, None], np.nan, xy))
    both = from_wkt(
        "GEOMETRYCOLLECTION (POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0)), POLYGON ((5 0, 15 0, 15 10, 5 10, 5 0)), POINT (9 9))"
    )
    apart = from_wkt("GEOMETRYCOLLECTION (POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0)), POLYGON ((3 0, 4 0, 4 1, 3 1, 3 0)))")
    bowtie, hair = from_wkt("POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))"), shapely.box(0, 0, 0.5, 0.5)
    done = repair(np.array([broken, bowtie, both, apart, hair], dtype=object))
    assert done.repair.tolist() == ["collapsed", "repaired", "repaired", "repaired", None]
    assert shapely.area(done.geometry[1:]).tolist() == [50, 150, 2, 0.25]


def test_rows_stay_in_order():
    done = repair(np.array([SQUARE, None, from_wkt("POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))"), SQUARE], dtype=object))
    assert done.repair.tolist() == [None, "collapsed", "repaired", None]
    assert repair(np.array([], dtype=object)).geometry.shape == (0,)
