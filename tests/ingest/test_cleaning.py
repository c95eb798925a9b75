from __future__ import annotations

import pandas as pd
import pytest

from qpvhealth.errors import UsageError
from qpvhealth.ingest import cleaning


def text(*cells):
    return pd.Series(cells, dtype="str")


def listed(series):
    return [None if pd.isna(v) else v for v in series]


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        *(("2019-03-31", "2019-03-31"), ("31/03/2019", "2019-03-31"), ("1/3/2019", "2019-03-01")),
        *(("20190331", "2019-03-31"), ("2019/03/31", "2019-03-31"), ("31-03-2019", "2019-03-31")),
        *(("31.03.2019", "2019-03-31"), ("2019-03-31T00:00:00.000Z", "2019-03-31"), ("1900-01-01", "1900-01-01")),
        *(("31/03/2019 00:00:00", "2019-03-31"), ("2019-03-31 12:00:00", "2019-03-31"), ("1066-10-14", "1066-10-14")),
    ],
)
def test_dates_are_read(cell, day):
    found = cleaning.dates(text(cell, None))
    assert found.typed[0] == pd.Timestamp(day)
    assert pd.isna(found.typed[1])
    assert not found.bad.any()
    assert found.typed.dtype == "datetime64[s]"


@pytest.mark.parametrize("cell", ["2019-02-30", "31/13/2019", "soon", "2019", "43555", "31/03/19", "0000-00-00"])
def test_what_is_no_date_is_bad_and_null(cell):
    found = cleaning.dates(text(cell))
    assert found.bad.tolist() == [True]
    assert found.typed.isna().all()


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *(
            ("12", 12),
            ("12,5", 12.5),
            ("12.5", 12.5),
            ("1\u202f234", 1234),
            ("1\u2019234", 1234),
            ("5 019 573", 5019573),
        ),
        *(("1\u00a0234,5", 1234.5), ("-3", -3), ("1e3", 1000), (".5", 0.5), ("+7", 7), ("0", 0)),
    ],
)
def test_numbers_are_read(cell, value):
    (typed, bad, _), suppressed = cleaning.numbers(text(cell))
    assert (typed[0], bool(bad[0]), bool(suppressed[0])) == (value, False, False)


@pytest.mark.parametrize(
    ("cells", "is_bad", "is_suppressed"),
    [
        (("nd", "NS", "s", "_U", "_Z", "HZ", "CSZ", "NA", "N/A - résultat non disponible", "."), False, True),
        (("inf", "nan", "1,2,3", "12 hab.", "1e999", "0x10", "?"), True, False),
        ((None,), False, False),
    ],
)
def test_what_is_no_number_is_null_with_a_reason_never_zero(cells, is_bad, is_suppressed):
    (typed, bad, _), suppressed = cleaning.numbers(text(*cells))
    assert typed.isna().all()
    assert (bad == is_bad).all()
    assert (suppressed == is_suppressed).all()


@pytest.mark.parametrize(
    ("cell", "code", "repaired"),
    [
        *(("750012345", "750012345", False), ("10780054", "010780054", True), ("2A0000154", "2A0000154", False)),
        *(("2a0000154", "2A0000154", False), ("75 001 2345", "750012345", False), ("9F0000012", "9F0000012", False)),
    ],
)
def test_finess_numbers_are_nine_characters_of_text(cell, code, repaired):
    found = cleaning.finess(text(cell))
    assert (found.typed[0], bool(found.repaired[0]), bool(found.bad[0])) == (code, repaired, False)


@pytest.mark.parametrize("cell", ["75001234", "7500123456", "75001234X", "", "A50012345", "7,5E8", "1234567"])
def test_what_is_no_finess_number_is_bad(cell):
    found = cleaning.finess(text(cell))
    assert found.bad[0] or found.repaired[0]
    assert found.repaired[0] == (cell == "75001234")


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        *(("2691", "02691"), ("02691", "02691"), ("2A004", "2A004"), ("2a004", "2A004"), ("97611", "97611")),
        *(("9F611", "97611"), ("9D411", "97411"), ("97127", "97801"), ("97123", "97701"), ("9A127", "97801")),
    ],
)
def test_commune_codes_are_five_characters(cell, code):
    found = cleaning.communes(text(cell))
    assert found.typed[0] == code
    assert not found.bad[0]
    assert found.repaired[0] == (cell == "2691")


@pytest.mark.parametrize("cell", ["9K611", "Paris", "750", "750561", "2C004"])
def test_what_is_no_commune_code_is_bad(cell):
    found = cleaning.communes(text(cell))
    assert found.bad[0]
    assert found.typed.isna()[0]


@pytest.mark.parametrize(
    ("department", "commune", "code"),
    [
        *(("31", "555", "31555"), ("2A", "004", "2A004"), ("1", "4", "01004"), ("9F", "611", "97611")),
        *(("9f", "611", "97611"), ("9A", "105", "97105"), ("976", "611", "97611"), ("9A", "127", "97801")),
        *(("9J", "613", "98613"), ("31", "Toulouse", None), (None, "555", None), ("31", None, None)),
    ],
)
def test_a_commune_code_is_composed_as_finess_writes_it(department, commune, code):
    assert listed(cleaning.composed_communes(text(department), text(commune))) == [code]


def test_departments_take_overseas_codes_of_finess():
    found = cleaning.departments(text("1", "31", "2a", "9A", "9F", "9J", "974", "Rhône", None))
    assert listed(found) == ["01", "31", "2A", "971", "976", "986", "974", None, None]


def test_sirets_have_fourteen_digits():
    found = cleaning.sirets(text("123 456 789 00012", "123", None))
    assert listed(found.typed) == ["12345678900012", None, None]
    assert found.bad.tolist() == [False, True, False]


def test_postal_codes_get_their_zero_back():
    assert listed(cleaning.postcodes(text("1000", "75001", "CH-1200", None))) == ["01000", "75001", "CH-1200", None]


@pytest.mark.parametrize("cell", ["97120, 97101", "97120;97101", "97120 | 97101", "97120/97101", " 97120  97101 "])
def test_lists_of_codes_are_split_whatever_stands_between(cell):
    assert cleaning.code_lists(text(cell, None)).tolist() == [["97120", "97101"], []]


@pytest.mark.parametrize(
    ("cells", "words", "expected"),
    [
        ((" maison  de SANTÉ", "MSP", None), {"Maison de santé": "MSP", "MSP": "MSP"}, ["MSP", "MSP", None]),
        (("sante\u0301",), {"santé": "MSP"}, ["MSP"]),
        ((None, "oui"), {"": "unknown", "oui": "yes"}, ["unknown", "yes"]),
    ],
    ids=["case and spaces", "two ways to write an accent", "a meaning of the empty cell"],
)
def test_coded_values_are_compared_whole_without_case_or_spaces(cells, words, expected):
    assert listed(cleaning.coded(text(*cells), words, column="t", where="f")) == expected


def test_a_column_of_empty_cells_takes_their_meaning_and_keeps_its_place():
    empty = pd.Series([None, None], index=[4, 7], name="kind", dtype="str")
    found = cleaning.coded(empty, {"": "unknown", "oui": "yes"}, column="t", where="f")
    assert (listed(found), found.index.tolist(), found.name) == (["unknown"] * 2, [4, 7], "kind")
    assert listed(cleaning.coded(empty, {"oui": "yes"}, column="t", where="f")) == [None, None]
    (typed, *_), _ = cleaning.numbers(empty)
    assert (listed(typed), typed.index.tolist()) == ([None, None], [4, 7])


def test_ten_unknown_values_are_shown_and_every_known_one():
    cells = text(*(f"v{k:02d}" for k in range(12)))
    with pytest.raises(UsageError) as caught:
        cleaning.coded(cells, {"oui": "yes", "non": "no"}, column="in_qpv", where="f.csv")
    shown = ", ".join(f'"v{k:02d}"' for k in range(10))
    assert str(caught.value).startswith(f"f.csv: in_qpv has values that are not known: {shown}. Write")
    assert str(caught.value).endswith("; known: no, yes")


def test_an_unknown_value_says_what_to_write():
    with pytest.raises(UsageError) as caught:
        cleaning.coded(text("Pharmacie", "oui"), {"oui": "yes", "x": ""}, column="in_qpv", where="f.csv: card c")
    assert str(caught.value) == (
        'f.csv: card c: in_qpv has values that are not known: "Pharmacie".'
        " Write each in the card under [source.values.in_qpv]; known: yes"
    )


CODES = ["01001", "1001", "9F611", "97127", " 75 056", "2a004", "12345678900012", "75001234"]
CELLS = [*CODES, "Paris", "12", "1,5", "nd"]


@pytest.mark.parametrize(
    "read",
    [
        *(cleaning.finess, cleaning.communes, cleaning.sirets, cleaning.dates),
        lambda cells: (cleaning.departments(cells),),
        lambda cells: (*cleaning.numbers(cells)[0], cleaning.numbers(cells)[1]),
    ],
)
def test_a_cell_is_read_whatever_stands_beside_it(read):
    cells = pd.Series([*CELLS, None], index=range(20, 33), dtype="str")
    together = read(cells)
    for at in cells.index:
        alone, spaced = read(cells[[at]]), read(" " + cells[[at]])
        for whole, part, loose in zip(together, alone, spaced, strict=True):
            assert listed(whole[[at]]) == listed(part)
            assert pd.isna(cells[at]) or read is cleaning.dates or listed(part) == listed(loose)
        assert all(part.index.tolist() == cells.index.tolist() for part in together)


def test_a_rule_is_asked_once_for_each_distinct_cell():
    asked = []
    found = cleaning.translated(pd.Series(["a", None, "b", "a"], index=[4, 5, 6, 7], dtype="str"), asked.append)
    assert (asked, listed(found)) == (["a", "b"], [None] * 4)
    cells = pd.Series(["a", None, "b", "a"], index=[4, 5, 6, 7], name="cell", dtype="str")
    found = cleaning.translated(cells, str.upper)
    assert (listed(found), found.index.tolist(), found.name) == (["A", None, "B", "A"], [4, 5, 6, 7], "cell")
    assert str(found.dtype) == "str"
    assert listed(cleaning.translated(text(None, None), str.upper)) == [None, None]


def test_texts_read_in_another_encoding_are_seen():
    right = ["Pôle", "CHÂTEAU", "SÃO PAULO", "Å", "naïve", "pâté", "Â", "œuvre", "abc"]
    wrong = [text.encode().decode("cp1252") for text in ("Pôle", "Île d'Yeu", "Cité")]
    assert cleaning.garbled(pd.Series([*right, None, *wrong])).tolist() == [False] * 10 + [True] * 3


def test_lists_of_json_are_lists():
    assert cleaning.listed('["97120", "97101"]') == ["97120", "97101"]
    assert cleaning.listed("[ '2A004' ]") == ["2A004"]
    assert cleaning.communes(pd.Series(['["1004"]', "[97120]"])).typed.tolist() == ["01004", "97120"]


def test_garbled_cells_stand_where_they_stood():
    cells = pd.Series(["CitÃ©", "Cité", None], index=[7, 3, 5], dtype="str")
    assert cleaning.garbled(cells).to_dict() == {7: True, 3: False, 5: False}


def test_a_code_that_was_kept_as_a_number_is_the_code():
    cells = pd.Series(["124.0", " 603,00 ", "124.5", "12.0.0", " 31 ", None], dtype="str")
    assert cleaning.whole(cells).fillna("-").tolist() == ["124", "603", "124.5", "12.0.0", "31", "-"]
