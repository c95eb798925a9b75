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
from qpvhealth.indicators import readings, unplaced
from qpvhealth.indicators.counts import distinct
from qpvhealth.indicators.unplaced import EXTRACT, KEY
from qpvhealth.rules.proximity import Proximity
from qpvhealth.rules.scopes import SCOPES
from qpvhealth.rules.stock import is_read
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpvhealth.rules.scopes import Scope

_STRUCTURE = ["finess_et", "generation", "year"]


def cover(
    neighbourhoods: pd.DataFrame, stock: pd.DataFrame, pairs: pd.DataFrame, *, near_rule: str, vecu_distance_m: float
) -> pd.DataFrame:
    """Measure the coverage of QPV by the stock, each in its own generation and year.

    ``neighbourhoods``: one row per QPV, generation and year, with ``commune_codes``, ``department_code``, ``is_assessed`` (it has a
    polygon, and the extract covers its département) and ``is_answered`` (so has its ARS). ``stock``: one row per structure,
    generation and year, with ``proximity.LOCATION_COLUMNS`` and what ``readings.with_second_places`` adds. ``pairs``: structure, QPV,
    generation, year, ``distance_m``, ``is_declared``. Returns one row per QPV, generation and year, in their order: counts in and near
    by type (null where unknown), ``n_undetermined``, and the three ``is_covered`` columns (true, false, null).
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
    table["n_undetermined"] = unplaced.of_stock(neighbourhoods, stock, is_counted=True).per_qpv()
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
        second = readings.second_proximity(self._stock)
        again = readings.has_second_place(self._stock) & second.near(rule, distance_m).possible & second.answer.decided
        is_attached = np.ones(len(self._places), dtype=bool)
        if (alone | again).any():
            is_attached = unplaced.of_places(self._places, self._stock, alone, again).per_qpv() == 0
        return Near(counts[0], counts[1], counts[2], is_attached)


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
    departments, at = distinct(outside, [*EXTRACT, "department_code"])
    silent = np.bincount(at, outside["vecu_declared"] == UNKNOWN, len(departments))
    complete: pd.DataFrame = departments[silent == 0]
    return complete
