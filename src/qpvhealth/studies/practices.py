"""General practitioners, asked of a release: how many for how many people, and how old, for areas and around each QPV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.territories import DEPARTMENT_REGION
from qpvhealth.indicators import density
from qpvhealth.spatial import sites
from qpvhealth.studies import figures, quarters
from qpvhealth.studies.quarters import COUNTRY, Area

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View

NEAR_GP_M = 500.0
"""How far around a QPV a practice counts for its priority (ONPV 2015 reads access within 500 m of a QPV)."""


def practitioners(release: Release, area: Area = COUNTRY, *, within_m: float = 500) -> View:
    """Show GP density and age for a commune, its QPV (by distance), its region and the country, as far as they are given."""
    practitioners_given = _gps(release)
    if practitioners_given.empty:
        raise UsageError("this release has no practitioners: add a card of kind practitioners")
    rows = quarters.quarters(release)
    densities = _densities(release, rows, practitioners_given, within_m)
    department = area.code[:3] if area.code[:2] in ("97", "98") else area.code[:2]
    region = area.code if area.level == "region" else DEPARTMENT_REGION.get(department, "")
    inside = set(rows.loc[quarters.within(release, rows, area), "qpv_code"])
    wanted = {area.code, region, "FR", *inside}
    shown = densities[densities["area_code"].isin(wanted) | (densities["level"] == "country")]
    of_points = f"médecins à {within_m:g} m au plus, pour les habitants du QPV"
    of_quarter = np.where(shown["n_gp"].isna(), "inconnu : aucun point donné pour ce QPV", of_points)
    note = np.where(shown["level"] == "qpv", of_quarter, "valeur de la zone")
    return figures.view(release, "practitioners", shown.assign(note=note))


def _gps(release: Release) -> pd.DataFrame:
    """Return the GPs of the last vintage given at each level: two vintages are never added up."""
    rows = release.table("practitioners")
    return rows[rows["year"] == rows.groupby("level")["year"].transform("max")].reset_index(drop=True)


def _densities(release: Release, rows: pd.DataFrame, practices: pd.DataFrame, within_m: float) -> pd.DataFrame:
    """Return density and age of every area given, and of the QPV of which points can tell."""
    parts = [density.by_area(practices)]
    points = practices[(practices["level"] == "point") & practices["longitude"].notna()].reset_index(drop=True)
    if len(points):
        placed = quarters.points(points["longitude"], points["latitude"])
        pairs = sites.served(placed, quarters.perimeters(release, rows), within_m).rename(columns={"site": "point"})
        # Points tell of the QPV of a département that their source covers, or of a commune in which they name one: elsewhere, no
        # point near is not the absence of GPs, it is not known.
        covered = set(points["covers"].dropna().str.split(",").explode())
        communes = set(points["area_code"].dropna())
        names_one = rows["commune_codes"].fillna("").str.split(",").map(lambda codes: not communes.isdisjoint(codes))
        is_told = rows["department_code"].isin(covered) | names_one.astype(bool)
        parent = rows["commune_codes"].str.replace(",.*", "", regex=True)
        parts.append(density.by_quarter(pairs, points, rows.assign(parent_code=parent, is_told=is_told)))
    return density.with_shares(pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True))


def of_quarters(release: Release, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the GP criteria of QPV, each with the ``_level`` it speaks of: the QPV by distance, else its only commune."""
    densities = _densities(release, rows, _gps(release), NEAR_GP_M)
    own = densities[densities["level"] == "qpv"].set_index("area_code")
    communes = densities[densities["level"] == "commune"].drop_duplicates("area_code").set_index("area_code")
    out = pd.DataFrame({"qpv_code": rows["qpv_code"]})
    for ours, theirs in (("gp_density", "density"), ("gp_share_over_55", "share_over_55")):
        near = rows["qpv_code"].map(own[theirs]).astype("float64")
        value = near.fillna(rows["commune_codes"].map(communes[theirs]).astype("float64"))
        level = np.select([near.notna(), value.notna()], ["qpv", "commune"], "")
        out[ours], out[f"{ours}_level"] = value, pd.Series(level, index=rows.index).replace("", None).astype("str")
    return out
