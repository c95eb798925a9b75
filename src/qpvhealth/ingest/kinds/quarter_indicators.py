"""Figures per QPV (poverty, ages, income…): INSEE files and the like, in long form, never 0 for unknown.

The year in a file name is that of publication: the reference year is the card's. A QPV value repeated on each of its communes
counts once. The empty cell and the known sentinels are null, with the reason; any other word is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import cleaning, corrections, layouts
from qpvhealth.ingest.kinds.neighbourhoods import QPV_CODE_ALIASES, pattern
from qpvhealth.ingest.kinds.populations import TOTAL_ROWS
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import PROVENANCE, Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction

FIGURES: tuple[Field, ...] = (
    Field("poverty_rate", ("TP60", "taux_pauvrete_60%", "taux_pauvrete", "taux de pauvreté")),
    Field("share_under_25", ("TX_TOT_0A24",)),
    Field("share_60_plus", ("TX_TOT_60ETPLUS",)),
    Field("youth_index", ("IND_JEUNE", "indiceJeunesse")),
    Field("median_income", ("DISP_Q2",)),
    Field("employment_rate", ("taux_d_emploi",)),
    Field("share_foreign", ("TX_TOT_ET", "partPopEt")),
    Field("share_living_alone", ("TX_TOT_MEN1", "partMen1p")),
)
LAYOUT = Layout("qpv-figures", (Field("qpv_code", QPV_CODE_ALIASES, required=True), *FIGURES))
NAMES = [f.name for f in FIGURES]
SUPPRESSED, EMPTY = "suppressed", "empty"
COLUMNS = ["qpv_code", "generation", "figure", "value", "reason", "reference_year", "source_id"]


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read one file: one row per QPV and figure, with ``value`` or the ``reason`` why there is none.

    Raises UsageError for a file without any known figure (name yours in the card) or with a word that is no number and no known
    sentinel; InputError when a QPV has two different rows.
    """
    raw = tables.read(card)
    layouts.choose(raw, card, (LAYOUT,))
    mapped = [n for n in NAMES if n in layouts.columns(raw, card, LAYOUT)]
    if not mapped:
        raise UsageError(
            f"{raw.place()}: card {card.id}: no known figure; name one under [source.columns]: {', '.join(NAMES)}"
        )
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, LAYOUT), known, card.id, "qpv_code")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    codes = text["qpv_code"].str.strip().str.upper()
    sieve.leave_out(codes.str.casefold().isin(TOTAL_ROWS), "total row")
    sieve.reject(codes.isna(), "qpv-code-missing", "no QPV code")
    bad = ~codes.str.fullmatch(pattern(card)).fillna(value=False).astype(bool)
    sieve.reject(bad, "qpv-code-invalid", f'QPV code "{{}}" ({pattern(card)} expected)', codes)
    wide = pd.DataFrame({"qpv_code": codes} | _values(text, mapped, sieve, card))
    staged = sieve.staged(wide, sieve.keep & wide.duplicated().to_numpy())
    if (twice := staged.frame["qpv_code"][staged.frame["qpv_code"].duplicated()]).size:
        raise InputError(
            f"{raw.place()}: two rows that differ for {', '.join(twice.head(5))}; correct one in corrections.toml"
        )
    long = _long(staged.frame, mapped).assign(generation=card["generation"], reference_year=card["reference_year"])
    return Staged(staged.source_id, long[COLUMNS], staged.rejects, staged.tally, staged.findings)


def _values(text: pd.DataFrame, mapped: list[str], sieve: Sieve, card: Card) -> dict[str, pd.Series]:
    columns: dict[str, pd.Series] = {}
    for name in mapped:
        (values, bad, _), suppressed = cleaning.numbers(text[name])
        if (unread := bad & sieve.keep).any():
            words = ", ".join(f'"{w}"' for w in text.loc[unread, name].unique()[:5])
            raise UsageError(
                f"{sieve.raw.place()}: card {card.id}: {name} holds {words}: no number and no known sentinel"
            )
        none = suppressed | text[name].isna()
        sieve.warn("number-suppressed", int((none & sieve.keep).sum()), f"{name} unknown")
        columns[name] = values
        columns[f"{name}|reason"] = suppressed.map({True: SUPPRESSED, False: EMPTY}).where(none).astype("str")
    return columns


def _long(wide: pd.DataFrame, mapped: list[str]) -> pd.DataFrame:
    provenance = wide[[c for c in PROVENANCE if c in wide.columns]]
    parts = [
        provenance.assign(qpv_code=wide["qpv_code"], figure=name, value=wide[name], reason=wide[f"{name}|reason"])
        for name in mapped
    ]
    return pd.concat(parts, ignore_index=True)


def combine(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the figures of all files together, the last reference year of each. Raises InputError when two files give one year."""
    if not frames:
        return pd.DataFrame({c: pd.Series(dtype=_KINDS.get(c, "str")) for c in COLUMNS})
    whole = pd.concat(frames, ignore_index=True).sort_values("reference_year", kind="stable")
    key = ["qpv_code", "generation", "figure"]
    if (twice := whole[whole.duplicated([*key, "reference_year"])]).size:
        raise InputError(f"neighbourhood_indicators: two files give {twice['figure'].iloc[0]} of one year; keep one")
    return whole.drop_duplicates(key, keep="last", ignore_index=True)


_KINDS = {"value": "float64", "reference_year": "int64"}
