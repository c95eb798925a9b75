"""A workbook of one table: a frozen header, filters, readable widths, and a sheet that says what the figures are.

Text is written as text only: no formula, link or number is ever guessed from it. No clock is recorded, so that the same
rows give the same bytes.
"""

from __future__ import annotations

import datetime as dt
import io
import math
from typing import TYPE_CHECKING, Any

import xlsxwriter

from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA = "Données"
README = "Lisez-moi"
CREATED = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook has no time zone
MAX_ROWS = 1_048_575
MAX_COLUMNS = 16_384
MAX_TEXT = 32_767
WIDTHS = (8, 60)
SAMPLED = 2_000
GROUPED_FROM = 10_000
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def workbook(
    columns: Sequence[Sequence[Any]], titles: Sequence[str], names: Sequence[Any], notes: Sequence[str]
) -> bytes:
    """Write columns of plain values (see ``rendering.plain``) as a workbook of two sheets.

    Raises UsageError where there are more rows or columns than a workbook holds; a longer text ends with "…".
    """
    n_rows = len(columns[0]) if columns else 0
    if n_rows > MAX_ROWS or len(columns) > MAX_COLUMNS:
        raise UsageError(f"{n_rows} rows, {len(columns)} columns: more than a workbook holds; ask for csv instead")
    told = io.BytesIO()
    with xlsxwriter.Workbook(told, OPTIONS) as book:
        book.set_properties({"created": CREATED})
        _data(book, columns, titles, n_rows)
        _readme(book, titles, names, notes)
    return told.getvalue()


def _data(book: Any, columns: Sequence[Sequence[Any]], titles: Sequence[str], n_rows: int) -> None:  # noqa: ANN401
    sheet = book.add_worksheet(DATA)
    header = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    formats = {kind: book.add_format({"num_format": kind}) for kind in ("0", "#,##0", "0.0##", "yyyy-mm-dd")}
    for at, (column, title) in enumerate(zip(columns, titles, strict=True)):
        _text(sheet, (0, at), title, header)
        form = formats.get(_form(column) or "")
        for row, value in enumerate(column, start=1):
            _cell(sheet, (row, at), value, form)
        sheet.set_column(at, at, _width(column, title))
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    if columns:
        sheet.autofilter(0, 0, n_rows, len(columns) - 1)
        sheet.ignore_errors({"number_stored_as_text": f"A1:{_corner(n_rows, len(columns))}"})


def _readme(book: Any, titles: Sequence[str], names: Sequence[Any], notes: Sequence[str]) -> None:  # noqa: ANN401
    sheet = book.add_worksheet(README)
    bold = book.add_format({"bold": True})
    sheet.set_column(0, 0, WIDTHS[1])
    sheet.set_column(1, 1, WIDTHS[1] / 2)
    for row, note in enumerate(notes):
        _text(sheet, (row, 0), note, bold if row == 0 else None)
    first = len(notes) + bool(notes)
    pairs = [("Colonne", "Nom technique"), *zip(titles, map(str, names), strict=True)]
    for row, pair in enumerate(pairs, start=first):
        for at, text in enumerate(pair):
            _text(sheet, (row, at), text, bold if row == first else None)


def _cell(sheet: Any, at: tuple[int, int], value: Any, form: Any) -> None:  # noqa: ANN401
    if isinstance(value, bool):
        _text(sheet, at, "oui" if value else "non", None)
    elif isinstance(value, (int, float)) and math.isfinite(value):
        sheet.write_number(*at, value, form)
    elif isinstance(value, dt.date) and value.year >= 1900:  # noqa: PLR2004 - the first year a workbook can hold
        sheet.write_datetime(*at, value, form)
    elif value is not None:
        _text(sheet, at, str(value), None)


def _text(sheet: Any, at: tuple[int, int], text: str, form: Any) -> None:  # noqa: ANN401
    kept = text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
    sheet.write_string(*at, kept, form)


def _form(column: Sequence[Any]) -> str | None:
    """Choose the number format of a column: thousands apart from five digits on, since a year has four."""
    known = [v for v in column if v is not None and not isinstance(v, bool)]
    if any(isinstance(v, dt.date) for v in known):
        return "yyyy-mm-dd"
    numbers = [v for v in known if isinstance(v, (int, float)) and math.isfinite(v)]
    if not numbers:
        return None
    if any(isinstance(v, float) for v in numbers):
        return "0.0##"
    return "#,##0" if max(map(abs, numbers)) >= GROUPED_FROM else "0"


def _width(column: Sequence[Any], title: str) -> int:
    longest = max((len(str(v)) for v in column[:SAMPLED] if v is not None), default=0)
    return min(max(longest + 2, min(len(title) + 4, 24), WIDTHS[0]), WIDTHS[1])


def _corner(n_rows: int, n_columns: int) -> str:
    return str(xlsxwriter.utility.xl_rowcol_to_cell(n_rows, n_columns - 1))
