"""FINESS categories: which are counted, from when to when, and which are left out and why; types and modalities of structures."""

from dataclasses import dataclass
from datetime import date

from qpvhealth.facts import lists

MSP, CDS = "MSP", "CDS"
STRUCTURE_TYPES = (MSP, CDS)
"""The types that every published figure is about. A card may name others (``other_types``), which are counted apart."""
MONO, PLURI, UNKNOWN = "mono", "pluri", "unknown"
MODALITIES = (MONO, PLURI, UNKNOWN)


@dataclass(frozen=True)
class Category:
    """One FINESS category that is counted: the type it stands for, and until when it existed (null: still open)."""

    code: str
    label: str
    structure_type: str
    until: date | None = None


_LIST = lists.load("categories", ("counted", "excluded"))
COUNTED: dict[str, Category] = {
    c.code: c for c in lists.records(Category, _LIST["counted"], "categories.toml: counted")
}
"""By code."""
EXCLUDED: dict[str, str] = _LIST["excluded"]
"""Categories close in name that are never counted, with the reason."""
