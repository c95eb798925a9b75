"""Workbooks: looked through with the standard library first, then opened by another process that can afford to die."""

from __future__ import annotations

import html
import itertools
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, Place, UsageError
from qpvhealth.ingest.readers import excel_97
from qpvhealth.ingest.readers.columns import Columns
from qpvhealth.ingest.readers.guard import MIB, checked_path, inflated_chunks, opened_zip, refuse_bigger
from qpvhealth.ingest.readers.raw import RawTable

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 128 * MIB
MAX_INFLATED = 768 * MIB
MAX_CELLS = 6_000_000
MAX_RUN = 4 * MIB
SECONDS = 120
MEMORY = 2048 * MIB
OUTPUT = 512 * MIB
HEADER_WITHIN = 50
_HEADER_SHARE = 0.8

ZIPPED = {".xlsx": "xl/workbook.xml", ".xlsm": "xl/workbook.xml", ".ods": "content.xml"}
"""Workbooks that are archives, and the part that each must have."""
SUFFIXES = (*ZIPPED, ".xls")
_CHILD = Path(__file__).with_name("workbook_child.py")
_CELL = re.compile(
    rb"<(?:\w{1,20}:)?c\s(?:[^<>]{0,200}?\s)?r\s{0,3}=\s{0,3}[\"']([A-Za-z]{1,3})([0-9]{1,7})[\"'][^<>]{0,300}(?<!/)>",
)
_DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_NO_VALUE = re.compile(rb"</f>(?:<v></v>|<v\s{0,3}/>)?</c>")
_ZERO = re.compile(rb"(</f>|<f\s[^<>]{0,300}/>)<v>0</v>(?=</c>)")
_NEVER_CALCULATED = re.compile(rb"<(?:\w{1,20}:)?calcPr\s[^<>]{0,300}\bfullCalcOnLoad=\"(?:1|true)\"")
"""What says that the stored results are none: who wrote the file leaves every calculation to who opens it."""
_HIDDEN_ROW = re.compile(rb"<(?:\w{1,20}:)?row\s(?=[^<>]{0,500}\shidden=\"(?:1|true)\")[^<>]{0,500}?\br=\"(\d{1,7})\"")
_ODS_TAG = re.compile(rb"<table:((?:covered-)?table(?:-row|-cell)?)[\s/>]([^<>]{0,2000})")
_ODS_NUMBER = re.compile(rb"table:number-(rows|columns)-(repeated|spanned)=\"(\d{1,7})\"")
_ODS_HIDDEN = re.compile(rb"table:visibility=\"(?:filter|collapse)\"")
_TAG = re.compile(rb"<(?:\w{1,20}:)?(?:sheet|Relationship)\s[^<>]{1,2000}>")
_ATTRIBUTE = re.compile(r"(\w+)\s{0,3}=\s{0,3}[\"']([^\"'<>]{0,1000})[\"']")
_NUMBER_OR_DATE = re.compile(r"[-+]?[\d\s.,]+%?|\d{4}-\d{2}-\d{2}(T.*)?|true|false")

Row = tuple[int, list[str | None]]


@dataclass
class _Seen:
    """What the guard counted in the XML of a workbook: error cells, formulas without a value, and with 0 where none was calculated.

    ``hidden``: the numbers of hidden rows, by part, or by sheet in a workbook of LibreOffice; ``parts``: the part of each sheet;
    ``formulas``: by part and column, the rows of formulas without a value, and ``zeros`` with 0.
    ``merged``: ranges of merged cells by sheet, in a workbook of LibreOffice, where calamine gives none.
    """

    n_errors: int = 0
    n_uncalculated: int = 0
    n_zeros: int = 0
    hidden: dict[str, set[int]] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    formulas: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    zeros: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    merged: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Sheet:
    """One worksheet as the other process gives it: rows that hold something, with their number in Excel.

    ``merged``: ranges of merged cells (top, left, bottom, right), from 0; ``column``: the first column that holds something.
    """

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
    with _answer(full, "") as (answer, _):
        return list(answer["names"])


def read_workbook(path: Path, *, sheet: str | None = None, header_row: int | None = None) -> RawTable:
    """Read one worksheet as text, one record a row that is not empty.

    Without ``sheet``, the only visible one that holds data. Without ``header_row``, of the first rows that hold something, the
    first with nearly as many distinct words as the wordiest one; a row with a band (cells merged across columns) is taken only
    where there is no other. Whole numbers lose their point, dates are ISO, error cells are null. A name merged down to the
    header row counts as written there. Cells merged over data rows keep their value in the first row only. A formula
    that nobody calculated has no value, whatever was stored in its place. Hidden rows are rows like the others, and are reported.

    Raises:
        InputError: unsafe, unreadable or empty workbook, or two columns of the same name.
        UsageError: unknown sheet, several sheets and none named, or a header row where there is none.

    """
    full, seen = _guarded(path)
    with _without_zeros(full, seen) as readable, _answer(readable, sheet or "") as (answer, batches):
        answer["merged"] = answer.get("merged") or seen.merged.get(answer["sheet"], [])
        chosen = _sheet(full, answer, batches, sheet)
        head = list(itertools.islice(chosen.rows, HEADER_WITHIN))
        at = header_row or _proposed(head, chosen)
        below = itertools.dropwhile(lambda row: row[0] < at, itertools.chain(head, chosen.rows))
        number, cells = next(below, (0, []))
        if number != at:
            place = Place(chosen.file, chosen.name, at)
            raise UsageError(f"{place}: the header row is empty; correct header_row in the card")
        names = [c or "" for c in _with_merged(number, cells, head, chosen)]
        columns = Columns(chosen.file, names, sheet=chosen.name, row=number)
        numbers = [n for n, row in below if columns.add(row) is None]
    frame, notes = columns.frame()
    part, written = seen.parts.get(chosen.name, chosen.name), set(numbers)
    uncalculated = {
        name: sorted(written.intersection(rows))
        for at_column, name in enumerate(columns.names, start=chosen.column + 1)
        if (rows := [*seen.formulas.get((part, at_column), ()), *seen.zeros.get((part, at_column), ())])
    }
    over_data = [(top, bottom) for top, _, bottom, _ in chosen.merged if top >= at]
    n_down = sum(bottom > top for top, bottom in over_data)
    n_uncalculated = seen.n_uncalculated + seen.n_zeros
    hidden = sorted(seen.hidden.get(part, set()) & written)
    shown = ", ".join(map(str, hidden[:5]))
    remarks = (
        (True, f"header at row {at} ({'as asked' if header_row is not None else 'proposed'})"),
        (seen.n_errors, f"{seen.n_errors} error cells in the workbook read as empty"),
        (n_uncalculated, f"{n_uncalculated} formulas without a saved value in the workbook read as empty"),
        (n_down, f"{n_down} cells merged over several data rows: the value is in the first only"),
    )
    return RawTable(
        file=chosen.file,
        frame=frame,
        rows=np.array(numbers, dtype=np.int64),
        sheet=chosen.name,
        header_row=at,
        notes=(*(text for applies, text in remarks if applies), *notes),
        findings=(Finding("rows-hidden", len(hidden), f"hidden rows, read like the others: {shown}"),)
        if hidden
        else (),
        uncalculated={name: rows for name, rows in uncalculated.items() if rows},
        merged_into={n + 1: top + 1 for top, bottom in over_data for n in range(top + 1, bottom + 1)},
    )


def _proposed(head: list[Row], sheet: _Sheet) -> int:
    """Find the header row among the first rows."""
    if not head:
        raise InputError(f"{Place(sheet.file, sheet.name)}: the sheet is empty; name another one in the card")
    widest = max(sum(c is not None for c in cells) for _, cells in head)
    filled = [(n, _with_merged(n, cells, head, sheet)) for n, cells in head]
    broad = [(n, cells) for n, cells in filled if 2 * sum(c is not None for c in cells) >= widest]
    bands = {n + 1 for top, left, bottom, right in sheet.merged if right > left for n in range(top, bottom + 1)}
    plain = [(n, cells) for n, cells in broad if n not in bands] or broad
    words = {n: len({c for c in cells if c and not _NUMBER_OR_DATE.fullmatch(c)}) for n, cells in plain}
    return next(n for n, count in words.items() if count >= _HEADER_SHARE * max(words.values()))


def _with_merged(number: int, cells: list[str | None], head: list[Row], sheet: _Sheet) -> list[str | None]:
    """Write into a row the names merged down to it from rows above."""
    filled, by_row = list(cells), dict(head)
    for top, left, bottom, right in sheet.merged:
        at = left - sheet.column
        if left == right and top + 1 < number <= bottom + 1 and top + 1 in by_row and filled[at] is None:
            filled[at] = by_row[top + 1][at]
    return filled


def _sheet(path: Path, answer: dict[str, Any], batches: Iterator[list[str | None]], wanted: str | None) -> _Sheet:
    """Check that one sheet was chosen.

    Raises:
        InputError: no sheet holds data.
        UsageError: unknown sheet, or several sheets and none named.

    """
    names, full = (", ".join(f'"{name}"' for name in answer[key][:20]) for key in ("names", "full"))
    if wanted is not None and wanted not in answer["names"]:
        raise UsageError(f'{path.name}: no sheet "{wanted}"; write in the card one of: {names}')
    if wanted is None and len(answer["full"]) > 1:
        raise UsageError(f'{path.name}: several sheets hold data; write sheet = "..." in the card: {full}')
    if answer["sheet"] is None or answer["start"] is None:
        raise InputError(f"{path.name}: no data in {'the sheet' if wanted else 'any visible sheet'}; sheets: {names}")
    top, left = answer["start"]
    rows = ((n, cells) for n, cells in enumerate(batches, start=top + 1) if any(c is not None for c in cells))
    merged = [tuple(m) for m in answer["merged"] if m[1] >= left]
    return _Sheet(path.name, answer["sheet"], merged, rows, left)


@contextmanager
def _answer(path: Path, sheet: str) -> Iterator[tuple[dict[str, Any], Iterator[list[str | None]]]]:
    """Have the workbook read by another process, within limits of memory, time and output; give what it says, and the rows.

    Its answer lies in a temporary file until it is read.

    Raises:
        InputError: it refused the file, or died on it.

    """
    command = [sys.executable, "-I", str(_CHILD), str(path), sheet, *(str(n) for n in (SECONDS, MEMORY, OUTPUT))]
    with tempfile.TemporaryFile("w+", encoding="ascii") as out:
        try:
            done = subprocess.run(  # noqa: S603 -- our own interpreter and module, no shell
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise InputError(f"{path.name}: not read within {SECONDS} s; save a smaller workbook, or as CSV") from error
        if done.returncode:
            lines = done.stderr[-2000:].decode("utf-8", "replace").strip().splitlines()
            died = done.returncode < 0 or not lines
            why = "the reader needed too much memory or output" if died else lines[-1][:200]
            raise InputError(f"{path.name}: unreadable workbook ({why}); save it again as .xlsx, or as CSV")
        out.seek(0)
        documents = map(json.loads, out)
        yield next(documents), itertools.chain.from_iterable(documents)


def _guarded(path: Path) -> tuple[Path, _Seen]:
    """Look through a workbook before anything opens it; return its path, and what was counted.

    Raises:
        InputError: not a workbook, a bomb by its sizes or by the cells it names, or XML that declares entities.

    """
    full, seen = checked_path(path), _Seen()
    suffix = full.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{full}: not a workbook; expected one of {', '.join(SUFFIXES)}")
    refuse_bigger(full, MAX_BYTES)
    if suffix not in ZIPPED:  # what the other process may need is bounded there
        return full, _Seen(hidden=excel_97.hidden_rows(full))
    with opened_zip(full) as archive:
        entries = {e.filename.lower(): e for e in archive.infolist()}
        if ZIPPED[suffix] not in entries:
            raise InputError(
                f"{full}: a zip archive, not an Excel workbook (or one of LibreOffice, .ods); save it as .xlsx"
            )
        if sum(e.file_size for e in entries.values()) > MAX_INFLATED or len(entries) < len(archive.infolist()):
            raise InputError(
                f"{full}: inflates beyond {MAX_INFLATED // MIB} MiB or names a part twice; refused as a bomb"
            )
        if suffix == ".ods":
            _look_through_ods(archive, entries["content.xml"], seen)
            return full, seen
        for name, entry in entries.items():
            if name.endswith((".xml", ".rels", ".vml")):
                _look_through(archive, entry, seen)
        relations = _attributes(archive, entries.get("xl/_rels/workbook.xml.rels"))
        targets = {r["Id"]: r.get("Target", "").rsplit("/", 1)[-1] for r in relations if "Id" in r}
        sheets = [sheet for sheet in _attributes(archive, entries["xl/workbook.xml"]) if "name" in sheet]
        seen.parts = {html.unescape(sheet["name"]): targets.get(sheet.get("id", ""), "") for sheet in sheets}
        if not _NEVER_CALCULATED.search(archive.read(entries["xl/workbook.xml"])):
            seen.n_zeros, seen.zeros = 0, {}
    return full, seen


def _attributes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo | None) -> list[dict[str, str]]:
    """Return the attributes of each sheet, or of each relation, that a part names."""
    tags = _TAG.findall(archive.read(entry)) if entry else []
    return [dict(_ATTRIBUTE.findall(tag.decode("utf-8", "replace"))) for tag in tags]


@contextmanager
def _without_zeros(path: Path, seen: _Seen) -> Iterator[Path]:
    """Give the path of a workbook in which a formula that nobody calculated has no value: a copy where there are any.

    XlsxWriter, and pandas through it, store 0 for each and ask for a full calculation on loading; 0 is a word for no.
    """
    if not seen.n_zeros:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="qpvhealth-") as folder:
        copy = Path(folder) / path.name
        with opened_zip(path) as old, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
            for entry in old.infolist():
                with new.open(entry.filename, "w", force_zip64=True) as part:
                    for piece in (
                        _pieces(old, entry) if entry.filename.endswith(".xml") else inflated_chunks(old, entry)
                    ):
                        part.write(_ZERO.sub(rb"\1", piece))
        yield copy


def _look_through_ods(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, seen: _Seen) -> None:
    """Read the sheets of a workbook of LibreOffice piece by piece: no entities, no endless string; find hidden rows and merged cells."""
    name, row, column, below = "", 0, 0, 0
    for piece in _pieces(archive, entry):
        for tag, attributes in _ODS_TAG.findall(piece):
            n = {(of, what): int(number) for of, what, number in _ODS_NUMBER.findall(attributes)}
            if tag == b"table":
                match = re.search(r'table:name="([^"]*)"', attributes.decode("utf-8", "replace"))
                name, below = html.unescape(match[1]) if match else "", 0
            elif tag == b"table-row":
                row, column = below, 0
                below += n.get((b"rows", b"repeated"), 1)
                if _ODS_HIDDEN.search(attributes) and row < MAX_CELLS:
                    seen.hidden.setdefault(name, set()).update(range(row + 1, below + 1))
            else:
                height, width = (n.get((of, b"spanned"), 1) for of in (b"rows", b"columns"))
                if height > 1 or width > 1:
                    seen.merged.setdefault(name, []).append((row, column, row + height - 1, column + width - 1))
                column += n.get((b"columns", b"repeated"), 1)


def _look_through(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, seen: _Seen) -> None:
    """Read one XML part piece by piece: no entities, no far cell, no endless string; count what ``_Seen`` has.

    What the reader would fill is the rectangle around the cells that hold something, or more where one is written many times.
    """
    columns: set[int] = set()
    rows: set[int] = set()
    n_cells, part = 0, entry.filename.rsplit("/", 1)[-1]
    for piece in _pieces(archive, entry):
        seen.n_errors += piece.count(b' t="e"')
        seen.n_uncalculated += _add_cells(seen.formulas, part, piece, _NO_VALUE)
        seen.n_zeros += _add_cells(seen.zeros, part, piece, _ZERO)
        if hidden := _HIDDEN_ROW.findall(piece):
            seen.hidden.setdefault(part, set()).update(map(int, hidden))
        if not (cells := _CELL.findall(piece)):
            continue
        n_cells += len(cells)
        columns |= {_column(letters) for letters in {c for c, _ in cells}}
        rows |= {int(r) for r in {r for _, r in cells}}
        columns, rows = {min(columns), max(columns)}, {min(rows), max(rows)}  # only the extremes matter
        size = max(n_cells, (max(columns) - min(columns) + 1) * (max(rows) - min(rows) + 1))
        if size > MAX_CELLS:
            raise InputError(
                f"{archive.filename}: {entry.filename} spans {size} cells, at most {MAX_CELLS} are read; "
                "delete the far cells and save again"
            )


def _add_cells(cells: dict[tuple[str, int], list[int]], part: str, piece: bytes, pattern: re.Pattern[bytes]) -> int:
    """Add the column and row of each cell that ends in a pattern; return how many there are."""
    n = 0
    for n, found in enumerate(pattern.finditer(piece), start=1):  # noqa: B007 -- how many
        if cell := _CELL.match(piece, max(piece.rfind(b"<c ", 0, found.start()), 0)):
            cells.setdefault((part, _column(cell[1])), []).append(int(cell[2]))
    return n


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Cut an XML part where a tag starts, so that no tag is split.

    Refuse declarations (entities expand without end), other alphabets than UTF-8, and text without end.
    """
    where, rest = f"{archive.filename}: {entry.filename}", b""
    for chunk in inflated_chunks(archive, entry):
        rest += chunk
        cut = max(rest.rfind(b"<c "), 0) or max(rest.rfind(b"<"), 0)
        piece, rest = rest[:cut], rest[cut:]
        if any(b"<!" in part and _DECLARED.search(part) for part in (piece, rest)):
            raise InputError(f"{where} declares a document type or entities; refused")
        if b"\0" in piece or b"\0" in rest:
            raise InputError(f"{where} is not UTF-8 XML; save the workbook again")
        if len(rest) > MAX_RUN:
            raise InputError(f"{where} holds a text of more than {MAX_RUN // MIB} MiB; refused")
        yield piece
    yield rest


def _column(letters: bytes) -> int:
    """Give the number of a column from its letters, from 1."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - ord("A") + 1
    return number
