"""Structures placed, and joined with the QPV of every generation: inside which, near which, and in which situation by which rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.build import assembly
from qpvhealth.contract.keys import among, numbers, positions
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.facts.generations import expected_count
from qpvhealth.facts.situations import CENTROID, CONTRADICTORY, MISSING
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.indicators import situations, unplaced
from qpvhealth.ingest.kinds import structures as structure_files
from qpvhealth.rules.proximity import Proximity
from qpvhealth.spatial import declared, location, perimeters as perimeter_rules, placement
from qpvhealth.spatial.free_areas import free_areas

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qpvhealth.build.perimeters import Basis


class Placed(NamedTuple):
    """Structures of every year, where they are in every generation, and the QPV around them.

    ``structures``: one row per structure and year. ``located``: one row per structure, year and generation. ``pairs``: one row per
    structure, year, generation and QPV around it.
    """

    structures: pd.DataFrame
    located: pd.DataFrame
    pairs: pd.DataFrame


def structures(basis: Basis) -> pd.DataFrame:
    """Choose the point of each structure of every year, and say where it lies if elsewhere than declared: a row per structure and year."""
    points = [offered.assign(year=year) for year, offered in basis.sources.points.items()]
    placed = _with_points(basis.sources.structures.values(), pd.concat(points, ignore_index=True), basis)
    return placed.assign(other_area_code=_other_areas(placed, placed, basis))


def _other_areas(rows: pd.DataFrame, references: pd.DataFrame, basis: Basis) -> pd.Series:
    """Return where points lie that cannot be in the commune or département declared, by lists alone; see ``declared.other_areas``."""
    quarters, outlines = perimeter_rules.by_commune(basis.prepared), basis.outlines
    outlined = set(outlines["department"]["area_code"]) if "department" in outlines else set()
    return declared.other_areas(rows, references, quarters, reach_m=basis.settings.commune_reach_m, outlined=outlined)


def misread_minutes(structures: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """Return the départements of each year whose points are degrees and minutes; see ``declared.misread_minutes``."""
    return declared.misread_minutes(structures, perimeter_rules.by_commune(basis.prepared))


def unread(placed: Placed, basis: Basis) -> Placed:
    """Place each row that could not be read and may be a structure; in the columns of ``placed``, which holds those that were."""
    rows = pd.concat(basis.sources.unread.values(), ignore_index=True)
    if rows.empty:
        return Placed(*(frame.iloc[:0] for frame in placed))
    points = structure_files.points(rows).assign(rank=0, commune_found=None, year=rows["year"])
    unplaced = _with_points([rows], points, basis)
    return located(unplaced.assign(other_area_code=_other_areas(unplaced, placed.structures, basis)), basis)


def _with_points(extracts: Iterable[pd.DataFrame], points: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    sources, settings = basis.sources, basis.settings
    listed = assembly.with_areas(pd.concat(extracts, ignore_index=True), sources.communes)
    places = placement.place(
        listed,
        points,
        outlines=basis.outlines | {placement.QPV_OF_COMMUNE: perimeter_rules.by_commune(basis.prepared)},
        tolerance_m=settings.outline_tolerance_m,
        minimum_score=settings.geocoder_score,
        error_m=settings.location_error_m,
    )
    return assembly.structures_table(listed, places, sources.vintages)


def located(structures: pd.DataFrame, basis: Basis) -> Placed:
    """Locate structures in every generation: each distinct point is joined once per generation."""
    in_force = assembly.in_force_at(structures, basis.in_force)
    parts = [_in_generation(structures, in_force, name, basis) for name in basis.by_generation]
    places, pairs = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    return Placed(structures[_STRUCTURES], places, pairs)


def _in_generation(
    structures: pd.DataFrame, in_force: pd.Series, generation: str, basis: Basis
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say in which situation each structure is in one generation, and by which rule; and which QPV are around it."""
    perimeters, settings = basis.by_generation[generation], basis.settings
    x, y = (structures[c].to_numpy(dtype=float) for c in ("x", "y"))
    farthest = max(settings.largest_ring_m, settings.location_error_m["street"])
    joined = location.locate_all(x, y, structures["territory"], perimeters, farthest)
    answers = assembly.answers(structures, basis.sources, generation, in_force)
    rows = structures[_PLACING].join(joined.points).join(answers).assign(generation=generation)
    rows["has_perimeters"] = rows["territory"].isna() | rows["territory"].isin(list(perimeters))
    rows["is_surely_elsewhere"] = _surely_elsewhere(rows, generation, basis)
    rows["has_qpv_in_area"] = _has_qpv_in_area(rows, generation, basis)
    decides = assembly.placed_rows(rows)  # the distances of others are blanked: a hint must not look like a measure
    rows["other_qpv_code"] = _of_another_commune(rows, generation, basis)
    rows["is_surely_elsewhere"] &= rows["other_qpv_code"].isna()
    measured = ["qpv_code", "nearest_qpv_code", "distance_m", "border_distance_m"]
    rows[measured] = rows[measured].where(decides)
    rows["n_qpv_inside"] = rows["n_qpv_inside"].where(decides, 0).fillna(0).astype("int64")
    rows["possible_qpv_codes"] = _possible(rows, joined.pairs)
    resolved = rows.drop(columns="qpv_code").join(situations.resolve(rows, vecu_distance_m=settings.vecu_distance_m))
    nearest = structures[_DECLARED].join(joined.points[["nearest_qpv_code"]])
    near = joined.pairs[joined.pairs["distance_m"] <= settings.largest_ring_m].reset_index(drop=True)
    return resolved[_LOCATED], _pairs(nearest, near, generation, basis)


def _possible(rows: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series:
    """Return the QPV that lie within the error of a point on a street that does not decide, separated by commas; null for others."""
    point, at = Proximity.of(rows), pairs["point"].to_numpy()
    nothing = np.zeros(len(at), dtype=bool)
    towards = point.of_pairs(at, pairs["distance_m"].to_numpy(), is_declared=nothing, is_inside=nothing)
    may_hold = pairs[towards.holds.unknown & point.has_point[at]]
    codes: pd.Series = may_hold.groupby("point")["qpv_code"].agg(",".join)
    return pd.Series(codes.reindex(np.arange(len(rows))).array, index=rows.index, dtype="str")


def _of_another_commune(rows: pd.DataFrame, generation: str, basis: Basis) -> pd.Series:
    """Return the QPV that covers a point and is of another commune than the structure declares; null elsewhere.

    Of a point that contradicts the outline of its commune; where no outline is given, by the communes that the QPV names. An
    arrondissement is its commune.
    """
    own = basis.neighbourhoods["generation"] == generation
    quarters = basis.neighbourhoods.loc[own, ["qpv_code", "commune_codes"]]
    listed = quarters.assign(commune=quarters["commune_codes"].str.split(",")).explode("commune")
    named, commune = rows["qpv_code"], placement.whole_commune(rows["commune_code"])
    has_communes = among(named, quarters.loc[quarters["commune_codes"].notna(), "qpv_code"])
    by_outline = rows["commune_distance_m"].notna()
    usable = (rows["location_status"] == CONTRADICTORY) | (assembly.placed_rows(rows) & ~by_outline)
    at = np.flatnonzero(usable & has_communes & commune.notna())
    pairs = set(zip(listed["qpv_code"], placement.whole_commune(listed["commune"].astype("str")), strict=True))
    of_another = np.zeros(len(rows), dtype=bool)
    of_another[at] = [pair not in pairs for pair in zip(named.iloc[at], commune.iloc[at], strict=True)]
    return named.where(of_another)


def _surely_elsewhere(rows: pd.DataFrame, generation: str, basis: Basis) -> pd.Series:
    """Say which structures are outside every QPV whatever their point: their declared area holds none and is far from all."""
    settings, perimeters = basis.settings, basis.by_generation[generation]
    own = basis.neighbourhoods.loc[basis.neighbourhoods["generation"] == generation, "commune_codes"]
    communes = set(own.dropna().str.split(",").explode())
    free = free_areas(perimeters, basis.outlines, settings.largest_ring_m)
    reach = settings.largest_ring_m + settings.commune_reach_m
    sure = situations.surely_elsewhere(rows, free, communes, reach_m=reach)
    empty = {t for t in TERRITORIES if t not in perimeters and not expected_count(generation, t)}
    rounded = rows["location_status"] == CENTROID  # whose digits bound the place, though they do not decide
    far = rows["distance_m"] > settings.largest_ring_m + rows["location_error_m"]
    sure |= rounded & far & rows["other_area_code"].isna()
    return sure | rows["territory"].isin(empty)


def _has_qpv_in_area(rows: pd.DataFrame, generation: str, basis: Basis) -> pd.Series:
    """Say whether the commune or département of each structure without a point holds a QPV; null where a point decides or contradicts."""
    own = basis.neighbourhoods[basis.neighbourhoods["generation"] == generation]
    pointless = rows["location_status"].isin((CENTROID, MISSING)) & rows["has_perimeters"]
    return pd.Series(unplaced.holds_qpv(own, rows), index=rows.index, dtype="boolean").where(pointless)


def _pairs(rows: pd.DataFrame, near: pd.DataFrame, generation: str, basis: Basis) -> pd.DataFrame:
    """Return every pair within the largest ring of a point that may decide, and every declared pair whatever its distance.

    ``rows``: one row per structure and year, with ``_DECLARED`` and ``nearest_qpv_code``. ``near``: pairs of ``location.locate_all``.
    """
    keys = ["finess_et", "year", "qpv_code"]
    columns = [*keys, "distance_m", "is_declared"]
    placed = assembly.placed_rows(rows)
    near = near[placed.to_numpy()[near["point"]]].reset_index(drop=True)
    near = near.join(rows[["finess_et", "year"]].take(near["point"].to_numpy()).reset_index(drop=True))
    declared = _declared(rows.assign(is_placed=placed), generation, basis).drop_duplicates(keys)
    of_near, of_declared = numbers(keys, near, declared)
    measured = near.assign(is_declared=np.isin(of_near, of_declared))
    beyond = declared[~np.isin(of_declared, of_near)].assign(is_declared=True)
    return assembly.concatenated(measured[columns], beyond[columns]).assign(generation=generation)


def _declared(rows: pd.DataFrame, generation: str, basis: Basis) -> pd.DataFrame:
    """Measure every declared pair. A declaration that names no QPV attaches to the nearest one of its territory.

    A pair counts only where the QPV has a polygon in the territory of the structure.
    """
    perimeters = basis.by_generation[generation]
    declarations = assembly.declared_pairs(rows, basis.sources, generation)
    point = rows[["territory", "x", "y", "nearest_qpv_code", "is_placed"]]
    at = positions(["finess_et", "year"], declarations, rows)
    declared = declarations.join(point.take(at).reset_index(drop=True))
    declared["qpv_code"] = declared["qpv_code"].fillna(declared["nearest_qpv_code"].where(declared["is_placed"]))
    home = {code: territory for territory, p in perimeters.items() for code in p.codes}
    there = declared["qpv_code"].map(home)
    declared = declared[there.notna() & (declared["territory"].isna() | (there == declared["territory"]))]
    x, y = (declared[c].where(declared["is_placed"]).to_numpy(dtype=float) for c in ("x", "y"))
    return declared.assign(distance_m=location.distances(x, y, declared["qpv_code"], perimeters))


_PLACING = [
    *("finess_et", "year", "territory", "commune_code", "department_code", "source_says_in_qpv"),
    *("location_status", "location_precision", "location_error_m", "commune_distance_m", "other_area_code"),
]
_DECLARED = ["finess_et", "year", "territory", "location_status", "x", "y", "vecu_declared", "vecu_qpv_code"]
_STRUCTURES = [*PUBLISHED["structures"].names, "x", "y"]
_LOCATED = [*PUBLISHED["structure_locations"].names, "is_unlisted", "is_contested"]
