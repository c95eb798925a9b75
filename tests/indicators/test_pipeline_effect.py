"""Projects: what they would bring by year, and amounts by area and funder, by hand."""

import pandas as pd

from qpvhealth.indicators import pipeline_effect


def projects():
    rows = [
        ("A", "MSP", "funded", "2025-06-30", "in_qpv", "Q1", 100.0, "53"),
        ("B", "CDS", "studied", "2026-12-31", "in_qpv", "Q1", None, "53"),
        ("C", "MSP", "idea", None, "in_qpv", "Q2", None, "11"),
        ("D", "Pôle", "funded", "2025-01-01", "in_qpv", "Q2", 50.0, "11"),
        ("E", "MSP", "abandoned", "2025-01-01", "in_qpv", "Q2", 10.0, "11"),
        ("F", "MSP", "building", "2025-01-01", "in_qpv", "Q3", None, "28"),
    ]
    columns = ["project_id", "structure_type", "stage", "expected_on", "position", "qpv_code", "amount", "area"]
    return pd.DataFrame(rows, columns=columns).assign(year=2024, expected_on=lambda f: pd.to_datetime(f["expected_on"]))


def coverage():
    frame = pd.DataFrame({"qpv_code": ["Q1", "Q2", "Q3"], "population": [1000.0, 500.0, 200.0]})
    return frame.assign(is_covered=pd.array([False, False, None], dtype="boolean"))


def test_a_qpv_is_gained_once_and_only_when_surely_uncovered():
    told = pipeline_effect.effect(projects(), coverage())
    assert told["opens_in"].astype("object").where(told["opens_in"].notna(), None).tolist() == [2025, 2026, None]
    assert told["n_projects"].tolist() == [2, 1, 1]  # neither the pôle nor what was abandoned
    assert told["qpv_gained"].tolist() == [1, 0, 1]
    assert told["qpv_unknown"].tolist() == [1, 0, 0]  # Q3 may be covered already
    assert told["population_gained_so_far"].tolist()[:2] == [1000, 1000]


def test_people_that_nobody_counted_are_unknown_and_not_none():
    bare = coverage().assign(population=[None, 500.0, 200.0]).astype({"population": "float64"})
    told = pipeline_effect.effect(projects(), bare)
    assert told["population_unknown"].tolist() == [1, 0, 0]
    assert told["population_gained"].isna().tolist() == [True, False, False]
    assert told["population_gained"].tolist()[1:] == [0, 500]


def test_types_stages_and_positions_have_rows_of_their_own():
    twice = pd.concat([projects(), projects().head(1).assign(project_id="G", amount=None)], ignore_index=True)
    told = pipeline_effect.by_type(twice).set_index(["structure_type", "stage", "position"])
    assert told["n"].to_dict() == {
        ("CDS", "studied", "in_qpv"): 1,
        **{("MSP", stage, "in_qpv"): n for stage, n in (("abandoned", 1), ("building", 1), ("funded", 2), ("idea", 1))},
        ("Pôle", "funded", "in_qpv"): 1,
    }
    assert told["amount"].dropna().tolist() == [10, 100, 50]


def test_amounts_by_area_and_funder():
    lines = pd.DataFrame(
        [("A", "FIQCS", 60.0), ("A", "CPER", 40.0), ("D", "Ville", 50.0), ("E", "FIQCS", 10.0)],
        columns=["project_id", "funder", "amount"],
    ).assign(year=2024)
    told = pipeline_effect.amounts(lines, projects(), "area").set_index(["area", "funder"])
    assert told["amount"].dropna().to_dict() == {
        ("11", "FIQCS"): 10,
        ("11", "Ville"): 50,
        ("11", "all"): 60,
        ("53", "CPER"): 40,
        ("53", "FIQCS"): 60,
        ("53", "all"): 100,
    }
    assert told.loc[("53", "all"), ["n_projects", "n_unknown"]].tolist() == [1, 1]
    assert pd.isna(told.loc[("28", "all"), "amount"])  # nobody says how much: unknown, not 0
    assert told.loc[("28", "all"), ["n_unknown", "n_projects"]].tolist() == [1, 0]
