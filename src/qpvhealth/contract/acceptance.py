"""Whether a table holds its rules, asked of Arrow on distinct values: fast where all is well, silent on what is wrong.

A build holds some 450 columns against their rules, nearly always to hear that they hold. ``schema`` finds what breaks a rule, by
pandas, only where the answer here is no.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qpvhealth.contract import order
from qpvhealth.contract.packed import codes, distinct, packed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpvhealth.contract.schema import Column

    Held: TypeAlias = "pd.Series | pa.Array"


def holds(column: Column, held: Held) -> bool:
    """Say whether a column holds every rule of its declaration; False also where only pandas could tell."""
    allowed, pattern = column.values, column.pattern  # noqa: PD011 -- a Column is no frame
    ruled = allowed is not None or pattern is not None or column.kind in ("int", "float")
    if column.nullable and not ruled:
        return True
    values = arrow(held)
    if values is None or (values.null_count and not column.nullable):
        return False
    return not ruled or values.null_count == len(values) or _within(column, distinct(values))


def ties(key: Sequence[Held]) -> np.ndarray | None:
    """Say which rows have the key of the row before them (see ``order.ties``); None also where Arrow cannot hold a part."""
    values = [arrow(part) for part in key]
    return None if any(v is None for v in values) else order.ties([order.ranks(v) for v in values])


def exist(ours: Sequence[Held], theirs: Sequence[Held]) -> bool:
    """Say whether the rows of some columns, those with a null left out, are all among the rows of others; False if unsure."""
    here, there = [arrow(column) for column in ours], [arrow(column) for column in theirs]
    if any(v is not None and v.null_count == len(v) for v in here):
        return True
    known, own, found, size = np.ones(1, bool), np.zeros(1, "int64"), np.zeros(1, "int64"), 1
    for mine, target in zip(here, there, strict=True):
        places = _places(mine, target)
        if places is None or (size := size * places[2]) > _LARGEST:
            return False
        known, own, found = known & (places[0] >= 0), own * places[2] + places[0], found * places[2] + places[1]
    return bool(np.isin(own[known], found).all())


_LARGEST = 2**62


def _places(ours: pa.Array | None, theirs: pa.Array | None) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Return the place of each value among the distinct ones of the second column, and how many places there are.

    A null of ours is at -1; what the second column lacks and its own nulls have a place each.
    """
    if ours is None or theirs is None:
        return None
    own, found = _coded(ours), _coded(theirs)
    is_like = own.dictionary.type == found.dictionary.type
    if not is_like and found.null_count < len(found):
        return None
    n = len(found.dictionary)
    at = pc.index_in(own.dictionary, value_set=found.dictionary if is_like else own.dictionary[:0]).fill_null(n)
    targets = np.where(codes(found) < 0, n + 1, codes(found))
    return np.append(at, -1)[codes(own)], targets, n + 2


def _coded(values: pa.Array) -> pa.DictionaryArray:
    if pa.types.is_dictionary(values.type):
        return values
    return (values.cast(pa.int64()) if pa.types.is_integer(values.type) else values).dictionary_encode()


def arrow(held: Held) -> pa.Array | None:
    """Return a column as Arrow holds it packed; None where it has no type for it."""
    try:
        return packed(held) if isinstance(held, pd.Series) else held
    except (pa.ArrowException, TypeError):
        return None


def _within(column: Column, known: pa.Array) -> bool:
    """Hold values, of which some are known, against the allowed ones, the pattern and the bounds."""
    is_number = pa.types.is_integer(known.type) or pa.types.is_floating(known.type)
    if column.kind in ("int", "float") and not is_number:
        return False
    allowed = column.values  # noqa: PD011 -- a Column is no frame
    if (allowed is not None or column.pattern is not None) and not _match(column, known):
        return False
    if column.minimum is None and column.maximum is None:
        return True
    found = pc.min_max(known).as_py()
    return (column.minimum is None or found["min"] >= column.minimum) and (
        column.maximum is None or found["max"] <= column.maximum
    )


def _match(column: Column, texts: pa.Array) -> bool:
    """Say whether all texts are allowed and match the whole pattern."""
    allowed, pattern = column.values, column.pattern  # noqa: PD011 -- a Column is no frame
    if not pa.types.is_string(texts.type) or (allowed is not None and not set(texts.to_pylist()) <= set(allowed)):
        return False
    if pattern is None:
        return True
    try:
        return bool(pc.all(pc.match_substring_regex(texts, f"^(?:{pattern})$")).as_py())
    except pa.ArrowInvalid:  # its expressions do not look around
        return all(re.fullmatch(pattern, text) for text in texts.to_pylist())
