"""Outlines of areas made ready once: the territory of each, and its valid shape in the metres of that territory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, REGIONS, TERRITORIES, department_of_commune
from qpvhealth.spatial.projection import groups, transform_geometries

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_REGION_TERRITORY = {code: DEPARTMENT_TERRITORY[members[0]] for code, (_, members) in REGIONS.items()}


def prepare(outlines: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Add to outlines, by level, ``territory`` (from the area code) and ``metres`` (valid, null where the code is of no territory).

    ``outlines``: ``area_code``, ``geometry``, ``crs``. Where an area has two outlines, the first counts.
    """
    prepared = {}
    for level, frame in outlines.items():
        areas = frame.drop_duplicates("area_code", ignore_index=True)
        codes = areas["area_code"].map(department_of_commune) if level == "commune" else areas["area_code"]
        territories = codes.map(_REGION_TERRITORY if level == "region" else DEPARTMENT_TERRITORY).astype("str")
        areas = areas.assign(territory=territories)
        shapes, metres = areas["geometry"].to_numpy(dtype=object), np.full(len(areas), None, dtype=object)
        for (territory, crs), at in groups(areas, "territory", "crs"):
            moved = transform_geometries(shapes[at], crs, TERRITORIES[territory].epsg)
            metres[at] = shapely.make_valid(moved, method="structure", keep_collapsed=False)
        prepared[level] = areas.assign(metres=metres)
    return prepared
