"""Inside a QPV, near one, or neither: the one rule, with three answers because a location may not decide.

A point on a street may lie anywhere within its error: its signed distance to the nearest limit of a QPV, d (negative inside), lies in
[d - e, d + e]. Any other usable point decides alone: its interval is the distance itself. A centroid, a missing or contradictory point,
or a territory without perimeters leaves the whole line, unless no QPV is around wherever the structure stands; where its commune, or its
département, holds no QPV, it is inside none, though it may be near one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.facts.situations import (
    DECLARED,
    ELSEWHERE,
    IN_QPV,
    LOCATED,
    NO,
    PROXY,
    UNDETERMINED,
    VECU_DECLARED,
    YES,
)
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    import pandas as pd

STREET = "street"
"""The only precision whose points may be undetermined: those of other points are fragile at most."""
LOCATION_COLUMNS = (
    *("location_status", "location_precision", "location_error_m", "qpv_code", "border_distance_m"),
    *("vecu_declared", "situation_by_place", "has_qpv_in_area"),
)
"""What ``Proximity.of`` reads of a structure and a set of perimeters; ``is_surely_elsewhere`` may stand for ``situation_by_place``.

Without ``has_qpv_in_area`` nothing is known of what the communes hold.
"""
DECIMALS = 6
"""Sums and differences of metres are compared to the micrometre: a sum of floats must not decide."""


@dataclass(frozen=True, eq=False)
class Proximity:
    """Where structures stand towards the QPV of one set, or towards one QPV each: one element per structure or pair.

    ``low`` and ``high``: the least and the greatest signed distance, in metres, that the location allows. ``inside``: in any QPV of
    the set; ``holds``: in the one of the pair (for a set, the same). ``answer``: whether the ARS declares the structure near.
    ``alone``: no other QPV than that of the pair may hold it (always, for a set).
    """

    low: np.ndarray
    high: np.ndarray
    inside: Tristate
    holds: Tristate
    answer: Tristate
    alone: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Proximity:
        """Read ``LOCATION_COLUMNS``: one row per structure and set of perimeters, as located by a build or as published.

        ``qpv_code`` is the QPV that covers the point (null: none). No perimeters, no distance: nothing is decided.
        """
        d, error = (rows[c].to_numpy(dtype=float, na_value=np.nan) for c in ("border_distance_m", "location_error_m"))
        usable = (rows["location_status"] == LOCATED).to_numpy(dtype=bool) & ~np.isnan(d)
        blurred = usable & (rows["location_precision"] == STREET).to_numpy(dtype=bool) & (np.abs(d) <= error)
        nowhere = ~usable & surely_elsewhere(rows)
        spread = np.where(blurred, error, 0.0)
        low, high = (np.round(np.where(usable, d + s, np.inf), DECIMALS) for s in (-spread, spread))
        covered = rows["qpv_code"].notna().to_numpy()
        decided = usable & ~blurred
        answer = Tristate(*((rows["vecu_declared"] == word).to_numpy(dtype=bool) for word in (YES, NO)))
        outside = (decided & ~covered) | nowhere | (~usable & _area_is_free(rows))
        inside = outside_if_declared(Tristate(decided & covered, outside), answer)
        return cls(np.where(usable | nowhere, low, -np.inf), high, inside, inside, answer, np.ones(len(d), dtype=bool))

    @classmethod
    def of_points(cls, distance_m: np.ndarray, covered: np.ndarray) -> Proximity:
        """Read points that decide alone and about which no ARS is asked; a null distance decides nothing unless it is ``covered``."""
        usable = ~np.isnan(distance_m)
        low, high = (np.where(usable, distance_m, edge) for edge in (-np.inf, np.inf))
        inside, nobody = Tristate(covered, usable & ~covered), np.zeros(len(usable), dtype=bool)
        return cls(low, high, inside, inside, Tristate(nobody, nobody), ~nobody)

    @property
    def has_point(self) -> np.ndarray:
        """Which locations bound the distance."""
        return np.asarray(np.isfinite(self.low) & np.isfinite(self.high))

    @property
    def declared(self) -> Tristate:
        """Declared near by the ARS, and outside."""
        return self.answer & ~self.inside

    def inside_or_within(self, distance_m: float) -> Tristate:
        """In a QPV or at most this far from one, in metres, by distance alone."""
        return Tristate(self.high <= distance_m, self.low > distance_m)

    def within(self, distance_m: float) -> Tristate:
        """Outside, and at most this far from a QPV, in metres."""
        return self.inside_or_within(distance_m) & ~self.inside

    def near(self, rule: str, distance_m: float) -> Tristate:
        """Outside and near by one of ``VECU_RULES``: the answer, the distance, or the distance where there is no answer."""
        return by_rule(rule, self.answer, self.inside_or_within(distance_m)) & ~self.inside

    def in_or_near(self, rule: str, distance_m: float) -> Tristate:
        """Inside or near: decided even where neither part is, if every place that the location allows gives the same."""
        either = by_rule(rule, self.answer, self.inside_or_within(distance_m))
        sure = either.yes & (self.inside.no | (self.inside.unknown & self.alone))
        return Tristate(self.holds.yes | sure, self.holds.no & (self.inside.yes | either.no))

    def of_pairs(
        self, at: np.ndarray, distance_m: np.ndarray, *, is_declared: np.ndarray, is_inside: np.ndarray
    ) -> Proximity:
        """Return where structures stand towards one QPV each: one element per pair.

        ``at``: the position of the structure of each pair. ``distance_m``: from its point to the QPV, 0 inside, null without a usable
        point. ``is_declared``: the ARS names this QPV. ``is_inside``: the pairs of a QPV and what its perimeter covers; what is
        inside another QPV is near none.
        """
        usable, n = self.has_point, len(self.low)
        spread = np.subtract(self.high, self.low, out=np.full(n, np.inf), where=usable)[at] / 2
        middle = np.add(self.high, self.low, out=np.zeros(n), where=usable)[at] / 2
        covers, lost = distance_m == 0, np.isnan(distance_m)
        is_deepest = covers & (middle < 0) & (np.bincount(at, covers, n)[at] == 1)
        d = np.where(is_deepest, middle, np.nan_to_num(distance_m))
        least, most = np.where(usable, -np.inf, self.low)[at], np.full(len(at), np.inf)
        low, high = (np.round(np.where(lost, edge, d + s), DECIMALS) for s, edge in ((-spread, least), (spread, most)))
        inside, answer = self.inside.take(at), self.answer.take(at)
        may_hold = (low <= 0) & inside.unknown
        alone = np.bincount(at, may_hold, len(self.low))[at] == may_hold
        holds = Tristate(inside.yes & is_inside, inside.no | (inside.yes & ~is_inside) | (low > 0))
        mine = Tristate(answer.yes & is_declared, answer.no | (answer.yes & ~is_declared))
        return Proximity(low, high, inside, holds, mine, alone)

    def each(self, covers: np.ndarray) -> Proximity:
        """Read pairs one by one: what is inside another QPV may be near that of the pair. ``covers``: pairs at no distance."""
        inside = Tristate(self.inside.yes & covers, self.inside.no | (self.inside.yes & ~covers) | (self.low > 0))
        return replace(self, inside=inside, holds=inside, alone=np.ones(len(self.low), dtype=bool))


def surely_elsewhere(rows: pd.DataFrame) -> np.ndarray:
    """Say which structures have no QPV around wherever they stand; published, it is what ``situation_by_place`` says without a point."""
    if "is_surely_elsewhere" in rows:
        return rows["is_surely_elsewhere"].to_numpy(dtype=bool)
    return np.asarray(rows["situation_by_place"] == ELSEWHERE, dtype=bool)


def _area_is_free(rows: pd.DataFrame) -> np.ndarray:
    """Say of which structures the commune, or département, is known to hold no QPV."""
    if "has_qpv_in_area" not in rows:
        return np.zeros(len(rows), dtype=bool)
    return ~rows["has_qpv_in_area"].astype("boolean").to_numpy(dtype=bool, na_value=True)


def outside_if_declared(inside: Tristate, answer: Tristate) -> Tristate:
    """Read a yes of the ARS about a point that does not decide: it stands outside, and near.

    The ARS lists what is outside a QPV and near it. Its no, stated or by silence, excludes only "near": it places nothing.
    """
    return Tristate(inside.yes, inside.no | (inside.unknown & answer.yes))


def by_rule(rule: str, answer: Tristate, by_distance: Tristate) -> Tristate:
    """Combine the ARS's answer and the distance by one of ``VECU_RULES``."""
    if rule == DECLARED:
        return answer
    return by_distance if rule == PROXY else answer.where(answer.decided, by_distance)


def situation(place: pd.Series, answer: pd.Series) -> pd.Series:
    """Give the situation from what the point alone gives and the ARS's answer: inside wins, then the answer, then the place.

    A null place stays null. A no about a place that does not decide leaves it undetermined: in a QPV, or elsewhere.
    """
    outside = place.notna() & (place != IN_QPV)
    decided = outside & (place != UNDETERMINED)
    return place.mask(outside & (answer == YES), VECU_DECLARED).mask(decided & (answer == NO), ELSEWHERE).astype("str")
