"""Declarations of quartier vécu held against distance, ARS by ARS: without geometric support, near and not declared, implied distance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.facts.situations import IN_QPV, NO, UNKNOWN, VECU_DECLARED, YES

FAR, NOWHERE, NOT_DECLARED, UNANSWERED = (
    "déclarée, loin",
    "déclarée, sans point",
    "proche, déclarée non",
    "proche, sans réponse",
)


def unsupported(stock: pd.DataFrame, *, near_m: float, far_m: float) -> pd.DataFrame:
    """List structures whose declaration and distance part: declared beyond ``far_m`` or without a point; within ``near_m``, not declared.

    ``stock``: situation, vecu_declared, distance_m (metres, null without a usable point), region_code. Adds ``case``.
    """
    outside = stock["situation"] != IN_QPV
    declared, metres = stock["situation"] == VECU_DECLARED, stock["distance_m"]
    near = outside & (metres <= near_m)
    cases = np.select(
        [
            declared & (metres > far_m),
            declared & metres.isna(),
            near & (stock["vecu_declared"] == NO),
            near & (stock["vecu_declared"] == UNKNOWN),
        ],
        [FAR, NOWHERE, NOT_DECLARED, UNANSWERED],
        "",
    )
    found: pd.DataFrame = stock.assign(case=cases)[cases != ""]
    return found.sort_values(["region_code", "case", "distance_m"], ignore_index=True)


def implied_distance(stock: pd.DataFrame) -> pd.DataFrame:
    """Return, by region: how many are declared, how far they are, and the distance within which as many structures stand.

    ``implied_m``: the distance of the n-th nearest outside structure, n being the number declared; null where none is declared or too
    few have a point. It says what the declarations amount to; it is no definition of quartier vécu.
    """
    outside = stock[stock["situation"] != IN_QPV]
    rows = [{"region_code": region} | _of_region(part) for region, part in outside.groupby("region_code")]
    columns = ["region_code", "n_declared", "n_no", "n_unanswered", "median_m", "farthest_m", "implied_m"]
    return pd.DataFrame(rows, columns=columns)


def _of_region(part: pd.DataFrame) -> dict[str, object]:
    declared = part[part["situation"] == VECU_DECLARED]
    metres = np.sort(part["distance_m"].dropna().to_numpy(dtype=float))
    n = len(declared)
    return {
        "n_declared": int((part["vecu_declared"] == YES).sum()),
        "n_no": int((part["vecu_declared"] == NO).sum()),
        "n_unanswered": int((part["vecu_declared"] == UNKNOWN).sum()),
        "median_m": float(declared["distance_m"].median()),
        "farthest_m": float(declared["distance_m"].max()),
        "implied_m": float(metres[n - 1]) if 0 < n <= len(metres) else None,
    }
