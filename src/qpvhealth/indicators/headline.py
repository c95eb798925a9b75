"""The headline indicators, each with its numerator, denominator, unknowns, bounds and the rule in words.

Two families: counts of structures (in a QPV, near one, in all) and counts of QPV (how many, without any, of which large, in the
NPNRU, in a ZIP; and their inhabitants). A unit that is unknown is never counted as no: it widens the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.facts.categories import CDS, MSP, PLURI
from qpvhealth.facts.situations import (
    DECLARED,
    DECLARED_OR_PROXY,
    IN_QPV,
    PROXY,
    UNDETERMINED,
    UNKNOWN,
    VECU_DECLARED,
    VECU_PROXY,
)
from qpvhealth.facts.zonings import ZAC, ZIP
from qpvhealth.indicators.counts import area_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("country", "territory", "region", "department")
SCOPES: dict[str, str] = {
    "msp": "MSP",
    "cds": "CdS, mono- and pluriprofessional",
    "msp_cds": "MSP and CdS, mono- and pluriprofessional",
    "primary": "MSP and pluriprofessional CdS",
}
KEY = ["indicator", "generation", "year", "level", "area_code", "scope"]
COLUMNS = [*KEY, "value", "numerator", "denominator", "n_unknown", "lower", "upper", "unit", "rule"]
_AREA = ["generation", "year", "level", "area_code"]
NEAR_WORDS = {
    DECLARED: "declared by the ARS",
    PROXY: "within {d:g} m of a QPV",
    DECLARED_OR_PROXY: "declared by the ARS or, with no answer, within {d:g} m of a QPV",
}


@dataclass(frozen=True)
class Subset:
    """QPV that an indicator counts: the column that marks them (null: all), whether by people, whether without any."""

    name: str
    mark: str | None
    unit: str
    words: str
    without: bool


SUBSETS: tuple[Subset, ...] = (
    Subset("qpv_total", None, "QPV", "QPV", without=False),
    Subset("qpv_without_any", None, "QPV", "QPV without any structure inside", without=True),
    Subset(
        "population_without_any", None, "inhabitants", "inhabitants of QPV without any structure inside", without=True
    ),
    Subset("large_qpv", "is_large", "QPV", "large QPV", without=False),
    Subset("large_qpv_without_any", "is_large", "QPV", "large QPV without any structure inside", without=True),
    Subset(
        "large_npnru_qpv_without_any",
        "is_large_npnru",
        "QPV",
        "large NPNRU QPV without any structure inside",
        without=True,
    ),
    Subset("zip_qpv", "is_zip", "QPV", "QPV in a ZIP", without=False),
    Subset("zip_qpv_population", "is_zip", "inhabitants", "inhabitants of QPV in a ZIP", without=False),
    Subset("zip_qpv_without_any", "is_zip", "QPV", "QPV in a ZIP without any structure inside", without=True),
    Subset(
        "zip_qpv_without_any_population",
        "is_zip",
        "inhabitants",
        "inhabitants of QPV in a ZIP without any",
        without=True,
    ),
    Subset("zip_or_zac_qpv", "is_zip_or_zac", "QPV", "QPV in a ZIP or ZAC", without=False),
    Subset(
        "zip_or_zac_qpv_population", "is_zip_or_zac", "inhabitants", "inhabitants of QPV in a ZIP or ZAC", without=False
    ),
    Subset("zip_or_zac_qpv_without_any", "is_zip_or_zac", "QPV", "QPV in a ZIP or ZAC without any", without=True),
    Subset(
        "zip_or_zac_qpv_without_any_population",
        "is_zip_or_zac",
        "inhabitants",
        "inhabitants of QPV in a ZIP or ZAC without any",
        without=True,
    ),
)


def structures(
    stock: pd.DataFrame, *, near_rule: str, vecu_distance_m: float, scopes: Mapping[str, str] = SCOPES
) -> pd.DataFrame:
    """Return the indicators that count structures, for every year, generation, level, area and scope.

    ``stock``: one row per structure, year and generation (``in_force`` too), with ``distance_m``, ``vecu_declared``, ``situation``
    and ``is_placed``. Unknown structures: those that could be in the numerator. ``n_vecu_declared`` and "near" by declaration
    are null where nobody answered for any structure outside a QPV. ``scopes``: name and words; one beyond ``SCOPES`` is the name of
    a structure type.
    """
    flags = _flags(stock, near_rule, vecu_distance_m)
    base = _cells(flags, stock)
    parts = []
    for level in LEVELS:
        placed = base.assign(level=level, area_code=area_codes(base, level))
        areas = placed[_AREA].drop_duplicates()
        parts += [_structure_sums(_in_scope(placed, scope), areas).assign(scope=scope) for scope in scopes]
    near, sums = NEAR_WORDS[near_rule].format(d=vecu_distance_m), pd.concat(parts, ignore_index=True)
    return _structure_indicators(sums, sums["scope"].map(dict(scopes)), near, vecu_distance_m)


_PLACE = ["generation", "year", "territory", "region_code", "department_code"]


def _cells(
    marks: pd.DataFrame, places: pd.DataFrame, kinds: tuple[str, ...] = ("structure_type", "modality")
) -> pd.DataFrame:
    """Sum marks over the smallest cells that any level or scope needs: everything else is a sum of these few rows."""
    keys = [*_PLACE, *kinds]
    coded = marks.assign(**{k: places[k].astype("category") for k in keys})
    sums = coded.groupby(keys, observed=True, sort=False, dropna=False, as_index=False).sum()
    return sums.astype({k: places[k].dtype for k in keys})


def _in_scope(cells: pd.DataFrame, scope: str) -> pd.DataFrame:
    """Select the cells of a scope; in the scope that needs the modality, centres of unknown modality only could count."""
    msp, vague = cells["structure_type"] == MSP, (cells["structure_type"] == CDS) & (cells["modality"] == UNKNOWN)
    if scope == "primary":
        return _as_possible(cells, vague)[msp | vague | (cells["modality"] == PLURI)]
    if scope not in SCOPES:
        return cells[cells["structure_type"] == scope]
    return {"msp": cells[msp], "cds": cells[~msp], "msp_cds": cells}[scope]


def _as_possible(cells: pd.DataFrame, vague: pd.Series) -> pd.DataFrame:
    """Turn what these cells count for into what they could count for: none counts and could count for the same thing."""
    could = {f"u_{n}": cells[f"u_{n}"] + cells[f"n_{n}"].where(vague, 0) for n in _COUNTED}
    zero = {name: cells[name].where(~vague, 0) for name in ("outside", *(f"n_{n}" for n in _COUNTED))}
    return cells.assign(**could, **zero)


_COUNTED = ("country", "in_qpv", "vecu_declared", "within_proxy", "in_or_near")


def _flags(stock: pd.DataFrame, near_rule: str, vecu_distance_m: float) -> pd.DataFrame:
    """Mark each structure: what it counts for (``n_…``), and what it could count for and is not known to (``u_…``)."""
    situation = stock["situation"]
    inside, lost = situation == IN_QPV, situation == UNDETERMINED
    unanswered = ~inside & (stock["vecu_declared"] == UNKNOWN)
    declared = situation == VECU_DECLARED
    close = ~inside & ~lost & ~_is_unplaced(stock) & (stock["distance_m"] <= vecu_distance_m)
    near = {DECLARED: declared, PROXY: close, DECLARED_OR_PROXY: declared | (situation == VECU_PROXY)}[near_rule]
    marks = {
        "n_country": pd.Series(data=True, index=stock.index),
        "n_in_qpv": inside,
        "n_vecu_declared": declared,
        "n_within_proxy": close,
        "n_in_or_near": inside | near,
        "u_country": pd.Series(data=False, index=stock.index),
        "u_in_qpv": lost,
        "u_vecu_declared": unanswered,
        "u_within_proxy": lost,
        "u_in_or_near": unanswered if near_rule == DECLARED else lost,
        "outside": ~inside,
    }
    return pd.DataFrame(marks).astype("int64")


def _is_unplaced(stock: pd.DataFrame) -> pd.Series:
    return ~stock["is_placed"].astype(bool)


def _structure_sums(placed: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """Sum the marks by area; every area has a row, 0 where the scope has no structure there."""
    sums = placed.groupby(_AREA, as_index=False).sum(numeric_only=True)
    merged = areas.merge(sums, on=_AREA, how="left")
    measures = [c for c in merged.columns if c not in _AREA]
    return merged.fillna(dict.fromkeys(measures, 0)).astype(dict.fromkeys(measures, "int64"))


def _structure_indicators(sums: pd.DataFrame, scope: pd.Series, near: str, distance: float) -> pd.DataFrame:
    """Write the sums as indicators. ``n_in_qpv`` lies between what is inside and that plus what cannot be placed."""
    told = {
        name: (sums["outside"] == 0) | (sums[f"u_{name}"] < sums["outside"]) for name in ("vecu_declared", "in_or_near")
    }
    words = {
        "in_qpv": scope + " inside a QPV, border included",
        "vecu_declared": scope + " declared by the ARS, outside",
        "within_proxy": scope + f" outside, within {distance:g} m of a QPV",
        "in_or_near": scope + f" inside a QPV, or near: {near}",
        "country": scope + " of the area, wherever they stand",
    }
    counted = {name: _counted(sums, name, words[name], told.get(name)) for name in words}
    shares = [_shared(counted[name], sums) for name in ("in_qpv", "in_or_near")]
    return pd.concat([*counted.values(), *shares], ignore_index=True)[COLUMNS]


def _counted(sums: pd.DataFrame, name: str, words: pd.Series, told: pd.Series | None) -> pd.DataFrame:
    """Write one sum as an indicator: its value null where not ``told``, its bounds from what is sure and what is unknown."""
    n, unknown = sums[f"n_{name}"].astype("float64"), sums[f"u_{name}"]
    value = n if told is None else n.where(told)
    counted = sums[KEY[1:]].assign(indicator=f"n_{name}", value=value, numerator=value, denominator=np.nan)
    return counted.assign(n_unknown=unknown, lower=n, upper=n + unknown, unit="structures", rule=words)


def _shared(counted: pd.DataFrame, sums: pd.DataFrame) -> pd.DataFrame:
    """Turn counts into shares of the area's structures; null where it has none.

    Structures that may not belong to the scope could enter the whole without entering the count: the lower bound has them all.
    """
    whole = sums["n_country"].where(sums["n_country"] > 0).astype("float64")
    shares = {
        "value": counted["value"] / whole,
        "lower": counted["lower"] / (whole + sums["u_country"]),
        "upper": (counted["upper"] / whole).clip(upper=1.0),
    }
    rule = counted["rule"] + ", of all those of the area"
    named = counted["indicator"].str.replace("n_", "share_", n=1)
    return counted.assign(indicator=named, denominator=whole, unit="share", rule=rule, **shares)


def neighbourhoods(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return the indicators that count QPV and their inhabitants, for every year, generation, level, area and scope.

    ``coverage``: one row per QPV, year and generation (``in_force`` too), with ``population``, ``zone_class``, ``is_npnru``,
    ``is_large``, the area codes and the counts inside. "Without any" is what is surely uncovered; what could be is in the upper
    bound, and ``n_unknown`` counts it. The value is null where nothing is known: no QPV assessed, or no class, size or list.
    """
    marks = _marks(coverage)
    parts = [_levels(_measures(marks, *_uncovered(coverage, scope)), coverage).assign(scope=scope) for scope in SCOPES]
    near = coverage["is_covered_near"].astype("boolean")
    assessed = coverage[["n_msp_near", "n_cds_near", "n_msp_in", "n_cds_in"]].notna().all(axis=1)
    parts.append(_levels(_measures(marks, ~near, assessed), coverage).assign(scope="msp_cds", near=1))
    sums = pd.concat(parts, ignore_index=True)
    inside = sums[sums["near"].isna()]
    rows = [_subset_indicator(inside, subset) for subset in SUBSETS]
    rows.append(
        _share(
            inside, "share_qpv_without_any", "QPV without any structure inside, of the QPV that the extract can tell of"
        )
    )
    words = "QPV without any structure inside or near, of the QPV of which that can be told"
    rows.append(_share(sums[sums["near"].notna()], "share_qpv_without_any_near", words))
    out = pd.concat(rows, ignore_index=True)
    return out.assign(rule=out["rule"] + " (" + out["scope"].map(SCOPES) + ")")[COLUMNS]


def _levels(measured: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Sum measures at every level: one row per generation, year, level and area."""
    base = _cells(measured, places, kinds=())
    measures = list(measured.columns)
    parts = [base.assign(level=level, area_code=area_codes(base, level)) for level in LEVELS]
    return pd.concat(parts, ignore_index=True).groupby(_AREA, as_index=False)[measures].sum()


def _marks(coverage: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what each QPV is: large, in the NPNRU, in a ZIP, its inhabitants; null where that is not known."""
    zone = coverage["zone_class"]
    large, npnru = coverage["is_large"].astype("boolean"), coverage["is_npnru"].astype("boolean")
    return {
        "any": pd.Series(data=True, index=coverage.index, dtype="boolean"),
        "is_large": large,
        "is_large_npnru": (large & npnru).where(large.notna() & npnru.notna()),
        "is_zip": (zone == ZIP).astype("boolean").where(zone.notna()),
        "is_zip_or_zac": zone.isin((ZIP, ZAC)).astype("boolean").where(zone.notna()),
        "people": coverage["population"].astype("Float64"),
    }


def _uncovered(coverage: pd.DataFrame, scope: str) -> tuple[pd.Series, pd.Series]:
    """Return what is surely without (true), surely with (false) or unknown, and whether the QPV could be assessed at all."""
    both = coverage["n_msp_in"] + coverage["n_cds_in"]
    if scope in _COVERED:
        covered = coverage[_COVERED[scope]].astype("boolean")
        told = both.notna() if scope == "msp_cds" else both.notna() & covered.notna()
        return ~covered, told | covered.fillna(value=False)
    n, free = coverage[f"n_{scope}_in"], (coverage["n_undetermined"] == 0).astype("boolean")
    empty = (n == 0).astype("boolean")
    return empty.where(~empty.fillna(value=False) | free, pd.NA), n.notna()


_COVERED = {"msp_cds": "is_covered_in", "primary": "is_covered_primary"}


def _measures(marks: dict[str, pd.Series], uncovered: pd.Series, assessed: pd.Series) -> pd.DataFrame:
    """Measure every subset on every QPV: what is sure, what is possible, what is unknown, what is known at all."""
    columns: dict[str, pd.Series] = {}
    people = marks["people"]
    for subset in SUBSETS:
        mark = marks[subset.mark or "any"]
        certain = mark & uncovered if subset.without else mark
        sure, possible = certain.fillna(value=False).astype(bool), certain.isna()
        weight = people.astype("float64") if subset.unit == "inhabitants" else pd.Series(1.0, index=people.index)
        unweighed = sure & weight.isna()
        columns |= {
            f"{subset.name}|sure": weight.where(sure, 0.0).fillna(0.0),
            f"{subset.name}|upper": weight.where(sure | possible, 0.0).fillna(0.0),
            f"{subset.name}|unknown": (possible | unweighed).astype("int64"),
            f"{subset.name}|known": (mark.notna() & ~unweighed & (assessed | (not subset.without))).astype("int64"),
        }
        if subset.unit == "inhabitants":
            columns |= {
                f"{subset.name}|weighed": (sure & ~unweighed).astype("int64"),
                f"{subset.name}|unweighed": unweighed.astype("int64"),
                f"{subset.name}|unbounded": ((sure | possible) & weight.isna()).astype("int64"),
            }
    without = uncovered.fillna(value=False).astype("int64")
    counted = {"sure": without, "unknown": uncovered.isna().astype("int64"), "assessed": assessed.astype("int64")}
    return pd.DataFrame(columns | counted).assign(n=1)


def _subset_indicator(sums: pd.DataFrame, subset: Subset) -> pd.DataFrame:
    """Write one subset. People are unknown where no QPV that counts has a population, and have no upper bound where one has none."""
    sure, upper = sums[f"{subset.name}|sure"], sums[f"{subset.name}|upper"]
    told = sums[f"{subset.name}|known"] > 0
    if subset.unit == "inhabitants":
        told &= (sums[f"{subset.name}|unweighed"] == 0) | (sums[f"{subset.name}|weighed"] > 0)
        upper = upper.where(sums[f"{subset.name}|unbounded"] == 0)
    value = sure.where(told)
    return sums[KEY[1:]].assign(
        indicator=subset.name,
        value=value,
        numerator=value,
        denominator=np.nan,
        n_unknown=sums[f"{subset.name}|unknown"],
        lower=sure,
        upper=upper,
        unit=subset.unit,
        rule=subset.words,
    )


def _share(sums: pd.DataFrame, name: str, words: str) -> pd.DataFrame:
    """Return the share among the QPV that could be assessed; the bounds are over all of them."""
    assessed = sums["assessed"].where(sums["assessed"] > 0).astype("float64")
    return sums[KEY[1:]].assign(
        indicator=name,
        value=sums["sure"] / assessed,
        numerator=sums["sure"].astype("float64").where(assessed.notna()),
        denominator=assessed,
        n_unknown=sums["unknown"],
        lower=sums["sure"] / sums["n"],
        upper=(sums["sure"] + sums["unknown"]) / sums["n"],
        unit="share",
        rule=words,
    )
