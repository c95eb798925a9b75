"""What new structures would change: QPV gained, people newly covered, and where N of them would cover the most people.

The second is the maximal covering location problem (Church and ReVelle, 1974). A plan always comes out, greedy at the least, with the
bound that nothing can exceed: of a Lagrangian relaxation (Galvao and ReVelle, 1996), then of an integer programme where it is small
enough. Results are simulations and are never added to counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LABEL = "simulation"
EXTRA = "the solver is not installed: it comes with the extra simulate (in a clone: make develop)"
SECONDS = 10.0
"""How long the integer programme is given."""
MOST_SOLVED, MOST_PRODUCTS = 300_000, 5e9
"""Pairs of a site and a QPV given to the solver, products spent on replacing sites."""
TURNS, PASSES = 120, 3
ROUNDING = 1e-6


class Effect(NamedTuple):
    """Coverage before and after. ``gained``: one row per QPV newly covered, with the site that gains it."""

    summary: pd.DataFrame
    gained: pd.DataFrame


class Plan(NamedTuple):
    """The sites chosen (positions), what they gain, what none can exceed, and how many were tried; ``gap`` is (bound - value) / bound."""

    sites: list[int]
    value: float
    bound: float
    n_tried: int

    @property
    def gap(self) -> float:
        """The share of the bound that the plan may miss."""
        return max(0.0, (self.bound - self.value) / self.bound) if self.bound > 0 else 0.0

    @property
    def is_optimal(self) -> bool:
        """Whether nothing can gain more."""
        return self.bound <= self.value


def effect(qpv: pd.DataFrame, served: pd.DataFrame) -> Effect:
    """Measure what sites would add to the coverage of QPV.

    ``qpv``: qpv_code, ``is_covered`` (true, false, null), population. ``served``: site, qpv_code. Only what is surely uncovered can
    be gained; what is unknown stays unknown, and the share is over the rest. People without a known population count as none and
    are told.
    """
    covered = Tristate.of(qpv["is_covered"])
    gains = covered.no & qpv["qpv_code"].isin(served["qpv_code"]).to_numpy()
    first = served.sort_values(["qpv_code", "site"]).drop_duplicates("qpv_code")
    gained = qpv[gains].merge(first, on="qpv_code", validate="one_to_one")
    people = qpv["population"].to_numpy(dtype=float, na_value=np.nan)
    masks = (covered.yes, covered.yes | gains)
    rows = {
        "qpv_total": [len(qpv)] * 2,
        "qpv_covered": [int(mask.sum()) for mask in masks],
        "qpv_unknown": [int(covered.unknown.sum())] * 2,
        "population_covered": [float(np.nansum(people[mask])) for mask in masks],
        "population_unknown": [int(np.isnan(people).sum())] * 2,
    }
    summary = pd.DataFrame({"when": ["avant", "après"], **rows})
    decided = (summary["qpv_total"] - summary["qpv_unknown"]).astype("float64")
    share = summary["qpv_covered"] / decided.where(decided > 0)
    return Effect(summary.assign(share_covered=share, label=LABEL), gained)


def best(site: np.ndarray, qpv: np.ndarray, weight: np.ndarray, n: int) -> Plan:
    """Choose ``n`` sites that serve the most weight, each QPV once, among sites that serve given QPV.

    ``site``, ``qpv``: pairs of positions. ``weight``: inhabitants by QPV, none below 0. Raises UsageError without SciPy (extra
    ``simulate``) or for a number of sites that makes no sense.
    """
    refuse(n)
    serves = matrix(site, qpv, int(site.max(initial=-1)) + 1, len(weight))
    chosen, bound = choose(serves, weight, n, greedy(serves, weight, n))
    value = worth(serves, chosen, weight)
    return Plan(sorted(map(int, chosen)), value, max(value, whole(bound, weight)), serves.shape[0])


def refuse(n: int) -> None:
    """Raise UsageError for a number of structures that makes no sense."""
    if n < 1:
        raise UsageError(f"{n} structures: at least one is needed")


def whole(bound: float, weight: np.ndarray) -> float:
    """Round a bound down where every weight is a whole number: no plan can reach a fraction."""
    return float(np.floor(bound + ROUNDING)) if (weight % 1 == 0).all() else bound


def matrix(site: np.ndarray, qpv: np.ndarray, n_sites: int, n_qpv: int) -> csr_array:
    """Return which site serves which QPV, as ones. Raises UsageError without SciPy."""
    try:
        from scipy import sparse  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise UsageError(EXTRA) from error
    pairs = sparse.csr_array((np.ones(len(site)), (site, qpv)), shape=(n_sites, n_qpv))
    pairs.data[:] = 1.0
    return pairs


def worth(serves: csr_array, chosen: np.ndarray, weight: np.ndarray) -> float:
    """Sum the weight of the QPV that chosen sites serve, each once."""
    return float(weight[np.unique(serves[chosen].indices)].sum())


def greedy(serves: csr_array, weight: np.ndarray, n: int) -> np.ndarray:
    """Choose sites one by one, each the one that adds most, then replace each by a better one while there is any."""
    chosen: list[int] = []
    left = weight.copy()
    while len(chosen) < min(n, serves.shape[0]):
        gains = serves @ left
        if not gains.max(initial=0.0) > 0:
            break
        chosen.append(int(gains.argmax()))
        left[serves.indices[serves.indptr[chosen[-1]] : serves.indptr[chosen[-1] + 1]]] = 0.0
    passes = min(PASSES, int(MOST_PRODUCTS / (1 + serves.nnz * len(chosen))))
    n_serving = np.bincount(serves[chosen].indices, minlength=len(weight)) if chosen else np.zeros(len(weight))
    for k in [*range(len(chosen))] * passes:
        own = serves.indices[serves.indptr[chosen[k]] : serves.indptr[chosen[k] + 1]]
        n_serving[own] -= 1
        gains = serves @ np.where(n_serving == 0, weight, 0.0)
        if gains.max() > gains[chosen[k]]:
            chosen[k] = int(gains.argmax())
            own = serves.indices[serves.indptr[chosen[k]] : serves.indptr[chosen[k] + 1]]
        n_serving[own] += 1
    return np.array(chosen, dtype=int)


def relaxed(
    serves: csr_array, weight: np.ndarray, n: int, value: float, prices: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Bound every plan by prices of the QPV: what is not paid of their weight, and the ``n`` sites whose QPV pay most.

    Prices move against the subgradient from ``prices``. Returns the lowest bound, its prices, and the sites that could be in a plan of more
    than ``value``: with any other in the place of the last of the ``n``, the bound is no more.
    """
    k = min(n, serves.shape[0])
    lowest, best_prices, useful, pace = float(weight.sum()), prices, np.ones(serves.shape[0], dtype=bool), 1.0
    columns = serves.T.tocsr()
    for turn in range(TURNS):
        pays = serves @ prices
        top = np.argpartition(pays, len(pays) - k)[len(pays) - k :] if k else np.array([], dtype=int)
        bound = float((weight - prices).sum() + pays[top].sum())
        if k and k < len(pays):
            useful &= pays - pays[top].min() + bound > value
        if bound < lowest:
            lowest, best_prices = bound, prices
        elif turn % 5 == 4:  # noqa: PLR2004 -- every fifth turn without progress
            pace /= 2
        is_top = np.zeros(len(pays))
        is_top[top] = 1.0
        slope = columns @ is_top - (weight > prices)
        if whole(lowest, weight) <= value or not slope.any():
            break
        prices = np.clip(prices - pace * (bound - value) / (slope @ slope) * slope, 0.0, weight)
    return lowest, best_prices, useful


def choose(serves: csr_array, weight: np.ndarray, n: int, greedy: np.ndarray) -> tuple[np.ndarray, float]:
    """Choose the best of given sites, and bound every choice: by prices, then exactly where few enough sites could be in a better one."""
    value = worth(serves, greedy, weight)
    bound, _, useful = relaxed(serves, weight, n, value, weight / 2)
    useful[greedy] = True
    rows = np.flatnonzero(useful)
    if whole(bound, weight) <= value or serves[rows].nnz > MOST_SOLVED:
        return greedy, bound
    solved, exact = _solved(serves[rows], weight, n)
    bound = min(bound, max(value, exact))
    return (rows[solved], bound) if worth(serves, rows[solved], weight) > value else (greedy, bound)


def _solved(serves: csr_array, weight: np.ndarray, n: int) -> tuple[np.ndarray, float]:
    """Maximise the sum of weight y, y ≤ the sum of x that serve it, the sum of x ≤ n, x binary, y in [0, 1]; no site without an answer."""
    from scipy import optimize, sparse  # noqa: PLC0415 -- an extra

    n_sites, n_qpv = serves.shape
    cover = sparse.hstack([-serves.T, sparse.eye_array(n_qpv)], format="csr")
    budget = sparse.csr_array(np.concatenate([np.ones(n_sites), np.zeros(n_qpv)])[None, :])
    answer = optimize.milp(
        np.concatenate([np.zeros(n_sites), -weight]),
        constraints=[optimize.LinearConstraint(cover, -np.inf, 0), optimize.LinearConstraint(budget, 0, n)],
        integrality=np.concatenate([np.ones(n_sites), np.zeros(n_qpv)]),
        bounds=optimize.Bounds(0, 1),
        options={"time_limit": SECONDS, "mip_rel_gap": 0.0},
    )
    x = np.zeros(n_sites) if answer.x is None else answer.x[:n_sites]
    bound = np.inf if answer.mip_dual_bound is None else -answer.mip_dual_bound
    return np.flatnonzero(np.round(x)), float(bound)
