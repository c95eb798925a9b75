"""The figures of a commune: those of ``indicators``, which stops at the départements, summed by the same engine over its own rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.build import assembly
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.indicators import headline, readings
from qpvhealth.indicators.figures import COLUMNS
from qpvhealth.indicators.net_change import NET, STOCK
from qpvhealth.publish import selection
from qpvhealth.studies import counted, figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpvhealth.publish.release import Release


def indicators(release: Release, years: Sequence[int], commune: str, own_quarters: pd.DataFrame) -> pd.DataFrame:
    """Return the indicators of a commune in the QPV in force, as rows of ``indicators`` at level ``commune``.

    Structures by their commune, rejected rows that may be one in the bounds; QPV that lie in it, at least in part (``own_quarters``).
    The two readings of a disputed structure are in the bounds, as in ``indicators``.
    """
    settings = release.manifest["settings"]
    near, distance = settings["vecu_rule"], settings["vecu_distance_m"]
    in_force = {year: selection.in_force(release, year) for year in years}
    every = figures.possible(release)
    every = every[every["year"].isin(years)]
    stock = assembly.in_force_rows(every, in_force)
    own = stock[stock["commune_code"] == commune]
    parts = [pd.DataFrame(columns=COLUMNS)]
    if len(own):
        first, second = (
            headline.structures(rows, near_rule=near, vecu_distance_m=distance)
            for rows in (own, readings.without_place(own))
        )
        parts.append(readings.widened(first, second))
    covered = pd.concat([counted.coverage_of(release, counted.Figure(year)) for year in years])
    covered = covered[covered["qpv_code"].isin(set(own_quarters["qpv_code"]))].reset_index(drop=True)
    if len(covered):
        places = readings.with_second_places(stock, release.table("neighbourhoods", geometry=False))
        first, second = (
            headline.neighbourhoods(rows.assign(generation=IN_FORCE), places)
            for rows in (covered, readings.without_disputed(covered, every))
        )
        parts.append(readings.widened(first, second))
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
