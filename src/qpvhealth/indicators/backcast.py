"""As known then, as known now: the stock of each past date counted in the extract of that date, and back from a later one.

The two series are never mixed. A later extract holds the survivors and what was registered late; it misses what left without
trace. A series that only ever rises in every area was rebuilt from survivors: a live register has falls somewhere (domain
reference, section 14).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qpvhealth.facts.dates import PLACEHOLDERS
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.indicators.counts import cells
from qpvhealth.rules.stock import is_in_stock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

MINIMUM_INTERVALS = 4
YEARS_BACK = 10
COLUMNS = ["year", "known_in", "department_code", "structure_type", "n_structures", "n_undated"]


def back_cast(extract: pd.DataFrame, dates: Mapping[int, date]) -> pd.DataFrame:
    """Count the structures of one extract that were open at earlier dates.

    ``extract``: ``opened_on``, ``closed_on``, ``structure_type``, ``department_code``. ``dates``: reference date by year. Returns by
    year, département and type ``n_structures`` (opened by that date and not closed by it) and ``n_undated``: no opening date, or a
    placeholder, and not closed by then: they could have been there.
    """
    days = dict(sorted(dates.items()))
    at = pd.DatetimeIndex(list(days.values()), dtype="datetime64[s]").to_numpy()[:, None]
    placeholders = [pd.Timestamp(d) for d in PLACEHOLDERS]
    opened = extract["opened_on"].mask(extract["opened_on"].isin(placeholders)).to_numpy()
    is_open = is_in_stock(opened, extract["closed_on"].to_numpy(), at)
    keys = [extract["department_code"].fillna(NO_REGION), extract["structure_type"]]
    group = pd.DataFrame(dict(zip(_AREA, keys, strict=True))).groupby(_AREA)
    cells, number = group.size().index, group.ngroup().to_numpy()
    masks = {"n_structures": is_open & ~np.isnat(opened), "n_undated": is_open & np.isnat(opened)}
    sums = {c: np.concatenate([np.bincount(number[m], minlength=len(cells)) for m in of]) for c, of in masks.items()}
    named = cells.to_frame(index=False).iloc[np.tile(np.arange(len(cells)), len(days))].reset_index(drop=True)
    return named.assign(**sums, year=np.repeat(list(days), len(cells)))


_AREA = ["department_code", "structure_type"]


def known_then(structures: pd.DataFrame) -> pd.DataFrame:
    """Count the stock of extracts, each as it was known then: ``n_then`` by year, département and type.

    ``structures``: one row per structure of any number of extracts, with ``year``, ``department_code``, ``structure_type`` and
    ``is_in_stock``. An unknown département is ``none``.
    """
    stock = structures.loc[structures["is_in_stock"], _YEARLY].fillna({"department_code": NO_REGION})
    return cells(stock, _YEARLY, "n_then")


_YEARLY = ["year", *_AREA]


def then_and_now(then: pd.DataFrame, extract: pd.DataFrame, dates: Mapping[int, date]) -> pd.DataFrame:
    """Put the two series side by side, by year, département and type: as known then, and as known in the last extract.

    ``then``: ``known_then`` of every extract. ``extract``: the structures of the last one, as ``back_cast`` reads them: it is counted back
    over ``YEARS_BACK`` years, at the reference date of each extract, else on the day of the year of its own. Returns ``date``,
    ``n_then`` (null for a year without extract), ``n_now``, ``n_undated`` (in the last extract) and ``difference`` = now - then; 0
    where neither holds any.
    """
    last = max(dates)
    past = _past(dates, last)
    now = back_cast(extract, past).set_index(_YEARLY)
    known = [then.set_index(_YEARLY), now.rename(columns={"n_structures": "n_now"})]
    both = pd.concat(known, axis=1).fillna(0).astype("Int64").reset_index()
    both["n_then"] = both["n_then"].where(both["year"].isin(list(dates)))
    days = pd.to_datetime(both["year"].map(past)).astype("datetime64[s]")
    return both.assign(known_in=last, date=days, difference=both["n_now"] - both["n_then"])


def _past(dates: Mapping[int, date], last: int) -> dict[int, date]:
    """Return the date at which each past year is counted."""
    same_day = {last - k: (pd.Timestamp(dates[last]) - pd.DateOffset(years=k)).date() for k in range(YEARS_BACK, 0, -1)}
    return same_day | dict(dates)


def rises_and_falls(series: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Add up the rises and the falls of areas between consecutive dates.

    ``series``: ``keys`` (what tells series apart), ``area_code``, ``date``, ``value``; a missing value is taken as 0, because a fall
    to nothing would otherwise not be seen. Returns one row per series and interval: ``rises``, ``falls`` (≤ 0), ``net``,
    ``n_falling``. Rises and falls are lower bounds of the entries and exits, whatever their cause.
    """
    parts = [_steps(rows).assign(**_named(keys, name)) for name, rows in series.groupby(keys)]
    columns = [*keys, "from_date", "to_date", "rises", "falls", "net", "n_falling"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _named(keys: list[str], name: Any) -> dict[str, Any]:  # noqa: ANN401
    return dict(zip(keys, name if isinstance(name, tuple) else (name,), strict=True))


def _steps(series: pd.DataFrame) -> pd.DataFrame:
    """Compare each date of one series with the one before it, area by area."""
    known = series.dropna(subset=["area_code", "date"])
    area, day = pd.factorize(known["area_code"])[0], known["date"].to_numpy()
    dates, at = np.unique(day, return_inverse=True)
    shape = (area.max(initial=-1) + 1, len(dates))
    value = known["value"].to_numpy(dtype="float64", na_value=0)
    wide = np.bincount(area * len(dates) + at, value, shape[0] * shape[1]).reshape(shape)
    step = np.diff(wide, axis=1)
    return pd.DataFrame(
        {
            "from_date": dates[:-1],
            "to_date": dates[1:],
            "rises": step.clip(min=0).sum(axis=0),
            "falls": step.clip(max=0).sum(axis=0),
            "net": step.sum(axis=0),
            "n_falling": (step < 0).sum(axis=0),
        }
    )


def never_falls(steps: pd.DataFrame, keys: list[str], *, minimum: int = MINIMUM_INTERVALS) -> pd.DataFrame:
    """Find the series that only ever rise over their first intervals: the signature of a series rebuilt from survivors.

    ``steps``: ``rises_and_falls``, one row per interval. Returns per series ``n_intervals``, ``n_without_fall`` (how many intervals
    from the start hold no fall in any area), ``until`` (the end of the last of them) and ``is_suspect`` (at least ``minimum``).
    """
    ordered = steps.sort_values([*keys, "to_date"])
    clean = (ordered["n_falling"] == 0).groupby([ordered[k] for k in keys]).cummin().astype(bool)
    told = ordered.assign(clean=clean, until=ordered["to_date"].where(clean))
    found = told.groupby(keys).agg(
        n_intervals=("clean", "size"), n_without_fall=("clean", "sum"), until=("until", "max")
    )
    return found.assign(is_suspect=found["n_without_fall"] >= minimum).reset_index()
