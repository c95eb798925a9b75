"""Rows in the order of their key, found on numbers: two texts are compared once, not once a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qpvhealth.contract.packed import codes

if TYPE_CHECKING:
    from collections.abc import Sequence


def ranks(values: pa.Array) -> np.ndarray:
    """Return a number for each value: equal for equal ones, in their order, a null last. Texts are dictionaries.

    Texts are in the order of their code points, which is that of their UTF-8 bytes.
    """
    if pa.types.is_dictionary(values.type):
        return _coded(values)
    if values.null_count == len(values):
        return np.zeros(len(values), dtype="int8")
    if pa.types.is_signed_integer(values.type) and not values.null_count:
        return np.asarray(values)
    comparable = values.cast(pa.int8()) if pa.types.is_boolean(values.type) else values
    return np.asarray(pc.rank(comparable, tiebreaker="dense"))


def _coded(values: pa.DictionaryArray) -> np.ndarray:
    in_order = pc.array_sort_indices(values.dictionary).to_numpy()
    rank = np.empty(len(in_order) + 1, dtype="int32")
    rank[in_order] = np.arange(len(in_order))
    rank[-1] = len(in_order)
    return np.asarray(rank[codes(values)])


def ties(keys: Sequence[np.ndarray]) -> np.ndarray | None:
    """Say which rows have the key of the row before them; None where rows are not in the order of the key.

    One shorter than the rows: the first has none before it.
    """
    tied = np.ones(max(len(keys[0]) - 1, 0), dtype=bool)
    for rank in keys:
        before, after = rank[:-1], rank[1:]
        if (tied & (before > after)).any():
            return None
        tied &= before == after
    return tied


def order(keys: Sequence[np.ndarray]) -> np.ndarray:
    """Return the positions of the rows in the order of the key; those with the same key stay as they were."""
    return np.lexsort(keys[::-1])
