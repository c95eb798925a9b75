"""The ground of the invented France: départements and communes as rectangles, in the metres of each territory.

Metropolitan France is squared paper in Lambert-93: a département is a block of 45 km by 60 km that stands on the ground of the
maps (``facts.ground``), 94 of them in columns and rows, each in the place that keeps the whole nearest to the true centres of
the départements, and two in Corse (``blocks.csv``: the north-west corner of each, in metres).

A metropolitan département is three columns and four rows of communes of 15 km by 15 km, numbered 901 to 912. The first
seven are urban and have the neighbourhoods; the last five are rural: no neighbourhood within 4 km.

Overseas (``overseas.csv``: the middle of each territory in degrees), a territory is a block of communes of 9 km by 9 km,
numbered 90 to 99, in its own projection, on its true ground or near it. No commune, neighbourhood or structure of this France exists;
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

COMMUNE_SIDE, OVERSEAS_SIDE = 15_000, 9_000
N_URBAN, N_COMMUNES = 7, 12
REGIONS_FROM_NORTH = ("32", "28", "11", "44", "27", "24", "53", "52", "75", "84", "76", "93", "94")
BLOCKS = {row["department"]: (float(row["west"]), float(row["north"])) for row in records("blocks.csv")}
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
    west, north = BLOCKS[department]
    return west, north - 4 * COMMUNE_SIDE, west + 3 * COMMUNE_SIDE, north


@cache
def communes_of(department: str) -> tuple[Commune, ...]:
    """List the communes of a département, three to a row; overseas, as many as ``overseas.csv`` says."""
    if department in OVERSEAS:
        territory, n = OVERSEAS[department]["territory"], int(OVERSEAS[department]["n_communes"])
        side, in_row, n_urban, prefix, first = OVERSEAS_SIDE, int(OVERSEAS[department]["in_row"]), n, "", 90
        longitude, latitude = (np.array([float(OVERSEAS[department][a])]) for a in ("longitude", "latitude"))
        x, y = transform_points(longitude, latitude, 4326, TERRITORIES[territory].epsg)
        west: float = round(float(x[0]), -3) - min(n, in_row) * side / 2
        south: float = round(float(y[0]), -3) - side * -(-n // in_row) / 2
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
