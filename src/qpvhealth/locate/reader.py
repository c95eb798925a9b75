"""Points by the million: Parquet, GeoParquet or CSV, read batch by batch with every column as it is, and their coordinates.

Nothing is typed, dropped or repaired: what is read is what will be written beside the answers. The cells of a CSV file stay
text; one physical line is one record, and a file where that does not hold is refused.
"""

from __future__ import annotations

import codecs
import csv
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import shapely

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import systems
from qpvhealth.ingest.readers.geoparquet import NO_SYSTEM, PARQUET, geometry_column, rewritten_metadata
from qpvhealth.ingest.readers.guard import MIB, checked_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from qpvhealth.ingest.readers.geoparquet import GeometryColumn

CSV = (".csv", ".tsv", ".txt")
DEGREES = "EPSG:4326"
LONGITUDES = ("lon", "longitude", "lng", "long")
LATITUDES = ("lat", "latitude")
BATCH_ROWS, LEAST_ROWS, BATCH_BYTES = 1 << 19, 1 << 13, 4 * MIB
"""At most so many rows of a Parquet file at a time, and about so many bytes, but for the least number: rows may be wide."""
BUFFER_BYTES = 1 << 16
"""What is read ahead of each column: a file has any number of them."""
SEPARATORS = (";", ",", "\t", "|")
_WKB_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])
_LIMITS = {"thrift_string_size_limit": 64 * MIB, "thrift_container_size_limit": 10_000_000}


class Batch(NamedTuple):
    """Some rows as read, and their coordinates (NaN where there is no point)."""

    rows: pa.RecordBatch
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Coordinates:
    """Where the coordinates are: two columns of numbers, or one geometry column (then ``y`` is null); and their system."""

    x: str
    y: str | None
    crs: str


class PointFile:
    """One file of points: its columns, where its coordinates are, and how many rows it has.

    ``n_rows`` is null for a CSV file; ``n_about`` is then its lines below the header, blank ones included.
    """

    def __init__(self, path: Path, *, x: str | None = None, y: str | None = None, crs: str | None = None) -> None:
        """Open a file and look for its coordinates: the columns ``x`` and ``y``, else its geometry, else longitude and latitude.

        Raises:
            InputError: missing, damaged or unsafe file, one column name twice, or no coordinate system.
            UsageError: unknown extension, an unknown column, or no coordinates.

        """
        self.path, self.separator, self.n_rows = checked_path(path), ",", None
        self.metadata: dict[bytes, bytes] = {}
        geometry: GeometryColumn | None = None
        suffix, name = self.path.suffix.lower(), self.path.name
        if suffix not in (*PARQUET, *CSV):
            raise UsageError(f"{path}: points are read from {', '.join((*PARQUET, *CSV))}; convert the file")
        self.is_text = suffix in CSV
        if self.is_text:
            self.encoding, n_lines = _survey(self.path)
            self.n_about = n_lines - 1
            with self.path.open(encoding="utf-8-sig" if self.encoding == "utf8" else self.encoding, newline="") as file:
                line = file.readline(MIB)
            cells = {s: next(csv.reader([line], delimiter=s), []) for s in SEPARATORS}
            self.separator = max(SEPARATORS, key=lambda s: len(cells[s]))
            self.schema = pa.schema([(column, pa.string()) for column in cells[self.separator]])
        else:
            file = _parquet(self.path)
            self.schema, self.n_rows = stored(file.schema_arrow), file.metadata.num_rows
            self.n_about = self.n_rows
            geometry = None if x is not None else geometry_column(file, name)
            of_copy = geometry if x is None else _geometry_if_readable(file, name)
            self.metadata = rewritten_metadata(self.schema.metadata, of_copy)
        names = self.schema.names
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise InputError(f"{name}: columns named twice: {', '.join(twice[:20])}; rename them")
        self.coordinates = _coordinates(name, self.schema, geometry, x=x, y=y, crs=crs)

    def row_groups(self) -> list[int]:
        """Return the number of rows of each row group of a Parquet file."""
        metadata = _parquet(self.path).metadata
        return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]

    def batches(self, row_groups: Sequence[int] | None = None) -> Iterator[Batch]:
        """Read the file in order, at most half a million rows and about 8 MiB at a time.

        Raises:
            InputError: damaged file, a coordinate that is not a number, a geometry that is not a point, or a CSV file with fewer
                records than lines: a stray quote swallows lines without a word.

        """
        done = 0
        try:
            for read in self._lines() if self.is_text else self._row_groups(row_groups):
                rows = pa.RecordBatch.from_arrays([_storage(c) for c in read.columns], schema=self.schema)
                yield Batch(rows, *self._xy(rows, done))
                done += rows.num_rows
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path.name}: cannot be read ({_first_line(error)}); mend the file") from error
        if self.is_text and done != self.n_about and done != _count_full_lines(self.path) - 1:
            raise InputError(
                f"{self.path.name}: {self.n_about} lines but {done} records: a quote is not closed, or a cell holds"
                " a line break; mend the file, or convert it to Parquet"
            )

    def _row_groups(self, row_groups: Sequence[int] | None) -> Iterator[pa.RecordBatch]:
        file = _parquet(self.path)
        n_bytes = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        fitting = int(BATCH_BYTES * file.metadata.num_rows / max(n_bytes, 1))
        # columns one after the other: each thread would hold pages of its own
        yield from file.iter_batches(min(max(fitting, LEAST_ROWS), BATCH_ROWS), row_groups, use_threads=False)

    def _lines(self) -> Iterator[pa.RecordBatch]:
        read = pacsv.ReadOptions(encoding=self.encoding, block_size=16 * MIB)
        parse = pacsv.ParseOptions(delimiter=self.separator)
        convert = pacsv.ConvertOptions(
            column_types=self.schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
        )
        with pacsv.open_csv(self.path, read, parse, convert) as file:
            yield from file

    def _xy(self, rows: pa.RecordBatch, done: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the coordinates of rows, of which ``done`` come before in the file: numbers, points by their parts, or WKB."""
        place = self.coordinates
        if place.y is not None:
            return self._numbers(rows, place.x), self._numbers(rows, place.y)
        column = _storage(rows.column(place.x))
        if not pa.types.is_struct(column.type):
            return _points(column, self.path.name, done)
        there, nothing = column.is_valid(), pa.scalar(float("nan"), pa.float64())
        x, y = (_floats(pc.if_else(there, column.field(c).cast(pa.float64()), nothing)) for c in ("x", "y"))
        return x, y

    def _numbers(self, rows: pa.RecordBatch, name: str) -> np.ndarray:
        """Return a column as numbers, NaN for null; a decimal comma is read where it is no separator."""
        column = rows.column(name)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = pc.replace_substring(pc.utf8_trim_whitespace(column), ",", ".")
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
        try:
            return _floats(column.cast(pa.float64()))
        except pa.ArrowException as error:
            raise InputError(
                f'{self.path.name}: column "{name}" holds what is not a number ({_first_line(error)}); mend it, or name'
                " other columns with --x and --y"
            ) from error


class PointFolder:
    """The Parquet files of a folder, one after the other in the order of their names, as one file: they have the same columns."""

    def __init__(self, path: Path, *, x: str | None = None, y: str | None = None, crs: str | None = None) -> None:
        """Open every part. Raises as ``PointFile`` does, and UsageError for a folder without parts, or parts that differ."""
        self.path, self.separator, self.is_text = path, ",", False
        self.files = [PointFile(part, x=x, y=y, crs=crs) for part in parts_of(path)]
        first = self.files[0]
        self.schema, self.coordinates, self.metadata = first.schema, first.coordinates, first.metadata
        self.n_about = sum(file.n_about for file in self.files)
        self.n_rows: int | None = self.n_about
        for file in self.files:
            if file.coordinates != first.coordinates or not file.schema.equals(first.schema):
                raise UsageError(f"{file.path.name}: other columns or coordinates than {first.path.name}")

    def batches(self, row_groups: Sequence[int] | None = None) -> Iterator[Batch]:
        """Read the parts in order. Raises as ``PointFile`` does, and ValueError for row groups, which are those of one file."""
        if row_groups is not None:
            raise ValueError("row groups of a folder")
        for file in self.files:
            yield from file.batches()


Points = PointFile | PointFolder


def open_points(path: Path, *, x: str | None = None, y: str | None = None, crs: str | None = None) -> Points:
    """Open a file of points, or a folder of Parquet files."""
    return PointFolder(path, x=x, y=y, crs=crs) if path.is_dir() else PointFile(path, x=x, y=y, crs=crs)


def parts_of(path: Path) -> list[Path]:
    """Return the Parquet files of a folder by name, hidden ones left out; a file is its only part. Raises UsageError for a folder without."""
    if not path.is_dir():
        return [path]
    entries = sorted(p for p in path.iterdir() if not p.name.startswith((".", "_")))
    parts = [p for p in entries if p.suffix.lower() in PARQUET and p.is_file()]
    if not parts or any(p.is_dir() for p in entries):
        raise UsageError(
            f"{path}: Parquet files are read from a folder that holds them and no other folder; name that one"
        )
    return parts


def stored(schema: pa.Schema) -> pa.Schema:
    """Return a schema whose types of geometries are those in which they are stored: which are known depends on what else is loaded."""
    plain = [f.with_type(f.type.storage_type) if _is_geometry(f.type) else f for f in schema]
    return pa.schema(plain, metadata=schema.metadata)


def _is_geometry(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name.startswith("geoarrow.")


def _storage(column: pa.Array) -> pa.Array:
    return column.storage if _is_geometry(column.type) else column


def _floats(column: pa.Array) -> np.ndarray:
    """Return numbers, NaN for null, from their buffers: ``to_numpy`` would load pandas, which takes as long as a million points."""
    validity, data = column.buffers()
    here = slice(column.offset, column.offset + len(column))
    values = np.frombuffer(data or b"", dtype=float)[here]
    if not column.null_count:
        return values
    return np.where(np.unpackbits(np.frombuffer(validity, dtype=np.uint8), bitorder="little")[here], values, np.nan)


def _parquet(path: Path) -> pq.ParquetFile:
    """Open a Parquet file so that reading it never holds more than a few pages."""
    try:
        return pq.ParquetFile(
            path, pre_buffer=False, buffer_size=BUFFER_BYTES, page_checksum_verification=True, **_LIMITS
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path.name}: damaged Parquet file ({_first_line(error)}); fetch it again") from error


def _geometry_if_readable(file: pq.ParquetFile, name: str) -> GeometryColumn | None:
    """Return the geometry column of a file whose points are elsewhere: what of it cannot be read stops nothing."""
    with suppress(InputError):
        return geometry_column(file, name)
    return None


def _coordinates(
    name: str, schema: pa.Schema, geometry: GeometryColumn | None, *, x: str | None, y: str | None, crs: str | None
) -> Coordinates:
    if x is not None or y is not None:
        if x is None or y is None:
            raise UsageError("--x and --y go together")
        for column in (x, y):
            if column not in schema.names:
                raise UsageError(f'{name}: no column "{column}"; its columns: {", ".join(schema.names[:20])}')
        return Coordinates(x, y, systems.of_option(crs or DEGREES))
    if geometry is not None:
        if geometry.encoding not in ("WKB", "point"):
            raise InputError(f"{name}: its geometries are neither WKB nor points; write it again as GeoParquet")
        if (crs or geometry.crs) is None:
            why = geometry.doubt or f"{NO_SYSTEM}; its geometry has no coordinate system"
            raise InputError(f"{name}: {why}; name it with --crs EPSG:…")
        return Coordinates(geometry.name, None, systems.of_option(crs) if crs else str(geometry.crs))
    lower = {n.lower(): n for n in reversed(schema.names)}
    lon, lat = (next((lower[n] for n in names if n in lower), None) for names in (LONGITUDES, LATITUDES))
    if lon is None or lat is None:
        raise UsageError(
            f"{name}: no geometry, no longitude and latitude among its columns ({', '.join(schema.names[:20])});"
            " name the coordinates with --x, --y and --crs"
        )
    return Coordinates(lon, lat, systems.of_option(crs or DEGREES))


def _points(column: pa.Array, name: str, done: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates of points in WKB, off their bytes where all are plain points; NaN for a null or empty one."""
    column = column.cast(pa.large_binary())
    if column.null_count == 0 and len(column):
        _, offsets, data = column.buffers()
        at = np.frombuffer(offsets, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
        if (np.diff(at) == _WKB_POINT.itemsize).all():
            cells = np.frombuffer(data, dtype=_WKB_POINT, count=len(column), offset=int(at[0]))
            if (cells["order"] == 1).all() and (cells["kind"] == 1).all():
                return np.ascontiguousarray(cells["x"]), np.ascontiguousarray(cells["y"])
    shapes = shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore")
    missing = shapely.is_missing(shapes)
    wrong = np.where(missing, column.is_valid().to_numpy(zero_copy_only=False), shapely.get_type_id(shapes) != 0)
    if wrong.any():
        raise InputError(f"{name}: row {done + int(np.argmax(wrong)) + 1} is not a point; give one point a row")
    return shapely.get_x(shapes), shapely.get_y(shapes)


def _survey(path: Path) -> tuple[str, int]:
    """Return the encoding of a text file (UTF-8, else cp1252) and the number of its lines.

    Raises:
        InputError: UTF-16 or UTF-32.

    """
    decoder, is_utf8, n, last = codecs.getincrementaldecoder("utf-8")(), True, 0, b"\n"
    with path.open("rb") as file:
        while data := file.read(8 * MIB):
            if n == 0 and data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise InputError(f"{path.name}: written in UTF-16; save it in UTF-8")
            n, last = n + data.count(b"\n"), data[-1:]
            if is_utf8 and not (data.isascii() and not decoder.getstate()[0]):
                try:
                    decoder.decode(data)
                except UnicodeDecodeError:
                    is_utf8 = False
    return ("utf8" if is_utf8 else "cp1252"), n + (last != b"\n")


def _count_full_lines(path: Path) -> int:
    """Count the lines that are not blank."""
    n, rest = 0, b""
    with path.open("rb") as file:
        while data := file.read(8 * MIB):
            *lines, rest = (rest + data).split(b"\n")
            n += sum(1 for line in lines if line not in (b"", b"\r"))
    return n + (rest not in (b"", b"\r"))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
