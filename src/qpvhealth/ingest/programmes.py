"""Programme lists: the QPV (NPNRU…) or the structures that a programme names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.ingest import cleaning, corrections, layouts, tables
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.neighbourhoods import QPV_CODE_ALIASES, other_generation, pattern
from qpvhealth.ingest.staged import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction

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
    codes = (
        _qpv_codes(text[column], raw.file, card, sieve) if column == "qpv_code" else _structures(text[column], sieve)
    )
    frame = pd.DataFrame({"programme": card["programme"], column: codes})
    frame["generation"] = card.get("generation")
    repeated = sieve.keep & frame.assign(**{column: codes.astype("str")}).duplicated().to_numpy()
    staged = sieve.staged(frame, repeated)
    long = (
        staged.frame.explode(column, ignore_index=True).astype({column: "str"}).drop_duplicates(["programme", column])
    )
    return Staged(staged.source_id, long.reset_index(drop=True), staged.rejects, staged.tally, staged.findings)


def _qpv_codes(text: pd.Series, file: str, card: Card, sieve: Sieve) -> pd.Series:
    if card.get("generation") is None:
        raise UsageError(
            f'card {card.id}: a list of QPV needs the generation of its codes, such as generation = "qpv-2015"'
        )
    codes = cleaning.code_lists(text.str.upper())
    if (other := other_generation(codes.str[0], card["generation"])) is not None:
        raise UsageError(f'{file}: the codes are those of {other}; write generation = "{other}" in card {card.id}')
    sieve.reject(text.isna(), "qpv-code-missing", "no QPV code")
    expected = pattern(card)
    bad = ~codes.explode().str.fullmatch(expected).fillna(value=False).astype(bool).groupby(level=0).all()
    sieve.reject(bad, "qpv-code-invalid", 'QPV code "' + text.fillna("") + f'" ({expected} expected)')
    return codes


def _structures(text: pd.Series, sieve: Sieve) -> pd.Series:
    numbers = cleaning.finess(text)
    sieve.reject(text.isna(), "identifier-missing", "no structure")
    sieve.reject(numbers.bad, "finess-invalid", 'FINESS number "' + text.fillna("") + '" (nine characters expected)')
    return numbers.values.map(lambda code: [code], na_action="ignore")
