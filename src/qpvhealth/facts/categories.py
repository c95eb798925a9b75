"""FINESS categories: which are counted, from when to when, and which are left out and why.

Source: nomenclature TRE_R66, version 20260505. Categories 125, 130, 289 and 439 were closed on 2013-12-19 and reclassified
into 124 (instruction DGOS 2013/402): an extract of before that date may still hold them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

MSP, CDS = "MSP", "CDS"
STRUCTURE_TYPES = (MSP, CDS)
"""The types that every published figure is about. A card may name others (``other_types``), which are counted apart."""
MONO, PLURI, UNKNOWN = "mono", "pluri", "unknown"
MODALITIES = (MONO, PLURI, UNKNOWN)

_RECLASSIFIED_ON = date(2013, 12, 19)


@dataclass(frozen=True)
class Category:
    """One FINESS category that is counted: the type it stands for, and until when it existed (null: still open)."""

    code: str
    label: str
    structure_type: str
    until: date | None = None


COUNTED: dict[str, Category] = {
    c.code: c
    for c in (
        Category("603", "Maison de santé (L.6223-3)", MSP),
        Category("124", "Centre de santé", CDS),
        Category("125", "Centre de santé dentaire", CDS, _RECLASSIFIED_ON),
        Category("130", "Centre de soins médicaux", CDS, _RECLASSIFIED_ON),
        Category("289", "Centre de soins infirmiers", CDS, _RECLASSIFIED_ON),
        Category("439", "Centre de santé polyvalent", CDS, _RECLASSIFIED_ON),
    )
}

EXCLUDED: dict[str, str] = {
    "228": "centre de santé sexuelle: not a centre de santé of article L.6323-1",
    "297": "older centre category, closed",
    "328": "older centre category, closed",
    "347": "centre d'examens de santé: assurance maladie check-ups, not a centre de santé",
    "438": "médecine collective, closed category",
    "604": "communauté professionnelle territoriale de santé: a coordination, not a place of care",
    "606": "dispositif d'appui à la coordination: a coordination, not a place of care",
    "617": "maison médicale de garde: out-of-hours care only",
    "618": "soins non programmés: unscheduled care only",
    "636": "soins et prévention: not a centre de santé",
}
"""Categories close in name that are never counted, with the reason."""
