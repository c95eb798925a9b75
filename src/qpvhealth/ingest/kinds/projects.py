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
from qpvhealth.ingest import cleaning, corrections, layouts
from qpvhealth.ingest.kinds.neighbourhoods import QPV_CODE_ALIASES
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction

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


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read one file: one row per line of the file, a project repeated for each of its funders (see ``combine``).

    A word of stage that is not known stops the run; a type that is neither MSP nor CdS is kept as written, and counted apart.
    """
    raw = tables.read(card)
    layouts.choose(raw, card, (LAYOUT,))
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, LAYOUT), known, card.id, "project_id")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    frame = _typed(text, card, sieve)
    return sieve.staged(frame, sieve.keep & frame.duplicated().to_numpy())


def _typed(text: pd.DataFrame, card: Card, sieve: Sieve) -> pd.DataFrame:
    sieve.reject(text["project_id"].isna(), "identifier-missing", "no project")
    where = f"{sieve.raw.place()}: card {card.id}"
    stages = STAGE_WORDS | _mapped(card, "stage")
    kinds = {k.casefold(): v for k, v in (TYPE_WORDS | _mapped(card, "structure_type")).items()}
    codes, communes = text["qpv_code"].str.strip().str.upper(), cleaning.communes(text["commune_code"])
    official = codes.str.fullmatch("|".join(CODE_PATTERNS.values())).fillna(value=False).astype(bool)
    sieve.reject(codes.notna() & ~official, "qpv-code-invalid", 'QPV code "{}"', codes)
    department = communes.typed.map(department_of_commune, na_action="ignore")
    department = department.astype("str").fillna(
        codes.where(official).map(department_of_qpv, na_action="ignore").astype("str")
    )
    written = text["structure_type"].str.strip()
    days, bad_days, _ = cleaning.dates(_whole_years(text["expected_on"]))
    sieve.warn_at("date-unreadable", bad_days, text["expected_on"], "expected opening taken as unknown")
    return pd.DataFrame(
        {
            "project_id": text["project_id"].str.strip(),
            "year": card["year"],
            "name": text["name"],
            "structure_type": written.str.casefold().map(kinds).astype("str").fillna(written).fillna("unknown"),
            "stage": cleaning.coded(text["stage"].where(sieve.keep), stages, column="stage", where=where),
            "expected_on": days,
            "obstacle": text["obstacle"],
            "funder": text["funder"].str.strip(),
            "amount": _number(text["amount"], "amount", sieve),
            "named_qpv_code": codes.where(official),
            "commune_code": communes.typed,
            "department_code": department,
            "region_code": department.map(DEPARTMENT_REGION).astype("str"),
            "territory": department.map(DEPARTMENT_TERRITORY).astype("str"),
            "longitude": _number(text["longitude"], "longitude", sieve),
            "latitude": _number(text["latitude"], "latitude", sieve),
        }
    )


def _mapped(card: Card, column: str) -> dict[str, str]:
    """Return the coded values that the card maps itself."""
    return dict(card.values).get(column, {})


def _whole_years(text: pd.Series) -> pd.Series:
    """Take a year alone as its last day: what opens "in 2026" is open at the latest then."""
    alone = text.str.fullmatch(r"\s*\d{4}\s*").fillna(value=False).astype(bool)
    return text.where(~alone, text.str.strip() + "-12-31")


def _number(text: pd.Series, name: str, sieve: Sieve) -> pd.Series:
    (values, bad, _), _ = cleaning.numbers(text.str.replace("€", "", regex=False))
    sieve.warn_at("number-unreadable", bad, text, f"{name} cannot be read, taken as unknown")
    return values


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
    named = whole[whole["amount"].notna()].assign(funder=whole["funder"].fillna("non précisé"))
    funding = named.groupby(["project_id", "year", "funder"])["amount"].sum().reset_index()
    return projects[COLUMNS], funding[FUNDING]


def _empty(columns: list[str]) -> pd.DataFrame:
    kinds = dict.fromkeys(("year", "amount", "longitude", "latitude", "source_row"), "float64")
    days = {"expected_on": "datetime64[s]"}
    return pd.DataFrame({c: pd.Series(dtype=(kinds | days).get(c, "str")) for c in columns})
