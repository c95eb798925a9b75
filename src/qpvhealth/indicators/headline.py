"""The table of indicators: the headline of every area, year and generation, with numerator, denominator, unknowns, bounds and rule.

Two families: counts of structures (in a QPV, near one, in all) and counts of QPV (how many, without any, of which large, in the
NPNRU, in a ZIP; and their inhabitants), as ``declarations`` declares them. A unit that is unknown is never counted as no: it widens
the bounds.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.facts.categories import CDS, MONO, MSP, PLURI, UNKNOWN
from qpvhealth.indicators import coverage as presence, figures, unplaced
from qpvhealth.indicators.counts import distinct
from qpvhealth.indicators.coverage import Verdicts
from qpvhealth.indicators.declarations import NEAR_WORDS, QPV, STRUCTURES
from qpvhealth.rules.proximity import Proximity
from qpvhealth.rules.scopes import HEADLINE
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpvhealth.rules.scopes import Scope

BOTH = "msp_cds"
"""The scope of both types, in which what stands near counts too."""


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
    members = [scope.members(cells.kinds) for scope in scopes]
    numbers = figures.of_structures(declared, cells, members, (near_rule, vecu_distance_m), areas.total)
    near = NEAR_WORDS[near_rule].format(distance=vecu_distance_m)
    words: dict[str, object] = {"near": near, "distance": vecu_distance_m}
    return figures.table(areas.keys, scopes, list(zip(declared, numbers, strict=True)), words)


_KINDS = pd.DataFrame({"structure_type": [MSP, CDS, CDS, CDS], "modality": [PLURI, PLURI, UNKNOWN, MONO]})


def neighbourhoods(coverage: pd.DataFrame, stock: pd.DataFrame) -> pd.DataFrame:
    """Return the indicators that count QPV and their inhabitants, for every year, generation, level, area and scope.

    ``coverage``: one row per QPV, year and generation (``in_force`` too), as ``coverage.cover`` gives them, with ``commune_codes``,
    ``population``, ``zone_class``, ``is_npnru``, ``is_large`` and the area codes. ``stock``: one row per structure, year and generation
    (``in_force`` too), with what ``readings.with_second_places`` adds. "Without any" counts the QPV in which no structure was seen;
    structures without a place can lower it by as many QPV as there are of them, and ``n_unknown`` counts the QPV that they concern.
    """
    areas = figures.Areas(coverage)
    inside, around_it = verdicts(coverage)
    of_both = [s for s in HEADLINE if s.name == BOTH]
    kinds = distinct(stock, ["structure_type", "modality"])[0]
    parts = []
    for scopes, seen in ((HEADLINE, inside), (of_both, around_it)):
        lost = unplaced.of_stock(coverage, stock, or_near=scopes is not HEADLINE)
        reachable = partial(
            lost.reachable, members=np.array([s.members(kinds).possible for s in scopes]), areas=areas.of_rows
        )
        declared = [i for i in QPV if i.in_table and i.or_near == (scopes is not HEADLINE)]
        numbers = figures.of_qpv(declared, coverage, seen, areas.total, reachable)
        parts.append(figures.table(areas.keys, scopes, list(zip(declared, numbers, strict=True)), {}))
    return figures.combine(parts)


def verdicts(coverage: pd.DataFrame) -> tuple[Verdicts, Verdicts]:
    """Say of each QPV whether a structure stands in it, in each headline scope (scopes, QPV), and in it or near, in that of both types.

    ``coverage``: one row per QPV, with the columns of ``coverage.cover``, ``n_cds_unknown_in`` included.
    """
    columns = ("n_msp_in", "n_cds_pluri_in", "n_cds_unknown_in", "n_cds_in")
    counts = np.column_stack([coverage[c].to_numpy(dtype=float, na_value=np.nan) for c in columns])
    assessed = ~np.isnan(counts[:, [0, 3]]).any(axis=1)
    counts = np.nan_to_num(counts).astype("int64")
    counts[:, 3] = np.maximum(counts[:, 3] - counts[:, 1] - counts[:, 2], 0)
    free = (coverage["n_undetermined"] == 0).to_numpy(dtype=bool)
    inside = presence.verdicts(
        HEADLINE, [scope.members(_KINDS) for scope in HEADLINE], counts, counts, free=free, assessed=assessed
    )
    near = Tristate.of(coverage["is_covered_near"])
    around = coverage[["n_msp_near", "n_cds_near"]]
    both_ways = assessed & around.notna().all(axis=1).to_numpy()
    none_near = both_ways & ~near.yes & (counts.sum(axis=1) == 0) & (around.sum(axis=1) == 0).to_numpy(dtype=bool)
    return (
        inside._replace(can_tell=inside.can_tell | inside.covered.yes),
        Verdicts(Tristate(near.yes[None, :], near.no[None, :]), none_near[None, :], both_ways[None, :]),
    )
