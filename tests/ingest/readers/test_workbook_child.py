"""The process that opens a workbook, run here in ours: what it finds, how it writes a cell, and how it ends."""

import datetime as dt
import json
import resource
import runpy
import sys
from types import SimpleNamespace

import openpyxl
import pytest

from qpvhealth.ingest.readers import workbook_child as child

GENEROUS = ("60", str(1 << 40), str(1 << 40))


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Read a workbook made of sheets (name: rows) and return the exit code, what was found, the rows and what was said."""
    monkeypatch.setattr(child, "limit", lambda *_: None)

    def read(sheets, asked="", hidden=()):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
            sheet.sheet_state = "hidden" if name in hidden else "visible"
        path = tmp_path / "book.xlsx"
        book.save(path)
        code = child.main(str(path), asked, *GENEROUS)
        out, said = capsys.readouterr()
        lines = [json.loads(line) for line in out.splitlines()]
        return code, lines[0] if lines else None, [row for batch in lines[1:] for row in batch], said

    return read


def test_the_only_visible_sheet_with_data_is_read(told):
    code, found, rows, _ = told({"a": [["x", 1], ["y", 2.5]], "notes": [], "old": [["z"]]}, hidden=("old",))
    assert (code, found["sheet"], found["visible"], found["names"]) == (0, "a", ["a", "notes"], ["a", "notes", "old"])
    assert rows == [["x", "1"], ["y", "2.5"]]


def test_two_sheets_with_data_are_named_and_none_is_read(told):
    code, found, rows, _ = told({"a": [["x"]], "b": [["y"]]})
    assert (code, found["sheet"], found["full"], rows) == (0, None, ["a", "b"], [])
    assert told({"a": [["x"]], "b": [["y"]]}, asked="b")[2] == [["y"]]
    assert told({"a": [["x"]]}, asked="c")[1]["sheet"] is None


def test_an_empty_sheet_that_is_asked_for_has_no_rows(told):
    code, found, rows, _ = told({"a": [["x"]], "b": []}, asked="b")
    assert (code, found["sheet"], rows) == (0, "b", [])


def test_too_many_sheets_end_it_in_words(told, monkeypatch):
    monkeypatch.setattr(child, "MAX_SHEETS", 1)
    assert told({"a": [["x"]]})[0] == 0
    code, _, _, said = told({"a": [["x"]], "b": []})
    assert (code, "2 sheets, at most 1" in said) == (1, True)


def test_a_monstrous_cell_ends_it_in_words(told):
    assert told({"a": [["x" * 32_000]]})[0] == 0
    with pytest.raises(ValueError, match="a cell of 40001 characters"):
        child.text_of("x" * 40_001)


def test_what_is_no_workbook_ends_it_in_words(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(child, "limit", lambda *_: None)
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04 no")
    assert child.main(str(tmp_path / "book.xlsx"), "", *GENEROUS) == 1
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(("  a ", "a"), ("  ", None), (True, "true"), (False, "false"), (12.0, "12"), (7, "7"), (-0.5, "-0.5")),
        *((1e16, "10000000000000000"), (1e22, "1" + "0" * 22), (1e-7, "0.0000001"), (float("nan"), None)),
        (dt.datetime(2019, 3, 31), "2019-03-31"),  # noqa: DTZ001 -- cells have no time zone
        (dt.datetime(2019, 3, 31, 12, 5), "2019-03-31T12:05:00"),  # noqa: DTZ001
        (dt.date(2019, 3, 31), "2019-03-31"),
        (dt.datetime(1900, 1, 1), "1"),  # noqa: DTZ001 -- a small number shown as a date
        (dt.datetime(1900, 3, 1), "61"),  # noqa: DTZ001 -- after the day that never was
        (dt.time(8, 30), "08:30:00"),
    ],
)
def test_a_cell_as_text(value, text):
    assert child.text_of(value) == text


def test_the_limits_are_those_given_and_never_above_the_hard_ones(monkeypatch):
    hard, bounds = {resource.RLIMIT_AS: 100}, {}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (0, hard.get(kind, resource.RLIM_INFINITY)))
    monkeypatch.setattr(resource, "setrlimit", bounds.__setitem__)
    child.limit(5, 1_000, 50)
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
    assert bounds == {kind: (n, n) for kind, n in zip(kinds, (100, 5, 50, 0), strict=True)}


def test_without_limits_of_the_system_it_goes_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert child.limit(5, 1_000, 50) is None


def test_a_row_that_the_reader_loses_is_missed():
    sheet = SimpleNamespace(start=(0, 0), height=3, iter_rows=lambda: iter([["a"], ["b"]]))
    with pytest.raises(ValueError, match="2 rows read, 3 in the sheet"):
        list(child.batches(sheet))


def test_it_is_a_command_of_its_own(tmp_path, monkeypatch, capsys):
    (tmp_path / "book.xlsx").write_bytes(b"no")
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr(sys, "argv", [child.__file__, str(tmp_path / "book.xlsx"), "", *GENEROUS])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(child.__file__, run_name="__main__")
    assert end.value.code == 1
    assert capsys.readouterr().err
