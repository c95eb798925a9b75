"""Codes held against codes: the same answer as a loop over Python sets."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
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


@pytest.mark.parametrize("kinds", [{}, {"a": "category"}, dict.fromkeys("abcd", "category")])
@pytest.mark.parametrize("largest", [2**62, 60, 1])
def test_every_combination_of_keys_has_a_number_of_its_own(monkeypatch, kinds, largest):
    """In one frame as in two, nulls among them, and where numbers would overflow."""
    monkeypatch.setattr(keys, "_LARGEST", largest)
    rows = list(product([None, "x", "y", "z"], ["1", "2", None], ["u", None, "v", "w", "t"], [None, "s"]))
    frame = pd.DataFrame(rows, columns=list("abcd"), dtype="str")
    (alone,) = numbers(list("abcd"), frame.astype(kinds))
    assert (len(set(alone)), alone.dtype) == (len(rows), "int64")
    one, other = numbers(list("abcd"), frame.astype(kinds), frame[::-1])
    assert len(set(one)) == len(rows)
    assert one.tolist() == other[::-1].tolist()


def test_keys_whose_numbers_would_not_hold_in_64_bits_stay_apart():
    """Five keys of 2^16 values: multiplied out, rows that differ by the first alone would be one."""
    names = list("abcde")
    frame = pd.DataFrame(dict.fromkeys(names, pd.Series(range(2**16 - 1)).astype("str")))
    twin = frame.head(1).assign(a="5")
    own, theirs = numbers(names, frame, twin)
    assert theirs[0] != own[0]
    assert positions(names, twin.assign(a="0"), frame).tolist() == [0]


@given(ROWS, ROWS)
def test_a_row_is_found_by_its_keys(rows, known):
    known = [*dict.fromkeys(known)]
    frames = [pd.DataFrame(r, columns=["code", "year"]).astype({"code": "str"}) for r in (rows, known)]
    assert positions(["code", "year"], *frames).tolist() == [known.index(r) if r in known else -1 for r in rows]


def test_two_nulls_are_the_same_and_a_null_is_like_nothing_else():
    for kind, values in (("str", ["a", "a", None, None]), ("float64", [1.0, 1.0, None, None])):
        old, new = pd.Series(values, dtype=kind), pd.Series([values[0], None, values[0], None], dtype=kind)
        assert keys.unlike(old, new).tolist() == [False, True, True, False]


def test_categories_are_decoded_to_what_they_name():
    texts = pd.Series(["b", None, "a", "b"], dtype="str")
    assert keys.decoded(texts.astype("category").array).equals(texts.array)
    assert keys.decoded(texts.array) is texts.array
