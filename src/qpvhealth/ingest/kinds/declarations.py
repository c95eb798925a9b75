"""Answers of the ARS on quartier vécu: which structure serves which QPV though outside it, and who has answered."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.facts.situations import UNKNOWN, YES
from qpvhealth.ingest import cleaning, corrections, layouts
from qpvhealth.ingest.extracts import WORDS
from qpvhealth.ingest.kinds.neighbourhoods import QPV_CODE_ALIASES, pattern, refuse_other_generation
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Sieve

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.staging import Staged

LAYOUT = Layout(
    "vecu-declarations",
    (
        Field("finess_et", ("finess", "nofinesset", "num_finess_et", "n_finess_et", "numero_finess_et"), required=True),
        Field(
            "vecu_declared",
            ("vecu", "quartier_vecu", "quartier vécu", "declare", "reponse", "en_quartier_vecu"),
            required=True,
        ),
        Field("qpv_code", (*QPV_CODE_ALIASES, "qpv", "codes_qpv", "qpv_codes")),
        Field("ars", ("region", "code_region", "region_code")),
        Field("comment", ("commentaire", "remarque")),
    ),
)


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read one file of answers: one row per structure and QPV named (``qpv_code`` null where none is named).

    Rows out are rows of the file; ``frame`` has one row for each QPV code that they name. Only a yes names QPV. Raises
    InputError when a structure is answered both yes and no, UsageError for an unknown word or QPV of another generation.
    """
    raw = tables.read(card)
    layouts.choose(raw, card, (LAYOUT,))
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, LAYOUT), known, card.id, "finess_et")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    frame = _typed(text, card, sieve)
    staged = sieve.staged(frame, sieve.repeats(frame.astype({"qpv_code": "str"}), "finess_et"))
    refuse_both(staged.frame, str(raw.place()))
    return replace(staged, frame=_one_row_a_qpv(staged.frame))


def refuse_both(answers: pd.DataFrame, where: str) -> None:
    """Raise InputError when a structure is answered both yes and no about one generation in one year."""
    key = ["year", "generation", "finess_et"]
    said = answers[answers["vecu_declared"] != UNKNOWN].drop_duplicates([*key, "vecu_declared"])
    twice = said["finess_et"][said.duplicated(key)]
    if not twice.empty:
        raise InputError(f"{where}: yes and no for {', '.join(twice.head(10))}; correct one in corrections.toml")


def _one_row_a_qpv(frame: pd.DataFrame) -> pd.DataFrame:
    """Give each QPV named its row; a row that names none stays only where no other row of the structure does."""
    long = frame.explode("qpv_code", ignore_index=True).astype({"qpv_code": "str"})
    answer = ["finess_et", "vecu_declared"]
    named = long.groupby(answer)["qpv_code"].transform("count") > 0
    return long[long["qpv_code"].notna() | ~named].drop_duplicates([*answer, "qpv_code"], ignore_index=True)


def _typed(text: pd.DataFrame, card: Card, sieve: Sieve) -> pd.DataFrame:
    structures = _structures(text["finess_et"], sieve)
    mapping = WORDS["vecu_declared"] | (card.words("vecu_declared") or {})
    where = f"{sieve.raw.place()}: card {card.id}"
    answers = cleaning.coded(text["vecu_declared"].where(sieve.keep), mapping, column="vecu_declared", where=where)
    named = text["qpv_code"].str.upper().where(answers == YES)
    codes = cleaning.code_lists(named)
    refuse_other_generation(codes.explode().astype("str").dropna(), where, card)
    bad = pd.Series([_bad(cell, pattern(card)) for cell in codes], index=codes.index, dtype="str")
    sieve.reject(bad.notna(), "qpv-code-invalid", f'QPV code "{{}}" ({pattern(card)} expected)', bad)
    frame = pd.DataFrame({"finess_et": structures, "vecu_declared": answers.fillna(UNKNOWN), "qpv_code": codes})
    return frame.assign(year=card["year"], generation=card["generation"])


def _structures(text: pd.Series, sieve: Sieve) -> pd.Series:
    numbers = cleaning.finess(text)
    own = text.where(cleaning.matches(text, cleaning.OWN_IDENTIFIER))
    sieve.reject(text.isna(), "identifier-missing", "no structure")
    unreadable = 'structure "{}" (a FINESS number, or source:identifier)'
    sieve.reject(numbers.bad & own.isna(), "finess-invalid", unreadable, text)
    sieve.warn_at("finess-zeros-restored", numbers.repaired, text, "eight digits read as nine")
    return numbers.typed.fillna(own)


def _bad(codes: list[str], expected: str) -> str | None:
    return next((c for c in codes if not re.fullmatch(expected, c)), None)
