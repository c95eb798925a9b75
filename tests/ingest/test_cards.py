from __future__ import annotations

import pytest

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import cards

STRUCTURES = "[[source]]\nid='s'\nkind='structures'\npath='s.csv'\nyear=2019\nreference_date=2019-03-31\n"
OTHER = STRUCTURES.replace("id='s'", "id='t'")
QPV = "[[source]]\nid='a'\nkind='neighbourhoods'\npath='b'\ngeneration='g'\n"
ZONING = "[[source]]\nid='a'\nkind='zoning'\npath='b'\nedition='e'\nin_force_from=2019-01-01\n"
EVERY_KIND = [
    "kind='structures'\nyear=2019\nreference_date=2019-03-31\ncrs='EPSG:2154'\ncovers={regions=['76'],departments=['93']}",
    "kind='register'\nyear=2019",
    (
        "kind='neighbourhoods'\ngeneration='cucs'\ncode_pattern='C.*'\nin_force_from=2008-01-01\nin_force_to=2014-12-31\n"
        "crs='EPSG:2154'\ncodes=['C1']"
    ),
    "kind='populations'\ngeneration='qpv-2015'\npopulation_year=2013",
    "kind='declarations'\nyear=2019\ngeneration='qpv-2015'\nanswered={regions=['53']}",
    "kind='zoning'\nedition='2019'\nin_force_from=2019-01-01\ngeneration='qpv-2015'\nlevel='qpv'",
    "kind='programme'\nprogramme='NPNRU'\ngeneration='qpv-2015'",
    "kind='projects'\nyear=2021",
    "kind='neighbourhood_indicators'\ngeneration='qpv-2015'\nreference_year=2013",
    "kind='practitioners'\nyear=2021",
    "kind='boundaries'\nlevel='commune'\nyear=2021",
    "kind='geocoded'\nyear=2021",
    "kind='series'\nname='barometre'\nrelease='2023-01'",
]
COMMON = (
    "layout='x'\nsheet='S'\nheader_row=4\nencoding='cp1252'\nseparator=';'\nlayer='l'\nstatus='provisional'\nsha256='0'\n"
    "title='t'\nproducer='p'\nurl='u'\nlicence='l'\nretrieved_on=2019-04-15\nreceived_on=2019-04-12\ninvented=false\n"
    "sidecars={'.dbf'='0'}\n"
)


def load(folder, text):
    (folder / "sources.toml").write_text(text, encoding="utf-8")
    return cards.load(folder)


@pytest.mark.parametrize("lines", EVERY_KIND)
def test_every_key_of_the_interface_is_accepted(tmp_path, lines):
    (card,) = load(tmp_path, f"[[source]]\nid='a'\npath='a.csv'\n{lines}\n{COMMON}")
    assert card.get("header_row") == 4
    assert card["status"] == "provisional"
    assert not card.is_invented


def test_a_card_says_where_its_file_is_and_what_it_covers(tmp_path):
    mapped = "[source.columns]\nfiness_et='N°'\n[source.values.structure_type]\nX='MSP'\n"
    (card,) = load(tmp_path, f"\ufeff{STRUCTURES}covers={{regions=['76']}}\n{mapped}")
    assert (card.path, card.shown_path) == (tmp_path / "s.csv", "s.csv")
    assert card.departments() >= {"31", "65"}
    assert card.columns == {"finess_et": "N°"}
    assert (card.words("structure_type"), card.words("modality")) == ({"X": "MSP"}, None)


def test_an_absolute_path_is_not_published(tmp_path):
    (card,) = load(tmp_path, STRUCTURES.replace("'s.csv'", f"'{tmp_path / 's.csv'}'"))
    assert card.shown_path == "s.csv"
    assert card.path == tmp_path / "s.csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no [[source]] card"),
        (STRUCTURES + "sidecars={dbf='0'}", "sidecars gives the sha256 of parts of a shapefile"),
        (STRUCTURES + "sidecars={'.dbf'=0}", "as texts, by .dbf, .shx, .prj, .cpg"),
        (STRUCTURES + "other_types=['MSP']", "those are counted anyway"),
        (STRUCTURES + "other_types=[' x']", "other_types is a list of names"),
        (STRUCTURES.replace("year=2019", "year=99999999999999999999"), "year must be a year"),
        (STRUCTURES.replace("year=2019", "year=0"), "year must be a year"),
        (STRUCTURES.replace("2019-03-31", "0001-01-01"), "reference_date must be a day since 1900-01-01"),
        ("source = 3", "no [[source]] card"),
        ("source = ['a']", "no [[source]] card"),
        ("[source]\nid='a'", "two brackets"),
        ("[[source]\n", "cannot be read"),
        (STRUCTURES + "[[sources]]\nid='b'", 'unknown section "sources"'),
        ("[[source]]\nkind='structures'\npath='s'", "card no. 1: id is missing"),
        ("[[source]]\nid='a'\nkind=['structures']\npath='s'", "kind is missing, or not a text"),
        ("[[source]]\nid=3\nkind='structures'\npath='s'", "id is missing, or not a text"),
        ("[[source]]\nid='a'\nkind='structure'\npath='s'", 'unknown kind "structure"; known: structures, register'),
        (STRUCTURES.replace("year=2019\n", ""), "year is missing; a card of kind structures needs it"),
        (STRUCTURES.replace("2019-03-31", "2019-03-31T00:00:00"), "reference_date must be a date (2019-03-31)"),
        (STRUCTURES.replace("year=2019", "year='2019'"), "year must be a whole number, not '2019'"),
        (STRUCTURES.replace("year=2019", "year=true"), "year must be a whole number, not True"),
        (STRUCTURES + "invented='yes'", "invented must be true or false"),
        (
            STRUCTURES + "generation='qpv-2015'",
            'unknown key "generation" for kind structures; known: accept, columns, covers',
        ),
        (STRUCTURES + "status='final'", "status must be one of provisional, validated, published"),
        (STRUCTURES + "header_row=0", "header_row counts from 1"),
        (STRUCTURES + "covers={cities=['1']}", "covers names cities; it takes regions or departments"),
        (STRUCTURES + "covers={regions='76'}", "covers takes lists of codes"),
        (STRUCTURES + "covers={regions=[76]}", "covers takes lists of codes as texts"),
        (STRUCTURES + "covers={regions=['99']}", "unknown region or département: 99; INSEE codes are expected"),
        (STRUCTURES + "covers={regions=['bretagne']}", 'unknown region or département: bretagne; write "53"'),
        (STRUCTURES + "covers={departments=['2a']}", 'unknown region or département: 2a; write "2A"'),
        (STRUCTURES + "covers={}", "covers is empty"),
        (STRUCTURES + "[source.columns]\nx=3", "columns maps each of our columns to one header"),
        (STRUCTURES + "[source.values]\nstructure_type='MSP'", "values holds one table per coded column"),
        (STRUCTURES + "[source.values.type]\na='b'", "names type; the coded columns of this kind are structure_type"),
        ("[[source]]\nid='a'\nkind='boundaries'\npath='b'\nyear=1\nlevel='city'", "level must be one of commune"),
        (ZONING + "level='iris'", "level must be"),
        (QPV + "code_pattern='('", "no regular expression"),
        (QPV + "codes=[1]", "codes is a list of QPV codes"),
        (QPV + "in_force_from=2019-01-01\nin_force_to=2018-01-01", "in_force_from is after in_force_to"),
        (STRUCTURES + STRUCTURES, 'the id "s" is used 2 times'),
        (STRUCTURES + OTHER.replace("03-31", "12-31"), "structures of 2019 have 2 reference dates"),
        (STRUCTURES + "invented=true\n" + OTHER, "never mix in a build (s is invented, t is not)"),
    ],
)
def test_a_wrong_card_is_refused(tmp_path, text, message):
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)


def test_all_problems_of_all_cards_are_told_at_once(tmp_path):
    wrong = STRUCTURES.replace("year=2019", "year='x'\ncolour=1") + "[[source]]\nid='b'\nkind='x'\npath='p'"
    with pytest.raises(UsageError) as caught:
        load(tmp_path, wrong)
    assert len(str(caught.value).splitlines()) == 3


def test_without_cards_an_example_is_offered(tmp_path):
    with pytest.raises(InputError, match="qpvhealth sample"):
        cards.load(tmp_path)


def test_cards_come_in_the_order_of_their_ids(tmp_path):
    text = "".join(STRUCTURES.replace("id='s'", f"id='{i}'") for i in "cab")
    assert [c.id for c in load(tmp_path, text)] == ["a", "b", "c"]
    assert [c.id for c in cards.of_kind(load(tmp_path, text), "register")] == []
