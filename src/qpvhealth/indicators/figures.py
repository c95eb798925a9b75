"""The engine of every figure: what is marked is summed over groups, with its bounds; the table of indicators and the matrix use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from qpvhealth.facts.categories import CDS, UNKNOWN
from qpvhealth.indicators.counts import area_codes, distinct
from qpvhealth.indicators.declarations import ANY, BARE
from qpvhealth.rules.levels import HEADLINE
from qpvhealth.rules.stock import is_read
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qpvhealth.indicators.coverage import Verdicts
    from qpvhealth.indicators.declarations import OfQpv, OfStructures
    from qpvhealth.rules.proximity import Proximity
    from qpvhealth.rules.scopes import Scope

    Total = Callable[[np.ndarray], np.ndarray]
    """Sums the last axis, one element a row, over groups: (..., rows) to (..., groups)."""
    Reachable = Callable[[np.ndarray, np.ndarray], np.ndarray]
    """Bounds the weight of the QPV of a mask that structures without a place could cover: (choices, QPV) to (choices, groups)."""

KEY = ["indicator", "generation", "year", "level", "area_code", "scope"]
NUMBERS = ["value", "numerator", "denominator", "n_unknown", "lower", "upper"]
COLUMNS = [*KEY, *NUMBERS, "unit", "rule"]


class Numbers(NamedTuple):
    """A figure under several choices and in several groups: arrays of one shape, (choices, groups)."""

    value: np.ndarray
    numerator: np.ndarray
    denominator: np.ndarray
    n_unknown: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def count(sure: np.ndarray, possible: np.ndarray, *, is_told: np.ndarray | bool = True) -> Numbers:
    """Return a count: at least what is sure, at most what is possible; its value is null where nothing is told."""
    value, no_whole = np.where(is_told, sure, np.nan), np.full(sure.shape, np.nan)
    return Numbers(value, value, no_whole, possible - sure, sure, possible)


def share(counted: Numbers, whole: np.ndarray, most: np.ndarray) -> Numbers:
    """Return a count as a share of a whole; null where there is none.

    ``most``: the whole if everything that could enter it does: what enters the whole need not enter the count.
    """
    some, all_of_it = (np.where(n > 0, n, np.nan) for n in (whole, most))
    lower, upper = counted.lower / all_of_it, np.minimum(counted.upper / some, 1.0)
    return counted._replace(value=counted.value / some, denominator=some, lower=lower, upper=upper)


def of_structures(
    indicators: Sequence[OfStructures], cells: Cells, members: Sequence[Tristate], near: tuple[str, float], total: Total
) -> list[Numbers]:
    """Count structures: each indicator in each scope (the choices) and group.

    ``members``: of each scope, which cells count. ``near``: the rule of proximity and its distance. Structures of which it is unknown
    whether they count, or are of the scope, widen the bounds; so do rows that could not be read. A figure that ``needs_outside`` is null
    where of no structure outside it is known; so is every figure of a scope of which nothing is sure because every centre of a group is
    of unknown modality.
    """
    sure_in, possible_in = (np.array([getattr(m, side) for m in members]) for side in ("yes", "possible"))
    marks: dict[object, Tristate] = {i.marks: i.marks(cells.where, *near) for i in indicators}
    by_mark = {
        function: (
            total(cells.sums(mark.yes & cells.is_read) * sure_in),
            total(cells.sums(mark.possible) * possible_in),
        )
        for function, mark in marks.items()
    }
    whole, most = total(cells.sums(cells.is_read) * sure_in), total(cells.sums(None) * possible_in)
    outside = ~cells.where.inside.yes & cells.is_read
    none_outside = total(cells.sums(outside) * possible_in) == 0
    every, centre = cells.sums(None), (cells.kinds["structure_type"] == CDS).to_numpy(dtype=bool)
    no_modality = (total(every * (centre & (cells.kinds["modality"] != UNKNOWN).to_numpy(dtype=bool))) == 0)[None, :]
    is_told = (whole > 0) | (most == 0) | ~no_modality
    numbers = []
    for indicator in indicators:
        sure, possible = by_mark[indicator.marks]
        decided = cells.sums(outside & marks[indicator.marks].decided) if indicator.needs_outside else None
        is_decided = True if decided is None else none_outside | (total(decided * sure_in) > 0)
        counted = count(sure, possible, is_told=is_told & is_decided)
        numbers.append(share(counted, whole, most) if indicator.is_share else counted)
    return numbers


class Cells:
    """Structures summed over the smallest cells of some keys, type and modality: any group of a figure is a sum of these few."""

    def __init__(self, stock: pd.DataFrame, keys: list[str], where: Proximity) -> None:
        """Find the cells of a stock. ``where``: its proximity, row by row."""
        self.kinds, self._at = distinct(stock, [*keys, "structure_type", "modality"])
        self.where, self.is_read = where, is_read(stock)

    def sums(self, mask: np.ndarray | None) -> np.ndarray:
        """Count by cell the structures of a mask; every one where it is null."""
        return np.bincount(self._at if mask is None else self._at[mask], minlength=len(self.kinds)).astype(float)


def of_qpv(
    indicators: Sequence[OfQpv], qpv: pd.DataFrame, seen: Verdicts, total: Total, reachable: Reachable
) -> list[Numbers]:
    """Count QPV, or their inhabitants: each indicator under each choice and in each group.

    ``qpv``: one row per QPV, with ``population`` and what the marks read. ``seen``: what stands there, (choices, QPV). "Bare" counts the
    QPV in which no structure was seen. Of those in which one without a place could stand, as many as there are such structures may be
    covered, and no more: ``reachable`` bounds their weight. The value is null where nothing is known: no QPV assessed, or no class,
    size or list; the denominator of a number of QPV is that of those that ``among`` names; people are unknown where no QPV that counts
    has a population, and have no upper bound where one has none.
    """
    people = qpv["population"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    marks = {i.marks: i.marks(qpv) for i in indicators}
    in_doubt = seen.none_seen & ~seen.covered.no
    numbers = []
    for indicator in indicators:
        mark = marks[indicator.marks]
        counted = counted_qpv(indicator, mark, seen)
        if indicator.coverage == ANY:
            can_tell, doubt = mark.decided[None, :], None
        else:
            can_tell, doubt = mark.decided & seen.can_tell, in_doubt
        if indicator.needs is not None:
            can_tell = can_tell & qpv[indicator.needs].notna().to_numpy()
        weight = people if indicator.unit == "inhabitants" else np.ones(len(qpv))
        weighed = ~np.isnan(weight)
        weights = np.where(weighed, weight, 0.0)
        sure, possible, unknown = (
            total(weights * counted.yes),
            total(weights * counted.possible),
            total(counted.unknown),
        )
        lower, most = sure, possible
        if doubt is not None:
            # what could be covered by structures without a place, and by no more QPV than there are such structures
            certain, open_ones = (reachable(side & doubt, weights) for side in (mark.yes, mark.possible))
            lower = sure - certain if indicator.coverage == BARE else sure
            most = possible if indicator.coverage == BARE else possible + open_ones
            unknown = unknown + total((mark.yes if indicator.coverage == BARE else mark.possible) & doubt)
        if indicator.unit == "share":
            assessed = seen.can_tell
            part, whole, most_of_all = (
                total(counted.yes & assessed),
                total(mark.yes & assessed),
                total(mark.possible[None, :]),
            )
            some, every_one = (np.where(n > 0, n, np.nan) for n in (whole, most_of_all))
            can_tell = np.where(whole > 0, part, np.nan)
            made = Numbers(part / some, can_tell, some, unknown, lower / every_one, np.minimum(most / every_one, 1.0))
        else:
            lost = total(counted.yes & ~weighed)
            is_told = (total(can_tell & ~(counted.yes & ~weighed)) > 0) & (
                (lost == 0) | (total(counted.yes & weighed) > 0)
            )
            unweighed = (
                counted.possible
                if doubt is None or indicator.coverage == BARE
                else counted.possible | (mark.possible & doubt)
            )
            most = np.where(total(unweighed & ~weighed) > 0, np.nan, most)
            value = np.where(is_told, sure, np.nan)
            made = Numbers(value, value, np.full(sure.shape, np.nan), unknown + lost, lower, most)
            if indicator.among is not None:
                is_named = qpv[indicator.among].notna().to_numpy()[None, :]
                n, n_unweighed = total(weights * is_named), total(is_named & ~weighed)
                made = made._replace(denominator=np.where((n > 0) & (n_unweighed == 0), n, np.nan))
        numbers.append(Numbers(*(np.broadcast_to(n, (len(seen.can_tell), n.shape[-1])) for n in made)))
    return numbers


def counted_qpv(indicator: OfQpv, mark: Tristate, seen: Verdicts) -> Tristate:
    """Say which QPV an indicator counts under each choice, (choices, QPV): those of its mark with, or without, what must stand there.

    Without any: those in which no structure was seen, though one without a place could stand there.
    """
    if indicator.coverage == ANY:
        every = np.ones((1, len(mark.yes)), dtype=bool)
        return mark & Tristate(every, ~every)
    bare = Tristate(seen.none_seen, seen.covered.yes)
    return mark & (bare if indicator.coverage == BARE else ~bare)


class Areas:
    """The areas of the headline levels, as groups of rows: one a generation, year, level and area.

    ``keys`` names them; ``of_rows``: at each level the number of the area of each row, and how many areas there are.
    """

    PLACE = ("generation", "year", *(c for c in HEADLINE.values() if c))

    def __init__(self, rows: pd.DataFrame) -> None:
        """Find the areas of rows that have the columns of ``PLACE``: the smallest cells that any level needs are summed first."""
        cells, at = distinct(rows, [*self.PLACE])
        levels = [
            distinct(cells.assign(level=level, area_code=area_codes(cells, level)), KEY[1:-1]) for level in HEADLINE
        ]
        self.keys = pd.concat([areas for areas, _ in levels], ignore_index=True)
        self._cells, self._levels = (at, len(cells)), [(at_level, len(areas)) for areas, at_level in levels]
        self.of_rows = [(at_level[at], len(areas)) for areas, at_level in levels]

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum what rows hold over each area: (..., rows) to (..., areas)."""
        cells = _summed(values, *self._cells)
        return np.concatenate([_summed(cells, *groups) for groups in self._levels], axis=-1)


def _summed(values: np.ndarray, at: np.ndarray, n: int) -> np.ndarray:
    """Sum what rows hold over ``n`` groups, ``at`` being that of each row: (..., rows) to (..., n)."""
    return np.apply_along_axis(lambda of_rows: np.bincount(at, of_rows, n), -1, values)


def table(
    areas: pd.DataFrame,
    scopes: Sequence[Scope],
    figures: Sequence[tuple[OfStructures | OfQpv, Numbers]],
    words: dict[str, object],
) -> pd.DataFrame:
    """Write figures as rows of ``COLUMNS``, one per indicator, scope and area.

    ``words``: what the rule of an indicator names beside its scope. Rules are categories: they are long, and the same for every area.
    """
    n = len(areas)
    frame = areas.take(np.tile(np.arange(n), len(scopes) * len(figures))).reset_index(drop=True)
    numbers = {c: np.concatenate([getattr(made, c).ravel() for _, made in figures]) for c in NUMBERS}
    rules = [i.rule_en.format(scope=s.words_en, **words) for i, _ in figures for s in scopes]
    rule = pd.Categorical(pd.array(rules, dtype="str")).take(np.repeat(np.arange(len(rules)), n))
    figure, scope = (np.repeat(at.ravel(), n) for at in np.indices((len(figures), len(scopes))))
    texts = {
        column: pd.array(words_of, dtype="str").take(at)
        for column, words_of, at in (
            ("indicator", [i.name for i, _ in figures], figure),
            ("scope", [s.name for s in scopes], scope),
            ("unit", [i.unit for i, _ in figures], figure),
        )
    }
    return frame.assign(**texts, rule=rule, **numbers)[COLUMNS]


def combine(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of figures end to end; their rules are categories. What is empty is left out."""
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    rules = union_categoricals([frame["rule"].astype("category") for frame in filled])
    every = pd.concat([frame.drop(columns="rule") for frame in filled], ignore_index=True)
    return every.assign(rule=rules)[COLUMNS]
