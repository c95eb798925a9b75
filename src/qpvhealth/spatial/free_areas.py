"""Areas far from every QPV: what is inside one of them is inside no QPV and near none."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import shapely

from qpvhealth.contract.precision import MARGIN_M, rounded_m

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from qpvhealth.spatial.proximity import Perimeters

LEVELS = ("commune", "department")


def free_areas(
    perimeters: Mapping[str, Perimeters], outlines: Mapping[str, pd.DataFrame], ring_m: float
) -> Callable[[str], dict[str, dict[str, bool]] | None]:
    """Give, by territory, whether the outline of an area is farther than ``ring_m`` from every QPV: by level, then area code.

    Null for a territory without any polygon. Each territory is measured once, when it is first asked for.
    """

    @cache
    def of_territory(territory: str) -> dict[str, dict[str, bool]] | None:
        """Measure the outlines of one territory."""
        if territory not in perimeters or not len(perimeters[territory].polygons):
            return None
        tree = shapely.STRtree(perimeters[territory].polygons)
        areas: dict[str, dict[str, bool]] = {}
        for level in (level for level in LEVELS if level in outlines):
            shapes = outlines[level][outlines[level]["territory"] == territory]
            metres = shapes["metres"].to_numpy(dtype=object)
            area, qpv = tree.query(metres, predicate="dwithin", distance=ring_m + MARGIN_M)
            distance = rounded_m(shapely.distance(metres[area], perimeters[territory].polygons[qpv]))
            free = np.ones(len(shapes), dtype=bool)
            free[area[distance <= ring_m]] = False
            areas[level] = dict(zip(shapes["area_code"], free.tolist(), strict=True))
        return areas

    return of_territory
