"""Codes held against codes: the same answer as a loop over Python sets."""

import pandas as pd
from hypothesis import given, strategies as st

from qpvhealth.contract.keys import among

CODES = st.lists(st.none() | st.sampled_from(["QP075001", "75101", "é", ""]), max_size=8)


@given(CODES, CODES)
def test_a_code_is_among_others_as_in_a_set_and_a_null_in_none(codes, known):
    series = pd.Series(codes, dtype="str", index=range(5, 5 + len(codes)))
    expected = [c is not None and c in known for c in codes]
    for others in (
        pd.Series(known, dtype="str"),
        pd.Index(pd.Series(known, dtype="str")),
        {c for c in known if c is not None},
    ):
        found = among(series, others)
        assert found.tolist() == expected
        assert found.index.equals(series.index)
