"""The ground of the invented France: départements and communes as rectangles, in the metres of each territory.

Metropolitan France is a sheet of squared paper in Lambert-93, x 120 000 to 1 164 000, y 6 102 000 to 7 030 000: twelve
columns and eight rows of départements, each 87 km by 116 km, filled from the north-west, back and forth, region by region::

    02 59 60 62 80 14 27 50 61 76 75 77        <- Hauts-de-France, Normandie, Île-de-France …
    54 52 51 10 08 95 94 93 92 91 …            <- … and back: a region is always in one piece
    …
    … 84 2A 2B                                 <- … and Corse in the last corner

A metropolitan département is three columns and four rows of communes of 29 km by 29 km, numbered 901 to 912. The first
seven are urban and hold the neighbourhoods; the last five are rural: no neighbourhood within 10 km.

Overseas, a territory is a band of communes of 9 km by 9 km, numbered 90 to 99, in its own projection, near its true place.
No commune, neighbourhood or structure of this France exists; its départements and regions do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from qpvhealth.facts.territories import METROPOLE, REGIONS, TERRITORIES
from qpvhealth.spatial.projection import transform_points

Box = tuple[float, float, float, float]

WEST, NORTH = 120_000, 7_030_000
COLUMNS, ROWS = 12, 8
DEPARTMENT_WIDTH, DEPARTMENT_HEIGHT = 87_000, 116_000
COMMUNE_SIDE, OVERSEAS_SIDE = 29_000, 9_000
N_URBAN, N_COMMUNES = 7, 12
REGIONS_FROM_NORTH = ("32", "28", "11", "44", "27", "24", "53", "52", "75", "84", "76", "93", "94")

OVERSEAS: dict[str, tuple[str, float, float, int]] = {
    "971": ("guadeloupe", -61.40, 16.20, 10),
    "972": ("martinique", -61.00, 14.62, 10),
    "973": ("guyane", -52.80, 4.60, 10),
    "974": ("la_reunion", 55.50, -21.15, 10),
    "975": ("saint_pierre_et_miquelon", -56.25, 46.95, 2),
    "976": ("mayotte", 45.15, -12.80, 10),
    "977": ("saint_barthelemy", -62.84, 17.90, 1),
    "978": ("saint_martin", -63.08, 18.10, 2),
    "987": ("polynesie", -149.50, -17.60, 10),
}
"""Per overseas département: its territory, the place of its middle (degrees), and how many communes it has."""


@dataclass(frozen=True)
class Commune:
    """An invented commune. ``box`` is (x0, y0, x1, y1) in the metres of its territory."""

    code: str
    name: str
    department: str
    territory: str
    box: Box
    is_urban: bool

    @property
    def number(self) -> int:
        """Its rank in the département, from 0."""
        return int(self.code[-2:]) - (1 if self.territory == METROPOLE else 90)

    @property
    def centre(self) -> tuple[float, float]:
        """The point a geocoder gives when it knows only the commune."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def epci(self) -> str | None:
        """Number of its intercommunal body (invented: no real one starts with 99); two a département, none in 978 and 987."""
        has_none = self.department in ("978", "987")
        return (
            None
            if has_none
            else f"99{self.department:0>3}{1 + self.number // 5:04d}".replace("A", "1").replace("B", "2")
        )

    @property
    def tvs(self) -> str | None:
        """Code of its territoire de vie-santé, padded as in the files; the seventh and eighth communes have none."""
        return None if self.number in (6, 7) else f"{self.department:0>3}T{self.number // 3}_"

    def at(self, east: float, north: float) -> tuple[float, float]:
        """Give the point so many metres east and north of its south-west corner."""
        return self.box[0] + east, self.box[1] + north


@cache
def metropolitan_departments() -> tuple[str, ...]:
    """List the 96 départements in the order of the sheet, region by region."""
    return tuple(d for region in REGIONS_FROM_NORTH for d in REGIONS[region][1])


def department_box(department: str) -> Box:
    """Give the rectangle of a département in the metres of its territory."""
    if department in OVERSEAS:
        boxes = np.array([c.box for c in communes_of(department)])
        return (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
    row, column = divmod(metropolitan_departments().index(department), COLUMNS)
    column = column if row % 2 == 0 else COLUMNS - 1 - column
    west, north = WEST + column * DEPARTMENT_WIDTH, NORTH - row * DEPARTMENT_HEIGHT
    return west, north - DEPARTMENT_HEIGHT, west + DEPARTMENT_WIDTH, north


@cache
def communes_of(department: str) -> tuple[Commune, ...]:
    """List the communes of a département."""
    return _overseas_communes(department) if department in OVERSEAS else _metropolitan_communes(department)


def _metropolitan_communes(department: str) -> tuple[Commune, ...]:
    west, south, _, _ = department_box(department)

    def commune(number: int) -> Commune:
        """Draw one commune, three to a row."""
        row, column = divmod(number, 3)
        name = f"Ville-Inventée-{department}-{number + 1:02d}"
        box = _square(west + column * COMMUNE_SIDE, south + row * COMMUNE_SIDE, COMMUNE_SIDE)
        return Commune(f"{department}9{number + 1:02d}", name, department, METROPOLE, box, number < N_URBAN)

    return tuple(commune(n) for n in range(N_COMMUNES))


def _overseas_communes(department: str) -> tuple[Commune, ...]:
    territory, lon, lat, n = OVERSEAS[department]
    x, y = transform_points(np.array([lon]), np.array([lat]), 4326, TERRITORIES[territory].epsg)
    columns = min(n, 5)
    west = round(float(x[0]), -3) - columns * OVERSEAS_SIDE / 2
    south = round(float(y[0]), -3) - OVERSEAS_SIDE * ((n + 4) // 5) / 2

    def commune(number: int) -> Commune:
        """Draw one commune, five to a row."""
        row, column = divmod(number, 5)
        box = _square(west + column * OVERSEAS_SIDE, south + row * OVERSEAS_SIDE, OVERSEAS_SIDE)
        name = f"Ville-Inventée-{department}-{90 + number}"
        return Commune(f"{department}{90 + number}", name, department, territory, box, is_urban=True)

    return tuple(commune(k) for k in range(n))


def _square(x: float, y: float, side: float) -> Box:
    return x, y, x + side, y + side


def all_departments() -> list[str]:
    """List every département of this France: the 96 of the sheet, then the overseas ones."""
    return [*metropolitan_departments(), *OVERSEAS]


def all_communes() -> list[Commune]:
    """List every commune of this France."""
    return [c for d in all_departments() for c in communes_of(d)]


@cache
def communes_by_code() -> dict[str, Commune]:
    """Index the communes by their code."""
    return {c.code: c for c in all_communes()}
