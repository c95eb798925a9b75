"""Changes added up by area, type, situation and cause, and the proof that opening stock and causes give the closing stock."""

from __future__ import annotations

from itertools import product

import pandas as pd

from qpvhealth.errors import ContractError
from qpvhealth.facts.territories import NO_REGION

ALL, COUNTRY = "all", "FR"
LEVELS: dict[str, str | None] = {
    "country": None,
    "territory": "territory",
    "region": "region",
    "department": "department",
}
PAIR = ["generation", "from_year", "to_year"]
CELL = ["level", "area_code", "structure_type", "situation"]
KEY = [*PAIR, *CELL, "cause"]
COLUMNS = [*KEY, "n", "n_in", "n_out"]
MAX_EXAMPLES = 5


def summarise(changes: pd.DataFrame) -> pd.DataFrame:
    """Add changes up: one row per generation, pair of years, level, area, type, situation and cause that something crosses.

    ``n`` = ``n_in`` - ``n_out``: structures that come into the cell and go out of it. ``all`` stands for both types, or every
    situation (the whole stock). A structure that goes from one area to another leaves the first and enters the second; one
    that changes type leaves its old type. A step inside a cell is no row of it.
    """
    parts = [
        _crossing(changes, level, kind, where) for level, kind, where in product(LEVELS, (True, False), (True, False))
    ]
    frame = pd.concat(parts, ignore_index=True)
    counted = frame.groupby(KEY, as_index=False)[["n_in", "n_out"]].sum()
    return counted.assign(n=counted["n_in"] - counted["n_out"])[COLUMNS]


def _crossing(changes: pd.DataFrame, level: str, by_type: bool, by_situation: bool) -> pd.DataFrame:
    """Count what leaves and what enters each cell at one level of detail."""
    sides = [_cell(changes, side, level, by_type, by_situation) for side in ("from", "to")]
    stays = (sides[0] == sides[1]).all(axis=1)
    there = [changes[f"situation_{side}"].notna() & ~stays for side in ("from", "to")]
    keys = changes[[*PAIR, "cause"]]
    out, into = (keys[at].join(cell[at]) for cell, at in zip(sides, there, strict=True))
    both = pd.concat([out.assign(n_in=0, n_out=1), into.assign(n_in=1, n_out=0)], ignore_index=True)
    return both.groupby(KEY, as_index=False, sort=False).sum()


def _cell(changes: pd.DataFrame, side: str, level: str, by_type: bool, by_situation: bool) -> pd.DataFrame:
    """Name the cell in which each structure is before or after its step; ``all`` and the null state told apart."""
    column = LEVELS[level]
    there = changes[f"situation_{side}"].notna()
    area = changes[f"{column}_{side}"].fillna(NO_REGION) if column else pd.Series(COUNTRY, index=changes.index)
    kind = changes[f"structure_type_{side}"] if by_type else pd.Series(ALL, index=changes.index)
    where = changes[f"situation_{side}"] if by_situation else pd.Series(ALL, index=changes.index)
    told = {"area_code": area, "structure_type": kind, "situation": where}
    blank = {c: v.where(there, "").astype("str") for c, v in told.items()}
    return pd.DataFrame({"level": level, **blank}, index=changes.index)


def residuals(counts: pd.DataFrame, summary: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Hold causes against stocks counted apart: one row per cell, with ``opening``, ``causes``, ``closing``, ``residual``.

    ``counts``: ``generation``, ``year``, the columns of ``CELL`` and ``n_structures`` (0 where a cell has no row). ``pairs``:
    the ``from_year`` and ``to_year`` accounted for, each for every generation of ``counts``.
    """
    stock = counts[counts["level"].isin(list(LEVELS))]
    sides = {
        name: pairs.merge(stock, left_on=year, right_on="year").groupby([*PAIR, *CELL])["n_structures"].sum()
        for name, year in (("opening", "from_year"), ("closing", "to_year"))
    }
    asked = pd.MultiIndex.from_frame(summary[["from_year", "to_year"]]).isin(pd.MultiIndex.from_frame(pairs))
    causes = summary[asked].groupby([*PAIR, *CELL])["n"].sum().rename("causes")
    frame = pd.concat([sides["opening"].rename("opening"), causes, sides["closing"].rename("closing")], axis=1)
    filled = frame.fillna(0).astype("int64").reset_index()
    return filled.assign(residual=filled["closing"] - filled["opening"] - filled["causes"])


def assert_balance(counts: pd.DataFrame, summary: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Raise ContractError, naming cells, unless opening stock and causes give the closing stock everywhere."""
    found = residuals(counts, summary, pairs)
    wrong = found[found["residual"] != 0]
    if not wrong.empty:
        told = [f"change_summary: {row}" for row in wrong.head(MAX_EXAMPLES).to_dict("records")]
        raise ContractError("\n".join([*told, f"{len(wrong)} cells do not balance: opening + causes ≠ closing"]))
