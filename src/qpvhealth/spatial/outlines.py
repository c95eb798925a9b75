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

    ``outlines``: ``area_code``, ``geometry``, ``crs``, and ``code_as_written`` where codes were carried: the outlines of communes that
    merged are put together. Where an area has two outlines of its own, the first counts.
    """
    prepared = {}
    for level, frame in outlines.items():
        whole = [c for c in ("area_code", "code_as_written") if c in frame]
        areas = frame.drop_duplicates(whole, ignore_index=True)
        codes = areas["area_code"].map(department_of_commune) if level == "commune" else areas["area_code"]
        territories = codes.map(_REGION_TERRITORY if level == "region" else DEPARTMENT_TERRITORY).astype("str")
        areas = areas.assign(territory=territories)
        shapes, metres = areas["geometry"].to_numpy(dtype=object), np.full(len(areas), None, dtype=object)
        for (territory, crs), at in groups(areas, "territory", "crs"):
            moved = transform_geometries(shapes[at], crs, TERRITORIES[territory].epsg)
            metres[at] = shapely.make_valid(moved, method="structure", keep_collapsed=False)
        prepared[level] = _united(areas.assign(metres=metres))
    return prepared


def _united(areas: pd.DataFrame) -> pd.DataFrame:
    """Put the outlines of one area together, in the row of the first."""
    several = areas[areas["area_code"].duplicated(keep=False) & areas["metres"].notna()]
    union = several.groupby("area_code")["metres"].agg(lambda shapes: shapely.union_all(shapes.to_numpy(dtype=object)))
    first = areas.drop_duplicates("area_code", ignore_index=True)
    return first.assign(
        metres=first["area_code"].map(union).where(first["area_code"].isin(union.index), first["metres"])
    )
