import base64
import datetime as dt
import lzma
import struct
import zipfile
from types import SimpleNamespace

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest.readers import excel_97, workbook
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
    assert table.uncalculated == {"b": [2]}


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


def uncalculated(path, *, value=0, calculated=False):
    """Write a formula as XlsxWriter does: 0, or a value that its user gives, and the order to calculate on loading."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        for row, cells in enumerate([("code", "QPV", "en_qpv"), ("1", "QP075001"), ("2", "")]):
            sheet.write_row(row, 0, cells)
            if row:
                sheet.write_formula(row, 2, f'=IF(B{row + 1}<>"","oui","non")', None, value)
    if calculated:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(path.with_name("b.xlsx"), "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name).replace(b' fullCalcOnLoad="1"', b""))
        return path.with_name("b.xlsx")
    return path


def test_a_formula_that_nobody_calculated_is_not_the_0_that_is_stored(tmp_path):
    table = read_workbook(uncalculated(tmp_path / "a.xlsx"))
    assert cells(table) == [["1", "QP075001", None], ["2", None, None]]
    assert "2 formulas without a saved value in the workbook read as empty" in table.notes
    assert table.uncalculated == {"en_qpv": [2, 3]}


def test_a_formula_with_a_saved_result_has_it(tmp_path):
    saved = read_workbook(uncalculated(tmp_path / "a.xlsx", value="oui"))
    assert saved.frame["en_qpv"].tolist() == ["oui", "oui"]
    excel = read_workbook(uncalculated(tmp_path / "a.xlsx", calculated=True))
    assert excel.frame["en_qpv"].tolist() == ["0", "0"]
    assert not any("formulas" in note for note in (*saved.notes, *excel.notes))
    assert not saved.uncalculated
    assert not excel.uncalculated


def test_hidden_rows_of_the_sheet_are_read_and_reported(save):
    def hide(book):
        book["S"].row_dimensions[1].hidden = True  # above the header
        book["S"].row_dimensions[4].hidden = True
        book["S"].row_dimensions[9].hidden = True  # empty
        book["Autre & co"].row_dimensions[2].hidden = True

    rows = [["codes techniques"], ["code", "nom"], ["1", "a"], ["2", "b"]]
    path = save(("S", rows), ("Autre & co", rows[1:]), then=hide)
    table = read_workbook(path, sheet="S")
    assert len(table.frame) == 2
    assert [(f.rule, f.n) for f in table.findings] == [("rows-hidden", 1)]
    assert table.findings[0].message.endswith(": 4")
    assert read_workbook(path, sheet="Autre & co").findings[0].message.endswith(": 2")
    assert read_workbook(save(("S", rows))).findings == ()


ODS = """<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet><table:table table:name="A &amp; B">{}
<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"""


def ods(path, *rows, head=""):
    """Write a workbook of LibreOffice; each row is its attributes and its cells, texts or numbers, or attributes with a text."""

    def cell(value):
        if isinstance(value, tuple):
            return f'<table:table-cell office:value-type="string" {value[0]}><text:p>{value[1]}</text:p></table:table-cell>'
        if value is None:
            return "<table:covered-table-cell/>"
        kind = f'float" office:value="{value}' if isinstance(value, (int, float)) else "string"
        return f'<table:table-cell office:value-type="{kind}"><text:p>{value}</text:p></table:table-cell>'

    body = "".join(f"<table:table-row {of_row}>{''.join(map(cell, row))}</table:table-row>" for of_row, *row in rows)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", head + ODS.format(body))
    return path


def test_a_workbook_of_libreoffice_is_read(tmp_path):
    rows = [("", "code", "n"), ("", "01001", 124), ('table:visibility="filter"', "02001", 12.5), ("", "x", 603)]
    path = ods(tmp_path / "a.ods", *rows)
    table = read_workbook(path)
    assert (cells(table), table.sheet) == ([["01001", "124"], ["02001", "12.5"], ["x", "603"]], "A & B")
    assert [(f.rule, f.n, f.message[-3:]) for f in table.findings] == [("rows-hidden", 1, ": 3")]
    assert sheet_names(path) == ["A & B"]
    with pytest.raises(InputError, match="entities"):
        read_workbook(ods(tmp_path / "b.ods", *rows, head="<!DOCTYPE a [<!ENTITY b 'c'>]>"))
    repeated = 'table:number-rows-repeated="1048570"'
    with pytest.raises(InputError, match=r"b\.ods"):
        read_workbook(ods(tmp_path / "b.ods", ("", *"ab"), (repeated, *"x" * 2000)))


def test_names_merged_down_to_the_header_of_libreoffice(tmp_path):
    down, across = 'table:number-rows-spanned="2"', 'table:number-columns-spanned="2"'
    rows = [
        ("", (across, "Extrait"), None),
        ("", (down, "code"), (across, "Lieu"), None, (f'{down} table:number-columns-spanned="1"', "type")),
        ("", None, "commune", "rue", None),
        ("", "1", (down, "Paris"), "x", "MSP"),
        ("", "2", None, "y", "CDS"),
    ]
    table = read_workbook(ods(tmp_path / "a.ods", *rows))
    assert list(table.frame.columns) == ["code", "commune", "rue", "type"]
    assert cells(table) == [["1", "Paris", "x", "MSP"], ["2", None, "y", "CDS"]]
    assert table.rows.tolist() == [4, 5]
    assert any("merged over several data rows" in note for note in table.notes)


XLS = lzma.decompress(
    base64.b85decode(
        r"{Wp48S^xk9=GL@E0stWa8~^|S5YJf5;1&M^4P5|eGrk;#Fn3_|q=YI!3><bRg7T4u+=$92y5XR=#sm{*o6VTHX*Crpnc)M|#puk@"
        r"^h-b4s3P%T*|5j%FV#XmrK5@>cY#$Aa2quG5BsCaW&p=w%`2#&kRh1ZNw2_WK3HzmwvVw`eHjS!s3o3v1y%g5PK!X>RG6J`UNv0!"
        r"s7Y{7mHH^MY6=JSI{}i2%d}x1O`o)U;Yhzr8}Rym(!HrI^9-9?X_2@&>~#4_pLgy+35m+m)m7VU=JVl8>7$6$HiX$LvuFzwxLrAb"
        r"W<zM&80~_=*7zLnP?s3K>i|5+$2IWay;NW9Z5!Jo2rq~zfy6h|f4b8FMky6i)uBnWmNKMEU;fY!Jw0$_*9jM744lbfu1lm|i$i}N"
        r"m^{c+DJ_wbZ|~4h7|E<uZ@%X4$noj}!JHJn{M5pPwf}@{*i?&FzdopQ)eWfy2U0f!S|mFbqIbz*p54H3r;r0HMDF~Z-3~i2T)$8("
        r"M~@V6Eeuq3vqZPG2+J5_Q%iCGYom>FU@<i~e7lJUvgT$CT4V*Qy7$L;#k|YsM9yt>2(CL3G#0!=9fI8#EAGgzaMmrHpK59@>5V)r"
        r"E++E6=eod3)<<rqpWyfCIaDKpG0IqFe5cN3D~Q^~DliIbLBT0^+;N=6iKGQU`82L-F$xG8XoE>b3`Wygp`vy;55|%d!+e#E+w^by"
        r"h&k|Gku>K1XYxHDv#?o|WF&Q~t}$2UhP}bp{>F}G5HO0ZNvjugLok7YWu9Qp^VQJ`_9rn{I!hKj2a3rC%r4(}Yx0jR%6@G79<-Ez"
        r"Ht$QpHOMi!?{+J?7sO}U&u*Rc0#HiQ`$yrj;wh;;Z>RhJY-~WbywOKe5_>N=t@J+A^)~#zis7=B0(s;P8ACMt9gFcbV1;xh8zrHE"
        r"gL6NZXiaKB6;O#aBp>qd>xwtdJ7=aWpPS^u2?*%W5Z(_bLo_qd8=TyZ;onReECB3%mqtrXtkcjr<`ulGRh@VspGw}b7MJdsRFfDX"
        r"361i=+SJQ*Pbu6q00000+MKcOceSYw00F56fGhw2<Y)-4vBYQl0ssI200dcD"
    )
)
"""Written by xlwt: a band on row 1, a header on row 3, two rows; an empty sheet and a hidden one."""


def test_a_workbook_of_excel_97_is_read(tmp_path):
    (tmp_path / "a.xls").write_bytes(XLS)
    table = read_workbook(tmp_path / "a.xls")
    assert cells(table) == [["010000018", "MSP", "124", "2019-03-31", None], ["10000018", "CDS", "12.5", None, "true"]]
    assert (table.sheet, table.rows.tolist()) == ("Structures", [4, 5])
    assert table.findings == ()
    (tmp_path / "a.xls").write_bytes(XLS[:1500] + b"\xff" * 3000)
    with pytest.raises(InputError, match="unreadable workbook"):
        read_workbook(tmp_path / "a.xls")


def hiding(row):
    """Hide one row of the first sheet of ``XLS`` (from 0): a bit of its record Row."""
    at = XLS.index(b"\x08\x02\x10\0" + struct.pack("<H", row)) + 4 + 12
    return XLS[:at] + bytes([XLS[at] | 0x20]) + XLS[at + 1 :]


def test_the_hidden_rows_of_excel_97_are_said(tmp_path):
    (tmp_path / "a.xls").write_bytes(hiding(4))
    table = read_workbook(tmp_path / "a.xls")
    assert table.rows.tolist() == [4, 5]
    assert [(f.rule, f.n, f.message[-3:]) for f in table.findings] == [("rows-hidden", 1, ": 5")]


@pytest.mark.parametrize("n", [0, 40, 511, 600, 3000])
def test_a_workbook_of_excel_97_that_is_cut_tells_no_hidden_row(tmp_path, n):
    (tmp_path / "a.xls").write_bytes(hiding(4)[:n])
    assert not any(excel_97.hidden_rows(tmp_path / "a.xls").values())


def test_sectors_that_follow_one_another_in_a_ring_end(tmp_path):
    table = struct.unpack_from("<I", XLS, 76)[0]
    ring = bytearray(hiding(4))
    ring[512 * (table + 1) : 512 * (table + 2)] = struct.pack("<128I", *[0] * 128)
    (tmp_path / "a.xls").write_bytes(ring)
    assert len(excel_97.hidden_rows(tmp_path / "a.xls")) <= 3


def in_small_sectors(book):
    """Write a compound file whose stream is under 4,096 bytes: sectors of 512 for table, directory, small table, and the small sectors."""
    free, end, table_of = 0xFFFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFD
    n_small, n_sectors = -(-len(book) // 64), -(-len(book) // 512)

    def numbers(*chain):
        return struct.pack("<128I", *chain, *[free] * (128 - len(chain)))

    def entry(name, kind, start, size, child=free):
        text = name.encode("utf-16-le").ljust(64, b"\0")
        return struct.pack("<64sHBBIII36xIQ", text, 2 * len(name) + 2, kind, 1, free, free, child, start, size)

    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + struct.pack("<16x5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<9I109I", 0, 1, 1, 0, 4096, 2, 1, end, 0, 0, *[free] * 108)
    table = numbers(table_of, end, end, *range(4, 3 + n_sectors), end)
    folder = entry("Root Entry", 5, 3, 512 * n_sectors, 1) + entry("Workbook", 2, 0, len(book)) + bytes(256)
    small = numbers(*range(1, n_small), end)
    return head + table + folder + small + book.ljust(512 * n_sectors, b"\0")


def test_the_hidden_rows_of_a_small_workbook_of_excel_97_are_said(tmp_path):
    (tmp_path / "a.xls").write_bytes(in_small_sectors(excel_97._workbook(hiding(4)).rstrip(b"\0") + bytes(8)))
    assert (tmp_path / "a.xls").stat().st_size < 6000
    table = read_workbook(tmp_path / "a.xls")
    assert table.rows.tolist() == [4, 5]
    assert [(f.rule, f.n, f.message[-3:]) for f in table.findings] == [("rows-hidden", 1, ": 5")]
