"""Changes added up by area, type, situation and cause, and the proof that opening stock and causes give the closing stock."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from qpvhealth.errors import ContractError
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.indicators.accounts import SIDES
from qpvhealth.indicators.counts import cells, sums

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
    that changes type leaves its old type. A step inside a cell is no row of it. Rows come in the order of ``KEY``.
    """
    if changes.empty:
        return pd.DataFrame({c: pd.Series(dtype="str" if c in _TEXTS else "int64") for c in COLUMNS})
    alike = cells(changes, [*PAIR, "cause", *(f"{c}_{side}" for c in _SIDED for side in SIDES)], "n")
    words = _words(alike)
    old, new = (_numbers(alike, words, side) for side in SIDES)
    enters, leaves = (old != new) & (new != _OUT), (old != new) & (old != _OUT)
    found, at = np.unique(np.concatenate([new[enters], old[leaves]]), return_inverse=True)
    into, out = np.split(at, [enters.sum()])
    n = np.broadcast_to(alike["n"], old.shape)
    n_in, n_out = (
        np.bincount(at, n[which], len(found)).astype("int64") for at, which in ((into, enters), (out, leaves))
    )
    codes = np.unravel_index(found, [len(words[c]) for c in KEY])
    named = {c: words[c].take(code) for c, code in zip(KEY, codes, strict=True)}
    return pd.DataFrame({**named, "n": n_in - n_out, "n_in": n_in, "n_out": n_out})


_TEXTS = {"generation", "cause", *CELL}
_SIDED = (*filter(None, LEVELS.values()), "structure_type", "situation")
_OUT = -1
"""The number of no cell: out of the stock."""


def _words(alike: pd.DataFrame) -> dict[str, pd.Index]:
    """List in order the values that each column of ``KEY`` takes: positions in these lists number the cells."""
    sided = {c: [f"{c}_{side}" for side in SIDES] for c in _SIDED}
    held = {c: [c] for c in (*PAIR, "cause")} | {c: sided[c] for c in ("structure_type", "situation")}
    held["area_code"] = [name for c in LEVELS.values() if c for name in sided[c]]
    more = {"level": LEVELS, "area_code": (COUNTRY, NO_REGION), "structure_type": (ALL,), "situation": (ALL,)}
    found = {c: [v for name in held.get(c, ()) for v in alike[name].dropna().unique()] for c in KEY}
    return {c: pd.Index(sorted({*more.get(c, ()), *values})) for c, values in found.items()}


def _numbers(alike: pd.DataFrame, words: dict[str, pd.Index], side: str) -> np.ndarray:
    """Give the number of the cell in which each structure is before or after its step, one row per level of detail."""
    there = alike[f"situation_{side}"].notna().to_numpy()
    *pair, cause = (_positions(words[c], alike[c]) for c in (*PAIR, "cause"))
    areas = [
        (words["level"].get_loc(level), _positions(words["area_code"], _area(alike, column, side)))
        for level, column in LEVELS.items()
    ]
    kinds, situations = (
        (_positions(words[c], alike[f"{c}_{side}"]), words[c].get_loc(ALL)) for c in ("structure_type", "situation")
    )
    shape = [len(words[c]) for c in KEY]
    numbers = [
        np.ravel_multi_index((*pair, *area, kind, situation, cause), shape, mode="clip")
        for area, kind, situation in product(areas, kinds, situations)
    ]
    return np.where(there, numbers, _OUT)


def _positions(words: pd.Index, values: pd.Series) -> np.ndarray:
    return words.get_indexer(pd.Index(values))


def _area(alike: pd.DataFrame, column: str | None, side: str) -> pd.Series:
    """Return the area of each row at a level; ``none`` where it has none."""
    return alike[f"{column}_{side}"].fillna(NO_REGION) if column else pd.Series(COUNTRY, index=alike.index, dtype="str")


def residuals(counts: pd.DataFrame, summary: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Hold causes against stocks counted apart: one row per cell, with ``opening``, ``causes``, ``closing``, ``residual``.

    ``counts``: ``generation``, ``year``, the columns of ``CELL`` and ``n_structures`` (0 where a cell has no row). ``pairs``:
    the ``from_year`` and ``to_year`` accounted for, each for every generation of ``counts``.
    """
    stock = counts.loc[counts["level"].isin(list(LEVELS)), ["generation", "year", *CELL, "n_structures"]]
    opening, closing = (
        pairs.merge(stock.rename(columns={"n_structures": name}), left_on=year, right_on="year")
        for name, year in (("opening", "from_year"), ("closing", "to_year"))
    )
    causes = summary[[*PAIR, *CELL, "n"]].merge(pairs, on=["from_year", "to_year"]).rename(columns={"n": "causes"})
    every = pd.concat([opening, causes, closing], ignore_index=True).fillna(dict.fromkeys(_MEASURES, 0))
    found = sums(every, [*PAIR, *CELL], _MEASURES)
    return found.assign(residual=found["closing"] - found["opening"] - found["causes"])


_MEASURES = ["opening", "causes", "closing"]


def assert_balance(counts: pd.DataFrame, summary: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Raise ContractError, naming cells, unless opening stock and causes give the closing stock everywhere."""
    found = residuals(counts, summary, pairs)
    wrong = found[found["residual"] != 0]
    if not wrong.empty:
        told = [f"change_summary: {row}" for row in wrong.head(MAX_EXAMPLES).to_dict("records")]
        raise ContractError("\n".join([*told, f"{len(wrong)} cells do not balance: opening + causes ≠ closing"]))
