"""GPs as they are published: numbers by area and around each QPV, ages masked. Their points stay with who holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.indicators import density
from qpvhealth.spatial import projection, sites

if TYPE_CHECKING:
    from qpvhealth.build.perimeters import Basis

AREAS, NEAR = "practitioners", "neighbourhood_practitioners"


def tables(basis: Basis) -> dict[str, pd.DataFrame]:
    """Return the numbers of GPs by area and vintage, and around the QPV of which points can tell, at the distances of the settings.

    Ages are masked as ``density`` says; around QPV they are given for the perimeters in force at the last extract alone: those of two
    generations, subtracted, would reveal a few.
    """
    rows = basis.sources.supplements["practitioners"]
    if rows.empty:
        return {name: pd.DataFrame(columns=PUBLISHED[name].names) for name in (AREAS, NEAR)}
    by_year = [density.with_shares(density.by_area(part)) for _, part in rows.groupby("year")]
    areas = pd.concat([part for part in by_year if len(part)] or [density.with_shares(density.by_area(rows))])
    parents = density.latest(areas)
    points = rows[(rows["level"] == "point") & rows["longitude"].notna()]
    near = [
        _near(basis, part.reset_index(drop=True), parents, g)
        for _, part in points.groupby("year")
        for g in basis.by_generation
    ]
    around = pd.concat([part for part in near if len(part)] or [pd.DataFrame(columns=PUBLISHED[NEAR].names)])
    return {
        name: frame.reset_index(drop=True)[PUBLISHED[name].names] for name, frame in ((AREAS, areas), (NEAR, around))
    }


def _near(basis: Basis, points: pd.DataFrame, parents: pd.DataFrame, generation: str) -> pd.DataFrame:
    """Count the GPs of one vintage in and around each QPV of a generation: one row a QPV and distance.

    Points tell of the QPV of a département that their source covers, of a commune in which they name a GP, and of those near one: of
    another QPV, no point near is not the absence of GPs, and it has no row.
    """
    settings, quarters = basis.settings, basis.neighbourhoods
    quarters = quarters[quarters["generation"] == generation].reset_index(drop=True)
    lon, lat = points["longitude"].to_numpy(dtype=float), points["latitude"].to_numpy(dtype=float)
    territory = projection.territory_of_position(lon, lat)
    x, y = projection.to_territory_metres(lon, lat, territory, projection.WGS84)
    placed = pd.DataFrame({"site": np.arange(len(points)), "territory": territory, "x": x, "y": y})
    pairs = sites.served(placed, basis.by_generation[generation], settings.largest_ring_m).rename(
        columns={"site": "point"}
    )
    covered = set(points["covers"].dropna().str.split(",").explode())
    communes = set(points["area_code"].dropna())
    names_one = quarters["commune_codes"].fillna("").str.split(",").map(lambda codes: not communes.isdisjoint(codes))
    parent = quarters["commune_codes"].str.replace(",.*", "", regex=True)
    quarters = quarters.assign(
        parent_code=parent, is_told=quarters["department_code"].isin(covered) | names_one.astype(bool)
    )
    current = basis.in_force[max(basis.in_force)] if basis.in_force else {}
    is_current = quarters.set_index("qpv_code")["territory"].map(current) == generation
    rings = []
    for distance in sorted({0.0, *settings.rings_m, settings.vecu_distance_m}):
        counted = density.by_quarter(pairs[pairs["distance_m"] <= distance], points, quarters)
        counted = counted[counted["n_gp"].notna()]
        counted = counted.assign(n_over_55=counted["n_over_55"].where(counted["area_code"].map(is_current)))
        masked = density.with_shares(pd.concat([parents[density.COLUMNS], counted], ignore_index=True))
        rings.append(masked[masked["level"] == "qpv"].assign(distance_m=float(distance)))
    around = density.apart(pd.concat(rings, ignore_index=True))
    return around.rename(columns={"area_code": "qpv_code"}).assign(generation=generation)
