"""The stock of every year under every generation of perimeters, and what it covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.contract.keys import positions
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import SITUATIONS
from qpvhealth.indicators import counts, coverage as coverage_rules
from qpvhealth.pipeline import assembly
from qpvhealth.spatial import location

if TYPE_CHECKING:
    from qpvhealth.pipeline.basis import Basis
    from qpvhealth.pipeline.placing import Placed

_STRUCTURE = [
    *("finess_et", "year", "structure_type", "modality", "source_says_in_qpv", "location_status"),
    *("territory", "region_code", "department_code", "commune_code", "epci_code", "x", "y"),
]
_PLACE = ["generation", "situation", "qpv_code", "distance_m", "vecu_declared"]
_CATEGORIES = [
    *("structure_type", "modality", "source_says_in_qpv"),
    *("territory", "region_code", "department_code", "commune_code", "epci_code"),
]


def stock(placed: Placed) -> pd.DataFrame:
    """Return the stock: one row per structure open at the reference date, year and generation, with its situation.

    Its texts are categories: what counts them compares numbers.
    """
    generations = pd.CategoricalDtype([*placed.located["generation"].unique(), IN_FORCE])
    kinds = {"generation": generations, "situation": pd.CategoricalDtype(list(SITUATIONS))}
    open_ones = placed.structures.loc[placed.structures["is_in_stock"], _STRUCTURE]
    open_ones = open_ones.astype(dict.fromkeys(_CATEGORIES, "category")).assign(
        is_placed=assembly.placed_rows(open_ones)
    )
    at = positions(["finess_et", "year"], placed.located, open_ones)
    places = placed.located.loc[at >= 0, _PLACE]
    coded = places.astype(kinds | dict.fromkeys(("qpv_code", "vecu_declared"), "category")).reset_index(drop=True)
    return open_ones.take(at[at >= 0]).reset_index(drop=True).join(coded)


def with_in_force(stock: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """Add the rows of the generation in force at each date."""
    return pd.concat([stock, assembly.in_force_rows(stock, basis.in_force)], ignore_index=True)


def coverage(stock: pd.DataFrame, placed: Placed, zoning: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """Measure the coverage of the QPV of every generation by the extract of each year: one row per QPV, generation and year.

    An extract without any structure covers nothing, and says so.
    """
    sources, settings = basis.sources, basis.settings
    answered = coverage_rules.answered_departments(stock)
    quarters = assembly.neighbourhoods_by_year(basis.neighbourhoods, sources, answered)
    covered = coverage_rules.cover(
        quarters, stock, placed.pairs, near_rule=settings.vecu_rule, vecu_distance_m=settings.vecu_distance_m
    )
    days = {year: vintage.reference_date for year, vintage in sources.vintages.items()}
    editions = {year: assembly.edition_in_force(sources.editions, day) for year, day in days.items()}
    classed = assembly.with_zone_classes(covered, zoning, editions)
    return assembly.coverage_table(classed, quarters, _nearest(placed.structures, basis), settings.large_population)


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
