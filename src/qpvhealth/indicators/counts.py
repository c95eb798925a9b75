"""Counts of structures by place, type, modality and situation, with explicit totals, and the proof that levels add up."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import decoded, numbers
from qpvhealth.errors import ContractError
from qpvhealth.facts.situations import IN_QPV
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.rules.levels import COUNTRY, LEVELS

ALL = "all"
KEYS = ["generation", "year", "level", "area_code"]
TOTALLED = ["structure_type", "modality", "situation"]


def count(stock: pd.DataFrame) -> pd.DataFrame:
    """Count the structures of a stock.

    ``stock``: one row per structure, year and generation, with the columns of ``LEVELS`` and ``TOTALLED``. Returns one row per
    generation, year, level, area, type, modality and situation that occurs, with ``all`` rows, and ``n_structures``. What has no
    code at a level is counted under ``none``, so that levels add up; the level ``qpv`` holds what is inside one. ``epci`` is
    a level where a table of communes gave any.
    """
    if stock.empty:
        return none()
    texts = ["generation", "year", *(c for c in LEVELS.values() if c), *TOTALLED]
    coded = stock.astype(dict.fromkeys(texts, "category"))  # grouping then compares integers
    levels = [level for level in LEVELS if level != "epci" or stock["epci_code"].notna().any()]
    return pd.concat([by_level(coded, level) for level in levels], ignore_index=True)


def none() -> pd.DataFrame:
    """Return an empty frame of counts."""
    kinds = {"year": "Int64", "n_structures": "int64"}
    return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "str")) for c in (*KEYS, *TOTALLED, "n_structures")})


def by_level(stock: pd.DataFrame, level: str) -> pd.DataFrame:
    """Count a stock at one level, with the ``all`` rows of every combination of type, modality and situation."""
    frame = stock[stock["qpv_code"].notna()] if level == "qpv" else stock
    area = [column] if (column := LEVELS[level]) else []
    base = cells(frame, ["generation", "year", *area, *TOTALLED], "n_structures")
    placed = base.assign(level=level, area_code=area_codes(base, level))
    return with_totals(placed[[*KEYS, *TOTALLED, "n_structures"]], "n_structures")


def area_codes(rows: pd.DataFrame, level: str) -> pd.Series:
    """Return the area code of each row at a level, ``FR`` for the country; ``none`` where it has none, so that levels add up."""
    column = LEVELS[level]
    if column is None:
        return pd.Series(COUNTRY, index=rows.index, dtype="str")
    return rows[column].astype("str").fillna(NO_REGION)


def cells(frame: pd.DataFrame, keys: list[str], measure: str) -> pd.DataFrame:
    """Count the rows of each combination of keys that occurs, nulls of a key being one of its values."""
    combinations_found, at = distinct(frame, keys)
    return combinations_found.assign(**{measure: np.bincount(at, minlength=len(combinations_found))})


def distinct(frame: pd.DataFrame, keys: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the combinations of keys that occur, in the order of their first row, and the position among them of each row's.

    A null is a value of its key; categories are given back as what they name.
    """
    at, values = pd.factorize(numbers(keys, frame)[0])
    first = np.empty(len(values), dtype="int64")
    first[at[::-1]] = np.arange(len(at))[::-1]
    columns = {key: decoded(frame[key].array.take(first)) for key in keys}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(first)), copy=False), at


def sums(frame: pd.DataFrame, keys: list[str], measures: list[str]) -> pd.DataFrame:
    """Sum whole numbers over each combination of keys that occurs, in the order of their first row."""
    combinations_found, at = distinct(frame, keys)
    summed = {m: np.bincount(at, frame[m], len(combinations_found)).astype("int64") for m in measures}
    return combinations_found.assign(**summed)


def with_totals(base: pd.DataFrame, measure: str, totalled: list[str] | None = None) -> pd.DataFrame:
    """Add the rows in which some or all of the totalled columns (by default ``TOTALLED``) are ``all``."""
    columns = TOTALLED if totalled is None else totalled
    chosen = [names for size in range(len(columns) + 1) for names in combinations(columns, size)]
    every = pd.concat([base.assign(**dict.fromkeys(names, ALL)) for names in chosen], ignore_index=True)
    return sums(every, [c for c in base.columns if c != measure], [measure])[list(base.columns)]


def assert_levels_add_up(counts: pd.DataFrame) -> None:
    """Raise ContractError, naming what does not, unless every level sums to the country (``qpv`` to what is inside)."""
    cell = ["generation", "year", *TOTALLED]
    sums = counts.pivot_table(index=cell, columns="level", values="n_structures", aggfunc="sum", fill_value=0)
    problems: list[str] = []
    for level in sums.columns.drop("country", errors="ignore"):
        compared = sums[sums.index.get_level_values("situation") == IN_QPV] if level == "qpv" else sums
        if (gap := compared[compared[level] != compared["country"]].head(3)).empty:
            continue
        problems += [
            f"yearly_counts: {level} sums to {part}, the country has {whole}: {where}"
            for where, part, whole in zip(
                gap.index.to_frame().to_dict("records"), gap[level], gap["country"], strict=True
            )
        ]
    if problems:
        raise ContractError("\n".join(problems))
