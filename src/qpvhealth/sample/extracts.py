"""Structures in the legacy layout of FINESS: the extract of 2018, the register of 2019."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.territories import FINESS_OVERSEAS, METROPOLE
from qpvhealth.sample.coordinates import has_own_point, is_geocoded, published
from qpvhealth.sample.geography import Commune, all_communes, communes_by_code
from qpvhealth.sample.stories import CATEGORIES, Record, states_of, without_number

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

FINESS_DEPARTMENT = {insee: finess for finess, insee in FINESS_OVERSEAS.items()}
OUT_OF_SCOPE = {"101": 20, "347": 21, "604": 60, "620": 200, "228": 40}
LABELS = {
    "603": "Maison de santé (L.6223-3)",
    "124": "Centre de santé",
    "101": "Centre Hospitalier Régional (C.H.R.)",
    "347": "Centre d'examens de santé",
    "604": "Communautés professionnelles territoriales de santé (CPTS)",
    "620": "Pharmacie d'officine",
    "228": "Centre de santé sexuelle",
}
BROKEN_2018 = (("0X12", "603"), ("0X00A0123", "603"), ("", "124"))
"""Rows that cannot be kept: two FINESS numbers of the wrong shape, one without any."""

REGISTER_ONLY = 10
"""Rows of the register of 2019 that are in scope and not in the extract: a register never adds a structure."""

REPEATED = {2018: 5, 2019: 4, 2020: 3, 2024: 4}
OLD_CRS_NAMES = {2154: "LAMBERT_93", 5490: "UTM_N20", 2972: "UTM_N22", 4471: "UTM_S38", 2975: "UTM_S40"}
CRS_NAMES = {
    2154: "EPSG:2154 RGF93 / Lambert-93 (Métropole)",
    5490: "EPSG:5490 RGAF09 / UTM zone 20N (Antilles)",
    2972: "EPSG:2972 RGFG95 / UTM zone 22N (Guyane)",
    2975: "EPSG:2975 RGR92 / UTM zone 40S (La Réunion)",
    4471: "EPSG:4471 RGM04 / UTM zone 38S (Mayotte)",
    4467: "WGS84/UTM zone 21N (Saint-Pierre-et-Miquelon)",
}


def repeated_uids(year: int) -> list[int]:
    """List the structures whose row is there twice in the extract of a year, identical."""
    frame = states_of(year)
    plain = frame[
        (frame["place"] == "far") & frame["in_stock"] & (frame["uid"] % 11 == 0) & ~frame["uid"].isin(without_number())
    ]
    return [int(u) for u in plain["uid"].iloc[: REPEATED[year]]]


def with_repeats(states: pd.DataFrame, year: int) -> pd.DataFrame:
    """Add the identical repeats of an extract at its end."""
    return pd.concat([states, states[states["uid"].isin(repeated_uids(year))]], ignore_index=True)


def write_legacy(path: Path) -> None:
    """Write the extract of 2018 in the legacy layout, cp1252, 31 fields a row."""
    states = published(states_of(2018))
    rows = with_repeats(states, 2018)
    first = [_structureet(r) for r in rows.to_dict("records")]
    first += [_bare_row(number, category, k) for k, (number, category) in enumerate(BROKEN_2018)]
    others = _others("2018-01-15")
    second = [_geolocalisation(r) for r in states.to_dict("records") if pd.notna(r["px"])]
    second += second[:1]
    text = _legacy_text("2018-03-31", first + [o[0] for o in others], second + [o[1] for o in others])
    path.write_bytes(text.encode("cp1252"))


def write_register(path: Path) -> None:
    """Write the register of 2019 in the legacy layout, UTF-8, 32 fields a row, with what it lacks."""
    states = published(states_of(2019))
    ours = states[states["in_stock"] & ~has_own_point(states, without_number())]
    geocoded = is_geocoded(ours, without_number())
    absent = (geocoded & (ours["uid"] % 2 == 1)) | ((ours["location_status"] == "missing") & (ours["uid"] % 2 == 1))
    to_centre = geocoded & (ours["uid"] % 2 == 0)
    kept = published(ours.assign(location_status=ours["location_status"].mask(to_centre, "centroid"))[~absent])
    extra = [_bare_row(f"0X7{k:06d}", "124", k) for k in range(REGISTER_ONLY)]
    others = _others("2019-01-15")
    first = [_structureet(r) for r in kept.to_dict("records")] + extra + [o[0] for o in others]
    second = [_geolocalisation(r) for r in kept.to_dict("records") if pd.notna(r["px"])] + [o[1] for o in others]
    path.write_bytes(_legacy_text("2019-03-31", [[*row, ""] for row in first], second).encode("utf-8"))


def _legacy_text(day: str, structures: list[list[str]], points: list[list[str]]) -> str:
    lines = [f"finess;etalab;93;{day}", *(";".join(r) for r in structures), "", *(";".join(r) for r in points)]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Establishment:
    """What a row of the first section says of an establishment."""

    number: str
    name: str
    address: tuple[str, str, str]
    home: Commune
    category: str
    siret: str
    opened: str

    def fields(self) -> list[str]:
        """Write its 31 fields, the word of the section first."""
        department, code = self.home.department, self.home.code
        insee, town = FINESS_DEPARTMENT.get(department, department), f"{postcode(code)} {self.home.name}"
        street, way, name = self.address
        place = ["", street, way, name, "", "", code[2:], insee, f"Département {department}", town]
        group = [self.category, LABELS[self.category], "2201", "Dispensaires ou centres de soins"]
        status = [self.siret, "8621Z", "01", "", "", "", self.opened, self.opened, "2018-01-02"]
        entity = f"0X8{self.number[-6:]:0>6}"
        return ["structureet", self.number, entity, self.name, "", "", *place, "", "", *group, *status]


def _structureet(row: Record) -> list[str]:
    number, _, street = str(row["address"]).split(" ", 2)
    home = communes_by_code()[row["commune"]]
    category = CATEGORIES[row["structure_type"]]
    opened = iso(row["opened_on"])
    siret_number = siret(row["uid"])
    return Establishment(
        row["finess_et"], row["name"], (number, "R", street), home, category, siret_number, opened
    ).fields()


def _bare_row(number: str, category: str, rank: int) -> list[str]:
    return _other_structure(number, category, rank, all_communes()[rank * 12 + 8], "2012-05-01")


def _other_structure(number: str, category: str, rank: int, home: Commune, opened: str) -> list[str]:
    name = f"ETABLISSEMENT INVENTE {category} {rank}"
    return Establishment(number, name, ("1", "R", "INVENTEE"), home, category, "", opened).fields()


def _others(opened: str) -> list[tuple[list[str], list[str]]]:
    """Write establishments of other categories, out of scope, each with its point."""
    categories = [c for c, n in OUT_OF_SCOPE.items() for _ in range(n)]
    homes = [c for c in all_communes() if c.territory == METROPOLE]
    found = []
    for k, category in enumerate(categories):
        home, number = homes[k * 31 % len(homes)], f"0X5{k:06d}"
        east, north = home.centre
        point = [f"{east + 900:.1f}", f"{north - 900:.1f}", _source(2154, 96, "BAN")]
        found.append((_other_structure(number, category, k, home, opened), ["geolocalisation", number, *point, opened]))
    return found


def _geolocalisation(row: Record) -> list[str]:
    uid, epsg = int(row["uid"]), int(row["epsg"])
    is_centroid = row["location_status"] == "centroid"
    geocoder = "ADMIN-EXPRESS-2023" if is_centroid else "BDADRESSE" if uid % 10 == 0 else "BAN"
    source = _source(epsg, 82 + uid % 18, geocoder, is_old=uid % 4 == 0 and row["location_status"] == "located")
    return ["geolocalisation", row["finess_et"], f"{row['px']:.1f}", f"{row['py']:.1f}", source, "2018-01-02"]


def _source(epsg: int, score: int, geocoder: str, *, is_old: bool = False) -> str:
    shown = "." if geocoder.startswith("ADMIN") else str(score)
    name = OLD_CRS_NAMES.get(epsg, CRS_NAMES.get(epsg, "")) if is_old else CRS_NAMES[epsg]
    return f"{'4' if shown == '.' else '1'},ATLASANTE,{shown},{geocoder},{name}"


def siret(uid: int) -> str:
    """Invent a SIRET; one structure in 40 has none."""
    return "" if uid % 40 == 0 else f"999{uid:06d}00019"


def postcode(commune: str) -> str:
    """Invent the postal code of a commune."""
    return commune.replace("2A", "20").replace("2B", "20")


def iso(day: date | None) -> str:
    """Write a date, or nothing."""
    return "" if pd.isna(day) else str(day)
