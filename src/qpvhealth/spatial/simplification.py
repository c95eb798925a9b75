"""Outlines to be drawn, never measured: polygons with fewer corners, within a stated number of metres of the whole ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.spatial.projection import WGS84, groups, transform_geometries

if TYPE_CHECKING:
    import pandas as pd

DEGREE_M = 111_700.0
"""Metres of a degree at most, of longitude or latitude."""


def simplified(neighbourhoods: pd.DataFrame, *, tolerance_m: float, step: float) -> np.ndarray:
    """Return each polygon with fewer corners, in degrees; null stays null.

    ``neighbourhoods``: ``territory`` and ``geometry`` (EPSG:4326). No point of the border, old or new, is farther than ``tolerance_m``
    from the other border once corners are rounded to whole ``step`` of a degree. Raises ValueError where rounding alone exceeds it.
    """
    left_m = tolerance_m - step * DEGREE_M * math.sqrt(0.5)
    if left_m < 0:
        raise ValueError(f"corners rounded to {step} of a degree move by more than {tolerance_m} m")
    shapes = np.asarray(neighbourhoods["geometry"].to_numpy(), dtype=object)
    fewer = np.full(len(shapes), None, dtype=object)
    for (territory,), at in groups(neighbourhoods.reset_index(drop=True), "territory"):
        system = TERRITORIES[territory].epsg
        metres = transform_geometries(shapes[at], WGS84, system)
        fewer[at] = transform_geometries(shapely.simplify(metres, left_m), system, WGS84)
    return fewer
