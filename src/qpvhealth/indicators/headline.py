"""The headline indicators, each with its numerator, denominator, unknowns, bounds and the rule in words.

Two families: counts of structures (in a QPV, near one, in all) and counts of QPV (how many, without any, of which large, in the
NPNRU, in a ZIP; and their inhabitants). A unit that is unknown is never counted as no: it widens the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

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
from qpvhealth.indicators.counts import distinct
from qpvhealth.indicators.figures import PLACE, Figure, by_area, together, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

SCOPES: dict[str, str] = {
    "msp": "MSP",
    "cds": "CdS, mono- and pluriprofessional",
    "msp_cds": "MSP and CdS, mono- and pluriprofessional",
    "primary": "MSP and pluriprofessional CdS",
}
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
    cells, at = distinct(stock, [*PLACE, "structure_type", "modality"])
    marks = _marked(stock, near_rule, vecu_distance_m)
    counted = {name: np.bincount(at[mark], minlength=len(cells)) for name, mark in marks.items()}
    sums = by_area(cells, {scope: _in_scope(cells, counted, scope) for scope in scopes})
    near = NEAR_WORDS[near_rule].format(d=vecu_distance_m)
    return written(sums, _of_structures(sums, near, vecu_distance_m), scopes)


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


def _of_structures(sums: pd.DataFrame, near: str, distance: float) -> list[Figure]:
    """Turn sums into figures. ``n_in_qpv`` lies between what is inside and that plus what cannot be placed."""
    words = {
        "in_qpv": "{} inside a QPV, border included",
        "vecu_declared": "{} declared by the ARS, outside",
        "within_proxy": f"{{}} outside, within {distance:g} m of a QPV",
        "in_or_near": f"{{}} inside a QPV, or near: {near}",
        "country": "{} of the area, wherever they stand",
    }
    counted = {name: _counted(sums, name, said) for name, said in words.items()}
    return [*counted.values(), *(_shared(counted[name], sums) for name in ("in_qpv", "in_or_near"))]


def _counted(sums: pd.DataFrame, name: str, words: str) -> Figure:
    """Give one sum its bounds, from what is sure and what is unknown; by declaration, null where nobody answered."""
    n, unknown, outside = (
        sums[f"n_{name}"].to_numpy(dtype=float),
        sums[f"u_{name}"].to_numpy(),
        sums["outside"].to_numpy(),
    )
    told = (outside == 0) | (unknown < outside) if name in ("vecu_declared", "in_or_near") else True
    value = np.where(told, n, np.nan)
    nothing = np.full(len(sums), np.nan)
    return Figure(f"n_{name}", "structures", words, value, value, nothing, unknown, lower=n, upper=n + unknown)


def _shared(counted: Figure, sums: pd.DataFrame) -> Figure:
    """Turn counts into shares of the area's structures; null where it has none.

    Structures that may not belong to the scope could enter the whole without entering the count: the lower bound has them all.
    """
    whole = _or_null(sums["n_country"])
    return counted._replace(
        name=counted.name.replace("n_", "share_", 1),
        unit="share",
        words=counted.words + ", of all those of the area",
        value=counted.value / whole,
        denominator=whole,
        lower=counted.lower / (whole + sums["u_country"].to_numpy()),
        upper=np.minimum(counted.upper / whole, 1.0),
    )


def _or_null(numbers: pd.Series) -> np.ndarray:
    """Return numbers as something to divide by: null where there is nothing."""
    return numbers.where(numbers > 0).to_numpy(dtype=float, na_value=np.nan)


def neighbourhoods(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return the indicators that count QPV and their inhabitants, for every year, generation, level, area and scope.

    ``coverage``: one row per QPV, year and generation (``in_force`` too), with ``population``, ``zone_class``, ``is_npnru``,
    ``is_large``, the area codes and the counts inside. "Without any" is what is surely uncovered; what could be is in the upper
    bound, and ``n_unknown`` counts it. The value is null where nothing is known: no QPV assessed, or no class, size or list.
    """
    cells, at = distinct(coverage, PLACE)
    order = np.argsort(at, kind="stable")
    starts, places = np.searchsorted(at[order], np.arange(len(cells))), coverage[_READ].take(order)
    told = {scope: _uncovered(places, scope) for scope in SCOPES} | {_NEAR: _uncovered_near(places)}
    marks, people = _marks(places), places["population"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    measured = {scope: _measures(marks, people, *known) for scope, known in told.items()}
    sums = by_area(
        cells, {s: {n: np.add.reduceat(v, starts, dtype=float) for n, v in named} for s, named in measured.items()}
    )
    inside, near = sums[sums["scope"] != _NEAR], sums[sums["scope"] == _NEAR].assign(scope="msp_cds")
    figures = [*(_of_neighbourhoods(inside, subset) for subset in SUBSETS), _share(inside, *_SHARE)]
    return together([written(inside, figures, SCOPES), written(near, [_share(near, *_SHARE_NEAR)], SCOPES)])


_READ = [
    *("n_msp_in", "n_cds_in", "n_msp_near", "n_cds_near", "n_undetermined", "zone_class", "population"),
    *("is_covered_in", "is_covered_near", "is_covered_primary", "is_large", "is_npnru"),
]
_SHARE = ("share_qpv_without_any", "QPV without any structure inside, of the QPV that the extract can tell of")
_SHARE_NEAR = (
    "share_qpv_without_any_near",
    "QPV without any structure inside or near, of the QPV of which that can be told",
)
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


def _of_neighbourhoods(sums: pd.DataFrame, subset: Subset) -> Figure:
    """Turn the sums of a subset into a figure.

    People are unknown where no QPV that counts has a population, and have no upper bound where one has none.
    """
    sure, upper, unknown, known = _numbers(sums, subset, "sure", "upper", "unknown", "known")
    told = known > 0
    if subset.unit == "inhabitants":
        weighed, unweighed, unbounded = _numbers(sums, subset, "weighed", "unweighed", "unbounded")
        told &= (unweighed == 0) | (weighed > 0)
        upper = np.where(unbounded == 0, upper, np.nan)
    value, nothing = np.where(told, sure, np.nan), np.full(len(sums), np.nan)
    return Figure(subset.name, subset.unit, subset.words + " ({})", value, value, nothing, unknown, sure, upper)


def _numbers(sums: pd.DataFrame, subset: Subset, *measures: str) -> list[np.ndarray]:
    return [sums[f"{subset.name}|{measure}"].to_numpy() for measure in measures]


def _share(sums: pd.DataFrame, name: str, words: str) -> Figure:
    """Return the share among the QPV that could be assessed; the bounds are over all of them."""
    sure, unknown, n = (sums[c].to_numpy(dtype=float) for c in ("sure", "unknown", "n"))
    assessed = _or_null(sums["assessed"])
    return Figure(
        name,
        "share",
        words + " ({})",
        value=sure / assessed,
        numerator=np.where(np.isnan(assessed), np.nan, sure),
        denominator=assessed,
        n_unknown=unknown,
        lower=sure / n,
        upper=(sure + unknown) / n,
    )
