"""Structures of some years placed, and joined with the QPV of every generation: inside which, near which, and how each is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import numbers, positions
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.facts.generations import expected_count
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.pipeline import accounting, assembly
from qpvhealth.pipeline.kept import Placed
from qpvhealth.spatial import location, perimeters as perimeter_rules, placement, situations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpvhealth.pipeline.building import Basis
    from qpvhealth.spatial.proximity import Perimeters


class Places:
    """Where structures are, some years after others: what holds for every year is prepared once."""

    def __init__(self, basis: Basis) -> None:
        """Prepare the surroundings of the QPV of each commune, and the perimeters of every generation."""
        self._basis = basis
        surroundings = {placement.QPV_OF_COMMUNE: perimeter_rules.by_commune(basis.prepared)}
        self._outlines = basis.shapes | surroundings
        self._generations = [_Generation(name, basis) for name in basis.by_generation]

    def structures(self, years: Sequence[int]) -> pd.DataFrame:
        """Choose the point of each structure of some years; what only that needs of them is let go."""
        sources, settings = self._basis.sources, self._basis.settings
        extracts, points = zip(*(sources.let_go(year) for year in years), strict=True)
        known = assembly.with_areas(pd.concat(extracts, ignore_index=True), sources.communes)
        places = placement.place(
            known,
            pd.concat(points, ignore_index=True),
            outlines=self._outlines,
            tolerance_m=settings.outline_tolerance_m,
            minimum_score=settings.geocoder_score,
            error_m=settings.location_error_m,
        )
        return assembly.structures_table(known, places, sources.vintages)

    def located(self, structures: pd.DataFrame) -> Placed:
        """Locate structures in every generation: each distinct point is joined once per generation."""
        in_force = assembly.in_force_at(structures, self._basis.in_force)
        told = [generation.located(structures, in_force) for generation in self._generations]
        located, pairs = (pd.concat(parts, ignore_index=True) for parts in zip(*told, strict=True))
        return Placed(structures[_STRUCTURES], located, pairs)


class _Generation:
    """The perimeters of one generation, and the structures located among them."""

    def __init__(self, name: str, basis: Basis) -> None:
        self._name, self._basis = name, basis
        self._perimeters = basis.by_generation[name]
        own = basis.neighbourhoods["generation"] == name
        listed = basis.neighbourhoods.loc[own, "commune_codes"].dropna().str.split(",")
        self._communes = set(listed.explode())
        self._free_areas = situations.free_areas(self._perimeters, basis.shapes, basis.settings.largest_ring_m)

    def located(self, structures: pd.DataFrame, in_force: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Say in which situation each structure is, and by which rule; and which QPV are around it."""
        vecu_distance_m = self._basis.settings.vecu_distance_m
        x, y = (structures[c].to_numpy(dtype=float) for c in ("x", "y"))
        ring_m = self._basis.settings.largest_ring_m
        found = location.locate_all(x, y, structures["territory"], self._perimeters, ring_m)
        answers = assembly.answers(structures, self._basis.sources, self._name, in_force)
        rows = structures[_PLACING].join(found.points).join(answers)
        rows["generation"] = self._name
        rows["has_perimeters"] = rows["territory"].isna() | rows["territory"].isin(list(self._perimeters))
        rows["is_surely_elsewhere"] = self._surely_elsewhere(rows)
        rows = _only_placed(rows)
        verdict = situations.resolve(rows, vecu_distance_m=vecu_distance_m)
        by_place = accounting.places(rows, vecu_distance_m)
        told = rows.drop(columns="qpv_code").join(verdict).assign(situation_by_place=by_place)
        nearest = structures[_DECLARED].join(found.points[["nearest_qpv_code"]])
        return told[_LOCATED], self._pairs(nearest, found.pairs)

    def _surely_elsewhere(self, rows: pd.DataFrame) -> pd.Series:
        settings = self._basis.settings
        reach = settings.largest_ring_m + settings.commune_reach_m
        sure = situations.surely_elsewhere(rows, self._free_areas, self._communes, reach_m=reach)
        empty = {t for t in TERRITORIES if t not in self._perimeters and not expected_count(self._name, t)}
        return sure | rows["territory"].isin(empty)

    def _pairs(self, rows: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
        """Every pair within the largest ring of a point that may decide, and every declared pair whatever its distance."""
        keys = ["finess_et", "year", "qpv_code"]
        columns = [*keys, "distance_m", "is_declared"]
        placed = assembly.placed_rows(rows)
        near = found[placed.to_numpy()[found["point"]]].reset_index(drop=True)
        near = near.join(rows[["finess_et", "year"]].take(near["point"].to_numpy()).reset_index(drop=True))
        declared = self._declared(rows.assign(is_placed=placed)).drop_duplicates(keys)
        of_near, of_declared = numbers(keys, near, declared)
        told = near.assign(is_declared=np.isin(of_near, of_declared))
        beyond = declared[~np.isin(of_declared, of_near)].assign(is_declared=True)
        return assembly.together(told[columns], beyond[columns]).assign(generation=self._name)

    def _declared(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Measure every declared pair. A declaration that names no QPV attaches to the nearest one of its territory."""
        named = assembly.declared_pairs(rows, self._basis.sources, self._name)
        point = rows[["territory", "x", "y", "nearest_qpv_code", "is_placed"]]
        at = positions(["finess_et", "year"], named, rows)
        declared = named.join(point.take(at).reset_index(drop=True))
        declared["qpv_code"] = declared["qpv_code"].fillna(declared["nearest_qpv_code"].where(declared["is_placed"]))
        declared = declared[_same_territory(declared, self._perimeters)]
        x, y = (declared[c].where(declared["is_placed"]).to_numpy(dtype=float) for c in ("x", "y"))
        return declared.assign(distance_m=location.distances(x, y, declared["qpv_code"], self._perimeters))


_PLACING = [
    *("finess_et", "year", "territory", "commune_code", "department_code", "source_says_in_qpv"),
    *("location_status", "location_precision", "location_error_m"),
]
_DECLARED = ["finess_et", "year", "territory", "location_status", "x", "y", "vecu_declared", "vecu_qpv_code"]
_STRUCTURES = [*PUBLISHED["structures"].names, "x", "y"]
_LOCATED = [*PUBLISHED["structure_locations"].names, "is_unlisted", "is_contested"]


def _only_placed(rows: pd.DataFrame) -> pd.DataFrame:
    """Blank the distances of points that cannot decide: a hint must not look like a measure."""
    placed = assembly.placed_rows(rows)
    measured = ["qpv_code", "nearest_qpv_code", "distance_m", "border_distance_m"]
    blanked = rows.assign(**{c: rows[c].where(placed) for c in measured})
    return blanked.assign(n_qpv_inside=rows["n_qpv_inside"].where(placed, 0).fillna(0).astype("int64"))


def _same_territory(declared: pd.DataFrame, perimeters: dict[str, Perimeters]) -> pd.Series:
    """Say which declared pairs name a QPV that has a polygon in the territory of the structure."""
    home = {code: territory for territory, p in perimeters.items() for code in p.codes}
    found = declared["qpv_code"].map(home)
    return found.notna() & (declared["territory"].isna() | (found == declared["territory"]))
