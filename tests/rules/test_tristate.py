from itertools import product

import numpy as np
import pandas as pd
import pytest

from qpvhealth.rules.tristate import Tristate

VALUES = [True, None, False]


def of(values):
    return Tristate.of(pd.Series(values, dtype="boolean"))


def read(state):
    return [None if pd.isna(v) else bool(v) for v in state.nullable()]


def kleene(a, b):
    """Conjoin two values by the table of Kleene: false wins, then unknown."""
    return False if False in (a, b) else None if None in (a, b) else True


def negated(value):
    return None if value is None else not value


def test_the_tables_are_those_of_kleene():
    pairs = list(product(VALUES, VALUES))
    left, right = (of(side) for side in zip(*pairs, strict=True))
    assert read(left & right) == [kleene(a, b) for a, b in pairs]
    assert read(left | right) == [negated(kleene(negated(a), negated(b))) for a, b in pairs]
    assert read(~left) == [negated(a) for a, _ in pairs]


def test_what_is_summed_lies_between_the_sure_and_the_possible():
    state = of(VALUES)
    assert (int(state.yes.sum()), int(state.possible.sum())) == (1, 2)
    assert (state.unknown.tolist(), state.decided.tolist()) == ([False, True, False], [True, False, True])


def test_a_mask_is_decided_everywhere_and_chooses_between_two():
    exact = Tristate.exact(np.array([True, False]))
    assert read(exact) == [True, False]
    assert read(exact.where(np.array([True, False]), of([None, None]))) == [True, None]
    assert read(exact.take(np.array([1, 0, 1]))) == [False, True, False]


@pytest.mark.parametrize("kind", ["boolean", "object"])
def test_null_is_unknown_in_any_column(kind):
    assert read(Tristate.of(pd.Series([True, None], dtype=kind))) == [True, None]
