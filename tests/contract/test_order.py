"""The order of rows found on numbers is the order of their values."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, strategies as st

from qpvhealth.contract import order
from qpvhealth.contract.packed import pack

COLUMNS = {
    "str": st.sampled_from(["QP075001", "é", "z", "", "Z", "\U0001f600", "\uffff", None]),
    "Int64": st.sampled_from([-(2**63), -1, 0, 300, None]),
    "int64": st.sampled_from([-(2**63), -1, 0, 300]),
    "float64": st.sampled_from([-0.5, 0.0, float("inf"), None]),
    "boolean": st.booleans() | st.none(),
    "datetime64[s]": st.sampled_from([pd.Timestamp("1900-01-01"), pd.Timestamp("2019-03-31 12:00"), None]),
}


@given(st.data(), st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=3, unique=True))
def test_rows_are_ordered_as_pandas_orders_them(data, kinds):
    size = data.draw(st.integers(0, 6))
    frame = pd.DataFrame(
        {k: pd.Series(data.draw(st.lists(COLUMNS[k], min_size=size, max_size=size)), dtype=k) for k in kinds}
    )
    packed = pack(frame)
    keys = [order.ranks(packed.arrays[k]) for k in kinds]
    expected = frame.assign(row=np.arange(size)).sort_values(kinds, kind="stable")
    assert order.order(keys).tolist() == expected["row"].tolist()
    in_order = [key[order.order(keys)] for key in keys]
    repeated = expected.duplicated(kinds).tolist()
    assert order.ties(in_order).tolist() == repeated[1:]
    if expected["row"].tolist() != list(range(size)):
        assert order.ties(keys) is None
