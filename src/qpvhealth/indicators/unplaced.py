"""Structures that may stand in a QPV and are in none for sure: in which they could, and how many of those QPV they could cover.

One structure is one unit, whatever the number of its places: *k* of them change *k* QPV at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import numbers
from qpvhealth.facts.territories import ARRONDISSEMENTS, COMMUNE_OF_ARRONDISSEMENT
from qpvhealth.indicators import readings
from qpvhealth.indicators.counts import distinct
from qpvhealth.rules.proximity import Proximity
from qpvhealth.rules.stock import is_read

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = ["qpv_code", "generation", "year"]
EXTRACT = ["generation", "year"]


def of_stock(places: pd.DataFrame, stock: pd.DataFrame, *, or_near: bool = False, is_counted: bool = False) -> Unplaced:
    """Pair the structures that may stand in a QPV, and are in none for sure, with the QPV in which they could.

    Undetermined ones, those of a row that could not be read, and disputed ones, by either of their readings. ``or_near``: those too that
    the ARS declares near while no point says to which QPV. ``is_counted``: a disputed structure counts in the QPV of its point, which
    is then none of those in which it *could* stand. ``places`` and ``stock``: as ``cover`` takes them.
    """
    first, second = Proximity.of(stock), readings.second_proximity(stock)
    is_disputed, is_unread = readings.has_second_place(stock), ~is_read(stock)
    by_point = first.inside.unknown | (first.inside.yes & (is_unread | (is_disputed & (not is_counted))))
    otherwise = is_disputed & second.inside.unknown
    if or_near:
        by_point |= first.answer.yes & ~first.has_point
        otherwise |= is_disputed & second.answer.yes
    return of_places(places, stock, by_point, otherwise)


def of_places(places: pd.DataFrame, stock: pd.DataFrame, first: np.ndarray, second: np.ndarray) -> Unplaced:
    """Group the structures that could stand where their point or commune says (``first``), or in their second place."""
    kinds, kind = distinct(stock, ["structure_type", "modality"])
    mask = first | second
    of_point = stock["qpv_code"].astype("str")
    if "possible_qpv_codes" in stock:
        of_point = stock["possible_qpv_codes"].astype("str").fillna(of_point)
    lost = stock.assign(qpv_code=of_point.where(first), has_second=second)
    return Unplaced(places, lost[mask], kind[mask], len(kinds))


class Unplaced:
    """Structures that could stand in several QPV, or in none, in groups of those that could stand in the same ones.

    A row that could not be read, or a disputed structure, could be where its point says; one of a street that does not decide, in any QPV
    within its error, whatever their commune. Another could be in any QPV of its commune; of its département where it or the QPV has no
    commune; anywhere when even that is unknown. A second place adds the QPV of its commune: one structure all the same. An arrondissement
    meets its commune, whichever of the two each side names.
    """

    def __init__(self, places: pd.DataFrame, lost: pd.DataFrame, kind: np.ndarray, n_kinds: int) -> None:
        """Group ``lost`` (``kind``: the number of the kind of each, of ``n_kinds``) and pair each group with QPV of ``places``."""
        lost = lost.assign(**{readings.SECOND: lost.get(readings.SECOND)})
        groups, at = distinct(
            lost, [*EXTRACT, "commune_code", "department_code", "qpv_code", "has_second", readings.SECOND]
        )
        self._n = np.bincount(at * n_kinds + kind, minlength=len(groups) * n_kinds).reshape(len(groups), n_kinds)
        self._n_places = len(places)
        pairs = _pairs(places, groups) if len(groups) else _NO_PAIRS
        self._group, self._qpv = (pairs[c].to_numpy(dtype="int64") for c in ("group", "qpv"))
        self._tangle = _tangles(self._group, self._qpv, len(groups), len(places))
        self._solved: dict[tuple[bytes, ...], float] = {}

    def per_qpv(self) -> np.ndarray:
        """Count, for each QPV, the structures that could stand in it."""
        return np.bincount(self._qpv, self._n.sum(axis=1)[self._group], self._n_places).astype("int64")

    def reachable(
        self, concerned: np.ndarray, weights: np.ndarray, members: np.ndarray, areas: Sequence[tuple[np.ndarray, int]]
    ) -> np.ndarray:
        """Return the most that these structures could change: the weight of the QPV in which they could stand, each in one QPV only.

        ``concerned``: the QPV that could change, (choices, QPV). ``members``: the kinds that count, (choices, kinds). ``areas``: at each
        level the number of the area of each QPV, -1 for none, and how many areas there are. Returns (choices, areas of all levels). Of
        a group that shares no QPV, the heaviest that it could reach, as many as it has structures; others are matched, group by group.
        """
        n_of_group = members.astype("int64") @ self._n.T
        is_open = np.asarray(concerned.any(axis=0))[self._qpv]
        asked = _Asked(concerned, weights, n_of_group)
        tangles = [self._tangle == tangle for tangle in np.unique(self._tangle[is_open & (self._tangle >= 0)])]
        sums = []
        for area_of, n_areas in areas:
            total = np.zeros((len(concerned), n_areas))
            self._add_apart(total, asked, area_of, is_open & (self._tangle < 0))
            for pairs in tangles:
                self._add_matched(total, asked, area_of, pairs)
            sums.append(total)
        return np.concatenate(sums, axis=1)

    def _add_apart(self, total: np.ndarray, asked: _Asked, area_of: np.ndarray, pairs: np.ndarray) -> None:
        """Add to ``total`` (choices, areas) the heaviest QPV of each group, as many as it has structures."""
        groups, places = self._group[pairs], self._qpv[pairs]
        area = area_of[places]
        order = np.lexsort((-asked.weights[places], groups, area))
        order = order[area[order] >= 0]
        group, qpv, area = groups[order], places[order], area[order]
        could = asked.concerned[:, qpv]
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = (group[1:] != group[:-1]) | (area[1:] != area[:-1])
        starts = np.flatnonzero(is_first)
        ranks = np.cumsum(could, axis=1)
        before = np.where(starts > 0, ranks[:, starts - 1], 0)
        ranks -= np.repeat(before, np.diff(np.r_[starts, len(order)]), axis=1)
        taken = np.where(could & (ranks <= asked.room[:, group]), asked.weights[qpv], 0.0)
        np.add.at(total.T, area, taken.T)

    def _add_matched(self, total: np.ndarray, asked: _Asked, area_of: np.ndarray, pairs: np.ndarray) -> None:
        """Add to ``total`` (choices, areas) the heaviest QPV that groups which share some can cover together."""
        group, qpv = self._group[pairs], self._qpv[pairs]
        for area in np.unique(area_of[qpv][area_of[qpv] >= 0]):
            is_in = area_of[qpv] == area
            for choice, could in enumerate(asked.concerned[:, qpv] & is_in):
                if not could.any():
                    continue
                edges, room = (group[could], qpv[could]), asked.room[choice]
                facts = (*edges, room[edges[0]], asked.weights[edges[1]])
                problem = tuple(values.tobytes() for values in facts)
                if problem not in self._solved:
                    self._solved[problem] = _heaviest(*edges, asked.weights, room)
                total[choice, area] += self._solved[problem]


class _Asked(NamedTuple):
    """What is asked: ``concerned`` (choices, QPV), ``weights`` (QPV), ``room``: the structures of each group that count (choices, groups)."""

    concerned: np.ndarray
    weights: np.ndarray
    room: np.ndarray


def _tangles(group: np.ndarray, qpv: np.ndarray, n_groups: int, n_qpv: int) -> np.ndarray:
    """Return, pair by pair, the least group of those that meet in some QPV, one after another; -1 where all its QPV are its own."""
    least = np.arange(n_groups)
    while True:
        of_qpv = np.full(n_qpv, n_groups)
        np.minimum.at(of_qpv, qpv, least[group])
        met = least.copy()
        np.minimum.at(met, group, of_qpv[qpv])
        if (met == least).all():
            break
        least = met
    is_shared = np.zeros(n_groups, dtype=bool)
    is_shared[least[group[np.bincount(qpv, minlength=n_qpv)[qpv] > 1]]] = True
    return np.where(is_shared[least[group]], least[group], -1)


def _heaviest(group: np.ndarray, qpv: np.ndarray, weights: np.ndarray, room: np.ndarray) -> float:
    """Return the greatest weight of QPV that can be given to groups which reach them, each at most as many as it has ``room`` for.

    Pairs of groups and QPV. The QPV that can be given together are a matroid: taken from the heaviest on, each that still can be, groups
    changing theirs where need be (augmenting paths), none is better.
    """
    reached_by: dict[int, list[int]] = {}
    for one, other in zip(qpv.tolist(), group.tolist(), strict=True):
        reached_by.setdefault(one, []).append(other)
    taken: dict[int, list[int]] = {one: [] for one in set(group.tolist())}
    owner: dict[int, int] = {}
    full: set[int] = set()
    weight = 0.0
    for wanted in sorted(reached_by, key=lambda one: -weights[one]):
        through: dict[int, int] = {}
        free, queue = -1, [wanted]
        for one in queue:
            for other in reached_by[one]:
                if free < 0 and other not in through and other not in full:
                    through[other] = one
                    free = other if len(taken[other]) < room[other] else -1
                    queue += taken[other]
        if free < 0:
            full |= through.keys()
            continue
        weight += float(weights[wanted])
        moved = -1
        while moved != wanted:
            moved = through[free]
            before = owner.get(moved, -1)
            taken[free].append(moved)
            owner[moved] = free
            if before >= 0:
                taken[before].remove(moved)
            free = before
    return weight


def _pairs(places: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Pair groups of structures with the QPV in which they could stand: ``group`` and ``qpv``, positions in both frames."""
    groups = groups.astype({readings.SECOND: "str"}).assign(group=np.arange(len(groups)))
    second = groups[groups["has_second"].astype(bool)]
    second = second.assign(commune_code=second[readings.SECOND], qpv_code=None)
    parts = [_reached(places, side) for side in (groups, second) if len(side)]
    return pd.concat(parts, ignore_index=True).drop_duplicates()


def holds_qpv(places: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Say, row by row, whether the ``commune_code``, else the ``department_code``, holds one of the QPV of ``places``."""
    groups, at = distinct(rows, ["commune_code", "department_code"])
    groups = groups.assign(qpv_code=None, group=np.arange(len(groups)))
    pairs = _reached(*(side.assign(generation="", year=0) for side in (places, groups)))
    return np.isin(at, pairs["group"])


def _reached(places: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Pair groups with QPV by one place each: the QPV of their point, else their commune, else their département."""
    qpv = places[[*KEY, "department_code"]].reset_index(drop=True)
    qpv = qpv.assign(commune_code=places["commune_codes"].str.split(",").array, qpv=np.arange(len(places)))
    listed = qpv.explode("commune_code").astype({"commune_code": "str"})
    texts = dict.fromkeys(("commune_code", "department_code", "qpv_code"), "str")
    groups = groups.astype(texts)
    pointed, groups = groups[groups["qpv_code"].notna()], groups[groups["qpv_code"].isna()]
    pointed = (
        pointed.assign(qpv_code=pointed["qpv_code"].str.split(",")).explode("qpv_code").astype({"qpv_code": "str"})
    )
    has_commune, has_department = groups["commune_code"].notna(), groups["department_code"].notna()
    others = [groups["commune_code"].map(alike) for alike in (COMMUNE_OF_ARRONDISSEMENT, ARRONDISSEMENTS)]
    alike = [groups.assign(commune_code=codes)[codes.notna()].explode("commune_code") for codes in others]
    communes = pd.concat([groups[has_commune], *alike]).astype({"commune_code": "str"})
    without = listed["commune_code"].isna()
    nowhere = listed["department_code"].isna()
    vague = ~has_commune
    parts = [
        _met(qpv, pointed, KEY),
        _met(listed[~without], communes, [*EXTRACT, "commune_code"]),
        _met(listed[without & ~nowhere], groups[has_department], [*EXTRACT, "department_code"]),
        _met(listed[without & nowhere], groups[has_department], EXTRACT),
        _met(listed[~without & ~nowhere], groups[vague & has_department], [*EXTRACT, "department_code"]),
        _met(listed[~without & nowhere], groups[vague & has_department], EXTRACT),
        _met(listed, groups[vague & ~has_department], EXTRACT),
    ]
    return pd.concat(parts, ignore_index=True)


_NO_PAIRS = pd.DataFrame({"group": [], "qpv": []}, dtype="int64")


def _met(qpv: pd.DataFrame, groups: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Pair QPV and groups of structures that have the same keys."""
    if qpv.empty or groups.empty:
        return _NO_PAIRS
    own, theirs = numbers(keys, qpv, groups)
    sides = (
        pd.DataFrame({"key": own, "qpv": qpv["qpv"].array}),
        pd.DataFrame({"key": theirs, "group": groups["group"].array}),
    )
    return sides[0].merge(sides[1], on="key")[["group", "qpv"]]
