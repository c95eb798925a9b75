"""The tables that stand beside structures: members and targets of programmes, figures per QPV, practitioners, projects joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.build import practitioners
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.facts.territories import METROPOLE
from qpvhealth.rules.proximity import Proximity
from qpvhealth.spatial import location, projection

if TYPE_CHECKING:
    from qpvhealth.build.perimeters import Basis
    from qpvhealth.spatial.proximity import Perimeters

BY_POINT, BY_NAME, NO_PLACE = "point", "qpv-named", "no-place"


def tables(basis: Basis) -> dict[str, pd.DataFrame]:
    """Return the tables of ``COVERAGE_TABLES``, empty where the raw folder has no such source.

    A project that has a point and no commune gets the territory of its point.
    """
    staged, settings = basis.sources.supplements, basis.settings
    projects = staged["projects"]
    lon, lat = (projects[c].to_numpy(dtype=float) for c in ("longitude", "latitude"))
    position = projection.territory_of_position(lon, lat).set_axis(projects.index)
    projects = projects.assign(territory=projects["territory"].fillna(position).astype("str"))
    parts = [
        place(projects, perimeters, generation, settings.vecu_distance_m, settings.largest_ring_m)
        for generation, perimeters in basis.by_generation.items()
        if len(projects)
    ]
    none = pd.DataFrame(columns=PUBLISHED["project_locations"].names)
    members = basis.sources.programmes[["programme", "generation", "qpv_code", "finess_et", "source_id"]]
    return {
        **staged,
        **practitioners.tables(basis),
        "projects": projects,
        "programme_members": members,
        "project_locations": pd.concat(parts or [none], ignore_index=True),
    }


def place(
    projects: pd.DataFrame, perimeters: dict[str, Perimeters], generation: str, near_m: float, ring_m: float
) -> pd.DataFrame:
    """Place projects among the QPV of one generation: by their point, else by the QPV named, else undetermined.

    ``projects``: longitude, latitude, named_qpv_code. Distances in the metres of the territory of the point; near is ≤ ``near_m``.
    """
    lon, lat = projects["longitude"].to_numpy(dtype=float), projects["latitude"].to_numpy(dtype=float)
    there = np.isfinite(lon) & np.isfinite(lat)
    territory = projection.territory_of_position(lon, lat).fillna(projects["territory"].reset_index(drop=True))
    territory = territory.fillna(METROPOLE).astype("str")
    x, y = projection.to_territory_metres(lon, lat, territory, projection.WGS84)
    joined = location.locate_all(x, y, territory, perimeters, ring_m).points.reset_index(drop=True)
    codes = {c for p in perimeters.values() for c in p.codes}
    codes_named = projects["named_qpv_code"].reset_index(drop=True)
    by_name = codes_named.where(codes_named.isin(codes) & ~there)
    point = Proximity.of_points(joined["distance_m"].to_numpy(dtype=float), joined["qpv_code"].notna().to_numpy())
    near, inside = point.within(near_m), point.inside.yes | by_name.notna().to_numpy()
    position = np.select([inside, near.yes, near.no], ["in_qpv", "near", "elsewhere"], "undetermined")
    code = joined["qpv_code"].fillna(by_name).fillna(joined["nearest_qpv_code"].where(near.yes))
    rule = np.select([there, by_name.notna().to_numpy()], [BY_POINT, BY_NAME], NO_PLACE)
    placed = projects[["project_id", "year"]].reset_index(drop=True)
    return placed.assign(
        generation=generation,
        position=position,
        qpv_code=code.astype("str"),
        distance_m=joined["distance_m"],
        rule=rule,
    )
