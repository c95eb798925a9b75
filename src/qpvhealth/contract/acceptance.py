"""Whether a frame holds its rules, asked of Arrow on distinct values: fast where all is well, silent on what is wrong.

A build holds some 450 columns against their rules, nearly always to hear that they hold. ``schema`` finds what breaks a rule, by
pandas, only where the answer here is no.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from qpvhealth.contract.schema import Column


def holds(column: Column, series: pd.Series) -> bool:
    """Say whether a column holds every rule of its declaration; False also where only pandas could tell."""
    if column.kind == "geometry":
        return column.nullable or not series.isna().any()
    allowed, pattern = column.values, column.pattern  # noqa: PD011 -- a Column is no frame
    ruled = allowed is not None or pattern is not None or column.kind in ("int", "float")
    if column.nullable and not ruled:
        return True
    values = arrow(series)
    if values is None or (values.null_count and not column.nullable):
        return False
    return not ruled or _within(column, values.drop_null())


def ties(frame: pd.DataFrame, key: Sequence[str]) -> np.ndarray | None:
    """Say which rows have the key of the row before them; None where a part is null or rows are not in the order of the key.

    One shorter than the frame: the first row has none before it.
    """
    tied = np.ones(max(len(frame) - 1, 0), dtype=bool)
    for name in key if len(tied) else ():
        values = arrow(frame[name])
        if values is None or values.null_count:
            return None
        before, after = values.slice(0, len(tied)), values.slice(1)
        if _mask(pc.greater(before, after))[tied].any():
            return None
        tied &= _mask(pc.equal(before, after))
    return tied


def exist(ours: pd.DataFrame, theirs: pd.DataFrame) -> bool:
    """Say whether the values of one column all exist in another; False where there are several columns, which pandas compares."""
    if ours.shape[1] != 1:
        return False
    here, there = arrow(ours.iloc[:, 0]), arrow(theirs.iloc[:, 0])
    if here is None or there is None or here.type != there.type:
        return False
    return bool(pc.all(pc.is_in(here.unique(), value_set=pc.drop_null(there.unique()))).as_py() is not False)


def arrow(series: pd.Series) -> pa.Array | pa.ChunkedArray | None:
    """Return the values as Arrow holds them, NaN as null; None where it has no type for them."""
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError):
        return None


def _within(column: Column, known: pa.Array | pa.ChunkedArray) -> bool:
    """Hold values that are known against the allowed ones, the pattern and the bounds."""
    if column.kind in ("int", "float") and not (pa.types.is_integer(known.type) or pa.types.is_floating(known.type)):
        return False
    allowed = column.values  # noqa: PD011 -- a Column is no frame
    if allowed is not None and not set(known.unique().to_pylist()) <= set(allowed):
        return False
    if column.pattern is not None and not _match(column.pattern, known):
        return False
    if (column.minimum is None and column.maximum is None) or not len(known):
        return True
    found = pc.min_max(known).as_py()
    return (column.minimum is None or found["min"] >= column.minimum) and (
        column.maximum is None or found["max"] <= column.maximum
    )


def _match(pattern: str, known: pa.Array | pa.ChunkedArray) -> bool:
    """Say whether all texts match the whole pattern."""
    if not (pa.types.is_string(known.type) or pa.types.is_large_string(known.type)):
        return False
    texts = known.unique()
    try:
        return pc.all(pc.match_substring_regex(texts, f"^(?:{pattern})$")).as_py() is not False
    except pa.ArrowInvalid:  # its expressions do not look around
        return all(re.fullmatch(pattern, text) for text in texts.to_pylist())


def _mask(answers: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return np.asarray(
        answers.to_numpy(zero_copy_only=False) if isinstance(answers, pa.Array) else answers.to_numpy(), dtype=bool
    )
