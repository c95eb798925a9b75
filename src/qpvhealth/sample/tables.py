"""The plain tables: communes, people, NPNRU, what the ARS declared, what the geocoder answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.facts.territories import DEPARTMENT_REGION
from qpvhealth.sample.census import census, populations_2024
from qpvhealth.sample.coordinates import degrees_of, is_geocoded
from qpvhealth.sample.extracts import postcode
from qpvhealth.sample.geography import all_communes, communes_by_code
from qpvhealth.sample.neighbourhoods import neighbourhoods
from qpvhealth.sample.stories import Record, combined, renumbered, states_of, without_number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GEOCODED_COLUMNS = [
    "finess_et",
    "adresse",
    "code_postal",
    "commune",
    "longitude",
    "latitude",
    "result_score",
    "result_score_next",
    "result_label",
    "result_type",
    "result_id",
    "result_banId",
    "result_housenumber",
    "result_name",
    "result_street",
    "result_postcode",
    "result_city",
    "result_context",
    "result_citycode",
    "result_oldcitycode",
    "result_oldcity",
    "result_district",
    "result_status",
]
UNUSABLE = (
    {"result_type": "municipality", "result_score": "0.94"},
    {"result_type": "housenumber", "result_score": "0.41"},
    {"result_status": "not-found", "result_type": "", "result_score": "", "longitude": "", "latitude": ""},
    {"result_citycode": "01912"},
    {"result_type": "locality", "result_score": "0.88"},
    {"result_type": "street", "result_score": "0.90"},
)
"""Answers that leave a structure undetermined: too coarse, too weak, none, in another commune, or 20 m from a border."""

OUTSIDE_PERIMETER = ("978", "987")
EXPLICIT_NO, DECLARED_ORPHAN = 40, "0X6999999"


def _write(path: Path, rows: Iterable[Iterable[str]], separator: str) -> None:
    path.write_text("".join(separator.join(r) + "\n" for r in rows), encoding="utf-8")


def write_communes(path: Path) -> None:
    """Write the list of communes in the columns of the COG, and the intercommunal body of each."""
    header = ["TYPECOM", "COM", "REG", "DEP", "LIBELLE", "EPCI"]
    regions = {d: "" if r == "none" else r for d, r in DEPARTMENT_REGION.items()}
    rows = [["COM", c.code, regions[c.department], c.department, c.name, c.epci or ""] for c in all_communes()]
    _write(path, [header, *rows], ",")


def write_populations_2013(path: Path) -> None:
    """Write the people of 2013 in the 2015 neighbourhoods, 5 435 060 in all."""
    people = census().set_index("qpv_code")["population"]
    header = ["qp", "nom_qp", "reg", "epci1", "epci2", "uu", "liste_des_communes", "population_municipale_2013"]
    rows = [
        [
            q.code,
            q.name,
            "" if DEPARTMENT_REGION[q.department] == "none" else DEPARTMENT_REGION[q.department],
            q.communes[0].epci or "",
            "",
            "",
            ", ".join(c.name for c in q.communes),
            str(people[q.code]),
        ]
        for q in neighbourhoods("qpv-2015")
    ]
    _write(path, [header, *rows], ";")


def write_populations_2020(path: Path) -> None:
    """Write the people of 2020 in the 2024 neighbourhoods: one row per neighbourhood and commune, none for 978 and 987."""
    people = populations_2024()
    there = [q for q in neighbourhoods("qpv-2024") if q.department not in OUTSIDE_PERIMETER]
    rows = [[c.code, c.name, q.code, q.name, str(people[q.code])] for q in there for c in q.communes]
    _write(path, [["COG", "lib_com", "codeQPV", "lib_qp", "popMuniQPV"], *rows], ",")


def write_npnru(path: Path) -> None:
    """Write the 448 neighbourhoods of the NPNRU, one code a line."""
    codes = census().loc[census()["is_npnru"], "qpv_code"]
    _write(path, [["code_qp"], *([c] for c in codes)], ",")


def write_declarations(path: Path) -> None:
    """Write what the ARS declared in 2019: every yes, some of the no, and a structure that no extract knows."""
    frame = states_of(2019)
    yes = frame[frame["vecu"] == "yes"]
    no = frame[(frame["vecu"] == "no") & ((frame["place"] == "rim") | (frame["uid"] % 50 == 1))].head(EXPLICIT_NO)
    rows = [[r["finess_et"], "oui", _named(r), r["region"]] for r in yes.to_dict("records")]
    rows += [[r["finess_et"], "non", "", r["region"]] for r in no.to_dict("records")]
    _write(path, [["finess_et", "vecu", "qpv_code", "ars"], *rows, [DECLARED_ORPHAN, "oui", "", "53"]], ";")


def _named(row: Record) -> str:
    """Name the neighbourhood that a structure serves: usually one, for some two, for one in six none."""
    if not isinstance(row["host"], str) or row["uid"] % 6 == 0:
        return ""
    second = _neighbour(str(row["host"])) if row["uid"] % 15 == 1 else None
    return f"{row['host']}, {second}" if second else str(row["host"])


def _neighbour(code: str) -> str:
    codes = [q.code for q in neighbourhoods("qpv-2015") if q.code[:5] == code[:5]]
    return codes[(codes.index(code) + 1) % len(codes)]


def write_links(path: Path) -> None:
    """Write the identities that were confirmed: which number became which, and between which extracts."""
    pairs = renumbered()
    confirmed = pairs[pairs["is_confirmed"]].assign(kind="renumbered")
    columns = ["finess_from", "finess_to", "from_year", "to_year", "kind"]
    rows = pd.concat([confirmed[columns], combined()], ignore_index=True).astype("str")
    header = ["finess_et_from", "finess_et_to", "from_year", "to_year", "kind", "reason"]
    lines = [[*row, "confirmée par l'ARS (inventée)"] for row in rows.to_numpy().tolist()]
    _write(path, [header, *lines], ",")


def write_geocoded(path: Path) -> None:
    """Write the answer of the national geocoder for structures whose point the register of 2019 lacks."""
    frame = states_of(2019)
    usable = frame[is_geocoded(frame, without_number()) & frame["in_stock"]]
    rows = [_answer(r, p) for r, p in zip(usable.to_dict("records"), degrees_of(usable), strict=True)]
    rows += [row for row, _ in unusable_answers()]
    lines = [[str(r.get(c, "")) for c in GEOCODED_COLUMNS] for r in rows]
    _write(path, [GEOCODED_COLUMNS, *lines], ",")


def unusable_answers() -> list[tuple[dict[str, Any], int]]:
    """Give the answers that decide nothing, each with the number of its structure."""
    frame = states_of(2019)
    vague = frame[(frame["place"] == "vague") & (frame["location_status"] == "centroid")].iloc[: len(UNUSABLE)]
    points = degrees_of(
        vague.assign(
            x=[_by_the_border(c)[0] for c in vague["commune"]], y=[_by_the_border(c)[1] for c in vague["commune"]]
        )
    )
    rows = [_answer(r, p) for r, p in zip(vague.to_dict("records"), points, strict=True)]
    return [(row | flaw, int(uid)) for row, flaw, uid in zip(rows, UNUSABLE, vague["uid"], strict=True)]


def _by_the_border(commune: str) -> tuple[float, float]:
    """Give the point 20 m east of a neighbourhood of the commune."""
    qpv = next(q for q in neighbourhoods("qpv-2015") if communes_by_code()[commune] in q.communes)
    return qpv.box[2] + 20, (qpv.box[1] + qpv.box[3]) / 2


def _answer(row: Record, point: tuple[float, float]) -> dict[str, Any]:
    number, _, street = str(row["address"]).split(" ", 2)
    code, city = row["commune"], row["commune_name"]
    return {
        "finess_et": row["finess_et"],
        "adresse": row["address"],
        "code_postal": postcode(code),
        "commune": city,
        "longitude": f"{point[0]:.6f}",
        "latitude": f"{point[1]:.6f}",
        "result_score": f"{0.84 + row['uid'] % 15 / 100:.2f}",
        "result_score_next": "0.52",
        "result_label": f"{number} Rue {street.title()} {postcode(code)} {city}",
        "result_type": "housenumber",
        "result_id": f"{code}_0001_{int(number):05d}",
        "result_housenumber": number,
        "result_name": f"Rue {street.title()}",
        "result_street": f"Rue {street.title()}",
        "result_postcode": postcode(code),
        "result_city": city,
        "result_citycode": code,
        "result_status": "ok",
    }
