from __future__ import annotations

import numpy as np
import pyarrow as pa

from qpvhealth.locate import answers


def test_texts_as_arrow_would_make_them():
    assert answers.texts(np.array(["QP1", "é", ""], dtype=object)).equals(pa.array(["QP1", "é", ""]))
    assert answers.texts([]).equals(pa.array([], pa.string()))


def test_positions_are_named_and_negative_ones_null():
    names = answers.texts(["a", "b"])
    which = np.array([1, -1, 0, 1, -1, -1, -1, -1, 0])
    assert answers.texts_at(which, names).to_pylist() == ["b", None, "a", "b", None, None, None, None, "a"]
    assert answers.texts_at(which[:0], names).equals(pa.array([], pa.string()))
    assert answers.texts_at(which[::2], names).to_pylist() == ["b", "a", None, None, "a"]


def test_numbers_are_null_where_they_are_not():
    values = np.array([0.0, np.nan, 2.5])
    assert answers.numbers(values).equals(pa.array([0.0, None, 2.5]))
    assert answers.numbers(values[:0]).equals(pa.array([], pa.float64()))
