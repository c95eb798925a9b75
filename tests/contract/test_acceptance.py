from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import shapely
from hypothesis import given, strategies as st

from qpvhealth.contract import acceptance
from qpvhealth.contract.packed import Packed, pack
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
    "geometry": st.sampled_from([shapely.Point(1, 2), None]),
}


@given(st.data(), st.sampled_from(RULES))
def test_a_column_holds_where_no_rule_is_broken_and_only_there(data, column):
    series = pd.Series(data.draw(st.lists(VALUES[column.kind], max_size=5)), dtype="object")
    series = series.astype(PANDAS[column.kind])
    assert acceptance.holds(column, series) == (not list(column.problems(series)))


@given(st.data(), st.sampled_from([r for r in RULES if r.kind != "geometry"]))
def test_values_that_no_row_takes_break_no_rule(data, column):
    """A packed column keeps the texts of rows that it lost."""
    values = data.draw(st.lists(VALUES[column.kind], max_size=5))
    kept = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    series = pd.Series(values, dtype="object").astype(PANDAS[column.kind])
    part = pack(series.to_frame("c"))
    array = Packed.together([part, part]).rows(np.array(kept * 2, dtype=bool)).arrays["c"]
    assert acceptance.holds(column, array) == (not list(column.problems(series[kept])))


@given(st.lists(st.tuples(st.sampled_from(["a", "é", "b"]), st.sampled_from([1, 2]))))
def test_ties_are_the_repeated_keys_of_rows_in_order(rows):
    frame = pd.DataFrame(rows, columns=["a", "b"]).astype({"a": "str", "b": "Int64"})
    tied = acceptance.ties([frame["a"], frame["b"]])
    if rows != sorted(rows):
        assert tied is None
    else:
        assert tied is not None
        assert tied.tolist() == [x == y for x, y in pairwise(rows)]


CELL = st.none() | st.sampled_from(["a", "b", "é"]), st.none() | st.integers(1, 3)


@given(st.data(), st.lists(st.tuples(*CELL), max_size=5), st.lists(st.tuples(*CELL), max_size=5))
def test_rows_exist_among_others_as_in_a_set(data, ours, theirs):
    """Rows with a null are not looked for; what a packed table lost is not found."""
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(theirs), max_size=len(theirs))), dtype=bool)
    here, there = (pd.DataFrame(rows, columns=["a", "b"]).astype({"a": "str", "b": "Int64"}) for rows in (ours, theirs))
    known = {row for row, is_kept in zip(theirs, kept, strict=True) if is_kept}
    for n in (1, 2):
        wanted = {row[:n] for row in ours if None not in row[:n]}
        columns = list(here)[:n]
        target = pack(there).rows(kept)
        found = acceptance.exist([here[c] for c in columns], [target.arrays[c] for c in columns])
        assert found == (wanted <= {row[:n] for row in known})


def test_what_cannot_be_compared_is_left_to_pandas(monkeypatch):
    text, number, mixed = pd.Series(["a"]), pd.Series([1]), pd.Series(["a", 1], dtype="object")
    assert not acceptance.exist([text], [number])
    assert not acceptance.exist([text], [mixed])
    assert acceptance.exist([text], [text])
    monkeypatch.setattr(acceptance, "_LARGEST", 2)
    assert not acceptance.exist([text], [text])


def test_what_arrow_has_no_type_for_does_not_hold():
    mixed = pd.Series(["a", 1], dtype="object")
    assert acceptance.arrow(mixed) is None
    assert not acceptance.holds(Column("c", "string", "C", "C"), mixed)
    assert acceptance.ties([mixed]) is None
    assert not acceptance.holds(RULES[4], pd.Series(["1"]))
    assert not acceptance.holds(RULES[3], pd.Series([1]))


def test_an_empty_table_holds():
    for table in PUBLISHED.values():
        empty = table.conform(pd.DataFrame({n: [] for n in table.names}))
        assert empty.dtypes == {c.name: PANDAS[c.kind] for c in table.columns}
        table.check(empty)
