"""The QPV that a question is about: those in force at the date of an extract, within an area, with their polygons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.publish import areas, selection
from qpvhealth.spatial import projection, sites

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release
    from qpvhealth.spatial.proximity import Perimeters

AREA_LEVELS = ("country", "region", "department", "epci", "commune")


@dataclass(frozen=True)
class Area:
    """Where to look: a level and its code; the country by default."""

    level: str = "country"
    code: str = "FR"

    @classmethod
    def parse(cls, text: str | None) -> Area:
        """Read ``region:53``, ``department:35``, ``commune:35238``, ``epci:243500139`` or ``country``. Raises UsageError."""
        if not text or text in ("country", "FR"):
            return cls()
        level, _, code = text.partition(":")
        if level not in AREA_LEVELS or not code:
            raise UsageError(f'area "{text}": write region:53, department:35, epci:…, commune:35238 or country')
        return cls(level, code)


COUNTRY = Area()


def year_of(release: Release, year: int | None) -> int:
    """Return a year of a release, by default its last. Raises UsageError for one that it does not have."""
    years = sorted(int(y) for y in release.table("extracts")["year"])
    if year is not None:
        selection.refuse_unknown(year, years, "year")
    return years[-1] if year is None else year


def quarters(release: Release, year: int | None = None) -> pd.DataFrame:
    """Return the QPV in force at the date of an extract (default: the last), with their coverage, communes and EPCI."""
    chosen = year_of(release, year)
    rows = release.table("neighbourhood_coverage")
    rows = rows[
        (rows["year"] == chosen) & (rows["generation"] == rows["territory"].map(selection.in_force(release, chosen)))
    ]
    lists = release.table("neighbourhoods", geometry=False)[["qpv_code", "generation", "commune_codes", "epci_codes"]]
    return rows.merge(lists, on=["qpv_code", "generation"], validate="one_to_one")


def within(release: Release, rows: pd.DataFrame, area: Area) -> pd.Series:
    """Say which QPV lie in an area; one over several communes lies in each. Raises UsageError for an unknown area."""
    areas.refuse_unknown(release, area.level, area.code)
    if area.level == "country":
        return pd.Series(data=True, index=rows.index)
    if area.level in ("region", "department"):
        return rows[f"{area.level}_code"] == area.code
    listed = rows[f"{area.level}_codes"].fillna("").str.split(",")
    return listed.map(lambda codes: area.code in codes).astype(bool)


def perimeters(release: Release, rows: pd.DataFrame) -> dict[str, Perimeters]:
    """Return the polygons of these QPV, in the metres of their territory."""
    shapes = release.table("neighbourhoods")
    chosen = shapes.merge(rows[["qpv_code", "generation"]], on=["qpv_code", "generation"])
    return sites.in_metres(pd.DataFrame(chosen))


def points(longitude: pd.Series, latitude: pd.Series) -> pd.DataFrame:
    """Put points, in degrees, in the metres of the territory they lie in, numbered; null where they lie in none."""
    lon, lat = longitude.to_numpy(dtype=float), latitude.to_numpy(dtype=float)
    territory = projection.territory_of_position(lon, lat)
    x, y = projection.to_territory_metres(lon, lat, territory, projection.WGS84)
    placed = {"territory": territory, "longitude": lon, "latitude": lat, "x": x, "y": y}
    return pd.DataFrame({"site": np.arange(len(lon)), **placed})
