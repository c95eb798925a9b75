"""Simulation: effects by hand; the best sites against every choice there is."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from qpvhealth.errors import UsageError
from qpvhealth.indicators import simulation


def qpv():
    frame = pd.DataFrame({"qpv_code": ["A", "B", "C", "D"], "population": [1000.0, 500.0, None, 200.0]})
    return frame.assign(is_covered=pd.array([True, False, False, None], dtype="boolean"))


def served(*pairs):
    return pd.DataFrame(list(pairs), columns=["site", "qpv_code"])


def test_effect():
    summary, gained = simulation.effect(qpv(), served((0, "A"), (0, "B"), (1, "B"), (1, "C"), (1, "D")))
    assert summary["qpv_covered"].tolist() == [1, 3]
    assert summary["population_covered"].tolist() == [1000, 1500]
    assert summary["population_unknown"].tolist() == [1, 1]
    assert summary["share_covered"].tolist() == [1 / 3, 1]  # of the three whose coverage is known
    assert gained.set_index("qpv_code")["site"].to_dict() == {"B": 0, "C": 1}  # D is unknown and stays so
    assert set(summary["label"]) == {simulation.LABEL}


def test_nothing_served_changes_nothing():
    summary, gained = simulation.effect(qpv(), served())
    assert summary["qpv_covered"].tolist() == [1, 1]
    assert gained.empty


def test_one_qpv_whose_coverage_is_known_has_a_share():
    summary, _ = simulation.effect(qpv().iloc[[1, 3]], served((0, "B")))
    assert summary["share_covered"].tolist() == [0, 1]


def best(rows, demand, n):
    """Choose among sites that serve QPV by their letters."""
    site, letters = zip(*rows, strict=True) if rows else ((), ())
    at = [list(demand).index(letter) for letter in letters]
    return simulation.best(np.array(site, dtype=int), np.array(at, dtype=int), np.array(list(demand.values())), n)


def test_without_the_solver_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scipy", None)
    with pytest.raises(UsageError, match="simulate"):
        best([(0, "A")], {"A": 1.0}, 1)


def test_without_an_answer_of_the_solver_the_plan_is_greedy_and_has_a_gap(monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.setattr(simulation, "_solved", lambda *_: (np.array([], dtype=int), np.inf))
    triangle = [(0, "A"), (0, "B"), (1, "B"), (1, "C"), (2, "A"), (2, "C")]
    plan = best(triangle, {"A": 2.5, "B": 2.5, "C": 2.5}, 1)
    assert plan.value == 5
    assert 5 <= plan.bound <= 7.5
    assert plan.gap == pytest.approx(1 - 5 / plan.bound)
    assert plan.is_optimal == (plan.bound == 5)
    assert simulation.Plan([0], 15.0, 20.0, 1).gap == 0.25


def test_a_greedy_choice_is_not_the_best():
    pytest.importorskip("scipy")
    rows = [(0, "A"), (0, "B"), (0, "C"), (0, "D"), (1, "A"), (1, "B"), (1, "E"), (2, "C"), (2, "D"), (2, "F")]
    plan = best(rows, {"A": 2.0, "B": 2.0, "C": 2.0, "D": 2.0, "E": 1.0, "F": 1.0}, 2)
    assert (plan.sites, plan.value, plan.gap, plan.is_optimal) == ([1, 2], 10.0, 0.0, True)


def test_limits():
    pytest.importorskip("scipy")
    assert best([], {"A": 5.0}, 2) == ([], 0, 0, 0)
    assert best([(3, "A")], {"A": 5.0}, 9).sites == [3]
    with pytest.raises(UsageError, match="at least one"):
        best([(3, "A")], {"A": 5.0}, 0)


@given(
    pairs=st.sets(st.tuples(st.integers(0, 6), st.sampled_from("ABCDEFG")), min_size=1),
    weights=st.lists(st.integers(0, 50), min_size=7, max_size=7),
    n=st.integers(1, 4),
)
@settings(max_examples=60, deadline=None)
def test_best_is_the_best_of_every_choice(pairs, weights, n):
    pytest.importorskip("scipy")
    demand = dict(zip("ABCDEFG", map(float, weights), strict=True))
    plan = best(sorted(pairs), demand, n)
    sites = sorted({s for s, _ in pairs})
    reached = [{q for s, q in pairs if s in chosen} for chosen in combinations(sites, min(n, len(sites)))]
    assert plan.value == max(sum(demand[q] for q in qs) for qs in reached)
    assert plan.is_optimal
    assert plan.gap == 0
    assert len(plan.sites) <= n
