"""Structures of types beyond MSP and CdS (a city's pôles): placed like the others, kept in tables and scopes of their own.

No figure of MSP and CdS is computed from a frame that holds one of them: they are split off before anything is counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.contract.keys import among
from qpvhealth.contract.rules import Finding
from qpvhealth.contract.tables import ALL, PUBLISHED
from qpvhealth.facts.categories import STRUCTURE_TYPES
from qpvhealth.indicators import changes, counts, figures, headline
from qpvhealth.pipeline import accounting
from qpvhealth.pipeline.placing import Placed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qpvhealth.pipeline.basis import Basis
    from qpvhealth.settings import Settings

KEY = ["finess_et", "year"]


def split(placed: Placed) -> tuple[Placed, Placed]:
    """Split what was placed in two: MSP and CdS, and the types beyond them."""
    counted = placed.structures["structure_type"].isin(STRUCTURE_TYPES)
    return _of(placed, placed.structures[counted]), _of(placed, placed.structures[~counted])


def _of(placed: Placed, structures: pd.DataFrame) -> Placed:
    if len(structures) in (0, len(placed.structures)):
        n = None if len(structures) else 0
        return Placed(structures, placed.located[:n], placed.pairs[:n])
    named = pd.MultiIndex.from_frame(structures[KEY])
    located, pairs = (f[pd.MultiIndex.from_frame(f[KEY]).isin(named)] for f in (placed.located, placed.pairs))
    return Placed(*(f.reset_index(drop=True) for f in (structures, located, pairs)))


def listed_aside(counted: Placed, others: Placed, out_of_scope: pd.DataFrame) -> pd.DataFrame:
    """Return what extracts list, but not among ``counted``, of the structures that another extract counts there.

    It is out of scope, or in ``others``. One row per structure and year: ``finess_et``, ``year``, ``type_as_written``, source and row.
    """
    numbers = counted.structures["finess_et"].drop_duplicates()
    listed = [out_of_scope, others.structures[list(out_of_scope.columns)]]
    return pd.concat([rows[among(rows["finess_et"], numbers)] for rows in listed], ignore_index=True)


def tables(others: Placed, every: pd.DataFrame, counted: Placed, basis: Basis) -> dict[str, pd.DataFrame]:
    """Return the figures of the types beyond MSP and CdS, empty where no card names any.

    ``every``: their stock by year and generation, ``in_force`` included; ``counted``: the MSP and CdS of every year. Each type is
    counted under its own name: no total adds types up. Raises ContractError when levels do not add up, or opening stock and causes do not give the closing stock.
    """
    if others.structures.empty:
        nothing = pd.DataFrame(columns=PUBLISHED["other_yearly_counts"].names)
        return {"other_yearly_counts": nothing, "other_changes": changes.none()}
    yearly = counts.count(every)
    counts.assert_levels_add_up(yearly)
    return {
        "other_yearly_counts": yearly[yearly["structure_type"] != ALL].reset_index(drop=True),
        "other_changes": _changes(others, yearly, counted, basis),
    }


def _changes(others: Placed, yearly: pd.DataFrame, counted: Placed, basis: Basis) -> pd.DataFrame:
    """Account for the changes between consecutive extracts, held against the counts; a year whose cards name no type covers nothing."""
    vintages = {y: replace(v, departments=v.other_departments) for y, v in basis.sources.vintages.items()}
    aside = listed_aside(others, counted, basis.sources.out_of_scope)
    named = accounting.changes(others, vintages, basis, out_of_scope=aside)
    accounting.summary(named, yearly, vintages)
    return named


def indicators(every: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return the indicators that count structures, each type in the scope of its own name."""
    if every.empty:
        return pd.DataFrame(columns=figures.COLUMNS)
    scopes = {str(t): str(t) for t in sorted(every["structure_type"].unique())}
    rule, distance = settings.vecu_rule, settings.vecu_distance_m
    return headline.structures(every, near_rule=rule, vecu_distance_m=distance, scopes=scopes)


def findings(counted: Placed, others: Placed) -> Iterator[Finding]:
    """Name the structures that are MSP or centre in one extract and of a type beyond them in another."""
    first = others.structures.drop_duplicates("finess_et").set_index("finess_et")["structure_type"]
    numbers = counted.structures["finess_et"].drop_duplicates()
    crossed = numbers[numbers.isin(first.index)]
    if len(crossed):
        named = ", ".join(f"{code} ({first[code]})" for code in sorted(crossed)[:5])
        words = (
            "also listed under a type beyond MSP and CdS in another extract: an entry or exit, no opening or closure"
        )
        yield Finding("type-crossed", len(crossed), f"{words}: {named}", len(numbers))
