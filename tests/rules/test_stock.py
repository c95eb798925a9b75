import pandas as pd
import pytest

from qpvhealth.rules.stock import is_in_stock, is_read

DAY = pd.Timestamp("2019-03-31")


@pytest.mark.parametrize(
    ("opened", "closed", "is_open"),
    [
        (None, None, True),
        ("2019-03-31", None, True),
        ("2019-04-01", None, False),
        (None, "2019-03-31", False),
        (None, "2019-04-01", True),
        ("2019-04-01", "2019-04-02", False),
    ],
)
def test_what_is_open_on_a_day(opened, closed, is_open):
    dates = [pd.Series(pd.to_datetime([day]).astype("datetime64[s]")) for day in (opened, closed)]
    assert is_in_stock(*dates, DAY).tolist() == [is_open]
    assert is_in_stock(*(d.to_numpy() for d in dates), DAY.to_datetime64()).tolist() == [is_open]


def test_rows_are_read_unless_they_say_otherwise():
    rows = pd.DataFrame({"n": [1, 2]})
    assert is_read(rows).tolist() == [True, True]
    assert is_read(rows.assign(is_read=[True, False])).tolist() == [True, False]
