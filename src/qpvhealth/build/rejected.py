"""Rows of an extract that could not be read: a build stops where they could move its figures, and says so elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.rules.stock import is_in_stock

if TYPE_CHECKING:
    from qpvhealth.ingest.sources import Sources
    from qpvhealth.settings import Settings


def refuse(sources: Sources, settings: Settings) -> None:
    """Raise InputError where rejected rows could move a headline: more than ``reject_rows`` of an extract, and more than a share.

    The base is the structures of the stock and the rows that may be of it: ``reject_share`` of it in the country,
    ``reject_department_share`` in a département whose rows name it.
    """
    problems = []
    for year, unread in sources.unread.items():
        if unread.empty:
            continue
        extract, day = sources.structures[year], pd.Timestamp(sources.vintages[year].reference_date)
        stock = extract[is_in_stock(extract["opened_on"], extract["closed_on"], day)]
        by_department = [rows["department_code"].value_counts() for rows in (unread, stock)]
        areas = [("the country", len(unread), len(stock), settings.reject_share)]
        areas += [
            (f"département {code}", n, by_department[1].get(code, 0), settings.reject_department_share)
            for code, n in by_department[0].items()
        ]
        for area, n, n_stock, share in areas:
            if n > settings.reject_rows and n > share * (n + n_stock):
                sources_of = ", ".join(unread["source_id"].unique())
                problems.append(
                    f"{year} ({sources_of}): {n} rows of {n + n_stock} in {area} could not be read, more than {share:.0%}"
                )
    if problems:
        first = sources.rejects.head(5)
        rows = [f"  {r.source_id} row {r.row}: {r.message}" for r in first.itertuples()]
        advice = "mend them in corrections.toml, or ask the producer; reject_share and reject_rows of qpvhealth.toml say how many pass"
        raise InputError("\n".join([*problems, *rows, advice]))
