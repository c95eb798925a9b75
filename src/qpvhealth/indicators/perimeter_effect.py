"""The same structures counted in two generations of perimeters: what is gained and lost when nothing changes on the ground."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from qpvhealth.facts.situations import IN_QPV, UNDETERMINED
from qpvhealth.facts.territories import NO_REGION

ALL, COUNTRY = "all", "FR"
LEVELS: dict[str, str | None] = {
    "country": None,
    "territory": "territory",
    "region": "region_code",
    "department": "department_code",
}
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
    both = first.merge(second[["finess_et", "year", "situation"]], on=["finess_et", "year"], suffixes=("", "_to"))
    was, is_in = both["situation"] == IN_QPV, both["situation_to"] == IN_QPV
    unknown = (both["situation"] == UNDETERMINED) | (both["situation_to"] == UNDETERMINED)
    marks = {"n_from": was, "n_gained": ~was & is_in, "n_lost": was & ~is_in, "n_to": is_in, "n_unknown": unknown}
    counted = both.assign(**marks, generation_from=old, generation_to=new)
    parts = [_summed(counted, level, kind) for level in LEVELS for kind in ("structure_type", ALL)]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(net=frame["n_gained"] - frame["n_lost"])[COLUMNS]


def _summed(counted: pd.DataFrame, level: str, kind: str) -> pd.DataFrame:
    column = LEVELS[level]
    area = counted[column].fillna(NO_REGION) if column else COUNTRY
    told = {"level": level, "area_code": area} | ({"structure_type": ALL} if kind == ALL else {})
    measured = [m for m in MEASURES if m != "net"]
    return counted.assign(**told).groupby(KEY, as_index=False)[measured].sum().astype(dict.fromkeys(measured, "int64"))
