"""The same structures counted in two generations of perimeters: what is gained and lost when nothing changes on the ground."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import positions
from qpvhealth.facts.situations import IN_QPV, UNDETERMINED
from qpvhealth.indicators.counts import ALL, area_codes, distinct, sums
from qpvhealth.rules.levels import HEADLINE

KEY = ["year", "generation_from", "generation_to", "level", "area_code", "structure_type"]
MEASURES = ["n_from", "n_gained", "n_lost", "n_to", "net", "n_unknown"]
COLUMNS = [*KEY, *MEASURES]


def effect(stock: pd.DataFrame) -> pd.DataFrame:
    """Count the structures of each stock in every two generations.

    ``stock``: one row per structure in the stock, year and generation, with ``situation``, ``structure_type`` and area codes.
    Returns one row per year, pair of generations, level, area and type (``all`` too): inside the first, gained, lost, inside
    the second, net, and unknown (undetermined in either). Net = gained - lost = second - first, exactly.
    """
    names = sorted(stock["generation"].unique())
    parts = [_between(stock, old, new) for old, new in combinations(names, 2)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _between(stock: pd.DataFrame, old: str, new: str) -> pd.DataFrame:
    first, second = (stock[stock["generation"] == g] for g in (old, new))
    at = positions(["finess_et", "year"], first, second)
    first, second = first[at >= 0], second.take(at[at >= 0])
    was, is_in = ((side["situation"] == IN_QPV).to_numpy() for side in (first, second))
    unknown = np.logical_or(*((side["situation"] == UNDETERMINED).to_numpy() for side in (first, second)))
    marks = {"n_from": was, "n_gained": ~was & is_in, "n_lost": was & ~is_in, "n_to": is_in, "n_unknown": unknown}
    cells, of = distinct(first, ["year", "territory", "region_code", "department_code", "structure_type"])
    counted = cells.assign(**{name: np.bincount(of[mark], minlength=len(cells)) for name, mark in marks.items()})
    named = counted.assign(generation_from=old, generation_to=new)
    every = pd.concat([named, named.assign(structure_type=ALL)], ignore_index=True)
    placed = [every.assign(level=level, area_code=area_codes(every, level)) for level in HEADLINE]
    frame = sums(pd.concat(placed, ignore_index=True), KEY, [*marks])
    return frame.assign(net=frame["n_gained"] - frame["n_lost"])[COLUMNS]
