import numpy as np
import pandas as pd
import pytest
import shapely

from qpvhealth.errors import InputError
from qpvhealth.spatial import perimeters
from qpvhealth.spatial.projection import transform_geometries
from qpvhealth.spatial.proximity import Perimeters


def lonlat(x, y, side=0.01):
    return shapely.box(x, y, x + side, y + side)


TOULOUSE, PARIS, REUNION, MAYOTTE = lonlat(1.4, 43.6), lonlat(2.37, 48.83), lonlat(55.4, -21.1), lonlat(45.2, -12.8)


def staged(*rows, generation="qpv-2015", crs="EPSG:4326", source="q"):
    frame = pd.DataFrame(rows, columns=["qpv_code", "geometry"])
    return frame.assign(
        generation=generation, crs=crs, source_id=source, commune_codes=pd.Series(None, index=frame.index, dtype="str")
    )


def prepared(*rows, **how):
    return perimeters.prepare(staged(*rows, **how)).set_index("qpv_code")


def test_each_territory_has_its_metres():
    got = prepared(("QP031001", TOULOUSE), ("QP974001", REUNION), ("QP976001", MAYOTTE))
    assert got["territory"].tolist() == ["metropole", "la_reunion", "mayotte"]
    assert got["department_code"].tolist() == ["31", "974", "976"]
    for row, epsg in zip(got.to_dict("records"), (2154, 2975, 4471), strict=True):
        expected = shapely.area(transform_geometries(np.array([row["geometry"]]), 4326, epsg))[0]
        assert row["area_km2"] == pytest.approx(expected / 1e6)


def test_already_in_metres_stays_to_the_bit():
    shape = shapely.box(574000.1, 6279000.2, 574100.3, 6279100.4)
    assert prepared(("QP031001", shape), crs="EPSG:2154")["metres"].iloc[0] == shape


def test_a_misplaced_polygon_has_no_usable_geometry():
    got = prepared(("QP031001", TOULOUSE), ("QP974001", PARIS))
    assert got["repair"].isna().tolist() == [True, False]
    assert got.loc["QP974001", "repair"] == "misplaced"
    assert got.loc["QP974001", "metres"] is None
    assert "la_reunion" not in perimeters.usable(got.reset_index(), "qpv-2015")


@pytest.mark.parametrize(
    ("shapes", "crs"),
    [
        ([lonlat(43.6, 1.4), lonlat(48.83, 2.37)], "EPSG:4326"),  # swapped axes
        ([TOULOUSE, PARIS], "EPSG:2154"),  # degrees said to be metres
        ([shapely.box(574000, 6279000, 574100, 6279100)], "EPSG:27572"),  # Lambert-93 said to be Lambert II
        ([shapely.box(574000, 6279000, 574100, 6279100)], "EPSG:4326"),  # metres said to be degrees
    ],
)
def test_a_file_whose_every_polygon_is_misplaced_is_refused(shapes, crs):
    rows = [(f"QP031{n:03d}", s) for n, s in enumerate(shapes)]
    with pytest.raises(InputError, match=r"card q: every polygon lies outside"):
        prepared(*rows, crs=crs)


def test_the_neighbourhoods_of_a_commune_are_gathered():
    other, away = lonlat(1.42, 43.6), lonlat(1.41, 43.7)
    frame = staged(
        ("QP031001", TOULOUSE), ("QP031002", other), ("QP031003", away), ("QP031004", PARIS), ("QP031005", away)
    )
    frame = frame.assign(commune_codes=["31555,31001", "31555", "59350", "31555", None])
    got = perimeters.by_commune(perimeters.prepare(frame)).set_index("area_code")
    assert got["territory"].to_dict() == {"31001": "metropole", "31555": "metropole"}
    assert [len(shapely.get_parts(s)) for s in got["metres"]] == [1, 3]
    assert perimeters.by_commune(
        perimeters.prepare(frame.assign(commune_codes=pd.Series([None] * 5, dtype="str")))
    ).empty


def test_one_wrong_file_among_good_ones_is_refused():
    both = pd.concat([staged(("QP031001", TOULOUSE)), staged(("QP974001", PARIS), source="reunion")], ignore_index=True)
    with pytest.raises(InputError, match="card reunion"):
        perimeters.prepare(both)


def test_a_custom_code_takes_its_territory_from_its_place():
    got = prepared(("Z1", TOULOUSE), ("Z2", REUNION), generation="civ-2008")
    assert got["territory"].tolist() == ["metropole", "la_reunion"]
    assert got["department_code"].fillna("-").tolist() == ["-", "974"]
    outlines = {"department": pd.DataFrame({"area_code": ["31"], "geometry": [lonlat(1, 43, 1)], "crs": ["EPSG:4326"]})}
    frame = perimeters.prepare(staged(("Z1", TOULOUSE), ("Z2", PARIS), generation="civ-2008"), outlines)
    assert frame["department_code"].fillna("-").tolist() == ["31", "-"]


def test_a_custom_code_takes_its_departement_from_its_commune():
    frame = staged(("Z1", TOULOUSE), generation="civ-2008").assign(commune_codes="31555,31001")
    assert perimeters.prepare(frame)["department_code"].tolist() == ["31"]


def test_collapsed_polygons_keep_their_row():
    flat = shapely.Polygon([(1.4, 43.6), (1.41, 43.61), (1.4, 43.6)])
    got = prepared(("QP031001", flat), ("QP031002", TOULOUSE))
    assert got.loc["QP031001", ["repair", "area_km2"]].tolist() == ["collapsed", 0]
    assert perimeters.usable(got.reset_index(), "qpv-2015")["metropole"].codes.tolist() == ["QP031002"]
    assert perimeters.published_geometry(got.reset_index())[0] is None


def test_the_published_geometry_is_the_repaired_one_in_degrees():
    got = prepared(("QP031001", TOULOUSE)).reset_index()
    published = perimeters.published_geometry(got)[0]
    assert shapely.hausdorff_distance(published, TOULOUSE) < 1e-9


def test_overlaps_over_one_square_metre():
    shapes = [
        shapely.box(0, 0, 10, 10),
        shapely.box(8, 0, 20, 10),
        shapely.box(20, 0, 30, 10),
        shapely.box(29.95, 0, 40, 10),
    ]
    found = perimeters.overlaps(Perimeters(np.array([*"ABCD"], dtype=object), np.array(shapes, dtype=object)))
    assert found.to_dict("list") == {"qpv_code": ["A"], "other_qpv_code": ["B"], "overlap_m2": [20]}
