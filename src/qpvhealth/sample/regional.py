"""Structures of 2024 in the layout of a regional republication of FINESS: named columns, in another order."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample.coordinates import in_degrees, published
from qpvhealth.sample.extracts import FINESS_DEPARTMENT, LABELS, iso, postcode, siret, with_repeats
from qpvhealth.sample.stories import CATEGORIES, Record, states_of

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = [
    "categetab",
    "categorie",
    "numero_finess_etablissement",
    "raison_sociale",
    "rslongue",
    "complrs",
    "numero finess etablissement juridique",
    "dateouv",
    "dateautor",
    "siret",
    "codeape",
    "numvoie",
    "typvoie",
    "voie",
    "compvoie",
    "compldistrib",
    "lieuditbp",
    "ligneacheminement",
    "code_insee",
    "departement",
    "libelle_departement",
    "code_commune",
    "latitude",
    "longitude",
    "coordyet",
    "coordxet",
    "type d etablissements",
]
UNKNOWN_DEPARTMENT = ("0X6000001", "99901")


def write_regional(path: Path) -> None:
    """Write the extract of 2024 in the regional layout: 27 columns by name, UTF-8, some fields quoted."""
    states = in_degrees(published(with_repeats(states_of(2024), 2024)))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, restval="", delimiter=";", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_regional(r) for r in states.to_dict("records"))
    unknown, broken = _regional(template(states)), _regional(states.iloc[1].to_dict())
    place = {"departement": "99", "code_commune": "901", "code_insee": UNKNOWN_DEPARTMENT[1]}
    writer.writerow(unknown | place | {"numero_finess_etablissement": UNKNOWN_DEPARTMENT[0]})
    writer.writerow(broken | {"numero_finess_etablissement": "0X-000-12"})
    path.write_text(buffer.getvalue(), encoding="utf-8")


def template(states: pd.DataFrame) -> Record:
    """Return the structure of which the row of an unknown département is a copy: in the stock, on a point far from any QPV."""
    known = states["location_status"] == "located"
    return dict(states[known & states["in_stock"] & (states["place"] == "far")].iloc[0])


def _regional(row: Record) -> dict[str, str]:
    uid, commune, department = int(row["uid"]), str(row["commune"]), str(row["department"])
    number, _, street = str(row["address"]).split(" ", 2)
    category = CATEGORIES[row["structure_type"]]
    has_metres: bool = pd.notna(row["px"]) and (row["territory"] == METROPOLE or uid % 2 == 0)
    return {
        "numero_finess_etablissement": row["finess_et"],
        "numero finess etablissement juridique": f"0X8{uid:06d}",
        "raison_sociale": row["name"],
        "rslongue": f'{row["name"]} "LES INVENTES"' if uid % 60 == 0 else "",
        "numvoie": "" if uid % 8 == 0 else number,
        "typvoie": "R",
        "voie": street,
        "code_commune": commune[2:],
        "ligneacheminement": f"{postcode(commune)} {row['commune_name']}",
        "departement": FINESS_DEPARTMENT.get(department, department),
        "libelle_departement": f"Département {department}",
        "categetab": category,
        "categorie": LABELS[category],
        "siret": siret(uid),
        "codeape": "8621Z",
        "coordxet": f"{row['px']:.1f}" if has_metres else "",
        "coordyet": f"{row['py']:.1f}" if has_metres else "",
        "dateouv": iso(row["opened_on"]),
        "dateautor": iso(row["opened_on"]),
        "longitude": "" if pd.isna(row["longitude"]) else f"{row['longitude']:.10f}",
        "latitude": "" if pd.isna(row["latitude"]) else f"{row['latitude']:.10f}",
        "type d etablissements": "Etablissements de soins",
        "code_insee": commune,
    }
