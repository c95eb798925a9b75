"""Area levels: the column of a structure or QPV that holds its area at each, from the country down."""

from __future__ import annotations

import pandas as pd

from qpvhealth.facts.territories import NO_REGION

COUNTRY = "FR"
LEVELS: dict[str, str | None] = {
    "country": None,
    "territory": "territory",
    "region": "region_code",
    "department": "department_code",
    "epci": "epci_code",
    "commune": "commune_code",
    "qpv": "qpv_code",
}
"""The column of each level; the country has none."""
HEADLINE: dict[str, str | None] = {level: LEVELS[level] for level in ("country", "territory", "region", "department")}
"""The levels of the indicators, of the changes and of what is compared between years."""


def area_codes(rows: pd.DataFrame, column: str | None) -> pd.Series:
    """Return the area code of each row; ``none`` where it has none, so that levels add up; ``FR`` for no column."""
    if column is None:
        return pd.Series(COUNTRY, index=rows.index, dtype="str")
    return rows[column].astype("str").fillna(NO_REGION)
