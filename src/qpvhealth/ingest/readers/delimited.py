"""Delimited text: the file's physical lines decide, so that a stray quote breaks its own line and never the next ones."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.errors import InputError, Place, UsageError
from qpvhealth.ingest.guard import MIB, checked_path, refuse_bigger
from qpvhealth.ingest.readers import whole_lines
from qpvhealth.ingest.readers.columns import Columns
from qpvhealth.ingest.readers.raw import BrokenRow, RawTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path


MAX_BYTES = 256 * MIB
MAX_SPAN = 200
MAX_RAW = 10_000
MAX_CELL = 131_072
BATCH = 10_000
SEPARATORS = (";", ",", "\t", "|")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEYOND_ASCII = bytes(range(128, 256))
_SURROGATE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Records:
    """The records of a delimited file before any header is chosen.

    ``fields[i]`` are the cells of record ``i`` as written, ``lines[i]`` the physical line (from 1) where it starts,
    ``raw[i]`` its text. ``broken`` holds the lines that no record could claim.
    """

    fields: list[list[str]]
    lines: list[int]
    raw: _Raw
    encoding: str
    separator: str
    broken: tuple[BrokenRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Record:
    """One structural record: the physical line where it starts, the line after its last, its cells."""

    line: int
    stop: int
    fields: list[str]


class _Raw:
    """The text of each record, put together when it is asked for: nearly none ever is."""

    def __init__(self, lines: list[str], spans: list[tuple[int, int]]) -> None:
        """Keep the physical lines, and the first and the last but one of each record."""
        self._lines, self._spans = lines, spans

    def __getitem__(self, at: int) -> str:
        """Give the text of a record."""
        start, stop = self._spans[at]
        return "".join(self._lines[start:stop]).rstrip("\n")


@dataclass(frozen=True)
class _Text:
    """A decoded file: its physical lines, and how it was read."""

    file: str
    lines: list[str]
    encoding: str
    separator: str
    notes: tuple[str, ...]
    bad: dict[int, tuple[str, str]]


def read_records(path: Path, *, encoding: str | None = None, separator: str | None = None) -> Records:
    """Read every record of a file whose lines may be of several kinds (as the FINESS file, which has no header).

    Every width seen among the lines that stand alone is a right one; see ``read_delimited`` for the rest.

    Raises:
        InputError: unsafe, too big or undecodable file.
        UsageError: unknown encoding, or a separator that is not one character.

    """
    text = _read_text(path, encoding=encoding, separator=separator, header_row=None)
    records: list[_Record] = []
    broken: list[BrokenRow] = []
    seen: dict[str, str] = {}
    for item in _Lines(text, _widths(text)).records(0):
        if isinstance(item, BrokenRow):
            broken.append(item)
        else:
            item.fields[:] = [seen.setdefault(cell, cell) for cell in item.fields]  # most cells repeat: half the memory
            records.append(item)
    return Records(
        fields=[r.fields for r in records],
        lines=[r.line for r in records],
        raw=_Raw(text.lines, [(r.line - 1, r.stop - 1) for r in records]),
        encoding=text.encoding,
        separator=text.separator,
        broken=tuple(broken),
        notes=text.notes,
    )


def read_delimited(
    path: Path, *, encoding: str | None = None, separator: str | None = None, header_row: int | None = None
) -> RawTable:
    """Read a delimited file as text, one record a row.

    The header is the first line that is not blank, or the physical line ``header_row`` (from 1). A record has as many
    cells as the header: fewer, or more that are not empty, make it a broken row at its true line. A quoted cell may
    span lines, unless these lines are records by themselves: then its first line is broken and the next are read.

    Raises:
        InputError: unsafe, too big or undecodable file, no header, or two columns of the same name.
        UsageError: unknown encoding, a separator that is not one character, or a header row beyond the file.

    """
    text = _read_text(path, encoding=encoding, separator=separator, header_row=header_row)
    header = _header(text, header_row)
    columns = Columns(text.file, header.fields)
    lines = _Lines(text, {len(header.fields)})
    rows, broken = _gathered(lines, header.stop - 1, columns)
    frame, notes = columns.frame()
    return RawTable(
        file=text.file,
        frame=frame,
        rows=np.array(rows, dtype=np.int64),
        broken=tuple(broken),
        notes=(*text.notes, f"header at line {header.line}", *lines.notes(), *notes),
    )


def _gathered(lines: _Lines, start: int, columns: Columns) -> tuple[list[int], list[BrokenRow]]:
    """Put the records from a line on into columns; return the line of each, and what is broken.

    A batch of lines none of which needs care is cut at once; another is read record by record, to the end of its last one.
    """
    rows: list[int] = []
    broken: list[BrokenRow] = []
    at = start
    while batch := lines.batch(at):
        if (cells := whole_lines.cut(batch, lines.separator, width=columns.width, longest=MAX_CELL)) is not None:
            columns.add_arrays(cells)
            none_blank = len(cells[0]) == len(batch)
            numbers = range(at + 1, at + 1 + len(batch))
            rows += numbers if none_blank else [n for n, text in zip(numbers, batch, strict=True) if not text.isspace()]
            at += len(batch)
            continue
        for item in lines.records(at, at + len(batch)):
            if isinstance(item, BrokenRow):
                broken.append(item)
            elif (fault := columns.add(item.fields)) is None:
                rows.append(item.line)
            else:
                broken.append(lines.broken(item.line, item.stop, *fault))
        at = lines.at
    return rows, broken


def decode(path: Path, data: bytes, encoding: str | None = None) -> tuple[str, str, str]:
    """Decode a text file: the encoding asked for, else its byte-order mark, else strict UTF-8, else cp1252.

    Bytes that the encoding does not have become lone surrogates, and their lines broken rows. A file of UTF-8 with a
    few damaged bytes stays UTF-8: read as cp1252, all its accents would be wrong without a word.
    Give the text, the encoding, and why it was chosen.

    Raises:
        InputError: the bytes cannot be of this encoding at all.
        UsageError: unknown encoding.

    """
    name, why = _encoding(data, encoding)
    try:
        if why != "no mark":
            return data.decode(name, "surrogateescape"), name, why
        return data.decode("utf-8"), "utf-8", "strict UTF-8"
    except LookupError as error:
        raise UsageError(f'{path}: unknown encoding "{encoding}"; write encoding = "utf-8", "cp1252", ...') from error
    except UnicodeDecodeError as error:
        if why != "no mark":
            raise InputError(
                f"{path}: not {name} at byte {error.start}; fetch it again or give its encoding"
            ) from error
    return _not_quite_utf8(data)


def _not_quite_utf8(data: bytes) -> tuple[str, str, str]:
    """Tell UTF-8 with a few damaged bytes, ten times fewer than its right characters, from cp1252."""
    text = data.decode("utf-8", "surrogateescape")
    n_wrong = len(_SURROGATE.findall(text))
    n_right = len(text) - n_wrong - len(data.translate(None, _BEYOND_ASCII))
    if n_right > 10 * n_wrong:
        return text, "utf-8", f"{n_wrong} undecodable bytes"
    return data.decode("cp1252", "surrogateescape"), "cp1252", "not UTF-8"


def _encoding(data: bytes, asked: str | None) -> tuple[str, str]:
    """Choose an encoding and say why; "no mark" leaves the choice to the bytes."""
    if asked is not None:
        same_family = asked.lower().replace("_", "-") in {"utf-8", "utf8"} and data.startswith(codecs.BOM_UTF8)
        return ("utf-8-sig" if same_family else asked), "as asked"
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name, "byte-order mark"
    for name, silent in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(data) >= 8 and not any(data[silent:8:2]) and all(data[1 - silent : 8 : 2]):  # noqa: PLR2004 -- four letters
            return name, "every other byte is null"
    return "utf-8", "no mark"


def _read_text(path: Path, *, encoding: str | None, separator: str | None, header_row: int | None) -> _Text:
    """Read, decode and cut a file into physical lines, each ending with a line feed."""
    full = checked_path(path)
    refuse_bigger(full, MAX_BYTES)
    text, name, why = decode(full, full.read_bytes(), encoding)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = io.StringIO(text, newline="\n").readlines()
    if not any(line.strip() for line in lines):
        raise InputError(f"{full.name}: no record in the file; fetch it again")
    if header_row is not None and not 1 <= header_row <= len(lines):
        raise UsageError(
            f"{full.name}: header_row {header_row}, the file has lines 1 to {len(lines)}; correct the card"
        )
    first = header_row - 1 if header_row else next(i for i, line in enumerate(lines) if line.strip())
    chosen = _separator(full.name, lines[first], separator)
    notes = (f"encoding {name} ({why})", f"separator {chosen!r} ({'as asked' if separator else 'from the header'})")
    return _Text(full.name, lines, name, chosen, notes, _undecodable(text, lines))


def _separator(file: str, header: str, asked: str | None) -> str:
    """Choose the separator that cuts the header into most cells; at equality in the order of ``SEPARATORS``."""
    if asked is None:
        return max(SEPARATORS, key=lambda s: len(_quoted_or_not(header, s)))
    if len(asked) != 1 or asked in '"\n\r\0' or asked.isalnum():
        raise UsageError(f'{file}: separator {asked!r} is not one character such as ";"; correct the card')
    return asked


def _alone(line: str, separator: str) -> list[str] | None:
    """Read one physical line as a whole record; null where its quotes do not close."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return None


def _quoted_or_not(line: str, separator: str) -> list[str]:
    """Read one physical line whatever its quotes are."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return _naive(line, separator)


def _naive(line: str, separator: str) -> list[str]:
    return line.rstrip("\n").split(separator)


def _widths(text: _Text) -> set[int]:
    """Find the numbers of cells of the lines whose quotes close."""
    sep = text.separator
    plain = {line.count(sep) + 1 for line in text.lines if '"' not in line and line.strip()}
    return plain | {len(_alone(line, sep) or ()) for line in text.lines if line.count('"') in (2, 4, 6, 8)} - {0}


def _header(text: _Text, header_row: int | None) -> _Record:
    """Read the header record, which may span lines.

    Raises:
        InputError: it has an unclosed quote, a null character or undecodable bytes.

    """
    start = (header_row or 1) - 1
    first = next(_Lines(text, None).records(start), None)
    if isinstance(first, _Record) and (header_row is None or first.line == header_row):
        return first
    what = first.message if isinstance(first, BrokenRow) else "the line is blank"
    raise InputError(f"{Place(text.file, row=start + 1)}: no header there ({what}); give header_row in the card")


class _Lines:
    """The physical lines of a file, handed to the csv reader so that it can be stopped and set back."""

    def __init__(self, text: _Text, widths: Collection[int] | None) -> None:
        """Keep the lines, and the numbers of cells that a right record may have (null: any)."""
        self._lines = text.lines
        self.separator = text.separator
        self._widths = widths
        self.at = 0
        self._from = 0
        self._bad = text.bad
        self._n_lenient = 0
        csv.field_size_limit(MAX_CELL)  # of the whole process: another library may have lifted it

    def __iter__(self) -> _Lines:
        """Iterate over itself, as the csv reader asks."""
        return self

    def __next__(self) -> str:
        """Hand out the next line, unless a quoted cell has run too far or meets a line that cannot be part of it."""
        at = self.at
        if at >= len(self._lines):
            raise StopIteration
        if at - self._from >= MAX_SPAN:
            raise csv.Error(f"a quoted cell of more than {MAX_SPAN} lines")
        if at in self._bad:
            raise csv.Error("a quoted cell runs into an undecodable line")
        self.at = at + 1
        return self._lines[at]

    def batch(self, start: int) -> list[str]:
        """Give some lines from this position on; none at the end."""
        return self._lines[start : start + BATCH]

    def records(self, start: int, stop: int | None = None) -> Iterator[_Record | BrokenRow]:
        """Give each record or broken line that starts between two positions; together they cover every line to ``at``."""
        self.at = start
        end = len(self._lines) if stop is None else stop
        reader = csv.reader(self, delimiter=self.separator, strict=True)
        while self.at < end:
            self._from = self.at
            if self._from in self._bad:
                self.at += 1
                yield self.broken(self._from + 1, self.at + 1, *self._bad[self._from])
            elif not self._lines[self._from].strip():
                self.at += 1
            elif '"' not in (line := self._lines[self._from]) and len(line) <= MAX_CELL:  # nothing to weigh
                self.at += 1
                yield _Record(self.at, self.at + 1, _naive(line, self.separator))
            else:
                yield self._next(reader)

    def _next(self, reader: Iterator[list[str]]) -> _Record | BrokenRow:
        """Read one record; where it cannot be right, break its first line and set the reader back to the next."""
        start = self._from
        try:
            fields = next(reader)
            if self.at == start + 1 or self._is_right(fields, self._lines[start : self.at]):
                return _Record(start + 1, self.at + 1, fields)
            rule, message = "unclosed-quote", f"a quote opens here and runs over {self.at - start} lines"
        except (csv.Error, StopIteration) as error:
            rule, message = _fault(error)
        self.at = start + 1
        lenient = self._lenient(self._lines[start])
        return _Record(start + 1, start + 2, lenient) if lenient else self.broken(start + 1, start + 2, rule, message)

    def _is_right(self, fields: list[str], span: list[str]) -> bool:
        """Tell a cell with line breaks from a stray pair of quotes that swallowed whole records."""
        if self._widths is None:
            return True
        if len(fields) not in self._widths:
            return False
        by_itself = [self._stands_alone(line) for line in span]
        swallowed = len(fields) > 2 and any(by_itself[1:-1])  # noqa: PLR2004 -- one separator may well be in a text
        return not (all(by_itself) or swallowed)

    def _stands_alone(self, line: str) -> bool:
        widths = self._widths or ()
        return len(_naive(line, self.separator)) in widths or len(_alone(line, self.separator) or ()) in widths

    def _lenient(self, line: str) -> list[str] | None:
        """Read a line such as ``"Le Parc" annexe;75``, whose quotes close but not at the end of the cell."""
        if self._widths is None or line.count('"') % 2:
            return None
        try:
            fields = next(csv.reader([line], delimiter=self.separator))
        except csv.Error:
            return None
        self._n_lenient += len(fields) in self._widths
        return fields if len(fields) in self._widths else None

    def broken(self, line: int, stop: int, rule: str, message: str) -> BrokenRow:
        """Keep lines as text, with the rule they break; only a giant one is cut."""
        raw = "".join(self._lines[line - 1 : stop - 1]).rstrip("\n").encode("utf-8", "backslashreplace").decode()
        cut = f" (+{len(raw) - MAX_RAW} characters)" if len(raw) > MAX_RAW else ""
        return BrokenRow(line, rule, message, raw[:MAX_RAW] + cut)

    def notes(self) -> tuple[str, ...]:
        """Say what was repaired."""
        return (f"{self._n_lenient} rows with text after a closing quote",) if self._n_lenient else ()


def _fault(error: Exception) -> tuple[str, str]:
    """Name the rule of a csv error."""
    if "field limit" in str(error):
        return "cell-too-long", f"a cell of more than {csv.field_size_limit()} characters"
    if "expected after" in str(error):
        return "stray-quote", "text after a closing quote"
    return "unclosed-quote", "a quote opens here and never closes"


def _undecodable(text: str, lines: Iterable[str]) -> dict[int, tuple[str, str]]:
    """Find the lines of a text that hold a null character, or bytes that the encoding does not have."""
    bad: dict[int, tuple[str, str]] = {}
    if "\0" not in text and (text.isascii() or not _SURROGATE.search(text)):
        return bad
    for i, line in enumerate(lines):
        if "\0" in line:
            bad[i] = ("null-character", "a null character in the line")
        elif not line.isascii() and _SURROGATE.search(line):
            bad[i] = ("undecodable", "bytes that the encoding does not have")
    return bad
