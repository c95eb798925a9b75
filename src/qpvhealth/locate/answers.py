"""Answers as Arrow columns, made from their buffers.

``pyarrow.array`` loads pandas to see whether it was given a frame: that takes as long as a million points, and no frame is here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable


def texts(values: Iterable[str]) -> pa.Array:
    """Return texts, none of them null."""
    encoded = [str(v).encode() for v in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))


def texts_at(which: np.ndarray, names: pa.Array) -> pa.Array:
    """Return the text at each position; null for a negative position."""
    positions = _column(pa.int32(), np.ascontiguousarray(which, dtype=np.int32), which >= 0)
    return pa.DictionaryArray.from_arrays(positions, names).cast(pa.string())


def numbers(values: np.ndarray) -> pa.Array:
    """Return numbers; null for NaN."""
    return _column(pa.float64(), np.ascontiguousarray(values, dtype=float), ~np.isnan(values))


def _column(kind: pa.DataType, values: np.ndarray, is_valid: np.ndarray) -> pa.Array:
    validity = np.packbits(is_valid, bitorder="little")
    return pa.Array.from_buffers(kind, len(values), [pa.py_buffer(validity), pa.py_buffer(values)])
