"""Priorities: three QPV ranked by hand, contributions that add up, ranks that move with the weights, unknowns that are told."""

import numpy as np
import pandas as pd
import pytest

from qpvhealth.indicators import priorities


def qpv(**columns):
    frame = pd.DataFrame({"qpv_code": ["A", "B", "C"], "population": [1000, 3000, 2000]})
    return frame.assign(**columns)


def test_by_hand():
    # population ranks: A 0, C 0.5, B 1; zip: A 1, B 0, C 0.5
    ranked = priorities.rank(qpv(zip=[1.0, 0.0, 0.5]), {"population": 1, "zip": 3})
    assert ranked["qpv_code"].tolist() == ["A", "C", "B"]
    assert ranked["score"].tolist() == [0.75, 0.5, 0.25]
    assert ranked["contribution_zip"].tolist() == [0.75, 0.375, 0.0]
    assert ranked["rank"].tolist() == [1, 2, 3]


def test_contributions_add_up_to_the_score():
    ranked = priorities.rank(qpv(zip=[1.0, None, 0.5], npnru=[1.0, 0.0, None], nearest_msp_m=[5.0, 7.0, 9.0]))
    parts = ranked[[c for c in ranked if c.startswith("contribution_")]].sum(axis=1)
    np.testing.assert_allclose(parts, ranked["score"])
    assert (ranked["score_lower"] <= ranked["score"]).all()
    assert (ranked["score"] <= ranked["score_upper"]).all()


def test_unknown_is_told_and_not_zero():
    ranked = priorities.rank(qpv(zip=[None, 0.0, 1.0]), {"population": 1, "zip": 1}).set_index("qpv_code")
    assert ranked.loc["A", "unknown"] == "zip"
    assert np.isnan(ranked.loc["A", "contribution_zip"])
    assert (ranked.loc["A", "score_lower"], ranked.loc["A", "score_upper"]) == (0.0, 0.5)
    assert ranked.loc["B", "unknown"] == ""


def test_where_every_criterion_is_unknown_the_score_is_0_and_may_be_1():
    ranked = priorities.rank(qpv(zip=[None, 0.0, 1.0], npnru=[None, 1.0, 1.0]), {"zip": 0.5, "npnru": 0.5})
    row = ranked.set_index("qpv_code").loc["A"]
    assert (row["unknown"], row["score"], row["score_lower"], row["score_upper"]) == ("zip, npnru", 0, 0, 1)
    assert ranked.set_index("qpv_code").loc[["C", "B"], "score"].tolist() == [1, 0.5]
    light = priorities.rank(qpv(zip=[None, 0.0, 1.0]), {"zip": 0.5}).set_index("qpv_code")
    assert light[["score", "contribution_zip"]].loc[["B", "C"]].to_numpy().tolist() == [[0, 0], [1, 1]]
    assert light["score_upper"].to_dict() == {"A": 1, "B": 0, "C": 1}
    nothing = priorities.rank(qpv(), {"zip": 1})
    assert nothing[["score_lower", "score_upper", "score"]].to_numpy().tolist() == [[0, 0, 0]] * 3


def test_one_value_of_a_ranked_criterion_is_in_the_middle():
    ranked = priorities.rank(qpv(nearest_msp_m=[None, 5.0, None]), {"nearest_msp_m": 1}).set_index("qpv_code")
    assert ranked.loc["B", "score"] == 0.5
    two = priorities.rank(qpv(nearest_msp_m=[None, 5.0, 9.0]), {"nearest_msp_m": 1}).set_index("qpv_code")
    assert two.loc[["B", "C"], "score"].tolist() == [0, 1]


def test_a_criterion_that_nobody_has_is_left_out():
    ranked = priorities.rank(qpv(poverty_rate=[None, None, None]))
    assert "contribution_poverty_rate" not in ranked
    assert ranked["qpv_code"].tolist() == ["B", "C", "A"]


def test_stability():
    ranked = priorities.rank(qpv(zip=[1.0, 0.0, 0.5]), {"population": 1, "zip": 1.2}).set_index("qpv_code")
    assert (ranked.loc["A", "rank_best"], ranked.loc["A", "rank_worst"]) == (1, 3)
    alone = priorities.rank(qpv(), {"population": 1}).set_index("qpv_code")
    assert (alone.loc["B", "rank_best"], alone.loc["B", "rank_worst"], alone.loc["B", "share_in_top"]) == (1, 1, 1.0)


def test_a_low_density_of_gps_is_a_need():
    ranked = priorities.rank(qpv(gp_density=[10.0, 200.0, 100.0]), {"gp_density": 1})
    assert ranked["qpv_code"].tolist() == ["A", "C", "B"]


def test_ties_go_to_the_larger_then_the_smaller_code():
    frame = qpv(zip=[1.0, 1.0, 1.0], population=[5, 5, 9])
    assert priorities.rank(frame, {"zip": 1})["qpv_code"].tolist() == ["C", "A", "B"]


def test_criteria_are_joined_never_filled():
    coverage = qpv(zone_class=["ZIP", None, "HZ"], is_npnru=[True, None, False], generation="g")
    figures = pd.DataFrame({"qpv_code": ["A"], "generation": "g", "figure": "poverty_rate", "value": [40.0]})
    gps = pd.DataFrame({"qpv_code": ["B"], "gp_density": [50.0], "gp_share_over_55": [None]})
    told = priorities.criteria_of(coverage, figures, gps).set_index("qpv_code")
    assert told["zip"].tolist()[0] == 1.0
    assert told["zip"].isna().tolist() == [False, True, False]
    assert told["poverty_rate"].isna().tolist() == [False, True, True]
    assert told.loc["B", "gp_density"] == 50.0
    assert set(priorities.CRITERIA) <= set(told.columns) | {"nearest_msp_m"}


@pytest.mark.parametrize("n", [0, 1])
def test_few_rows(n):
    assert len(priorities.rank(qpv().head(n))) == n
