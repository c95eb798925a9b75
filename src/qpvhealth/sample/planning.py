"""What planners are given in the invented France: figures per neighbourhood, GPs, and projects with their funding.

The densities and age shares repeat those of the action sheet of Rennes (document 004): 134 GPs per 100,000 and 50 % over 55 in a
town, 109 in the country, 45 % in its region. The town, the GPs and the projects are invented.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.facts.territories import REGIONS, TERRITORIES
from qpvhealth.sample.coordinates import in_degrees
from qpvhealth.sample.geography import Commune, communes_of
from qpvhealth.sample.neighbourhoods import Qpv, neighbourhoods
from qpvhealth.sample.tables import OUTSIDE_PERIMETER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REGION, DEPARTMENT = "53", "35"
"""Where GPs and projects are given: a region, and the département whose every GP has a point."""
SUPPRESSED_ONE_IN, EMPTY_ONE_IN = 60, 45
TOWN = (290, 145, 216_418)
"""GPs, those over 55, inhabitants of the first commune of the département: 134 per 100,000 and 50 %."""
COUNTRY, REGION_GPS = (71_940, 66_000_000), (3_400, 1_530, 3_335_414)
"""GPs and inhabitants of the country (109 per 100,000), and GPs, those over 55 (45 %) and inhabitants of the region."""
GPS_PER_QPV = (0, 1, 3, 6)
"""How many GPs practise in the first neighbourhood of the département, the second and so on, over and over."""


@dataclass(frozen=True)
class Project:
    """A planned structure: in the ``rank``-th neighbourhood of a département, named or by its point; null: nowhere yet."""

    id: str
    kind: str
    stage: str
    department: str
    rank: int | None
    by_point: bool = False
    opens: str = ""
    obstacle: str = ""
    funding: dict[str, int] = field(default_factory=dict)


PROJECTS = (
    Project("P01", "MSP", "financé", "35", 0, opens="2025-09-01", funding={"FIQCS": 50_000, "CPER": 100_000}),
    Project("P02", "MSP", "en travaux", "35", 1, by_point=True, opens="2024-11-15", funding={"FNADT": 60_000}),
    Project("P03", "CdS", "à l'étude", "35", 2, opens="2026", obstacle="foncier"),
    Project("P04", "MSP", "idée", "35", None, obstacle="aucun médecin porteur"),
    Project("P05", "Pôle de santé", "financé", "35", 3, by_point=True, opens="2025", funding={"Ville": 700_000}),
    Project("P06", "MSP", "validé", "29", 0, opens="2025", funding={"FIQCS": 35_000, "FNADT": 20_000}),
    Project("P07", "CdS", "abandonné", "29", 1, obstacle="financement"),
    Project("P08", "MSP", "financé", "56", 0, by_point=True, opens="2026-03-01", funding={"CPER": 100_000}),
    Project("P09", "CdS", "ouvert", "22", 0, opens="2024-01-08", funding={"FIQCS": 45_000}),
    Project("P10", "MSP", "à l'étude", "22", 1, opens="2027"),
)


@dataclass(frozen=True)
class PlanningTruth:
    """The expected answers: amounts by funder, projects without an amount, GPs that have a point, figures that are not given."""

    amounts: dict[str, int]
    n_without_amount: int
    n_gp_points: int
    n_qpv_without_gp: int
    n_suppressed: int
    n_empty: int


@cache
def planning_truth() -> PlanningTruth:
    """Count everything once, on the construction."""
    amounts: dict[str, int] = {}
    for project in PROJECTS:
        for funder, amount in project.funding.items():
            amounts[funder] = amounts.get(funder, 0) + amount
    near = [n for _, n in _gps_of_quarters()]
    written = [cell for row in _figures() for cell in row[1:]]
    return PlanningTruth(
        amounts=amounts,
        n_without_amount=sum(not p.funding for p in PROJECTS),
        n_gp_points=sum(near),
        n_qpv_without_gp=near.count(0),
        n_suppressed=written.count("ns"),
        n_empty=written.count(""),
    )


def _save(path: Path, header: list[str], rows: list[list[str]]) -> None:
    pd.DataFrame(rows, columns=header, dtype="str").to_csv(path, sep=";", index=False, lineterminator="\n")


def write_figures(path: Path) -> None:
    """Write poverty and the share of 60 and over, with a row of totals, values suppressed and values missing."""
    header = ["CODGEO", "LIBGEO", "TP60", "TX_TOT_60ETPLUS"]
    names = {q.code: q.name for q in neighbourhoods("qpv-2024")}
    rows = [[code, names[code], *values] for code, *values in _figures()]
    _save(path, header, [["Ensemble", "Ensemble", "42,0", "17,0"], *rows])


@cache
def _figures() -> tuple[tuple[str, str, str], ...]:
    there = [q.code for q in neighbourhoods("qpv-2024") if q.department not in OUTSIDE_PERIMETER]
    return tuple((code, _figure(k, 25, 37, 400), _figure(k + 7, 8, 13, 200)) for k, code in enumerate(there))


def _figure(rank: int, least: int, step: int, spread: int) -> str:
    """Invent a percentage with a decimal comma; ``ns`` where it is suppressed, nothing where it is missing."""
    if rank % SUPPRESSED_ONE_IN == 0:
        return "ns"
    return "" if rank % EMPTY_ONE_IN == 0 else f"{least + rank * step % spread / 10:.1f}".replace(".", ",")


def write_gps_of_communes(path: Path) -> None:
    """Write the GPs of the communes of a region: one has none, the count of another is suppressed."""
    communes = [c for d in REGIONS[REGION][1] for c in communes_of(d)]
    header = ["code_commune", "effectif", "plus_de_55_ans", "population"]
    _save(path, header, [_gps_of_commune(c, k) for k, c in enumerate(communes)])


def _gps_of_commune(commune: Commune, rank: int) -> list[str]:
    if commune == communes_of(DEPARTMENT)[0]:
        return [commune.code, *map(str, TOWN)]
    people = 4_000 + 900 * (rank * 7 % 11)
    n = 0 if rank == 1 else round(people * (40 + rank * 17 % 90) / 100_000)
    counted = ["NS", "NS"] if rank == 2 else [str(n), str(n * (3 + rank % 5) // 10)]  # noqa: PLR2004
    return [commune.code, *counted, str(people)]


def write_gps_of_regions(path: Path) -> None:
    """Write the GPs of the region."""
    header = ["code_region", "effectif", "plus_de_55_ans", "population"]
    _save(path, header, [[REGION, *map(str, REGION_GPS)]])


def write_gps_of_the_country(path: Path) -> None:
    """Write the GPs of the country, of which no age is given."""
    _save(path, ["pays", "effectif", "population"], [["FR", *map(str, COUNTRY)]])


def write_gp_points(path: Path) -> None:
    """Write a point per GP of a département, with their age: in the middle of the neighbourhoods, 20 m apart."""
    places = [(qpv, k) for qpv, n in _gps_of_quarters() for k in range(n)]
    rows = [
        [qpv.communes[0].code, lon, lat, str(38 + (at * 11 + k * 7) % 30)]
        for at, ((qpv, k), (lon, lat)) in enumerate(zip(places, _degrees(places), strict=True))
    ]
    _save(path, ["code_commune", "longitude", "latitude", "age"], rows)


def _gps_of_quarters() -> list[tuple[Qpv, int]]:
    there = [q for q in neighbourhoods("qpv-2024") if q.department == DEPARTMENT]
    return [(q, GPS_PER_QPV[k % len(GPS_PER_QPV)]) for k, q in enumerate(there)]


def write_projects(path: Path) -> None:
    """Write the projects, a row per project and funder."""
    header = ["projet", "type", "avancement", "ouverture_prevue", "frein", "financeur", "montant", "code_qp"]
    _save(path, [*header, "code_commune", "longitude", "latitude"], [*_project_rows()])


def _project_rows() -> Iterator[list[str]]:
    for project in PROJECTS:
        told = [project.id, project.kind, project.stage, project.opens, project.obstacle]
        for funder, amount in project.funding.items():
            yield [*told, funder, str(amount), *_place(project)]
        if not project.funding:
            yield [*told, "", "", *_place(project)]


def _place(project: Project) -> list[str]:
    if project.rank is None:
        return ["", communes_of(project.department)[0].code, "", ""]
    qpv = [q for q in neighbourhoods("qpv-2024") if q.department == project.department][project.rank]
    if not project.by_point:
        return [qpv.code, qpv.communes[0].code, "", ""]
    return ["", qpv.communes[0].code, *_degrees([(qpv, 0)])[0]]


def _degrees(places: list[tuple[Qpv, Any]]) -> list[tuple[str, str]]:
    """Give the middle of each neighbourhood, so many times 20 m to the east."""
    x = [(q.box[0] + q.box[2]) / 2 + 20 * k for q, k in places]
    y = [(q.box[1] + q.box[3]) / 2 for q, _ in places]
    epsg = pd.array([TERRITORIES[q.territory].epsg for q, _ in places], dtype="Int64")
    known = in_degrees(pd.DataFrame({"px": x, "py": y, "epsg": epsg}))
    return [(f"{lon:.7f}", f"{lat:.7f}") for lon, lat in zip(known["longitude"], known["latitude"], strict=True)]


WRITERS: dict[str, Callable[[Path], None]] = {
    "indicators/qpv-2024.csv": write_figures,
    "practitioners/communes-2024.csv": write_gps_of_communes,
    "practitioners/regions-2024.csv": write_gps_of_regions,
    "practitioners/france-2024.csv": write_gps_of_the_country,
    "practitioners/points-2024.csv": write_gp_points,
    "projects/2024.csv": write_projects,
}
"""What writes each file."""
