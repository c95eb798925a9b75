"""QPV polygons ready to be joined: in the metres of their territory, repaired, held against the law and each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.errors import InputError
from qpvhealth.facts.generations import CODE_PATTERNS, QPV_2015, QPV_2024
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
_OFFICIAL = f"{CODE_PATTERNS[QPV_2015]}|{CODE_PATTERNS[QPV_2024]}"


def prepare(neighbourhoods: pd.DataFrame, outlines: Mapping[str, pd.DataFrame] | None = None) -> pd.DataFrame:
    """Put staged polygons in the order of generation and code, and measure them: one row per polygon, in and out.

    Adds ``department_code``, ``territory``, ``metres`` (repaired geometry in the projection of the territory), ``area_km2``,
    ``repair`` (null, repaired, collapsed, misplaced) and ``repair_area_change``.

    Territory and département are those of the code where it is official; otherwise of the communes, else of the position (the
    département where ``outlines``, by level, hold it). A polygon that lies outside its territory is misplaced and gets no usable
    geometry. Raises InputError where every polygon of a source is misplaced.
    """
    frame = neighbourhoods.sort_values(["generation", "qpv_code"], ignore_index=True)
    centre = _centres(frame)
    position = territory_of_position(centre[:, 0], centre[:, 1])
    department = _departments(frame, position, centre, outlines or {})
    territory = department.map(DEPARTMENT_TERRITORY).fillna(position).fillna(METROPOLE).astype("str")
    misplaced = (territory != position).to_numpy() & _has_vertices(frame)
    metres = _metres(frame.assign(territory=territory))
    metres[misplaced] = None
    repaired = repair(metres)
    area = np.where(misplaced, np.nan, np.nan_to_num(shapely.area(repaired.geometry))) / M2_PER_KM2
    prepared = frame.assign(
        department_code=department,
        territory=territory,
        metres=repaired.geometry,
        area_km2=area,
        repair=pd.Series(repaired.repair, dtype="str").mask(misplaced, MISPLACED),
        repair_area_change=repaired.area_change,
    )
    _refuse_misplaced_sources(prepared)
    return prepared


def _departments(
    frame: pd.DataFrame, position: pd.Series, centre: np.ndarray, outlines: Mapping[str, pd.DataFrame]
) -> pd.Series:
    """Return the département of each QPV: of its official code, else of its first commune, else of where it lies; else null."""
    official = frame["qpv_code"].str.fullmatch(_OFFICIAL).astype(bool)
    of_code = frame["qpv_code"].map(department_of_qpv).where(official)
    first = frame["commune_codes"].astype("str").str.replace(",.*", "", regex=True)
    of_commune = first.map(department_of_commune, na_action="ignore")
    alone = position.map({name: t.departments[0] for name, t in TERRITORIES.items() if len(t.departments) == 1})
    told = of_code.astype("str").fillna(of_commune.astype("str")).fillna(alone.astype("str"))
    told = told.where(told.isin(DEPARTMENT_TERRITORY))
    if told.isna().any() and "department" in outlines:
        told = told.fillna(_department_there(centre, outlines["department"]))
    return told


def _department_there(centre: np.ndarray, outlines: pd.DataFrame) -> pd.Series:
    """Return the code of the département outline that holds each position (degrees); null outside them all."""
    there = np.flatnonzero(np.isfinite(centre).all(axis=1))
    shapes = outlines[outlines["area_code"].isin(DEPARTMENT_TERRITORY)]
    degrees = np.full(len(shapes), None, dtype=object)
    for (crs,), at in groups(shapes, "crs"):
        degrees[at] = transform_geometries(shapes["geometry"].to_numpy(dtype=object)[at], crs, WGS84)
    at, area = shapely.STRtree(degrees).query(shapely.points(centre[there]), predicate="intersects")
    codes = pd.Series(shapes["area_code"].to_numpy()[area], index=there[at], dtype="str")
    return codes.sort_values().groupby(level=0).first().reindex(range(len(centre)))


def _has_vertices(frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(np.isfinite(shapely.bounds(frame["geometry"].to_numpy(dtype=object))).all(axis=1))


def _refuse_misplaced_sources(prepared: pd.DataFrame) -> None:
    """Raise InputError when no polygon of a source lies in the territory of its code: its coordinate system is not the one stated.

    Joining them would count nothing.
    """
    share = (prepared["repair"] == MISPLACED).groupby(prepared["source_id"]).mean()
    wrong = [str(s) for s in share.index[share == 1]]
    if wrong:
        raise InputError(
            f"card {', '.join(wrong)}: every polygon lies outside the territory of its code; the coordinate system is not the one"
            ' stated, or the axes are swapped. Write crs = "EPSG:…" in the card, after asking the producer'
        )


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
    listed = prepared["commune_codes"].where(prepared["metres"].notna()).dropna().str.split(",")
    at = np.repeat(listed.index.to_numpy(), [len(codes) for codes in listed])
    places = prepared[["territory", "department_code"]].iloc[at].assign(area_code=[c for cs in listed for c in cs])
    home = (places["area_code"].map(department_of_commune) == places["department_code"]).to_numpy()
    cells = places[home].groupby(["area_code", "territory"])
    number = cells.ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    polygons = prepared["metres"].to_numpy(dtype=object)[at[home][order]]
    together = shapely.geometrycollections(polygons, indices=number[order])
    return cells.size().index.to_frame(index=False).assign(metres=np.asarray(together, dtype=object))


def published_geometry(prepared: pd.DataFrame) -> np.ndarray:
    """Return the usable polygons in WGS84: as read where they are in degrees and needed no repair, else back from metres."""
    in_degrees = [crs for crs in prepared["crs"].dropna().unique() if same_crs(crs, WGS84)]
    as_read = np.asarray(prepared["repair"].isna() & prepared["crs"].isin(in_degrees), dtype=bool)
    out = np.full(len(prepared), None, dtype=object)
    out[as_read] = _without_height(prepared["geometry"].to_numpy(dtype=object)[as_read])
    metres, moved = prepared["metres"].to_numpy(dtype=object), np.flatnonzero(~as_read)
    for (territory,), at in groups(prepared.iloc[moved], "territory"):
        degrees = transform_geometries(metres[moved[at]], TERRITORIES[territory].epsg, WGS84)
        out[moved[at]] = shapely.transform(degrees, rounded_degrees)
    return out


def overlaps(perimeters: Perimeters) -> pd.DataFrame:
    """Return the pairs of QPV that overlap by more than 1 m²: ``qpv_code``, ``other_qpv_code``, ``overlap_m2``."""
    codes, polygons = perimeters
    left, right = shapely.STRtree(polygons).query(polygons)
    left, right = left[left < right], right[left < right]
    meet = shapely.intersects(polygons[left], polygons[right])
    left, right = left[meet], right[meet]
    beyond = ~shapely.touches(polygons[left], polygons[right])  # most share a border only, which costs less to see
    left, right = left[beyond], right[beyond]
    area = np.round(shapely.area(shapely.intersection(polygons[left], polygons[right])), 6)
    over = area > OVERLAP_M2
    pairs = {"qpv_code": codes[left[over]], "other_qpv_code": codes[right[over]], "overlap_m2": area[over]}
    return pd.DataFrame(pairs)


def _centres(frame: pd.DataFrame) -> np.ndarray:
    """Return the longitude and latitude of the middle of each polygon's box."""
    out = np.full((len(frame), 2), np.nan)
    box = shapely.bounds(frame["geometry"].to_numpy(dtype=object))
    for (crs,), at in groups(frame, "crs"):
        middle = (box[at, :2] + box[at, 2:]) / 2
        out[at] = np.column_stack(transform_points(middle[:, 0], middle[:, 1], crs, WGS84))
    return out


def _without_height(given: np.ndarray) -> np.ndarray:
    """Return geometries without height; most have none, and to drop it makes each anew."""
    return shapely.force_2d(given) if (shapely.has_z(given) | shapely.has_m(given)).any() else given.copy()


def _metres(frame: pd.DataFrame) -> np.ndarray:
    out = np.full(len(frame), None, dtype=object)
    given = _without_height(frame["geometry"].to_numpy(dtype=object))
    flat = np.flatnonzero(shapely.area(given) == 0)  # a line of degrees: projecting it would bend it open
    given[flat[shapely.is_missing(repair(given[flat]).geometry)]] = None
    for (territory, crs), at in groups(frame, "territory", "crs"):
        out[at] = transform_geometries(given[at], crs, TERRITORIES[territory].epsg)
    return out
