"""The stock of every year under every generation of perimeters, and what it covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pandas.api.types import union_categoricals

from qpvhealth.build import accounting, assembly, findings, other_types
from qpvhealth.contract.keys import positions
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import ANSWERS, IN_QPV, SITUATIONS, UNDETERMINED
from qpvhealth.facts.territories import METROPOLE
from qpvhealth.indicators import counts, coverage as coverage_rules, figures, headline, net_change, readings
from qpvhealth.rules.proximity import Proximity
from qpvhealth.rules.stock import is_read
from qpvhealth.spatial import location

if TYPE_CHECKING:
    from qpvhealth.build.perimeters import Basis
    from qpvhealth.build.placing import Placed

_STRUCTURE = [
    *("finess_et", "year", "structure_type", "modality", "source_says_in_qpv"),
    *("location_status", "location_precision", "location_error_m"),
    *("territory", "region_code", "department_code", "commune_code", "epci_code", "x", "y"),
]
_PLACE = ["generation", "situation", "situation_by_place", "qpv_code", "border_distance_m", "vecu_declared"]
_PLACE += ["other_qpv_code", "other_area_code", "has_qpv_in_area", "possible_qpv_codes"]
_CATEGORIES = [
    *("structure_type", "modality", "source_says_in_qpv", "location_status", "location_precision"),
    *("territory", "region_code", "department_code", "commune_code", "epci_code"),
]


def stock_of(placed: Placed) -> pd.DataFrame:
    """Return the stock: one row per structure open at the reference date, year and generation, with its situation.

    Its texts are categories: what counts them compares numbers.
    """
    generations = pd.CategoricalDtype([*placed.located["generation"].unique(), IN_FORCE])
    kinds = {"generation": generations, "vecu_declared": pd.CategoricalDtype(list(ANSWERS))}
    kinds |= dict.fromkeys(("situation", "situation_by_place"), pd.CategoricalDtype(list(SITUATIONS)))
    open_ones = placed.structures.loc[placed.structures["is_in_stock"], _STRUCTURE]
    open_ones = open_ones.astype(dict.fromkeys(_CATEGORIES, "category"))
    at = positions(["finess_et", "year"], placed.located, open_ones)
    places = placed.located.loc[at >= 0, _PLACE]
    coded = places.astype(kinds | {"qpv_code": "category"}).reset_index(drop=True)
    return open_ones.take(at[at >= 0]).reset_index(drop=True).join(coded)


def with_unread(stock: pd.DataFrame, unread: Placed) -> pd.DataFrame:
    """Add the rejected rows that may be structures of the stock, with ``is_read`` false."""
    if unread.structures.empty:
        return stock
    sides = [stock.assign(is_read=True), stock_of(unread).assign(is_read=False)]
    texts = [c for c, kind in stock.dtypes.items() if isinstance(kind, pd.CategoricalDtype)]
    kinds = {c: union_categoricals([side[c] for side in sides]).dtype for c in texts}
    return pd.concat([side.astype(kinds) for side in sides], ignore_index=True)


def with_in_force(stock: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """Add the rows of the generation in force at each date."""
    return pd.concat([stock, assembly.in_force_rows(stock, basis.in_force)], ignore_index=True)


def coverage(
    stock: pd.DataFrame, structures: pd.DataFrame, pairs: pd.DataFrame, zoning: pd.DataFrame, basis: Basis
) -> pd.DataFrame:
    """Measure the coverage of the QPV of every generation by the extract of each year: one row per QPV, generation and year.

    ``stock`` and ``pairs``: with the rows that could not be read; ``structures``: those that were.

    An extract without any structure covers nothing, and says so.
    """
    sources, settings = basis.sources, basis.settings
    answered = coverage_rules.answered_departments(stock)
    quarters = assembly.neighbourhoods_by_year(basis.neighbourhoods, sources, answered)
    covered = coverage_rules.cover(
        quarters,
        readings.with_second_places(stock, basis.neighbourhoods),
        pairs,
        near_rule=settings.vecu_rule,
        vecu_distance_m=settings.vecu_distance_m,
    )
    days = {year: vintage.reference_date for year, vintage in sources.vintages.items()}
    classed = assembly.with_zone_classes(covered, zoning, days)
    return assembly.coverage_table(classed, quarters, _nearest(structures, basis), settings.large_population)


def _nearest(structures: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """Return the nearest structure of each type for each QPV of each generation and year, among the stock whose point may decide."""
    placed = structures[structures["is_in_stock"] & assembly.placed_rows(structures)]
    kinds, of = counts.distinct(placed, ["year", "structure_type"])
    x, y = (placed[c].to_numpy() for c in ("x", "y"))
    territory, codes = placed["territory"], placed["finess_et"]
    parts = [pd.DataFrame(columns=["group", "qpv_code", "code", "distance_m", "generation"])]
    for generation, perimeters in basis.by_generation.items():
        nearest = location.nearest_points(perimeters, x, y, territory=territory, codes=codes, of=of)
        parts.append(nearest.assign(generation=generation))
    every = pd.concat(parts[1:] or parts, ignore_index=True).rename(columns={"code": "finess_et"})
    return every.join(kinds.take(every.pop("group").to_numpy(dtype="int64")).reset_index(drop=True))


def indicators(
    every: pd.DataFrame,
    covered: pd.DataFrame,
    *,
    summary: pd.DataFrame,
    changes: pd.DataFrame,
    every_other: pd.DataFrame,
    basis: Basis,
) -> pd.DataFrame:
    """Return the headline of every year and generation, those in force included, and how it changed; other types in their own scopes.

    ``every``, ``every_other``: stocks with the generation in force; ``covered``: the coverage; ``changes`` and ``summary``: the
    changes and their sums.
    """
    settings = basis.settings
    structures = headline.structures(every, near_rule=settings.vecu_rule, vecu_distance_m=settings.vecu_distance_m)
    if readings.is_disputed(every).any():
        second = headline.structures(
            readings.without_place(every), near_rule=settings.vecu_rule, vecu_distance_m=settings.vecu_distance_m
        )
        structures = readings.widened(structures, second)
    neighbourhoods = _of_neighbourhoods(every, covered, basis)
    read, inside = is_read(every), Proximity.of(every).inside
    outside = every.loc[(every["situation"] == UNDETERMINED) & inside.no, ["finess_et", "generation", "year"]]
    may_be_inside = (every["situation"] == UNDETERMINED) & (read | ~inside.no)
    may_be_inside |= (every["situation"] == IN_QPV) & ~read
    open_ones = every[may_be_inside & ((every["generation"] == IN_FORCE) | ~read)]
    changed = net_change.net_change(
        structures,
        summary,
        changes,
        pairs=accounting.intervals(basis.sources.vintages),
        outside=outside,
        stock=open_ones.assign(
            perimeter=assembly.in_force_at(open_ones.drop(columns="generation"), basis.in_force, METROPOLE)
        ),
    )
    others = other_types.indicators(every_other, settings)
    indicators = figures.combine([structures, neighbourhoods, changed, others])
    return indicators.assign(rule=findings.in_context(indicators, basis))


def _of_neighbourhoods(every: pd.DataFrame, covered: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """Return the indicators that count QPV; one that holds no structure but of another commune may be without any."""
    communes = basis.neighbourhoods[["qpv_code", "generation", "commune_codes"]]
    quarters = covered.merge(communes, on=["qpv_code", "generation"], validate="many_to_one")
    stock = readings.with_second_places(every, basis.neighbourhoods)

    def counted(rows: pd.DataFrame) -> pd.DataFrame:
        """Count rows of each generation, and those of the one in force."""
        current = assembly.in_force_neighbourhoods(rows, basis.in_force).assign(generation=IN_FORCE)
        return headline.neighbourhoods(pd.concat([rows, current], ignore_index=True), stock)

    first = counted(quarters)
    if not readings.is_disputed(every).any():
        return first
    of_a_generation = every[every["generation"] != IN_FORCE]
    return readings.widened(first, counted(readings.without_disputed(quarters, of_a_generation)), of_qpv=True)
