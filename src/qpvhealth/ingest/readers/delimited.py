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
from qpvhealth.ingest.readers import whole_lines
from qpvhealth.ingest.readers.columns import Columns
from qpvhealth.ingest.readers.guard import MIB, checked_path, refuse_bigger
from qpvhealth.ingest.readers.raw import BrokenRow, RawTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


MAX_BYTES = 256 * MIB
MAX_SPAN = 200
MAX_RAW = 10_000
MAX_CELL = 131_072
BATCH = 10_000
SEPARATORS = (";", ",", "\t", "|")
HEADER_WITHIN, SAMPLE = 50, 200
_SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?[\s;,]*', re.IGNORECASE)
"""The first line that Excel writes, and reads, to name the separator."""

_WORD = re.compile(r"[^\W\d_]")
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
class Record:
    """One structural record: the physical line (from 1) where it starts, the line after its last, its cells as written."""

    line: int
    stop: int
    fields: list[str]


@dataclass(frozen=True)
class Records:
    """The records of a delimited file without header. ``broken`` holds the lines that no record could claim."""

    records: list[Record]
    source: list[str]
    encoding: str
    separator: str
    broken: tuple[BrokenRow, ...]
    notes: tuple[str, ...]

    def text(self, at: int) -> str:
        """Return the text of a record."""
        record = self.records[at]
        return "".join(self.source[record.line - 1 : record.stop - 1]).rstrip("\n")


def read_records(path: Path, *, encoding: str | None = None, separator: str | None = None) -> Records:
    """Read every record of a file whose lines may be of several kinds (as the FINESS file, which has no header).

    Every width seen among the lines that stand alone is a right one; see ``read_delimited`` for the rest.

    Raises:
        InputError: unsafe, too big or undecodable file.
        UsageError: unknown encoding, or a separator that is not one character.

    """
    lines = _Lines(path, encoding, separator, None)
    sep = lines.separator
    lines.widths = {line.count(sep) + 1 for line in lines.source if '"' not in line and line.strip()}
    lines.widths |= {len(_cells(li, sep) or ()) for li in lines.source if li.count('"') in (2, 4, 6, 8)} - {0}
    records: list[Record] = []
    broken: list[BrokenRow] = []
    distinct: dict[str, str] = {}
    for item in lines.records(0):
        if isinstance(item, BrokenRow):
            broken.append(item)
        else:
            item.fields[:] = [distinct.setdefault(cell, cell) for cell in item.fields]  # most repeat: half the memory
            records.append(item)
    return Records(records, lines.source, lines.encoding, sep, tuple(broken), lines.notes)


def read_delimited(
    path: Path, *, encoding: str | None = None, separator: str | None = None, header_row: int | None = None
) -> RawTable:
    """Read a delimited file as text, one record a row.

    The header is the physical line ``header_row`` (from 1), or the first line that is not blank, nor a line of notes: one that fills
    less than half of the cells that most lines fill. A first line ``sep=;`` names the separator. A record has as many
    cells as the header: fewer, or more that are not empty, make it a broken row at its true line. A quoted cell may
    span lines, unless these lines are records by themselves: then its first line is broken and the next are read. A batch of
    lines none of which needs care is cut at once; another is read record by record.

    Raises:
        InputError: unsafe, too big or undecodable file, no header, or two columns of the same name.
        UsageError: unknown encoding, a separator that is not one character, or a header row beyond the file.

    """
    lines = _Lines(path, encoding, separator, header_row)
    header = next(lines.records(lines.first), None)
    if not isinstance(header, Record) or header_row not in (None, header.line):
        what = header.message if isinstance(header, BrokenRow) else "the line is blank"
        place = Place(lines.file, row=header_row or 1)
        raise InputError(f"{place}: no header there ({what}); give header_row in the card")
    columns = Columns(lines.file, header.fields)
    lines.widths = {columns.width}
    rows: list[int] = []
    broken: list[BrokenRow] = []
    at = header.stop - 1
    while batch := lines.source[at : at + BATCH]:
        arrays = whole_lines.cut(batch, lines.separator, width=columns.width, longest=MAX_CELL)
        if arrays is not None:
            columns.add_arrays(arrays)
            rows += [number for number, line in enumerate(batch, at + 1) if not line.isspace()]
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
    frame, notes = columns.frame()
    lenient = (f"{lines.n_lenient} rows with text after a closing quote",) if lines.n_lenient else ()
    return RawTable(
        file=lines.file,
        frame=frame,
        rows=np.array(rows, dtype=np.int64),
        broken=tuple(broken),
        notes=(*lines.notes, f"header at line {header.line}", *lines.above, *lenient, *notes),
    )


def decode(path: Path, data: bytes, encoding: str | None = None) -> tuple[str, str, str]:
    """Decode a text file: the encoding asked for, else its byte-order mark, else strict UTF-8, else cp1252.

    Bytes that the encoding does not have become lone surrogates, and their lines broken rows. A file of UTF-8 with a
    few damaged bytes, ten times fewer than its right characters, stays UTF-8: read as cp1252, all its accents would be wrong
    without a word. Give the text, the encoding, and why it was chosen.

    Raises:
        InputError: the bytes cannot be of this encoding at all.
        UsageError: unknown encoding.

    """
    name, why = _encoding(data, encoding)
    try:
        if name:
            return data.decode(name, "surrogateescape"), name, why
        return data.decode("utf-8"), "utf-8", "strict UTF-8"
    except LookupError as error:
        raise UsageError(f'{path}: unknown encoding "{encoding}"; write encoding = "utf-8", "cp1252", ...') from error
    except UnicodeDecodeError as error:
        if name:
            raise InputError(
                f"{path}: not {name} at byte {error.start}; fetch it again or give its encoding"
            ) from error
    text = data.decode("utf-8", "surrogateescape")
    n_wrong = len(_SURROGATE.findall(text))
    n_right = len(text) - n_wrong - len(data.translate(None, _BEYOND_ASCII))
    if n_right > 10 * n_wrong:
        return text, "utf-8", f"{n_wrong} undecodable bytes"
    return data.decode("cp1252", "surrogateescape"), "cp1252", "not UTF-8"


def _encoding(data: bytes, wanted: str | None) -> tuple[str, str]:
    """Choose an encoding and say why; an empty name leaves the choice to the bytes."""
    if wanted is not None:
        has_mark = wanted.lower().replace("_", "-") in {"utf-8", "utf8"} and data.startswith(codecs.BOM_UTF8)
        return ("utf-8-sig" if has_mark else wanted), "as asked"
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name, "byte-order mark"
    for name, silent in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(data) >= 8 and not any(data[silent:8:2]) and all(data[1 - silent : 8 : 2]):  # noqa: PLR2004 -- four letters
            return name, "every other byte is null"
    return "", ""


def _cells(line: str, separator: str, *, strict: bool = True) -> list[str] | None:
    """Read one physical line as a whole record; null where it cannot be one, strictly where its quotes do not close."""
    try:
        return next(csv.reader([line], delimiter=separator, strict=strict), [])
    except csv.Error:
        return None


def _header(lines: list[str], start: int, header_row: int | None, separator: str | None) -> tuple[int, str, int]:
    """Return the position of the header, the separator, and how many lines of notes stand above the header.

    Without ``separator``: that which cuts the header into most cells; where there are notes, the lines below them.
    """
    there = [i for i in range(start, len(lines)) if lines[i].strip()][:SAMPLE] or [start]

    def cells(i: int, s: str) -> list[str]:
        """Split a line at a separator, by the rules of CSV where they hold."""
        return _cells(lines[i], s, strict=False) or lines[i].split(s)

    first = there[0] if header_row is None else header_row - 1
    candidates = [separator] if separator else list(SEPARATORS)
    of_first = max(candidates, key=lambda s: len(cells(first, s)))
    if header_row is not None:
        return first, of_first, 0
    filled = {s: [sum(bool(c.strip()) for c in cells(i, s)) for i in there] for s in candidates}
    usual = {s: sorted(counts)[len(counts) // 2] for s, counts in filled.items()}
    best = max(candidates, key=lambda s: usual[s])
    for n, i in enumerate(there[:HEADER_WITHIN]):
        is_note = 2 * filled[best][n] < usual[best] or (usual[best] == 2 and len(cells(i, best)) == 1)  # noqa: PLR2004
        if not is_note or lines[i].count('"') % 2:
            has_words = any(_WORD.search(cell) for cell in cells(i, best))
            return (i, best, n) if n and has_words else (first, of_first, 0)
    return first, of_first, 0


class _Lines:
    """The physical lines of a decoded file, each ending with a line feed, and an iterator over them for the csv reader.

    The csv reader can so be stopped and set back. ``widths``: the numbers of cells that a right record may have; null: any.
    ``at``: the position of the next line to read.
    """

    def __init__(self, path: Path, encoding: str | None, separator: str | None, header_row: int | None) -> None:
        """Read, decode and cut a file; choose its separator, that which cuts the header into most cells."""
        full = checked_path(path)
        refuse_bigger(full, MAX_BYTES)
        text, self.encoding, why = decode(full, full.read_bytes(), encoding)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = io.StringIO(text, newline="\n").readlines()
        if not any(line.strip() for line in lines):
            raise InputError(f"{full.name}: no record in the file; fetch it again")
        if header_row is not None and not 1 <= header_row <= len(lines):
            raise UsageError(
                f"{full.name}: header_row {header_row}, the file has lines 1 to {len(lines)}; correct the card"
            )
        if separator is not None and (len(separator) != 1 or separator in '"\n\r\0' or separator.isalnum()):
            raise UsageError(f'{full.name}: separator {separator!r} is not one character such as ";"; correct the card')
        written = _SEPARATOR_LINE.fullmatch(lines[0])
        self.first, chosen, n_notes = _header(
            lines, 1 if written else 0, header_row, separator or (written and written[1])
        )
        self.separator = chosen
        self.file, self.source, self.widths = full.name, lines, set[int]()
        self.above = (f"{n_notes} lines of notes above the header left out",) if n_notes else ()
        how = "as asked" if separator else "from the first line" if written else "from the header"
        self.notes = (f"encoding {self.encoding} ({why})", f"separator {self.separator!r} ({how})")
        self.at = self._start = self.n_lenient = 0
        self._bad: dict[int, tuple[str, str]] = {}
        if "\0" in text or _SURROGATE.search(text):
            for i, line in enumerate(lines):
                if "\0" in line:
                    self._bad[i] = ("null-character", "a null character in the line")
                elif _SURROGATE.search(line):
                    self._bad[i] = ("undecodable", "bytes that the encoding does not have")
        csv.field_size_limit(MAX_CELL)  # of the whole process: another library may have lifted it

    def __iter__(self) -> _Lines:
        """Iterate over itself, as the csv reader asks."""
        return self

    def __next__(self) -> str:
        """Hand out the next line, unless a quoted cell has run too far or meets a line that cannot be part of it."""
        at = self.at
        if at >= len(self.source):
            raise StopIteration
        if at - self._start >= MAX_SPAN:
            raise csv.Error(f"a quoted cell of more than {MAX_SPAN} lines")
        if at in self._bad:
            raise csv.Error("a quoted cell runs into an undecodable line")
        self.at = at + 1
        return self.source[at]

    def records(self, start: int, stop: int | None = None) -> Iterator[Record | BrokenRow]:
        """Give each record or broken line that starts between two positions; together they cover every line to ``at``."""
        self.at = start
        end = len(self.source) if stop is None else stop
        reader = csv.reader(self, delimiter=self.separator, strict=True)
        while self.at < end:
            self._start = self.at
            line = self.source[self.at]
            if self._start in self._bad:
                self.at += 1
                yield self.broken(self._start + 1, self.at + 1, *self._bad[self._start])
            elif not line.strip():
                self.at += 1
            elif '"' not in line and len(line) <= MAX_CELL:  # nothing to weigh
                self.at += 1
                yield Record(self.at, self.at + 1, line.rstrip("\n").split(self.separator))
            else:
                yield self._next(reader)

    def _next(self, reader: Iterator[list[str]]) -> Record | BrokenRow:
        """Read one record; where it cannot be right, break its first line and set the reader back to the next.

        A line such as ``"Le Parc" annexe;75``, whose quotes close but not at the end of the cell, is read all the same.
        """
        start = self._start
        try:
            fields = next(reader)
            if self.at == start + 1 or self._is_right(fields, self.source[start : self.at]):
                return Record(start + 1, self.at + 1, fields)
            rule, message = "unclosed-quote", f"a quote opens here and runs over {self.at - start} lines"
        except (csv.Error, StopIteration) as error:
            rule, message = "unclosed-quote", "a quote opens here and never closes"
            if "field limit" in str(error):
                rule, message = "cell-too-long", f"a cell of more than {csv.field_size_limit()} characters"
            elif "expected after" in str(error):
                rule, message = "stray-quote", "text after a closing quote"
        self.at = start + 1
        line = self.source[start]
        cells = None if line.count('"') % 2 else _cells(line, self.separator, strict=False)
        if cells is not None and len(cells) in self.widths:
            self.n_lenient += 1
            return Record(start + 1, start + 2, cells)
        return self.broken(start + 1, start + 2, rule, message)

    def _is_right(self, fields: list[str], span: list[str]) -> bool:
        """Tell a cell with line breaks from a stray pair of quotes that swallowed whole records."""
        if not self.widths:
            return True
        if len(fields) not in self.widths:
            return False
        alone = [
            line.count(self.separator) + 1 in self.widths or len(_cells(line, self.separator) or ()) in self.widths
            for line in span
        ]
        swallowed = len(fields) > 2 and any(alone[1:-1])  # noqa: PLR2004 -- one separator may well be in a text
        return not (all(alone) or swallowed)

    def broken(self, line: int, stop: int, rule: str, message: str) -> BrokenRow:
        """Keep lines as text, with the rule they break; only a giant one is cut."""
        raw = "".join(self.source[line - 1 : stop - 1]).rstrip("\n").encode("utf-8", "backslashreplace").decode()
        cut = f" (+{len(raw) - MAX_RAW} characters)" if len(raw) > MAX_RAW else ""
        return BrokenRow(line, rule, message, raw[:MAX_RAW] + cut)
