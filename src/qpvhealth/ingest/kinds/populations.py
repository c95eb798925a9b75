"""People per QPV: one staged row per code, whatever the file repeats per commune, never 0 for unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.ingest import cleaning, corrections, layouts
from qpvhealth.ingest.kinds.neighbourhoods import QPV_CODE_ALIASES, qpv_codes, refuse_other_generation, reject_codes
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction

_POPULATION_ALIASES = (
    *("popMuniQPV", "POP_MUN", "pmun", "population_municipale", "pop", "pop_qpv"),
    *(f"population_municipale_{year}" for year in range(2006, 2041)),
)
LAYOUT = Layout(
    "qpv-population",
    (
        Field("qpv_code", QPV_CODE_ALIASES, required=True),
        Field("population", _POPULATION_ALIASES, required=True),
        Field("name", ("nom_qp", "lib_qp", "LIBGEO", "libQPV")),
    ),
)
MORE_THAN_ANY = 1e9
"""No population reaches this: a number beyond is a mistake of the file, and no whole number of a table either."""
TOTAL_ROWS = frozenset({"ensemble", "ensemble des qpv", "total", "france"})


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read the populations of one file: ``qpv_code``, ``generation``, ``population``, ``population_year``.

    A total row is out of scope; rows that repeat a QPV for each of its communes are duplicates; a sentinel of suppression or
    an empty cell is unknown; anything else that is not a whole number of people is rejected. Raises InputError when a QPV has
    two populations.
    """
    raw = tables.read(card)
    layouts.choose(raw, card, (LAYOUT,))
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, LAYOUT), known, card.id, "qpv_code")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    codes = qpv_codes(text["qpv_code"])
    refuse_other_generation(codes, str(raw.place()), card)
    sieve.leave_out(codes.str.casefold().isin(TOTAL_ROWS), "total row")
    reject_codes(codes, card, sieve)
    people = _people(text["population"], sieve)
    frame = pd.DataFrame({"qpv_code": codes, "generation": card["generation"], "population": people})
    frame["population_year"] = card["population_year"]
    staged = sieve.staged(frame, sieve.repeats(frame, "qpv_code"))
    twice = staged.frame["qpv_code"][staged.frame["qpv_code"].duplicated()]
    if not twice.empty:
        raise InputError(
            f"{raw.place()}: two populations for {', '.join(twice.head(10))}; correct one in corrections.toml"
        )
    return staged


def _people(text: pd.Series, sieve: Sieve) -> pd.Series:
    (values, bad, _), suppressed = cleaning.numbers(text)
    whole = values.isna() | ((values >= 0) & (values < MORE_THAN_ANY) & (values == np.floor(values)))
    sieve.reject(bad | ~whole, "value-unreadable", 'population "{}" (a whole number expected)', text)
    sieve.warn_at("number-suppressed", suppressed | text.isna(), text.fillna(""), "population unknown")
    return values.where(whole).astype("Int64")
