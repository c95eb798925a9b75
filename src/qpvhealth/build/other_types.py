"""Structures of types beyond MSP and CdS (a city's pôles): placed like the others, kept in tables and scopes of their own.

No figure of MSP and CdS is computed from a frame that holds one of them: they are split off before anything is counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.build import accounting
from qpvhealth.build.placing import Placed
from qpvhealth.contract.keys import among, positions
from qpvhealth.contract.rules import Finding
from qpvhealth.facts.categories import STRUCTURE_TYPES
from qpvhealth.indicators import changes as change_rules, figures, headline
from qpvhealth.rules.scopes import of_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qpvhealth.build.perimeters import Basis
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
    located, pairs = (f[positions(KEY, f, structures) >= 0] for f in (placed.located, placed.pairs))
    return Placed(*(f.reset_index(drop=True) for f in (structures, located, pairs)))


def listed_aside(counted: Placed, others: Placed, out_of_scope: pd.DataFrame) -> pd.DataFrame:
    """Return what extracts list, but not among ``counted``, of the structures that another extract counts there.

    It is out of scope, or in ``others``. One row per structure and year: ``finess_et``, ``year``, ``type_as_written``, source and row.
    """
    numbers = counted.structures["finess_et"].drop_duplicates()
    listed = [out_of_scope, others.structures[list(out_of_scope.columns)]]
    return pd.concat([rows[among(rows["finess_et"], numbers)] for rows in listed], ignore_index=True)


def changes(others: Placed, yearly: pd.DataFrame, counted: Placed, basis: Basis) -> pd.DataFrame:
    """Account for the changes of the types beyond MSP and CdS between consecutive extracts; none where no card names any.

    ``yearly``: their counts; ``counted``: the MSP and CdS of every year. A year whose cards name no type covers nothing. Raises
    ContractError unless opening stock and causes give the closing stock.
    """
    if others.structures.empty:
        return change_rules.none()
    vintages = {y: replace(v, departments=v.other_departments) for y, v in basis.sources.vintages.items()}
    aside = listed_aside(others, counted, basis.sources.out_of_scope)
    explained = accounting.changes(others, vintages, basis, out_of_scope=aside)
    accounting.summary(explained, yearly, vintages)
    return explained


def indicators(every: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return the indicators that count structures, each type in the scope of its own name."""
    if every.empty:
        return pd.DataFrame(columns=figures.COLUMNS)
    scopes = [of_type(str(name)) for name in sorted(every["structure_type"].unique())]
    rule, distance = settings.vecu_rule, settings.vecu_distance_m
    return headline.structures(every, near_rule=rule, vecu_distance_m=distance, scopes=scopes)


def findings(counted: Placed, others: Placed) -> Iterator[Finding]:
    """Name the structures that are MSP or centre in one extract and of a type beyond them in another."""
    first = others.structures.drop_duplicates("finess_et").set_index("finess_et")["structure_type"]
    numbers = counted.structures["finess_et"].drop_duplicates()
    crossed = numbers[numbers.isin(first.index)]
    if len(crossed):
        examples = ", ".join(f"{code} ({first[code]})" for code in sorted(crossed)[:5])
        words = (
            "also listed under a type beyond MSP and CdS in another extract: an entry or exit, no opening or closure"
        )
        yield Finding("type-crossed", len(crossed), f"{words}: {examples}", len(numbers))
