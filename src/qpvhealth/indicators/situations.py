"""The situation of a structure: one of five words, from the geometry, the ARS's answer and the quality of the point.

Precedence: inside a QPV; then a yes of the ARS (declared near, even where the location cannot decide); then undetermined where the
location cannot decide; then its no (elsewhere, even at 10 m); then the distance. Two fallbacks spare an ``undetermined``: a commune that
has no QPV within the largest ring, and a territory without any QPV in law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import among
from qpvhealth.facts.situations import (
    CENTROID,
    ELSEWHERE,
    IN_QPV,
    MISSING,
    NO,
    UNDETERMINED,
    UNKNOWN,
    VECU_DECLARED,
    VECU_PROXY,
    YES,
)
from qpvhealth.facts.territories import ARRONDISSEMENTS, COMMUNE_OF_ARRONDISSEMENT
from qpvhealth.rules import proximity
from qpvhealth.rules.proximity import Proximity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def resolve(located: pd.DataFrame, *, vecu_distance_m: float) -> pd.DataFrame:
    """Give each structure its situation.

    ``located``: one row per structure with ``location_status``, ``location_precision``, ``location_error_m``, ``qpv_code``,
    ``distance_m``, ``border_distance_m``, ``vecu_declared``, ``source_says_in_qpv``, ``has_perimeters`` (polygons of its
    territory were given), ``is_surely_elsewhere``. Returns ``situation``, ``situation_by_place`` (before any answer), ``rule``,
    ``is_fragile``, ``agrees_with_source``, and ``qpv_code`` kept only where it decides.
    """
    point = Proximity.of(located.assign(vecu_declared=UNKNOWN))
    within = point.inside_or_within(vecu_distance_m)
    steps = (
        (point.inside.yes, IN_QPV, "covers"),
        (located["is_surely_elsewhere"], ELSEWHERE, "no-qpv-around"),
        (~located["has_perimeters"], UNDETERMINED, "no-perimeter-given"),
        (point.inside.unknown | within.unknown, UNDETERMINED, "location-cannot-decide"),
        (within.yes, VECU_PROXY, f"within-{vecu_distance_m:g}-m"),
        (within.no, ELSEWHERE, f"beyond-{vecu_distance_m:g}-m"),
    )
    step = np.select([np.asarray(mask, dtype=bool) for mask, _, _ in steps], range(len(steps)))
    place, rule = (
        pd.Series(words, dtype="str").take(step).set_axis(located.index)
        for words in ([s for _, s, _ in steps], [r for _, _, r in steps])
    )
    answer = located["vecu_declared"]
    situation = proximity.situation(place, answer)
    by_answer = (
        (situation == VECU_DECLARED, "declared-yes"),
        ((situation == ELSEWHERE) & (answer == NO) & ~located["is_surely_elsewhere"].astype(bool), "declared-no"),
    )
    for mask, word in by_answer:
        rule = rule.mask(mask, word)
    error, border = located["location_error_m"], located["border_distance_m"]
    at_ring = situation.isin((VECU_PROXY, ELSEWHERE)) & (answer == UNKNOWN)
    at_ring &= (located["distance_m"] - vecu_distance_m).abs() <= error
    flag = located["source_says_in_qpv"]
    agrees = ((flag == YES) == (situation == IN_QPV)).astype("boolean")
    return pd.DataFrame(
        {
            "situation": situation,
            "situation_by_place": place,
            "rule": rule,
            "is_fragile": (at_ring | (border.abs() <= error)).astype("boolean").where(point.has_point),
            "agrees_with_source": agrees.where((flag != UNKNOWN) & (situation != UNDETERMINED)),
            "qpv_code": located["qpv_code"].where(point.inside.yes),
        }
    )


def surely_elsewhere(
    structures: pd.DataFrame,
    free_areas: Callable[[str], dict[str, dict[str, bool]] | None],
    communes_with_qpv: set[str],
    *,
    reach_m: float,
) -> pd.Series:
    """Say which structures that cannot be placed are in no QPV nor near one, wherever in their commune they stand.

    ``free_areas``: by territory, whether each area (by level, then code) is far from every QPV, null where there is no polygon. With
    outlines: the commune (else the département) is one of the free ones. Without: the commune is that of no QPV and its centroid is
    farther than ``reach_m`` (the largest ring and the reach of a commune) from every one. Only for centroids and missing points: where
    the point contradicts its commune, the commune itself is in doubt.
    """
    unplaced = structures["location_status"].isin((CENTROID, MISSING)) & structures["territory"].notna()
    mask = pd.Series(data=False, index=structures.index)
    whole = {COMMUNE_OF_ARRONDISSEMENT.get(c, c) for c in communes_with_qpv}
    parts = {a for c in whole & ARRONDISSEMENTS.keys() for a in ARRONDISSEMENTS[c]}
    for territory, rows in structures[unplaced].groupby("territory"):
        free = free_areas(str(territory))
        if free is None:
            continue
        by_commune = _of_area(rows["commune_code"], free.get("commune", {}))
        of_area = by_commune.fillna(_of_area(rows["department_code"], free.get("department", {})))
        apart = rows["commune_code"].notna() & ~among(rows["commune_code"], communes_with_qpv | whole | parts)
        far = by_commune.isna() & (rows["distance_m"] > reach_m) & apart
        mask.loc[rows.index] = of_area.fillna(value=False).astype(bool) | far
    return mask


def _of_area(codes: pd.Series, is_free: Mapping[str, bool]) -> pd.Series:
    """Look areas up by their code, an arrondissement that is not there by its commune."""
    whole = codes.map(COMMUNE_OF_ARRONDISSEMENT)
    return codes.map(is_free).astype("boolean").fillna(whole.map(is_free).astype("boolean"))
