"""The cards of the invented raw folder, its corrections, and the page that documents its dirt."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from qpvhealth.facts.territories import REGIONS
from qpvhealth.sample import contours, planning, workbooks
from qpvhealth.sample.cohorts import REFERENCE_DATES
from qpvhealth.sample.geography import all_departments
from qpvhealth.sample.stories import NOT_ANSWERING

if TYPE_CHECKING:
    from pathlib import Path

MARK = "# France inventée, écrite par `qpvhealth sample` : rien de ce qui suit n'existe."
NOT_COVERED_2024 = ("975", "977", "978", "987")

Value = str | int | bool | date | list[str]
Keys = dict[str, Value | dict[str, list[str]]]


@dataclass(frozen=True)
class CardText:
    """A card to be written: its id, its kind, its file, and the rest."""

    id: str
    kind: str
    path: str
    title: str
    keys: Keys = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)


def all_cards() -> list[CardText]:
    """List the cards of the invented raw folder."""
    return [*_boundaries(), *_neighbourhoods(), *_attributes(), *_structures(), *_answers(), *_planning()]


def _boundaries() -> list[CardText]:
    return [
        CardText(
            "departments-2018",
            "boundaries",
            "boundaries/departements.geojson",
            "Contours des départements",
            {"level": "department", "year": 2018},
        ),
        CardText(
            "communes-2018",
            "boundaries",
            "boundaries/communes.geojson",
            "Contours des communes",
            {"level": "commune", "year": 2018},
        ),
        CardText(
            "communes-list-2018",
            "boundaries",
            "boundaries/communes.csv",
            "Liste des communes",
            {"level": "commune", "year": 2018},
        ),
    ]


def _neighbourhoods() -> list[CardText]:
    cards = []
    for name, (departments, epsg) in contours.FILES_2015.items():
        where = "-".join(departments) or "metropole"
        ending = "geojson" if epsg == 4326 else "shp"  # noqa: PLR2004
        path = f"neighbourhoods/qpv-2015/{name}.{ending}"
        cards.append(
            CardText(f"qpv-2015-{where}", "neighbourhoods", path, f"QPV 2015, {where}", {"generation": "qpv-2015"})
        )
    for where, file in (
        ("metropole", "QP2024_France_hexagonale_LB93.shp"),
        ("outre-mer", "QP2024_Outre_Mer_WGS84.geojson"),
    ):
        path = f"neighbourhoods/qpv-2024/{file}"
        cards.append(
            CardText(f"qpv-2024-{where}", "neighbourhoods", path, f"QPV 2024, {where}", {"generation": "qpv-2024"})
        )
    return cards


def _attributes() -> list[CardText]:
    old, new = {"generation": "qpv-2015"}, {"generation": "qpv-2024"}
    zoning_2019: Keys = {"edition": "2019", "in_force_from": date(2018, 1, 1), **old}
    zoning_2025: Keys = {"edition": "2025", "in_force_from": date(2024, 1, 1), **new}
    return [
        CardText(
            "populations-2013",
            "populations",
            "populations/qpv-2015-population-2013.csv",
            "Population 2013 des QPV",
            {**old, "population_year": 2013},
        ),
        CardText(
            "populations-2020",
            "populations",
            "populations/qpv-2024-population-2020.csv",
            "Population 2020 des QPV",
            {**new, "population_year": 2020},
        ),
        CardText(
            "npnru", "programme", "programmes/npnru-qpv-2015.csv", "Quartiers du NPNRU", {"programme": "npnru", **old}
        ),
        CardText("zoning-2019", "zoning", "zoning/Zonage_medecin_20191231.xlsx", "Zonage médecin 2019", zoning_2019),
        CardText(
            "zoning-2025", "zoning", "zoning/zonage-communes-2025.csv", "Zonage médecin 2025, communes", zoning_2025
        ),
    ]


def _dated(year: int) -> Keys:
    return {"year": year, "reference_date": REFERENCE_DATES[year]}


def _structures() -> list[CardText]:
    covered = {"departments": [d for d in all_departments() if d not in NOT_COVERED_2024]}
    return [
        CardText(
            "structures-2018",
            "structures",
            "structures/2018-cs1100507.csv",
            "MSP et centres de santé, fin mars 2018",
            {"layout": "finess-legacy", **_dated(2018)},
        ),
        _ministry(2019, "MSP et centres de santé, fin mars 2019"),
        _ministry(2020, "MSP et centres de santé, avril 2020 (total national inventé, jamais publié)"),
        CardText(
            "structures-2024",
            "structures",
            "structures/2024-finess.csv",
            "MSP et centres de santé, fin mars 2024 (nombres inventés)",
            {"layout": "finess-regional", **_dated(2024), "covers": covered},
        ),
        CardText(
            "register-2019",
            "register",
            "structures/2019-cs1100507.csv",
            "FINESS géolocalisé, fin mars 2019",
            {"layout": "finess-legacy", "year": 2019},
        ),
    ]


def _ministry(year: int, title: str) -> CardText:
    keys: Keys = {
        "layout": "dgos-mapped",
        **_dated(year),
        "sheet": workbooks.SHEET[year],
        "header_row": workbooks.HEADER_ROW[year],
    }
    columns = workbooks.COLUMNS_2019 if year == 2019 else workbooks.COLUMNS_2020  # noqa: PLR2004
    return CardText(
        f"structures-{year}", "structures", f"structures/{year}.xlsx", title, keys, columns, workbooks.VALUES[year]
    )


def _answers() -> list[CardText]:
    answered = {"regions": [r for r in REGIONS if r not in NOT_ANSWERING]}
    declared: Keys = {"year": 2019, "generation": "qpv-2015", "answered": answered}
    return [
        CardText(
            "declarations-2019",
            "declarations",
            "declarations/vecu-2019.csv",
            "Quartiers vécus déclarés par les ARS, 2019",
            declared,
        ),
        CardText(
            "geocoded-2019", "geocoded", "geocoded/2019.csv", "Réponse du géocodeur national, 2019", {"year": 2019}
        ),
        CardText("identities", "links", "links/identities.csv", "Changements de numéro confirmés", {}),
    ]


def _planning() -> list[CardText]:
    figures: Keys = {"generation": "qpv-2024", "reference_year": 2020}
    gps: Keys = {"year": 2024}
    every_gp: Keys = {**gps, "covers": {"departments": [planning.DEPARTMENT]}}
    return [
        CardText("figures-2024", "neighbourhood_indicators", "indicators/qpv-2024.csv", "Pauvreté et âges", figures),
        CardText("gps-communes", "practitioners", "practitioners/communes-2024.csv", "Généralistes, communes", gps),
        CardText("gps-regions", "practitioners", "practitioners/regions-2024.csv", "Généralistes, région", gps),
        CardText("gps-france", "practitioners", "practitioners/france-2024.csv", "Généralistes, France", gps),
        CardText("gps-points", "practitioners", "practitioners/points-2024.csv", "Généralistes, adresses", every_gp),
        CardText("projects-2024", "projects", "projects/2024.csv", "Projets de structures et financements", gps),
    ]


def sources_toml(folder: Path) -> str:
    """Write the cards, each with the sha256 of its file as it stands in the folder."""
    return "\n".join([MARK, *(_card_toml(card, folder) for card in all_cards())])


def _card_toml(card: CardText, folder: Path) -> str:
    digest = hashlib.sha256((folder / card.path).read_bytes()).hexdigest()
    keys: Keys = {
        "id": card.id,
        "kind": card.kind,
        "path": card.path,
        "title": f"{card.title} (données inventées)",
        **card.keys,
    }
    keys |= {"producer": "qpvhealth (invented)", "licence": "Licence Ouverte 2.0", "invented": True, "sha256": digest}
    lines = ["", "[[source]]", *(f"{k} = {_toml(v)}" for k, v in keys.items())]
    if card.columns:
        lines += ["[source.columns]", *(f"{k} = {_toml(v)}" for k, v in card.columns.items())]
    for column, mapping in card.values.items():
        lines += [f"[source.values.{column}]", *(f"{_toml(k)} = {_toml(v)}" for k, v in mapping.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Value | dict[str, list[str]]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return str(value)


def corrections_toml() -> str:
    """Write the two known errors: the commune of a neighbourhood, the commune of a structure."""
    qpv, qpv_wrong, qpv_right = contours.wrong_commune()
    _, finess, wrong, right = workbooks.wrong_commune()
    entries: list[Keys] = [
        {
            "source": "qpv-2024-outre-mer",
            "key": qpv,
            "column": "commune_codes",
            "expect": qpv_wrong,
            "value": qpv_right,
            "reason": "le fichier donne le code d'une autre commune ; le nom et le contour sont justes",
        },
        {
            "source": "structures-2020",
            "key": finess,
            "column": "commune_code",
            "expect": wrong,
            "value": right,
            "reason": "code d'une commune voisine ; l'adresse et le point sont justes",
        },
    ]
    blocks = ["\n".join(["[[correction]]", *(f"{k} = {_toml(v)}" for k, v in e.items())]) for e in entries]
    return "\n\n".join([MARK, *blocks]) + "\n"
