"""Accounts between two extracts, forwards and backwards, and the findings that only several extracts can raise."""

from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest
import shapely

from qpvhealth.build import accounting, zoning
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.indicators.accounts import Interval
from qpvhealth.ingest.sources import Vintage

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
    "location_precision": "housenumber",
    "location_error_m": 20.0,
    "x": 0.0,
    "y": 0.0,
}


def extract(opened, **places):
    """Make an extract of one structure a number, opened on a day or never said to be, and standing in a place."""
    rows = [{"finess_et": number} | RECORD | {"opened_on": pd.Timestamp(day)} for number, day in opened.items()]
    kinds = dict.fromkeys(("opened_on", "closed_on"), "datetime64[s]")
    texts = [c for c in RECORD if c not in ("is_in_stock", "location_error_m", "x", "y", *kinds)]
    structures = pd.DataFrame(rows).astype(kinds | dict.fromkeys(["finess_et", *texts], "str"))
    around = {"in_qpv": "yes", "vecu_proxy": "yes", "elsewhere": "no"}
    there = {"place": [places[n] for n in opened], "answer": "unknown", "qpv_code": None}
    there["around"] = [around.get(place, "unknown") for place in there["place"]]
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


def vintage(year, day):
    return Vintage(year, date.fromisoformat(day), None, None, (f"s{year}",))


def test_extracts_follow_one_another_by_their_dates():
    known = {v.year: v for v in (vintage(2021, "2019-01-01"), vintage(2019, "2020-01-01"), vintage(2020, "2021-01-01"))}
    assert accounting.consecutive(known) == [(2021, 2019), (2019, 2020)]
    assert accounting.consecutive({2020: known[2020]}) == []


def test_an_interval_says_what_each_extract_covers():
    first, last = vintage(2019, "2019-03-31"), Vintage(2020, date(2020, 3, 31), frozenset({"75"}), None, ("s",))
    assert accounting.interval(first, last) == Interval(
        2019, 2020, date(2019, 3, 31), date(2020, 3, 31), None, frozenset({"75"})
    )


def test_the_rows_of_a_year_are_given_as_they_stand():
    frame = pd.DataFrame({"year": [2020, 2019, 2020], "n": [1, 2, 3]}, index=[7, 5, 9])
    of_year = accounting.by_year(frame)
    assert of_year(2020)["n"].tolist() == [1, 3]
    assert of_year(2019)["n"].tolist() == [2]
    assert of_year(2018).empty


@pytest.fixture
def extracts():
    """Two years: A and B stand somewhere in each generation, but B has no place in the second; Z was set aside."""
    structures = pd.DataFrame([{"finess_et": n, "year": 2019} | RECORD for n in "AB"])
    located = pd.DataFrame(
        [
            ("B", "qpv-2015", "elsewhere", "no", None, 5000.0),
            ("A", "qpv-2015", "in_qpv", "yes", "QP075001", -50.0),
            ("A", "qpv-2024", "vecu_declared", "unknown", "QN07501M", 120.0),
        ],
        columns=accounting.LOCATED_COLUMNS,
    ).assign(year=2019)
    aside = pd.DataFrame({"finess_et": ["Z"], "year": [2019], "type_as_written": ["604"]})
    asked = []

    def rows(year):
        asked.append(year)
        return accounting.by_year(structures)(year)

    return accounting.extracts(rows, accounting.by_year(located), aside, 300), asked


def test_an_extract_is_put_together_with_what_was_set_aside(extracts):
    of_year, asked = extracts
    found = of_year(2019)
    assert found.structures["finess_et"].tolist() == ["A", "B", "Z"]
    assert found.structures["is_in_stock"].tolist() == [True, True, False]
    assert found.structures["type_as_written"].tolist() == ["603", "603", "604"]
    assert found.structures["structure_type"].isna().tolist() == [False, False, True]
    assert found.territory.tolist() == ["metropole"] * 3
    old, new = (found.by_generation[g].fillna("-").to_numpy().tolist() for g in ("qpv-2015", "qpv-2024"))
    nowhere = ["-", "undetermined", "unknown", "unknown"]
    assert old == [["QP075001", "in_qpv", "yes", "yes"], ["-", "elsewhere", "no", "no"], nowhere]
    assert new == [["QN07501M", "vecu_declared", "yes", "unknown"], nowhere, nowhere]
    assert of_year(2020).structures.empty
    assert of_year(2019) is found
    assert asked == [2019, 2020]


def test_each_territory_is_looked_at_under_its_own_generation(extracts):
    found = extracts[0](2019)
    own = QPV_2015 | {"metropole": "qpv-2024"}
    seen = accounting.view(found, own, QPV_2015).set_index("finess_et")
    assert seen.loc["A", ["generation", "place", "place_other", "qpv_code"]].tolist() == [
        *("qpv-2024", "vecu_declared", "in_qpv", "QN07501M"),
    ]
    away = accounting.Extract(found.structures.assign(territory=["mayotte", "metropole", None]), found.by_generation)
    seen = accounting.view(away, own, own).set_index("finess_et")
    assert seen["generation"].tolist() == ["qpv-2015", "qpv-2024", "qpv-2024"]
    assert seen["place"].tolist() == ["in_qpv", "undetermined", "undetermined"]
    assert seen["qpv_code"].fillna("-").tolist() == ["QP075001", "-", "-"]
    nowhere = accounting.view(found, dict.fromkeys(TERRITORIES), QPV_2015)
    assert nowhere["generation"].isna().all()
    assert set(nowhere["place"]) == {"undetermined"}
    assert set(nowhere["answer"]) == {"unknown"}
    assert nowhere["place_other"].tolist() == ["in_qpv", "elsewhere", "undetermined"]


def test_fates_are_read_between_every_two_generations():
    square = shapely.box(0, 0, 100, 100)
    rows = [("Z1", "civ-2008"), ("QP075001", "qpv-2015"), ("QN07501M", "qpv-2024"), ("X1", "other")]
    prepared = pd.DataFrame(rows, columns=["qpv_code", "generation"])
    prepared = prepared.assign(territory="metropole", metres=square, geometry=square, crs="EPSG:2154", repair=None)
    computed = dict.fromkeys(["qpv-2024", "qpv-2015", "civ-2008"])
    found = zoning.fates_between(SimpleNamespace(prepared=prepared, by_generation=computed))
    pairs = found[["generation_from", "generation_to", "qpv_code_from", "qpv_code_to"]].to_numpy().tolist()
    assert pairs == [
        ["civ-2008", "qpv-2015", "Z1", "QP075001"],
        ["civ-2008", "qpv-2024", "Z1", "QN07501M"],
        ["qpv-2015", "qpv-2024", "QP075001", "QN07501M"],
    ]
    assert found.index.tolist() == [0, 1, 2]
    alone = zoning.fates_between(SimpleNamespace(prepared=prepared, by_generation={"qpv-2015": None}))
    assert alone.empty
    assert list(alone) == list(found)
