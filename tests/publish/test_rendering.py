from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import zipfile

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from qpvhealth.errors import UsageError
from qpvhealth.publish import rendering, workbook
from qpvhealth.publish.rendering import render, save

LIVE = ["=1+1", "+33 1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", '=HYPERLINK("x","y")', "\n=1"]


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "name": ["Maison | de santé", None, "a_b <i>"],
            "year": pd.array([2019, None, 2020], dtype="Int64"),
            "population": pd.array([1234567, 0, -12000], dtype="Int64"),
            "share": [0.5, None, 12345.6789],
            "is_open": pd.array([True, None, False], dtype="boolean"),
            "opened_on": pd.to_datetime(["2019-01-31", None, "2020-02-29"]).astype("datetime64[s]"),
        }
    )


TITLES = {"name": "Nom", "population": "Population"}
JANUARY = pd.Timestamp("2019-01-31").to_pydatetime()
NOON = pd.Timestamp("2020-01-01 12:00").to_pydatetime()
NOTES = ["Livraison abc", "QPV 2015"]


def test_text_is_aligned_with_numbers_to_the_right(frame):
    assert render(frame, fmt="text", titles=TITLES, notes=NOTES, invented=True).splitlines() == [
        "Nom                year  Population        share  is_open  opened_on",
        "-----------------  ----  ----------  -----------  -------  ----------",
        "Maison | de santé  2019   1 234 567          0,5  oui      31/01/2019",
        "                                  0",
        "a_b <i>            2020     -12 000  12 345,6789  non      29/02/2020",
        "",
        "DONNÉES INVENTÉES",
        "Livraison abc",
        "QPV 2015",
    ]


def test_markdown_shows_cells_as_they_are(frame):
    assert render(frame[["name", "population"]], fmt="md", titles=TITLES, notes=NOTES, invented=True).splitlines() == [
        "**DONNÉES INVENTÉES**",
        "",
        "| Nom | Population |",
        "| --- | ---: |",
        "| Maison \\| de santé | 1 234 567 |",
        "|  | 0 |",
        "| a_b &lt;i&gt; | -12 000 |",
        "",
        "Livraison abc",
        "",
        "QPV 2015",
    ]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("a\nb", "a b"),
        ("_x_", "\\_x\\_"),
        ("in_qpv", "in_qpv"),
        ("[l](u)", "\\[l\\](u)"),
        ("`c` *b* ~s~", "\\`c\\` \\*b\\* \\~s\\~"),
        ("\\|", "\\\\\\|"),
        ("R&D &lt;", "R&D &amp;lt;"),
    ],
)
def test_markup_is_escaped(cell, written):
    assert f"| {written} |" in render(pd.DataFrame({"a": [cell]}), fmt="md").splitlines()


def test_a_cell_cannot_command_the_terminal():
    told = render(pd.DataFrame({"a": ["\x1b[31mred", "a\r\nb", "\u202eabc", "e\u0301t"]}), fmt="text")
    assert told.splitlines()[2:] == [" [31mred", "a  b", " abc", "\u00e9t"]


def test_csv_is_what_a_french_spreadsheet_expects(frame):
    assert render(frame, fmt="csv", titles=TITLES).decode("utf-8").split("\r\n") == [
        "\ufeffNom;year;Population;share;is_open;opened_on",
        "Maison | de santé;2019;1234567;0,5;oui;2019-01-31",
        ";;0;;;",
        "a_b <i>;2020;-12000;12345,6789;non;2020-02-29",
        "",
    ]


def test_csv_says_that_figures_are_invented_on_each_line():
    rows = read_csv(render(pd.DataFrame({"n": [1, 2]}), fmt="csv", notes=NOTES, invented=True))
    assert rows == [["n", "données inventées"], ["1", "oui"], ["2", "oui"]]


def read_csv(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))


@pytest.mark.parametrize("live", LIVE)
def test_no_text_is_a_formula_and_numbers_are_left_alone(live):
    rows = read_csv(render(pd.DataFrame({live: [live], "n": [-5], "f": [-0.5]}), fmt="csv"))
    assert rows == [[f"'{live}", "n", "f"], [f"'{live}", "-5", "-0,5"]]


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_any_text_comes_back_from_csv(pairs):
    told = [text for pair in pairs for text in pair]
    frame = pd.DataFrame(pairs, columns=["a", "b"], dtype="str")
    cells = [cell for row in read_csv(render(frame, fmt="csv"))[1:] for cell in row]
    assert not [c for c in cells if c.lstrip()[:1] in ("=", "+", "-", "@") or c[:1] in ("\t", "\r")]
    assert [c if c == t else c.removeprefix("'") for c, t in zip(cells, told, strict=True)] == told


def test_json_is_one_document_for_programs(frame):
    told = json.loads(render(frame, fmt="json", titles=TITLES, notes=NOTES, invented=True))
    assert told["schema_version"] == 1
    assert told["invented"] is True
    assert told["notes"] == NOTES
    assert told["n_rows"] == 3
    assert told["columns"][:2] == [{"name": "name", "title": "Nom"}, {"name": "year", "title": "year"}]
    assert told["rows"][0] == {
        "name": "Maison | de santé",
        "year": 2019,
        "population": 1234567,
        "share": 0.5,
        "is_open": True,
        "opened_on": "2019-01-31",
    }
    assert set(told["rows"][1].values()) == {None, 0}


def test_what_is_no_number_is_no_number_in_json():
    told = json.loads(render(pd.DataFrame({"f": [math.inf, math.nan, 1.0]}), fmt="json"))
    assert [row["f"] for row in told["rows"]] == [None, None, 1.0]


def open_workbook(data):
    return openpyxl.load_workbook(io.BytesIO(data))


def test_a_workbook_opens_with_its_types_its_filters_and_its_notes(frame):
    book = open_workbook(render(frame, fmt="xlsx", titles=TITLES, notes=NOTES, invented=True))
    assert book.sheetnames == ["Données", "Lisez-moi"]
    data, readme = book.worksheets
    rows = [[c.value for c in row] for row in data.iter_rows()]
    assert rows[0] == ["Nom", "year", "Population", "share", "is_open", "opened_on"]
    assert rows[1] == ["Maison | de santé", 2019, 1234567, 0.5, "oui", JANUARY]
    assert rows[2] == [None, None, 0, None, None, None]
    assert data.freeze_panes == "A2"
    assert data.auto_filter.ref == "A1:F4"
    assert [data.cell(2, c).number_format for c in (2, 3, 4, 6)] == ["0", "#,##0", "0.0##", "dd/mm/yyyy"]
    told = [[c.value for c in row] for row in readme.iter_rows()]
    assert [row[0] for row in told[:3]] == ["DONNÉES INVENTÉES", *NOTES]
    assert told[4:6] == [["Colonne", "Nom technique"], ["Nom", "name"]]
    book = open_workbook(render(frame, fmt="xlsx", titles=TITLES, language="en"))
    assert book.sheetnames == ["Data", "Read me"]
    assert book["Data"]["F2"].number_format == "yyyy-mm-dd"
    assert [c.value for c in book["Read me"][1]] == ["Column", "Technical name"]


def test_numbers_and_days_follow_the_language_and_files_for_programs_do_not(frame):
    english = render(frame, fmt="md", language="en")
    assert "| 1,234,567 | 0.5 | yes | 2019-01-31 |" in english
    assert "| 12,345.6789 | no | 2020-02-29 |" in english
    assert "| 1 234 567 | 0,5 | oui | 31/01/2019 |" in render(frame, fmt="md")
    for fmt in ("csv", "json"):
        assert render(frame, fmt=fmt, language="en") == render(frame, fmt=fmt)


def test_days_that_spreadsheets_number_differently_are_text():
    """What is 1 January 1900 to Excel is 31 December 1899 to LibreOffice; from 1 March on they agree."""
    days = pd.Series(pd.to_datetime(["1890-01-01", "1900-01-01", "1900-02-28", "1900-03-01"])).astype("datetime64[s]")
    data = open_workbook(render(pd.DataFrame({"opened_on": days}), fmt="xlsx")).worksheets[0]
    assert [c.data_type for c in data["A"][1:]] == ["s", "s", "s", "d"]
    assert data["A3"].value == "1900-01-01"


@pytest.mark.parametrize("live", [*LIVE, "http://example.org", "{=1}", "mailto:a@b.c", "01234"])
def test_a_workbook_takes_text_for_text(live):
    data = render(pd.DataFrame({live: [live]}), fmt="xlsx", titles={live: live}, notes=[live])
    cells = [c for sheet in open_workbook(data) for row in sheet.iter_rows() for c in row if c.value is not None]
    assert {c.data_type for c in cells} == {"s"}
    assert not any(c.hyperlink for c in cells)
    assert "<f>" not in "".join(
        zipfile.ZipFile(io.BytesIO(data)).read(f"xl/worksheets/sheet{i}.xml").decode() for i in (1, 2)
    )


def test_a_workbook_keeps_what_a_cell_can_hold():
    frame = pd.DataFrame({"a": ["x" * 40_000, "\x01\x0b"], "d": [dt.date(1850, 1, 1), NOON]})
    frame["f"] = [math.inf, 1.5]
    rows = [[c.value for c in row] for row in open_workbook(render(frame, fmt="xlsx")).worksheets[0].iter_rows()]
    assert rows[1] == ["x" * 32_766 + "…", "1850-01-01", "inf"]
    assert rows[2][1:] == [NOON, 1.5]


def test_more_rows_than_a_workbook_holds_are_refused(monkeypatch, frame):
    monkeypatch.setattr(workbook, "MAX_ROWS", 2)
    with pytest.raises(UsageError, match="more than a workbook holds; ask for csv"):
        render(frame, fmt="xlsx")


@pytest.mark.parametrize("fmt", rendering.FORMATS)
@pytest.mark.parametrize("empty", [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame({"a": [None]})])
def test_nothing_can_be_shown(fmt, empty):
    assert render(empty, fmt=fmt)


@pytest.mark.parametrize("fmt", rendering.FORMATS)
def test_no_clock_is_recorded(frame, fmt):
    data = render(frame, fmt=fmt)
    assert data == render(frame, fmt=fmt)
    if fmt == "xlsx":
        entries = zipfile.ZipFile(io.BytesIO(data))
        assert {e.date_time for e in entries.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert str(dt.date.today().year) not in entries.read("docProps/core.xml").decode()  # noqa: DTZ011


@pytest.mark.parametrize("suffix", rendering.SUFFIXES)
def test_a_file_has_the_format_of_its_suffix(tmp_path, frame, suffix):
    path = tmp_path / f"list{suffix.upper()}"
    save(path, frame, titles=TITLES)
    expected = render(frame, fmt=rendering.SUFFIXES[suffix], titles=TITLES)
    assert path.read_bytes() == (expected if isinstance(expected, bytes) else expected.encode())


def test_an_unknown_format_is_refused(tmp_path, frame):
    with pytest.raises(UsageError, match=r'unknown suffix "\.doc"'):
        save(tmp_path / "list.doc", frame)
    with pytest.raises(UsageError, match='unknown format "doc"; formats: text, md, csv, json, xlsx'):
        render(frame, fmt="doc")
    assert list(tmp_path.iterdir()) == []


def test_small_numbers_are_not_minus_zero():
    told = render(pd.DataFrame({"f": [-0.0000001, 100.0, 1e15, -12345.5]}), fmt="text")
    assert [line.strip() for line in told.splitlines()[2:]] == ["0", "100", "1 000 000 000 000 000", "-12 345,5"]
