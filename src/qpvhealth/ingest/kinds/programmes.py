"""Programme lists: the QPV (NPNRU…) or the structures that a programme names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.layouts import QPV_CODE_ALIASES, Field, Layout
from qpvhealth.ingest.staging import stage

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.staging import Sieve, Staged

QPV = Layout("programme-qpv", (Field("qpv_code", QPV_CODE_ALIASES, required=True),))
STRUCTURES = Layout(
    "programme-structures", (Field("finess_et", ("finess", "nofinesset", "num_finess_et"), required=True),)
)
KIND = Kind(
    "programme",
    fr="Liste des QPV, ou des structures, qu'un programme désigne (NPNRU…)",
    en="List of the QPV, or of the structures, that a programme names (NPNRU…)",
    layouts=(QPV, STRUCTURES),
    keys={"programme": str, "generation": str},
    required=("programme",),
    recognises=lambda raw, _: raw.geometry is None and len(raw.frame.columns) <= len(("a code", "a name")),
    example='kind = "programme"\npath = "programmes/npnru.csv"\nprogramme = "NPNRU"\ngeneration = "qpv-2015"',
)


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read a list: one row per code, ``qpv_code`` or ``finess_et``, with the programme and the generation of its codes.

    A cell may hold several codes. Raises UsageError for a list of QPV without generation, or of another generation.
    """
    staged = stage(card, corrections, KIND.layouts, _clean, compare_by="programme")
    column = "qpv_code" if "qpv_code" in staged.frame else "finess_et"
    long = staged.frame.explode(column, ignore_index=True).astype({column: "str"})
    return replace(staged, frame=long.drop_duplicates(["programme", column], ignore_index=True))


def _clean(sieve: Sieve) -> pd.DataFrame:
    if sieve.layout is STRUCTURES:
        generation, column, codes = None, "finess_et", sieve.structures()
    elif (generation := sieve.card.get("generation")) is None:
        raise UsageError(
            f'card {sieve.card.id}: a list of QPV needs the generation of its codes, such as generation = "qpv-2015"'
        )
    else:
        column, codes = "qpv_code", sieve.qpv_code_lists()
        sieve.reject(codes.str.len() == 0, "qpv-code-missing", "no QPV code")
    frame = pd.DataFrame({"programme": sieve.card["programme"], column: codes})
    return frame.assign(generation=pd.Series(generation, index=frame.index, dtype="str"))
