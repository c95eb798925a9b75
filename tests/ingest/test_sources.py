from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import cards, corrections, sources

QPV = (
    '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code_qp":"QP075001","commune_qp":"Ville"},'
    '"geometry":{"type":"Polygon","coordinates":[[[2,48],[3,48],[3,49],[2,48]]]}}]}'
)
FILES = {
    "q.geojson": QPV,
    "s.csv": "nofinesset;categetab;code_insee;longitude;latitude;dateouv;datefermeture\n"
    "750000018;124;75101;2.3;48.8;2010-01-01;\n750000026;603;;;;2020-01-01;\n930000012;124;93066;2.4;48.9;;2019-01-01\n",
    "r.csv": "nofinesset;categetab;code_insee;rs;longitude;latitude;dateouv\n"
    "750000026;620;75102;Maison;2.31;48.81;2019-06-01\n750000018;124;75103;;2.3;48.8;2011-01-01\n990000000;124;;;;;\n",
    "g.csv": "finess;longitude;latitude;result_score;result_type;result_status;result_citycode\n"
    "750000026;2.32;48.82;0.9;housenumber;ok;75102\n990000000;1;1;1;street;ok;\n",
    "d.csv": "finess;vecu;qpv\n750000018;oui;QP075001\n990000000;non;\n",
    "p.csv": "qp;pop\nQP075001;100\n",
    "z.csv": "insee;Zonage\n75101;ZIP\n",
    "zq.csv": "code_qp;Zonage\nQP075001;ZAC\n",
    "n.csv": "code_qp\nQP075001\n",
    "c.csv": "TYPECOM,COM,LIBELLE,EPCI\nARM,75101,Ville,200\n",
}
CARDS = {
    "q": "kind='neighbourhoods'\npath='q.geojson'\ngeneration='qpv-2015'",
    "s": "kind='structures'\npath='s.csv'\nyear=2019\nreference_date=2019-03-31\ncovers={departments=['75']}\nstatus='provisional'",
    "r": "kind='register'\npath='r.csv'\nyear=2019",
    "g": "kind='geocoded'\npath='g.csv'\nyear=2019",
    "d": "kind='declarations'\npath='d.csv'\nyear=2019\ngeneration='qpv-2015'\nanswered={regions=['11']}",
    "p": "kind='populations'\npath='p.csv'\ngeneration='qpv-2015'\npopulation_year=2013",
    "z": "kind='zoning'\npath='z.csv'\nedition='2019'\nin_force_from=2019-01-01",
    "zq": "kind='zoning'\npath='zq.csv'\nedition='2019'\nin_force_from=2019-01-01\ngeneration='qpv-2015'",
    "n": "kind='programme'\npath='n.csv'\nprogramme='NPNRU'\ngeneration='qpv-2015'",
    "c": "kind='boundaries'\npath='c.csv'\nlevel='commune'\nyear=2019",
}


@pytest.fixture
def read(tmp_path):
    def make(*, without=(), known="", files=None, **changes):
        for name, content in (FILES | (files or {})).items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        made = {i: text for i, text in (CARDS | changes).items() if i not in without}
        text = "".join(f"[[source]]\nid='{i}'\n{t}\n" for i, t in made.items())
        (tmp_path / "sources.toml").write_text(text, encoding="utf-8")
        (tmp_path / "corrections.toml").write_text(known, encoding="utf-8")
        loaded = cards.load(tmp_path)
        return sources.read_all(loaded, corrections.load(tmp_path, loaded), lambda _: None)

    return make


def told(found):
    return {f.rule: f for f in found.findings}


def test_everything_meets(read):
    found = read()
    vintage = found.vintages[2019]
    assert (vintage.reference_date, vintage.departments, vintage.status) == (date(2019, 3, 31), {"75"}, "provisional")
    assert found.populations["population"].tolist() == [100]
    assert found.programmes["qpv_code"].tolist() == ["QP075001"]
    assert found.communes["epci_code"].tolist() == ["200"]
    assert found.neighbourhoods["commune_codes"].tolist() == ["75101"]
    (edition,) = found.editions.drop(columns="departments").to_dict("records")
    stated = {"edition": "2019", "in_force_from": date(2019, 1, 1), "generation": "qpv-2015"}
    assert edition == {**stated, "source_ids": ("z", "zq")}
    assert set(found.zoning_classes["level"]) == {"commune", "qpv"}
    assert set(found.answered["department_code"]) == {"75", "77", "78", "91", "92", "93", "94", "95"}
    assert {*zip(found.answered["year"], found.answered["generation"], strict=True)} == {(2019, "qpv-2015")}
    assert set(found.answered["structure_type"]) == {"MSP", "CDS"}
    for account in found.accounts.values():
        out = sum(account[k] for k in ("rows_out", "out_of_scope", "rejected", "duplicates"))
        assert out == account["rows_in"]


def test_what_is_wrong_with_polygons_is_said_before_the_rest(read):
    others = {"s.csv": "nothing;known\n1;2\n"}
    with pytest.raises(UsageError, match="qpv-2024"):
        read(files=others | {"q.geojson": QPV.replace("QP075001", "QN07501M")})
    with pytest.raises((InputError, UsageError), match=r"s\.csv"):
        read(files=others)


def test_polygons_stand_first_in_the_accounts(read):
    nowhere = '{"type":"Feature","properties":{"code_qp":"QP075002"},"geometry":{"type":"Point","coordinates":[2,48]}},'
    found = read(files={"q.geojson": QPV.replace("[{", f"[{nowhere}{{", 1), "s.csv": FILES["s.csv"] + "12;124;;;;;\n"})
    assert list(found.accounts)[:2] == ["q", "s"]
    assert found.rejects["source_id"].tolist() == ["q", "s"]
    said = [f.message for f in found.findings]
    last = max(i for i, words in enumerate(said) if "q.geojson" in words)
    assert last < min(i for i, words in enumerate(said) if "s.csv" in words)


def test_a_register_fills_and_never_replaces_or_adds(read):
    found = read()
    frame = found.structures[2019].set_index("finess_et")
    assert frame.index.tolist() == ["750000018", "750000026", "930000012"]
    assert frame.loc["750000026", ["name", "commune_code", "department_code"]].tolist() == ["Maison", "75102", "75"]
    assert frame.loc["750000018", "commune_code"] == "75101"
    assert frame.loc["750000026", "opened_on"] == pd.Timestamp("2020-01-01")
    points = found.points[2019]
    assert points.groupby("rank").size().to_dict() == {0: 3, 1: 2, 2: 1}
    rules = told(found)
    assert rules["register-unmatched"].n == 1
    assert rules["register-conflict"].n > 0
    assert found.accounts["r"]["out_of_scope_by_reason"] == {"not in the extract of its year": 1}
    assert found.accounts["g"]["out_of_scope_by_reason"] == {"not in the extract of its year": 1}


def test_the_stock_is_warned_of_once_the_register_has_completed_it(read):
    rules = told(read())
    once = ("opening-in-future", "closed-before", "extract-outside-cover", "declaration-orphan")
    assert {rule: rules[rule].n for rule in once} == dict.fromkeys(once, 1)
    assert "department-unknown" not in rules
    assert "no outlines" in rules["outlines-missing"].message
    assert told(read(without="r"))["department-unknown"].n == 1


def test_completing_sources_without_an_extract_are_unused(read):
    found = read(without=("s",))
    assert sum(f.rule == "source-unused" for f in found.findings) == 2
    assert found.structures == {}
    assert told(found)["declaration-orphan"].n == 2


def test_two_cards_of_one_year_add_up(read):
    same = CARDS["s"].replace("covers={departments=['75']}\nstatus='provisional'", "covers={regions=['11']}")
    found = read(t=same)
    assert len(found.structures[2019]) == 3
    assert found.accounts["t"]["duplicates"] == 3
    assert found.vintages[2019].source_ids == ("s", "t")
    assert "93" in found.vintages[2019].departments
    assert read(t=same.replace("\ncovers={regions=['11']}", "")).vintages[2019].departments is None


def again(name):
    """Repeat a card, with another file."""
    return {"other": CARDS[name].replace(f"{name}.csv", "other.csv")}


@pytest.mark.parametrize(
    ("changes", "files", "error", "message"),
    [
        ({"without": ("q",)}, {}, UsageError, "no card of kind neighbourhoods"),
        ({"s": CARDS["s"].replace("['75']", "['99']")}, {}, UsageError, "unknown region or département: 99"),
        ({"d": CARDS["d"].replace("['11']", "['10']")}, {}, UsageError, "unknown region or département: 10"),
        (again("d"), {"other.csv": "finess;vecu\n750000018;non\n"}, InputError, "yes and no for 750000018"),
        (again("p"), {"other.csv": "qp;pop\nQP075001;7\n"}, InputError, "two files give the same year"),
        (again("z"), {"other.csv": "insee;Zonage\n75101;ZAC\n"}, InputError, "two classes for one place"),
        ({"y": CARDS["z"].replace("2019-01-01", "2020-01-01")}, {}, UsageError, "zoning edition 2019: its cards"),
    ],
)
def test_what_stops_the_run(read, changes, files, error, message):
    with pytest.raises(error, match=message):
        read(files=files, **changes)


def test_the_latest_population_wins(read):
    later = {name: card.replace("2013", "2018") for name, card in again("p").items()}
    found = read(files={"other.csv": "qp;pop\nQP075001;7\n"}, **later)
    assert found.populations[["population", "population_year"]].to_numpy().tolist() == [[7, 2018]]


def test_a_class_given_by_two_cards_stands_once(read):
    found = read(y=CARDS["z"])
    assert found.editions["source_ids"].tolist() == [("y", "z", "zq")]
    assert not found.zoning_classes.duplicated(["source_id", "level", "code"]).any()


def test_a_table_of_communes_can_be_corrected(read):
    entry = "[[correction]]\nsource='c'\nkey='75101'\ncolumn='label'\nexpect='Ville'\nvalue='Autre'\nreason='e'"
    assert read(known=entry).areas["label"].tolist() == ["Autre"]


def test_communes_that_have_no_code_are_told(read):
    found = read(files={"c.csv": "COM,LIBELLE\n75101,Autre\n"})
    assert told(found)["commune-unnamed"].n == 1
    assert found.neighbourhoods["commune_codes"].isna().all()


def test_outlines_are_kept_by_level(read):
    shape = QPV.replace('"code_qp":"QP075001","commune_qp":"Ville"', '"code":"75101","nom":"Ville"')
    card = "kind='boundaries'\npath='o.geojson'\nlevel='commune'\nyear=2019"
    found = read(o=card, o2=card, files={"o.geojson": shape})
    assert len(found.outlines["commune"]) == 2
    assert "outlines-missing" not in told(found)
    assert "area_code" in found.areas.columns


def test_without_optional_cards_the_frames_are_there(read):
    found = read(without=("r", "g", "d", "p", "z", "zq", "n", "c"))
    assert {"finess_et", "vecu_declared", "qpv_code"} <= set(found.declarations.columns)
    for frame in (found.declarations, found.populations, found.programmes, found.editions):
        assert frame.empty
