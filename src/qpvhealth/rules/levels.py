"""Area levels: the column of a structure or QPV that holds its area at each, from the country down."""

from __future__ import annotations

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
