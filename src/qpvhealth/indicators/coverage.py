"""Coverage of each QPV: what stands in it and near it, and when that is not known.

A QPV is uncovered only when that is sure. Its coverage is unknown where the extract does not cover its département, where its
polygon collapsed, or where a structure that cannot be placed could stand in it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import numbers, positions
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
from qpvhealth.facts.territories import ARRONDISSEMENTS, COMMUNE_OF_ARRONDISSEMENT
from qpvhealth.indicators.counts import distinct

KEY = ["qpv_code", "generation", "year"]


def cover(
    neighbourhoods: pd.DataFrame, stock: pd.DataFrame, pairs: pd.DataFrame, *, near_rule: str, vecu_distance_m: float
) -> pd.DataFrame:
    """Measure the coverage of QPV by the stock, each in its own generation and year.

    ``neighbourhoods``: one row per QPV, generation and year, with ``commune_codes``, ``department_code``, ``is_assessed`` (it has a
    polygon, and the extract covers its département) and ``is_answered`` (so has its ARS). ``stock``: one row per structure,
    generation and year, with its situation. ``pairs``: structure, QPV, generation, year, ``distance_m``, ``is_declared``. Returns
    one row per QPV, generation and year, in their order: counts in and near by type (null where unknown), ``n_undetermined``, and the
    three ``is_covered`` columns (true, false, null).
    """
    out = neighbourhoods[[*KEY, "department_code"]].reset_index(drop=True)
    assessed, told = (neighbourhoods[c].to_numpy(dtype=bool) for c in ("is_assessed", "is_answered"))
    answered = assessed if near_rule == PROXY else assessed & told
    inside, near = stock[stock["situation"] == IN_QPV], _near(stock, pairs, near_rule, vecu_distance_m)
    own, *there = numbers(KEY, out, inside, near)
    known = pd.Index(own)
    for names, rows, number, sure in ((_INSIDE, inside, there[0], assessed), (_NEAR, near, there[1], answered)):
        at = known.get_indexer(number)
        for name, (kind, modality) in names.items():
            counted = (rows["structure_type"] == kind).to_numpy() & (at >= 0)
            counted &= True if modality is None else (rows["modality"] == modality).to_numpy()
            n = np.bincount(at[counted], minlength=len(out))
            out[name] = pd.arrays.IntegerArray(n, ~(sure | (n > 0)))
    out["n_undetermined"] = _possible(neighbourhoods, stock[stock["situation"] == UNDETERMINED])
    unattached = _unattached(stock, pairs) if near_rule != PROXY else stock.iloc[:0]
    return _verdicts(out, _possible(neighbourhoods, unattached) == 0)


_INSIDE = {
    "n_msp_in": (MSP, None),
    "n_cds_in": (CDS, None),
    "n_cds_pluri_in": (CDS, PLURI),
    "n_cds_unknown_in": (CDS, UNKNOWN),
}
_NEAR = {"n_msp_near": (MSP, None), "n_cds_near": (CDS, None)}
"""The type and modality of what each column counts; null: any modality."""


def _unattached(stock: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the structures declared near some QPV that nobody can name."""
    declared = stock[stock["situation"] == VECU_DECLARED]
    own, attached = numbers(_STRUCTURE, declared, pairs[pairs["is_declared"].astype(bool)])
    return declared[~np.isin(own, attached)]


_STRUCTURE = ["finess_et", "generation", "year"]


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
    at = positions(_STRUCTURE, pairs, stock)
    joined, own = pairs[at >= 0].reset_index(drop=True), stock.take(at[at >= 0]).reset_index(drop=True)
    joined = joined.join(own[["structure_type", "situation"]])
    situation = joined["situation"]
    declared = joined["is_declared"] & (situation == VECU_DECLARED)
    close = (situation != IN_QPV) & (situation != UNDETERMINED) & (joined["distance_m"] <= vecu_distance_m)
    by_distance = close & (situation == VECU_PROXY)
    rules = {DECLARED: declared, PROXY: close, DECLARED_OR_PROXY: declared | by_distance}
    return joined[rules[near_rule]]


def _possible(neighbourhoods: pd.DataFrame, lost: pd.DataFrame) -> np.ndarray:
    """Count, for each QPV, the structures that cannot be placed and could stand in it, by what is known of where they are.

    One could be in any QPV of its commune; of its département where it or the QPV has no commune; anywhere when even that is
    unknown.
    """
    if lost.empty:
        return np.zeros(len(neighbourhoods), dtype="int64")
    vague = lost[lost["commune_code"].isna()]
    by_commune = _in_communes(neighbourhoods, lost) + _in_department(neighbourhoods, vague)
    known = neighbourhoods["commune_codes"].notna().to_numpy()
    anywhere = _matching(neighbourhoods, vague[vague["department_code"].isna()], _EXTRACT)
    return np.asarray(np.where(known, by_commune, _in_department(neighbourhoods, lost)) + anywhere)


_EXTRACT = ["generation", "year"]


def _matching(places: pd.DataFrame, rows: pd.DataFrame, keys: list[str]) -> np.ndarray:
    """Count, for each place, the rows that have its keys."""
    own, theirs = numbers(keys, places, rows)
    at, found = pd.factorize(np.concatenate([own, theirs]))
    return np.bincount(at[len(own) :], minlength=len(found))[at[: len(own)]]


def _in_department(neighbourhoods: pd.DataFrame, lost: pd.DataFrame) -> np.ndarray:
    """Count the lost structures of each QPV's département; all of those that have one where the QPV has none."""
    told = lost[lost["department_code"].notna()]
    in_it, anywhere = (_matching(neighbourhoods, told, [*_EXTRACT, *more]) for more in (["department_code"], []))
    return np.where(neighbourhoods["department_code"].notna(), in_it, anywhere)


def _in_communes(neighbourhoods: pd.DataFrame, lost: pd.DataFrame) -> np.ndarray:
    """Sum over the communes of each QPV; an arrondissement meets its commune, whichever of the two each side names."""
    members = neighbourhoods[_EXTRACT].assign(commune_code=neighbourhoods["commune_codes"].str.split(","))
    listed = members.reset_index(drop=True).explode("commune_code").astype({"commune_code": "str"})
    told = lost.loc[lost["commune_code"].notna(), [*_EXTRACT, "commune_code"]].astype({"commune_code": "str"})
    whole, parts = (told["commune_code"].map(alike) for alike in (COMMUNE_OF_ARRONDISSEMENT, ARRONDISSEMENTS))
    others = [told.assign(commune_code=codes)[codes.notna()] for codes in (whole, parts)]
    met = pd.concat([told, *(rows.explode("commune_code") for rows in others)])
    n = _matching(listed, met, [*_EXTRACT, "commune_code"])
    return np.bincount(listed.index, n, len(neighbourhoods)).astype("int64")


def answered_departments(stock: pd.DataFrame) -> pd.DataFrame:
    """Return the départements whose every structure outside a QPV has an answer: ``generation``, ``year``, ``department_code``."""
    outside = stock[(stock["situation"] != IN_QPV) & stock["department_code"].notna()]
    departments, at = distinct(outside, [*_EXTRACT, "department_code"])
    silent = np.bincount(at, outside["vecu_declared"] == UNKNOWN, len(departments))
    complete: pd.DataFrame = departments[silent == 0]
    return complete
