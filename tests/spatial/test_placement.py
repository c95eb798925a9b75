import numpy as np
import pandas as pd
import pytest
import shapely

from qpvhealth.spatial import outlines
from qpvhealth.spatial.placement import QPV_OF_COMMUNE, place
from qpvhealth.spatial.projection import transform_points

ERROR = {"housenumber": 20.0, "street": 150.0, "unknown": 20.0}
TOLERANCE = {"commune": 500.0, "department": 5000.0, "region": 20000.0}
TOULOUSE = (1.44, 43.6)
COMMUNE = {
    "commune": pd.DataFrame(
        {"area_code": ["31555"], "geometry": [shapely.box(1.4, 43.55, 1.5, 43.65)], "crs": ["EPSG:4326"]}
    )
}


def structure(**over):
    base = {
        "finess_et": "1",
        "territory": "metropole",
        "commune_code": "31555",
        "department_code": "31",
        "region_code": "76",
    }
    return base | over


def candidate(rank=0, at=TOULOUSE, crs="EPSG:4326", **over):
    base = {
        "finess_et": "1",
        "rank": rank,
        "source_id": ("extract", "register", "geocoder")[rank],
        "x": at[0],
        "y": at[1],
    }
    known = {
        "location_status": "located",
        "location_precision": "unknown",
        "location_score": np.nan,
        "commune_found": None,
    }
    return base | {"crs": crs} | known | over


def placed(candidates, structures=None, shapes=COMMUNE):
    return offer(candidates, structures, outlines.prepare(shapes))


def offer(candidates, structures, prepared):
    columns = ["finess_et", "rank", "source_id", "x", "y", "crs", *list(candidate())[6:], "location_step"]
    offered = pd.DataFrame(candidates, columns=columns).astype(
        {"commune_found": "str", "crs": "str", "finess_et": "str"}
    )
    offered = offered.astype(dict.fromkeys(("location_status", "location_precision", "source_id"), "str"))
    frame = pd.DataFrame(structures or [structure()]).astype("str")
    frame, offered = frame.assign(year=2024), offered.assign(year=2024)
    return place(frame, offered, outlines=prepared, tolerance_m=TOLERANCE, minimum_score=0.8, error_m=ERROR)


def moved(metres_east, epsg=2154):
    x, y = transform_points(np.array([TOULOUSE[0]]), np.array([TOULOUSE[1]]), 4326, epsg)
    return float(x[0]) + metres_east, float(y[0])


def test_years_placed_together_are_each_their_own():
    """The same structure in two years; all points of the first are in another system than the one stated."""
    numbers = [str(n) for n in range(12)]
    wrong, right = moved(50_000), moved(0)
    there = [
        candidate(finess_et=n, at=at, crs="EPSG:2154", year=y) for n in numbers for y, at in ((1, wrong), (2, right))
    ]
    columns = list(candidate())
    offered = pd.DataFrame(there).astype({c: "str" for c in columns if c not in ("rank", "x", "y", "location_score")})
    known = pd.DataFrame([structure(finess_et=n) for n in numbers]).astype("str")
    both = pd.concat([known.assign(year=y) for y in (1, 2)], ignore_index=True)
    chosen = {"outlines": outlines.prepare(COMMUNE), "tolerance_m": TOLERANCE, "minimum_score": 0.8, "error_m": ERROR}
    found = place(both, offered, **chosen)
    assert found["location_status"].tolist() == ["contradictory"] * 12 + ["located"] * 12
    apart = [place(both[both["year"] == y], offered[offered["year"] == y], **chosen) for y in (1, 2)]
    pd.testing.assert_frame_equal(found, pd.concat(apart, ignore_index=True))


def test_the_extract_comes_before_the_register_before_the_geocoder():
    three = [candidate(2), candidate(1), candidate(0)]
    assert placed(three)["source_id"].tolist() == ["extract"]
    assert placed(three[:2])["source_id"].tolist() == ["register"]
    assert placed(three)["n_location_sources"].tolist() == [3]


def test_what_cannot_decide_gives_way_to_what_can():
    vague = candidate(0, location_status="centroid", location_precision="municipality")
    row = placed([vague, candidate(2, location_precision="housenumber")]).iloc[0]
    assert (row["source_id"], row["location_status"], row["location_error_m"]) == ("geocoder", "located", 20)
    alone = placed([vague]).iloc[0]
    assert (alone["location_status"], alone["location_note"]) == (
        "centroid",
        "the point stands for a commune or a place",
    )
    assert np.isnan(alone["location_error_m"])


@pytest.mark.parametrize(("score", "status"), [(0.79, "centroid"), (0.8, "located"), (np.nan, "located")])
def test_a_low_score_never_decides(score, status):
    row = placed([candidate(2, location_score=score, location_precision="housenumber")]).iloc[0]
    assert row["location_status"] == status


def test_no_point_is_missing():
    row = placed([candidate(at=(np.nan, np.nan))]).iloc[0]
    assert (row["location_status"], row["location_note"], row["n_location_sources"]) == ("missing", "no point", 0)
    none = placed([]).iloc[0]
    assert (none["location_status"], none["location_precision"]) == ("missing", "unknown")


def test_projected_points_stay_to_the_bit():
    row = placed([candidate(at=(574357.1, 6279642.3), crs="EPSG:2154")], shapes={}).iloc[0]
    assert (row["x"], row["y"]) == (574357.1, 6279642.3)
    assert row["longitude"] == pytest.approx(1.4437, abs=1e-3)


@pytest.mark.parametrize(
    ("at", "crs"),
    [
        (TOULOUSE[::-1], "EPSG:4326"),  # swapped axes
        ((657242.9, 1795384.4), "EPSG:2154"),  # metres of Guadeloupe said to be Lambert-93
        ((-61.5, 16.2), "EPSG:4326"),  # another territory
        ((574357.1, 6279642.3), "EPSG:3857"),  # Lambert-93 said to be Web Mercator
        ((2.35, 48.85), "EPSG:4326"),  # Paris for a structure of Toulouse
    ],
)
def test_a_point_that_contradicts_what_is_declared(at, crs):
    row = placed([candidate(at=at, crs=crs)]).iloc[0]
    assert row["location_status"] == "contradictory"
    assert row["location_note"].startswith(("outside its declared territory", "far from its declared commune"))
    kept = placed([candidate(at=at, crs=crs), candidate(1)]).iloc[0]
    assert (kept["location_status"], kept["source_id"]) == ("located", "register")


@pytest.mark.parametrize("at", [(574357.1, 6279642.3), (1e308, 43.6), (1.44, 90.001), (-180.001, 0.0)])
def test_degrees_that_are_no_place_on_earth_contradict_and_have_no_position(at):
    row = placed([candidate(at=at)], shapes={}).iloc[0]
    assert row["location_status"] == "contradictory"
    assert np.isnan(row["longitude"])
    assert np.isnan(row["latitude"])


def test_the_tolerance_of_an_outline_is_exact():
    box = shapely.box(574000, 6279000, 575000, 6280000)
    shapes = {"commune": pd.DataFrame({"area_code": ["31555"], "geometry": [box], "crs": ["EPSG:2154"]})}
    for beyond, status in ((0, "located"), (500, "located"), (500.01, "contradictory")):
        got = placed([candidate(at=(575000 + beyond, 6279500), crs="EPSG:2154")], shapes=shapes)
        assert got["location_status"].tolist() == [status]


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ((1.44, 43.6), "located"),
        ((0.31, 43.99), "located"),
        ((2.35, 48.85), "contradictory"),
        ((2.2, 43.6), "contradictory"),
    ],
)
def test_without_outlines_a_point_is_held_against_the_box_of_its_departement(at, status):
    row = placed([candidate(at=at)], shapes={}).iloc[0]
    assert row["location_status"] == status
    unsaid = placed([candidate(at=at)], [structure(department_code=None)], {}).iloc[0]
    assert unsaid["location_status"] == "located"


def test_an_outline_of_the_departement_goes_before_its_box():
    whole = shapely.box(-5, 42, 8, 51)
    shapes = {"department": pd.DataFrame({"area_code": ["31"], "geometry": [whole], "crs": ["EPSG:4326"]})}
    assert placed([candidate(at=(2.35, 48.85))], shapes=shapes)["location_status"].tolist() == ["located"]


@pytest.mark.parametrize(
    ("commune", "at", "status"),
    [
        ("98731", (-140.1, -8.9), "located"),
        ("98731", (-146.1, -8.9), "contradictory"),  # the next zone of UTM
        (None, (-146.1, -8.9), "located"),
    ],
)
def test_in_polynesie_a_point_is_held_against_the_box_of_its_commune(commune, at, status):
    who = structure(territory="polynesie", commune_code=commune, department_code="987", region_code=None)
    assert placed([candidate(at=at)], [who], {})["location_status"].tolist() == [status]


def test_an_outline_of_the_commune_goes_before_its_box():
    sea = shapely.box(-147, -10, -140, -8)
    shapes = {"commune": pd.DataFrame({"area_code": ["98731"], "geometry": [sea], "crs": ["EPSG:4326"]})}
    who = structure(territory="polynesie", commune_code="98731", department_code="987", region_code=None)
    assert placed([candidate(at=(-146.1, -8.9))], [who], shapes)["location_status"].tolist() == ["located"]


@pytest.mark.parametrize(("east", "status"), [(199_999, "located"), (200_001, "contradictory")])
def test_a_point_is_held_against_the_neighbourhoods_of_its_commune(east, status):
    who = structure(department_code=None)
    x, y = moved(0)
    drawn = {"area_code": ["31555"], "territory": ["metropole"], "metres": [shapely.Point(x - east, y)]}
    got = offer([candidate(at=(x, y), crs="EPSG:2154")], [who], {QPV_OF_COMMUNE: pd.DataFrame(drawn)})
    assert got["location_status"].tolist() == [status]


@pytest.mark.parametrize(("n_wrong", "status"), [(5, "located"), (6, "contradictory")])
def test_a_source_most_of_whose_points_are_wrong_is_believed_nowhere(n_wrong, status):
    codes = [f"{i}" for i in range(10)]
    points = [candidate(finess_et=c, at=(2.35, 48.85) if i < n_wrong else TOULOUSE) for i, c in enumerate(codes)]
    other = candidate(1, finess_et="9")
    who = [structure(finess_et=c) for c in codes]
    got = placed(points, who, {})
    assert got["location_status"].tolist() == ["contradictory"] * n_wrong + [status] * (10 - n_wrong)
    if status == "contradictory":
        assert got["location_note"].iloc[9].startswith("most points of this source")
    assert placed([*points, other], who, {}).iloc[9][["location_status", "source_id"]].tolist() == [
        "located",
        "extract" if status == "located" else "register",
    ]
    few = placed(points[:9], who[:9], {})
    assert few["location_status"].tolist() == ["contradictory"] * n_wrong + ["located"] * (9 - n_wrong)


def test_an_arrondissement_is_held_against_its_commune():
    paris = {
        "commune": pd.DataFrame(
            {"area_code": ["75056"], "geometry": [shapely.box(2.2, 48.8, 2.5, 48.9)], "crs": ["EPSG:4326"]}
        )
    }
    who = structure(commune_code="75113", department_code="75", region_code="11")
    assert placed([candidate(at=(2.36, 48.83))], [who], paris)["location_status"].tolist() == ["located"]
    assert placed([candidate()], [who], paris)["location_status"].tolist() == ["contradictory"]


def test_the_geocoder_may_find_another_commune():
    found = placed([candidate(2, commune_found="31001")]).iloc[0]
    assert (found["location_status"], found["location_note"]) == ("contradictory", "the geocoder found another commune")
    who = structure(commune_code="75056", department_code="75")
    paris = candidate(2, at=(2.36, 48.83), commune_found="75113")
    assert placed([paris], [who], {})["location_status"].tolist() == ["located"]


def test_a_territory_that_is_not_declared_follows_from_the_point():
    who = structure(territory=None, commune_code=None, department_code=None, region_code="none")
    row = placed([candidate(at=(55.45, -20.9))], [who]).iloc[0]
    assert (row["territory"], row["location_status"]) == ("la_reunion", "located")
    x, y = transform_points(np.array([55.45]), np.array([-20.9]), 4326, 2975)
    assert (row["x"], row["y"]) == (x[0], y[0])
    nowhere = placed([candidate(at=(0, 0))], [who]).iloc[0]
    assert nowhere["location_status"] == "contradictory"
    assert pd.isna(nowhere["territory"])


def test_the_disagreement_of_sources_is_measured():
    sources = [
        candidate(0, moved(0), "EPSG:2154"),
        candidate(1, moved(150), "EPSG:2154"),
        candidate(2, moved(40), "EPSG:2154"),
    ]
    assert placed(sources)["location_conflict_m"].tolist() == pytest.approx([150])
    vague = candidate(1, moved(900), "EPSG:2154", location_status="centroid")
    assert placed([sources[0], vague])["location_conflict_m"].isna().all()


def test_one_row_per_structure_in_their_order():
    who = [structure(finess_et=str(n)) for n in (3, 1, 2)]
    got = placed([candidate(finess_et="1"), candidate(finess_et="3")], who)
    assert got["finess_et"].tolist() == ["3", "1", "2"]
    assert got["location_status"].tolist() == ["located", "located", "missing"]


@pytest.mark.parametrize(
    ("step", "status", "precision", "error_m"),
    [
        (1e-6, "located", "unknown", 20.0),
        (1e-4, "located", "unknown", 20.0),
        (1e-3, "located", "street", 68.60),
        (1e-2, "centroid", "unknown", 686.0),
    ],
)
def test_a_point_is_as_precise_as_its_digits(step, status, precision, error_m):
    point = placed([candidate(location_step=step)]).iloc[0]
    assert (point["location_status"], point["location_precision"]) == (status, precision)
    assert point["location_error_m"] == pytest.approx(error_m, rel=0.005)
    assert point["location_note"] == ("rounded coordinates" if step >= 1e-3 else None) or pd.isna(
        point["location_note"]
    )


def test_a_rounded_point_gives_way_to_a_register():
    both = [candidate(location_step=0.01), candidate(rank=1, at=(1.441, 43.601))]
    assert placed(both).iloc[0]["source_id"] == "register"
