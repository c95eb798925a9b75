"""Codes held against codes: the same answer as a loop over Python sets."""

import numpy as np
import pandas as pd
from hypothesis import given, strategies as st

from qpvhealth.contract import keys
from qpvhealth.contract.keys import among, numbers, positions

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


ROWS = st.lists(st.tuples(st.none() | st.sampled_from(["a", "b", "é"]), st.integers(1, 3)), max_size=7)


@given(ROWS, ROWS, st.booleans())
def test_rows_have_one_number_where_all_their_keys_are_equal(first, second, coded):
    frames = [pd.DataFrame(rows, columns=["code", "year"]).astype({"code": "str"}) for rows in (first, second)]
    kinds = {"code": "category"} if coded else {}
    told = np.concatenate(numbers(["code", "year"], frames[0].astype(kinds), frames[1]))
    every = [*first, *second]
    assert all((told[i] == told[j]) == (every[i] == every[j]) for i in range(len(every)) for j in range(i))


@given(ROWS, ROWS)
def test_a_row_is_found_by_its_keys(rows, known):
    known = [*dict.fromkeys(known)]
    frames = [pd.DataFrame(r, columns=["code", "year"]).astype({"code": "str"}) for r in (rows, known)]
    assert positions(["code", "year"], *frames).tolist() == [known.index(r) if r in known else -1 for r in rows]


def test_numbers_stay_within_their_type(monkeypatch):
    """Many keys of many values would overflow: the numbers so far are then numbered again."""
    frame = pd.DataFrame({"a": ["x", "y", "x"], "b": ["1", "1", "2"], "c": ["u", "u", "u"]}, dtype="str")
    (plain,) = numbers(("a", "b", "c"), frame)
    monkeypatch.setattr(keys, "_LARGEST", 3)
    (tight,) = numbers(("a", "b", "c"), frame)
    assert len(set(plain)) == len(set(tight)) == 3
