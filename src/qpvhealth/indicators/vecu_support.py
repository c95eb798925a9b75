"""Declarations of quartier vécu held against distance, ARS by ARS: without geometric support, near and not declared, implied distance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.facts.situations import NO, UNKNOWN, YES
from qpvhealth.rules.proximity import Proximity

FAR, NOWHERE, NOT_DECLARED, UNANSWERED = (
    "déclarée, loin",
    "déclarée, sans point",
    "proche, déclarée non",
    "proche, sans réponse",
)


def unsupported(stock: pd.DataFrame, *, near_m: float, far_m: float) -> pd.DataFrame:
    """List structures whose declaration and distance part: declared beyond ``far_m`` or without a point; within ``near_m``, not declared.

    ``stock``: ``proximity.LOCATION_COLUMNS``, ``distance_m`` (metres, null without a usable point), region_code. Only what the
    location decides is listed: surely beyond, surely within. Adds ``case``.
    """
    where = Proximity.of(stock)
    declared, answer = where.declared.yes, stock["vecu_declared"]
    near = where.inside_or_within(near_m).yes & ~where.inside.yes
    cases = np.select(
        [
            declared & where.has_point & where.inside_or_within(far_m).no,
            declared & ~where.has_point,
            near & (answer == NO),
            near & (answer == UNKNOWN),
        ],
        [FAR, NOWHERE, NOT_DECLARED, UNANSWERED],
        "",
    )
    listed: pd.DataFrame = stock.assign(case=cases)[cases != ""]
    return listed.sort_values(["region_code", "case", "distance_m"], ignore_index=True)


def implied_distance(stock: pd.DataFrame) -> pd.DataFrame:
    """Return, by region: how many are declared, how far they are, and the distance within which as many structures stand.

    ``implied_m``: the distance of the n-th nearest structure that is not surely inside, n being the number declared; null where none is
    declared or too few have a point. It says what the declarations amount to; it is no definition of quartier vécu.
    """
    where = Proximity.of(stock)
    outside = stock.assign(is_declared=where.declared.yes)[~where.inside.yes]
    rows: list[dict[str, object]] = []
    for region, part in outside.groupby("region_code"):
        declared = part.loc[part["is_declared"], "distance_m"]
        metres, n = np.sort(part["distance_m"].dropna().to_numpy(dtype=float)), len(declared)
        answers = {"n_declared": YES, "n_no": NO, "n_unanswered": UNKNOWN}
        row: dict[str, object] = {n: int((part["vecu_declared"] == word).sum()) for n, word in answers.items()}
        implied = float(metres[n - 1]) if 0 < n <= len(metres) else None
        far = {"median_m": float(declared.median()), "farthest_m": float(declared.max()), "implied_m": implied}
        rows.append({"region_code": region} | row | far)
    columns = ["region_code", "n_declared", "n_no", "n_unanswered", "median_m", "farthest_m", "implied_m"]
    return pd.DataFrame(rows, columns=columns)
