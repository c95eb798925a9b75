"""Counts of structures by place, type, modality and situation, with explicit totals, and the proof that levels add up."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from qpvhealth.errors import ContractError
from qpvhealth.facts.situations import IN_QPV
from qpvhealth.facts.territories import NO_REGION

ALL, COUNTRY = "all", "FR"
LEVELS: dict[str, str | None] = {
    "country": None,
    "territory": "territory",
    "region": "region_code",
    "department": "department_code",
    "epci": "epci_code",
    "commune": "commune_code",
    "qpv": "qpv_code",
}
"""The column of the stock that holds the area code of each level."""
KEYS = ["generation", "year", "level", "area_code"]
TOTALLED = ["structure_type", "modality", "situation"]


def count(stock: pd.DataFrame) -> pd.DataFrame:
    """Count the structures of a stock.

    ``stock``: one row per structure, year and generation, with the columns of ``LEVELS`` and ``TOTALLED``. Returns one row per
    generation, year, level, area, type, modality and situation that occurs, with ``all`` rows, and ``n_structures``. What has no
    code at a level is counted under ``none``, so that levels add up; the level ``qpv`` holds what is inside one, and ``epci`` is
    there when a table of communes gave any.
    """
    parts = [by_level(stock, level) for level in LEVELS if level != "epci" or stock["epci_code"].notna().any()]
    return pd.concat(parts, ignore_index=True)


def by_level(stock: pd.DataFrame, level: str) -> pd.DataFrame:
    """Count a stock at one level, with the ``all`` rows of every combination of type, modality and situation."""
    frame = stock[stock["qpv_code"].notna()] if level == "qpv" else stock
    codes = area_codes(frame, level)
    base = (
        frame.assign(level=level, area_code=codes)
        .groupby([*KEYS, *TOTALLED])
        .size()
        .rename("n_structures")
        .reset_index()
    )
    return with_totals(base, "n_structures")


def area_codes(frame: pd.DataFrame, level: str) -> pd.Series:
    """Return the area code of each row at a level; ``none`` where it has none."""
    column = LEVELS[level]
    if column is None:
        return pd.Series(COUNTRY, index=frame.index, dtype="str")
    return frame[column].fillna(NO_REGION).astype("str")


def with_totals(base: pd.DataFrame, measure: str, totalled: list[str] | None = None) -> pd.DataFrame:
    """Add the rows in which some or all of the totalled columns are ``all``."""
    columns = TOTALLED if totalled is None else totalled
    keys = [c for c in base.columns if c != measure]
    chosen = [set(names) for size in range(len(columns) + 1) for names in combinations(columns, size)]
    parts = [base.assign(**dict.fromkeys(names, ALL)).groupby(keys, as_index=False)[measure].sum() for names in chosen]
    return pd.concat(parts, ignore_index=True)


def assert_levels_add_up(counts: pd.DataFrame) -> None:
    """Raise ContractError, naming what does not, unless every level sums to the country (``qpv`` to what is inside)."""
    cell = ["generation", "year", *TOTALLED]
    sums = counts.groupby([*cell, "level"])["n_structures"].sum().unstack("level")
    problems = []
    for level in sums.columns.drop("country"):
        inside = sums.index.get_level_values("situation") == IN_QPV
        compared = sums[inside] if level == "qpv" else sums
        gap = compared[compared[level].fillna(0) != compared["country"].fillna(0)]
        problems += [
            f"yearly_counts: {level} sums to {row[level]:g}, the country has {row['country']:g}: {dict(zip(cell, key, strict=True))}"
            for key, row in gap.head(3).iterrows()
        ]
    if problems:
        raise ContractError("\n".join(problems))
