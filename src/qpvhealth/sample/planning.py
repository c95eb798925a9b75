"""What planners get in the invented France: figures per neighbourhood, GPs, and projects with their funding.

The densities and age shares repeat those of the action sheet of Rennes (document 004): 134 GPs per 100,000 and 50 % over 55 in a
town, 109 in the country, 45 % in its region. The town, the GPs and the projects (``projects.csv``) are invented.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.territories import REGIONS
from qpvhealth.sample.coordinates import in_degrees
from qpvhealth.sample.geography import communes_of
from qpvhealth.sample.neighbourhoods import Qpv, neighbourhoods
from qpvhealth.sample.resources import records
from qpvhealth.sample.tables import OUTSIDE_PERIMETER, write_lines

if TYPE_CHECKING:
    from pathlib import Path

REGION, DEPARTMENT = "53", "35"
"""Where GPs and projects are listed: a region, and the département whose every GP has a point."""

SUPPRESSED_ONE_IN, EMPTY_ONE_IN = 60, 45
TOWN = ("290", "145", "216418")
"""GPs, those over 55, inhabitants of the first commune of the département: 134 per 100,000 and 50 %."""

GPS_PER_QPV = (0, 1, 3, 6)
"""How many GPs practise in the first neighbourhood of the département, the second and so on, over and over."""


@cache
def figures() -> tuple[tuple[str, str, str, str], ...]:
    """Invent code, name, poverty and share of 60 and over of the neighbourhoods of 2024.

    The percentages have a decimal comma; ``ns`` where one is suppressed, nothing where it is missing.
    """

    def percentage(rank: int, least: int, step: int, spread: int) -> str:
        """Write a percentage, or why there is none."""
        if rank % SUPPRESSED_ONE_IN == 0:
            return "ns"
        return "" if rank % EMPTY_ONE_IN == 0 else f"{least + rank * step % spread / 10:.1f}".replace(".", ",")

    there = [q for q in neighbourhoods("qpv-2024") if q.department not in OUTSIDE_PERIMETER]
    return tuple(
        (q.code, q.name, percentage(k, 25, 37, 400), percentage(k + 7, 8, 13, 200)) for k, q in enumerate(there)
    )


def write_figures(path: Path) -> None:
    """Write poverty and the share of 60 and over, with a row of totals, values suppressed and values missing."""
    header = ["CODGEO", "LIBGEO", "TP60", "TX_TOT_60ETPLUS"]
    write_lines(path, [header, ["Ensemble", "Ensemble", "42,0", "17,0"], *figures()], ";")


def write_gps_of_communes(path: Path) -> None:
    """Write the GPs of the communes of a region: one has none, the count of another is suppressed."""
    rows = [["code_commune", "effectif", "plus_de_55_ans", "population"]]
    for rank, commune in enumerate(c for d in REGIONS[REGION][1] for c in communes_of(d)):
        people = 4_000 + 900 * (rank * 7 % 11)
        n = 0 if rank == 1 else round(people * (40 + rank * 17 % 90) / 100_000)
        counts = ("NS", "NS") if rank == 2 else (str(n), str(n * (3 + rank % 5) // 10))  # noqa: PLR2004
        is_town = commune == communes_of(DEPARTMENT)[0]
        rows.append([commune.code, *(TOWN if is_town else (*counts, str(people)))])
    write_lines(path, rows, ";")


def gps_of_quarters() -> list[tuple[Qpv, int]]:
    """List the neighbourhoods of the département with the number of GPs in each."""
    there = [q for q in neighbourhoods("qpv-2024") if q.department == DEPARTMENT]
    return [(q, GPS_PER_QPV[k % len(GPS_PER_QPV)]) for k, q in enumerate(there)]


def write_gp_points(path: Path) -> None:
    """Write a point per GP of a département, with their age: in the middle of the neighbourhoods, 20 m apart."""
    places = [(qpv, k) for qpv, n in gps_of_quarters() for k in range(n)]
    rows = [
        [qpv.communes[0].code, lon, lat, str(38 + (at * 11 + k * 7) % 30)]
        for at, ((qpv, k), (lon, lat)) in enumerate(zip(places, _degrees(places), strict=True))
    ]
    write_lines(path, [["code_commune", "longitude", "latitude", "age"], *rows], ";")


def write_projects(path: Path) -> None:
    """Write the projects, a row per project and funder: in the ``rank``-th neighbourhood of a département, or nowhere yet."""
    columns = ["projet", "type", "avancement", "ouverture_prevue", "frein", "financeur", "montant"]
    rows = [[*columns, "code_qp", "code_commune", "longitude", "latitude"]]
    for project in records("projects.csv"):
        department, rank = project["department"], project["rank"]
        place = ["", communes_of(department)[0].code, "", ""]
        if rank:
            qpv = [q for q in neighbourhoods("qpv-2024") if q.department == department][int(rank)]
            is_by_point = project["by_point"] == "yes"
            point = _degrees([(qpv, 0)])[0] if is_by_point else ("", "")
            place = ["" if is_by_point else qpv.code, qpv.communes[0].code, *point]
        rows.append([*(project[c] for c in columns), *place])
    write_lines(path, rows, ";")


def _degrees(places: list[tuple[Qpv, int]]) -> list[tuple[str, str]]:
    """Write the middle of each neighbourhood, so many times 20 m to the east, in degrees."""
    points = [((q.box[0] + q.box[2]) / 2 + 20 * k, (q.box[1] + q.box[3]) / 2, q.epsg) for q, k in places]
    degrees = in_degrees(pd.DataFrame(points, columns=["px", "py", "epsg"]).astype({"epsg": "Int64"}))
    return [(f"{lon:.7f}", f"{lat:.7f}") for lon, lat in zip(degrees["longitude"], degrees["latitude"], strict=True)]
