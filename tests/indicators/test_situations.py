from itertools import product

import numpy as np
import pandas as pd
import pytest
import shapely

from qpvhealth.indicators import situations
from qpvhealth.spatial.free_areas import free_areas
from qpvhealth.spatial.proximity import Perimeters

STATUSES, ANSWERS = ("located", "centroid", "missing", "contradictory"), ("yes", "no", "unknown")
PLACES = {"inside": -50.0, "lip": 0.0, "near": 250.0, "exact": 300.0, "far": 900.0, "none": np.nan}


def row(status, precision, place, answer, *, given=True, sure=False, error=20.0, flag="unknown"):
    border = PLACES[place]
    return {
        "location_status": status,
        "location_precision": precision,
        "location_error_m": error,
        "qpv_code": "A" if place in ("inside", "lip") else None,
        "distance_m": max(border, 0.0),
        "border_distance_m": border,
        "vecu_declared": answer,
        "source_says_in_qpv": flag,
        "has_perimeters": given,
        "is_surely_elsewhere": sure,
    }


def resolved(*rows, vecu_distance_m=300):
    frame = pd.DataFrame(rows).astype({"qpv_code": "str", "distance_m": "float64", "border_distance_m": "float64"})
    return situations.resolve(frame, vecu_distance_m=vecu_distance_m)


def expected(r):
    """Say it again as the rule is written: inside wins; then a yes; then what the place leaves open; then a no; then the distance."""
    may_decide = r["location_status"] == "located" and not np.isnan(r["border_distance_m"])
    if may_decide and r["location_precision"] == "street" and abs(r["border_distance_m"]) <= r["location_error_m"]:
        may_decide = False
    if may_decide and r["qpv_code"] is not None:
        return "in_qpv"
    if r["vecu_declared"] == "yes":
        return "vecu_declared"
    if r["is_surely_elsewhere"]:
        return "elsewhere"
    if not r["has_perimeters"] or not may_decide:
        return "undetermined"
    if r["vecu_declared"] == "no":
        return "elsewhere"
    return "vecu_proxy" if r["distance_m"] <= 300 else "elsewhere"


def test_every_combination_follows_the_precedence():
    cases = product(STATUSES, ("housenumber", "street", "unknown"), PLACES, ANSWERS, (True, False), (True, False))
    rows = [row(s, p, place, a, given=g, sure=e) for s, p, place, a, g, e in cases]
    found = resolved(*rows)
    assert found["situation"].tolist() == [expected(r) for r in rows]
    inside = found["situation"] == "in_qpv"
    assert found["qpv_code"].notna().tolist() == inside.tolist()
    assert set(found["rule"]) == {
        *("covers", "declared-yes", "declared-no", "no-qpv-around", "no-perimeter-given", "location-cannot-decide"),
        *("within-300-m", "beyond-300-m"),
    }


def test_a_no_decides_nothing_of_a_structure_that_only_its_commune_places():
    sure, placed = (
        row("missing", "unknown", "far", "no", sure=True),
        row("located", "unknown", "far", "no"),
    )
    assert resolved(sure, placed)["rule"].tolist() == ["no-qpv-around", "declared-no"]


def test_a_street_near_the_border_decides_nothing():
    near, wide = (
        row("located", "street", "inside", "unknown", error=150.0),
        row("located", "street", "far", "unknown", error=150.0),
    )
    assert resolved(near, wide)["situation"].tolist() == ["undetermined", "elsewhere"]
    assert resolved(near | {"border_distance_m": -400.0})["situation"].tolist() == ["in_qpv"]


def test_fragile_is_what_a_plausible_error_changes():
    at = ("located", "housenumber")
    rows = [
        row(*at, "lip", "unknown"),
        row(*at, "inside", "unknown"),
        row(*at, "exact", "unknown"),
        row(*at, "exact", "no"),  # the answer decides, not the distance
        row("centroid", "municipality", "lip", "unknown"),
    ]
    fragile = resolved(*rows)["is_fragile"]
    assert fragile.tolist() == [True, False, True, False, pd.NA]


@pytest.mark.parametrize(("border", "fragile", "situation"), [(-20.0, True, "undetermined"), (-20.5, False, "in_qpv")])
def test_an_error_that_just_reaches_the_border_counts(border, fragile, situation):
    street = row("located", "street", "inside", "unknown") | {"border_distance_m": border}
    found = resolved(street)
    assert (found["is_fragile"].tolist(), found["situation"].tolist()) == ([fragile], [situation])


@pytest.mark.parametrize(("distance", "fragile"), [(280.0, True), (320.0, True), (320.5, False), (279.5, False)])
def test_an_error_that_just_reaches_the_ring_counts(distance, fragile):
    there = row("located", "housenumber", "near", "unknown") | {"distance_m": distance, "border_distance_m": distance}
    assert resolved(there)["is_fragile"].tolist() == [fragile]


def test_the_verdict_stands_beside_its_structure():
    rows = pd.DataFrame([row("located", "unknown", p, "unknown") for p in ("inside", "far")], index=[7, 3])
    rows = rows.astype({"qpv_code": "str"})
    found = situations.resolve(rows, vecu_distance_m=300)
    assert found[["situation", "rule"]].to_dict("index") == {
        7: {"situation": "in_qpv", "rule": "covers"},
        3: {"situation": "elsewhere", "rule": "beyond-300-m"},
    }
    assert [str(t) for t in found.dtypes] == ["str", "str", "str", "boolean", "boolean", "str"]


@pytest.mark.parametrize(
    ("flag", "place", "agrees"),
    [
        ("yes", "inside", True),
        ("yes", "near", False),
        ("no", "far", True),
        ("no", "inside", False),
        ("unknown", "inside", None),
    ],
)
def test_agreement_with_the_extract(flag, place, agrees):
    told = resolved(row("located", "unknown", place, "unknown", flag=flag))["agrees_with_source"][0]
    assert (None if pd.isna(told) else bool(told)) == agrees


def test_an_undetermined_place_agrees_with_nothing():
    assert resolved(row("missing", "unknown", "none", "unknown", flag="yes"))["agrees_with_source"].isna().all()


def squares():
    return {
        "metropole": Perimeters(np.array(["A"], dtype=object), np.array([shapely.box(0, 0, 100, 100)], dtype=object))
    }


def asked(**over):
    base = {"location_status": "centroid", "territory": "metropole", "commune_code": "31555", "department_code": "31"}
    return base | {"distance_m": np.nan} | over


def sure(rows, outlines=None, communes=("31000",)):
    frame = pd.DataFrame(rows).astype(dict.fromkeys(("territory", "commune_code", "department_code"), "str"))
    free = free_areas(squares(), outlines or {}, ring_m=1000)
    return situations.surely_elsewhere(frame, free, set(communes), reach_m=16000).tolist()


def outline(*areas):
    frame = pd.DataFrame(areas, columns=["area_code", "metres"])
    return frame.assign(territory="metropole")


def test_without_outlines_the_centroid_must_be_far_and_the_commune_that_of_no_qpv():
    rows = [
        asked(distance_m=16001),
        asked(distance_m=16000),
        asked(distance_m=16001, commune_code="31000"),
        asked(distance_m=16001, commune_code=None),
        asked(),
        asked(distance_m=16001, location_status="contradictory"),
        asked(distance_m=16001, location_status="missing"),
    ]
    assert sure(rows) == [True, False, False, False, False, False, True]


def test_a_territory_without_perimeters_tells_nothing_and_stops_nothing():
    rows = [asked(territory="la_reunion", distance_m=16001), asked(distance_m=16001)]
    assert sure(rows) == [False, True]


def test_a_commune_with_an_outline_is_judged_by_it_alone():
    near = {"commune": outline(("31555", shapely.box(500, 0, 2000, 100)))}
    assert sure([asked(distance_m=16001), asked(commune_code="31001", distance_m=16001)], near) == [False, True]


def test_with_outlines_the_commune_must_be_beyond_every_ring():
    shapes = {
        "commune": outline(("31555", shapely.box(1100, 0, 2000, 100)), ("31001", shapely.box(1101, 0, 2000, 100)))
    }
    assert sure([asked(), asked(commune_code="31001"), asked(commune_code="31002")], shapes) == [False, True, False]


def test_a_departement_beyond_every_ring_is_enough():
    shapes = {"department": outline(("31", shapely.box(0, 0, 9000, 9000)), ("48", shapely.box(20000, 0, 30000, 9000)))}
    rows = [asked(), asked(department_code="48", commune_code=None), asked(department_code=None, commune_code=None)]
    assert sure(rows, shapes) == [False, True, False]


def test_an_arrondissement_is_in_its_commune():
    paris = {"commune": outline(("75056", shapely.box(5000, 0, 9000, 100)))}
    assert sure([asked(commune_code="75113")], paris) == [True]
    assert sure([asked(commune_code="75113", distance_m=99999)], communes=("75056",)) == [False]
    assert sure([asked(commune_code="75056", distance_m=99999)], communes=("75113",)) == [False]
