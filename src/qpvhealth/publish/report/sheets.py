"""The report as a workbook: a sheet of definitions, then one sheet for each table, numbers as numbers, bounds in columns of their own."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import xlsxwriter

from qpvhealth.publish import bounds
from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.report.content import WORDS, Table, single_line
from qpvhealth.publish.report.words import say, sheet as sheet_name
from qpvhealth.publish.workbook import CREATED, DATE_FORMATS, OPTIONS, WIDTHS, height_of, write_table, write_text

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Note
    from qpvhealth.publish.sentences import Language

NUMBER_FORMATS: dict[str, str] = {
    "text": "@",
    "count": "#,##0",
    "signed": "+#,##0;-#,##0;0",
    "share": "0.0%",
    "ratio": "0.00",
    "metres": "#,##0",
}
NAME_LENGTH = 31


def render(note: Note) -> bytes:
    """Return the workbook: the same note gives the same bytes; no formula, no link but to its own sheets."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, OPTIONS) as book:
        book.set_properties({"created": CREATED, "title": note.title})
        tables = note.every_table
        names = _names(tables, note.language)
        sheet_of = dict(zip((t.anchor for t in tables), names, strict=True))
        link = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1, "underline": 1})
        _readme(book, note, names)
        for table, name in zip(tables, names, strict=True):
            columns, titles, formats, lists = _columns(table, note.language)
            sheet = write_table(book, name, columns, titles, formats)
            for at, target in enumerate(map(sheet_of.get, lists)):
                if target is not None:
                    sheet.write_url(0, at, f"internal:'{target}'!A1", link, titles[at])
                    style = book.add_format({"num_format": formats[at], "underline": 1})
                    for row, value in enumerate(columns[at], 1):
                        if isinstance(value, int | float) and value:  # the number stays one, and leads to its rows
                            sheet.write_url(row, at, f"internal:'{target}'!A1", style)
                            sheet.write_number(row, at, value, style)
    return content.getvalue()


def _names(tables: list[Table], language: Language) -> list[str]:
    """Name each sheet: at most 31 characters, none that a workbook forbids."""
    return [re.sub(r"[\[\]:*?/\\']", " ", sheet_name(t.anchor, language))[:NAME_LENGTH] for t in tables]


def _columns(table: Table, language: Language) -> tuple[list[list[Any]], list[str], list[str], list[str]]:
    """Return columns of plain values with their titles, formats and lists of rows; a column with bounds is three."""
    number_formats = NUMBER_FORMATS | {"date": DATE_FORMATS[language]}
    columns: list[list[Any]] = []
    titles: list[str] = []
    formats: list[str] = []
    lists: list[str] = []
    for at, column in enumerate(table.columns):
        values = [row[at] for row in table.rows]
        if any(isinstance(v, Bounded) for v in values):
            sides = {"value": column.title} | bounds.titled("value", column.title, language)
            for side in sides:
                columns.append([_plain(getattr(v, side) if isinstance(v, Bounded) else v, language) for v in values])
                titles.append(sides[side])
                formats.append(number_formats[column.unit])
                lists.append(column.rows if side == "value" else "")
        else:
            columns.append([_plain(v, language) for v in values])
            titles.append(column.title)
            formats.append(number_formats[column.unit])
            lists.append(column.rows)
    return columns, titles, formats, lists


def _plain(value: Any, language: Language) -> Any:  # noqa: ANN401
    """Write unknown, yes and no as words, whole floats as integers, and other floats without their noise."""
    if value is None or isinstance(value, bool):
        return WORDS[language][value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else round(value, 6)
    return value


def _readme(book: Any, note: Note, names: list[str]) -> None:  # noqa: ANN401
    sheet = book.add_worksheet(say("page.readme", note.language))
    bold, wrap = book.add_format({"bold": True, "valign": "top"}), book.add_format({"text_wrap": True, "valign": "top"})
    words_width = WIDTHS[1] * 2
    sheet.set_column(0, 0, WIDTHS[1] * 0.6)
    sheet.set_column(1, 1, words_width)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    row = 0

    def write_wrapped(row: int, words: str) -> None:
        """Write words in a row as high as their lines."""
        sheet.set_row(row, height_of(words, words_width))
        write_text(sheet, (row, 1), single_line(words), wrap)

    for words in (*note.warnings, note.title, note.subtitle):
        write_text(sheet, (row, 0), words, bold)
        row += 1
    for label, value in note.banner:
        write_text(sheet, (row, 0), label, bold)
        write_wrapped(row, value)
        row += 1
    for table, name in zip(note.every_table, names, strict=True):
        row += 1
        sheet.write_url(row, 0, f"internal:'{name}'!A1", string=name)
        write_text(sheet, (row, 1), table.caption, bold)
        for words in table.notes:
            row += 1
            write_wrapped(row, words)
    for section in note.sections:
        paragraphs = [block for block in section.blocks if isinstance(block, str)]
        if paragraphs:
            row += 2
            write_text(sheet, (row, 0), section.title, bold)
            for words in paragraphs:
                write_wrapped(row, words)
                row += 1
