"""Pre-screen of structures against the nine criteria of the participatory structures (SEC participatives, article 51).

What can be computed is yes or no; the rest is unknown, never no, unless an answer is supplied. Criteria and their sources: 001 for the
first five; a simplified copy of the text (second-hand) for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.facts.categories import CDS, MONO, MSP, PLURI
from qpvhealth.facts.situations import (
    DECLARED,
    DECLARED_OR_PROXY,
    IN_QPV,
    NO,
    PROXY,
    UNDETERMINED,
    UNKNOWN,
    VECU_DECLARED,
    YES,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True)
class Criterion:
    """One criterion: its number, what it asks, and whether it eliminates."""

    name: str
    number: int
    label_fr: str
    mandatory: bool = True
    second_hand: bool = False


CRITERIA: tuple[Criterion, ...] = (
    Criterion("kind", 1, "MSP, ou CdS pluriprofessionnel"),
    Criterion("place", 2, "dans un QPV ou à proximité (quartier vécu)"),
    Criterion("open_to_all", 3, "ouverte à toute la population"),
    Criterion("fees", 4, "tiers payant et tarifs opposables"),
    Criterion("active_file", 5, "file active de 1 000 patients du généraliste"),
    Criterion("social_activity", 6, "activité sociale, médico-sociale, administrative", second_hand=True),
    Criterion("psychology", 7, "soutien psychologique par un psychologue", second_hand=True),
    Criterion("coordinator", 8, "coordination et évaluation de la démarche", mandatory=False, second_hand=True),
    Criterion("in_house", 9, "activités internes, ou externes par convention", second_hand=True),
)
SUPPLIED = tuple(c.name for c in CRITERIA if c.name not in ("kind", "place", "active_file"))
PATIENTS = 1000
ELIGIBLE, NOT_ELIGIBLE, TO_COMPLETE = "éligible", "non éligible", "à compléter"


def screen(structures: pd.DataFrame, supplied: pd.DataFrame, *, near_rule: str, vecu_distance_m: float) -> pd.DataFrame:
    """Screen structures: one column of yes, no or unknown per criterion, ``verdict`` and ``missing`` (the mandatory ones unknown).

    ``structures``: structure_type, modality, situation, vecu_declared, distance_m. ``supplied``: finess_et, a column of yes, no or
    unknown for each of ``SUPPLIED``, and ``patients`` (a number); any may be absent. A supplied answer never replaces what is computed.
    """
    given = (
        supplied.drop_duplicates("finess_et")
        .set_index("finess_et")
        .reindex(structures["finess_et"])
        .reset_index(drop=True)
    )
    out = structures.reset_index(drop=True)
    answers = {
        "kind": _kind(out),
        "place": _place(out, near_rule, vecu_distance_m),
        "active_file": _patients(given, len(out)),
    }
    answers |= {n: _supplied(given, n, len(out)) for n in SUPPLIED}
    out = out.assign(**{c.name: answers[c.name] for c in CRITERIA})
    mandatory = [c for c in CRITERIA if c.mandatory]
    values = np.array([out[c.name].to_numpy(dtype=object) for c in mandatory]).reshape(len(mandatory), len(out)).T
    refused, complete = (values == NO).any(axis=1), (values == YES).all(axis=1)
    verdict = np.select([refused, complete], [NOT_ELIGIBLE, ELIGIBLE], TO_COMPLETE)
    missing = [", ".join(c.label_fr for c, v in zip(mandatory, row, strict=True) if v == UNKNOWN) for row in values]
    return out.assign(verdict=verdict, missing=pd.Series(missing, index=out.index, dtype="str"))


def _kind(structures: pd.DataFrame) -> pd.Series:
    msp, cds = structures["structure_type"] == MSP, structures["structure_type"] == CDS
    yes, no = msp | (cds & (structures["modality"] == PLURI)), cds & (structures["modality"] == MONO)
    return _answer(yes, no)


def _place(structures: pd.DataFrame, near_rule: str, vecu_distance_m: float) -> pd.Series:
    """Answer by the rule of proximity: inside is yes; by declaration, no answer of the ARS is unknown."""
    situation = structures["situation"]
    inside, declared = situation == IN_QPV, situation == VECU_DECLARED
    close = ~inside & (structures["distance_m"] <= vecu_distance_m)
    lost, silent = situation == UNDETERMINED, structures["vecu_declared"] == UNKNOWN
    near = {DECLARED: declared, PROXY: close, DECLARED_OR_PROXY: declared | (close & silent)}[near_rule]
    unknown = {DECLARED: silent, PROXY: lost, DECLARED_OR_PROXY: lost}[near_rule]
    return _answer(inside | near, ~inside & ~near & ~unknown)


def _answer(yes: pd.Series, no: pd.Series) -> pd.Series:
    return pd.Series(np.select([yes, no], [YES, NO], UNKNOWN), index=yes.index, dtype="str")


def _patients(given: pd.DataFrame, n: int) -> pd.Series:
    people = given["patients"].astype("float64") if "patients" in given else pd.Series(np.nan, index=range(n))
    return _answer(people >= PATIENTS, people < PATIENTS)


def _supplied(given: pd.DataFrame, name: str, n: int) -> pd.Series:
    told = given[name] if name in given else pd.Series(None, index=range(n), dtype="str")
    return told.where(told.isin((YES, NO))).astype("str").fillna(UNKNOWN)


def first_ones(structures: pd.DataFrame, listed: Collection[str], communes: Mapping[str, str]) -> pd.Series:
    """Say which structures are those of the list, and which may be one of the six of the start: by their town alone.

    ``communes``: the communes of the six (arrondissements included). A town is a hint, never a recognition.
    """
    known = structures["finess_et"].isin(list(listed))
    town = structures["commune_code"].map(dict(communes))
    maybe = ("peut-être l'une des six (" + town + ")").where(
        town.notna() & (structures["kind"] == YES) & (structures["place"] != NO)
    )
    return maybe.where(~known, "dans la liste du programme").astype("str")
