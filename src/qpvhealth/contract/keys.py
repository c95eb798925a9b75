"""Codes held against codes: which values of a column stand in another, which rows have the same keys, at the cost of a hash each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pandas.api.extensions import ExtensionArray


def among(codes: pd.Series, lookup: Iterable[str]) -> pd.Series:
    """Say which codes stand among others, whatever their number; a null code stands in none.

    ``Series.isin`` turns each text of a long list into an object first, which costs a hundred times the comparison.
    """
    others = lookup if isinstance(lookup, pd.Series | pd.Index) else pd.Series(list(lookup), dtype="str")
    sides = [pa.array(side.astype("str"), type=pa.large_string()) for side in (codes, others)]
    mask = pc.is_in(sides[0], value_set=sides[1].drop_null())
    return pd.Series(np.asarray(mask), index=codes.index)


def numbers(keys: Sequence[str], *frames: pd.DataFrame) -> list[np.ndarray]:
    """Return a number for each row of frames: the same where all keys are equal, text or categories, in whichever frame.

    A null is a value of its key. Numbers are compared, not texts: the cost does not grow with the length of the codes.
    """
    sizes = [len(frame) for frame in frames]
    number, size = np.zeros(sum(sizes), dtype="int64"), 1
    for key in keys:
        codes, n = _codes([frame[key] for frame in frames])
        if size * n > _LARGEST:
            number, distinct = pd.factorize(number)
            size = len(distinct)
        number, size = number * n + codes, size * n
    return np.split(number, np.cumsum(sizes)[:-1])


_LARGEST = 2**62


def _codes(columns: list[pd.Series]) -> tuple[np.ndarray, int]:
    """Return the code of each value of columns put end to end, 0 for a null, and how many codes there are."""
    coded = [isinstance(column.dtype, pd.CategoricalDtype) for column in columns]
    if all(coded) and all(c.cat.categories is columns[0].cat.categories for c in columns):
        codes = np.concatenate([c.cat.codes.to_numpy(dtype="int64") for c in columns])
        return codes + 1, len(columns[0].cat.categories) + 1
    values = [c.cat.categories.to_series() if is_coded else c for c, is_coded in zip(columns, coded, strict=True)]
    codes, distinct = (values[0] if len(values) == 1 else pd.concat(values, ignore_index=True)).array.factorize()
    parts = np.split(codes.astype("int64"), np.cumsum([len(v) for v in values])[:-1])
    in_order = [
        np.append(part, -1)[column.cat.codes] if is_coded else part
        for column, part, is_coded in zip(columns, parts, coded, strict=True)
    ]
    return np.concatenate(in_order) + 1, len(distinct) + 1


def unlike(old: pd.Series, new: pd.Series) -> np.ndarray:
    """Say where two values, row by row, are not the same, two nulls being the same."""
    values, others = old.array, new.array
    differ: np.ndarray = np.asarray(values != others, dtype=bool) & ~(values.isna() & others.isna())
    return differ


def decoded(values: ExtensionArray) -> ExtensionArray:
    """Return what categories name, by their numbers: pandas would look at each value. Other values stay as they are."""
    if isinstance(values, pd.Categorical):
        values = values.categories.array.take(values.codes, allow_fill=True)
    return values


def positions(keys: Sequence[str], rows: pd.DataFrame, lookup: pd.DataFrame) -> np.ndarray:
    """Return, for each row, the position in ``lookup`` of the row with the same keys; -1 where there is none.

    ``lookup`` is unique by these keys.
    """
    own, theirs = numbers(keys, rows, lookup)
    return np.asarray(pd.Index(theirs).get_indexer(own))
