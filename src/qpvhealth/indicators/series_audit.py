"""Published series held against themselves and each other: what does not add up is reported, never repaired."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

from qpvhealth.indicators import backcast

LEVELS, ABSENCES, STAMPS, RESTATED = "levels_differ", "absent_rows", "date_stamps", "restated"
NEVER_FALLS = "never_falls"
COLUMNS = [
    *("name", "check", "indicator", "level", "area_code", "date", "release", "other_release"),
    *("value", "other_value", "difference", "note"),
]
_CELL = ["indicator", "level", "area_code"]


def audit(series: pd.DataFrame) -> pd.DataFrame:
    """Audit every release of every series, and consecutive releases against each other.

    ``series``: ``name``, ``release``, ``indicator``, ``level`` (country, region, department), ``area_code``, ``date``, ``value``.
    Returns one row per finding, with ``COLUMNS``.
    """
    parts = []
    for _, editions in series.groupby("name"):
        releases = [rows for _, rows in editions.groupby("release")]
        parts += [check(rows) for rows in releases for check in (levels, absences, rebuilt)]
        parts += [check(old, new) for old, new in pairwise(releases) for check in (stamps, restatements)]
    filled = [p for p in parts if len(p)]
    return pd.concat(filled, ignore_index=True).reindex(columns=COLUMNS) if filled else pd.DataFrame(columns=COLUMNS)


def levels(series: pd.DataFrame) -> pd.DataFrame:
    """Hold the national line against the sum of each level, date by date; only the dates that both have.

    ``value`` is the national one, ``other_value`` the sum, ``difference`` = national - sum.
    """
    sums = series.groupby(["indicator", "date", "level"])["value"].sum(min_count=1).reset_index()
    country = sums[sums["level"] == "country"].drop(columns="level")
    local = sums[sums["level"] != "country"].rename(columns={"value": "other_value"})
    frame = local.merge(country, on=["indicator", "date"]).dropna(subset=["value", "other_value"])
    wrong = frame[frame["value"] != frame["other_value"]]
    return _findings(wrong, LEVELS, series, "the national line is not the sum of the level").assign(
        difference=wrong["value"] - wrong["other_value"]
    )


def absences(series: pd.DataFrame) -> pd.DataFrame:
    """Count, date by date, the areas that have no row though another date of the series has one: absent is not zero.

    ``value`` is how many are absent, ``other_value`` how many rows say 0 at that date.
    """
    local = series[series["level"] != "country"]
    wide = local.pivot_table(index=["indicator", "level", "area_code"], columns="date", values="value", aggfunc="sum")
    seen = local.groupby(["indicator", "level", "date"]).size().rename("rows").reset_index()
    areas = wide.groupby(level=["indicator", "level"]).size().rename("areas").reset_index()
    zeros = (
        local[local["value"] == 0].groupby(["indicator", "level", "date"]).size().rename("other_value").reset_index()
    )
    frame = seen.merge(areas, on=["indicator", "level"]).merge(zeros, on=["indicator", "level", "date"], how="left")
    frame = frame.assign(value=(frame["areas"] - frame["rows"]).astype("float64"))
    wrong = frame[frame["value"] > 0].assign(other_value=lambda f: f["other_value"].fillna(0).astype("float64"))
    return _findings(wrong, ABSENCES, series, "areas without row, beside areas that say 0")


def stamps(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Find the months that two releases stamp with other days: joined on the day, these values are lost.

    ``value`` and ``other_value`` are the days of the month; join on the month.
    """
    both = _by_month(old).merge(_by_month(new), on=[*_CELL, "month"], suffixes=("", "_new"))
    wrong = both[both["date"] != both["date_new"]]
    once = wrong.drop_duplicates(["indicator", "level", "date", "date_new"]).assign(area_code=None)
    findings = _findings(once, STAMPS, old, "the same month under another day: join on the month")
    days = {"value": once["date"].dt.day.astype("float64"), "other_value": once["date_new"].dt.day.astype("float64")}
    return findings.assign(**days, other_release=new["release"].iloc[0])


def restatements(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Find the past values that a later release gives otherwise, or no longer gives; joined on the month."""
    first, second = _by_month(old), _by_month(new)
    both = first.merge(second, on=[*_CELL, "month"], how="left", suffixes=("", "_new"))
    within = both["month"].isin(second["month"])
    wrong = both[within & (both["value"] != both["value_new"])]
    findings = _findings(wrong, RESTATED, old, "another value in the later release").assign(
        other_value=wrong["value_new"], difference=wrong["value_new"] - wrong["value"]
    )
    gone = wrong["value_new"].isna().to_numpy()
    return findings.assign(
        note=findings["note"].mask(gone, "no longer in the later release"), other_release=new["release"].iloc[0]
    )


def rebuilt(series: pd.DataFrame) -> pd.DataFrame:
    """Find the indicators that no area's value ever falls in, over four intervals or more: rebuilt from survivors.

    ``value`` is how many intervals from the first hold no fall, ``other_value`` how many there are, ``date`` the end of the last.
    """
    finest = "department" if (series["level"] == "department").any() else "region"
    local = series[series["level"] == finest]
    keys = ["indicator", "level"]
    steps = backcast.never_falls(backcast.rises_and_falls(local, keys), keys)
    suspects = steps[steps["is_suspect"]].rename(
        columns={"until": "date", "n_without_fall": "value", "n_intervals": "other_value"}
    )
    return _findings(suspects, NEVER_FALLS, series, "no area falls up to this date: a register that lives has falls")


def against_snapshots(series: pd.DataFrame, snapshots: pd.DataFrame) -> pd.DataFrame:
    """Hold counts of an extract against the last value that a series gives by its date.

    ``snapshots``: ``indicator``, ``date``, ``value``. Returns ``series_date``, ``series_value`` and ``difference`` = snapshot -
    series: below zero, the extract is late by at least as many, or its scope is another; public data cannot decide which.
    """
    national = series[series["level"] == "country"][["indicator", "date", "value"]].sort_values("date")
    dated = national.rename(columns={"value": "series_value"}).assign(series_date=national["date"])
    joined: pd.DataFrame = pd.merge_asof(snapshots.sort_values("date"), dated, on="date", by="indicator")
    return joined.assign(difference=joined["value"] - joined["series_value"])


def _by_month(series: pd.DataFrame) -> pd.DataFrame:
    month = series["date"].dt.strftime("%Y-%m")
    return series[[*_CELL, "date", "value"]].assign(month=month)


def _findings(rows: pd.DataFrame, check: str, series: pd.DataFrame, note: str) -> pd.DataFrame:
    """Write the findings of one check of one release."""
    name, release = (series[c].iloc[0] if len(series) else None for c in ("name", "release"))
    return rows.reindex(columns=COLUMNS).assign(name=name, check=check, release=release, note=note)
