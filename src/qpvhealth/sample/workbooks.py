"""Structures in the two workbooks of the ministry, as invented: titles above a merged band above the header, notes last."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd
import xlsxwriter

from qpvhealth.sample.coordinates import degrees_of, has_own_point, published
from qpvhealth.sample.extracts import postcode, with_repeats
from qpvhealth.sample.geography import communes_of
from qpvhealth.sample.resources import cards, lists
from qpvhealth.sample.stories import Record, states_of, without_number

if TYPE_CHECKING:
    from pathlib import Path

CREATED = datetime(2020, 1, 1)  # noqa: DTZ001
OLDEST_EXCEL_DATE = date(1905, 1, 1)
BLANK_ROW_EVERY = 700
NURSING = "Centre de soins infirmiers"
"""A type that the extract of 2019 leaves out and that of 2020 counts as a centre: the scope was redefined between them."""

NOTES = ["Données inventées", "Aucune structure de ce classeur n'existe.", "O / Oui : dans un QPV"]


def write_ministry(path: Path, year: int) -> None:
    """Write the workbook of 2019 or of 2020, with the sheet, header row, columns and words of its card."""
    card = cards()[f"structures-{year}"]
    header_row: int = card["header_row"]
    titles = [
        "Observatoire inventé des recompositions",
        f"Situation de {year} (données inventées)",
        "Source : qpvhealth",
    ]
    with open_workbook(path) as book:
        date_format = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet = book.add_worksheet(card["sheet"])
        sheet.write_column(0, 0, titles[: header_row - 2])
        band = book.add_format({"bold": True, "align": "center"})
        for first, last, title in lists("layouts.toml")["bands"][str(year)]:
            sheet.merge_range(header_row - 2, first, header_row - 2, last, title, band)
        sheet.write_row(header_row - 1, 0, list(card["columns"].values()))
        for n, row in enumerate(_rows_2019() if year == 2019 else _rows_2020()):  # noqa: PLR2004
            at = header_row + n + (n + 1) // BLANK_ROW_EVERY
            for c, column in enumerate(card["columns"]):
                cell = row.get(column)
                if isinstance(cell, date):
                    sheet.write_datetime(at, c, datetime(cell.year, cell.month, cell.day), date_format)  # noqa: DTZ001
                elif isinstance(cell, str):
                    sheet.write_string(at, c, cell)
                elif cell is not None:
                    sheet.write_number(at, c, cell)
        book.add_worksheet("Lisez-moi").write_column(0, 0, NOTES)


def open_workbook(path: Path) -> Any:  # noqa: ANN401
    """Open a new workbook whose bytes depend on nothing but its cells."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": False})
    book.set_properties({"created": CREATED, "title": "France inventée", "author": "qpvhealth"})
    return book


def _rows_2019() -> list[dict[str, Any]]:
    states = with_repeats(states_of(2019), 2019)
    rows = [_row(r, 2019) for r in states.to_dict("records")]
    for row, uid, has_point, (lon, lat) in zip(
        rows, states["uid"], has_own_point(states), degrees_of(states), strict=True
    ):
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
    rows = []
    for state, (lon, lat) in zip(states.to_dict("records"), degrees_of(states), strict=True):
        row = _row(state, 2020)
        if state["territory"] == "polynesie":
            row |= {"x": lon, "y": lat, "crs": "EPSG:4326"}
        elif pd.notna(state["px"]):
            row |= {"x": state["px"], "y": state["py"], "crs": f"EPSG:{state['epsg']}"}
        if state["finess_et"] == wrong_commune()[0]:
            row["commune_code"] = wrong_commune()[1]
        rows.append(row)
    return [*rows, rows[3] | {"finess_et": "X00001"}]


@cache
def wrong_commune() -> tuple[str, str, str]:
    """Return the structure of 2020 whose file gives another commune's code: its FINESS, the wrong commune, the right one."""
    states = states_of(2020)
    fits = (states["place"] == "in") & states["in_stock"] & states["department"].str.fullmatch(r"[1-8]\d")
    row = states[fits].iloc[0]
    return str(row["finess_et"]), communes_of(str(row["department"]))[-1].code, str(row["commune"])


def _row(state: Record, year: int) -> dict[str, Any]:
    """Write a structure in the words of the workbook of a year."""
    values = cards()[f"structures-{year}"]["values"]
    words = {column: {ours: theirs for theirs, ours in mapping.items()} for column, mapping in values.items()}
    commune, uid, flag = state["commune"], state["uid"], state["says_in_qpv"]
    row = {
        "finess_et": state["finess_et"],
        "name": state["name"],
        "structure_type": NURSING if state["is_nursing"] else words["structure_type"][state["structure_type"]],
        "modality": words["modality"][state["modality"]],
        "address": state["address"],
        "postcode": postcode(commune),
        # A number, its zero lost, for one in three of those that start with zero.
        "commune_code": int(commune) if commune.startswith("0") and uid % 3 == 0 else commune,
        "city": state["commune_name"],
        "source_says_in_qpv": words["source_says_in_qpv"].get(flag),
        "source_qpv_code": state["host"] if flag == "yes" else None,
    }
    for column in ("opened_on", "closed_on"):
        day: date | None = None if pd.isna(state[column]) else state[column]
        # A text for one structure in 19, and before the dates that workbooks can write.
        row[column] = f"{day:%d/%m/%Y}" if day and (uid % 19 == 0 or day < OLDEST_EXCEL_DATE) else day
    return row
