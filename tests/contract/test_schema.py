from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from qpvhealth.contract.packed import Packed, pack
from qpvhealth.contract.schema import Column, Reference, Table
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
    out = CITY.conform(given[given.columns[::-1]]).frame()
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


def test_packed_rows_are_published_as_the_frame_is():
    parts = [rows.astype({"open": "boolean"}) for rows in (frame(), frame(code=["04", "03"]))]
    expected = CITY.conform(pd.concat(parts))
    for packed in (pack(pd.concat(parts)), Packed.together([pack(part) for part in parts])):
        out = CITY.conform(packed)
        pd.testing.assert_frame_equal(out.frame(), expected.frame())
        assert CITY.conform(out) is out
    assert CITY.conform(expected.rows([3, 0])).frame()["code"].tolist() == ["01", "04"]
    with pytest.raises(ContractError, match=r"city.size: cannot be read as int"):
        CITY.conform(pack(parts[0].assign(size=[1.5, None])))


def test_what_another_table_published_is_put_in_form_again():
    kinds = Table("kinds", "Types", "kind", ("kind", "code"), CITY.columns)
    rows = CITY.conform(frame(code=["01", "02"], kind=["b", "a"]))
    assert kinds.conform(rows).frame()["kind"].tolist() == ["a", "b"]


BAD = {
    "code": ["1", None, "02", "02"],
    "size": [-1, 11, 1, 1],
    "kind": ["c", "a", "b", None],
    "share": [2.0, None, 1.0, 0.5],
}


@pytest.mark.parametrize("others", [None, {"city": CITY.conform(frame())}, {"city": frame()}])
def test_packed_rows_break_the_same_rules_in_the_same_words(others):
    child = Table(
        "child", "E", "code", ("code",), CITY.columns, (Reference(("code", "size"), "city", ("code", "size")),)
    )
    bad = pd.DataFrame(BAD).assign(open=True, on=pd.Timestamp("2019-01-01"))
    published = child.conform(bad)
    said = []
    for rows in (published, published.frame()):
        with pytest.raises(ContractError) as caught:
            child.check(rows, others)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert ("must exist in city" in said[0]) == (others is not None)
    assert len(said[0].splitlines()) == 7 + (others is not None)


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
    CITY.check(CITY.conform(frame()).rows([1, 0]))


def test_a_repeated_key_with_a_null_part_is_told():
    table = Table(
        "t",
        "T",
        "a, b",
        ("a", "b"),
        (CITY.column("code"), Column("b", "string", "B", "B", nullable=True)),
    )
    table = Table("t", "T", "a, b", ("code", "b"), table.columns)
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
    assert pa.Table.from_pandas(CITY.conform(frame()).frame(), schema=schema, preserve_index=False).num_rows == 2


def test_a_column_describes_its_rules_in_one_line():
    assert CITY.column("size").constraint == "≥ 0; ≤ 10; may be null"
    assert CITY.column("kind").constraint == "`a`, `b`; may be null"
    assert CITY.column("code").constraint == r"matches `\d{2}`"
    assert CITY.geometry is None
    assert "| `code` | string |  | Code | Code | matches" in CITY.markdown()
