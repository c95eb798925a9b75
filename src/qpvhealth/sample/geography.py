"""The ground of the invented France: départements and communes as rectangles, in the metres of each territory.

Metropolitan France is a sheet of squared paper in Lambert-93, x 120 000 to 1 164 000, y 6 102 000 to 7 030 000: twelve
columns and eight rows of départements, each 87 km by 116 km, filled from the north-west, back and forth, region by region::

    02 59 60 62 80 14 27 50 61 76 75 77        <- Hauts-de-France, Normandie, Île-de-France …
    54 52 51 10 08 95 94 93 92 91 …            <- … and back: a region is always in one piece
    …
    … 84 2A 2B                                 <- … and Corse in the last corner

A metropolitan département is three columns and four rows of communes of 29 km by 29 km, numbered 901 to 912. The first
seven are urban and have the neighbourhoods; the last five are rural: no neighbourhood within 10 km.

Overseas (``overseas.csv``: the middle of each territory in degrees), a territory is a band of communes of 9 km by 9 km,
numbered 90 to 99, in its own projection, near its true place. No commune, neighbourhood or structure of this France exists;
its départements and regions do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from qpvhealth.facts.territories import METROPOLE, REGIONS, TERRITORIES
from qpvhealth.sample.resources import records
from qpvhealth.spatial.projection import transform_points

Box = tuple[float, float, float, float]
"""West, south, east, north."""

WEST, NORTH = 120_000, 7_030_000
COLUMNS = 12
DEPARTMENT_WIDTH, DEPARTMENT_HEIGHT = 87_000, 116_000
COMMUNE_SIDE, OVERSEAS_SIDE = 29_000, 9_000
N_URBAN, N_COMMUNES = 7, 12
REGIONS_FROM_NORTH = ("32", "28", "11", "44", "27", "24", "53", "52", "75", "84", "76", "93", "94")
OVERSEAS = {row["department"]: row for row in records("overseas.csv")}


@dataclass(frozen=True)
class Commune:
    """An invented commune. ``number`` is its rank in the département; ``box`` is in the metres of its territory."""

    code: str
    name: str
    department: str
    territory: str
    box: Box
    number: int
    is_urban: bool

    @property
    def centre(self) -> tuple[float, float]:
        """The point a geocoder gives when it knows only the commune."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def epci(self) -> str:
        """Number of its intercommunal body (invented: no real one starts with 99); empty in 978 and 987."""
        if self.department in ("978", "987"):
            return ""
        return f"99{self.department:0>3}{1 + self.number // 5:04d}".replace("A", "1").replace("B", "2")

    @property
    def tvs(self) -> str:
        """Code of its territoire de vie-santé, padded as in the files; the seventh and eighth communes have none."""
        return "" if self.number in (6, 7) else f"{self.department:0>3}T{self.number // 3}_"

    def at(self, east: float, north: float) -> tuple[float, float]:
        """Return the point so many metres east and north of its south-west corner."""
        return self.box[0] + east, self.box[1] + north


@cache
def metropolitan_departments() -> tuple[str, ...]:
    """List the 96 départements in the order of the sheet, region by region."""
    return tuple(d for region in REGIONS_FROM_NORTH for d in REGIONS[region][1])


def department_box(department: str) -> Box:
    """Return the rectangle of a département in the metres of its territory."""
    if department in OVERSEAS:
        boxes = np.array([c.box for c in communes_of(department)])
        return (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
    row, column = divmod(metropolitan_departments().index(department), COLUMNS)
    column = column if row % 2 == 0 else COLUMNS - 1 - column
    west, north = WEST + column * DEPARTMENT_WIDTH, NORTH - row * DEPARTMENT_HEIGHT
    return west, north - DEPARTMENT_HEIGHT, west + DEPARTMENT_WIDTH, north


@cache
def communes_of(department: str) -> tuple[Commune, ...]:
    """List the communes of a département, three to a row; overseas, five to a row."""
    if department in OVERSEAS:
        territory, n = OVERSEAS[department]["territory"], int(OVERSEAS[department]["n_communes"])
        side, in_row, n_urban, prefix, first = OVERSEAS_SIDE, 5, n, "", 90
        longitude, latitude = (np.array([float(OVERSEAS[department][a])]) for a in ("longitude", "latitude"))
        x, y = transform_points(longitude, latitude, 4326, TERRITORIES[territory].epsg)
        west: float = round(float(x[0]), -3) - min(n, in_row) * side / 2
        south: float = round(float(y[0]), -3) - side * ((n + 4) // in_row) / 2
    else:
        territory, n = METROPOLE, N_COMMUNES
        side, in_row, n_urban, prefix, first = COMMUNE_SIDE, 3, N_URBAN, "9", 1
        west, south, _, _ = department_box(department)
    communes = []
    for k in range(n):
        row, column = divmod(k, in_row)
        x0, y0 = west + column * side, south + row * side
        number = f"{first + k:02d}"
        name = f"Ville-Inventée-{department}-{number}"
        box = (x0, y0, x0 + side, y0 + side)
        communes.append(Commune(f"{department}{prefix}{number}", name, department, territory, box, k, k < n_urban))
    return tuple(communes)


def all_departments() -> list[str]:
    """List every département of this France: the 96 of the sheet, then the overseas ones."""
    return [*metropolitan_departments(), *OVERSEAS]


@cache
def communes_by_code() -> dict[str, Commune]:
    """Return every commune of this France by its code."""
    return {c.code: c for d in all_departments() for c in communes_of(d)}


def all_communes() -> list[Commune]:
    """List every commune of this France."""
    return list(communes_by_code().values())
