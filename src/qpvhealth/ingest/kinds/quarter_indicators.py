"""Figures per QPV (poverty, ages, income…): INSEE files and the like, in long form, never 0 for unknown.

The year in a file name is that of publication: the reference year is the card's. A QPV value repeated on each of its communes
counts once. The empty cell and the known sentinels are null, with the reason; any other word is refused.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.layouts import mapped_columns
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

KIND = Kind(
    "neighbourhood_indicators",
    "quarter_indicators",
    lambda raw, layout: raw.geometry is None and len(mapped_columns(raw, layout)) > len(("the code",)),
)
SUPPRESSED, EMPTY = "suppressed", "empty"


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read one file: one row per QPV and figure, with ``value`` or the ``reason`` why there is none.

    Raises UsageError for a file without any known figure (name yours in the card) or with a word that is no number and no known
    sentinel; InputError when a QPV has two different rows.
    """
    staged = stage(card, corrections, KIND, _clean, compare_by="qpv_code")
    wide = staged.frame
    if (twice := wide["qpv_code"][wide["qpv_code"].duplicated()]).size:
        codes = ", ".join(twice.head(5))
        raise InputError(f"{card.path.name}: two rows that differ for {codes}; correct one in corrections.toml")
    figures = [
        wide[["qpv_code", "source_id"]].assign(figure=name, value=wide[name], reason=wide[f"{name}|reason"])
        for name in KIND.columns[1:]
        if name in wide
    ]
    long = pd.concat(figures, ignore_index=True)
    long = long.assign(generation=card["generation"], reference_year=card["reference_year"])
    return replace(staged, frame=long)


def _clean(sieve: Sieve) -> pd.DataFrame:
    columns = {"qpv_code": sieve.qpv_codes(total_rows=cleaning.TOTAL_ROWS)}
    for name in [name for name in KIND.columns[1:] if name in sieve.mapped]:
        text = sieve.text[name]
        (numbers, bad, _), suppressed = cleaning.numbers(text)
        if (unread := bad & sieve.keep).any():
            words = ", ".join(f'"{w}"' for w in text[unread].unique()[:5])
            raise UsageError(f"{sieve.where}: {name} holds {words}: no number and no known sentinel")
        absent = suppressed | text.isna()
        sieve.warn("number-suppressed", int((absent & sieve.keep).sum()), f"{name} unknown")
        columns[name] = numbers
        columns[f"{name}|reason"] = suppressed.map({True: SUPPRESSED, False: EMPTY}).where(absent).astype("str")
    if len(columns) == 1:
        raise UsageError(
            f"{sieve.where}: no known figure; name one under [source.columns]: {', '.join(KIND.columns[1:])}"
        )
    return pd.DataFrame(columns)


def combine(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the figures of all files together, the last reference year of each. Raises InputError when two files give one year."""
    whole = KIND.together(frames).sort_values("reference_year", kind="stable")
    key = ["qpv_code", "generation", "figure"]
    if (twice := whole[whole.duplicated([*key, "reference_year"])]).size:
        raise InputError(f"neighbourhood_indicators: two files give {twice['figure'].iloc[0]} of one year; keep one")
    return whole.drop_duplicates(key, keep="last", ignore_index=True)
