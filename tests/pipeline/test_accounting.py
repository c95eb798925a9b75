"""Accounts between two extracts, forwards and backwards, and the findings that only several extracts can raise."""

from datetime import date

import pandas as pd
import pytest

from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.indicators.accounts import Interval
from qpvhealth.pipeline import accounting

QPV_2015 = dict.fromkeys(TERRITORIES, "qpv-2015")
NO_LINKS = pd.DataFrame({"finess_et_from": [], "finess_et_to": [], "from_year": [], "to_year": []}, dtype="str").astype(
    {"from_year": "Int64", "to_year": "Int64"}
)
RECORD = {
    "is_in_stock": True,
    "structure_type": "MSP",
    "type_as_written": "603",
    "modality": "pluri",
    "address": "1 RUE A",
    "postcode": "75001",
    "commune_code": "75101",
    "department_code": "75",
    "region_code": "11",
    "territory": "metropole",
    "opened_on": pd.NaT,
    "closed_on": pd.NaT,
    "location_status": "located",
    "x": 0.0,
    "y": 0.0,
}


def extract(opened, **places):
    """Make an extract of one structure a number, opened on a day or never said to be, and standing in a place."""
    rows = [{"finess_et": number} | RECORD | {"opened_on": pd.Timestamp(day)} for number, day in opened.items()]
    kinds = dict.fromkeys(("opened_on", "closed_on"), "datetime64[s]")
    texts = [c for c in RECORD if c not in ("is_in_stock", "x", "y", *kinds)]
    structures = pd.DataFrame(rows).astype(kinds | dict.fromkeys(["finess_et", *texts], "str"))
    there = {"place": [places[n] for n in opened], "answer": "unknown", "qpv_code": None}
    placed = pd.DataFrame(there).astype("str")
    return accounting.Extract(structures, {"qpv-2015": placed})


def series(now):
    years = range(2018, 2018 + len(now))
    rows = {"year": list(years), "department_code": "93", "structure_type": "MSP", "n_now": now}
    days = pd.to_datetime([f"{year}-03-31" for year in years]).astype("datetime64[s]")
    return pd.DataFrame(rows | {"date": days, "n_then": [5, 4] * (len(now) // 2) + [5] * (len(now) % 2)})


def test_a_series_that_never_falls_over_four_intervals_is_flagged():
    (found,) = accounting.rebuilt(series([1, 2, 2, 3, 4]))
    assert found.rule == "rebuilt-from-survivors"
    assert "as known in the last extract" in found.message


def test_a_fall_or_too_few_extracts_flag_nothing():
    assert list(accounting.rebuilt(series([1, 2, 1, 3, 4]))) == []
    assert list(accounting.rebuilt(series([1, 2, 3, 4]))) == []
    assert list(accounting.rebuilt(series([1, 2]).iloc[:0])) == []


FORWARD = Interval(2018, 2019, date(2018, 3, 31), date(2019, 3, 31))


@pytest.fixture
def between():
    known = {
        2018: extract({"A": None, "C": None}, A="elsewhere", C="in_qpv"),
        2019: extract({"A": None, "B": "2018-09-01"}, A="elsewhere", B="in_qpv"),
    }

    def run(interval, in_force=QPV_2015):
        rules = {2018: in_force, 2019: in_force}
        return accounting.between(known.__getitem__, interval, NO_LINKS, rules, near_rule="declared")

    return run


def test_an_interval_run_backwards_is_the_same_account_turned_round(between):
    forth, back = between(FORWARD), between(FORWARD.reversed)
    assert set(back.columns) == set(forth.columns)
    assert set(forth["generation"]) == {"qpv-2015", "in_force"}
    told = ["finess_et", "generation", "cause"]
    assert back[told].to_numpy().tolist() == forth[told].to_numpy().tolist()
    assert back["effect_in_qpv"].tolist() == (-forth["effect_in_qpv"]).tolist()
    assert set(zip(back["from_year"], back["to_year"], strict=True)) == {(2019, 2018)}
    assert back["situation_from"].equals(forth["situation_to"].rename("situation_from"))
    entered = forth[forth["finess_et"] == "B"].iloc[0]
    assert (entered["cause"], entered["effect_in_qpv"]) == ("opened", 1)


def test_perimeters_that_were_not_computed_tell_nothing(between):
    found = between(FORWARD, dict.fromkeys(TERRITORIES, "qpv-2024"))
    current = found[found["generation"] == "in_force"]
    assert set(current["finess_et"]) == {"B", "C"}
    assert set(current["situation_to"].dropna()) == {"undetermined"}
    assert current["effect_in_qpv"].eq(0).all()


def changed(**over):
    row = {"generation": "in_force", "from_year": 2018, "to_year": 2019, "finess_et": "A"}
    return row | {"cause": "opened", "other_order_differs": False} | over


def test_what_a_reader_of_the_changes_must_know():
    built = {
        "changes": pd.DataFrame(
            [
                changed(),
                changed(finess_et="B", cause="not_attributable"),
                changed(finess_et="C", other_order_differs=True),
                changed(finess_et="D", cause="not_attributable", generation="qpv-2015"),
            ]
        ),
        "link_candidates": pd.DataFrame(
            {
                "from_year": 2018,
                "to_year": 2019,
                "finess_et_from": ["E", "F"],
                "finess_et_to": ["G", "H"],
                "is_confirmed": [False, True],
            }
        ),
        "series_audit": pd.DataFrame({"check": ["sum of départements", "sum of départements", "restated"]}),
        "then_and_now": series([5, 4]),
    }
    told = [(f.rule, f.n, f.message, f.of) for f in accounting.findings(built)]
    assert told == [
        ("not-attributable", 1, "2018 to 2019: changes without evidence of a cause: B", 3),
        ("order-matters", 1, "2018 to 2019: changes that another order of causes would split otherwise: C", 3),
        ("link-candidate", 1, "2018 to 2019: identities to confirm or dismiss: E", None),
        ("series-inconsistent", 1, "restated: see the table series_audit", None),
        ("series-inconsistent", 2, "sum of départements: see the table series_audit", None),
    ]


def test_both_ways_of_knowing_a_series_are_named_in_what_is_said_of_it():
    found = [f.message for f in accounting.rebuilt(series(range(6)).assign(n_then=range(6)))]
    assert found == [
        "MSP as known then: no fall in any département since the first extract",
        "MSP as known in the last extract: no fall in any département since the first extract",
    ]


@pytest.mark.parametrize(("sizes", "batches"), [([2, 1, 2, 4, 1], [3, 2, 4, 1]), ([3, 0, 1], [3, 1]), ([], [])])
def test_frames_are_put_together_up_to_a_size(monkeypatch, sizes, batches):
    monkeypatch.setattr(accounting, "AT_ONCE", 3)
    found = list(accounting._batches(pd.DataFrame({"n": range(size)}) for size in sizes))
    assert [len(batch) for batch in found] == batches
    assert all(batch.index.equals(pd.RangeIndex(len(batch))) for batch in found)
