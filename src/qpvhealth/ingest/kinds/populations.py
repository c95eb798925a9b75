"""People per QPV: one staged row per code, whatever the file repeats per commune, never 0 for unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.layouts import QPV_CODE_ALIASES, Field, Layout
from qpvhealth.ingest.staging import stage

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.staging import Sieve, Staged

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
KIND = Kind(
    "populations",
    fr="Population de chaque QPV",
    en="Population of each QPV",
    layouts=(LAYOUT,),
    keys={"generation": str, "population_year": int},
    required=("generation", "population_year"),
    recognises=lambda raw, _: raw.geometry is None,
    example='kind = "populations"\npath = "population/qpv-2015.csv"\ngeneration = "qpv-2015"\npopulation_year = 2013',
)
MORE_THAN_ANY = 1e9
"""No population reaches this: a number beyond is a mistake of the file, and no whole number of a table either."""


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read the populations of one file: ``qpv_code``, ``generation``, ``population``, ``population_year``.

    A total row is out of scope; rows that repeat a QPV for each of its communes are duplicates; a sentinel of suppression or
    an empty cell is unknown; anything else that is not a whole number of people is rejected. Raises InputError when a QPV has
    two populations.
    """
    staged = stage(card, corrections, (LAYOUT,), _clean, compare_by="qpv_code")
    twice = staged.frame["qpv_code"][staged.frame["qpv_code"].duplicated()]
    if not twice.empty:
        codes = ", ".join(twice.head(10))
        raise InputError(f"{card.path.name}: two populations for {codes}; correct one in corrections.toml")
    return staged


def _clean(sieve: Sieve) -> pd.DataFrame:
    codes, text = sieve.qpv_codes(total_rows=cleaning.TOTAL_ROWS), sieve.text["population"]
    (people, bad, _), suppressed = cleaning.numbers(text)
    whole = people.isna() | ((people >= 0) & (people < MORE_THAN_ANY) & (people == np.floor(people)))
    sieve.reject(bad | ~whole, "value-unreadable", 'population "{}" (a whole number expected)', text)
    sieve.warn_at("number-suppressed", suppressed | text.isna(), text.fillna(""), "population unknown")
    frame = pd.DataFrame({"qpv_code": codes, "generation": sieve.card["generation"]})
    return frame.assign(population=people.where(whole).astype("Int64"), population_year=sieve.card["population_year"])
