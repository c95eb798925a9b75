"""What new structures would change: QPV gained, people newly covered, and where N of them would cover the most people.

The second is the maximal covering location problem (Church and ReVelle, 1974), solved as an integer programme: the answer comes
with the bound that the solver has proven. Results are simulations and are never added to counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    from collections.abc import Collection

LABEL = "simulation"
EXTRA = "the solver is not installed: it comes with the extra simulate (in a clone: make develop)"
SECONDS = 60.0


class Effect(NamedTuple):
    """Coverage before and after. ``gained``: one row per QPV newly covered, with the site that gains it."""

    summary: pd.DataFrame
    gained: pd.DataFrame


class Plan(NamedTuple):
    """The sites chosen, what they gain, and how good that is proven to be: ``gap`` is (bound - value) / bound, 0 when optimal."""

    sites: list[int]
    value: float
    bound: float
    gap: float
    is_optimal: bool


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


def best(served: pd.DataFrame, demand: pd.Series, n: int, *, existing: Collection[int] = ()) -> Plan:
    """Choose ``n`` sites that serve the most demand, each QPV once.

    ``served``: site, qpv_code. ``demand``: inhabitants by qpv_code of the uncovered QPV. ``existing`` sites are taken whatever they
    serve. Raises UsageError without the solver (extra ``simulate``) or for a number of sites that makes no sense.
    """
    rows = served[served["qpv_code"].isin(demand.index)]
    sites, qpv = np.unique(rows["site"].to_numpy()), demand.index.to_numpy()
    if n < 1:
        raise UsageError(f"{n} structures: at least one is needed")
    if not len(sites):
        return Plan([], 0.0, 0.0, 0.0, is_optimal=True)
    at_site = np.searchsorted(sites, rows["site"].to_numpy())
    at_qpv = pd.Index(qpv).get_indexer(rows["qpv_code"])
    fixed = np.isin(sites, list(existing))
    weight = demand.to_numpy(dtype=float)
    x, bound, optimal = _solved(at_site, at_qpv, weight, len(sites), min(n, len(sites)), fixed)
    reached = np.unique(at_qpv[x[at_site]])
    value = float(weight[reached].sum())
    gap = max(0.0, (bound - value) / bound) if bound > 0 else 0.0
    return Plan([int(s) for s in sites[x]], value, max(bound, value), gap, is_optimal=optimal)


def _solved(  # noqa: PLR0917 - the arrays of one programme
    at_site: np.ndarray, at_qpv: np.ndarray, weight: np.ndarray, n_sites: int, n: int, fixed: np.ndarray
) -> tuple[np.ndarray, float, bool]:
    """Maximise the sum of weight y, y ≤ the sum of x that serve it, the sum of x ≤ n, x binary, y in [0, 1]."""
    try:
        from scipy import optimize, sparse  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError(EXTRA) from error
    n_qpv = len(weight)
    serves = sparse.coo_array((np.ones(len(at_site)), (at_qpv, at_site)), shape=(n_qpv, n_sites))
    cover = sparse.hstack([-serves, sparse.eye_array(n_qpv)], format="csr")
    budget = sparse.csr_array(np.concatenate([np.ones(n_sites), np.zeros(n_qpv)])[None, :])
    limits = [optimize.LinearConstraint(cover, -np.inf, 0), optimize.LinearConstraint(budget, 0, n + int(fixed.sum()))]
    low = np.concatenate([fixed.astype(float), np.zeros(n_qpv)])
    answer = optimize.milp(
        np.concatenate([np.zeros(n_sites), -weight]),
        constraints=limits,
        integrality=np.concatenate([np.ones(n_sites), np.zeros(n_qpv)]),
        bounds=optimize.Bounds(low, 1),
        options={"time_limit": SECONDS, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        raise UsageError(f"the solver gave no answer: {answer.message}")
    bound = -answer.mip_dual_bound if answer.mip_dual_bound is not None else -answer.fun
    return np.round(answer.x[:n_sites]).astype(bool), float(bound), answer.status == 0
