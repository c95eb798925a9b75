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

    ``outlines``: ``area_code``, ``geometry``, ``crs``. Of an area given twice the first outline is kept.
    """
    return {
        level: _prepared(frame.drop_duplicates("area_code", ignore_index=True), level)
        for level, frame in outlines.items()
    }


def _prepared(frame: pd.DataFrame, level: str) -> pd.DataFrame:
    codes = frame["area_code"].map(department_of_commune) if level == "commune" else frame["area_code"]
    known = _REGION_TERRITORY if level == "region" else DEPARTMENT_TERRITORY
    placed = frame.assign(territory=codes.map(known).astype("str"))
    return placed.assign(metres=_metres(placed))


def _metres(frame: pd.DataFrame) -> np.ndarray:
    out = np.full(len(frame), None, dtype=object)
    given = frame["geometry"].to_numpy(dtype=object)
    for (territory, crs), at in groups(frame, "territory", "crs"):
        moved = transform_geometries(given[at], crs, TERRITORIES[territory].epsg)
        out[at] = shapely.make_valid(moved, method="structure", keep_collapsed=False)
    return out
