from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from qpvhealth.contract import acceptance
from qpvhealth.contract.schema import PANDAS, Column
from qpvhealth.contract.tables import PUBLISHED

RULES = [
    Column("c", "string", "C", "C"),
    Column("c", "string", "C", "C", nullable=True),
    Column("c", "string", "C", "C", nullable=True, values=("a", "b")),
    Column("c", "string", "C", "C", pattern=r"\d{2}|a"),
    Column("c", "int", "C", "C", minimum=0),
    Column("c", "int", "C", "C", nullable=True, maximum=3),
    Column("c", "float", "C", "C", nullable=True, minimum=0, maximum=1),
    Column("c", "bool", "C", "C"),
    Column("c", "geometry", "C", "C"),
    Column("c", "geometry", "C", "C", nullable=True),
    Column("c", "string", "C", "C", pattern=r"(?!a$)\S{1,2}"),
]
VALUES = {
    "string": st.sampled_from(["a", "b", "12", "123", "12\n", "", "é", None]),
    "int": st.sampled_from([-1, 0, 3, 4, None]),
    "float": st.sampled_from([-0.5, 0.0, 0.5, 1.5, None]),
    "bool": st.sampled_from([True, False, None]),
    "geometry": st.sampled_from([b"x", None]),
}


@given(st.data(), st.sampled_from(RULES))
def test_a_column_holds_where_no_rule_is_broken_and_only_there(data, column):
    series = pd.Series(data.draw(st.lists(VALUES[column.kind], max_size=5)), dtype="object")
    series = series.astype(PANDAS[column.kind])
    assert acceptance.holds(column, series) == (not list(column.problems(series)))


@given(st.lists(st.tuples(st.sampled_from(["a", "é", "b"]), st.sampled_from([1, 2]))))
def test_ties_are_the_repeated_keys_of_rows_in_order(rows):
    frame = pd.DataFrame(rows, columns=["a", "b"]).astype({"a": "str", "b": "Int64"})
    tied = acceptance.ties(frame, ("a", "b"))
    if rows != sorted(rows):
        assert tied is None
    else:
        assert tied is not None
        assert tied.tolist() == [x == y for x, y in pairwise(rows)]


def test_a_null_in_a_key_has_no_order():
    frame = pd.DataFrame({"a": pd.Series(["a", None], dtype="str")})
    assert acceptance.ties(frame, ("a",)) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "found"),
    [
        (["a", "a"], ["a", "b"], True),
        (["a", "c"], ["a", "b"], False),
        ([], ["a"], True),
        (["a"], [None], False),
    ],
)
def test_values_of_one_column_exist_in_another(ours, theirs, found):
    here, there = (pd.DataFrame({"c": pd.Series(v, dtype="str")}) for v in (ours, theirs))
    assert acceptance.exist(here, there) is found


def test_several_columns_or_types_are_left_to_pandas():
    one, two = pd.DataFrame({"c": ["a"]}), pd.DataFrame({"c": ["a"], "d": ["a"]})
    assert not acceptance.exist(two, two)
    assert not acceptance.exist(one, pd.DataFrame({"c": [1]}))


def test_what_arrow_has_no_type_for_does_not_hold():
    mixed = pd.Series(["a", 1], dtype="object")
    assert acceptance.arrow(mixed) is None
    assert not acceptance.holds(Column("c", "string", "C", "C"), mixed)
    assert acceptance.ties(pd.DataFrame({"c": mixed}), ("c",)) is None
    assert not acceptance.holds(RULES[4], pd.Series(["1"]))
    assert not acceptance.holds(RULES[3], pd.Series([1]))


def test_an_empty_table_holds():
    for table in PUBLISHED.values():
        empty = table.conform(pd.DataFrame({n: [] for n in table.names}))
        assert all(acceptance.holds(c, empty[c.name]) for c in table.columns)
        assert np.array_equal(acceptance.ties(empty, table.key), [])
