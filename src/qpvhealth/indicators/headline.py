"""The headline indicators, each with its numerator, denominator, unknowns, bounds and the rule in words.

Two families: counts of structures (in a QPV, near one, in all) and counts of QPV (how many, without any, of which large, in the
NPNRU, in a ZIP; and their inhabitants). A unit that is unknown is never counted as no: it widens the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

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
from qpvhealth.indicators.counts import area_codes, distinct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    cells, at = distinct(stock, [*_PLACE, "structure_type", "modality"])
    marks = _marked(stock, near_rule, vecu_distance_m)
    counted = {name: np.bincount(at[mark], minlength=len(cells)) for name, mark in marks.items()}
    sums = _by_area(cells, {scope: _in_scope(cells, counted, scope) for scope in scopes})
    near = NEAR_WORDS[near_rule].format(d=vecu_distance_m)
    return _structure_indicators(sums, sums["scope"].map(dict(scopes)), near, vecu_distance_m)


_PLACE = ["generation", "year", "territory", "region_code", "department_code"]
"""The smallest cells that any level needs: every other figure is a sum of these few."""


def _by_area(cells: pd.DataFrame, by_scope: Mapping[str, Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """Sum the measures of cells at every level: one row per scope, generation, year, level and area, 0 where nothing is."""
    names = list(next(iter(by_scope.values())))
    measured = np.stack([np.stack([measures[n] for n in names]) for measures in by_scope.values()])
    areas, sums = [], []
    for level in LEVELS:
        known, at = distinct(cells.assign(level=level, area_code=area_codes(cells, level)), _AREA)
        order = np.argsort(at, kind="stable")
        starts = np.searchsorted(at[order], np.arange(len(known)))
        sums.append(np.add.reduceat(measured[..., order], starts, axis=-1))
        areas.append(known)
    every, summed = pd.concat(areas, ignore_index=True), np.concatenate(sums, axis=-1)
    repeated = every.take(np.tile(np.arange(len(every)), len(by_scope))).reset_index(drop=True)
    by_measure = pd.DataFrame(np.moveaxis(summed, 1, -1).reshape(-1, len(names)), columns=names)
    return pd.concat([repeated.assign(scope=np.repeat([*by_scope], len(every))), by_measure], axis=1)


def _in_scope(cells: pd.DataFrame, counted: Mapping[str, np.ndarray], scope: str) -> dict[str, np.ndarray]:
    """Keep what the cells of a scope count for, 0 elsewhere.

    In the scope that needs the modality, centres of unknown modality count for nothing and could count for the same thing.
    """
    kind, modality = cells["structure_type"], cells["modality"]
    msp, nothing = (kind == MSP).to_numpy(), np.zeros(len(cells), dtype=bool)
    sure = {
        "msp": msp,
        "cds": ~msp,
        "msp_cds": ~nothing,
        "primary": msp | ((kind == CDS) & (modality == PLURI)).to_numpy(),
    }.get(scope, (kind == scope).to_numpy())
    vague = ((kind == CDS) & (modality == UNKNOWN)).to_numpy() if scope == "primary" else nothing
    kept = {name: np.where(sure, n, 0) for name, n in counted.items()}
    could = {f"u_{n}": np.where(vague, counted[f"n_{n}"] + counted[f"u_{n}"], kept[f"u_{n}"]) for n in _COUNTED}
    return kept | could


_COUNTED = ("country", "in_qpv", "vecu_declared", "within_proxy", "in_or_near")


def _marked(stock: pd.DataFrame, near_rule: str, vecu_distance_m: float) -> dict[str, np.ndarray]:
    """Mark each structure: what it counts for (``n_…``), and what it could count for and is not known to (``u_…``)."""
    inside, lost, declared, by_distance = (
        (stock["situation"] == told).to_numpy() for told in (IN_QPV, UNDETERMINED, VECU_DECLARED, VECU_PROXY)
    )
    unanswered = ~inside & (stock["vecu_declared"] == UNKNOWN).to_numpy()
    close = ~inside & ~lost & stock["is_placed"].to_numpy(dtype=bool)
    close &= (stock["distance_m"] <= vecu_distance_m).to_numpy()
    near = {DECLARED: declared, PROXY: close, DECLARED_OR_PROXY: declared | by_distance}[near_rule]
    every = np.ones(len(stock), dtype=bool)
    return {
        "n_country": every,
        "n_in_qpv": inside,
        "n_vecu_declared": declared,
        "n_within_proxy": close,
        "n_in_or_near": inside | near,
        "u_country": ~every,
        "u_in_qpv": lost,
        "u_vecu_declared": unanswered,
        "u_within_proxy": lost,
        "u_in_or_near": unanswered if near_rule == DECLARED else lost,
        "outside": ~inside,
    }


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
    cells, at = distinct(coverage, _PLACE)
    marks = _marks(coverage)
    told = {scope: _uncovered(coverage, scope) for scope in SCOPES} | {_NEAR: _uncovered_near(coverage)}
    people = coverage["population"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    summed = {
        scope: {n: np.bincount(at, values, len(cells)) for n, values in _measures(marks, people, *known)}
        for scope, known in told.items()
    }
    sums = _by_area(cells, summed)
    inside, near = sums[sums["scope"] != _NEAR], sums[sums["scope"] == _NEAR].assign(scope="msp_cds")
    rows = [_subset_indicator(inside, subset) for subset in SUBSETS]
    words = "QPV without any structure inside, of the QPV that the extract can tell of"
    rows.append(_share(inside, "share_qpv_without_any", words))
    words = "QPV without any structure inside or near, of the QPV of which that can be told"
    rows.append(_share(near, "share_qpv_without_any_near", words))
    out = pd.concat(rows, ignore_index=True)
    return out.assign(rule=out["rule"] + " (" + out["scope"].map(SCOPES) + ")")[COLUMNS]


_NEAR = "msp_cds, inside or near"


class Told(NamedTuple):
    """What is known of each QPV: surely so, surely not; neither where that is unknown."""

    yes: np.ndarray
    no: np.ndarray

    @property
    def is_known(self) -> np.ndarray:
        """Say of which QPV it is known."""
        return np.asarray(self.yes | self.no)

    def __and__(self, other: Told) -> Told:
        """Say of which both are so; one that is not is enough for no."""
        return Told(self.yes & other.yes, self.no | other.no)

    def __invert__(self) -> Told:
        """Say of which it is not so."""
        return Told(self.no, self.yes)


def _told(flags: pd.Series) -> Told:
    yes = flags.astype("boolean")
    return Told(yes.to_numpy(dtype=bool, na_value=False), (~yes).to_numpy(dtype=bool, na_value=False))


def _marks(coverage: pd.DataFrame) -> dict[str, Told]:
    """Return what each QPV is: large, in the NPNRU, in a ZIP; unknown where one of what that needs is not known."""
    zone = coverage["zone_class"]
    classed = zone.notna().to_numpy()
    large, npnru = _told(coverage["is_large"]), _told(coverage["is_npnru"])
    both, known = large.yes & npnru.yes, large.is_known & npnru.is_known
    in_zip, in_either = ((zone.isin(classes)).to_numpy() for classes in ([ZIP], [ZIP, ZAC]))
    return {
        "any": Told(np.ones(len(zone), dtype=bool), np.zeros(len(zone), dtype=bool)),
        "is_large": large,
        "is_large_npnru": Told(both, known & ~both),
        "is_zip": Told(in_zip, classed & ~in_zip),
        "is_zip_or_zac": Told(in_either, classed & ~in_either),
    }


def _uncovered(coverage: pd.DataFrame, scope: str) -> tuple[Told, np.ndarray]:
    """Return what is surely without (yes) or surely with (no), and whether the QPV could be assessed at all."""
    if scope in _COVERED:
        covered = _told(coverage[_COVERED[scope]])
        both = (coverage["n_msp_in"].notna() & coverage["n_cds_in"].notna()).to_numpy()
        return ~covered, (both if scope == "msp_cds" else both & covered.is_known) | covered.yes
    n = coverage[f"n_{scope}_in"]
    empty = _told(n == 0)
    free = (coverage["n_undetermined"] == 0).to_numpy(dtype=bool)
    return Told(empty.yes & free, empty.no), n.notna().to_numpy()


def _uncovered_near(coverage: pd.DataFrame) -> tuple[Told, np.ndarray]:
    """Return what is surely without any structure inside or near, and whether the QPV could be assessed both ways."""
    assessed = coverage[["n_msp_near", "n_cds_near", "n_msp_in", "n_cds_in"]].notna().all(axis=1)
    return ~_told(coverage["is_covered_near"]), assessed.to_numpy()


_COVERED = {"msp_cds": "is_covered_in", "primary": "is_covered_primary"}


def _measures(
    marks: Mapping[str, Told], people: np.ndarray, uncovered: Told, assessed: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """Measure every subset on every QPV: what is sure, what is possible, what is unknown, what is known at all."""
    for subset in SUBSETS:
        mark = marks[subset.mark or "any"]
        certain = mark & uncovered if subset.without else mark
        sure, possible = certain.yes, ~certain.is_known
        weight = people if subset.unit == "inhabitants" else np.ones(len(people))
        uncounted = np.isnan(weight)
        counted = np.where(uncounted, 0.0, weight)
        unweighed = sure & uncounted
        yield f"{subset.name}|sure", counted * sure
        yield f"{subset.name}|upper", counted * (sure | possible)
        yield f"{subset.name}|unknown", possible | unweighed
        yield f"{subset.name}|known", mark.is_known & ~unweighed & (assessed | (not subset.without))
        if subset.unit == "inhabitants":
            yield f"{subset.name}|weighed", sure & ~unweighed
            yield f"{subset.name}|unweighed", unweighed
            yield f"{subset.name}|unbounded", (sure | possible) & uncounted
    yield "sure", uncovered.yes
    yield "unknown", ~uncovered.is_known
    yield "assessed", assessed
    yield "n", np.ones(len(people))


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
