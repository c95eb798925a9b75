import datetime as dt
import zipfile
from types import SimpleNamespace

import openpyxl
import pandas as pd
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest.readers import workbook
from qpvhealth.ingest.readers.workbook import read_workbook, sheet_names

SHEET = "xl/worksheets/sheet1.xml"
START = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
END = "</sheetData></worksheet>"


def cells(table):
    return [[None if pd.isna(v) else v for v in row] for row in table.frame.to_numpy().tolist()]


@pytest.fixture
def save(tmp_path):
    def put(*sheets, **options):
        book = openpyxl.Workbook()
        book.remove(book.active)
        if options.get("mac"):
            book.epoch = CALENDAR_MAC_1904
        for name, rows in sheets:
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        options.get("then", lambda _: None)(book)
        book.save(tmp_path / "a.xlsx")
        return tmp_path / "a.xlsx"

    return put


def with_sheet(path, xml):
    """Put other XML in the place of the first sheet."""
    other = path.with_name("b.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry, xml if entry.filename == SHEET else old.read(entry))
    return other


def test_cells_are_text(save):
    rows = [
        ["code", "n", "x", "day", "at", "ok"],
        ["01001", 75001, 48.8566, dt.date(2019, 3, 31), dt.datetime(2019, 3, 31, 10, 5), True],  # noqa: DTZ001
    ]
    table = read_workbook(save(("S", rows)))
    assert cells(table) == [["01001", "75001", "48.8566", "2019-03-31", "2019-03-31T10:05:00", "true"]]
    assert {str(t) for t in table.frame.dtypes} == {"str"}
    assert table.sheet == "S"


def test_dates_of_both_calendars(save):
    days = [["day"], [dt.date(1904, 4, 4)], [dt.date(2019, 3, 31)]]
    assert cells(read_workbook(save(("S", days)))) == [["1904-04-04"], ["2019-03-31"]]
    assert cells(read_workbook(save(("S", days), mac=True))) == [["1904-04-04"], ["2019-03-31"]]


def test_a_small_number_shown_as_a_date_is_a_number(save):
    def as_dates(book):
        for at in ("A2", "A3"):
            book["S"][at].number_format = "dd/mm/yyyy"

    assert cells(read_workbook(save(("S", [["day"], [75], [31]]), then=as_dates))) == [["75"], ["31"]]


def test_rows_are_numbered_as_in_excel_and_empty_ones_are_none(save):
    rows = [[], [None, "Titre"], [], [None, "code", "nom"], [None, "1", "a"], [], [None, "2", None]]
    table = read_workbook(save(("S", rows)))
    assert cells(table) == [["1", "a"], ["2", None]]
    assert table.rows.tolist() == [5, 7]
    assert "header at row 4 (proposed)" in table.notes


def test_bands_and_names_merged_down_to_the_header(save):
    def merge(book):
        for area in ("A1:D1", "A2:A3", "B2:C2", "D2:D3"):
            book["S"].merge_cells(area)

    rows = [["Extrait"], ["code", "Lieu", None, "type"], [None, "commune", "rue"], ["1", "Paris", "x", "MSP"]]
    path = save(("S", rows), then=merge)
    table = read_workbook(path)
    assert "header at row 3 (proposed)" in table.notes
    assert list(table.frame.columns) == ["code", "commune", "rue", "type"]
    assert cells(table) == [["1", "Paris", "x", "MSP"]]


def test_years_may_be_column_names(save):
    rows = [["Titre"], ["zone", 2017, 2018, 2019], ["Ain", 1, 2, 3], ["Aisne", 1, 2, 3]]
    table = read_workbook(save(("S", rows)))
    assert list(table.frame.columns) == ["zone", "2017", "2018", "2019"]


def test_cells_merged_over_data_rows_are_noted(save):
    rows = [["a", "b"], ["x", "1"], [None, "2"]]
    table = read_workbook(save(("S", rows), then=lambda b: b["S"].merge_cells("A2:A3")))
    assert cells(table) == [["x", "1"], [None, "2"]]
    assert any("merged over several data rows" in note for note in table.notes)


def test_errors_and_formulas_without_value_read_as_empty_and_are_noted(save):
    def spoil(book):
        book["S"]["A2"] = "#N/A"
        book["S"]["B2"] = "=1+1"

    table = read_workbook(save(("S", [["a", "b", "c"], [None, None, "x"]]), then=spoil))
    assert cells(table) == [[None, None, "x"]]
    assert any("1 error cells" in n for n in table.notes)
    assert any("1 formulas without" in n for n in table.notes)


def test_sheets_are_chosen_only_when_there_is_one(save):
    def hide(book):
        book["caché"].sheet_state = "hidden"

    path = save(("vide", []), ("S", [["a"], ["1"]]), ("caché", [["b"], ["2"]]), then=hide)
    assert sheet_names(path) == ["vide", "S", "caché"]
    assert read_workbook(path).sheet == "S"
    assert cells(read_workbook(path, sheet="caché")) == [["2"]]
    with pytest.raises(UsageError, match='"caché"'):
        read_workbook(path, sheet="T")
    with pytest.raises(InputError, match="no data in the sheet"):
        read_workbook(path, sheet="vide")
    with pytest.raises(UsageError, match="several sheets"):
        read_workbook(save(("S", [["a"], ["1"]]), ("T", [["b"], ["2"]])))
    with pytest.raises(InputError, match="no data"):
        read_workbook(save(("vide", [])))


def test_a_header_row_can_be_asked_for(save):
    path = save(("S", [["a", "b"], ["c", "d"], [], ["1", "2"]]))
    assert list(read_workbook(path, header_row=2).frame.columns) == ["c", "d"]
    for row in (3, 9):
        with pytest.raises(UsageError, match="header_row"):
            read_workbook(path, header_row=row)


def test_two_columns_of_one_name_are_refused(save):
    with pytest.raises(InputError, match=r'S!row 1: .*"a"'):
        read_workbook(save(("S", [["a", "a", "b"], ["1", "2", "3"]])))


@pytest.mark.parametrize(
    "xml",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        "<row r='1'><c r='A1'><v>1</v></c></row><row r='1048576'><c\nt='n' r = 'XFD1048576'><v>1</v></c></row>",
        '<row r="1"><c><v>1</v></c></row><row r="1048576">' + "<c><v>1</v></c>" * 16_384 + "</row>",
        '<row r="1"><c r="A1" t="inlineStr"><is><t>' + "x" * 5_000_000 + "</t></is></c></row>",
        '<row r="1"><c r="A1" t="inlineStr"><is><t>' + "x" * 100_000 + "</t></is></c></row>",
        '<row r="1"><c r="A1"><v>1</v>',
    ],
)
def test_a_hostile_sheet_is_an_input_error(save, xml):
    with pytest.raises(InputError):
        read_workbook(with_sheet(save(("S", [["a"], ["1"]])), START + xml + END))


USES_ENTITY = START + '<row r="1"><c r="A1" t="inlineStr"><is><t>&a;</t></is></c></row>' + END


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (f'<!DOCTYPE x [<!ENTITY a "aaaa">]>{USES_ENTITY}', "entities"),
        (f"<!doctype x>{USES_ENTITY}", "entities"),
        ((START + END).encode("utf-16"), "UTF-8"),
    ],
)
def test_entities_and_other_alphabets_are_refused(save, xml, said):
    with pytest.raises(InputError, match=said):
        read_workbook(with_sheet(save(("S", [["a"]])), xml))


def test_a_sheet_named_by_its_own_size_only_is_read_whole(save):
    rows = [["a", "b"], *([str(i), "x" * 50] for i in range(30_000))]
    table = read_workbook(save(("S", rows)))
    assert table.rows.tolist() == list(range(2, 30_002))
    assert table.frame["a"].tolist() == [str(i) for i in range(30_000)]


def test_the_reader_is_stopped_in_time(save, monkeypatch):
    monkeypatch.setattr(workbook, "SECONDS", 0)
    with pytest.raises(InputError, match="not read within"):
        read_workbook(save(("S", [["a"], ["1"]])))


def test_another_archive_is_not_a_workbook(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(InputError, match="not an Excel workbook"):
        sheet_names(tmp_path / "a.xlsx")
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match="not a workbook"):
        sheet_names(tmp_path / "a.csv")


def test_a_sheet_that_holds_nothing_is_an_input_error():
    with pytest.raises(InputError, match="the sheet is empty"):
        workbook._proposed([], SimpleNamespace(file="a.xlsx", name="S"))


@pytest.mark.parametrize(
    ("name", "limit", "words"), [("MAX_INFLATED", 100, "a bomb"), ("MAX_RUN", 1000, "a text of more")]
)
def test_parts_are_bounded_before_they_are_read(save, monkeypatch, name, limit, words):
    xml = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{"x" * 3_000_000}</t></is></c></row>'
    path = with_sheet(save(("S", [["a"]])), START + xml + END)
    monkeypatch.setattr(workbook, name, limit)
    with pytest.raises(InputError, match=words):
        read_workbook(path)
