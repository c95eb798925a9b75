"""Counts of structures by place, type, modality and situation, with explicit totals, and the proof that levels add up."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import numbers
from qpvhealth.errors import ContractError
from qpvhealth.facts.situations import IN_QPV
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.rules.levels import COUNTRY, LEVELS

if TYPE_CHECKING:
    from collections.abc import Collection

    from pandas.api.extensions import ExtensionArray

ALL = "all"
KEYS = ["generation", "year", "level", "area_code"]
TOTALLED = ["structure_type", "modality", "situation"]


def levels_of(stock: pd.DataFrame) -> list[str]:
    """Return the levels at which a stock is counted: ``epci`` where a table of communes gave any."""
    return [level for level in LEVELS if level != "epci" or stock["epci_code"].notna().any()]


def count(stock: pd.DataFrame, levels: Collection[str] | None = None) -> pd.DataFrame:
    """Count the structures of a stock.

    ``stock``: one row per structure, year and generation, with the columns of ``LEVELS`` and ``TOTALLED``. Returns one row per
    generation, year, level, area, type, modality and situation that occurs, with ``all`` rows, and ``n_structures``. What has no
    code at a level is counted under ``none``, so that levels add up; the level ``qpv`` holds what is inside one. ``levels``: those of
    ``levels_of`` where not given, as for a part of a stock.
    """
    if stock.empty:
        return none()
    coded = _coded(stock, ["generation", "year", *(c for c in LEVELS.values() if c), *TOTALLED])
    asked = levels_of(stock) if levels is None else levels
    return pd.concat([by_level(coded, level) for level in asked], ignore_index=True)


def none() -> pd.DataFrame:
    """Return an empty frame of counts."""
    kinds = {"year": "Int64", "n_structures": "int64"}
    return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "str")) for c in (*KEYS, *TOTALLED, "n_structures")})


def by_level(stock: pd.DataFrame, level: str) -> pd.DataFrame:
    """Count a stock at one level, with the ``all`` rows of every combination of type, modality and situation."""
    frame = stock[stock["qpv_code"].notna()] if level == "qpv" else stock
    column = LEVELS[level]
    area = [] if column is None else [column]
    base = cells(frame, ["generation", "year", *area, *TOTALLED], "n_structures")
    named = base.assign(level=level, area_code=area_codes(base, level))
    return with_totals(named[[*KEYS, *TOTALLED, "n_structures"]], "n_structures")


def area_codes(rows: pd.DataFrame, level: str) -> pd.Series:
    """Return the area code of each row at a level, ``FR`` for the country; ``none`` where it has none, so that levels add up."""
    column = LEVELS[level]
    if column is None:
        return pd.Series(COUNTRY, index=rows.index, dtype="str")
    return rows[column].astype("str").fillna(NO_REGION)


def cells(frame: pd.DataFrame, keys: list[str], measure: str) -> pd.DataFrame:
    """Count the rows of each combination of keys that occurs, nulls of a key being one of its values."""
    named, at = distinct(frame, keys)
    return named.assign(**{measure: np.bincount(at, minlength=len(named))})


def distinct(frame: pd.DataFrame, keys: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the combinations of keys that occur, in the order of their first row, and the position among them of each row's.

    A null is a value of its key; categories are given back as what they name.
    """
    at, found = pd.factorize(numbers(keys, frame)[0])
    first = np.empty(len(found), dtype="int64")
    first[at[::-1]] = np.arange(len(at))[::-1]
    named = frame[keys].take(first).reset_index(drop=True)
    coded = {c: d.categories.dtype for c, d in named.dtypes.items() if isinstance(d, pd.CategoricalDtype)}
    return named.astype(coded), at


def sums(frame: pd.DataFrame, keys: list[str], measures: list[str]) -> pd.DataFrame:
    """Sum whole numbers over each combination of keys that occurs, in the order of their first row."""
    named, at = distinct(frame, keys)
    summed = {m: np.bincount(at, frame[m], len(named)).astype("int64") for m in measures}
    return named.assign(**summed)


def with_totals(base: pd.DataFrame, measure: str, totalled: list[str] | None = None) -> pd.DataFrame:
    """Add the rows in which some or all of the totalled columns are ``all``.

    Each combination of keys is one number, its digits the codes of the keys; a total is the same number with another digit.
    """
    columns = TOTALLED if totalled is None else totalled
    keys = [c for c in base.columns if c != measure]
    coded = {k: _numbered(base[k], (ALL,) if k in columns else ()) for k in keys}
    digits = np.cumprod([1, *(len(coded[k][1]) + 1 for k in keys)]).tolist()
    weight = dict(zip(keys, digits, strict=False))
    number = sum((coded[k][0] * weight[k] for k in keys), start=np.zeros(len(base), dtype="int64"))
    to_all = {k: (len(coded[k][1]) - coded[k][0]) * weight[k] for k in columns}
    chosen = [names for size in range(len(columns) + 1) for names in combinations(columns, size)]
    every = np.concatenate([sum((to_all[k] for k in names), start=number) for names in chosen])
    at, found = pd.factorize(every)
    summed = np.bincount(at, weights=np.tile(base[measure].to_numpy(), len(chosen)), minlength=len(found))
    codes = {k: found // weight[k] % (len(coded[k][1]) + 1) - 1 for k in keys}
    named = {k: coded[k][1].take(codes[k], allow_fill=True) for k in keys}
    return pd.DataFrame(named | {measure: summed.astype("int64")})[list(base.columns)]


def _coded(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Turn text into numbered categories: grouping then compares integers."""
    return frame.assign(**{c: frame[c].astype("category") for c in columns})


def _numbered(values: pd.Series, more: tuple[str, ...] = ()) -> tuple[np.ndarray, ExtensionArray]:
    """Return the number of each value of a column, from 1, nulls 0, and the values by number; ``more`` ones come last."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, found = values.cat.codes.to_numpy(dtype="int64"), values.cat.categories
    else:
        codes, found = pd.factorize(values)
    known = pd.Series([*found, *more], dtype="str" if pd.api.types.is_string_dtype(found.dtype) else "Int64")
    return codes.astype("int64") + 1, known.array


def assert_levels_add_up(counts: pd.DataFrame) -> None:
    """Raise ContractError, naming what does not, unless every level sums to the country (``qpv`` to what is inside)."""
    cell = ["generation", "year", *TOTALLED]
    sums = counts.pivot_table(index=cell, columns="level", values="n_structures", aggfunc="sum", fill_value=0)
    problems: list[str] = []
    for level in sums.columns.drop("country", errors="ignore"):
        compared = sums[sums.index.get_level_values("situation") == IN_QPV] if level == "qpv" else sums
        gap = compared[compared[level] != compared["country"]].head(3)
        problems += [
            f"yearly_counts: {level} sums to {part}, the country has {whole}: {where}"
            for where, part, whole in zip(
                gap.index.to_frame().to_dict("records"), gap[level], gap["country"], strict=True
            )
        ]
    if problems:
        raise ContractError("\n".join(problems))
