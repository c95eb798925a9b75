"""Codes of communes carried to one date, in whatever names communes, and what was carried."""

from datetime import date

import pandas as pd
import pytest

from qpvhealth.ingest import communes
from qpvhealth.ingest.commune_history import CommuneHistory
from qpvhealth.ingest.kinds import commune_events


@pytest.fixture
def history():
    return CommuneHistory.of([])


def test_codes_are_carried_and_listed(history):
    frame = pd.DataFrame(
        {"commune_code": ["50602", "31555", None, "49144"], "department_code": ["50", "31", None, "49"]}
    )
    carried, (finding,) = history.carry("s", frame)
    assert carried["commune_code"].fillna("").tolist() == ["50129", "31555", "", "44180"]
    assert carried["department_code"].fillna("").tolist() == ["50", "31", "", "44"]
    assert (finding.rule, finding.n) == ("commune-carried", 2)
    assert finding.message == "card s: 49144 → 44180 (2018-01-01), 50602 → 50129 (2016-01-01)"
    assert history.table().to_numpy().tolist() == [
        ["s", "49144", "44180", date(2018, 1, 1), 1],
        ["s", "50602", "50129", date(2016, 1, 1), 1],
    ]


def test_codes_that_did_not_change_say_nothing(history):
    frame = pd.DataFrame({"commune_code": ["31555", "75101", "13055"], "commune_codes": ["31555,31001"] * 3})
    carried, found = history.carry("s", frame)
    assert carried is frame
    assert not found


def test_a_list_of_communes_names_each_once(history):
    carried, _ = history.carry("q", pd.DataFrame({"commune_codes": ["50129,50602", "50602,50025"]}))
    assert carried["commune_codes"].tolist() == ["50129", "50129,50025"]


def test_an_area_is_carried_where_it_is_a_commune(history):
    frame = pd.DataFrame({"level": ["commune", "tvs", "commune"], "code": ["50602", "50602", "50129"]})
    carried, _ = history.carry("z", frame)
    assert carried["code"].tolist() == ["50602", "50129", "50129"]  # those that changed stand last
    assert carried["code_as_written"].tolist() == ["50602", "50129", "50602"]


def test_a_card_brings_newer_events(card):
    content = "MOD,DATE_EFF,TYPECOM_AV,COM_AV,TYPECOM_AP,COM_AP\n32,2025-01-01,COM,93059,COM,93066\n32,2025-01-01,COM,93059,COMD,93059\n32,2025-01-01,,93059,COM,\n"
    content += "20,1947-09-17,,,COM,06163\n"  # a commune that none was before
    staged = commune_events.read(card("commune_events", content))
    assert (staged.tally.rows_in, staged.tally.rows_out, staged.tally.rejected) == (4, 1, 1)
    history = CommuneHistory.of([staged.frame])
    assert history.successors["93059"] == ("93066", date(2025, 1, 1))


def test_former_names_find_the_commune_of_now(history):
    table = pd.DataFrame(
        {
            "area_code": ["50129", "50025", "91228"],
            "label": ["Cherbourg-en-Cotentin", "Avranches", "Évry-Courcouronnes"],
        }
    )
    qpv = pd.Series(["QP050005", "QP050001", "QP091017", "QP987033", "QP976025"])
    names = pd.Series(
        ["Cherbourg-Octeville", "Avranches, Saint-Martin-des-Champs", "Évry, Courcouronnes", "Moorea", "M'tsamboro"]
    )
    table = pd.concat([table, pd.DataFrame({"area_code": ["97612"], "label": ["Mtsamboro"]})])
    found = communes.codes(qpv, names, table, history.names)
    assert found.tolist() == ["50129", "50025", "91228", "98729", "97612"]
