"""Where a structure is: which of the points offered for it can be believed, and which one is used.

A point may come from the extract, from a register, or from the geocoder. Each is held against the declared territory, commune
or département; the first in rank that is located and contradicts nothing is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.facts.situations import CENTROID, CONTRADICTORY, LOCATED, MISSING
from qpvhealth.facts.territories import COMMUNE_OF_ARRONDISSEMENT
from qpvhealth.spatial.projection import (
    WGS84,
    groups,
    outside_box,
    territory_of_position,
    to_territory_metres,
    transform_points,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

AREAS = ("commune_code", "department_code", "region_code")
QPV_OF_COMMUNE = "qpv_of_commune"
QPV_REACH_M = 200_000.0
"""No place of a commune is farther than this from a QPV of it: the largest, in Guyane, measure less from end to end."""
OUTLINE_LEVELS = {
    "commune": "commune_code",
    "department": "department_code",
    "region": "region_code",
    QPV_OF_COMMUNE: "commune_code",
}
DOUBTED_FROM, DOUBTED_SHARE = 10, 0.5
"""A coordinate system is doubted from this many points on, when more than this share of them are wrong (our choices)."""
_STATUS_RANK = {LOCATED: 0, CONTRADICTORY: 1, CENTROID: 2, MISSING: 3}


def place(
    structures: pd.DataFrame,
    candidates: pd.DataFrame,
    *,
    outlines: Mapping[str, pd.DataFrame],
    tolerance_m: Mapping[str, float],
    minimum_score: float,
    error_m: Mapping[str, float],
) -> pd.DataFrame:
    """Choose one point for each structure of one year.

    ``structures``: one row per ``finess_et`` with ``territory`` and ``AREAS``. ``candidates``: any
    number of rows per ``finess_et`` with ``rank``, ``source_id``, ``x``, ``y``, ``crs``, ``location_status``, ``location_precision``,
    ``location_score`` and ``commune_found``. ``outlines``: by level of ``OUTLINE_LEVELS``, ``area_code``, ``territory`` and ``metres``.

    Returns one row per structure, in their order: ``location_status`` and its note, precision, error (metres), the source used,
    ``x`` and ``y`` in the metres of the territory, ``longitude`` and ``latitude`` (null where they are no place on earth), the number of sources that give a point and
    the largest distance between their usable points. A territory that is not declared follows from the point.
    """
    declared = structures[["finess_et", "territory", *AREAS]]
    offered = candidates.merge(declared, on="finess_et", how="inner", validate="many_to_one")
    offered = _positioned(offered)
    offered = _judged(offered, outlines, tolerance_m, minimum_score)
    offered["status_rank"] = offered["location_status"].map(_STATUS_RANK)
    best = offered.sort_values(["status_rank", "rank", "source_id"], kind="stable").drop_duplicates("finess_et")
    chosen = structures[["finess_et"]].merge(best, on="finess_et", how="left", validate="one_to_one")
    chosen["location_status"] = chosen["location_status"].fillna(MISSING)
    chosen["location_precision"] = chosen["location_precision"].fillna("unknown")
    error = chosen["location_precision"].map(dict(error_m)).astype("float64")
    chosen["location_error_m"] = error.where(chosen["location_status"] == LOCATED)
    on_earth = chosen["longitude"].between(-180, 180) & chosen["latitude"].between(-90, 90)
    chosen[["longitude", "latitude"]] = chosen[["longitude", "latitude"]].where(on_earth)
    chosen["territory"] = structures["territory"].reset_index(drop=True).fillna(chosen["territory_found"])
    return chosen.join(_agreement(structures, offered, best)).reset_index(drop=True)


def _positioned(offered: pd.DataFrame) -> pd.DataFrame:
    """Add longitude, latitude, the territory where the point falls, and metres of the declared (else found) territory."""
    frame = offered.rename(columns={"x": "given_x", "y": "given_y"})
    lon, lat = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    x, y = frame["given_x"].to_numpy(dtype=float), frame["given_y"].to_numpy(dtype=float)
    for (crs,), at in groups(frame, "crs"):
        lon[at], lat[at] = transform_points(x[at], y[at], crs, WGS84)
    found = territory_of_position(lon, lat)
    frame["longitude"], frame["latitude"] = lon, lat
    frame["territory_found"] = found.to_numpy()
    territory = frame["territory"].fillna(frame["territory_found"])
    frame["x"], frame["y"] = to_territory_metres(x, y, territory, frame["crs"])
    return frame


def _judged(
    frame: pd.DataFrame, outlines: Mapping[str, pd.DataFrame], tolerance_m: Mapping[str, float], minimum_score: float
) -> pd.DataFrame:
    """Set the status of each point and the reason why it cannot decide."""
    has_point = frame["longitude"].notna() & frame["latitude"].notna()
    poor = (frame["location_status"] == LOCATED) & (frame["location_score"] < minimum_score)
    found, declared = frame["territory_found"], frame["territory"]
    stray = has_point & (found.isna() | (declared.notna() & (found != declared)))
    elsewhere = _another_commune(frame)
    outside = _outside_declared(frame, outlines, tolerance_m)
    doubted = has_point & _of_doubted_system(frame, stray | outside)
    located = frame["location_status"] == LOCATED
    notes = pd.Series(None, index=frame.index, dtype="str")
    for reason, at in (
        ("no point", ~has_point),
        ("outside its declared territory, or every territory", stray & located),
        ("far from its declared commune or département", outside & located),
        ("most points of this source and system are elsewhere than declared", doubted & located),
        ("the geocoder found another commune", elsewhere & located),
        ("score too low", poor),
        ("the point stands for a commune or a place", frame["location_status"] == CENTROID),
    ):
        notes = notes.where(~at | notes.notna(), reason)
    contradictory = located & has_point & (stray | outside | doubted | elsewhere)
    status = frame["location_status"].where(~poor, CENTROID).where(~contradictory, CONTRADICTORY)
    return frame.assign(location_status=status.where(has_point, MISSING), location_note=notes)


def _another_commune(frame: pd.DataFrame) -> pd.Series:
    """Say where the geocoder found another commune than the declared one, an arrondissement being its commune."""
    found = frame["commune_found"].replace(COMMUNE_OF_ARRONDISSEMENT)
    declared = frame["commune_code"].replace(COMMUNE_OF_ARRONDISSEMENT)
    return found.notna() & declared.notna() & (found != declared)


def _outside_declared(
    frame: pd.DataFrame, outlines: Mapping[str, pd.DataFrame], tolerance_m: Mapping[str, float]
) -> np.ndarray:
    """Say which points lie outside a declared area.

    That is its outline; where none is given, the box of the département and, in Polynésie, of the commune; and the surroundings of
    the QPV of the commune.
    """
    outside = np.zeros(len(frame), dtype=bool)
    for level in ("department", "commune"):
        codes = frame[OUTLINE_LEVELS[level]]
        if level in outlines:
            codes = codes.mask(codes.isin(outlines[level]["area_code"]))
        outside |= outside_box(frame["longitude"].to_numpy(), frame["latitude"].to_numpy(), codes)
    allowed = {**tolerance_m, QPV_OF_COMMUNE: QPV_REACH_M}
    for level, column in OUTLINE_LEVELS.items():
        if level in outlines:
            outside |= _outside(frame, outlines[level], column, allowed[level])
    return outside


def _of_doubted_system(frame: pd.DataFrame, wrong: pd.Series) -> pd.Series:
    """Say which points come from a source most of whose points, in this system and territory, are wrong.

    Its system is not the one stated, and those that fell in the right area by chance cannot decide either.
    """
    there = frame["longitude"].notna()
    alike = wrong.where(there).groupby([frame[c] for c in ("source_id", "crs", "territory")], dropna=False)
    return (alike.transform("count") >= DOUBTED_FROM) & (alike.transform("mean") > DOUBTED_SHARE)


def _outside(frame: pd.DataFrame, outlines: pd.DataFrame, column: str, tolerance_m: float) -> np.ndarray:
    """Say which points lie farther than the tolerance from the outline of their declared area; false where there is none."""
    codes = frame[column].where(
        frame[column].isin(outlines["area_code"]), frame[column].replace(COMMUNE_OF_ARRONDISSEMENT)
    )
    shapes = outlines.set_index("area_code")
    same = codes.map(shapes["territory"]) == frame["territory"]
    at = np.flatnonzero(same & frame["x"].notna() & frame["y"].notna())
    areas = shapes["metres"].reindex(codes.iloc[at]).to_numpy(dtype=object)
    points = shapely.points(frame["x"].to_numpy()[at], frame["y"].to_numpy()[at])
    out = np.zeros(len(frame), dtype=bool)
    out[at] = shapely.distance(points, areas) > tolerance_m
    return out


def _agreement(structures: pd.DataFrame, offered: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Count the sources that give a point, and measure how far the usable ones lie from the one used."""
    with_point = offered[offered["x"].notna()]
    n = with_point.groupby("finess_et")["source_id"].nunique()
    usable = with_point[with_point["location_status"] == LOCATED]
    several = usable[usable.duplicated("finess_et", keep=False)]
    pairs = several.merge(best[["finess_et", "x", "y"]], on="finess_et", suffixes=("", "_used"))
    gap = shapely.distance(shapely.points(pairs["x"], pairs["y"]), shapely.points(pairs["x_used"], pairs["y_used"]))
    conflict = pairs.assign(gap=gap).groupby("finess_et")["gap"].max()
    codes = structures["finess_et"].reset_index(drop=True)
    return pd.DataFrame(
        {
            "n_location_sources": codes.map(n).fillna(0).astype("int64"),
            "location_conflict_m": codes.map(conflict).astype("float64"),
        }
    )
