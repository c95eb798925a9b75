"""Answers of the ARS on quartier vécu: which structure serves which QPV though outside it, and who has answered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.facts.situations import UNKNOWN, YES
from qpvhealth.ingest import cleaning, corrections, layouts, tables
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.neighbourhoods import QPV_CODE_ALIASES, pattern
from qpvhealth.ingest.staged import Sieve, Staged
from qpvhealth.ingest.structures import WORDS

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction

LAYOUT = Layout(
    "vecu-declarations",
    (
        Field("finess_et", ("finess", "nofinesset", "num_finess_et", "n_finess_et", "numero_finess_et"), required=True),
        Field(
            "vecu_declared",
            ("vecu", "quartier_vecu", "quartier vécu", "declare", "reponse", "en_quartier_vecu"),
            required=True,
        ),
        Field("qpv_code", QPV_CODE_ALIASES + ("qpv", "codes_qpv", "qpv_codes")),
        Field("ars", ("region", "code_region", "region_code")),
        Field("comment", ("commentaire", "remarque")),
    ),
)


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read one file of answers: one row per structure and QPV named (``qpv_code`` null where none is named).

    Rows out are rows of the file; ``frame`` has one row for each QPV code that they name. Raises InputError when a structure
    is answered both yes and no.
    """
    raw = tables.read(card)
    layouts.choose(raw, card, (LAYOUT,))
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, LAYOUT), known, card.id, "finess_et")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    frame = _typed(text, card, sieve)
    staged = sieve.staged(frame, sieve.keep & frame.astype({"qpv_code": "str"}).duplicated().to_numpy())
    answers = staged.frame.drop_duplicates(["finess_et", "vecu_declared"])
    both = answers[answers["vecu_declared"] != UNKNOWN]
    twice = both["finess_et"][both["finess_et"].duplicated()]
    if not twice.empty:
        raise InputError(f"{raw.place()}: yes and no for {', '.join(twice.head(10))}; correct one in corrections.toml")
    long = staged.frame.explode("qpv_code", ignore_index=True).astype({"qpv_code": "str"})
    return Staged(staged.source_id, long, staged.rejects, staged.tally, staged.findings)


def _typed(text: pd.DataFrame, card: Card, sieve: Sieve) -> pd.DataFrame:
    numbers = cleaning.finess(text["finess_et"])
    own = text["finess_et"].str.strip().where(text["finess_et"].str.contains(":").fillna(value=False).astype(bool))
    sieve.reject(text["finess_et"].isna(), "identifier-missing", "no structure")
    unreadable = 'structure "' + text["finess_et"].fillna("") + '" (a FINESS number, or source:identifier)'
    sieve.reject(numbers.bad & own.isna(), "finess-invalid", unreadable)
    sieve.warn_at("finess-zeros-restored", numbers.repaired, text["finess_et"], "eight digits read as nine")
    words = card.values.get("vecu_declared")
    mapping = WORDS["vecu_declared"] | (words or {})
    where = f"{sieve.raw.place()}: card {card.id}"
    answers = cleaning.coded(text["vecu_declared"].where(sieve.keep), mapping, column="vecu_declared", where=where)
    codes = cleaning.code_lists(text["qpv_code"].str.upper())
    expected = pd.Series([_bad(cell, pattern(card)) for cell in codes], index=codes.index, dtype="str")
    sieve.reject(
        expected.notna(), "qpv-code-invalid", 'QPV code "' + expected.fillna("") + f'" ({pattern(card)} expected)'
    )
    frame = pd.DataFrame({"finess_et": numbers.values.fillna(own), "vecu_declared": answers.fillna(UNKNOWN)})
    frame["qpv_code"] = [
        cell if answer == YES else [] for cell, answer in zip(codes, frame["vecu_declared"], strict=True)
    ]
    return frame.assign(year=card["year"], generation=card["generation"])


def _bad(codes: list[str], expected: str) -> str | None:
    return next((c for c in codes if not re.fullmatch(expected, c)), None)
