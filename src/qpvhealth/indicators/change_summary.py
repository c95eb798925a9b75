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
    sided = [f"{c}_{side}" for c in (*filter(None, LEVELS.values()), "structure_type", "situation") for side in SIDES]
    alike, parts = cells(changes, [*PAIR, "cause", *sided], "n"), []
    at_levels = pd.concat([_at_level(alike, level) for level in LEVELS], ignore_index=True)
    states = [
        at_levels[[*PAIR, "cause", "n", "level"]].assign(**{c: at_levels[f"{c}_{side}"] for c in _STATE})
        for side in SIDES
    ]
    first, last = (state["situation"].notna() for state in states)
    differs = {c: states[0][c] != states[1][c] for c in _STATE}
    for all_types, all_situations in product((False, True), repeat=2):
        totalled = [c for c, is_all in (("structure_type", all_types), ("situation", all_situations)) if is_all]
        moved = np.logical_or.reduce([first != last, *(differs[c] for c in _STATE if c not in totalled)])
        for state, there, sign in zip(states, (first, last), ("n_out", "n_in"), strict=True):
            rows = state[moved & there].assign(**dict.fromkeys(totalled, ALL))
            parts.append(rows.assign(**{c: rows["n"] if c == sign else 0 for c in ("n_in", "n_out")}))
    crossed = sums(pd.concat(parts, ignore_index=True), KEY, ["n_in", "n_out"]).astype(_WHOLE)
    return crossed.assign(n=crossed["n_in"] - crossed["n_out"]).sort_values(KEY, ignore_index=True)[COLUMNS]


def _at_level(rows: pd.DataFrame, level: str) -> pd.DataFrame:
    """Add the level and the area of either side at it: ``level``, ``area_code_from``, ``area_code_to``."""
    column = LEVELS[level]
    areas = {f"area_code_{s}": rows[f"{column}_{s}"].fillna(NO_REGION) if column else COUNTRY for s in SIDES}
    return rows.assign(level=level, **areas)


_TEXTS = {"generation", "cause", *CELL}
_STATE = ["area_code", "structure_type", "situation"]
_WHOLE = dict.fromkeys(("from_year", "to_year", "n_in", "n_out"), "int64")


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
    every = pd.concat([opening, causes, closing]).fillna(dict.fromkeys(_MEASURES, 0))
    balance = sums(every, [*PAIR, *CELL], _MEASURES)
    return balance.assign(residual=balance["closing"] - balance["opening"] - balance["causes"])


_MEASURES = ["opening", "causes", "closing"]


def assert_balance(counts: pd.DataFrame, summary: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Raise ContractError, naming cells, unless opening stock and causes give the closing stock everywhere."""
    balance = residuals(counts, summary, pairs)
    wrong = balance[balance["residual"] != 0]
    if not wrong.empty:
        examples = [f"change_summary: {row}" for row in wrong.head(MAX_EXAMPLES).to_dict("records")]
        raise ContractError("\n".join([*examples, f"{len(wrong)} cells do not balance: opening + causes ≠ closing"]))
