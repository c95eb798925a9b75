"""Scopes: which structures a figure counts, with its words in French and English. To add one is to add an entry here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.facts.categories import CDS, MONO, MSP, PLURI, UNKNOWN
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Scope:
    """The structures that count: whole ``types``, and centres of one ``modality``.

    ``is_headline``: in the table of indicators; every scope is in the matrix of choices.
    """

    name: str
    words_fr: str
    words_en: str
    types: tuple[str, ...] = ()
    modality: str | None = None
    is_headline: bool = True

    def members(self, rows: pd.DataFrame) -> Tristate:
        """Say which structures (``structure_type``, ``modality``) count; unknown without a type, or for a centre whose modality decides."""
        kind = rows["structure_type"]
        whole = kind.isin(self.types).to_numpy(dtype=bool)
        typed = kind.notna().to_numpy(dtype=bool)
        if self.modality is None:
            return Tristate(whole, ~whole & typed)
        centre = (kind == CDS).to_numpy(dtype=bool) & ~whole
        modality = {m: centre & (rows["modality"] == m).to_numpy(dtype=bool) for m in (self.modality, UNKNOWN)}
        return Tristate(whole | modality[self.modality], ~(whole | np.logical_or.reduce([*modality.values()])) & typed)


SCOPES: dict[str, Scope] = {
    s.name: s
    for s in (
        Scope("msp", "MSP", "MSP", (MSP,)),
        Scope("cds", "CdS mono et pluriprofessionnels", "CdS, mono- and pluriprofessional", (CDS,)),
        Scope("cds_pluri", "CdS pluriprofessionnels", "pluriprofessional CdS", modality=PLURI, is_headline=False),
        Scope("cds_mono", "CdS monoprofessionnels", "monoprofessional CdS", modality=MONO, is_headline=False),
        Scope(
            "msp_cds",
            "MSP et CdS mono et pluriprofessionnels",
            "MSP and CdS, mono- and pluriprofessional",
            (MSP, CDS),
        ),
        Scope("primary", "MSP et CdS pluriprofessionnels", "MSP and pluriprofessional CdS", (MSP,), PLURI),
    )
}
HEADLINE: tuple[Scope, ...] = tuple(s for s in SCOPES.values() if s.is_headline)
SCOPE_OF_TYPE = {MSP: "msp", CDS: "cds", "all": "msp_cds"}
"""The scope that counts each ``structure_type`` of the tables of counts and of changes."""


def of_type(name: str) -> Scope:
    """Return the scope of one structure type beyond MSP and CdS, under the name of the type."""
    return Scope(name, name, name, (name,))
