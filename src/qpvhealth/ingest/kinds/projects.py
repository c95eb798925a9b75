"""Planned structures: stage, funders and amounts, obstacle, expected opening. Never counted with open structures.

A file has a row per project, or a row per project and funder. A project is placed by a point, by the QPV that the file names, or
not at all.
"""

from __future__ import annotations

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
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

KIND = Kind("projects", "projects")
FUNDING = ["project_id", "year", "funder", "amount"]
_SAME = ["project_id", "structure_type", "stage", "expected_on", "named_qpv_code", "commune_code"]


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read one file: one row per line of the file, a project repeated for each of its funders (see ``combine``).

    A word of stage that is not known stops the run; a type that is neither MSP nor CdS is kept as written, and counted apart.
    """
    return stage(card, corrections, KIND, _clean, compare_by="project_id")


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
    structure_type = kind.str.casefold().map(KIND.words("structure_type")).astype("str").fillna(kind)
    # a year alone stands for its last day: what opens "in 2026" is open at the latest then
    opening = text["expected_on"].str.strip().str.replace(r"^(\d{4})$", r"\1-12-31", regex=True)
    return pd.DataFrame(
        {
            "project_id": text["project_id"].str.strip(),
            "year": sieve.card["year"],
            "name": text["name"],
            "structure_type": structure_type.fillna("unknown"),
            "stage": sieve.coded("stage"),
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
    columns = [*KIND.declaration.frame]
    if not frames:
        none = KIND.together([])
        return none, none.assign(funder=pd.Series(dtype="str"))[FUNDING]
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
    return projects[columns], funding[FUNDING]
