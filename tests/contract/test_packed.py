"""A packed frame is the frame: same types, values, nulls, whatever it holds, cut and put together again."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, strategies as st

from qpvhealth.contract.packed import Packed, PackedTables, pack

TEXTS = st.sampled_from(["QP075001", "é", "", "a" * 50, None])
DAYS = st.sampled_from([pd.Timestamp("2019-03-31"), pd.Timestamp("1900-01-01"), None])
INSTANTS = DAYS | st.just(pd.Timestamp("2019-03-31 12:00:01"))
WHOLE = st.sampled_from([0, 127, 128, -129, 2**31, -(2**63), 2**63 - 1])
SHAPES = st.sampled_from([shapely.Point(0.1, 1 / 3), shapely.Point(), shapely.box(0, 0, 1, 1), shapely.Point(1, 2, 3)])
VALUES = {
    "str": TEXTS,
    "int64": WHOLE,
    "int16": st.integers(-200, 200),
    "Int64": WHOLE | st.none(),
    "float64": st.floats() | st.sampled_from([0.0, -0.0, 0.5]) | st.none(),
    "float32": st.floats(width=32),
    "bool": st.booleans(),
    "boolean": st.booleans() | st.none(),
    "datetime64[s]": INSTANTS,
    "datetime64[us]": DAYS,
    "object": TEXTS,
    "category": TEXTS,
    "numbered": st.integers(1, 3),
    "shapes": SHAPES | st.none(),
}
REPEATED = {"float64", "float32", "shapes"}
"""Kinds that are held once each where they are the same from part to part."""
DTYPES = {"numbered": "category", "shapes": "object"}


def series(values, kind):
    return pd.Series(values, dtype="object").astype(DTYPES.get(kind, kind))


@st.composite
def frames(draw):
    size = draw(st.integers(0, 6))
    columns = {k: series(draw(st.lists(v, min_size=size, max_size=size)), k) for k, v in VALUES.items()}
    return pd.DataFrame(columns)


def same(found, expected):
    """Shapes are compared by their bytes: GEOS finds an empty point unequal to itself."""
    shapes = [
        [None if s is None else shapely.to_wkb(s) for s in f["shapes"]] if "shapes" in f else []
        for f in (found, expected)
    ]
    assert shapes[0] == shapes[1]
    pd.testing.assert_frame_equal(
        *(f.drop(columns="shapes", errors="ignore") for f in (found, expected)),
        check_exact=True,
        check_index_type="exact",
    )
    assert found.get("shapes", pd.Series(dtype="object")).dtype == object


HELD = pytest.mark.parametrize("hold", [pack])


@HELD
@given(frame=frames())
def test_a_frame_comes_back_as_it_was(hold, frame):
    held = hold(frame)
    assert len(held) == len(frame)
    same(held.frame(), frame)
    same(held.frame(["Int64", "str"]), frame[["Int64", "str"]])
    pd.testing.assert_series_equal(held["category"], frame["category"])


@given(frames())
def test_a_packed_frame_names_its_columns(frame):
    assert pack(frame).columns == list(frame)


@HELD
@given(frame=frames())
def test_rows_are_numbered_anew(hold, frame):
    held = hold(frame.set_index(np.arange(len(frame))[::-1]))
    same(held.frame(), frame)
    pd.testing.assert_series_equal(held["category"], frame["category"])


@given(frames(), st.data())
def test_rows_are_kept_by_mask_or_position(frame, data):
    chosen = data.draw(st.lists(st.booleans(), min_size=len(frame), max_size=len(frame)))
    mask = np.array(chosen, dtype=bool)
    expected = frame[mask].reset_index(drop=True)
    same(pack(frame).rows(mask).frame(), expected)
    same(pack(frame).rows(pd.Series(mask)).frame(), expected)
    same(pack(frame).rows(np.flatnonzero(mask)).frame(), expected)


@given(frames(), st.lists(st.integers(0, 6), max_size=3))
def test_parts_put_together_are_the_whole(frame, cuts):
    bounds = [0, *sorted(min(c, len(frame)) for c in cuts), len(frame)]
    parts = [pack(frame.iloc[a:b]) for a, b in pairwise(bounds)]
    whole = Packed.together(parts)
    same(whole.frame(), frame)
    kinds = [{n: a.type for n, a in p.arrays.items() if n not in REPEATED} for p in (whole, pack(frame))]
    assert kinds[0] == kinds[1]


def test_parts_of_other_types_are_not_put_together():
    one = pd.DataFrame({"a": ["x"], "b": [1], "c": [1]})
    other = one.astype({"b": float}).drop(columns="c")
    with pytest.raises(ValueError, match="put together: b, c: of other types or missing"):
        Packed.together([pack(one), pack(other)])


def test_what_is_neither_text_nor_shape_is_refused():
    with pytest.raises(TypeError, match="mixed: neither texts nor shapes"):
        pack(pd.DataFrame({"mixed": pd.Series(["a", 1], dtype="object")}))


def test_a_column_without_a_known_value_weighs_nothing():
    nothing = pd.DataFrame(
        {k: series([None] * 1000, k) for k in ("str", "Int64", "float64", "boolean", "object", "shapes")}
    )
    assert pack(nothing).nbytes == 0
    same(pack(nothing).frame(), nothing)


def test_a_place_is_held_once_for_all_years():
    n = 1000
    years = [pd.DataFrame({"x": np.arange(n) / 3, "shapes": shapely.points(np.arange(n), 1.0)}) for _ in range(10)]
    packed = [pack(year) for year in years]
    assert Packed.together(packed).nbytes < 0.3 * sum(p.nbytes for p in packed)
    whole = Packed.together(packed).rows(np.arange(10 * n)[::-1])
    same(whole.frame(), pd.concat(years)[::-1].reset_index(drop=True))


def test_few_values_weigh_little():
    n = 1000
    frame = pd.DataFrame({"code": ["QP075001", "QP075002"] * (n // 2), "year": 2019, "on": pd.Timestamp("2019-03-31")})
    assert pack(frame).nbytes < 8 * n
    assert frame.memory_usage(index=False).sum() > 30 * n
    assert Packed.together([pack(frame)] * 2).nbytes < 2.2 * pack(frame).nbytes
    assert pack(frame).rows(np.arange(10)).nbytes < 200


def test_tables_are_decoded_when_asked_for_and_kept():
    frame = pd.DataFrame({"code": ["a"]})
    tables = PackedTables({"one": pack(frame), "two": pack(frame)})
    assert (list(tables), len(tables), "one" in tables, "three" in tables) == (["one", "two"], 2, True, False)
    assert tables["one"] is tables["one"]
    assert all(frame.equals(found) for found in dict(tables).values())
