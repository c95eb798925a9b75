"""People per QPV: one staged row per code, whatever the file repeats per commune, never 0 for unknown."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

KIND = Kind("populations", "populations", lambda raw, _: raw.geometry is None)
GROUPED, DECIMAL = r"\d{1,3}(?:[.,]\d{3})+", r"\d{4,}[.,]\d+|\d+[.,](?:\d{1,2}|\d{4,})"
"""Thousands apart ("12,000"), unless a cell of the column shows that its mark is a decimal one."""
MORE_THAN_ANY = 1e9
"""No population reaches this: a number beyond is a mistake of the file, and no whole number of a table either."""


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read the populations of one file: ``qpv_code``, ``generation``, ``population``, ``population_year``.

    A total row is out of scope; rows that repeat a QPV for each of its communes are duplicates; a sentinel of suppression or
    an empty cell is unknown; anything else that is not a whole number of people is rejected. Raises InputError when a QPV has
    two populations.
    """
    staged = stage(card, corrections, KIND, _clean, compare_by="qpv_code")
    twice = staged.frame["qpv_code"][staged.frame["qpv_code"].duplicated()]
    if not twice.empty:
        codes = ", ".join(twice.head(10))
        raise InputError(f"{card.path.name}: two populations for {codes}; correct one in corrections.toml")
    return staged


def combine(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the files together: of each QPV the latest population. Raises InputError when two files give one year."""
    whole = KIND.together(frames)
    twice = whole[whole.duplicated(["qpv_code", "generation", "population_year"])]
    if not twice.empty:
        raise InputError(
            f"populations: two files give the same year for {', '.join(twice['qpv_code'].head(5))}; keep one"
        )
    whole = whole.sort_values("population_year", kind="stable")
    return whole.drop_duplicates(["qpv_code", "generation"], keep="last", ignore_index=True)


def _clean(sieve: Sieve) -> pd.DataFrame:
    codes, text = sieve.qpv_codes(total_rows=cleaning.TOTAL_ROWS), _ungrouped(sieve)
    (people, bad, _), suppressed = cleaning.numbers(text)
    whole = people.isna() | ((people >= 0) & (people < MORE_THAN_ANY) & (people == np.floor(people)))
    sieve.reject(bad | ~whole, "value-unreadable", 'population "{}" (a whole number expected)', text)
    sieve.warn_at("number-suppressed", suppressed | text.isna(), text.fillna(""), "population unknown")
    frame = pd.DataFrame({"qpv_code": codes, "generation": sieve.card["generation"]})
    return frame.assign(population=people.where(whole).astype("Int64"), population_year=sieve.card["population_year"])


def _ungrouped(sieve: Sieve) -> pd.Series:
    """Return the populations without marks of thousands: people are whole, "12,000" is no 12."""
    text = sieve.text["population"]
    plain = text.str.replace(r"\s", "", regex=True)
    grouped = cleaning.matches(plain, GROUPED)
    if not grouped.any() or cleaning.matches(plain, DECIMAL).any():
        return text
    sieve.warn_at("reading-choice", grouped, text, "a mark of thousands, read as none")
    return text.mask(grouped, plain.str.replace("[.,]", "", regex=True))
