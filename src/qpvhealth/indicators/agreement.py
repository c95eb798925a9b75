"""Our situation against the extract's own "in QPV" flag: why our count is not the ministry's."""

from __future__ import annotations

import pandas as pd

from qpvhealth.indicators.counts import KEYS, area_codes, with_totals

AGREEMENT_LEVELS = ("country", "territory", "region", "department")


def agreement(stock: pd.DataFrame) -> pd.DataFrame:
    """Cross the extract's flag with the computed situation.

    ``stock``: as for counts, with ``source_says_in_qpv``. Returns ``n`` per generation, year, level, area, type (``all`` too),
    flag and situation.
    """
    cells = ["structure_type", "source_says_in_qpv", "situation"]
    parts = []
    for level in AGREEMENT_LEVELS:
        placed = stock.assign(level=level, area_code=area_codes(stock, level))
        parts.append(placed.groupby([*KEYS, *cells]).size().rename("n").reset_index())
    return with_totals(pd.concat(parts, ignore_index=True), "n", ["structure_type"])
