"""QPV polygons ready to be joined: in the metres of their territory, repaired, held against the law and each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.errors import InputError
from qpvhealth.facts.generations import CODE_PATTERNS
from qpvhealth.facts.territories import (
    DEPARTMENT_TERRITORY,
    METROPOLE,
    TERRITORIES,
    department_of_commune,
    department_of_qpv,
)
from qpvhealth.spatial.projection import (
    WGS84,
    groups,
    rounded_degrees,
    same_crs,
    territory_of_position,
    transform_geometries,
    transform_points,
)
from qpvhealth.spatial.proximity import Perimeters
from qpvhealth.spatial.repair import COLLAPSED, repair

if TYPE_CHECKING:
    from collections.abc import Mapping

M2_PER_KM2 = 1e6
OVERLAP_M2 = 1.0
MISPLACED = "misplaced"
_OFFICIAL = "|".join(dict.fromkeys(CODE_PATTERNS.values()))


def prepare(neighbourhoods: pd.DataFrame, outlines: Mapping[str, pd.DataFrame] | None = None) -> pd.DataFrame:
    """Put staged polygons in the order of generation and code, and measure them: one row per polygon, in and out.

    Adds ``department_code``, ``territory``, ``metres`` (repaired geometry in the projection of the territory), ``area_km2``,
    ``repair`` (null, repaired, collapsed, misplaced) and ``repair_area_change``.

    Territory and département are those of the code where it is official; otherwise of the communes, else of the position (the
    département where ``outlines``, by level, hold it). A polygon that lies outside its territory is misplaced and gets no usable
    geometry. Raises InputError where every polygon of a source is misplaced.
    """
    frame = neighbourhoods.sort_values(["generation", "qpv_code"], ignore_index=True)
    shapes = shapely.force_2d(frame["geometry"].to_numpy(dtype=object))
    boxes, centre = shapely.bounds(shapes), np.full((len(frame), 2), np.nan)
    for (crs,), at in groups(frame, "crs"):
        middle = (boxes[at, :2] + boxes[at, 2:]) / 2
        centre[at] = np.column_stack(transform_points(middle[:, 0], middle[:, 1], crs, WGS84))
    position = territory_of_position(centre[:, 0], centre[:, 1])
    department = _departments(frame, position, centre, outlines or {})
    frame = frame.assign(
        department_code=department,
        territory=department.map(DEPARTMENT_TERRITORY).fillna(position).fillna(METROPOLE).astype("str"),
    )
    misplaced = (frame["territory"] != position).to_numpy() & np.isfinite(boxes).all(axis=1)
    flat = np.flatnonzero(shapely.area(shapes) == 0)  # a line of degrees: projecting it would bend it open
    shapes[flat[shapely.is_missing(repair(shapes[flat]).geometry)]] = None
    metres = np.full(len(frame), None, dtype=object)
    for (territory, crs), at in groups(frame[~misplaced], "territory", "crs"):
        rows = np.flatnonzero(~misplaced)[at]
        metres[rows] = transform_geometries(shapes[rows], crs, TERRITORIES[territory].epsg)
    repaired = repair(metres)
    area = np.where(misplaced, np.nan, np.nan_to_num(shapely.area(repaired.geometry)))
    prepared = frame.assign(
        metres=repaired.geometry,
        area_km2=area / M2_PER_KM2,
        repair=pd.Series(repaired.repair, dtype="str").mask(misplaced, MISPLACED),
        repair_area_change=repaired.area_change,
    )
    # joining a source whose coordinate system is not the one stated would count nothing
    share = (prepared["repair"] == MISPLACED).groupby(prepared["source_id"]).mean()
    if wrong := [str(s) for s in share.index[share == 1]]:
        raise InputError(
            f"card {', '.join(wrong)}: every polygon lies outside the territory of its code; the coordinate system is not the one"
            ' stated, or the axes are swapped. Write crs = "EPSG:…" in the card, after asking the producer'
        )
    return prepared


def _departments(
    frame: pd.DataFrame, position: pd.Series, centre: np.ndarray, outlines: Mapping[str, pd.DataFrame]
) -> pd.Series:
    """Return the département of each QPV: of its official code, else of its first commune, else of where it lies; else null.

    Where it lies: the only département of the territory at ``position``, else the outline that holds its ``centre`` (degrees).
    """
    official = frame["qpv_code"].str.fullmatch(_OFFICIAL).astype(bool)
    of_code = frame["qpv_code"].map(department_of_qpv).where(official)
    first = frame["commune_codes"].astype("str").str.replace(",.*", "", regex=True)
    of_commune = first.map(department_of_commune, na_action="ignore")
    alone = position.map({name: t.departments[0] for name, t in TERRITORIES.items() if len(t.departments) == 1})
    codes = of_code.astype("str").fillna(of_commune.astype("str")).fillna(alone.astype("str"))
    codes = codes.where(codes.isin(DEPARTMENT_TERRITORY))
    if "department" not in outlines or not codes.isna().any():
        return codes
    areas = outlines["department"]
    areas = areas[areas["area_code"].isin(DEPARTMENT_TERRITORY)]
    shapes, degrees = areas["geometry"].to_numpy(dtype=object), np.full(len(areas), None, dtype=object)
    for (crs,), at in groups(areas, "crs"):
        degrees[at] = transform_geometries(shapes[at], crs, WGS84)
    there = np.flatnonzero(np.isfinite(centre).all(axis=1))
    at, area = shapely.STRtree(degrees).query(shapely.points(centre[there]), predicate="intersects")
    around = pd.Series(areas["area_code"].to_numpy()[area], index=there[at], dtype="str")
    return codes.fillna(around.groupby(level=0).min())


def usable(prepared: pd.DataFrame, generation: str) -> dict[str, Perimeters]:
    """Return the usable polygons of one generation, by territory."""
    frame = prepared[(prepared["generation"] == generation) & ~prepared["repair"].isin((COLLAPSED, MISPLACED))]
    return {
        str(territory): Perimeters(rows["qpv_code"].to_numpy(dtype=object), rows["metres"].to_numpy(dtype=object))
        for territory, rows in frame.sort_values("qpv_code").groupby("territory")
    }


def by_commune(prepared: pd.DataFrame) -> pd.DataFrame:
    """Gather the usable polygons of each commune that has QPV: ``area_code``, ``territory``, ``metres``.

    A QPV over several communes is in each; a commune that is not of the département of the QPV is an error of its file, left out.
    """
    listed = prepared[prepared["metres"].notna()].assign(area_code=prepared["commune_codes"].str.split(","))
    places = listed.explode("area_code").dropna(subset="area_code")
    places = places[places["area_code"].map(department_of_commune) == places["department_code"]]
    places["number"] = places.groupby(["area_code", "territory"]).ngroup()
    places = places.sort_values("number", kind="stable")
    metres = shapely.geometrycollections(places["metres"].to_numpy(dtype=object), indices=places["number"].to_numpy())
    communes: pd.DataFrame = places.drop_duplicates("number")[["area_code", "territory"]]
    return communes.reset_index(drop=True).assign(metres=np.asarray(metres, dtype=object))


def published_geometry(prepared: pd.DataFrame) -> np.ndarray:
    """Return the usable polygons in WGS84: as read where they are in degrees and needed no repair, else back from metres."""
    in_degrees = [crs for crs in prepared["crs"].dropna().unique() if same_crs(crs, WGS84)]
    as_read = np.asarray(prepared["repair"].isna() & prepared["crs"].isin(in_degrees), dtype=bool)
    shapes = np.full(len(prepared), None, dtype=object)
    shapes[as_read] = shapely.force_2d(prepared["geometry"].to_numpy(dtype=object)[as_read])
    metres, moved = prepared["metres"].to_numpy(dtype=object), np.flatnonzero(~as_read)
    for (territory,), at in groups(prepared.iloc[moved], "territory"):
        degrees = transform_geometries(metres[moved[at]], TERRITORIES[territory].epsg, WGS84)
        shapes[moved[at]] = shapely.transform(degrees, rounded_degrees)
    return shapes


def overlaps(perimeters: Perimeters) -> pd.DataFrame:
    """Return the pairs of QPV that overlap by more than 1 m²: ``qpv_code``, ``other_qpv_code``, ``overlap_m2``."""
    codes, polygons = perimeters
    left, right = shapely.STRtree(polygons).query(polygons)
    left, right = left[left < right], right[left < right]
    for are_apart in (shapely.disjoint, shapely.touches):  # most share a border only, which costs less to see
        more = ~are_apart(polygons[left], polygons[right])
        left, right = left[more], right[more]
    area = np.round(shapely.area(shapely.intersection(polygons[left], polygons[right])), 6)
    over = area > OVERLAP_M2
    pairs = {"qpv_code": codes[left[over]], "other_qpv_code": codes[right[over]], "overlap_m2": area[over]}
    return pd.DataFrame(pairs)
