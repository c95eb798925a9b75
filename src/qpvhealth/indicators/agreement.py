"""Our situation against the extract's own "in QPV" flag: why our count is not the ministry's."""

from __future__ import annotations

import pandas as pd

from qpvhealth.indicators.counts import KEYS, area_codes, cells, sums, with_totals
from qpvhealth.rules.levels import HEADLINE


def agreement(stock: pd.DataFrame) -> pd.DataFrame:
    """Cross the extract's flag with the computed situation.

    ``stock``: as for counts, with ``source_says_in_qpv``. Returns ``n`` per generation, year, level, area, type (``all`` too),
    flag and situation.
    """
    crossed = ["structure_type", "source_says_in_qpv", "situation"]
    areas = [column for column in HEADLINE.values() if column]
    base = cells(stock, ["generation", "year", *areas, *crossed], "n")
    placed = [base.assign(level=level, area_code=area_codes(base, level)) for level in HEADLINE]
    return with_totals(sums(pd.concat(placed, ignore_index=True), [*KEYS, *crossed], ["n"]), "n", ["structure_type"])
