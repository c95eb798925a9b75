"""The two readings of a disputed structure, on two QPV and three structures counted by hand."""

import numpy as np
import pandas as pd
import pytest

from qpvhealth.indicators import readings

AT = {"year": 2020, "generation": "g"}


@pytest.fixture
def stock():
    """A: its point decides, in Q1, and it declares 93003. B: its point in Q1 contradicts its commune 93002. C: in Q2, no dispute.

    D: outside, and far from what is known of its commune 93002.
    """
    rows = [
        ("A", "MSP", "pluri", "located", "Q1", -5.0, "93003", "in_qpv", "Q1", None),
        ("B", "CDS", "mono", "contradictory", None, np.nan, "93002", "undetermined", "Q1", None),
        ("C", "CDS", "pluri", "located", "Q2", -1.0, "93002", "in_qpv", None, None),
        ("D", "MSP", "pluri", "located", None, 900.0, "93002", "elsewhere", None, "93003"),
    ]
    columns = ["finess_et", "structure_type", "modality", "location_status", "qpv_code", "border_distance_m"]
    columns += ["commune_code", "situation_by_place", "other_qpv_code", "other_area_code"]
    return pd.DataFrame(rows, columns=columns).assign(**AT)


@pytest.fixture
def neighbourhoods():
    return pd.DataFrame({"qpv_code": ["Q1", "Q2"], "commune_codes": ["93001,93004", "93002"]})


def test_the_second_place_is_the_commune_that_the_first_leaves_out(stock, neighbourhoods):
    every = readings.with_second_places(stock, neighbourhoods)
    assert every[readings.SECOND].fillna("-").tolist() == ["93003", "93001", "-", "93002"]
    pd.testing.assert_frame_equal(every.drop(columns=readings.SECOND), stock)
    assert readings.has_second_place(every).tolist() == [True, True, False, True]
    alone = stock[2:3]
    assert readings.with_second_places(alone, neighbourhoods) is alone


def test_a_disputed_point_decides_nothing_in_the_second_reading(stock):
    second = readings.without_place(stock)
    assert second["qpv_code"].isna().tolist() == [True, True, False, True]
    assert second["border_distance_m"].isna().tolist() == [True, True, False, True]
    assert second["finess_et"].tolist() == [*"ABCD"]
    assert second["situation_by_place"].isna().tolist() == [True, True, False, True]


def test_a_qpv_without_its_disputed_structures_may_still_hold_them(stock):
    counts = {"n_msp_in": [1, 0], "n_cds_in": [1, 1], "n_cds_pluri_in": [1, 1], "n_cds_unknown_in": [0, 0]}
    rows = pd.DataFrame({"qpv_code": ["Q1", "Q2"], **counts, "n_undetermined": [2, 0]}).assign(**AT)
    rows = rows.astype(dict.fromkeys(counts, "Int64")).assign(is_covered_near=pd.array([True, True], "boolean"))
    second = readings.without_disputed(rows, stock)
    assert second["n_msp_in"].tolist() == [0, 0]
    assert second["n_cds_in"].tolist() == second["n_cds_pluri_in"].tolist() == [1, 1]
    assert second["n_undetermined"].tolist() == [3, 0]
    assert second["is_covered_near"].tolist() == [True, True]  # Q1 still holds a centre
    bare = readings.without_disputed(rows.assign(n_cds_in=pd.array([0, 1], "Int64")), stock)
    assert bare["is_covered_near"].isna().tolist() == [True, False]


def test_bounds_are_those_of_either_reading_and_values_those_of_the_first():
    first = pd.DataFrame({"value": [3.0, 1.0], "lower": [2.0, 1.0], "upper": [4.0, 1.0], "n_unknown": [2, 0]})
    second = pd.DataFrame({"value": [2.0, 1.0], "lower": [1.0, 1.0], "upper": [3.0, np.nan], "n_unknown": [3, 0]})
    widened = readings.widened(first, second)
    assert widened.drop(columns="upper").to_dict("list") == {"value": [3, 1], "lower": [1, 1], "n_unknown": [3, 0]}
    assert widened["upper"].fillna(-1).tolist() == [4, -1]  # no bound in one reading: no bound
    of_qpv = readings.widened(first, second, of_qpv=True)
    assert of_qpv["lower"].tolist() == [1, 1]
    assert of_qpv["upper"].fillna(-1).tolist() == [3, -1]  # one structure, one place: those of the second alone
