"""A workbook of one table: a frozen header, filters, readable widths, and a sheet that says what the figures are.

Text is written as text only: no formula, link or number is ever guessed from it. No clock is recorded, so that the same
rows give the same bytes.
"""

from __future__ import annotations

import datetime as dt
import io
import math
import textwrap
from typing import TYPE_CHECKING, Any

from qpvhealth.contract.precision import Ordinal, Share
from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qpvhealth.publish.sentences import Language

WORDS: dict[Language, tuple[str, str, str, str]] = {
    "fr": ("Données", "Lisez-moi", "Colonne", "Nom technique"),
    "en": ("Data", "Read me", "Column", "Technical name"),
}
"""Names of the two sheets, titles of the list of columns."""
DATE_FORMATS: dict[Language, str] = {"fr": "dd/mm/yyyy", "en": "yyyy-mm-dd"}
CREATED = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook has no time zone
FIRST_MONTH = (1900, 3)
"""Programs number the days before it differently: what is 1 January 1900 to Excel is 31 December 1899 to LibreOffice."""
MAX_ROWS = 1_048_575
MAX_COLUMNS = 16_384
MAX_TEXT = 32_767
WIDTHS = (8, 60)
SAMPLED = 2_000
GROUPED_FROM = 10_000
PAGE_WIDTH = 220
"""Characters beside each other that can still be read on an A4 sheet, across."""
LINE = 15
"""The height of a row of one line; what wraps is given its height, which not every program works out."""
PERCENT = "0.0%"
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def workbook(
    columns: Sequence[Sequence[Any]],
    titles: Sequence[str],
    names: Sequence[str],
    notes: Sequence[str],
    *,
    typed: bool = False,
    language: Language = "fr",
) -> bytes:
    """Write columns of plain values (see ``rendering.plain``) as a workbook of two sheets; ``typed``: booleans as such, not as words.

    Raises UsageError where there are more rows or columns than a workbook holds; a longer text ends with "…".
    """
    n_rows = len(columns[0]) if columns else 0
    if n_rows > MAX_ROWS or len(columns) > MAX_COLUMNS:
        raise UsageError(f"{n_rows} rows, {len(columns)} columns: more than a workbook holds; ask for csv instead")
    import xlsxwriter  # noqa: PLC0415 -- half of what a table as text takes to load

    content = io.BytesIO()
    with xlsxwriter.Workbook(content, OPTIONS) as book:
        book.set_properties({"created": CREATED})
        data, readme, *heads = WORDS[language]
        write_table(book, data, columns, titles, typed=typed, language=language)
        _readme(book.add_worksheet(readme), book, [heads, *zip(titles, names, strict=True)], notes)
    return content.getvalue()


def write_table(
    book: Any,  # noqa: ANN401
    name: str,
    columns: Sequence[Sequence[Any]],
    titles: Sequence[str],
    number_formats: Sequence[str] | None = None,
    *,
    typed: bool = False,
    language: Language = "fr",
) -> Any:  # noqa: ANN401
    """Add a sheet of one table to a workbook, and return it: a frozen header, filters, widths, as few pages wide in print as can be read.

    ``number_formats``: that of each column; by default what its values ask for (see ``_number_format``). ``typed``: booleans as such.
    """
    n_rows, height, total = len(columns[0]) if columns else 0, LINE, 1
    data = book.add_worksheet(name)
    header = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    formats: dict[str, Any] = {}
    for at, (column, title) in enumerate(zip(columns, titles, strict=True)):
        write_text(data, (0, at), title, header)
        code = number_formats[at] if number_formats else _number_format(column, language)
        for kind in filter(None, (code, PERCENT)):
            if kind not in formats:
                formats[kind] = book.add_format({"num_format": kind})
        for row, value in enumerate(column, start=1):
            if typed and isinstance(value, bool):
                data.write_boolean(row, at, value)
                continue
            write_cell(data, (row, at), value, formats[PERCENT] if isinstance(value, Share) else formats.get(code))
        longest = max((len(str(v)) for v in column[:SAMPLED] if v is not None), default=0)
        width = min(max(longest + 2, min(len(title) + 4, 24), WIDTHS[0]), WIDTHS[1])
        data.set_column(at, at, width)
        height, total = max(height, height_of(title, width)), total + width
    data.set_row(0, height)
    data.freeze_panes(1, 0)
    data.set_landscape()
    data.fit_to_pages(math.ceil(total / PAGE_WIDTH), 0)
    data.repeat_rows(0)
    data.repeat_columns(0)
    if columns:
        data.autofilter(0, 0, n_rows, len(columns) - 1)
        from xlsxwriter import utility  # noqa: PLC0415 -- see ``workbook``

        corner = utility.xl_rowcol_to_cell(n_rows, len(columns) - 1)
        data.ignore_errors({"number_stored_as_text": f"A1:{corner}"})
    return data


def _readme(sheet: Any, book: Any, pairs: Sequence[Iterable[str]], notes: Sequence[str]) -> None:  # noqa: ANN401
    bold = book.add_format({"bold": True})
    sheet.set_column(0, 0, WIDTHS[1])
    sheet.set_column(1, 1, WIDTHS[1] / 2)
    for row, note in enumerate(notes):
        write_text(sheet, (row, 0), note, bold if row == 0 else None)
    first = len(notes) + bool(notes)
    for row, pair in enumerate(pairs, start=first):
        for at, text in enumerate(pair):
            write_text(sheet, (row, at), text, bold if row == first else None)


def height_of(text: str, width: int) -> int:
    """Return the height of a row whose text wraps in a column of so many characters."""
    return LINE * len(textwrap.wrap(text, max(round(width * 1.1), 1)) or [text])


def write_cell(sheet: Any, at: tuple[int, int], value: Any, number_format: Any = None) -> None:  # noqa: ANN401
    """Write a value of ``rendering.plain``: numbers and days from ``FIRST_MONTH`` on as such, oui or non, anything else as its text."""
    if isinstance(value, bool):
        write_text(sheet, at, "oui" if value else "non", None)
    elif isinstance(value, (int, float)) and math.isfinite(value):
        sheet.write_number(*at, value, number_format)
    elif isinstance(value, dt.date) and (value.year, value.month) >= FIRST_MONTH:
        sheet.write_datetime(*at, value, number_format)
    elif value is not None:
        write_text(sheet, at, str(value), None)


def write_text(sheet: Any, at: tuple[int, int], text: str, cell_format: Any = None) -> None:  # noqa: ANN401
    """Write a text as text only; a longer one than a cell holds ends with "…"."""
    sheet.write_string(*at, text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…", cell_format)


def _number_format(column: Sequence[Any], language: Language) -> str:
    """Choose the number format of a column: thousands apart from five digits on, since a year has four; none for texts."""
    if any(isinstance(v, dt.date) for v in column):
        return DATE_FORMATS[language]
    numbers = [v for v in column if isinstance(v, int | float) and not isinstance(v, bool | Share) and math.isfinite(v)]
    if not numbers:
        return ""
    if any(isinstance(v, float) for v in numbers):
        return "0.0##"
    counts = [abs(v) for v in numbers if not isinstance(v, Ordinal)]
    return "#,##0" if max(counts, default=0) >= GROUPED_FROM else "0"
