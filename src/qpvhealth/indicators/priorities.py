"""Which uncovered QPV come first, from declared criteria and weights: contributions, stability of the rank, what is unknown.

Each criterion is put between 0 and 1: a class or a list as it is, a quantity by its rank among the QPV ranked (ties share the mean
rank), so that no cap or scale is chosen. The score is the weighted mean of the criteria that are known. The weights are a choice of
this project, to be changed by whoever decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.facts.zonings import ZAC, ZIP

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

HALF = 0.5


@dataclass(frozen=True)
class Criterion:
    """One criterion: the column that holds it, its weight, and whether more of it means more need. ``ranked``: a quantity."""

    name: str
    weight: float
    more_is_need: bool = True
    ranked: bool = True


CRITERIA: dict[str, Criterion] = {
    c.name: c
    for c in (
        Criterion("zip", 2.0, ranked=False),
        Criterion("npnru", 1.0, ranked=False),
        Criterion("population", 2.0),
        Criterion("nearest_msp_m", 1.0),
        Criterion("nearest_cds_m", 1.0),
        Criterion("poverty_rate", 1.0),
        Criterion("share_60_plus", 0.5),
        Criterion("gp_density", 1.0, more_is_need=False),
        Criterion("gp_share_over_55", 0.5),
    )
}
MOVES = (0.0, 0.5, 1.5)
"""What each weight is multiplied by, one at a time, to see whether a rank holds."""
TOP_SHARE = 0.1


def rank(qpv: pd.DataFrame, weights: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Rank QPV: the same rows, by rank, with ``score`` and its bounds, contributions, stability and unknowns.

    ``qpv``: one row per uncovered QPV with the columns of ``criteria_of``. Criteria that no QPV has are left out. ``score_lower`` and
    ``score_upper``: the unknown criteria at 0 and at 1. ``rank_best``, ``rank_worst``: over the moves of the weights;
    ``share_in_top``: of the moves that keep it in the first tenth. Ties: more inhabitants, then the smallest code.
    """
    chosen = {n: float(weights.get(n, 0)) if weights else c.weight for n, c in CRITERIA.items()}
    used = [n for n, w in chosen.items() if w > 0 and n in qpv.columns and qpv[n].notna().any()]
    frame = qpv.sort_values(["population", "qpv_code"], ascending=[False, True], ignore_index=True)
    need = np.column_stack([_need(frame[n], CRITERIA[n]) for n in used]) if used else np.zeros((len(frame), 0))
    weight = np.array([chosen[n] for n in used])
    moved = [np.where(np.arange(len(weight)) == k, weight * m, weight) for k in range(len(weight)) for m in MOVES]
    scenarios = np.array([weight, *(m for m in moved if m.sum() > 0)])
    lacks, filled = np.isnan(need), np.nan_to_num(need)
    over = (~lacks).astype(float) @ scenarios.T
    score = (filled @ weight[None, :].T / np.where(over[:, :1] > 0, over[:, :1], 1.0))[:, 0]
    ranks = _ranks(filled @ scenarios.T / np.where(over > 0, over, 1.0))
    low, missing = (part @ weight / (weight.sum() or 1.0) for part in (filled, lacks))
    top = max(1, round(TOP_SHARE * len(frame)))
    columns = {
        "score_lower": low,
        "score_upper": low + missing,
        "score": score,
        "rank": _ranks(score[:, None])[:, 0],
        "rank_best": ranks.min(axis=1),
        "rank_worst": ranks.max(axis=1),
        "share_in_top": (ranks <= top).mean(axis=1),
    }
    unknown = [", ".join(n for n, lack in zip(used, row, strict=True) if lack) for row in lacks]
    parts = need * weight / np.where(over[:, :1] > 0, over[:, :1], 1.0)
    columns |= {f"contribution_{n}": parts[:, k] for k, n in enumerate(used)}
    return frame.assign(unknown=unknown, **columns).sort_values("rank", ignore_index=True)


def criteria_of(coverage: pd.DataFrame, figures: pd.DataFrame, practitioners: pd.DataFrame) -> pd.DataFrame:
    """Give QPV their criteria; null where nothing is known, never filled.

    ``coverage``: rows of one year. ``figures``: qpv_code, generation, figure, value. ``practitioners``: qpv_code, ``gp_density``,
    ``gp_share_over_55`` (may be empty).
    """
    zone = coverage["zone_class"]
    out = coverage.assign(
        zip=zone.map({ZIP: 1.0, ZAC: HALF}).fillna(0.0).where(zone.notna()),
        npnru=coverage["is_npnru"].astype("Float64").astype("float64"),
    )
    wide = figures.pivot_table(index=["qpv_code", "generation"], columns="figure", values="value").reset_index()
    out = out.merge(wide, on=["qpv_code", "generation"], how="left", validate="one_to_one")
    out = out.merge(practitioners, on="qpv_code", how="left", validate="many_to_one")
    return out.reindex(columns=[*out.columns, *(n for n in CRITERIA if n not in out.columns)])


def _need(values: pd.Series, criterion: Criterion) -> np.ndarray:
    """Put a criterion between 0 (no need) and 1."""
    need = values.astype("float64")
    if criterion.ranked:
        n = need.notna().sum()
        need = (need.rank(method="average") - 1) / (n - 1) if n > 1 else need.where(need.isna(), HALF)
    return np.asarray(need if criterion.more_is_need else 1 - need, dtype=float)


def _ranks(scores: np.ndarray) -> np.ndarray:
    """Rank each column, 1 the highest score; equal scores in the order of the rows."""
    order = np.argsort(-np.round(scores, 12), axis=0, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(scores) + 1)[:, None], axis=0)
    return ranks
