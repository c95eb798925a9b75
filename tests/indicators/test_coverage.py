import pandas as pd
import pytest

from qpvhealth.indicators import coverage

CENTRE = {"structure_type": "CDS", "modality": "mono"}
INSIDE = {"situation": "in_qpv", "distance_m": 0.0}


def places(*rows):
    columns = ["qpv_code", "commune_codes", "department_code"]
    frame = pd.DataFrame(rows or [("A", "31555", "31"), ("B", "31555", "31"), ("C", "81004", "81")], columns=columns)
    return frame.astype("str").assign(generation="qpv-2015", year=2019, is_assessed=True)


def pairs(*rows):
    frame = pd.DataFrame(rows, columns=["finess_et", "qpv_code", "distance_m", "is_declared"])
    return frame.astype({"finess_et": "str", "qpv_code": "str", "distance_m": "float64", "is_declared": "bool"}).assign(
        generation="qpv-2015", year=2019
    )


def covered(structures, near=(), where=None, **over):
    how = {
        "near_rule": "declared",
        "vecu_distance_m": 300,
    }
    where = places() if where is None else where
    known = {"is_assessed": where["is_assessed"], "is_answered": True}
    told = {c: where["department_code"].isin(over.pop(c)) & known[c] for c in known if c in over}
    frame = coverage.cover(where.assign(**(known | told)), structures, pairs(*near), **(how | over))
    return frame.set_index("qpv_code")


def told(frame, column):
    return [None if pd.isna(v) else v for v in frame[column]]


def test_what_stands_inside(stock):
    got = covered(
        stock(INSIDE | {"qpv_code": "A"}, CENTRE | INSIDE | {"qpv_code": "A"}, CENTRE | INSIDE | {"qpv_code": "B"}, {})
    )
    assert (told(got, "n_msp_in"), told(got, "n_cds_in")) == ([1, 0, 0], [1, 1, 0])
    assert told(got, "is_covered_in") == [True, True, False]
    assert told(got, "is_covered_primary") == [True, False, False]
    assert told(got, "n_undetermined") == [0, 0, 0]


def test_beyond_what_the_extract_covers_nothing_is_known(stock):
    got = covered(stock(INSIDE | {"qpv_code": "A"}), is_assessed={"31"})
    assert told(got, "n_msp_in") == [1, 0, None]
    assert told(got, "is_covered_in") == [True, False, None]
    assert told(got, "is_covered_near") == [True, False, None]


def test_what_is_seen_beyond_the_cover_still_covers(stock):
    got = covered(stock(INSIDE | {"qpv_code": "C"}), is_assessed={"31"})
    assert (told(got, "n_msp_in"), told(got, "n_cds_in")) == ([0, 0, 1], [0, 0, None])
    assert told(got, "is_covered_in") == [False, False, True]
    assert told(got, "is_covered_primary") == [False, False, True]


def test_a_collapsed_polygon_has_unknown_coverage(stock):
    where = places().assign(is_assessed=[False, True, True])
    got = covered(stock({}), where=where)
    assert told(got, "n_msp_in") == [None, 0, 0]
    assert told(got, "is_covered_in") == [None, False, False]


@pytest.mark.parametrize(
    ("lost", "undetermined"),
    [
        ({"commune_code": "31555"}, [1, 1, 0]),  # any QPV of its commune
        ({"commune_code": "31001"}, [0, 0, 0]),  # a commune of the same département without QPV
        ({"commune_code": None}, [1, 1, 0]),  # any QPV of its département
        ({"commune_code": None, "department_code": None}, [1, 1, 1]),  # anywhere
    ],
)
def test_what_cannot_be_placed_could_be_inside(stock, lost, undetermined):
    got = covered(stock(lost | {"situation": "undetermined", "is_placed": False}))
    assert told(got, "n_undetermined") == undetermined
    assert told(got, "is_covered_in") == [None if n else False for n in undetermined]
    assert told(got, "n_msp_in") == [0, 0, 0]
    sure = covered(stock(lost | {"situation": "undetermined"}, *(INSIDE | {"qpv_code": q} for q in "ABC")))
    assert told(sure, "is_covered_in") == [True, True, True]


def test_an_arrondissement_meets_its_commune(stock):
    where = places(("A", "75056", "75"), ("B", "75113", "75"), ("C", "75114", "75"))

    def possible(commune):
        lost = {"situation": "undetermined", "commune_code": commune, "department_code": "75"}
        return told(covered(stock(lost), where=where), "n_undetermined")

    assert possible("75113") == [1, 1, 0]
    assert possible("75056") == [1, 1, 1]


def test_a_qpv_of_two_communes_may_hold_what_either_lost(stock):
    where = places(("A", "31001,31555", "31"), ("B", "31001", "31"))
    lost = {"situation": "undetermined", "commune_code": "31555"}
    assert told(covered(stock(lost), where=where), "n_undetermined") == [1, 0]


def test_a_qpv_without_commune_may_hold_what_its_departement_lost(stock):
    where = places(("A", None, "31"), ("B", "31555", "31"))
    lost = {"situation": "undetermined", "commune_code": "31001"}
    assert told(covered(stock(lost), where=where), "n_undetermined") == [1, 0]
    unknown = places(("A", None, None), ("B", "31555", "31"))
    assert told(covered(stock(lost), where=unknown), "n_undetermined") == [1, 0]


def test_primary_is_unknown_where_only_centres_of_unknown_modality_stand(stock):
    vague = INSIDE | {"structure_type": "CDS", "modality": "unknown"}
    got = covered(stock(vague | {"qpv_code": "A"}, vague | {"qpv_code": "B"}, INSIDE | {"qpv_code": "B"}))
    assert told(got, "is_covered_primary") == [None, True, False]
    assert told(got, "is_covered_in") == [True, True, False]
    assert (told(got, "n_cds_unknown_in"), told(got, "n_cds_pluri_in")) == ([1, 1, 0], [0, 0, 0])
    pluri = covered(stock(INSIDE | {"structure_type": "CDS", "modality": "pluri", "qpv_code": "A"}))
    assert told(pluri, "is_covered_primary") == [True, False, False]


NEAR = [
    ("0", "A", 50.0, True),
    ("0", "B", 900.0, True),
    ("1", "A", 100.0, False),
    ("2", "B", 0.0, True),
    ("3", "A", 10.0, False),
]


def near_stock(stock):
    inside = INSIDE | {"qpv_code": "B"}
    return stock(
        {"situation": "vecu_declared", "vecu_declared": "yes"},
        {"situation": "vecu_proxy"},
        inside,
        {"vecu_declared": "no"},
    )


@pytest.mark.parametrize(
    ("rule", "near"),
    [
        ("declared", [1, 1, 0]),  # both QPV named, whatever the distance
        ("proxy", [3, 0, 0]),  # all three within 300 m of A; what is inside B is near nothing
        ("declared_or_proxy", [2, 1, 0]),  # the ARS said no of the last one
    ],
)
def test_near_follows_the_rule_of_the_settings(stock, rule, near):
    assert told(covered(near_stock(stock), NEAR, near_rule=rule), "n_msp_near") == near


def test_where_the_ars_has_not_answered_near_is_unknown(stock):
    got = covered(stock({}, INSIDE | {"qpv_code": "B"}), is_answered={"81"})
    assert told(got, "n_msp_near") == [None, None, 0]
    assert told(got, "is_covered_near") == [None, True, False]
    by_distance = covered(stock({}), is_answered=(), near_rule="proxy")
    assert told(by_distance, "is_covered_near") == [False, False, False]


def test_a_declaration_that_attaches_to_no_qpv_leaves_near_unknown_around_it(stock):
    lost = {"situation": "vecu_declared", "vecu_declared": "yes", "is_placed": False}
    got = covered(stock(lost))
    assert told(got, "is_covered_near") == [None, None, False]
    assert told(got, "is_covered_in") == [False, False, False]


def test_a_declaration_that_names_a_qpv_leaves_the_others_of_its_commune_known(stock):
    got = covered(stock({"situation": "vecu_declared", "vecu_declared": "yes"}), [("0", "A", 50.0, True)])
    assert told(got, "n_msp_near") == [1, 0, 0]
    assert told(got, "is_covered_near") == [True, False, False]


def test_who_has_answered(stock):
    frame = stock(
        INSIDE | {"department_code": "31", "qpv_code": "A"},
        {"vecu_declared": "no", "department_code": "31"},
        {"vecu_declared": "yes", "department_code": "81"},
        {"vecu_declared": "unknown", "department_code": "81"},
        INSIDE | {"department_code": "09", "qpv_code": "A"},
        {"department_code": None},
    )
    later = frame.assign(year=2020).iloc[[1, 2]]
    got = coverage.answered_departments(pd.concat([frame, later], ignore_index=True))
    assert sorted(zip(got["year"], got["department_code"], strict=True)) == [(2019, "31"), (2020, "31"), (2020, "81")]
