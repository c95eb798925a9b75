"""Declarations held against distances: what is listed, and the distance that as many structures stand within."""

import numpy as np
import pytest

from qpvhealth.indicators import vecu_support


def at(metres, answer, region="76"):
    where = {"situation": "elsewhere", "distance_m": metres} if metres else {"situation": "in_qpv", "distance_m": 0.0}
    lost = {"situation": "undetermined", "is_placed": False, "distance_m": np.nan}
    return (where if metres is not None else lost) | {"vecu_declared": answer, "region_code": region}


@pytest.fixture
def answered(stock):
    rows = [at(1500.0, "yes"), at(1000.0, "yes"), at(None, "yes"), at(300.0, "no"), at(200.0, "unknown")]
    return stock(*rows, at(301.0, "unknown"), at(0.0, "unknown"), at(40.0, "no", "53"), at(0.0, "yes", "53"))


def test_what_is_listed_and_in_which_order(answered):
    listed = vecu_support.unsupported(answered, near_m=300.0, far_m=1000.0)
    assert listed[["finess_et", "region_code", "case"]].to_numpy().tolist() == [
        ["7", "53", vecu_support.NOT_DECLARED],
        ["0", "76", vecu_support.FAR],
        ["2", "76", vecu_support.NOWHERE],
        ["3", "76", vecu_support.NOT_DECLARED],
        ["4", "76", vecu_support.UNANSWERED],
    ]
    assert listed.index.tolist() == list(range(5))


def test_the_distance_that_the_answers_of_a_region_amount_to(answered):
    implied = vecu_support.implied_distance(answered).set_index("region_code")
    # three declared, one of them lost: the third nearest of 200, 300, 301, 1000 and 1500
    assert implied.loc["76"].tolist() == [3, 1, 2, 1250, 1500, 301]
    assert implied.loc["53", ["n_declared", "n_no", "n_unanswered"]].tolist() == [0, 1, 0]
    assert implied.loc["53", ["median_m", "farthest_m", "implied_m"]].isna().all()
