"""Published measures answer as exact ones do, for any whole number of millimetres."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from qpvhealth.contract.precision import published, rounded_m

METRES = st.floats(-1e6, 1e6) | st.integers(-(10**9), 10**9).flatmap(
    lambda mm: st.sampled_from([0, 1e-9, -1e-9, 4e-7, -4e-7, 6e-7, -6e-7, 1e-6, -1e-6]).map(lambda off: mm / 1000 + off)
)


@given(METRES, st.integers(0, 10**9), st.booleans())
def test_published_metres_decide_as_rounded_ones(metres, millimetres, at_the_limit):
    exact, shown = float(rounded_m(metres)), float(published(np.array([metres]), "m")[0])
    if at_the_limit:
        millimetres = round(abs(metres) * 1000)
    limit = millimetres / 1000
    assert (abs(shown) <= limit) == (abs(exact) <= limit)
    assert np.sign(shown) == np.sign(exact)
    assert abs(exact) <= abs(shown) < abs(exact) + 0.00100001
    assert shown == float(f"{shown:.3f}")


@given(METRES)
def test_published_metres_are_published_as_they_are(metres):
    shown = published(np.array([metres]), "m")
    np.testing.assert_array_equal(published(shown, "m"), shown)
    np.testing.assert_array_equal(rounded_m(shown), shown)


@pytest.mark.parametrize(
    ("unit", "exact", "shown"),
    [
        ("m", [0.0000004, -0.0000004, 0.000001, -0.0000006, 299.9999999, 300.0000001, 300.000001, -12.3456], None),
        ("m", [1.0005, -1.0005, np.nan], [1.001, -1.001, np.nan]),
        ("km2", [1.23456789, 0.0000004, np.nan], [1.234568, 0.0, np.nan]),
        ("m2", [1234.5678, 0.4], [1235.0, 0.0]),
        ("per 100,000", [1.23456789], [1.23456789]),
        (None, [1.23456789], [1.23456789]),
    ],
)
def test_measures_are_published_by_their_unit(unit, exact, shown):
    shown = [0, 0, 0.001, -0.001, 300, 300, 300.001, -12.346] if shown is None else shown
    got = published(np.array(exact), unit)
    np.testing.assert_array_equal(got, shown)
    assert not np.signbit(got[got == 0]).any()
