"""Planned structures: stage, funders and amounts, obstacle, expected opening. Never counted with open structures.

A file has a row per project, or a row per project and funder. A project is placed by a point, by the QPV that the file names, or
not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.facts.generations import CODE_PATTERNS
from qpvhealth.facts.territories import (
    DEPARTMENT_REGION,
    DEPARTMENT_TERRITORY,
    department_of_commune,
    department_of_qpv,
)
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Coded, Kind
from qpvhealth.ingest.layouts import QPV_CODE_ALIASES, Field, Layout
from qpvhealth.ingest.staging import stage

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.staging import Sieve, Staged

LAYOUT = Layout(
    "projects",
    (
        Field("project_id", ("projet", "id_projet", "numero", "n_projet"), required=True),
        Field("name", ("nom", "intitule", "libelle")),
        Field("structure_type", ("type", "type_structure"), required=True),
        Field("stage", ("avancement", "etat", "stade"), required=True),
        Field("expected_on", ("ouverture_prevue", "date_ouverture", "ouverture")),
        Field("obstacle", ("frein", "difficulte", "obstacles")),
        Field("funder", ("financeur", "fonds", "ligne")),
        Field("amount", ("montant", "montant_eur", "subvention")),
        Field("qpv_code", (*QPV_CODE_ALIASES, "qpv", "quartier")),
        Field("commune_code", ("commune", "code_commune", "depcom", "insee")),
        Field("longitude", ("lon", "lng")),
        Field("latitude", ("lat",)),
    ),
)
STAGE_WORDS: dict[str, str] = {
    **dict.fromkeys(("idea", "idée", "intention", "émergence", "souhaité"), "idea"),
    **dict.fromkeys(("studied", "à l'étude", "étude", "en réflexion", "en projet", "projet"), "studied"),
    **dict.fromkeys(("approved", "validé", "agréé", "labellisé"), "approved"),
    **dict.fromkeys(("funded", "financé"), "funded"),
    **dict.fromkeys(("building", "travaux", "en travaux", "en construction", "en cours"), "building"),
    **dict.fromkeys(("open", "ouvert", "en fonctionnement"), "open"),
    **dict.fromkeys(("abandoned", "abandonné"), "abandoned"),
}
TYPE_WORDS: dict[str, str] = {
    **dict.fromkeys(("msp", "maison de santé", "maison de santé pluriprofessionnelle", "603"), "MSP"),
    **dict.fromkeys(("cds", "centre de santé", "124"), "CDS"),
}
KIND = Kind(
    "projects",
    fr="Structures en projet : avancement, financeurs, freins, ouverture prévue",
    en="Planned structures: stage, funders, obstacles, expected opening",
    layouts=(LAYOUT,),
    keys={"year": int},
    required=("year",),
    coded={"stage": Coded(tuple(dict.fromkeys(STAGE_WORDS.values())), STAGE_WORDS)},
    example='kind = "projects"\npath = "projects/2024.csv"\nyear = 2024',
)
COLUMNS = [
    *("project_id", "year", "name", "structure_type", "stage", "expected_on", "obstacle", "amount", "named_qpv_code"),
    *(
        "commune_code",
        "department_code",
        "region_code",
        "territory",
        "longitude",
        "latitude",
        "source_id",
        "source_row",
    ),
]
FUNDING = ["project_id", "year", "funder", "amount"]
_SAME = ["project_id", "structure_type", "stage", "expected_on", "named_qpv_code", "commune_code"]


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read one file: one row per line of the file, a project repeated for each of its funders (see ``combine``).

    A word of stage that is not known stops the run; a type that is neither MSP nor CdS is kept as written, and counted apart.
    """
    return stage(card, corrections, (LAYOUT,), _clean, compare_by="project_id")


def _clean(sieve: Sieve) -> pd.DataFrame:
    text = sieve.text
    sieve.reject(text["project_id"].isna(), "identifier-missing", "no project")
    codes, communes = text["qpv_code"].str.strip().str.upper(), cleaning.communes(text["commune_code"]).typed
    official = cleaning.matches(codes, "|".join(CODE_PATTERNS.values()))
    sieve.reject(codes.notna() & ~official, "qpv-code-invalid", 'QPV code "{}"', codes)
    department = cleaning.translated(communes, department_of_commune).fillna(
        cleaning.translated(codes.where(official), department_of_qpv)
    )
    kind = text["structure_type"].str.strip()
    # a year alone stands for its last day: what opens "in 2026" is open at the latest then
    opening = text["expected_on"].str.strip().str.replace(r"^(\d{4})$", r"\1-12-31", regex=True)
    return pd.DataFrame(
        {
            "project_id": text["project_id"].str.strip(),
            "year": sieve.card["year"],
            "name": text["name"],
            "structure_type": kind.str.casefold().map(TYPE_WORDS).astype("str").fillna(kind).fillna("unknown"),
            "stage": sieve.coded("stage", KIND.coded["stage"]),
            "expected_on": sieve.dates("expected_on", opening),
            "obstacle": text["obstacle"],
            "funder": text["funder"].str.strip(),
            "amount": sieve.numbers("amount", text["amount"].str.replace("€", "", regex=False)),
            "named_qpv_code": codes.where(official),
            "commune_code": communes,
            "department_code": department,
            "region_code": department.map(DEPARTMENT_REGION).astype("str"),
            "territory": department.map(DEPARTMENT_TERRITORY).astype("str"),
            "longitude": sieve.numbers("longitude"),
            "latitude": sieve.numbers("latitude"),
        }
    )


def combine(frames: list[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the files together: one row per project, and one per project and funder, amounts of one funder summed.

    Raises InputError when the lines of a project disagree on its type, stage, opening or place.
    """
    if not frames:
        return _empty(COLUMNS), _empty(FUNDING)
    whole = pd.concat(frames, ignore_index=True)
    distinct = whole[[*_SAME, "year"]].drop_duplicates()
    if (twice := distinct[distinct.duplicated(["project_id", "year"])]).size:
        raise InputError(
            f"projects: the lines of {', '.join(twice['project_id'].head(5))} disagree on stage, type or place"
        )
    sums = whole.groupby(["project_id", "year"])["amount"].sum(min_count=1)
    first = whole.drop_duplicates(["project_id", "year"]).drop(columns="amount")
    projects = first.merge(sums.reset_index(), on=["project_id", "year"], validate="one_to_one")
    funded = whole[whole["amount"].notna()].assign(funder=whole["funder"].fillna("non précisé"))
    funding = funded.groupby(["project_id", "year", "funder"])["amount"].sum().reset_index()
    return projects[COLUMNS], funding[FUNDING]


def _empty(columns: list[str]) -> pd.DataFrame:
    kinds = dict.fromkeys(("year", "amount", "longitude", "latitude", "source_row"), "float64")
    days = {"expected_on": "datetime64[s]"}
    return pd.DataFrame({c: pd.Series(dtype=(kinds | days).get(c, "str")) for c in columns})
