"""Findings of the accounting that only several extracts can raise."""

import pandas as pd

from qpvhealth.pipeline import accounting


def series(now):
    years = range(2018, 2018 + len(now))
    rows = {"year": list(years), "department_code": "93", "structure_type": "MSP", "n_now": now}
    days = pd.to_datetime([f"{year}-03-31" for year in years]).astype("datetime64[s]")
    return pd.DataFrame(rows | {"date": days, "n_then": [5, 4] * (len(now) // 2) + [5] * (len(now) % 2)})


def test_a_series_that_never_falls_over_four_intervals_is_flagged():
    (found,) = accounting.rebuilt(series([1, 2, 2, 3, 4]))
    assert found.rule == "rebuilt-from-survivors"
    assert "as known in the last extract" in found.message


def test_a_fall_or_too_few_extracts_flag_nothing():
    assert list(accounting.rebuilt(series([1, 2, 1, 3, 4]))) == []
    assert list(accounting.rebuilt(series([1, 2, 3, 4]))) == []
    assert list(accounting.rebuilt(series([1, 2]).iloc[:0])) == []
