"""A frame as text, Markdown, CSV, JSON or workbook: the same bytes for the same rows, and no cell that acts.

Text, Markdown and CSV are for people who read French: decimal commas, ``oui`` and ``non``, an empty cell for an unknown.
CSV follows the French spreadsheets (``;``, a byte order mark); ``json`` is for programs. Text from a source is never
taken for a formula, a link, markup or a command to the terminal.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.publish.store import write_file
from qpvhealth.publish.workbook import GROUPED_FROM, workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

Format = Literal["text", "md", "csv", "json", "xlsx"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {".txt": "text", ".md": "md", ".csv": "csv", ".json": "json", ".xlsx": "xlsx"}
SCHEMA_VERSION = 1
INVENTED = "DONNÉES INVENTÉES"
FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
MARKUP = re.compile(r"[\\`*\[\]~|]|(?<!\w)_|_(?!\w)")
DECIMALS = 3


@dataclass(frozen=True)
class Sheet:
    """What is shown: rows under titles, and what a reader must know of them."""

    frame: pd.DataFrame
    titles: Sequence[str]
    notes: Sequence[str]
    invented: bool

    @property
    def warnings(self) -> list[str]:
        """The notes, after the one that says the figures are invented."""
        return [*([INVENTED] if self.invented else []), *self.notes]

    @property
    def columns(self) -> Iterator[pd.Series]:
        """The columns, by position: two may have the same name."""
        return (self.frame.iloc[:, i] for i in range(self.frame.shape[1]))

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers, and are set to the right."""
        return [pd.api.types.is_numeric_dtype(c) and not pd.api.types.is_bool_dtype(c) for c in self.columns]

    def cells(self, write: Callable[[Any], str]) -> list[list[str]]:
        """Write every cell; one list of texts a row."""
        written = [[write(v) for v in plain(column)] for column in self.columns]
        return [list(row) for row in zip(*written, strict=True)]


def render(
    frame: pd.DataFrame,
    *,
    fmt: Format,
    titles: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    invented: bool = False,
) -> str | bytes:
    """Show a frame: ``text``, ``md`` and ``json`` give text, ``csv`` and ``xlsx`` bytes.

    ``titles`` gives the title of a column (default: its name), ``notes`` the lines that go with the figures (release,
    generation, rule, reference dates). A CSV has no place for notes; ``invented`` is said in it by a column of its own.
    """
    if fmt not in FORMATS:
        raise UsageError(f'unknown format "{fmt}"; formats: {", ".join(FORMATS)}')
    named = [str((titles or {}).get(c, c)) for c in frame.columns]
    return _WRITERS[fmt](Sheet(frame, named, list(notes), invented))


def save(
    path: Path,
    frame: pd.DataFrame,
    *,
    fmt: Format | None = None,
    titles: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    invented: bool = False,
) -> None:
    """Write a frame to a file, whole or not at all; the format is that of the suffix unless given. See ``render``."""
    chosen = fmt or format_of(path)
    write_file(path, render(frame, fmt=chosen, titles=titles, notes=notes, invented=invented))


def format_of(path: Path) -> Format:
    """Tell the format from a file's suffix. Raises UsageError for one that is not known."""
    if (suffix := path.suffix.lower()) not in SUFFIXES:
        raise UsageError(f'{path}: unknown suffix "{suffix}"; suffixes: {", ".join(SUFFIXES)}')
    return SUFFIXES[suffix]


def plain(column: pd.Series) -> list[Any]:
    """Give the values of a column as Python's own: None for any null, ``date`` for a day without an hour."""
    values = column.astype(object).where(column.notna(), None)
    return [_plain(v) for v in values]


def _plain(value: Any) -> Any:  # noqa: ANN401
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, pd.Timestamp):
        return value.date() if value == value.normalize() else value.to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def _text(sheet: Sheet) -> str:
    rows = sheet.cells(lambda v: _line(_read(v, grouped=True)))
    titles = [_line(t) for t in sheet.titles]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    ruled = [titles, ["-" * w for w in widths], *rows]
    set_in = [str.rjust if right else str.ljust for right in sheet.numeric]
    lines = ["  ".join(put(c, w) for put, c, w in zip(set_in, row, widths, strict=True)) for row in ruled]
    notes = [_line(n) for n in sheet.warnings]
    return "".join(f"{line.rstrip()}\n" for line in [*lines, *([""] if notes else []), *notes])


def _md(sheet: Sheet) -> str:
    rows = sheet.cells(lambda v: _escaped(_read(v, grouped=True)))
    titles = [_escaped(t) for t in sheet.titles]
    rule = ["---:" if right else "---" for right in sheet.numeric]
    lines = [f"| {' | '.join(row)} |" for row in [titles, rule, *rows]]
    notes = [_escaped(n) for n in sheet.notes]
    head = [f"**{INVENTED}**", ""] if sheet.invented else []
    foot = [line for note in notes for line in ("", note)]
    return "".join(f"{line}\n" for line in [*head, *lines, *foot])


def _csv(sheet: Sheet) -> bytes:
    told = io.StringIO()
    writer = csv.writer(told, delimiter=";", lineterminator="\r\n")
    said = [INVENTED.lower()] if sheet.invented else []
    writer.writerow([without_formula(t) for t in [*sheet.titles, *said]])
    writer.writerows([*row, *("oui" for _ in said)] for row in sheet.cells(_csv_cell))
    return told.getvalue().encode("utf-8-sig")


def _csv_cell(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, float):
        return repr(value).replace(".", ",")
    return without_formula(value) if isinstance(value, str) else _read(value, grouped=False)


def without_formula(text: str) -> str:
    """Return a text as it is, or after an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def _json(sheet: Sheet) -> str:
    names = [str(c) for c in sheet.frame.columns]
    written = [[_json_value(v) for v in plain(c)] for c in sheet.columns]
    document = {
        "schema_version": SCHEMA_VERSION,
        "invented": sheet.invented,
        "notes": list(sheet.notes),
        "columns": [{"name": n, "title": t} for n, t in zip(names, sheet.titles, strict=True)],
        "n_rows": len(sheet.frame),
        "rows": [dict(zip(names, row, strict=True)) for row in zip(*written, strict=True)],
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _json_value(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else _read(value, grouped=False)


def _xlsx(sheet: Sheet) -> bytes:
    return workbook([plain(c) for c in sheet.columns], sheet.titles, list(sheet.frame.columns), sheet.warnings)


def _read(value: Any, *, grouped: bool) -> str:  # noqa: ANN401
    """Write a value as a person reads it; ``grouped`` sets thousands apart, from five digits on (a year has four)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, (int, float)) and math.isfinite(value):
        return _number(value, grouped=grouped)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _number(value: float, *, grouped: bool) -> str:
    apart = "," if grouped and abs(value) >= GROUPED_FROM else ""
    if isinstance(value, int):
        return f"{value:{apart}}".replace(",", " ")
    written = f"{value:{apart}.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written.translate({ord(","): " ", ord("."): ","})


def _line(text: str) -> str:
    """Keep a text on its line: line breaks, control and direction characters become spaces."""
    composed = unicodedata.normalize("NFC", text)
    return composed if composed.isprintable() else "".join(c if c.isprintable() else " " for c in composed)


def _escaped(text: str) -> str:
    """Write a text so that Markdown shows it as it is."""
    marked = MARKUP.sub(lambda m: f"\\{m.group()}", _line(text).strip())
    return re.sub(r"&(?=#?\w+;)", "&amp;", marked).replace("<", "&lt;").replace(">", "&gt;")


_WRITERS: dict[Format, Callable[[Sheet], str | bytes]] = {
    "text": _text,
    "md": _md,
    "csv": _csv,
    "json": _json,
    "xlsx": _xlsx,
}
