"""Coverage of each QPV: what stands in it and near it, and when that is not known.

A QPV is uncovered only when that is sure. Its coverage is unknown where the extract does not cover its département, where its
polygon collapsed, or where a structure that cannot be placed could stand in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import among
from qpvhealth.facts.categories import CDS, MSP, PLURI, UNKNOWN
from qpvhealth.facts.situations import (
    DECLARED,
    DECLARED_OR_PROXY,
    IN_QPV,
    PROXY,
    UNDETERMINED,
    VECU_DECLARED,
    VECU_PROXY,
)
from qpvhealth.facts.territories import COMMUNE_OF_ARRONDISSEMENT

if TYPE_CHECKING:
    from collections.abc import Collection

KEY = ["qpv_code", "generation", "year"]


def cover(
    neighbourhoods: pd.DataFrame,
    stock: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    near_rule: str,
    vecu_distance_m: float,
    covered_departments: Collection[str] | None,
    answered_departments: Collection[str],
) -> pd.DataFrame:
    """Measure the coverage of the QPV of one generation by the stock of one year.

    ``neighbourhoods``: one row per QPV, with ``year``, ``commune_codes`` and ``is_usable``. ``stock``: one row per structure, with its
    situation in that generation. ``pairs``: structure, QPV, ``distance_m``, ``is_declared``. ``covered_departments``: what the
    extract covers, null for everything; ``answered_departments``: where the ARS answered. Returns one row per QPV: counts in and
    near by type (null where unknown), ``n_undetermined``, and the three ``is_covered`` columns (true, false, null).
    """
    out = neighbourhoods[["qpv_code", "generation", "year", "department_code"]].reset_index(drop=True)
    inside = stock[stock["situation"] == IN_QPV]
    near = _near(stock, pairs, near_rule, vecu_distance_m)
    known = neighbourhoods["is_usable"].reset_index(drop=True) & _is_in(out["department_code"], covered_departments)
    answered = known if near_rule == PROXY else known & _is_in(out["department_code"], answered_departments)
    pluri = inside[(inside["structure_type"] == CDS) & (inside["modality"] == PLURI)]
    vague = inside[(inside["structure_type"] == CDS) & (inside["modality"] == UNKNOWN)]
    for name, rows, sure in (
        ("n_msp_in", inside[inside["structure_type"] == MSP], known),
        ("n_cds_in", inside[inside["structure_type"] == CDS], known),
        ("n_cds_pluri_in", pluri, known),
        ("n_cds_unknown_in", vague, known),
        ("n_msp_near", near[near["structure_type"] == MSP], answered),
        ("n_cds_near", near[near["structure_type"] == CDS], answered),
    ):
        n = out["qpv_code"].map(rows["qpv_code"].value_counts()).fillna(0).astype("Int64")
        out[name] = n.where(sure | (n > 0))
    out["n_undetermined"] = _possible(neighbourhoods, stock[stock["situation"] == UNDETERMINED])
    unattached = _unattached(stock, pairs) if near_rule != PROXY else stock.iloc[:0]
    return _verdicts(out, _possible(neighbourhoods, unattached) == 0)


def _unattached(stock: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the structures declared near some QPV that nobody can name."""
    attached = pairs.loc[pairs["is_declared"].astype(bool), "finess_et"]
    return stock[(stock["situation"] == VECU_DECLARED) & ~among(stock["finess_et"], attached)]


def _verdicts(out: pd.DataFrame, none_unattached: np.ndarray) -> pd.DataFrame:
    free = out["n_undetermined"] == 0
    n_in = out["n_msp_in"] + out["n_cds_in"]
    n_near = out["n_msp_near"] + out["n_cds_near"]
    primary = out["n_msp_in"] + out["n_cds_pluri_in"]
    some_in, some_near = _some(out, "n_msp_in", "n_cds_in"), _some(out, "n_msp_near", "n_cds_near")
    nobody_near = (n_in == 0) & (n_near == 0) & free & none_unattached
    out["is_covered_in"] = _verdict(some_in, (n_in == 0) & free)
    out["is_covered_near"] = _verdict(some_in | some_near, nobody_near)
    out["is_covered_primary"] = _verdict(
        _some(out, "n_msp_in", "n_cds_pluri_in"), (primary == 0) & (out["n_cds_unknown_in"] == 0) & free
    )
    return out


def _some(out: pd.DataFrame, *columns: str) -> pd.Series:
    """Say where at least one structure is seen: that is enough to be covered, whatever else is unknown."""
    return (out[list(columns)].fillna(0) > 0).any(axis=1)


def _verdict(yes: pd.Series, no: pd.Series) -> pd.Series:
    told = pd.Series(pd.NA, index=yes.index, dtype="boolean")
    told[yes.fillna(value=False).astype(bool)] = True
    told[no.fillna(value=False).astype(bool)] = False
    return told


def _near(stock: pd.DataFrame, pairs: pd.DataFrame, near_rule: str, vecu_distance_m: float) -> pd.DataFrame:
    """Return the pairs that count as near: a structure inside any QPV is near none."""
    columns = ["finess_et", "structure_type", "modality", "situation"]
    joined = pairs.merge(stock[columns], on="finess_et", how="inner", validate="many_to_one")
    outside = joined["situation"] != IN_QPV
    declared = joined["is_declared"] & (joined["situation"] == VECU_DECLARED)
    close = outside & (joined["situation"] != UNDETERMINED) & (joined["distance_m"] <= vecu_distance_m)
    by_distance = close & (joined["situation"] == VECU_PROXY)
    rules = {DECLARED: declared, PROXY: close, DECLARED_OR_PROXY: declared | by_distance}
    return joined[rules[near_rule]]


def _is_in(departments: pd.Series, chosen: Collection[str] | None) -> pd.Series:
    return pd.Series(data=True, index=departments.index) if chosen is None else departments.isin(chosen)


def _possible(neighbourhoods: pd.DataFrame, lost: pd.DataFrame) -> np.ndarray:
    """Count, for each QPV, the structures that cannot be placed and could stand in it, by what is known of where they are.

    One could be in any QPV of its commune; of its département where it or the QPV has no commune; anywhere when even that is
    unknown.
    """
    if lost.empty:
        return np.zeros(len(neighbourhoods), dtype="int64")
    vague = lost[lost["commune_code"].isna()]
    by_commune = _in_communes(neighbourhoods, lost["commune_code"].value_counts()) + _in_department(
        neighbourhoods, vague
    )
    known = neighbourhoods["commune_codes"].notna().to_numpy()
    anywhere = int(vague["department_code"].isna().sum())
    return (np.where(known, by_commune, _in_department(neighbourhoods, lost)) + anywhere).astype("int64")


def _in_department(neighbourhoods: pd.DataFrame, lost: pd.DataFrame) -> np.ndarray:
    """Count the lost structures of each QPV's département; all of those that have one where the QPV has none."""
    department = neighbourhoods["department_code"]
    n = department.map(lost["department_code"].value_counts()).fillna(0)
    return n.where(department.notna(), lost["department_code"].notna().sum()).to_numpy()


def _in_communes(neighbourhoods: pd.DataFrame, n_lost: pd.Series) -> np.ndarray:
    """Sum over the communes of each QPV; an arrondissement meets its commune, whichever of the two each side names."""
    of_arrondissements = n_lost.groupby(n_lost.index.map(COMMUNE_OF_ARRONDISSEMENT)).sum()
    codes = neighbourhoods["commune_codes"].str.split(",").reset_index(drop=True).explode()
    whole = codes.map(COMMUNE_OF_ARRONDISSEMENT)
    n = codes.map(n_lost).fillna(0) + codes.map(of_arrondissements).fillna(0) + whole.map(n_lost).fillna(0)
    return n.groupby(level=0).sum().to_numpy()


def answered_departments(stock: pd.DataFrame, stated: Collection[str]) -> set[str]:
    """Return the départements whose ARS has answered: those it states, and those whose every outside structure has an answer."""
    outside = stock[(stock["situation"] != IN_QPV) & stock["department_code"].notna()]
    complete = (outside["vecu_declared"] != UNKNOWN).groupby(outside["department_code"]).all()
    return {*stated, *complete[complete].index}
