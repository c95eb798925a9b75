"""Coverage of each QPV: what stands in it and near it, and when that is not known.

A QPV is uncovered only when that is sure. Its coverage is unknown where the extract does not cover its département, where its
polygon collapsed, or where a structure that cannot be placed could stand in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import numbers, positions
from qpvhealth.facts.categories import CDS, MSP, PLURI, UNKNOWN
from qpvhealth.facts.situations import DECLARED
from qpvhealth.facts.territories import ARRONDISSEMENTS, COMMUNE_OF_ARRONDISSEMENT
from qpvhealth.indicators.counts import distinct
from qpvhealth.rules.proximity import Proximity
from qpvhealth.rules.scopes import SCOPES
from qpvhealth.rules.stock import is_read
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpvhealth.rules.scopes import Scope

KEY = ["qpv_code", "generation", "year"]
_STRUCTURE = ["finess_et", "generation", "year"]
_EXTRACT = ["generation", "year"]


def cover(
    neighbourhoods: pd.DataFrame, stock: pd.DataFrame, pairs: pd.DataFrame, *, near_rule: str, vecu_distance_m: float
) -> pd.DataFrame:
    """Measure the coverage of QPV by the stock, each in its own generation and year.

    ``neighbourhoods``: one row per QPV, generation and year, with ``commune_codes``, ``department_code``, ``is_assessed`` (it has a
    polygon, and the extract covers its département) and ``is_answered`` (so has its ARS). ``stock``: one row per structure,
    generation and year, with ``proximity.LOCATION_COLUMNS``. ``pairs``: structure, QPV, generation, year, ``distance_m``,
    ``is_declared``. Returns one row per QPV, generation and year, in their order: counts in and near by type (null where unknown),
    ``n_undetermined``, and the three ``is_covered`` columns (true, false, null).
    """
    table = neighbourhoods[[*KEY, "department_code"]].reset_index(drop=True)
    assessed, answered = (neighbourhoods[c].to_numpy(dtype=bool) for c in ("is_assessed", "is_answered"))
    assessed_near = assessed & answered if near_rule == DECLARED else assessed
    present = Presence(neighbourhoods, stock, pairs)
    inside, near = present.inside, present.near(near_rule, vecu_distance_m)
    kind, modality = present.kinds["structure_type"], present.kinds["modality"]
    for name, chosen in (
        ("n_msp_in", kind == MSP),
        ("n_cds_in", kind == CDS),
        ("n_cds_pluri_in", (kind == CDS) & (modality == PLURI)),
        ("n_cds_unknown_in", (kind == CDS) & (modality == UNKNOWN)),
    ):
        n = inside @ chosen.to_numpy(dtype="int64")
        table[name] = pd.arrays.IntegerArray(n, ~(assessed | (n > 0)))
    for name, chosen in (("n_msp_near", kind == MSP), ("n_cds_near", kind == CDS)):
        n, most = (counts @ chosen.to_numpy(dtype="int64") for counts in (near.sure, near.possible))
        table[name] = pd.arrays.IntegerArray(n, ~((assessed_near & (most == n)) | (n > 0)))
    table["n_undetermined"] = present.unplaced(present.may_be_inside).per_qpv()
    free, both = (table["n_undetermined"] == 0).to_numpy(), SCOPES["msp_cds"]
    scopes = [both, SCOPES["primary"]]
    members = [scope.members(present.kinds) for scope in scopes]
    in_it = verdicts(scopes, members, inside, inside, free=free, assessed=assessed)
    around = verdicts(
        scopes[:1],
        members[:1],
        inside + near.union,
        inside + near.possible,
        free=free & near.is_attached,
        assessed=assessed_near,
    )
    flags = {"in": in_it.covered.take(0), "near": around.covered.take(0), "primary": in_it.covered.take(1)}
    return table.assign(**{f"is_covered_{name}": flag.nullable() for name, flag in flags.items()})


class Near(NamedTuple):
    """The structures near each QPV, by kind, (QPV, kinds): surely near, possibly near, surely near or inside without being sure which.

    ``is_attached``: of which QPV it is known that no structure declared near around it is of a QPV that nobody names.
    """

    sure: np.ndarray
    possible: np.ndarray
    union: np.ndarray
    is_attached: np.ndarray


class Presence:
    """What stands in the QPV of some rows and near them, by kind of structure, under any rule of proximity."""

    def __init__(self, places: pd.DataFrame, stock: pd.DataFrame, pairs: pd.DataFrame) -> None:
        """Place a stock among QPV: ``places``, ``stock`` and ``pairs`` as ``cover`` takes them.

        ``kinds``: the types and modalities of the stock. ``inside``: how many of each are surely in each QPV, (QPV, kinds).
        """
        self._places, self._stock, self.where = places, stock, Proximity.of(stock)
        self._is_read = is_read(stock)
        own, of_stock, of_pairs = numbers(KEY, places, stock, pairs)
        rows = pd.Index(own)
        self.kinds, self._kind = distinct(stock, ["structure_type", "modality"])
        of_structure = np.where(self.where.inside.yes, rows.get_indexer(of_stock), -1)
        self.inside = self._by_qpv(of_structure, self._kind, self.where.inside.yes & self._is_read)
        at = positions(_STRUCTURE, pairs, stock)
        self.at, self.of_pair = at[at >= 0], rows.get_indexer(of_pairs[at >= 0])
        self.distance_m, declared = (
            pairs["distance_m"].to_numpy(dtype=float)[at >= 0],
            pairs["is_declared"].to_numpy(dtype=bool)[at >= 0],
        )
        is_inside = (of_structure[self.at] == self.of_pair) & (self.of_pair >= 0)
        self.towards = self.where.of_pairs(self.at, self.distance_m, is_declared=declared, is_inside=is_inside)

    @property
    def each(self) -> Proximity:
        """The pairs read one by one, each QPV that covers a point holding it."""
        return self.towards.each(self.distance_m == 0)

    def _by_qpv(self, at: np.ndarray, kind: np.ndarray, mask: np.ndarray) -> np.ndarray:
        counted, n = mask & (at >= 0), len(self.kinds)
        cells = np.bincount(at[counted] * n + kind[counted], minlength=len(self._places) * n)
        return cells.reshape(len(self._places), n)

    def by_qpv(self, mask: np.ndarray) -> np.ndarray:
        """Count the pairs of a mask by QPV and kind of structure."""
        return self._by_qpv(self.of_pair, self._kind[self.at], mask)

    def near(self, rule: str, distance_m: float, *, each: bool = False) -> Near:
        """Count what is near each QPV by a rule. ``each``: by pairs, so that what is inside another QPV may be near this one.

        An answer that is missing leaves a whole département unknown (``answered_departments``), not only the QPV around.
        """
        pairs = self.each if each else self.towards
        near, union = pairs.near(rule, distance_m), pairs.in_or_near(rule, distance_m)
        possible = near.yes if rule == DECLARED else near.possible
        read = self._is_read[self.at]
        sure, around = near.yes & read, union.yes & ~pairs.inside.yes & read
        counts = [self.by_qpv(mask) for mask in (sure, possible, around)]
        attached = np.zeros(len(self._stock), dtype=bool)
        attached[self.at[near.possible]] = True
        alone = self.where.near(rule, distance_m).possible & self.where.answer.decided & ~attached
        is_attached = self.unplaced(alone).per_qpv() == 0 if alone.any() else np.ones(len(self._places), dtype=bool)
        return Near(counts[0], counts[1], counts[2], is_attached)

    @property
    def may_be_inside(self) -> np.ndarray:
        """Which structures may be in a QPV and are in none for sure: undetermined, or of a row that could not be read."""
        return may_be_inside(self.where, self._is_read)

    def unplaced(self, mask: np.ndarray) -> Unplaced:
        """Group the structures of a mask by the QPV in which they could stand."""
        return Unplaced(self._places, self._stock[mask], self._kind[mask], len(self.kinds))


def may_be_inside(where: Proximity, read: np.ndarray) -> np.ndarray:
    """Say which structures may be in a QPV and are in none for sure: undetermined, or of a row that could not be read."""
    return np.asarray(where.inside.unknown | (where.inside.yes & ~read))


class Unplaced:
    """Structures that could stand in several QPV, in groups of those that could stand in the same ones.

    One whose row could not be read stands where its point says. Another could be in any QPV of its commune; of its département where it
    or the QPV has no commune; anywhere when even that is unknown. An arrondissement meets its commune, whichever of the two each side
    names.
    """

    def __init__(self, places: pd.DataFrame, lost: pd.DataFrame, kind: np.ndarray, n_kinds: int) -> None:
        """Group ``lost`` (``kind``: the number of the kind of each, of ``n_kinds``) and pair each group with QPV of ``places``."""
        groups, at = distinct(lost, [*_EXTRACT, "commune_code", "department_code", "qpv_code"])
        self._n = np.bincount(at * n_kinds + kind, minlength=len(groups) * n_kinds).reshape(len(groups), n_kinds)
        self._n_places = len(places)
        pairs = _pairs(places, groups) if len(groups) else _NO_PAIRS
        self._group, self._qpv = (pairs[c].to_numpy(dtype="int64") for c in ("group", "qpv"))

    def per_qpv(self) -> np.ndarray:
        """Count, for each QPV, the structures that could stand in it."""
        return np.bincount(self._qpv, self._n.sum(axis=1)[self._group], self._n_places).astype("int64")

    def reachable(
        self, concerned: np.ndarray, weights: np.ndarray, members: np.ndarray, areas: Sequence[tuple[np.ndarray, int]]
    ) -> np.ndarray:
        """Bound what these structures could change: the weight of the QPV in which they could stand, each in one QPV only.

        ``concerned``: the QPV that could change, (choices, QPV). ``members``: the kinds that count, (choices, kinds). ``areas``: at each
        level the number of the area of each QPV, -1 for none, and how many areas there are. Returns (choices, areas of all levels):
        for each group of structures the heaviest QPV that it could reach, as many as it has structures. A QPV that two groups could
        reach counts in both: the caller caps the sum at the weight of all that is concerned.
        """
        n_of_group = members.astype("int64") @ self._n.T
        is_open = np.asarray(concerned.any(axis=0))[self._qpv]
        groups, places = self._group[is_open], self._qpv[is_open]
        sums = []
        for area_of, n_areas in areas:
            area = area_of[places]
            order = np.lexsort((-weights[places], groups, area))
            order = order[area[order] >= 0]
            group, qpv, area = groups[order], places[order], area[order]
            could = concerned[:, qpv]
            is_first = np.ones(len(order), dtype=bool)
            is_first[1:] = (group[1:] != group[:-1]) | (area[1:] != area[:-1])
            starts = np.flatnonzero(is_first)
            ranks = np.cumsum(could, axis=1)
            before = np.where(starts > 0, ranks[:, starts - 1], 0)
            ranks -= np.repeat(before, np.diff(np.r_[starts, len(order)]), axis=1)
            taken = np.where(could & (ranks <= n_of_group[:, group]), weights[qpv], 0.0)
            total = np.zeros((len(concerned), n_areas))
            np.add.at(total.T, area, taken.T)
            sums.append(total)
        return np.concatenate(sums, axis=1)


def _pairs(places: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Pair groups of structures with the QPV in which they could stand: ``group`` and ``qpv``, positions in both frames."""
    qpv = places[[*KEY, "department_code"]].reset_index(drop=True)
    qpv = qpv.assign(commune_code=places["commune_codes"].str.split(",").array, qpv=np.arange(len(places)))
    listed = qpv.explode("commune_code").astype({"commune_code": "str"})
    texts = dict.fromkeys(("commune_code", "department_code", "qpv_code"), "str")
    groups = groups.astype(texts).assign(group=np.arange(len(groups)))
    pointed, groups = groups[groups["qpv_code"].notna()], groups[groups["qpv_code"].isna()]
    has_commune, has_department = groups["commune_code"].notna(), groups["department_code"].notna()
    others = [groups["commune_code"].map(alike) for alike in (COMMUNE_OF_ARRONDISSEMENT, ARRONDISSEMENTS)]
    alike = [groups.assign(commune_code=codes)[codes.notna()].explode("commune_code") for codes in others]
    communes = pd.concat([groups[has_commune], *alike]).astype({"commune_code": "str"})
    without = listed["commune_code"].isna()
    nowhere = listed["department_code"].isna()
    vague = ~has_commune
    parts = [
        _met(qpv, pointed, KEY),
        _met(listed[~without], communes, [*_EXTRACT, "commune_code"]),
        _met(listed[without & ~nowhere], groups[has_department], [*_EXTRACT, "department_code"]),
        _met(listed[without & nowhere], groups[has_department], _EXTRACT),
        _met(listed[~without & ~nowhere], groups[vague & has_department], [*_EXTRACT, "department_code"]),
        _met(listed[~without & nowhere], groups[vague & has_department], _EXTRACT),
        _met(listed, groups[vague & ~has_department], _EXTRACT),
    ]
    return pd.concat(parts, ignore_index=True).drop_duplicates()


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


class Verdicts(NamedTuple):
    """Whether a structure stands in each QPV, (choices, QPV).

    ``none_seen``: the extract assesses it and shows none; it is surely without one where no structure without a place could stand in it.
    ``can_tell``: the extract can tell of it.
    """

    covered: Tristate
    none_seen: np.ndarray
    can_tell: np.ndarray


def verdicts(
    scopes: Sequence[Scope],
    members: Sequence[Tristate],
    sure: np.ndarray,
    possible: np.ndarray,
    *,
    free: np.ndarray,
    assessed: np.ndarray,
) -> Verdicts:
    """Say of each QPV whether a structure of a scope stands there: all (scopes, QPV).

    ``members``: of each scope, the kinds that count. ``sure`` and ``possible``: structures by QPV and kind. It is surely without one only
    where none counts, none could count, none undetermined could be there (``free``), and the extract assesses it (``assessed``). Where
    the modality decides, the extract can tell only if it does.
    """
    yes = np.array([sure @ m.yes > 0 for m in members])
    none = np.array([possible @ m.possible == 0 for m in members])
    none_seen = none & assessed & ~yes
    decided = yes | none_seen
    can_tell = [assessed & decided[k] if s.modality else assessed for k, s in enumerate(scopes)]
    return Verdicts(Tristate(yes, none_seen & free), none_seen, np.array(can_tell))


def answered_departments(stock: pd.DataFrame) -> pd.DataFrame:
    """Return the départements whose every structure outside a QPV has an answer: ``generation``, ``year``, ``department_code``."""
    outside = stock[~Proximity.of(stock).inside.yes & stock["department_code"].notna() & is_read(stock)]
    departments, at = distinct(outside, [*_EXTRACT, "department_code"])
    silent = np.bincount(at, outside["vecu_declared"] == UNKNOWN, len(departments))
    complete: pd.DataFrame = departments[silent == 0]
    return complete
