"""The situation of a structure: one of five words, from the geometry, the ARS's answer and the quality of the point.

Precedence: inside a QPV; then the ARS's answer (yes: declared, no: elsewhere, even at 10 m); then, with no answer, undetermined
where the location cannot decide, else the distance. Two fallbacks spare an ``undetermined``: a commune that has no QPV within
the largest ring, and a territory without any QPV in law.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.keys import among
from qpvhealth.facts.situations import (
    CENTROID,
    ELSEWHERE,
    IN_QPV,
    LOCATED,
    MISSING,
    NO,
    UNDETERMINED,
    UNKNOWN,
    VECU_DECLARED,
    VECU_PROXY,
    YES,
)
from qpvhealth.facts.territories import ARRONDISSEMENTS, COMMUNE_OF_ARRONDISSEMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qpvhealth.spatial.proximity import Perimeters

STREET = "street"
FreeAreas = dict[str, dict[str, bool]]
"""By level, then by code: whether an area is far from every QPV."""


def resolve(located: pd.DataFrame, *, vecu_distance_m: float) -> pd.DataFrame:
    """Give each structure its situation.

    ``located``: one row per structure with ``location_status``, ``location_precision``, ``location_error_m``, ``qpv_code``,
    ``distance_m``, ``border_distance_m``, ``vecu_declared``, ``source_says_in_qpv``, ``has_perimeters`` (polygons of its
    territory were given), ``is_surely_elsewhere``. Returns ``situation``, ``rule``, ``is_fragile``, ``agrees_with_source``,
    and ``qpv_code`` kept only where it decides.
    """
    frame = located
    decides = _decides(frame)
    inside = decides & frame["qpv_code"].notna()
    answered = frame["vecu_declared"]
    near = frame["distance_m"] <= vecu_distance_m
    steps = (
        (inside, IN_QPV, "covers"),
        (answered == YES, VECU_DECLARED, "declared-yes"),
        (answered == NO, ELSEWHERE, "declared-no"),
        (frame["is_surely_elsewhere"], ELSEWHERE, "no-qpv-around"),
        (~frame["has_perimeters"], UNDETERMINED, "no-perimeter-given"),
        (~decides, UNDETERMINED, "location-cannot-decide"),
        (near, VECU_PROXY, f"within-{vecu_distance_m:g}-m"),
        (~near, ELSEWHERE, f"beyond-{vecu_distance_m:g}-m"),
    )
    conditions = [np.asarray(c, dtype=bool) for c, _, _ in steps]
    step = np.select(conditions, range(len(steps)))  # of the last two, one holds
    situation, rule = (
        pd.Series(words, dtype="str").take(step).set_axis(frame.index)
        for words in ([s for _, s, _ in steps], [r for _, _, r in steps])
    )
    return pd.DataFrame(
        {
            "situation": situation,
            "rule": rule,
            "is_fragile": _fragile(frame, situation, vecu_distance_m),
            "agrees_with_source": _agrees(frame["source_says_in_qpv"], situation),
            "qpv_code": frame["qpv_code"].where(inside),
        }
    )


def surely_elsewhere(
    structures: pd.DataFrame,
    free_areas: Callable[[str], FreeAreas | None],
    communes_with_qpv: set[str],
    *,
    reach_m: float,
) -> pd.Series:
    """Say which structures that cannot be placed are in no QPV nor near one, wherever in their commune they stand.

    With outlines: the commune (else the département) is one of the ``free_areas``. Without: the commune is that of no QPV and its
    centroid is farther than ``reach_m`` (the largest ring and the reach of a commune) from every one. Only for centroids and missing
    points: where the point contradicts its commune, the commune itself is in doubt.
    """
    asked = structures["location_status"].isin((CENTROID, MISSING)) & structures["territory"].notna()
    told = pd.Series(data=False, index=structures.index)
    for territory, rows in structures[asked].groupby("territory"):
        free = free_areas(str(territory))
        if free is None:
            continue
        for level, column in (("department", "department_code"), ("commune", "commune_code")):
            known = _of_area(rows[column], free.get(level, {}))
            told.loc[rows.index] = known.fillna(told.loc[rows.index].astype("boolean")).astype(bool)
        without = _of_area(rows["commune_code"], free.get("commune", {})).isna()
        far = rows["distance_m"] > reach_m
        apart = rows["commune_code"].notna() & ~among(rows["commune_code"], _with_arrondissements(communes_with_qpv))
        told.loc[rows.index] |= without & far & apart
    return told


def free_areas(
    perimeters: Mapping[str, Perimeters], outlines: Mapping[str, pd.DataFrame], ring_m: float
) -> Callable[[str], FreeAreas | None]:
    """Give, by territory, whether the outline of an area is farther than ``ring_m`` from every QPV: by level, then area code.

    Null for a territory without any polygon. Each territory is measured once, when it is first asked for.
    """

    @cache
    def of_territory(territory: str) -> FreeAreas | None:
        """Compute them when a territory is first asked for."""
        given = perimeters.get(territory)
        if given is None or not len(given.polygons):
            return None
        return _free_areas(territory, given, outlines, ring_m)

    return of_territory


def _of_area(codes: pd.Series, known: Mapping[str, bool]) -> pd.Series:
    """Look areas up by their code, an arrondissement that is not there by its commune."""
    whole = codes.map(COMMUNE_OF_ARRONDISSEMENT)
    return codes.map(known).astype("boolean").fillna(whole.map(known).astype("boolean"))


def _with_arrondissements(communes: set[str]) -> set[str]:
    """Add to communes their arrondissements, and to arrondissements their commune."""
    whole = {COMMUNE_OF_ARRONDISSEMENT.get(c, c) for c in communes}
    return communes | whole | {a for c in whole & ARRONDISSEMENTS.keys() for a in ARRONDISSEMENTS[c]}


def _free_areas(
    territory: str, perimeters: Perimeters, outlines: Mapping[str, pd.DataFrame], ring_m: float
) -> FreeAreas:
    """Say, by level and area code, whether an outline is farther than ``ring_m`` from every QPV of the territory."""
    tree = shapely.STRtree(perimeters.polygons)
    out: dict[str, dict[str, bool]] = {}
    for level in ("commune", "department"):
        if level not in outlines:
            continue
        shapes = outlines[level]
        shapes = shapes[shapes["territory"] == territory]
        near, _ = tree.query(shapes["metres"].to_numpy(dtype=object), predicate="dwithin", distance=ring_m)
        free = np.ones(len(shapes), dtype=bool)
        free[near] = False
        out[level] = dict(zip(shapes["area_code"], free.tolist(), strict=True))
    return out


def _decides(frame: pd.DataFrame) -> pd.Series:
    """Say whose point can decide: located, and for a street only if its whole uncertainty lies on one side of the limit."""
    located = (frame["location_status"] == LOCATED) & frame["distance_m"].notna()
    astride = frame["border_distance_m"].abs() <= frame["location_error_m"]
    return located & ~((frame["location_precision"] == STREET) & astride)


def _fragile(frame: pd.DataFrame, situation: pd.Series, vecu_distance_m: float) -> pd.Series:
    error = frame["location_error_m"]
    by_distance = situation.isin((VECU_PROXY, ELSEWHERE)) & (frame["vecu_declared"] == UNKNOWN)
    at_border = frame["border_distance_m"].abs() <= error
    at_ring = by_distance & ((frame["distance_m"] - vecu_distance_m).abs() <= error)
    known = (frame["location_status"] == LOCATED) & frame["distance_m"].notna()
    return (at_border | at_ring).astype("boolean").where(known)


def _agrees(flag: pd.Series, situation: pd.Series) -> pd.Series:
    known = (flag != UNKNOWN) & (situation != UNDETERMINED)
    return ((flag == YES) == (situation == IN_QPV)).astype("boolean").where(known)
