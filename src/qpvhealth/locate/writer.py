"""Points with their QPV, written whole or not at all."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import shapely

from qpvhealth.errors import UsageError
from qpvhealth.ingest.readers.geoparquet import PARQUET
from qpvhealth.publish.store import sync, writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CSV = (".csv", ".tsv", ".txt")
ROW_GROUP = 1 << 20
SYNCED_BYTES = 1 << 26
"""So much at a time is sent to the disk while the next rows are worked out: little is left to wait for at the end."""


class PointWriter:
    """Writes batches of one schema, in order, to Parquet (snappy, page checksums) or CSV (UTF-8, texts quoted)."""

    def __init__(self, path: Path, schema: pa.Schema, *, is_text: bool, separator: str = ",") -> None:
        """Start a file; ``write_points`` gives it its place."""
        self._path, self._schema, self._is_text = path, schema, is_text
        if is_text:
            self._shapes = frozenset(json.loads((schema.metadata or {}).get(b"geo", b"{}")).get("columns", ()))
            self._schema = pa.schema([f if _has_cell(f.type) else pa.field(f.name, pa.string()) for f in schema])
            options = pacsv.WriteOptions(delimiter=separator, quoting_style="needed")
            self._writer = pacsv.CSVWriter(path, self._schema, write_options=options)
        else:
            texts = [f.name for f in schema if _is_repetitive(f.type)]
            self._writer = pq.ParquetWriter(
                path, schema, compression="snappy", use_dictionary=texts or False, write_page_checksum=True
            )
        self._waiting_bytes, self._disk, self._sent = 0, ThreadPoolExecutor(1), Future[None]()
        self._sent.set_result(None)

    def write(self, rows: pa.RecordBatch) -> None:
        """Write some rows."""
        if self._is_text:
            cells = zip(rows.columns, self._schema, strict=True)
            columns = [_as_text(column, f.type, is_shape=f.name in self._shapes) for column, f in cells]
            self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        else:
            self._writer.write_batch(rows, row_group_size=ROW_GROUP)
        self._waiting_bytes += rows.nbytes
        if self._waiting_bytes >= SYNCED_BYTES and self._sent.done():
            self._sent.result()
            self._waiting_bytes, self._sent = 0, self._disk.submit(sync, self._path)

    def close(self) -> None:
        """Finish the file; what the disk refused meanwhile is raised."""
        with self._disk:
            self._writer.close()
            self._sent.result()


def refuse_suffix(path: Path) -> None:
    """Raise UsageError for an output that is neither Parquet nor CSV."""
    if path.suffix.lower() not in (*PARQUET, *CSV):
        raise UsageError(f"{path}: written as {', '.join((*PARQUET, *CSV))}; name it so")


@contextmanager
def write_points(path: Path, schema: pa.Schema, *, separator: str = ",") -> Iterator[PointWriter]:
    """Give a writer to a temporary file beside ``path``, renamed over it once all is written and synced.

    Whatever is raised inside, nothing is left and what was there before is unchanged. Raises UsageError for an extension
    that is not written, PublishError when the disk refuses.
    """
    refuse_suffix(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
        try:
            writer = PointWriter(fresh, schema, is_text=path.suffix.lower() in CSV, separator=separator)
            try:
                yield writer
            finally:
                writer.close()
            sync(fresh)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)


def _is_repetitive(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


def _has_cell(kind: pa.DataType) -> bool:
    """Say whether CSV has a cell for values of a type."""
    return bool(pa.types.is_primitive(kind) or _is_repetitive(kind) or pa.types.is_decimal(kind))


def _as_text(column: pa.Array, kind: pa.DataType, *, is_shape: bool) -> pa.Array:
    """Write as text what CSV has no cell for: geometries as WKT, other bytes as hexadecimal digits, the rest as Python shows it."""
    if column.type == kind:
        return column
    cells = column.to_pylist()
    if is_shape and _is_binary(column.type):
        shapes = shapely.from_wkb(np.array(cells, dtype=object), on_invalid="ignore")
        words = shapely.to_wkt(shapes, rounding_precision=-1)
        cells = [c if word is None else word for c, word in zip(cells, words, strict=True)]
    return pa.array([None if c is None else c.hex() if isinstance(c, bytes) else str(c) for c in cells], pa.string())


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))
