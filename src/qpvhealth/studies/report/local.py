"""The figures of a commune: those of ``indicators``, which stops at the départements, summed by the same engine over its own rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.build import assembly
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.indicators import headline
from qpvhealth.indicators.figures import COLUMNS
from qpvhealth.indicators.net_change import NET, STOCK
from qpvhealth.publish import selection
from qpvhealth.studies import counted, figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpvhealth.publish.release import Release


def indicators(release: Release, years: Sequence[int], commune: str, own_quarters: pd.DataFrame) -> pd.DataFrame:
    """Return the indicators of a commune in the QPV in force, as rows of ``indicators`` at level ``commune``.

    Structures by their commune; QPV that lie in it, at least in part (``own_quarters``). A row that could not be read is in no commune.
    """
    settings = release.manifest["settings"]
    in_force = {year: selection.in_force(release, year) for year in years}
    every = figures.stock(release)
    stock = assembly.in_force_rows(every[every["year"].isin(years)], in_force)
    own = stock[stock["commune_code"] == commune]
    parts = [pd.DataFrame(columns=COLUMNS)]
    if len(own):
        rule = {"near_rule": settings["vecu_rule"], "vecu_distance_m": settings["vecu_distance_m"]}
        parts.append(headline.structures(own, **rule))
    covered = pd.concat([counted.coverage_of(release, counted.Figure(year)) for year in years])
    covered = covered[covered["qpv_code"].isin(set(own_quarters["qpv_code"]))].assign(generation=IN_FORCE)
    if len(covered):
        parts.append(headline.neighbourhoods(covered.reset_index(drop=True), stock))
    rows = pd.concat([part[part["level"] == "country"] for part in parts if len(part)] or parts, ignore_index=True)
    rows = pd.concat([rows, _net(rows, years)], ignore_index=True) if len(rows) else rows
    return rows.assign(level="commune", area_code=commune)


def _net(rows: pd.DataFrame, years: Sequence[int]) -> pd.DataFrame:
    """Return the net change in QPV between two dates; its bounds hold whatever became of what is not situated at either."""
    inside = rows[rows["indicator"] == STOCK].set_index("scope")
    before, after = inside[inside["year"] == years[0]], inside[inside["year"] == years[-1]]
    after = after[after.index.isin(before.index) & (years[0] != years[-1])]
    before = before.loc[after.index]
    net = {"value": after["value"] - before["value"], "numerator": after["value"] - before["value"]}
    net |= {"lower": after["lower"] - before["upper"], "upper": after["upper"] - before["lower"]}
    return after.assign(indicator=NET, **net).reset_index()[COLUMNS]
