"""A headline figure as it is published: its numbers in every area and scope, the sums they come from, its rule in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from qpvhealth.indicators.counts import area_codes, distinct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEVELS = ("country", "territory", "region", "department")
KEY = ["indicator", "generation", "year", "level", "area_code", "scope"]
NUMBERS = ["value", "numerator", "denominator", "n_unknown", "lower", "upper"]
COLUMNS = [*KEY, *NUMBERS, "unit", "rule"]
PLACE = ["generation", "year", "territory", "region_code", "department_code"]
"""The smallest cells that any level needs: every other figure is a sum of these few."""


class Figure(NamedTuple):
    """One indicator over rows of sums: its name, unit, rule (``{}`` stands for the scope in words), and its numbers by row."""

    name: str
    unit: str
    words: str
    value: np.ndarray
    numerator: np.ndarray
    denominator: np.ndarray
    n_unknown: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def by_area(cells: pd.DataFrame, by_scope: Mapping[str, Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """Sum measures at every level, from the smallest cells: one row per scope, generation, year, level and area.

    ``cells``: their ``PLACE``. ``by_scope``: the same measures of every scope, one number per cell. Every area has a row, 0 where
    the scope has nothing there.
    """
    names = list(next(iter(by_scope.values())))
    measured = np.stack([np.stack([measures[n] for n in names]) for measures in by_scope.values()])
    areas, sums = [], []
    for level in LEVELS:
        known, at = distinct(cells.assign(level=level, area_code=area_codes(cells, level)), KEY[1:-1])
        order = np.argsort(at, kind="stable")
        starts = np.searchsorted(at[order], np.arange(len(known)))
        sums.append(np.add.reduceat(measured[..., order], starts, axis=-1))
        areas.append(known)
    every, summed = pd.concat(areas, ignore_index=True), np.concatenate(sums, axis=-1)
    repeated = every.take(np.tile(np.arange(len(every)), len(by_scope))).reset_index(drop=True)
    by_measure = pd.DataFrame(np.moveaxis(summed, 1, -1).reshape(-1, len(names)), columns=names)
    return pd.concat([repeated.assign(scope=repeated_texts([*by_scope], len(every))), by_measure], axis=1)


def written(sums: pd.DataFrame, figures: Sequence[Figure], scopes: Mapping[str, str]) -> pd.DataFrame:
    """Write figures as rows of ``COLUMNS``, one per figure and row of sums; ``scopes``: the words of each scope.

    Rules are categories: they are long, and the same for every area.
    """
    n = len(sums)
    frame = sums[KEY[1:]].take(np.tile(np.arange(n), len(figures))).reset_index(drop=True)
    numbers = {c: np.concatenate([getattr(figure, c) for figure in figures]) for c in NUMBERS}
    scope, used = pd.factorize(sums["scope"])
    rules = pd.Categorical(pd.array([f.words.format(scopes[name]) for f in figures for name in used], dtype="str"))
    rule = rules.take(np.concatenate([k * len(used) + scope for k in range(len(figures))]))
    names, units = (repeated_texts(texts, n) for texts in ([f.name for f in figures], [f.unit for f in figures]))
    return frame.assign(indicator=names, unit=units, rule=rule, **numbers)[COLUMNS]


def together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put figures as written end to end; their rules are categories. What is empty is left out."""
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    rules = union_categoricals([frame["rule"].astype("category") for frame in filled])
    every = pd.concat([frame.drop(columns="rule") for frame in filled], ignore_index=True)
    return every.assign(rule=rules)[COLUMNS]


def repeated_texts(texts: Sequence[str], n: int) -> pd.api.extensions.ExtensionArray:
    """Repeat each text ``n`` times."""
    return pd.array(texts, dtype="str").take(np.repeat(np.arange(len(texts)), n))
