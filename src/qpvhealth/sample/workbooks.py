"""Structures in the two workbooks of the ministry, as invented: titles above a merged band above the header, notes beside."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd
import xlsxwriter

from qpvhealth.sample.coordinates import degrees_of, has_own_point, published
from qpvhealth.sample.extracts import postcode, with_repeats
from qpvhealth.sample.geography import communes_of
from qpvhealth.sample.stories import Record, states_of, without_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CREATED = datetime(2020, 1, 1)  # noqa: DTZ001
OLDEST_EXCEL_DATE = date(1905, 1, 1)
BLANK_ROW_EVERY = 700
HEADER_ROW = {2019: 5, 2020: 4}
SHEET = {2019: "Structures", 2020: "Extraction"}

COLUMNS_2019 = {
    "finess_et": "N° FINESS ET",
    "own_id": "Identifiant observatoire",
    "name": "Nom de la structure",
    "structure_type": "Type",
    "modality": "Exercice",
    "address": "Adresse",
    "postcode": "Code postal",
    "commune_code": "Code commune (INSEE)",
    "city": "Commune",
    "opened_on": "Date d'ouverture",
    "closed_on": "Date de fermeture",
    "source_says_in_qpv": "Implantée en QPV",
    "source_qpv_code": "Code du QPV",
    "longitude": "Longitude",
    "latitude": "Latitude",
}
COLUMNS_2020 = {
    "finess_et": "FINESS géographique",
    "structure_type": "Catégorie de structure",
    "modality": "Mono / pluri",
    "name": "Dénomination",
    "address": "Voie",
    "commune_code": "INSEE",
    "city": "Ville",
    "postcode": "CP",
    "x": "X",
    "y": "Y",
    "crs": "Projection",
    "opened_on": "Ouverte le",
    "closed_on": "Fermée le",
    "source_says_in_qpv": "En QPV (O/N)",
    "source_qpv_code": "QPV de rattachement",
}
NURSING = "Centre de soins infirmiers"
"""A type that the extract of 2019 leaves out and that of 2020 counts as a centre: the scope was redefined between them."""

VALUES: dict[int, dict[str, dict[str, str]]] = {
    2019: {
        "structure_type": {"Maison de santé": "MSP", "Centre de santé": "CDS", NURSING: "out_of_scope"},
        "modality": {"Pluriprofessionnel": "pluri", "Monoprofessionnel": "mono", "Non renseigné": "unknown"},
        "source_says_in_qpv": {"Oui": "yes", "Non": "no"},
    },
    2020: {
        "structure_type": {"MSP": "MSP", NURSING: "CDS", "CDS": "CDS"},
        "modality": {"PLURI": "pluri", "MONO": "mono", "NR": "unknown"},
        "source_says_in_qpv": {"O": "yes", "N": "no"},
    },
}
BANDS = {
    2019: ((0, 4, "Structure"), (5, 8, "Adresse"), (9, 12, "Vie et QPV")),
    2020: ((0, 3, "Structure"), (4, 7, "Lieu"), (8, 10, "Point")),
}


def write_ministry(path: Path, year: int) -> None:
    """Write the workbook of 2019 or of 2020."""
    columns = COLUMNS_2019 if year == 2019 else COLUMNS_2020  # noqa: PLR2004
    rows = _rows_2019() if year == 2019 else _rows_2020()  # noqa: PLR2004
    with open_workbook(path) as book:
        date_format = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet = book.add_worksheet(SHEET[year])
        _write_titles(book, sheet, year)
        sheet.write_row(HEADER_ROW[year] - 1, 0, list(columns.values()))
        row_number = HEADER_ROW[year]
        for n, row in enumerate(rows):
            row_number += n % BLANK_ROW_EVERY == BLANK_ROW_EVERY - 1
            for c, column in enumerate(columns):
                _write_cell(sheet, row_number, c, row.get(column), date_format)
            row_number += 1
        notes = book.add_worksheet("Lisez-moi")
        notes.write_column(
            0, 0, ["Données inventées", "Aucune structure de ce classeur n'existe.", "O / Oui : dans un QPV"]
        )


def open_workbook(path: Path) -> Any:  # noqa: ANN401
    """Open a new workbook whose bytes depend on nothing but its cells."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": False})
    book.set_properties({"created": CREATED, "title": "France inventée", "author": "qpvhealth"})
    return book


def _write_titles(book: Any, sheet: Any, year: int) -> None:  # noqa: ANN401
    titles = [
        "Observatoire inventé des recompositions",
        f"Situation de {year} (données inventées)",
        "Source : qpvhealth",
    ]
    sheet.write_column(0, 0, titles[: HEADER_ROW[year] - 2])
    band = book.add_format({"bold": True, "align": "center"})
    for first, last, title in BANDS[year]:
        sheet.merge_range(HEADER_ROW[year] - 2, first, HEADER_ROW[year] - 2, last, title, band)


def _write_cell(sheet: Any, row: int, column: int, value: object, date_format: Any) -> None:  # noqa: ANN401
    if value is None or value == "":
        return
    if isinstance(value, date):
        sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), date_format)  # noqa: DTZ001
    elif isinstance(value, str):
        sheet.write_string(row, column, value)
    else:
        sheet.write_number(row, column, value)


def _rows_2019() -> list[dict[str, Any]]:
    states = with_repeats(states_of(2019), 2019)
    own = has_own_point(states, without_number())
    degrees = degrees_of(states)
    rows = [_row(r, 2019) for r in states.to_dict("records")]
    for row, uid, has_point, (lon, lat) in zip(rows, states["uid"], own, degrees, strict=True):
        row["own_id"] = f"OBS-{uid:05d}"
        if uid in without_number():
            row["finess_et"] = None
        if has_point:
            row |= {"longitude": lon, "latitude": lat}
    unidentified = rows[3] | {"finess_et": None, "own_id": None}
    misnumbered = rows[4] | {"finess_et": "0X123", "own_id": None}
    return [*rows, unidentified, misnumbered]


def _rows_2020() -> list[dict[str, Any]]:
    states = published(with_repeats(states_of(2020), 2020))
    degrees = degrees_of(states)
    rows = [_row(r, 2020) for r in states.to_dict("records")]
    for row, state, (lon, lat) in zip(rows, states.to_dict("records"), degrees, strict=True):
        if state["territory"] == "polynesie":
            row |= {"x": lon, "y": lat, "crs": "EPSG:4326"}
        elif pd.notna(state["px"]):
            row |= {"x": state["px"], "y": state["py"], "crs": f"EPSG:{state['epsg']}"}
        if state["uid"] == wrong_commune()[0]:
            row["commune_code"] = wrong_commune()[2]
    return [*rows, rows[3] | {"finess_et": "X00001"}]


@cache
def wrong_commune() -> tuple[int, str, str, str]:
    """Name the structure of 2020 whose file gives another commune's code: number, FINESS, wrong commune, right one."""
    states = states_of(2020)
    fits = (states["place"] == "in") & states["in_stock"] & states["department"].str.fullmatch(r"[1-8]\d")
    row = states[fits].iloc[0]
    return int(row["uid"]), str(row["finess_et"]), communes_of(str(row["department"]))[-1].code, str(row["commune"])


def _row(state: Record, year: int) -> dict[str, Any]:
    words = {column: {ours: theirs for theirs, ours in mapping.items()} for column, mapping in VALUES[year].items()}
    flag = state["says_in_qpv"]
    return {
        "finess_et": state["finess_et"],
        "name": state["name"],
        "structure_type": NURSING if state["is_nursing"] else words["structure_type"][state["structure_type"]],
        "modality": words["modality"][state["modality"]],
        "address": state["address"],
        "postcode": postcode(state["commune"]),
        "commune_code": _as_typed(state["commune"], state["uid"]),
        "city": state["commune_name"],
        "opened_on": _day(state["opened_on"], state["uid"]),
        "closed_on": _day(state["closed_on"], state["uid"]),
        "source_says_in_qpv": words["source_says_in_qpv"].get(flag),
        "source_qpv_code": state["host"] if flag == "yes" else None,
    }


def _as_typed(commune: str, uid: int) -> str | int:
    """Write a commune code as a number, its zero lost, for one in three of those that start with zero."""
    return int(commune) if commune.startswith("0") and uid % 3 == 0 else commune


def _day(day: date | None, uid: int) -> date | str | None:
    """Write a day as a date, or as text: for one structure in 19, and before the dates that workbooks know well."""
    if pd.isna(day) or day is None:
        return None
    return day.strftime("%d/%m/%Y") if uid % 19 == 0 or day < OLDEST_EXCEL_DATE else day


def sheet_of(book: Any, name: str, header: Sequence[str], rows: list[list[Any]]) -> None:  # noqa: ANN401
    """Write one plain sheet of texts: header, then rows; an empty text leaves its cell empty."""
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, list(header))
    for n, row in enumerate(rows, 1):
        sheet.write_row(n, 0, row)
