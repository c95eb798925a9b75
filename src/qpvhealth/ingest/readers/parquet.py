"""Parquet tables as text, written the same way as the cells of the other readers."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpvhealth.errors import InputError
from qpvhealth.ingest.readers.geoparquet import GeometryColumn, geometry_column
from qpvhealth.ingest.readers.guard import MIB, checked_path, refuse_bigger
from qpvhealth.ingest.readers.raw import RawTable
from qpvhealth.ingest.readers.workbook_child import number_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

MAX_BYTES = 1024 * MIB
MAX_INFLATED = 2048 * MIB
MAX_ROWS = 20_000_000
MAX_VALUES = 200_000_000
_METADATA_LIMIT = 64 * MIB


def read_parquet(path: Path) -> RawTable:
    """Read a plain Parquet table as text, one record a row, numbered from 1.

    Raises:
        InputError: unsafe, damaged or too big file, two columns of the same name, or a GeoParquet file.

    """
    full = checked_path(path)
    table, geometry = arrow_table(full)
    if geometry is not None:
        raise InputError(f"{full.name}: holds geometries; give it to a kind of source that has polygons or points")
    rows = np.arange(1, table.num_rows + 1, dtype=np.int64)
    return RawTable(file=full.name, frame=text_frame(table, full.name), rows=rows)


def is_geoparquet(path: Path) -> bool:
    """Tell whether a Parquet file has a geometry column, reading its footer only.

    Raises:
        InputError: unsafe or damaged file.

    """
    full = checked_path(path)
    with _opened(full) as file:
        return geometry_column(file, full.name) is not None


def arrow_table(path: Path) -> tuple[pa.Table, GeometryColumn | None]:
    """Read a checked Parquet file whole, and which column has its geometries, once its footer shows that it fits in memory: a few bytes may stand for gigabytes.

    Raises:
        InputError: damaged or too big.

    """
    refuse_bigger(path, MAX_BYTES)
    with _opened(path) as file:
        metadata = file.metadata
        inflated = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
        values = metadata.num_rows * metadata.num_columns
        if inflated > MAX_INFLATED or metadata.num_rows > MAX_ROWS or values > MAX_VALUES:
            raise InputError(
                f"{path.name}: {metadata.num_rows} rows of {metadata.num_columns} columns, {inflated // MIB} MiB once"
                " inflated; refused as a bomb, split the file"
            )
        geometry = geometry_column(file, path.name)
        table = plain(file.read())
        table.validate(full=True)
    return table, geometry


def plain(table: pa.Table) -> pa.Table:
    """Give columns of extension types the type in which they are stored: which are known depends on what else is installed."""
    for i, field in enumerate(table.schema):
        if isinstance(field.type, pa.BaseExtensionType):
            stored = [chunk.storage for chunk in table.column(i).chunks]
            table = table.set_column(i, field.name, pa.chunked_array(stored, field.type.storage_type))
    return table


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Read the footer within limits; what Arrow raises on a damaged file, here or after, becomes InputError."""
    limits = {"thrift_string_size_limit": _METADATA_LIMIT, "thrift_container_size_limit": 1_000_000}
    try:
        with pq.ParquetFile(path, **limits, page_checksum_verification=True) as file:
            yield file
    except (pa.ArrowException, OSError, MemoryError, ValueError) as error:
        raise InputError(f"{path.name}: damaged Parquet file ({_first_line(error)}); fetch it again") from error


def text_frame(table: pa.Table, file: str) -> pd.DataFrame:
    """Write every column of a table as text, names stripped.

    Raises:
        InputError: two columns of the same name, or values that are not valid text.

    """
    names = [name.strip() for name in table.column_names]
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise InputError(f"{file}: columns named twice: {', '.join(twice[:20])}; rename them in a copy of the file")
    try:
        columns = [_text(column) for column in table.columns]
    except (pa.ArrowException, UnicodeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{file}: a column cannot be written as text ({_first_line(error)}); fetch it again"
        ) from error
    frame: pd.DataFrame = pa.Table.from_arrays(columns, names=names).to_pandas()
    return frame if columns else frame.reindex(range(table.num_rows))


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write one column as text: stripped, empty as null, whole numbers without a point, dates as ISO."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _text(column.cast(kind.value_type))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        trimmed = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
        return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.large_string()), trimmed)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind) or pa.types.is_date(kind):
        return (column.cast(pa.date32()) if pa.types.is_date(kind) else column).cast(pa.large_string())
    cells = [[_cell(value) for value in chunk.to_pylist()] for chunk in column.chunks]
    return pa.chunked_array([pa.array(chunk, pa.large_string()) for chunk in cells], pa.large_string())


def _cell(value: object) -> str | None:
    """Write one value of a type that has no ready text."""
    if value is None:
        return None
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace").strip() or None
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text.removesuffix("T00:00:00")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
