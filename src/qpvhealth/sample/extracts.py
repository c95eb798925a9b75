"""Structures in two layouts of FINESS: the legacy one (extract of 2018, register of 2019), a regional republication (2024)."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.territories import FINESS_OVERSEAS, METROPOLE
from qpvhealth.sample.coordinates import has_own_point, in_degrees, is_geocoded, published
from qpvhealth.sample.geography import Commune, all_communes, communes_by_code
from qpvhealth.sample.resources import lists
from qpvhealth.sample.stories import CATEGORIES, Record, states_of, without_number

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

FINESS_DEPARTMENT = {insee: finess for finess, insee in FINESS_OVERSEAS.items()}
FINESS = lists("layouts.toml")["finess"]
"""Labels of the categories, names of the coordinate systems, rows out of scope by category."""

BROKEN_2018 = (("0X12", "603"), ("0X00A0123", "603"), ("", "124"))
"""Rows to be rejected: two FINESS numbers of the wrong shape, one without any."""

REGISTER_ONLY = 10
"""Rows of the register of 2019 that are in scope and not in the extract: a register never adds a structure."""

UNKNOWN_DEPARTMENT = ("0X6000001", "99901")
"""A structure of 2024 whose département does not exist, and its commune."""

REPEATED = {2018: 5, 2019: 4, 2020: 3, 2024: 4}
"""How many structures of each extract have two identical rows."""


def with_repeats(states: pd.DataFrame, year: int) -> pd.DataFrame:
    """Add the identical repeats of an extract at its end."""
    is_plain = (states["place"] == "far") & states["in_stock"] & (states["uid"] % 11 == 0)
    plain = states[is_plain & ~states["uid"].isin(without_number())]
    return pd.concat([states, plain.iloc[: REPEATED[year]]], ignore_index=True)


def write_legacy(path: Path) -> None:
    """Write the extract of 2018 in the legacy layout, cp1252, 31 fields a row."""
    states = published(states_of(2018))
    structures = [_structureet(r) for r in with_repeats(states, 2018).to_dict("records")]
    structures += [_unnamed(number, category, k) for k, (number, category) in enumerate(BROKEN_2018)]
    points = [_geolocalisation(r) for r in states.to_dict("records") if pd.notna(r["px"])]
    path.write_bytes(_legacy_text("2018", structures, [*points, points[0]]).encode("cp1252"))


def write_register(path: Path) -> None:
    """Write the register of 2019 in the legacy layout, UTF-8, 32 fields a row, with what it lacks."""
    states = published(states_of(2019))
    listed = states[states["in_stock"] & ~has_own_point(states)]
    geocoded, is_odd = is_geocoded(listed), listed["uid"] % 2 == 1
    is_absent = is_odd & (geocoded | (listed["location_status"] == "missing"))
    status = listed["location_status"].mask(geocoded & ~is_odd, "centroid")
    listed = published(listed.assign(location_status=status)[~is_absent])
    structures = [_structureet(r) for r in listed.to_dict("records")]
    structures += [_unnamed(f"0X7{k:06d}", "124", k) for k in range(REGISTER_ONLY)]
    points = [_geolocalisation(r) for r in listed.to_dict("records") if pd.notna(r["px"])]
    path.write_bytes(_legacy_text("2019", structures, points, ends_with=";").encode("utf-8"))


def _legacy_text(year: str, structures: list[str], points: list[str], *, ends_with: str = "") -> str:
    """Join both sections, each with the establishments of other categories, out of scope, at its end."""
    categories = [c for c, n in FINESS["out_of_scope"].items() for _ in range(n)]
    homes = [c for c in all_communes() if c.territory == METROPOLE]
    opened = f"{year}-01-15"
    for k, category in enumerate(categories):
        home, number = homes[k * 31 % len(homes)], f"0X5{k:06d}"
        east, north = home.centre
        structures.append(_unnamed(number, category, k, home, opened))
        place = f"{east + 900:.1f};{north - 900:.1f};1,ATLASANTE,96,BAN,{FINESS['crs']['2154']}"
        points.append(f"geolocalisation;{number};{place};{opened}")
    lines = [f"finess;etalab;93;{year}-03-31", *(line + ends_with for line in structures), "", *points]
    return "\n".join(lines) + "\n"


def _structureet(row: Record) -> str:
    number, _, street = str(row["address"]).split(" ", 2)
    home, facts = communes_by_code()[row["commune"]], {"siret": siret(row["uid"]), "opened": iso(row["opened_on"])}
    address, category = f"{number};R;{street}", CATEGORIES[row["structure_type"]]
    return _establishment(home, category, number=row["finess_et"], name=row["name"], address=address, **facts)


def _unnamed(number: str, category: str, rank: int, home: Commune | None = None, opened: str = "2012-05-01") -> str:
    """Write an establishment that is no structure of the construction."""
    home, name = home or all_communes()[rank * 12 + 8], f"ETABLISSEMENT INVENTE {category} {rank}"
    return _establishment(home, category, number=number, name=name, address="1;R;INVENTEE", siret="", opened=opened)


def _establishment(home: Commune, category: str, *, number: str, **facts: str) -> str:
    """Write a row of the first section; ``facts``: name, address (three fields), SIRET, day of opening."""
    place = {
        "commune": home.code[2:],
        "department": home.department,
        "town": home.name,
        "postcode": postcode(home.code),
    }
    place["insee"] = FINESS_DEPARTMENT.get(home.department, home.department)
    entity, label = f"0X8{number[-6:]:0>6}", FINESS["labels"][category]
    row: str = FINESS["rows"]["structureet"]
    return row.format(number=number, entity=entity, category=category, label=label, **place, **facts)


def _geolocalisation(row: Record) -> str:
    uid, epsg, status = int(row["uid"]), str(row["epsg"]), row["location_status"]
    crs = FINESS["crs"].get(epsg, "")
    if uid % 4 == 0 and status == "located":
        crs = FINESS["old_crs"].get(epsg, crs)
    origin = f"1,ATLASANTE,{82 + uid % 18},{'BDADRESSE' if uid % 10 == 0 else 'BAN'}"
    if status == "centroid":
        origin = "4,ATLASANTE,.,ADMIN-EXPRESS-2023"
    return f"geolocalisation;{row['finess_et']};{row['px']:.1f};{row['py']:.1f};{origin},{crs};2018-01-02"


def write_regional(path: Path) -> None:
    """Write the extract of 2024 in the regional layout: 27 columns by name, UTF-8, some fields quoted."""
    states = in_degrees(published(with_repeats(states_of(2024), 2024)))
    rows = [_regional_row(r) for r in states.to_dict("records")]
    place = {"departement": "99", "code_commune": "901", "code_insee": UNKNOWN_DEPARTMENT[1]}
    rows.append(_regional_row(template(states)) | place | {"numero_finess_etablissement": UNKNOWN_DEPARTMENT[0]})
    rows.append(rows[1] | {"numero_finess_etablissement": "0X-000-12"})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def template(states: pd.DataFrame) -> Record:
    """Return the structure of which the row of an unknown département is a copy: in the stock, on a point far from any QPV."""
    is_far = (states["location_status"] == "located") & states["in_stock"] & (states["place"] == "far")
    return dict(states[is_far].iloc[0])


def _regional_row(row: Record) -> dict[str, str]:
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


def siret(uid: int) -> str:
    """Invent a SIRET; one structure in 40 has none."""
    return "" if uid % 40 == 0 else f"999{uid:06d}00019"


def postcode(commune: str) -> str:
    """Invent the postal code of a commune."""
    return commune.replace("2A", "20").replace("2B", "20")


def iso(day: date | None) -> str:
    """Write a date, or nothing."""
    return "" if pd.isna(day) else str(day)
