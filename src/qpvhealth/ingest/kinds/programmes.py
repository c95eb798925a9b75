"""Programme lists: the QPV (NPNRU…) or the structures that a programme names."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

KIND = Kind(
    "programme",
    "programmes",
    lambda raw, _: raw.geometry is None and len(raw.frame.columns) <= len(("a code", "a name")),
)


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read a list: one row per code, ``qpv_code`` or ``finess_et``, with the programme and the generation of its codes.

    A cell may hold several codes. Raises UsageError for a list of QPV without generation, or of another generation.
    """
    staged = stage(card, corrections, KIND, _clean, compare_by="programme")
    column = "qpv_code" if "qpv_code" in staged.frame else "finess_et"
    long = staged.frame.explode(column, ignore_index=True).astype({column: "str"})
    return replace(staged, frame=long.drop_duplicates(["programme", column], ignore_index=True))


def _clean(sieve: Sieve) -> pd.DataFrame:
    if "finess_et" in sieve.text:
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
