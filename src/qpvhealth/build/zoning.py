"""Zonings and generations laid over the QPV: the class of each QPV in every edition, and what became of it."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.spatial import fates, overlay

if TYPE_CHECKING:
    from qpvhealth.build.perimeters import Basis


def classes(basis: Basis) -> pd.DataFrame:
    """Overlay every edition on every generation: one row per QPV, generation and edition (``neighbourhood_zoning``).

    QPV-level classes apply only to the generation whose codes they name.
    """
    parts = [pd.DataFrame(columns=PUBLISHED["neighbourhood_zoning"].names)]
    sources = basis.sources
    for edition in sources.editions.to_dict("records"):
        listed = sources.zoning_classes[sources.zoning_classes["edition"] == edition["edition"]]
        composition = sources.zoning_composition[sources.zoning_composition["edition"] == edition["edition"]]
        for generation, rows in basis.neighbourhoods.groupby("generation"):
            own = listed[(listed["level"] != overlay.QPV) | (edition["generation"] == generation)]
            zoned = overlay.zone(rows, own, composition, basis.outlines.get("commune"))
            parts.append(zoned.assign(edition=edition["edition"]))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def fates_between(basis: Basis) -> pd.DataFrame:
    """Read the fates of the QPV between every two generations computed. Raises ContractError where a territory does not add up."""
    polygons = fates.shapes(basis.prepared)
    by_generation = {g: polygons[polygons["generation"] == g] for g in sorted(basis.by_generation)}
    parts = [fates.fates(by_generation[a], by_generation[b]) for a, b in combinations(by_generation, 2)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=fates.COLUMNS)
