"""A frame as text, Markdown, CSV, JSON or workbook: the same bytes for the same rows, and no cell that acts.

Text and Markdown are for people who read the language: decimal commas, ``oui`` and ``non`` in French, an empty cell for an unknown.
CSV follows the French spreadsheets (``;``, a byte order mark); ``json`` is for programs. Text from a source is never
taken for a formula, a link, markup or a command to the terminal.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import pandas as pd

from qpvhealth.contract.precision import Ordinal, Share
from qpvhealth.errors import UsageError
from qpvhealth.publish import sentences
from qpvhealth.publish.bounds import Bounded, written
from qpvhealth.publish.store import write_file
from qpvhealth.publish.workbook import GROUPED_FROM, workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

Format = Literal["text", "md", "csv", "json", "xlsx"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {".txt": "text", ".md": "md", ".csv": "csv", ".json": "json", ".xlsx": "xlsx"}
SCHEMA_VERSION = 1
INVENTED = sentences.note("invented")
FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
MARKUP = re.compile(r"[\\`*\[\]~|]|(?<!\w)_|_(?!\w)")
DECIMALS = 6
_NOTHING = Bounded(None, None, None)
YES_NO: dict[sentences.Language, tuple[str, str]] = {"fr": ("non", "oui"), "en": ("no", "yes")}


@dataclass(frozen=True)
class Sheet:
    """What is shown: columns of plain values under titles, and what a reader must know of them; two columns may have one name."""

    names: Sequence[str]
    titles: Sequence[str]
    columns: Sequence[Sequence[Any]]
    is_numeric: Sequence[bool]
    notes: Sequence[str]
    invented: bool
    language: sentences.Language = "fr"

    @property
    def of_invented(self) -> list[str]:
        """What says that the figures are invented, where they are."""
        return [sentences.in_language(INVENTED, self.language)] if self.invented else []

    @property
    def warnings(self) -> list[str]:
        """The notes, after the one that says the figures are invented."""
        return [*self.of_invented, *self.notes]

    def cells(self, write: Callable[[Any], str]) -> list[list[str]]:
        """Write every cell; one list of texts a row."""
        return [[write(v) for v in row] for row in zip(*self.columns, strict=True)]


def render(
    frame: pd.DataFrame,
    *,
    fmt: Format,
    titles: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    invented: bool = False,
    language: sentences.Language = "fr",
) -> str | bytes:
    """Show a frame: ``text``, ``md`` and ``json`` give text, ``csv`` and ``xlsx`` bytes.

    ``titles`` gives the title of a column (default: its name), ``notes`` the lines that go with the figures (release,
    generation, rule, reference dates). A CSV has no place for notes; ``invented`` is said in it by a column of its own.
    """
    if fmt not in FORMATS:
        raise UsageError(f'unknown format "{fmt}"; formats: {", ".join(FORMATS)}')
    columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
    sheet = Sheet(
        names=[str(c) for c in frame.columns],
        titles=[str((titles or {}).get(c, c)) for c in frame.columns],
        columns=[plain(column) for column in columns],
        is_numeric=[_is_numeric(column) for column in columns],
        notes=list(notes),
        invented=invented,
        language=language,
    )
    return _WRITERS[fmt](sheet)


def _is_numeric(column: pd.Series) -> bool:
    """Say whether a column is of numbers, which are aligned right; of objects, whether every value is one."""
    if column.dtype == object:
        values = [v for v in column if v is not None]
        return is_numbers(values)
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def is_numbers(values: Sequence[Any]) -> bool:
    """Say whether values, nulls left out, are numbers or figures with bounds, all of them."""
    return bool(values) and all(isinstance(v, int | float | Bounded) and not isinstance(v, bool) for v in values)


def save(path: Path, frame: pd.DataFrame, *, fmt: Format | None = None, **options: Any) -> None:  # noqa: ANN401
    """Write a frame to a file, whole or not at all; the format is that of the suffix unless given. Options as for ``render``."""
    write_file(path, render(frame, fmt=fmt or format_of(path), **options))


def format_of(path: Path) -> Format:
    """Return the format of a file's suffix. Raises UsageError for an unknown one."""
    if (suffix := path.suffix.lower()) not in SUFFIXES:
        raise UsageError(f'{path}: unknown suffix "{suffix}"; suffixes: {", ".join(SUFFIXES)}')
    return SUFFIXES[suffix]


def plain(column: pd.Series) -> list[Any]:
    """Return the values of a column as Python's own: None for any null, ``date`` for a day without an hour."""
    values: list[Any] = []
    for value in column.astype(object).where(column.notna(), None):
        if isinstance(value, pd.Timestamp):
            values.append(value.date() if value == value.normalize() else value.to_pydatetime())
        else:
            values.append(value.item() if hasattr(value, "item") else value)
    return values


def _text(sheet: Sheet) -> str:
    rows = sheet.cells(lambda v: one_line(readable(v, sheet.language)))
    titles = [one_line(t) for t in sheet.titles]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    justify = [str.rjust if is_numeric else str.ljust for is_numeric in sheet.is_numeric]
    lines = [
        "  ".join(put(cell, width) for put, cell, width in zip(justify, row, widths, strict=True)).rstrip()
        for row in [titles, ["-" * w for w in widths], *rows]
    ]
    notes = [one_line(n) for n in sheet.warnings]
    return "".join(f"{line}\n" for line in [*lines, *([""] if notes else []), *notes])


def _md(sheet: Sheet) -> str:
    rows = sheet.cells(lambda v: escaped(readable(v, sheet.language)))
    rule = ["---:" if is_numeric else "---" for is_numeric in sheet.is_numeric]
    lines = [f"| {' | '.join(row)} |" for row in [[escaped(t) for t in sheet.titles], rule, *rows]]
    head = [line for words in sheet.of_invented for line in (f"**{words}**", "")]
    foot = [line for note in sheet.notes for line in ("", escaped(note))]
    return "".join(f"{line}\n" for line in [*head, *lines, *foot])


def _csv(sheet: Sheet) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    titles = [without_formula(t) for t in sheet.titles]
    writer.writerow([*titles, INVENTED.lower()] if sheet.invented else titles)
    writer.writerows([*row, "oui"] if sheet.invented else row for row in sheet.cells(_csv_cell))
    return text.getvalue().encode("utf-8-sig")


def _csv_cell(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, float):
        return repr(value).replace(".", ",")
    return without_formula(value) if isinstance(value, str) else _exact(value)


def without_formula(text: str) -> str:
    """Return a text as it is, or after an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def _json(sheet: Sheet) -> str:
    rows = [[_json_value(v) for v in row] for row in zip(*sheet.columns, strict=True)]
    document = {
        "schema_version": SCHEMA_VERSION,
        "invented": sheet.invented,
        "notes": sheet.notes,
        "columns": [{"name": n, "title": t} for n, t in zip(sheet.names, sheet.titles, strict=True)],
        "n_rows": len(rows),
        "rows": [dict(zip(sheet.names, row, strict=True)) for row in rows],
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _json_value(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else _exact(value)


def _exact(value: Any) -> str:  # noqa: ANN401
    """Write a value that is no float as programs read it: a day as 2019-03-31, thousands together."""
    if value is None or isinstance(value, bool):
        return {None: "", True: "oui", False: "non"}[value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def readable(value: Any, language: sentences.Language = "fr") -> str:  # noqa: ANN401
    """Write a value as a person reads it: the signs of the language, thousands apart from five digits on (a year has four)."""
    if value is None or value == _NOTHING:
        return ""
    if isinstance(value, bool):
        return YES_NO[language][value]
    if isinstance(value, Bounded):
        return written(value, lambda side: readable(side, language), language)
    if isinstance(value, Share):
        return sentences.with_signs(f"{value * 100:.1f}%", language)
    if isinstance(value, (int, float)) and math.isfinite(value):
        apart = "," if abs(value) >= GROUPED_FROM and not isinstance(value, Ordinal) else ""
        decimals = "" if isinstance(value, int) else f".{DECIMALS}f"
        number = f"{value:{apart}{decimals}}"
        number = number.rstrip("0").rstrip(".") if decimals else number
        return "0" if number == "-0" else sentences.with_signs(number, language)
    is_day = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    return sentences.numeric_day(value, language) if is_day else _exact(value)


def in_both(value: Any) -> sentences.Sentence:  # noqa: ANN401
    """Write a value for a sentence whose language is known where it is printed."""
    return sentences.Sentence(readable(value, "fr"), readable(value, "en"))


def one_line(text: str) -> str:
    """Keep a text on its line: line breaks, control and direction characters become spaces."""
    composed = unicodedata.normalize("NFC", text)
    return composed if composed.isprintable() else "".join(c if c.isprintable() else " " for c in composed)


def escaped(text: str, flat: Callable[[str], str] = one_line) -> str:
    """Write a text so that Markdown shows it as it is; ``flat`` keeps it on its line."""
    marked = MARKUP.sub(lambda m: f"\\{m.group()}", flat(text).strip())
    return re.sub(r"&(?=#?\w+;)", "&amp;", marked).replace("<", "&lt;").replace(">", "&gt;")


_WRITERS: dict[Format, Callable[[Sheet], str | bytes]] = {
    "text": _text,
    "md": _md,
    "csv": _csv,
    "json": _json,
    "xlsx": lambda sheet: workbook(sheet.columns, sheet.titles, sheet.names, sheet.warnings, language=sheet.language),
}
