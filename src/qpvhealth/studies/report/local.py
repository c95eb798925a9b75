"""Figures that ``indicators`` has not, by the same engine over the rows of an area: of a commune, and of centres by modality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.build import assembly
from qpvhealth.facts.categories import UNKNOWN
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.indicators import headline, readings
from qpvhealth.indicators.counts import area_codes
from qpvhealth.indicators.figures import COLUMNS
from qpvhealth.indicators.net_change import NET, STOCK
from qpvhealth.publish import selection
from qpvhealth.rules.scopes import HEADLINE, SCOPES, Scope
from qpvhealth.studies import counted, figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpvhealth.publish.release import Release


MODALITIES = (
    SCOPES["cds_mono"],
    SCOPES["cds_pluri"],
    Scope("cds_unknown", "CdS de modalité inconnue", "CdS of unknown modality", modality=UNKNOWN, is_headline=False),
)
"""The scopes that take centres apart by modality."""


def by_modality(release: Release, years: Sequence[int], level: str, code: str) -> pd.DataFrame:
    """Return the indicators that count structures of an area in the QPV in force, in the scopes of ``MODALITIES``.

    Rows as in ``indicators``: a centre of unknown modality is in the bounds of both modalities.
    """
    stock = _stock(release, years)[1]
    own = stock[area_codes(stock, level) == code]
    return _structures(release, own, MODALITIES).assign(level=level, area_code=code)


def indicators(release: Release, years: Sequence[int], commune: str, own_quarters: pd.DataFrame) -> pd.DataFrame:
    """Return the indicators of a commune in the QPV in force, as rows of ``indicators`` at level ``commune``.

    Structures by their commune, rejected rows that may be one in the bounds; QPV that lie in it, at least in part (``own_quarters``).
    The two readings of a disputed structure are in the bounds, as in ``indicators``.
    """
    every, stock = _stock(release, years)
    parts = [_structures(release, stock[stock["commune_code"] == commune], HEADLINE)]
    covered = pd.concat([counted.coverage_of(release, counted.Figure(year)) for year in years])
    covered = covered[covered["qpv_code"].isin(set(own_quarters["qpv_code"]))].reset_index(drop=True)
    if len(covered):
        places = readings.with_second_places(stock, release.table("neighbourhoods", geometry=False))
        first, second = (
            headline.neighbourhoods(rows.assign(generation=IN_FORCE), places)
            for rows in (covered, readings.without_disputed(covered, every))
        )
        parts.append(readings.widened(first, second, of_qpv=True))
    rows = pd.concat([part[part["level"] == "country"] for part in parts if len(part)] or parts, ignore_index=True)
    rows = pd.concat([rows, _net(rows, years)], ignore_index=True) if len(rows) else rows
    return rows.assign(level="commune", area_code=commune)


def _stock(release: Release, years: Sequence[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the structures of some years, rejected rows that may be one included: by generation, and in the QPV in force."""
    every = figures.possible(release)
    every = every[every["year"].isin(years)]
    return every, assembly.in_force_rows(every, {year: selection.in_force(release, year) for year in years})


def _structures(release: Release, own: pd.DataFrame, scopes: Sequence[Scope]) -> pd.DataFrame:
    """Return the indicators that count structures of a stock taken as a country, with both readings of a disputed one in the bounds."""
    if own.empty:
        return pd.DataFrame(columns=COLUMNS)
    settings = release.manifest["settings"]
    rule: Any = {"near_rule": settings["vecu_rule"], "vecu_distance_m": settings["vecu_distance_m"], "scopes": scopes}
    first, second = (headline.structures(rows, **rule) for rows in (own, readings.without_place(own)))
    both = readings.widened(first, second)
    return both[both["level"] == "country"]


def _net(rows: pd.DataFrame, years: Sequence[int]) -> pd.DataFrame:
    """Return the net change in QPV between two dates; its bounds hold whatever became of what is not situated at either."""
    inside = rows[rows["indicator"] == STOCK].set_index("scope")
    before, after = inside[inside["year"] == years[0]], inside[inside["year"] == years[-1]]
    after = after[after.index.isin(before.index) & (years[0] != years[-1])]
    before = before.loc[after.index]
    net = {"value": after["value"] - before["value"], "numerator": after["value"] - before["value"]}
    net |= {"lower": after["lower"] - before["upper"], "upper": after["upper"] - before["lower"]}
    return after.assign(indicator=NET, **net).reset_index()[COLUMNS]
