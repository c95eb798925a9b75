"""Pre-screen of structures against the nine criteria of the participatory structures (SEC participatives, article 51).

What can be computed is yes or no; the rest is unknown, never no, unless an answer is supplied. Criteria and their sources: 001 for the
first five; a simplified copy of the text (second-hand) for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.facts.situations import NO, UNKNOWN, YES
from qpvhealth.rules.proximity import Proximity
from qpvhealth.rules.scopes import SCOPES
from qpvhealth.rules.tristate import Tristate

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

    ``structures``: structure_type, modality and ``proximity.LOCATION_COLUMNS``. ``supplied``: finess_et, a column of yes, no or
    unknown for each of ``SUPPLIED``, and ``patients`` (a number); any may be absent. A supplied answer never replaces what is computed.
    """
    rows = structures.reset_index(drop=True)
    stated = (
        supplied.drop_duplicates("finess_et").set_index("finess_et").reindex(rows["finess_et"]).reset_index(drop=True)
    )
    people = stated["patients"].to_numpy(dtype=float) if "patients" in stated else np.full(len(rows), np.nan)
    decided = {
        "kind": SCOPES["primary"].members(rows),
        "place": Proximity.of(rows).in_or_near(near_rule, vecu_distance_m),
        "active_file": Tristate(people >= PATIENTS, people < PATIENTS),
    }
    for name in SUPPLIED:
        words = stated[name] if name in stated else pd.Series(None, index=rows.index, dtype="str")
        decided[name] = Tristate(*((words == word).to_numpy(dtype=bool) for word in (YES, NO)))
    answers = {c.name: np.select([decided[c.name].yes, decided[c.name].no], [YES, NO], UNKNOWN) for c in CRITERIA}
    rows = rows.assign(**{name: pd.Series(words, index=rows.index, dtype="str") for name, words in answers.items()})
    mandatory = [c for c in CRITERIA if c.mandatory]
    refused = np.logical_or.reduce([decided[c.name].no for c in mandatory])
    complete = np.logical_and.reduce([decided[c.name].yes for c in mandatory])
    verdict = np.select([refused, complete], [NOT_ELIGIBLE, ELIGIBLE], TO_COMPLETE)
    unknown = np.column_stack([decided[c.name].unknown for c in mandatory])
    missing = [", ".join(c.label_fr for c, lacks in zip(mandatory, row, strict=True) if lacks) for row in unknown]
    return rows.assign(verdict=verdict, missing=pd.Series(missing, index=rows.index, dtype="str"))


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
