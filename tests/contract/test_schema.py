from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, strategies as st

from qpvhealth.contract.schema import PANDAS, Column, Reference, Table
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.errors import ContractError

CITY = Table(
    "city",
    "Ville",
    "code",
    ("code",),
    (
        Column("code", "string", "Code", "Code", pattern=r"\d{2}"),
        Column("size", "int", "Taille", "Size", unit="inhabitants", nullable=True, minimum=0, maximum=10),
        Column("kind", "string", "Type", "Kind", nullable=True, values=("a", "b")),
        Column("share", "float", "Part", "Share", nullable=True, maximum=1),
        Column("open", "bool", "Ouvert", "Open", nullable=True),
        Column("on", "date", "Le", "On", nullable=True),
    ),
)


def frame(**changes):
    columns = {
        "code": ["02", "01"],
        "size": [5, None],
        "kind": ["a", None],
        "share": [0.5, None],
        "open": [True, None],
        "on": [pd.Timestamp("2019-03-31"), None],
    }
    return pd.DataFrame(columns | changes)


def test_conform_orders_columns_and_rows_and_types_them():
    given = frame()
    out = CITY.conform(given[given.columns[::-1]])
    assert list(out.columns) == CITY.names
    assert out["code"].tolist() == ["01", "02"]
    assert [str(t) for t in out.dtypes] == ["str", "Int64", "str", "float64", "boolean", "datetime64[s]"]
    assert out["size"].isna().tolist() == [True, False]
    CITY.check(out)


def test_conform_rounds_measures_by_their_unit():
    columns = (
        Column("code", "string", "Code", "Code"),
        *(Column(f"n_{u}", "float", u, u, unit=u, nullable=True) for u in ("m", "km2", "m2", "EUR")),
    )
    values = [1.2345678, None, -0.0000006]
    rows = pd.DataFrame({"code": ["a", "b", "c"]} | {f"n_{u}": values for u in ("m", "km2", "m2", "EUR")})
    out = Table("measures", "Mesures", "code", ("code",), columns).conform(rows)
    assert out["n_m"].tolist()[::2] == [1.235, -0.001]
    assert out["n_km2"].tolist()[::2] == [1.234568, -0.000001]
    assert out["n_m2"].tolist()[::2] == [1.0, 0.0]
    assert out["n_EUR"].tolist()[::2] == values[::2]
    assert all(out[f"n_{u}"].isna().tolist() == [False, True, False] for u in ("m", "km2", "m2", "EUR"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": [1.5, None]}, "city.size: cannot be read as int"),
        ({"size": ["many", None]}, "city.size: cannot be read as int"),
        ({"open": ["yes", None]}, "city.open: cannot be read as bool"),
        ({"on": ["soon", None]}, "city.on: cannot be read as date"),
    ],
)
def test_conform_refuses_what_does_not_fit_and_never_nulls_it(changes, message):
    with pytest.raises(ContractError, match=message):
        CITY.conform(frame(**changes))


def test_conform_adds_and_drops_nothing():
    with pytest.raises(ContractError, match=r"columns missing: \['kind'\]; not declared: \['colour'\]"):
        CITY.conform(frame().rename(columns={"kind": "colour"}))
    repeated = pd.concat([frame(), frame()])
    assert len(CITY.conform(repeated)) == 4


def test_what_another_table_published_is_put_in_form_again():
    kinds = Table("kinds", "Types", "kind", ("kind", "code"), CITY.columns)
    rows = CITY.conform(frame(code=["01", "02"], kind=["b", "a"]))
    assert kinds.conform(rows)["kind"].tolist() == ["a", "b"]


def test_check_collects_every_problem_with_at_most_five_examples():
    bad = pd.DataFrame({"code": ["1"] * 7, "size": [-1, 11, 1, 1, 1, 1, 1], "kind": ["c"] * 7, "share": [2.0] * 7})
    bad["open"], bad["on"] = True, pd.Timestamp("2019-01-01")
    with pytest.raises(ContractError) as caught:
        CITY.check(CITY.conform(bad))
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        *("city.code", "city.size", "city.size", "city.kind", "city.share", "city.code"),
    ]
    assert "(7 rows): '1', '1', '1', '1', '1' and 2 more" in lines[0]
    assert "at least 0 (1 rows): np.int64(-1)" in lines[1] or "at least 0 (1 rows): -1" in lines[1]
    assert "must be unique (7 rows)" in lines[-1]


def test_check_finds_nulls_and_types_that_were_not_conformed():
    with pytest.raises(ContractError, match=r"city.code: must not be null"):
        CITY.check(CITY.conform(frame(code=["01", None])))
    with pytest.raises(ContractError, match=r"city.size: must be a number"):
        CITY.check(frame(size=["5", "6"]))


def test_rows_in_another_order_break_no_rule():
    CITY.check(CITY.conform(frame()).iloc[::-1])


def test_a_repeated_key_with_a_null_part_is_told():
    columns = (CITY.column("code"), Column("b", "string", "B", "B", nullable=True))
    table = Table("t", "T", "code, b", ("code", "b"), columns)
    rows = pd.DataFrame({"code": ["01", "01"], "b": [None, None]}, dtype="str")
    with pytest.raises(ContractError, match=r"t.code\+b: must be unique \(2 rows\): '01/'"):
        table.check(rows)


def test_references_are_held_where_the_other_table_is_given():
    child = Table("child", "E", "code", ("code",), CITY.columns, (Reference(("code",), "city", ("code",)),))
    rows, others = CITY.conform(frame()), {"city": CITY.conform(frame(code=["02", "03"]))}
    child.check(rows)
    child.check(rows, {})
    with pytest.raises(ContractError, match=r"child.code: must exist in city \(1 rows\): '01'"):
        child.check(rows, others)


def test_the_arrow_schema_carries_labels_units_and_nullability():
    schema = CITY.arrow_schema()
    assert schema.field("size").type == pa.int64()
    assert schema.field("size").metadata == {b"label_fr": b"Taille", b"label_en": b"Size", b"unit": b"inhabitants"}
    assert not schema.field("code").nullable
    assert schema.field("on").type == pa.date32()
    assert pa.Table.from_pandas(CITY.conform(frame()), schema=schema, preserve_index=False).num_rows == 2


def test_a_column_describes_its_rules_in_one_line():
    assert CITY.column("size").constraint == "≥ 0; ≤ 10; may be null"
    assert CITY.column("kind").constraint == "`a`, `b`; may be null"
    assert CITY.column("code").constraint == r"matches `\d{2}`"
    assert CITY.geometry is None
    assert "| `code` | string |  | Code | Code | matches" in CITY.markdown()


KEYS = {
    "str": st.sampled_from(["QP075001", "é", "z", "", "Z", "\U0001f600", "\uffff", None]),
    "Int64": st.sampled_from([-(2**63), -1, 0, 300, None]),
    "float64": st.sampled_from([-0.5, 0.0, float("inf"), None]),
    "boolean": st.booleans() | st.none(),
    "datetime64[s]": st.sampled_from([pd.Timestamp("1900-01-01"), pd.Timestamp("2019-03-31 12:00"), None]),
}
KINDS = {"str": "string", "Int64": "int", "float64": "float", "boolean": "bool", "datetime64[s]": "date"}


@given(st.data(), st.lists(st.sampled_from(list(KEYS)), min_size=1, max_size=3, unique=True), st.booleans())
def test_rows_are_published_in_the_order_of_their_key(data, kinds, as_category):
    size = data.draw(st.integers(0, 6))
    given_rows = pd.DataFrame(
        {k: pd.Series(data.draw(st.lists(KEYS[k], min_size=size, max_size=size)), dtype=k) for k in kinds}
    ).assign(row=np.arange(size))
    columns = [Column(k, KINDS[k], k, k, nullable=True) for k in kinds]
    table = Table("t", "T", "row", tuple(kinds), (*columns, Column("row", "int", "R", "R")))
    expected = given_rows.sort_values(kinds, kind="stable", ignore_index=True).astype({"row": "Int64"})
    if as_category and "str" in kinds:
        given_rows = given_rows.astype({"str": "category"})
    published = table.conform(given_rows)
    pd.testing.assert_frame_equal(published, expected)
    pd.testing.assert_frame_equal(table.conform(published), expected)


RULES = [
    Column("c", "string", "C", "C"),
    Column("c", "string", "C", "C", nullable=True, values=("a", "b")),
    Column("c", "string", "C", "C", pattern=r"\d{2}|a"),
    Column("c", "string", "C", "C", nullable=True, pattern=r"(?!a$)\S{1,2}"),
    Column("c", "int", "C", "C", nullable=True, minimum=0, maximum=3),
    Column("c", "float", "C", "C", minimum=0, maximum=1),
]
VALUES = {
    "string": st.sampled_from(["a", "b", "12", "123", "12\n", "", "é", None]),
    "int": st.sampled_from([-1, 0, 3, 4, None]),
    "float": st.sampled_from([-0.5, 0.0, 0.5, 1.5, None]),
}


@given(st.data(), st.sampled_from(RULES))
def test_a_value_breaks_the_rules_among_others_as_it_does_alone(data, column):
    """Values are told apart before they are compared: each row must be judged by its own."""
    values = data.draw(st.lists(VALUES[column.kind], max_size=6))

    def broken(some):
        series = pd.Series(some, dtype="object").astype(PANDAS[column.kind])
        return {(rule, at) for rule, bad in column.problems(series) for at in bad.index}

    alone = {(rule, at) for at, value in enumerate(values) for rule, _ in broken([value])}
    assert broken(values) == alone


def test_a_pattern_is_held_against_the_whole_text():
    column = Column("c", "string", "C", "C", pattern=r"\d{2}|a")
    ((_, bad),) = column.problems(pd.Series(["12", "a", "12\n", "b", "1"], dtype="str"))
    assert bad.tolist() == ["12\n", "b", "1"]


CELL = st.none() | st.sampled_from(["a", "b", "é"]), st.none() | st.integers(1, 3)


@given(st.lists(st.tuples(*CELL), max_size=5), st.lists(st.tuples(*CELL), max_size=5))
def test_references_are_held_as_in_a_set(ours, theirs):
    """Rows with a null refer to nothing."""
    columns = (Column("a", "string", "A", "A", nullable=True), Column("b", "int", "B", "B", nullable=True))
    number = Column("n", "int", "N", "N")
    child = Table("child", "E", "n", ("n",), (number, *columns), (Reference(("a", "b"), "other", ("a", "b")),))
    here, there = (
        pd.DataFrame(rows, columns=["a", "b"]).astype({"a": "str", "b": "Int64"}).assign(n=range(len(rows)))
        for rows in (ours, theirs)
    )
    lost = [row for row in ours if None not in row and row not in theirs]
    if not lost:
        child.check(child.conform(here), {"other": there})
        return
    with pytest.raises(ContractError, match=rf"child\.a\+b: must exist in other \({len(lost)} rows\)"):
        child.check(child.conform(here), {"other": there})


def test_what_is_no_shape_is_refused():
    table = Table(
        "t", "T", "n", ("n",), (Column("n", "int", "N", "N"), Column("g", "geometry", "G", "G", nullable=True))
    )
    rows = pd.DataFrame({"n": [1, 2], "g": [shapely.Point(1, 2), "POINT (1 2)"]})
    with pytest.raises(ContractError, match=r"t\.g: cannot be read as geometry"):
        table.conform(rows)
    published = table.conform(rows.assign(g=[shapely.Point(1, 2), np.nan]))
    assert published["g"].tolist() == [shapely.Point(1, 2), None]


def test_an_empty_table_holds():
    for table in PUBLISHED.values():
        empty = table.conform(pd.DataFrame({n: [] for n in table.names}))
        assert empty.dtypes.to_dict() == {c.name: PANDAS[c.kind] for c in table.columns}
        table.check(empty)
