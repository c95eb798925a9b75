"""Attainment of programmes: the documents' own doubling, worked by hand."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from qpvhealth.facts.programmes import PROGRAMMES, Programme
from qpvhealth.indicators.attainment import attain

BY_ID = {p.id: p for p in PROGRAMMES}


def observed(name, *values, origin="publié"):
    rows = [(name, pd.Timestamp(on), n, n, n and n + 10, 10, origin) for on, n in values]
    return pd.DataFrame(rows, columns=["programme", "on", "value", "lower", "upper", "n_unknown", "origin"])


def held(name, *values):
    return attain([BY_ID[name]], observed(name, *values))


def test_the_doubling_in_qpv():
    found = held("doublement-msp_cds", ("2018-03-31", 251), ("2019-03-31", 280), ("2020-04-01", 313))
    assert [round(s, 3) for s in found["share_of_way"]] == [0.0, 0.116, 0.247]
    assert [round(s, 3) for s in found["share_of_way_upper"]] == [0.04, 0.155, 0.287]  # ten more could count
    assert found["share_of_way_lower"].equals(found["share_of_way"])
    assert found["pace_observed"].round(1).tolist()[1:] == [29.0, 32.8]
    # 189 to go from 1 April 2020, 2.75 years left
    assert found["pace_needed"].iloc[-1] == pytest.approx(189 / (1004 / 365.25))
    assert found["met_on"].iloc[-1].year == 2026
    assert set(found["state"]) == {"en cours"}


def test_msp_reached_and_centres_not():
    msp = held("doublement-msp", ("2020-04-01", 86)).iloc[0]
    assert (msp["state"], msp["share_of_way"] > 1) == ("atteint", True)
    assert pd.isna(msp["pace_needed"])
    assert pd.isna(msp["met_on"])
    centres = held("doublement-cds", ("2020-04-01", 227)).iloc[0]
    assert (centres["state"], round(centres["share_of_way"], 3)) == ("en cours", 0.086)


def test_a_target_that_is_just_met_is_reached():
    just = held("doublement-msp", ("2020-04-01", 84)).iloc[0]
    assert (just["state"], just["share_of_way"], just["because"]) == ("atteint", 1, "")
    assert pd.isna(just["pace_needed"])


def test_no_base_no_rate():
    programme = BY_ID["doublement-in-or-near"]
    found = held("doublement-in-or-near", ("2019-03-31", 690)).iloc[0]
    assert pd.isna(found["share_of_way"])
    assert found["because"] == f"pas de taux : {programme.no_base}"
    known = attain([replace(programme, target=1000.0)], observed(programme.id, ("2019-03-31", 690))).iloc[0]
    assert known["state"] == "en cours"
    assert known["because"] == f"pas de taux : {programme.no_base} ; pas de date : une seule observation"
    assert found["value"] == 690


def test_nothing_observed_says_so():
    found = attain([BY_ID["espoir-banlieues"]], observed("other")).iloc[0]
    assert found["state"] == "non observé"
    assert "215 quartiers" in found["because"]


def test_a_pace_that_does_not_lead_there():
    found = held("doublement-msp", ("2018-03-31", 42), ("2019-03-31", 40)).iloc[-1]
    assert pd.isna(found["met_on"])
    assert "n'y mène pas" in found["because"]


def test_past_the_deadline_no_pace_is_needed():
    found = held("doublement-cds", ("2024-03-31", 300)).iloc[0]
    assert found["state"] == "échéance passée"
    assert pd.isna(found["pace_needed"])


def test_origins_are_not_mixed_in_a_pace():
    seen = pd.concat(
        [
            observed("doublement-msp", ("2018-03-31", 40), origin="calculé"),
            observed("doublement-msp", ("2019-03-31", 59)),
        ]
    )
    found = attain([BY_ID["doublement-msp"]], seen).set_index("origin")
    assert round(found.loc["publié", "pace_observed"]) == 17  # from the base, not from the computed value
    assert pd.isna(found.loc["calculé", "pace_observed"])


def test_an_unknown_value_stays_unknown():
    found = held("doublement-msp", ("2020-04-01", None)).iloc[0]
    assert found["state"] == "inconnu"


def test_programmes_as_data():
    assert len(BY_ID) == len(PROGRAMMES)
    assert all(p.source for p in PROGRAMMES)
    assert all((p.baseline is None) == bool(p.no_base) for p in PROGRAMMES)
    doubled = [BY_ID[f"doublement-{s}"] for s in ("msp", "cds", "msp_cds")]
    assert [p.target for p in doubled] == [84, 418, 502]


def test_a_programme_of_ones_own():
    own = Programme("own", "l", "n_in_qpv", "msp", "inside", "all_2015", 10, date(2020, 1, 1), 20, None, "", "us")
    found = attain([own], observed("own", ("2021-01-01", 15))).iloc[0]
    assert found["share_of_way"] == 0.5
    assert found["met_on"] == pd.Timestamp("2022-01-02")


def test_before_the_base_there_is_no_rate():
    found = held("barometre-msp", ("2019-12-31", 1547), ("2023-12-01", 2501))
    assert found["state"].tolist() == ["avant la base", "en cours"]
    assert pd.isna(found["share_of_way"].iloc[0])
    assert found["share_of_way"].iloc[1] == 0
