"""The process that opens a workbook: limited in memory, time and output, so that a hostile file can only end this process.

Run by path, it imports calamine and the standard library alone. Arguments: file, sheet ("" for the only one that holds
data), seconds, bytes of memory, bytes of output. On stdout, JSON, one document a line: first what was found, then rows in batches.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from python_calamine import CalamineSheet, CalamineWorkbook

BATCH = 2_000
MAX_SHEETS = 1_000
MAX_CELL = 40_000  # Excel itself stops at 32,767
FIRST_YEAR = 1901  # serial dates below are small numbers shown as dates
_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 -- a workbook knows no time zone
_LEAP = dt.datetime(1900, 3, 1)  # noqa: DTZ001 -- Excel believes in a 29 February 1900; before, serials are one less


def text_of(value: object) -> str | None:
    """Write a cell as text: whole numbers without a point, dates as ISO, empty cells as null."""
    if isinstance(value, str):
        if len(value) > MAX_CELL:
            raise ValueError(f"a cell of {len(value)} characters, at most {MAX_CELL} are read")
        return value.strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, dt.date):
        return _moment(dt.datetime(value.year, value.month, value.day))  # noqa: DTZ001
    return str(value)


def number_text(value: float) -> str | None:
    """Write a number without exponent, and without a point where it is whole; what is not a number is null."""
    if value != value:  # noqa: PLR0124 -- NaN
        return None
    text = repr(value)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def _moment(value: dt.datetime) -> str:
    """Write a date, with its time only where there is one."""
    if value.year < FIRST_YEAR:
        days = (value - _EPOCH).total_seconds() / 86_400 - (value < _LEAP)
        return number_text(days) or ""
    if value.time() == dt.time():
        return value.date().isoformat()
    return value.isoformat(timespec="seconds")


def limit(seconds: int, memory: int, output: int) -> None:
    """Bound this process; where the platform has no such limits, the parent's timeout is what remains."""
    try:
        import resource  # noqa: PLC0415 -- absent on Windows
    except ImportError:
        return
    for kind, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def chosen_sheet(book: CalamineWorkbook, wanted: str) -> tuple[dict[str, Any], CalamineSheet | None]:
    """Say which worksheets there are, and give the one wanted, or the only visible one that holds data."""
    worksheets = [m for m in book.sheets_metadata if str(m.typ).endswith(".WorkSheet")]
    visible = [m.name for m in worksheets if str(m.visible).endswith(".Visible")]
    names = [m.name for m in worksheets]
    if len(names) > MAX_SHEETS:
        raise ValueError(f"{len(names)} sheets, at most {MAX_SHEETS} are read")
    answer: dict[str, Any] = {"names": names, "visible": visible, "full": [], "sheet": None}
    if wanted:
        chosen = [book.get_sheet_by_name(wanted)] if wanted in names else []
    else:
        chosen = [s for s in map(book.get_sheet_by_name, visible) if s.start is not None]
        answer["full"] = [s.name for s in chosen]
    if len(chosen) != 1:
        return answer, None
    sheet = chosen[0]
    answer["sheet"], answer["start"] = sheet.name, sheet.start
    answer["merged"] = [(*a, *b) for a, b in sheet.merged_cell_ranges or []]
    return answer, sheet


def batches(sheet: CalamineSheet) -> Iterator[list[list[str | None]]]:
    """Give the rows from the first that holds something on, as text."""
    if sheet.start is None:
        return
    n = 0
    rows = itertools.islice(sheet.iter_rows(), sheet.start[0], None)  # iter_rows gives the empty rows above as well
    while batch := [[text_of(cell) for cell in row] for row in itertools.islice(rows, BATCH)]:
        n += len(batch)
        yield batch
    if n != sheet.height:
        raise ValueError(f"{n} rows read, {sheet.height} in the sheet")


def main(path: str, wanted: str, seconds: str, memory: str, output: str) -> int:
    """Open the workbook, write what was found, then the rows."""
    limit(int(seconds), int(memory), int(output))
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 -- after the limits

    try:
        answer, sheet = chosen_sheet(CalamineWorkbook.from_path(path), wanted)
        sys.stdout.write(json.dumps(answer) + "\n")
        for batch in batches(sheet) if sheet else ():
            sys.stdout.write(json.dumps(batch) + "\n")
    except (CalamineError, ValueError, OSError, MemoryError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
