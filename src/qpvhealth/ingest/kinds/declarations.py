"""Answers of the ARS on quartier vécu: which structure serves which QPV though outside it, and who has answered."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.facts.situations import UNKNOWN, YES
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

KIND = Kind("declarations", "declarations", lambda *_: True)


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read one file of answers: one row per structure and QPV named (``qpv_code`` null where none is named).

    Rows out are rows of the file; ``frame`` has one row for each QPV code that they name. Only a yes names QPV. Raises
    InputError when a structure is answered both yes and no, UsageError for an unknown word or QPV of another generation.
    """
    staged = stage(card, corrections, KIND, _clean, compare_by="finess_et")
    refuse_both(staged.frame, card.path.name)
    # each QPV named gets its row; a row that names none stays only where no other row of the structure does
    long = staged.frame.explode("qpv_code", ignore_index=True).astype({"qpv_code": "str"})
    answer = ["finess_et", "vecu_declared"]
    names_one = long.groupby(answer)["qpv_code"].transform("count") > 0
    long = long[long["qpv_code"].notna() | ~names_one].drop_duplicates([*answer, "qpv_code"], ignore_index=True)
    return replace(staged, frame=long)


def _clean(sieve: Sieve) -> pd.DataFrame:
    structures = sieve.structures()
    answers = sieve.coded("vecu_declared")
    codes = sieve.qpv_code_lists(answers == YES)
    frame = pd.DataFrame({"finess_et": structures, "vecu_declared": answers.fillna(UNKNOWN), "qpv_code": codes})
    return frame.assign(year=sieve.card["year"], generation=sieve.card["generation"])


def refuse_both(answers: pd.DataFrame, where: str) -> None:
    """Raise InputError when a structure is answered both yes and no about one generation in one year."""
    key = ["year", "generation", "finess_et"]
    clear = answers[answers["vecu_declared"] != UNKNOWN].drop_duplicates([*key, "vecu_declared"])
    twice = clear["finess_et"][clear.duplicated(key)]
    if not twice.empty:
        raise InputError(f"{where}: yes and no for {', '.join(twice.head(10))}; correct one in corrections.toml")
