"""Where a structure is: which of the points offered for it can be believed, and which one is used.

A point may come from the extract, from a register, or from the geocoder. Each is held against the declared territory, commune
or département; the first in rank that is located and contradicts nothing is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.keys import numbers, positions
from qpvhealth.contract.precision import rounded_m
from qpvhealth.facts.situations import CENTROID, CONTRADICTORY, LOCATED, MISSING
from qpvhealth.facts.territories import COMMUNE_OF_ARRONDISSEMENT
from qpvhealth.spatial.projection import (
    groups,
    outside_box,
    territory_of_position,
    to_degrees,
    to_territory_metres,
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
    """Choose one point for each structure of some years.

    ``structures``: one row per ``finess_et`` and ``year`` with ``territory`` and ``AREAS``. ``candidates``: any
    number of rows per ``finess_et`` and ``year`` with ``rank``, ``source_id``, ``x``, ``y``, ``crs``, ``location_status``, ``location_precision``,
    ``location_score`` and ``commune_found``. ``outlines``: by level of ``OUTLINE_LEVELS``, ``area_code``, ``territory`` and ``metres``.

    Returns one row per structure, in their order: ``location_status`` and its note, precision, error (metres), the source used,
    ``x`` and ``y`` in the metres of the territory, ``longitude`` and ``latitude`` (null where they are no place on earth), the number of sources that give a point and
    the largest distance between their usable points. A territory that is not declared follows from the point.
    """
    at = positions(["finess_et", "year"], candidates, structures)
    declared = structures[["territory", *AREAS]].take(at[at >= 0]).reset_index(drop=True)
    offered = _positioned(candidates[at >= 0].reset_index(drop=True).join(declared))
    offered, owner = _judged(offered, outlines, tolerance_m, minimum_score), at[at >= 0]
    best = _best(offered, owner, len(structures))
    chosen = offered.drop(columns=["finess_et", "year"]).reindex(best).reset_index(drop=True)
    chosen.insert(0, "finess_et", structures["finess_et"].reset_index(drop=True))
    chosen["location_status"] = chosen["location_status"].fillna(MISSING)
    chosen["location_precision"] = chosen["location_precision"].fillna("unknown")
    error = chosen["location_precision"].map(dict(error_m)).astype("float64")
    chosen["location_error_m"] = error.where(chosen["location_status"] == LOCATED)
    on_earth = chosen["longitude"].between(-180, 180) & chosen["latitude"].between(-90, 90)
    chosen[["longitude", "latitude"]] = chosen[["longitude", "latitude"]].where(on_earth)
    chosen["territory"] = structures["territory"].reset_index(drop=True).fillna(chosen["territory_found"])
    return chosen.assign(**_agreement(offered, owner, best))


def _best(offered: pd.DataFrame, owner: np.ndarray, n_structures: int) -> np.ndarray:
    """Return the position of the point used for each structure, -1 where none is offered: the best status, then the first in rank."""
    status = offered["location_status"].map(_STATUS_RANK).to_numpy()
    source, _ = pd.factorize(offered["source_id"], sort=True)
    order = np.lexsort((source, offered["rank"], status, owner))
    first = order[np.flatnonzero(np.diff(owner[order], prepend=-1))]
    best = np.full(n_structures, -1)
    best[owner[first]] = first
    return best


def _positioned(offered: pd.DataFrame) -> pd.DataFrame:
    """Add longitude, latitude, the territory where the point falls, and metres of the declared (else found) territory."""
    frame = offered.rename(columns={"x": "given_x", "y": "given_y"})
    lon, lat = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    x, y = frame["given_x"].to_numpy(dtype=float), frame["given_y"].to_numpy(dtype=float)
    for (crs,), at in groups(frame, "crs"):
        lon[at], lat[at] = to_degrees(x[at], y[at], crs)
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
    reasons = {
        "no point": ~has_point,
        "outside its declared territory, or every territory": stray & located,
        "far from its declared commune or département": outside & located,
        "most points of this source and system are elsewhere than declared": doubted & located,
        "the geocoder found another commune": elsewhere & located,
        "score too low": poor,
        "the point stands for a commune or a place": frame["location_status"] == CENTROID,
    }
    reason = np.select([np.asarray(at) for at in reasons.values()], range(len(reasons)), -1)
    notes = pd.array([*reasons], dtype="str").take(reason, allow_fill=True)
    contradictory = located & has_point & (stray | outside | doubted | elsewhere)
    status = frame["location_status"].where(~poor, CENTROID).where(~contradictory, CONTRADICTORY)
    return frame.assign(location_status=status.where(has_point, MISSING), location_note=notes)


def _another_commune(frame: pd.DataFrame) -> pd.Series:
    """Say where the geocoder found another commune than the declared one, an arrondissement being its commune."""
    found, declared = frame["commune_found"], frame["commune_code"]
    differs = found.notna() & declared.notna() & (found != declared)
    differs[differs] = _whole(found[differs]) != _whole(declared[differs])
    return differs


def _whole(communes: pd.Series) -> pd.Series:
    """Return communes, an arrondissement as its commune."""
    return communes.map(COMMUNE_OF_ARRONDISSEMENT).astype("str").fillna(communes)


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
    """Say which points come from a source most of whose points of the year, in this system and territory, are wrong.

    Its system is not the one stated, and those that fell in the right area by chance cannot decide either.
    """
    there = frame["longitude"].notna().to_numpy()
    system, _ = pd.factorize(numbers(["source_id", "year", "crs", "territory"], frame)[0])
    n, n_wrong = (np.bincount(system[rows], minlength=len(frame))[system] for rows in (there, there & wrong))
    return pd.Series((n >= DOUBTED_FROM) & (n_wrong > DOUBTED_SHARE * n), index=frame.index)


def _outside(frame: pd.DataFrame, outlines: pd.DataFrame, column: str, tolerance_m: float) -> np.ndarray:
    """Say which points lie farther than the tolerance from the outline of their declared area; false where there is none."""
    out, area = np.zeros(len(frame), dtype=bool), _area(frame[column], pd.Index(outlines["area_code"]))
    known = np.flatnonzero((area >= 0) & frame["x"].notna() & frame["y"].notna())
    home = outlines["territory"].array.take(area[known]) == frame["territory"].array.take(known)
    at = known[np.asarray(home, dtype=bool)]
    points = shapely.points(frame["x"].to_numpy()[at], frame["y"].to_numpy()[at])
    distance = shapely.distance(points, outlines["metres"].to_numpy(dtype=object)[area[at]])
    out[at] = rounded_m(distance) > tolerance_m
    return out


def _area(codes: pd.Series, known: pd.Index) -> np.ndarray:
    """Return the position of each area, an arrondissement that is not there being its commune; -1 where there is none."""
    at = np.asarray(known.get_indexer(pd.Index(codes)))
    lost = np.flatnonzero(at < 0)
    at[lost] = known.get_indexer(pd.Index(_whole(codes.iloc[lost])))
    return at


def _agreement(offered: pd.DataFrame, owner: np.ndarray, best: np.ndarray) -> dict[str, np.ndarray]:
    """Count the sources that give a point, and measure how far the usable ones lie from the one used."""
    there, source = offered["x"].notna().to_numpy(), pd.factorize(offered["source_id"])[0]
    given = np.unique(owner[there] * len(offered) + source[there]) // max(len(offered), 1)
    usable = there & (offered["location_status"] == LOCATED).to_numpy()
    several = np.flatnonzero(usable & (np.bincount(owner[usable], minlength=len(best))[owner] > 1))
    x, y = (offered[c].to_numpy() for c in ("x", "y"))
    used = best[owner[several]]
    conflict = np.full(len(best), np.nan)
    gap = shapely.distance(shapely.points(x[several], y[several]), shapely.points(x[used], y[used]))
    np.fmax.at(conflict, owner[several], rounded_m(gap))
    return {"n_location_sources": np.bincount(given, minlength=len(best)), "location_conflict_m": conflict}
