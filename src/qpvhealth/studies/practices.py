"""General practitioners, asked of a release: how many for how many people, and how old, for areas and around each QPV."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.territories import DEPARTMENT_REGION, department_of_commune
from qpvhealth.indicators import density
from qpvhealth.publish import sentences
from qpvhealth.studies import figures, quarters
from qpvhealth.studies.quarters import COUNTRY, Area

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View

NEAR_GP_M = 500.0
"""How far around a QPV a practice counts for its priority (ONPV 2015 reads access within 500 m of a QPV), where the settings have it."""


def practitioners(
    release: Release, area: Area = COUNTRY, *, within_m: float | None = None, year: int | None = None
) -> View:
    """Show GP density and age for a commune, its QPV (by distance), its region and the country, as far as they are known.

    ``within_m``: a distance of the settings, or 0 for inside; by default ``NEAR_GP_M``, else that of the quartier vécu. A density of
    fewer than five GPs is not shown: their number is. ``year``: of the extract whose perimeters are those of the QPV. Raises UsageError
    for another distance or an unknown area.
    """
    if release.table("practitioners").empty and release.table("neighbourhood_practitioners").empty:
        raise UsageError("this release has no practitioners: add a card of kind practitioners")
    distance = _distance(release, within_m)
    rows = quarters.quarters(release, year)
    densities = _densities(release, rows, distance)
    department = department_of_commune(area.code)
    region = area.code if area.level == "region" else DEPARTMENT_REGION.get(department, "")
    inside = set(rows.loc[quarters.within(release, rows, area), "qpv_code"])
    wanted = {area.code, region, "FR", *inside}
    shown = densities[densities["area_code"].isin(wanted) | (densities["level"] == "country")]
    of_points = sentences.note("gps_within", metres=f"{distance:g}")
    unknown, of_area, few = (sentences.note(name) for name in ("gps_unknown", "gps_of_area", "gps_few"))
    of_quarter = np.where(shown["n_gp"].isna(), str(unknown), str(of_points))
    note = np.where(shown["level"] == "qpv", of_quarter, str(of_area)).astype(object)
    is_few = (shown["n_gp"] > 0) & (shown["n_gp"] < density.FEWEST)
    note = np.where(is_few, note + str(few), note)
    english = {
        n + end: n.english + end_en
        for n in (unknown, of_points, of_area)
        for end, end_en in (("", ""), (few, few.english))
    }
    view = figures.view(release, "practitioners", shown.assign(density=shown["density"].mask(is_few), note=note))
    return replace(view, english=english)


def _distance(release: Release, within_m: float | None) -> float:
    """Return a distance at which the release counts GPs. Raises UsageError for one that its settings do not have."""
    settings = release.manifest["settings"]
    counted = sorted({0.0, *map(float, settings["rings_m"]), float(settings["vecu_distance_m"])})
    if within_m is None:
        return NEAR_GP_M if NEAR_GP_M in counted else float(settings["vecu_distance_m"])
    if within_m not in counted:
        raise UsageError(
            f"{within_m:g} m: GPs are counted within {', '.join(f'{d:g}' for d in counted)} m (rings_m of the settings)"
        )
    return within_m


def _densities(release: Release, rows: pd.DataFrame, distance: float) -> pd.DataFrame:
    """Return density and age of every area in its last vintage, and of these QPV; null of a QPV of which no point can tell."""
    near = release.table("neighbourhood_practitioners")
    near = near[(near["distance_m"] == distance) & (near["year"] == near["year"].max())].drop(columns="year")
    gps = rows[["qpv_code", "generation", "population"]].merge(near, on=["qpv_code", "generation"], how="left")
    people, vintage = gps["population"].astype("float64"), release.table("neighbourhood_practitioners")["year"].max()
    gps = gps.assign(
        level="qpv",
        year=vintage,
        population=people,
        density=gps["n_gp"] / people.where(people > 0) * density.PER,
        share_over_55=gps["n_over_55"] / gps["n_gp"].where(gps["n_gp"] > 0),
    ).rename(columns={"qpv_code": "area_code"})
    areas = density.latest(release.table("practitioners"))
    parts = [areas, gps[areas.columns]] if len(near) else [areas]
    return pd.concat(parts, ignore_index=True)


def of_quarters(release: Release, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the GP criteria of QPV, each with the ``_level`` it speaks of: the QPV by distance, else its only commune.

    ``is_few_gp``: the density rests on fewer than ``density.FEWEST`` GPs, and is not printed.
    """
    densities = _densities(release, rows, _distance(release, None))
    own = densities[densities["level"] == "qpv"].set_index("area_code")
    communes = densities[densities["level"] == "commune"].drop_duplicates("area_code").set_index("area_code")
    out = pd.DataFrame({"qpv_code": rows["qpv_code"]})
    for ours, theirs in (("gp_density", "density"), ("gp_share_over_55", "share_over_55")):
        near = rows["qpv_code"].map(own[theirs]).astype("float64")
        value = near.fillna(rows["commune_codes"].map(communes[theirs]).astype("float64"))
        level = np.select([near.notna(), value.notna()], ["qpv", "commune"], "")
        out[ours], out[f"{ours}_level"] = value, pd.Series(level, index=rows.index).replace("", None).astype("str")
    near, of_commune = rows["qpv_code"].map(own["n_gp"]), rows["commune_codes"].map(communes["n_gp"])
    n_gp = near.where(out["gp_density_level"] == "qpv", of_commune).astype("float64")
    return out.assign(is_few_gp=(n_gp > 0) & (n_gp < density.FEWEST))
