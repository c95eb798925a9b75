"""Trend against place: what a change in QPV would have been had QPV grown as the country did, and what is left.

Shift-share: expected = base x national growth of the category; specific = observed - expected. Summed by category it does not
equal the same computed on the pooled total: the difference is the mix effect, because MSP grow faster than centres wherever they
are. Both are given (domain reference, section 14).
"""

from __future__ import annotations

import pandas as pd

from qpvhealth.facts.situations import IN_QPV
from qpvhealth.indicators.counts import distinct, sums
from qpvhealth.rules.levels import HEADLINE

ALL, POOLED = "all", "pooled"
AREA = ["generation", "from_year", "to_year", "level", "area_code"]
COLUMNS = [
    *AREA,
    *("structure_type", "base", "current", "national_from", "national_to", "national_growth"),
    *("observed", "expected", "specific", "mix_effect"),
]


def shift_share(stocks: pd.DataFrame) -> pd.DataFrame:
    """Split the change of each stock into trend and place.

    ``stocks``: one row per category (``structure_type``) with ``base``, ``current``, ``national_from``, ``national_to``, and any
    other columns, which group the rows. Returns each category with ``national_growth`` (null where the national base is 0),
    ``observed``, ``expected`` and ``specific``; then per group a row ``all``, the sum by category, and a row ``pooled``, computed on
    the totals. ``mix_effect`` = specific by category - specific pooled, on the rows ``all`` and ``pooled``.
    """
    keys = [c for c in stocks.columns if c not in ("structure_type", *_STOCKS)]
    own = _split(stocks)
    areas, group = distinct(stocks, keys)
    pooled = _split(areas.join(stocks[list(_STOCKS)].groupby(group).sum()).assign(structure_type=POOLED))
    summed = own[["expected", "specific"]].groupby(group).sum(min_count=1)
    total = pooled.drop(columns=["expected", "specific"]).assign(
        structure_type=ALL, expected=summed["expected"], specific=summed["specific"]
    )
    mix = total["specific"] - pooled["specific"]
    return pd.concat([own, total.assign(mix_effect=mix), pooled.assign(mix_effect=mix)], ignore_index=True)


_STOCKS = ("base", "current", "national_from", "national_to")


def _split(stocks: pd.DataFrame) -> pd.DataFrame:
    before = stocks["national_from"].where(stocks["national_from"] > 0)
    growth = (stocks["national_to"] - before) / before
    observed, expected = stocks["current"] - stocks["base"], stocks["base"] * growth
    return stocks.assign(
        national_growth=growth.astype("float64"),
        observed=observed,
        expected=expected.astype("float64"),
        specific=(observed - expected).astype("float64"),
    )


def trend(counts: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Compute the shift-share of the stock in QPV for every generation, pair of years and area.

    ``counts``: the yearly counts (``all`` rows included); ``pairs``: ``from_year``, ``to_year``. The national total is that of the
    category, wherever its structures stand. An area without any structure in QPV at either date has no row.
    """
    asked = counts[
        (counts["modality"] == ALL) & counts["level"].isin(list(HEADLINE)) & (counts["structure_type"] != ALL)
    ]
    inside = asked[asked["situation"] == IN_QPV]
    national = asked[(asked["level"] == "country") & (asked["situation"] == ALL)]
    stocks = _paired(inside, pairs, [*AREA, "structure_type"], ("base", "current"))
    totals = _paired(
        national, pairs, ["generation", "from_year", "to_year", "structure_type"], ("national_from", "national_to")
    )
    joined = stocks.merge(totals, on=["generation", "from_year", "to_year", "structure_type"], how="left")
    return shift_share(joined).reindex(columns=COLUMNS)


def _paired(counts: pd.DataFrame, pairs: pd.DataFrame, keys: list[str], names: tuple[str, str]) -> pd.DataFrame:
    """Put the stocks of both years side by side; 0 where a year counts none."""
    told = counts[["year", "n_structures", *(k for k in keys if k in counts)]]
    sides = [
        pairs.merge(told, left_on=year, right_on="year").rename(columns={"n_structures": name})
        for year, name in zip(("from_year", "to_year"), names, strict=True)
    ]
    return sums(pd.concat(sides, ignore_index=True).fillna(dict.fromkeys(names, 0)), keys, list(names))
