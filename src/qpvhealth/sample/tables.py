"""The tables besides structures: communes, people, figures, NPNRU, declarations, geocoded addresses and GP zonings.

The files of GPs and projects (``files``) need no construction. Densities and age shares repeat those of the action sheet of Rennes
(document 004): 134 GPs per 100,000 and 50 % over 55 in a town, 109 in the country, 45 % in its region. The town is the first
commune of 35, the département whose every GP has a point, in the middle of a neighbourhood of 2024: the first neighbourhood has
none, the next have one, three and six, over and over.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.facts.territories import DEPARTMENT_REGION, METROPOLE
from qpvhealth.sample.census import census, populations_2024
from qpvhealth.sample.coordinates import degrees_of, is_geocoded
from qpvhealth.sample.extracts import postcode
from qpvhealth.sample.geography import Commune, all_communes, communes_by_code
from qpvhealth.sample.neighbourhoods import neighbourhoods, old_by_commune
from qpvhealth.sample.resources import lists
from qpvhealth.sample.stories import Record, combined, renumbered, states_of
from qpvhealth.sample.workbooks import open_workbook

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GEOCODED: dict[str, Any] = lists("layouts.toml")["geocoded"]
OUTSIDE_PERIMETER = ("978", "987")
SUPPRESSED_ONE_IN, EMPTY_ONE_IN = 60, 45
ORPHAN = ("QP001999", "Quartier inventé sans contour", "ZIP")
LABELS_2025 = ("1_ZIP", "2_ZAC", "3_HZ", "2_ZAC", "4_ZAR", "1_ZIP", "3_HZ")
NO_RESULT = "N/A - résultat non disponible"
REPEATED_2025, UNMATCHED_2025 = 30, 12
EXPLICIT_NO, DECLARED_ORPHAN = 40, "0X6999999"


def write_lines(path: Path, rows: Iterable[Iterable[str]], separator: str = ",") -> None:
    """Write rows of texts, none of which needs quotes."""
    path.write_text("".join(separator.join(row) + "\n" for row in rows), encoding="utf-8")


def region_of(department: str) -> str:
    """Return the region code of a département as files write it: empty where it is in none."""
    region = DEPARTMENT_REGION[department]
    return "" if region == "none" else region


def write_communes(path: Path) -> None:
    """Write the list of communes in the columns of the COG, and the intercommunal body of each."""
    rows = [["COM", c.code, region_of(c.department), c.department, c.name, c.epci] for c in all_communes()]
    write_lines(path, [["TYPECOM", "COM", "REG", "DEP", "LIBELLE", "EPCI"], *rows])


def write_populations_2013(path: Path) -> None:
    """Write the people of 2013 in the 2015 neighbourhoods, 5 435 060 in all."""
    people = census().set_index("qpv_code")["population"].astype("str")
    rows = [["qp", "nom_qp", "reg", "epci1", "epci2", "uu", "liste_des_communes", "population_municipale_2013"]]
    for q in neighbourhoods("qpv-2015"):
        names = ", ".join(c.name for c in q.communes)
        rows.append([q.code, q.name, region_of(q.department), q.communes[0].epci, "", "", names, people[q.code]])
    write_lines(path, rows, ";")


def write_populations_2020(path: Path) -> None:
    """Write the people of 2020 in the 2024 neighbourhoods: one row per neighbourhood and commune, none for 978 and 987."""
    people = populations_2024()
    there = [q for q in neighbourhoods("qpv-2024") if q.department not in OUTSIDE_PERIMETER]
    rows = [[c.code, c.name, q.code, q.name, str(people[q.code])] for q in there for c in q.communes]
    write_lines(path, [["COG", "lib_com", "codeQPV", "lib_qp", "popMuniQPV"], *rows])


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


def write_npnru(path: Path) -> None:
    """Write the 448 neighbourhoods of the NPNRU, one code a line."""
    write_lines(path, [["code_qp"], *([code] for code in census().loc[census()["is_npnru"], "qpv_code"])])


def write_declarations(path: Path) -> None:
    """Write what the ARS declared in 2019: every yes, some of the no, and a structure that no extract lists.

    A yes names the neighbourhood that the structure serves: usually one, for some two, for one in six none.
    """
    frame = states_of(2019)
    codes = [q.code for q in neighbourhoods("qpv-2015")]
    rows = [["finess_et", "vecu", "qpv_code", "ars"]]
    for row in frame[frame["vecu"] == "yes"].to_dict("records"):
        host = row["host"] if isinstance(row["host"], str) and row["uid"] % 6 != 0 else ""
        if host and row["uid"] % 15 == 1:
            same_department = [code for code in codes if code[:5] == host[:5]]
            second = same_department[(same_department.index(host) + 1) % len(same_department)]
            host = f"{host}, {second}"
        rows.append([row["finess_et"], "oui", host, row["region"]])
    no = frame[(frame["vecu"] == "no") & ((frame["place"] == "rim") | (frame["uid"] % 50 == 1))].head(EXPLICIT_NO)
    rows += [[r["finess_et"], "non", "", r["region"]] for r in no.to_dict("records")]
    write_lines(path, [*rows, [DECLARED_ORPHAN, "oui", "", "53"]], ";")


def write_links(path: Path) -> None:
    """Write the identities that were confirmed: which number became which, and between which extracts."""
    pairs = renumbered()
    links = pd.concat([pairs[pairs["is_confirmed"]].assign(kind="renumbered"), combined()], ignore_index=True)
    columns = ["finess_from", "finess_to", "from_year", "to_year", "kind"]
    rows = [[*row, "confirmée par l'ARS (inventée)"] for row in links[columns].astype("str").to_numpy().tolist()]
    write_lines(path, [["finess_et_from", "finess_et_to", "from_year", "to_year", "kind", "reason"], *rows])


def write_geocoded(path: Path) -> None:
    """Write the answer of the national geocoder for structures whose point the register of 2019 lacks.

    Last come the answers that decide nothing: those of structures without a point, said to be 20 m east of a neighbourhood.
    """
    frame = states_of(2019)
    usable = frame[is_geocoded(frame) & frame["in_stock"]]
    flaws = GEOCODED["unusable"]
    vague = frame[(frame["place"] == "vague") & (frame["location_status"] == "centroid")].iloc[: len(flaws)]
    boxes = [old_by_commune()[communes_by_code()[code]][0].box for code in vague["commune"]]
    vague = vague.assign(x=[box[2] + 20 for box in boxes], y=[(box[1] + box[3]) / 2 for box in boxes])
    answers = [_answer(r, p) for r, p in zip(usable.to_dict("records"), degrees_of(usable), strict=True)]
    for row, point, flaw in zip(vague.to_dict("records"), degrees_of(vague), flaws, strict=True):
        answers.append(_answer(row, point) | flaw)
    write_lines(path, [list(GEOCODED["answer"]), *(answer.values() for answer in answers)])


def _answer(row: Record, point: tuple[float, float]) -> dict[str, str]:
    number, _, street = str(row["address"]).split(" ", 2)
    facts: Record = {"number": number, "street": f"Rue {street.title()}", "postcode": postcode(row["commune"])}
    facts |= {"longitude": point[0], "latitude": point[1], "score": 0.84 + row["uid"] % 15 / 100}
    return {column: cell.format(**row, **facts) for column, cell in GEOCODED["answer"].items()}


@cache
def zone_labels() -> dict[str, str]:
    """Return the class of each 2015 neighbourhood in the words of the workbook."""
    return dict(census().set_index("qpv_code")["label"])


@cache
def zone_levels() -> dict[str, str]:
    """Return where the class of each 2015 neighbourhood is written: ``qpv`` (its own sheet), ``tvs`` or ``commune``.

    A neighbourhood of one commune, whose TVS or commune happens to have its class, is left out of the QPV sheet one time in
    two. One that straddles two communes is always in it.
    """
    sheets = {}
    for rank, qpv in enumerate(neighbourhoods("qpv-2015")):
        commune = qpv.communes[0]
        around = _tvs_classes()[commune.tvs] if commune.tvs else _commune_class(commune)
        is_listed = len(qpv.communes) > 1 or rank % 2 == 0 or around != zone_labels()[qpv.code]
        sheets[qpv.code] = "qpv" if is_listed else "tvs" if commune.tvs else "commune"
    return sheets


def _commune_class(commune: Commune) -> str:
    there = old_by_commune().get(commune)
    return zone_labels()[there[0].code] if there else "Hors vivier"


@cache
def _tvs_classes() -> dict[str, str]:
    """Return the class of each TVS: that of its first commune."""
    classes: dict[str, str] = {}
    for commune in all_communes():
        if commune.tvs:
            classes.setdefault(commune.tvs, _commune_class(commune))
    return classes


def write_zoning_2019(path: Path) -> None:
    """Write the national workbook of 2019 with its three sheets and one neighbourhood that has no contour."""
    communes = [[c.code, c.name, c.department, c.tvs, "" if c.tvs else _commune_class(c)] for c in all_communes()]
    tvs = [[code, f"Territoire inventé {code.strip('_')}", name] for code, name in _tvs_classes().items()]
    listed = [q for q in neighbourhoods("qpv-2015") if zone_levels()[q.code] == "qpv"]
    qpv = [[q.code, q.name, zone_labels()[q.code]] for q in listed] + [list(ORPHAN)]
    with open_workbook(path) as book:
        for (name, header), rows in zip(
            lists("layouts.toml")["zoning_2019"].items(), (communes, tvs, qpv), strict=True
        ):
            sheet = book.add_worksheet(name)
            for n, row in enumerate([header, *rows]):
                sheet.write_row(n, 0, row)


def write_zoning_2025(path: Path) -> None:
    """Write the commune file of 2025: some rows twice, some without INSEE code, none for Polynésie.

    La Réunion and Saint-Martin have no result.
    """
    rows = []
    for rank, commune in enumerate(all_communes()):
        label = NO_RESULT if commune.department in ("974", "978") else LABELS_2025[rank * 5 % len(LABELS_2025)]
        if commune.department != "987":
            rows.append([commune.code, postcode(commune.code), commune.name, label, "cp+nom"])
    rural = [c for c in all_communes() if c.territory == METROPOLE and not c.is_urban][:UNMATCHED_2025]
    unmatched = [["", postcode(c.code), f"{c.name} (ancienne)", "3_HZ", "non_apparie"] for c in rural]
    header = ["insee", "cp", "Nom_commune", "Zonage", "methode"]
    write_lines(path, [header, *rows, *rows[:REPEATED_2025], *unmatched])
