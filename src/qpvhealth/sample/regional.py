"""Structures of 2024 in the layout of a regional republication of FINESS: named columns, in another order."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample.coordinates import in_degrees, published
from qpvhealth.sample.extracts import FINESS, FINESS_DEPARTMENT, iso, postcode, siret, with_repeats
from qpvhealth.sample.resources import lists
from qpvhealth.sample.stories import CATEGORIES, Record, states_of

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN_DEPARTMENT = ("0X6000001", "99901")


def write_regional(path: Path) -> None:
    """Write the extract of 2024 in the regional layout: 27 columns by name, UTF-8, some fields quoted."""
    states = in_degrees(published(with_repeats(states_of(2024), 2024)))
    rows = [_row(r) for r in states.to_dict("records")]
    place = {"departement": "99", "code_commune": "901", "code_insee": UNKNOWN_DEPARTMENT[1]}
    rows.append(_row(template(states)) | place | {"numero_finess_etablissement": UNKNOWN_DEPARTMENT[0]})
    rows.append(rows[1] | {"numero_finess_etablissement": "0X-000-12"})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def template(states: pd.DataFrame) -> Record:
    """Return the structure of which the row of an unknown département is a copy: in the stock, on a point far from any QPV."""
    is_far = (states["location_status"] == "located") & states["in_stock"] & (states["place"] == "far")
    return dict(states[is_far].iloc[0])


def _row(row: Record) -> dict[str, str]:
    uid, commune, category = int(row["uid"]), str(row["commune"]), CATEGORIES[row["structure_type"]]
    number, _, street = str(row["address"]).split(" ", 2)
    has_metres: bool = pd.notna(row["px"]) and (row["territory"] == METROPOLE or uid % 2 == 0)
    cells = row | {
        "category": category,
        "category_label": FINESS["labels"][category],
        "long_name": f'{row["name"]} "LES INVENTES"' if uid % 60 == 0 else "",
        "number": "" if uid % 8 == 0 else number,
        "street": street,
        "commune_in_department": commune[2:],
        "postcode": postcode(commune),
        "finess_department": FINESS_DEPARTMENT.get(row["department"], row["department"]),
        "siret": siret(uid),
        "opened_on": iso(row["opened_on"]),
        "x": f"{row['px']:.1f}" if has_metres else "",
        "y": f"{row['py']:.1f}" if has_metres else "",
        **{axis: "" if pd.isna(row[axis]) else f"{row[axis]:.10f}" for axis in ("longitude", "latitude")},
    }
    return {column: text.format(**cells) for column, text in lists("layouts.toml")["regional"].items()}
