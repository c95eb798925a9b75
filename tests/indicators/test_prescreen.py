"""The pre-screen: what is computed, what stays unknown, what a supplied answer changes."""

import pandas as pd
import pytest

from qpvhealth.indicators import prescreen
from qpvhealth.indicators.prescreen import ELIGIBLE, NOT_ELIGIBLE, SUPPLIED, TO_COMPLETE


@pytest.fixture(scope="module")
def structures(with_location):
    rows = [
        ("A", "MSP", "pluri", "in_qpv", "unknown", 0.0, "93066"),
        ("B", "CDS", "mono", "in_qpv", "unknown", 0.0, "93066"),
        ("C", "CDS", "unknown", "elsewhere", "no", 10.0, "35238"),
        ("D", "CDS", "pluri", "vecu_proxy", "unknown", 200.0, "35238"),
        ("E", "MSP", "pluri", "undetermined", "unknown", None, "35238"),
        ("F", "MSP", "pluri", "vecu_declared", "yes", None, "35238"),
    ]
    columns = ["finess_et", "structure_type", "modality", "situation", "vecu_declared", "distance_m", "commune_code"]
    frame = pd.DataFrame(rows, columns=columns)
    return with_location(frame.assign(is_placed=frame["distance_m"].notna()))


@pytest.fixture
def screened(structures):
    def screen(rule="declared", **supplied):
        answers = pd.DataFrame({"finess_et": ["A"], **{k: [v] for k, v in supplied.items()}})
        return prescreen.screen(structures, answers, near_rule=rule, vecu_distance_m=300).set_index("finess_et")

    return screen


def test_kind(screened):
    assert screened()["kind"].to_dict() == {"A": "yes", "B": "no", "C": "unknown", "D": "yes", "E": "yes", "F": "yes"}


@pytest.mark.parametrize(
    ("rule", "places"),
    [
        ("declared", ["yes", "yes", "no", "unknown", "unknown", "yes"]),
        ("proxy", ["yes", "yes", "yes", "yes", "unknown", "unknown"]),
        ("declared_or_proxy", ["yes", "yes", "no", "yes", "unknown", "yes"]),
    ],
)
def test_place_names_its_rule(screened, rule, places):
    assert screened(rule)["place"].tolist() == places


def test_unknown_is_never_no(screened):
    told = screened()
    assert told["verdict"].to_dict() == {
        "A": TO_COMPLETE,
        "B": NOT_ELIGIBLE,
        "C": NOT_ELIGIBLE,
        "D": TO_COMPLETE,
        "E": TO_COMPLETE,
        "F": TO_COMPLETE,
    }
    assert "tiers payant" in told.loc["A", "missing"]
    assert "coordination" not in told.loc["A", "missing"]  # recommended only


def test_supplied_answers_complete_the_file(screened):
    answers = dict.fromkeys(SUPPLIED, "yes") | {"patients": 1000}
    assert screened(**answers).loc["A", "verdict"] == ELIGIBLE
    assert screened(**answers | {"coordinator": "no"}).loc["A", "verdict"] == ELIGIBLE
    assert screened(**answers | {"patients": 999}).loc["A", "verdict"] == NOT_ELIGIBLE
    assert screened(**answers | {"fees": "perhaps"}).loc["A", "missing"] == "tiers payant et tarifs opposables"


def test_the_six_are_recognised_by_list_and_hinted_by_town(screened):
    told = screened().reset_index()
    first = prescreen.first_ones(told, ["F"], {"93066": "Saint-Denis"})
    assert first.isna().tolist() == [False, True, True, True, True, False]
    assert "peut-être" in first[0]
    assert "liste" in first[5]


def test_nothing_to_screen(structures):
    assert prescreen.screen(
        structures.head(0), pd.DataFrame({"finess_et": []}), near_rule="proxy", vecu_distance_m=1
    ).empty
