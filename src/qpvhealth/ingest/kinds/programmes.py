"""Programme lists: the QPV (NPNRU…) or the structures that a programme names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.ingest import cleaning, corrections, layouts
from qpvhealth.ingest.kinds.neighbourhoods import QPV_CODE_ALIASES, pattern, refuse_other_generation
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Sieve

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.staging import Staged

LAYOUTS = (
    Layout("programme-qpv", (Field("qpv_code", QPV_CODE_ALIASES, required=True),)),
    Layout("programme-structures", (Field("finess_et", ("finess", "nofinesset", "num_finess_et"), required=True),)),
)


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read a list: one row per code, ``qpv_code`` or ``finess_et``, with the programme and the generation of its codes.

    A cell may hold several codes. Raises UsageError for a list of QPV without generation, or of another generation.
    """
    raw = tables.read(card)
    layout = layouts.choose(raw, card, LAYOUTS)
    column = layout.fields[0].name
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, layout), known, card.id, column)
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    is_qpv = column == "qpv_code"
    codes = _qpv_codes(text[column], str(raw.place()), card, sieve) if is_qpv else _structures(text[column], sieve)
    frame = pd.DataFrame({"programme": card["programme"], column: codes})
    frame["generation"] = pd.Series(card.get("generation") if is_qpv else None, index=frame.index, dtype="str")
    staged = sieve.staged(frame, sieve.repeats(frame.astype({column: "str"}), column))
    long = staged.frame.explode(column, ignore_index=True).astype({column: "str"})
    return replace(staged, frame=long.drop_duplicates(["programme", column], ignore_index=True))


def _qpv_codes(text: pd.Series, where: str, card: Card, sieve: Sieve) -> pd.Series:
    if card.get("generation") is None:
        raise UsageError(
            f'card {card.id}: a list of QPV needs the generation of its codes, such as generation = "qpv-2015"'
        )
    codes = cleaning.code_lists(text.str.upper())
    each = codes.explode().astype("str")
    refuse_other_generation(each.dropna(), where, card)
    sieve.reject(text.isna(), "qpv-code-missing", "no QPV code")
    expected = pattern(card)
    bad = ~cleaning.matches(each, expected).groupby(level=0).all()
    sieve.reject(bad, "qpv-code-invalid", f'QPV code "{{}}" ({expected} expected)', text)
    return codes


def _structures(text: pd.Series, sieve: Sieve) -> pd.Series:
    numbers = cleaning.finess(text)
    sieve.reject(text.isna(), "identifier-missing", "no structure")
    sieve.reject(numbers.bad, "finess-invalid", 'FINESS number "{}" (nine characters expected)', text)
    sieve.warn_at("finess-zeros-restored", numbers.repaired, text, "eight digits read as nine")
    return numbers.typed.map(lambda code: [code], na_action="ignore")
