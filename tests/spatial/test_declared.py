"""Points compared with lists alone: what is known of a commune, the ground of the départements, minutes read as decimals."""

import numpy as np
import pandas as pd
import pytest
import shapely

from qpvhealth.spatial import declared
from qpvhealth.spatial.projection import transform_points

TOULOUSE, ALBI = (574_000.0, 6_279_000.0), (631_000.0, 6_315_000.0)
"""In Lambert-93: 67 km apart."""


def rows(*places, commune="31555", department="31", territory="metropole"):
    frame = pd.DataFrame(places, columns=["x", "y"], dtype="float64")
    return frame.assign(
        finess_et=[f"{commune}{n:04d}" for n in range(len(frame))],
        year=2024,
        territory=territory,
        commune_code=commune,
        department_code=department,
        location_status="located",
        location_error_m=np.nan,
        location_source_id="s",
        commune_distance_m=np.nan,
    )


def around(place, n=4, step=200.0):
    return [(place[0] + step * k, place[1]) for k in range(n)]


def quarter(commune, place, territory="metropole"):
    square = shapely.box(place[0] - 300, place[1] - 300, place[0] + 300, place[1] + 300)
    return pd.DataFrame({"area_code": [commune], "territory": territory, "metres": [square]})


NONE = quarter("75056", (0, 0)).iloc[:0]


def other(frame, known, quarters=NONE, outlined=()):
    found = declared.other_areas(frame, known, quarters, reach_m=15_000.0, outlined=outlined)
    return [None if pd.isna(code) else code for code in found]


def test_a_point_far_from_the_structures_of_its_commune_names_where_it_is():
    of_albi = rows(*around(ALBI), commune="81004", department="81")
    wrong = rows(*around(TOULOUSE), ALBI)
    known = pd.concat([wrong, of_albi], ignore_index=True)
    assert other(wrong, known, outlined={"31", "81"}) == [None] * 4 + ["81004"]
    assert other(of_albi, known, outlined={"31", "81"}) == [None] * 4


def test_a_qpv_is_enough_and_two_structures_are_not():
    wrong = rows(TOULOUSE, (TOULOUSE[0] + 16_000, TOULOUSE[1]))
    assert other(wrong, wrong, outlined={"31"}) == [None, None]
    assert other(wrong, wrong, quarter("31555", TOULOUSE), outlined={"31"}) == [None, "31"]
    near = rows((TOULOUSE[0] + 14_000, TOULOUSE[1]))
    assert other(near, near, quarter("31555", TOULOUSE)) == [None]
    beside = pd.concat([quarter("31555", TOULOUSE), quarter("31044", (TOULOUSE[0] + 14_500, TOULOUSE[1]))])
    assert other(near, near, beside) == ["31044"]


def test_an_arrondissement_is_its_commune_and_a_wide_commune_is_not_judged():
    paris = rows((652_000, 6_862_000), commune="75113", department="75")
    assert other(paris, paris, quarter("75056", (652_500, 6_862_000))) == [None]
    for territory, expected in (("guyane", None), ("la_reunion", "97411")):
        far = rows((340_000, 7_680_000), commune="97411", territory=territory).assign(department_code="97411"[:3])
        known = quarter("97411", (300_000, 7_680_000), territory)
        assert other(far, far, known) == [None if expected is None else "974"]


@pytest.mark.parametrize(
    ("department", "outlined", "status", "expected"),
    [
        ("31", (), "located", "81"),
        ("81", (), "located", None),
        ("31", {"31"}, "located", None),  # an outline has decided
        ("31", (), "contradictory", "81"),
        ("31", (), "centroid", None),
        ("85", (), "located", "81"),
    ],
)
def test_the_ground_tells_the_department_where_there_is_no_outline(department, outlined, status, expected):
    one = rows(ALBI, department=department, commune=None).assign(location_status=status)
    assert other(one, one, outlined=outlined) == [expected]


def test_an_island_without_ground_and_a_border_say_nothing():
    yeu = rows((301_000, 6_635_000), commune="85113", department="85")  # 17 km off the coast, on no ground
    border = rows((TOULOUSE[0] + 36_000, TOULOUSE[1]), department="31", commune=None)
    for frame in (yeu, border):
        assert other(frame, frame) == [None]


def minutes(shift, n=6, *, as_minutes=True):
    """Make structures of a commune, near its QPV, whose points are written in minutes."""
    lon, lat = 1.40 + np.arange(n) / 1000 + shift, np.full(n, 43.60)
    written = [np.trunc(v) + (v % 1) * 0.6 for v in (lon, lat)] if as_minutes else [lon, lat]
    x, y = transform_points(*written, "EPSG:4326", "EPSG:2154")
    home = transform_points(np.array([1.40]), np.array([43.60]), "EPSG:4326", "EPSG:2154")
    frame = rows(*zip(x, y, strict=True)).assign(geometry=shapely.points(*written))
    return declared.misread_minutes(frame, quarter("31555", (home[0][0], home[1][0])))


def test_minutes_of_one_department_are_told_by_the_qpv_of_its_communes():
    found = minutes(0.0)
    assert found[["year", "source_id", "department_code", "n"]].to_numpy().tolist() == [[2024, "s", "31", 6]]
    assert found["off_m"].iloc[0] > 20_000
    assert found["converted_m"].iloc[0] < 100
    assert minutes(0.0, as_minutes=False).empty
    assert minutes(0.0, n=4).empty


def test_points_that_are_off_for_another_reason_are_no_minutes():
    assert minutes(0.3).empty  # off, and converted off still
