"""The table of indicators: the headline of every area, year and generation, with numerator, denominator, unknowns, bounds and rule.

Two families: counts of structures (in a QPV, near one, in all) and counts of QPV (how many, without any, of which large, in the
NPNRU, in a ZIP; and their inhabitants), as ``declarations`` declares them. A unit that is unknown is never counted as no: it widens
the bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.facts.categories import CDS, MONO, MSP, PLURI, UNKNOWN
from qpvhealth.indicators import coverage as presence, figures
from qpvhealth.indicators.declarations import NEAR_WORDS, QPV, STRUCTURES
from qpvhealth.rules.proximity import Proximity
from qpvhealth.rules.scopes import HEADLINE
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpvhealth.rules.scopes import Scope


def structures(
    stock: pd.DataFrame, *, near_rule: str, vecu_distance_m: float, scopes: Sequence[Scope] = HEADLINE
) -> pd.DataFrame:
    """Return the indicators that count structures, for every year, generation, level, area and scope.

    ``stock``: one row per structure, year and generation (``in_force`` too), with ``proximity.LOCATION_COLUMNS``, area codes, type and
    modality. Unknown structures: those that could be in the numerator. What is declared, or near, is null where nothing is known of
    any structure outside a QPV.
    """
    declared = [i for i in STRUCTURES if i.in_table]
    cells = figures.Cells(stock, [*figures.Areas.PLACE], Proximity.of(stock))
    areas = figures.Areas(cells.kinds)
    numbers = figures.of_structures(declared, cells, scopes, (near_rule, vecu_distance_m), areas.total)
    near = NEAR_WORDS[near_rule].format(distance=vecu_distance_m)
    words: dict[str, object] = {"near": near, "distance": vecu_distance_m}
    return figures.table(areas.keys, scopes, list(zip(declared, numbers, strict=True)), words)


_KINDS = pd.DataFrame({"structure_type": [MSP, CDS, CDS, CDS], "modality": [PLURI, PLURI, UNKNOWN, MONO]})


def neighbourhoods(coverage: pd.DataFrame) -> pd.DataFrame:
    """Return the indicators that count QPV and their inhabitants, for every year, generation, level, area and scope.

    ``coverage``: one row per QPV, year and generation (``in_force`` too), as ``coverage.cover`` gives them, with ``population``,
    ``zone_class``, ``is_npnru``, ``is_large`` and the area codes. "Without any" is what is surely uncovered; what could be is in the
    upper bound, and ``n_unknown`` counts it.
    """
    areas = figures.Areas(coverage)
    columns = ("n_msp_in", "n_cds_pluri_in", "n_cds_unknown_in", "n_cds_in")
    counts = np.column_stack([coverage[c].to_numpy(dtype=float, na_value=np.nan) for c in columns])
    assessed = ~np.isnan(counts[:, [0, 3]]).any(axis=1)
    counts = np.nan_to_num(counts)
    counts[:, 3] = np.maximum(counts[:, 3] - counts[:, 1] - counts[:, 2], 0)
    free = (coverage["n_undetermined"] == 0).to_numpy(dtype=bool)
    inside = presence.verdicts(HEADLINE, _KINDS, counts, counts, free=free, assessed=assessed)
    near = Tristate.of(coverage["is_covered_near"])
    both_ways = assessed & coverage[["n_msp_near", "n_cds_near"]].notna().all(axis=1).to_numpy()
    parts = []
    for scopes, (covered, told) in (
        (HEADLINE, (inside[0], inside[1] | inside[0].yes)),
        (
            [s for s in HEADLINE if s.name == "msp_cds"],
            (Tristate(near.yes[None, :], near.no[None, :]), both_ways[None, :]),
        ),
    ):
        declared = [i for i in QPV if i.in_table and i.or_near == (scopes is not HEADLINE)]
        numbers = figures.of_qpv(declared, coverage, covered, told, areas.total)
        parts.append(figures.table(areas.keys, scopes, list(zip(declared, numbers, strict=True)), {}))
    return figures.combine(parts)
