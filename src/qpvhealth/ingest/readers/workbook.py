"""Workbooks: looked through with the standard library first, then opened by another process that can afford to die."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from qpvhealth.errors import InputError, Place, UsageError
from qpvhealth.ingest.guard import MIB, checked_path, inflated_chunks, opened_zip, refuse_bigger
from qpvhealth.ingest.readers.columns import Columns
from qpvhealth.ingest.readers.raw import RawTable

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator, Sequence

MAX_BYTES = 128 * MIB
MAX_INFLATED = 768 * MIB
MAX_CELLS = 6_000_000
MAX_RUN = 4 * MIB
SECONDS = 120
MEMORY = 2048 * MIB
OUTPUT = 512 * MIB
HEADER_WITHIN = 50
_HEADER_SHARE = 0.8

SUFFIXES = (".xlsx", ".xlsm")
_CHILD = Path(__file__).with_name("workbook_child.py")
_CELL = re.compile(
    rb"<(?:\w{1,20}:)?c\s(?:[^<>]{0,200}?\s)?r\s{0,3}=\s{0,3}[\"']([A-Za-z]{1,3})([0-9]{1,7})[\"'][^<>]{0,300}(?<!/)>",
)
_DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_NO_VALUE = re.compile(rb"</f>(?:<v></v>|<v\s{0,3}/>)?</c>")
_NUMBER_OR_DATE = re.compile(r"[-+]?[\d\s.,]+%?|\d{4}-\d{2}-\d{2}(T.*)?|true|false")

Row = tuple[int, list[str | None]]


@dataclass(frozen=True)
class _Seen:
    """What looking through the XML told."""

    n_errors: int
    n_uncalculated: int


@dataclass(frozen=True)
class _Sheet:
    """One worksheet as the other process gives it: rows that hold something, with their number in Excel."""

    file: str
    name: str
    merged: list[tuple[int, int, int, int]]
    rows: Iterator[Row]
    column: int


def sheet_names(path: Path) -> list[str]:
    """List the worksheets of a workbook, hidden ones included, in their order.

    Raises:
        InputError: unsafe or unreadable workbook.

    """
    full, _ = _guarded(path)
    with _answer(full, "") as answered:
        return list(answered.found["names"])


def propose_header(path: Path, sheet: str | None = None) -> int:
    """Propose the row of the column names, numbered as in Excel.

    Of the first rows that hold something, the first with nearly as many distinct words as the wordiest one; a row with
    a band (cells merged across columns) is taken only where there is no other.

    Raises:
        InputError: unsafe, unreadable or empty workbook.
        UsageError: unknown sheet, or several sheets and none named.

    """
    full, _ = _guarded(path)
    with _answer(full, sheet or "") as answered:
        found = _sheet(full, answered, sheet)
        return _proposed(list(itertools.islice(found.rows, HEADER_WITHIN)), found)


def read_workbook(path: Path, *, sheet: str | None = None, header_row: int | None = None) -> RawTable:
    """Read one worksheet as text, one record a row that is not empty.

    Without ``sheet``, the only visible one that holds data; without ``header_row``, the one of ``propose_header``.
    Whole numbers lose their point, dates are ISO, error cells are null. A name merged down to the header row counts
    as written there. Cells merged over data rows keep their value in the first row only.

    Raises:
        InputError: unsafe, unreadable or empty workbook, or two columns of the same name.
        UsageError: unknown sheet, several sheets and none named, or a header row where there is none.

    """
    full, seen = _guarded(path)
    with _answer(full, sheet or "") as answered:
        found = _sheet(full, answered, sheet)
        head = list(itertools.islice(found.rows, HEADER_WITHIN))
        at = header_row or _proposed(head, found)
        return _table(found, head, at, _notes(seen, found, at, asked=header_row is not None))


def _table(found: _Sheet, head: Sequence[Row], header_row: int, notes: tuple[str, ...]) -> RawTable:
    """Gather the rows below the header."""
    place = Place(found.file, found.name, header_row)
    below = itertools.dropwhile(lambda row: row[0] < header_row, itertools.chain(head, found.rows))
    number, cells = next(below, (0, []))
    if number != header_row:
        raise UsageError(f"{place}: the header row is empty; correct header_row in the card")
    columns = Columns(
        found.file, [c or "" for c in _with_merged(number, cells, head, found)], sheet=found.name, row=number
    )
    numbers = [n for n, cells in below if columns.add(cells) is None]
    frame, more = columns.frame()
    at = np.array(numbers, dtype=np.int64)
    merged = {
        n + 1: top + 1 for top, _, bottom, _ in found.merged if top >= header_row for n in range(top + 1, bottom + 1)
    }
    notes = (*notes, *more)
    return RawTable(file=found.file, frame=frame, rows=at, sheet=found.name, notes=notes, merged_into=merged)


def _notes(seen: _Seen, found: _Sheet, header_row: int, *, asked: bool) -> tuple[str, ...]:
    """Say what was chosen, and which cells read as empty though they are not."""
    down = sum(1 for top, _, bottom, _ in found.merged if top >= header_row and bottom > top)
    notes = (
        (True, f"header at row {header_row} ({'as asked' if asked else 'proposed'})"),
        (seen.n_errors, f"{seen.n_errors} error cells in the workbook read as empty"),
        (seen.n_uncalculated, f"{seen.n_uncalculated} formulas without a saved value in the workbook read as empty"),
        (down, f"{down} cells merged over several data rows: the value is in the first only"),
    )
    return tuple(text for wanted, text in notes if wanted)


def _proposed(head: Sequence[Row], found: _Sheet) -> int:
    """Find the header row among the first rows."""
    if not head:
        raise InputError(f"{Place(found.file, found.name)}: the sheet is empty; name another one in the card")
    widest = max(sum(c is not None for c in cells) for _, cells in head)
    filled = [(n, _with_merged(n, cells, head, found)) for n, cells in head]
    broad = [(n, cells) for n, cells in filled if 2 * sum(c is not None for c in cells) >= widest]
    plain = [(n, cells) for n, cells in broad if not _has_band(n, found)] or broad
    words = {n: len({c for c in cells if c and not _NUMBER_OR_DATE.fullmatch(c)}) for n, cells in plain}
    return next(n for n, count in words.items() if count >= _HEADER_SHARE * max(words.values()))


def _has_band(number: int, found: _Sheet) -> bool:
    """Tell whether the row has a cell merged across columns."""
    return any(top <= number - 1 <= bottom and right > left for top, left, bottom, right in found.merged)


def _with_merged(number: int, cells: Sequence[str | None], head: Sequence[Row], found: _Sheet) -> list[str | None]:
    """Write into a row the names merged down to it from rows above."""
    filled = list(cells)
    by_row = dict(head)
    for top, left, bottom, right in found.merged:
        at = left - found.column
        if left == right and top + 1 < number <= bottom + 1 and top + 1 in by_row and filled[at] is None:
            filled[at] = by_row[top + 1][at]
    return filled


@dataclass(frozen=True)
class _Answer:
    """What the other process wrote: what it found, then the rows."""

    found: dict[str, Any]
    rows: Iterator[list[str | None]]


def _sheet(path: Path, answered: _Answer, asked: str | None) -> _Sheet:
    """Check that one sheet was chosen.

    Raises:
        InputError: no sheet holds data.
        UsageError: unknown sheet, or several sheets and none named.

    """
    found = answered.found
    if asked is not None and asked not in found["names"]:
        raise UsageError(f'{path.name}: no sheet "{asked}"; write in the card one of: {_quoted(found["names"])}')
    if asked is None and len(found["full"]) > 1:
        raise UsageError(
            f'{path.name}: several sheets hold data; write sheet = "..." in the card: {_quoted(found["full"])}'
        )
    if found["sheet"] is None or found["start"] is None:
        raise InputError(
            f"{path.name}: no data in {'the sheet' if asked else 'any visible sheet'}; sheets: {_quoted(found['names'])}"
        )
    top, left = found["start"]
    rows = ((n, cells) for n, cells in enumerate(answered.rows, start=top + 1) if any(c is not None for c in cells))
    merged = [tuple(m) for m in found["merged"] if m[1] >= left]
    return _Sheet(path.name, found["sheet"], merged, rows, left)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names[:20])


@contextmanager
def _answer(path: Path, sheet: str) -> Iterator[_Answer]:
    """Run the other process and give its answer, which lies in a temporary file until it is read.

    Raises:
        InputError: it refused the file, or died on it.

    """
    with tempfile.TemporaryFile("w+", encoding="ascii") as out:
        _run(path, sheet, out)
        out.seek(0)
        lines = map(json.loads, out)
        yield _Answer(next(lines), itertools.chain.from_iterable(lines))


def _run(path: Path, sheet: str, out: IO[str]) -> None:
    """Have the workbook read within limits of memory, time and output."""
    limits = [str(n) for n in (SECONDS, MEMORY, OUTPUT)]
    command = [sys.executable, "-I", str(_CHILD), str(path), sheet, *limits]
    try:
        done = subprocess.run(  # noqa: S603 -- our own interpreter and module, no shell
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{path.name}: not read within {SECONDS} s; save a smaller workbook, or as CSV") from error
    if done.returncode == 0:
        return
    said = done.stderr[-2000:].decode("utf-8", "replace").strip().splitlines()
    why = said[-1][:200] if done.returncode > 0 and said else "the reader needed too much memory or output"
    raise InputError(f"{path.name}: unreadable workbook ({why}); save it again as .xlsx, or as CSV")


def _guarded(path: Path) -> tuple[Path, _Seen]:
    """Look through a workbook before anything opens it.

    Raises:
        InputError: not a workbook, a bomb by its sizes or by the cells it names, or XML that declares entities.

    """
    full = checked_path(path)
    if full.suffix.lower() not in SUFFIXES:
        raise InputError(f"{full}: not a workbook; expected {' or '.join(SUFFIXES)}")
    refuse_bigger(full, MAX_BYTES)
    with opened_zip(full) as archive:
        entries = {e.filename.lower(): e for e in archive.infolist()}
        if "[content_types].xml" not in entries or "xl/workbook.xml" not in entries:
            raise InputError(f"{full}: a zip archive, not an Excel workbook; save it as .xlsx")
        if sum(e.file_size for e in entries.values()) > MAX_INFLATED or len(entries) < len(archive.infolist()):
            raise InputError(
                f"{full}: inflates beyond {MAX_INFLATED // MIB} MiB or names a part twice; refused as a bomb"
            )
        seen = [_look_through(archive, e) for name, e in entries.items() if name.endswith((".xml", ".rels", ".vml"))]
    return full, _Seen(sum(s.n_errors for s in seen), sum(s.n_uncalculated for s in seen))


def _look_through(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> _Seen:
    """Read one XML part piece by piece: no entities, no far cell, no endless string."""
    extent = _Extent()
    n_errors = n_uncalculated = 0
    for piece in _pieces(archive, entry):
        extent.add(_CELL.findall(piece))
        n_errors += piece.count(b' t="e"')
        n_uncalculated += len(_NO_VALUE.findall(piece))
        if extent.size > MAX_CELLS:
            raise InputError(
                f"{archive.filename}: {entry.filename} spans {extent.size} cells, at most {MAX_CELLS} are read; "
                "delete the far cells and save again"
            )
    return _Seen(n_errors, n_uncalculated)


class _Extent:
    """The rectangle that the reader would fill, from the references of the cells that hold something."""

    def __init__(self) -> None:
        """Start with no cell."""
        self._columns: set[int] = set()
        self._rows: set[int] = set()
        self._n = 0

    def add(self, cells: list[tuple[bytes, bytes]]) -> None:
        """Stretch over these cells; only the extremes are kept."""
        if cells:
            self._n += len(cells)
            columns = self._columns | {_column(letters) for letters in {c for c, _ in cells}}
            rows = self._rows | {int(r) for r in {r for _, r in cells}}
            self._columns, self._rows = {min(columns), max(columns)}, {min(rows), max(rows)}

    @property
    def size(self) -> int:
        """Cells of the rectangle, or cells seen where one is written many times."""
        if not self._n:
            return 0
        across = max(self._columns) - min(self._columns) + 1
        return max(self._n, across * (max(self._rows) - min(self._rows) + 1))


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Cut an XML part where a tag starts, so that no tag is split."""
    rest = b""
    for chunk in inflated_chunks(archive, entry):
        rest += chunk
        cut = max(rest.rfind(b"<c "), 0) or max(rest.rfind(b"<"), 0)
        piece, rest = rest[:cut], rest[cut:]
        _refuse_xml(archive, entry, piece, rest)
        yield piece
    yield rest


def _refuse_xml(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, piece: bytes, rest: bytes) -> None:
    """Refuse declarations (entities expand without end), other alphabets than UTF-8, and text without end."""
    where = f"{archive.filename}: {entry.filename}"
    if (b"<!" in piece and _DECLARED.search(piece)) or (b"<!" in rest and _DECLARED.search(rest)):
        raise InputError(f"{where} declares a document type or entities; refused")
    if b"\0" in piece or b"\0" in rest:
        raise InputError(f"{where} is not UTF-8 XML; save the workbook again")
    if len(rest) > MAX_RUN:
        raise InputError(f"{where} holds a text of more than {MAX_RUN // MIB} MiB; refused")


def _column(letters: bytes) -> int:
    """Give the number of a column from its letters, from 1."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - ord("A") + 1
    return number
