"""Why a figure changed: the causes, in the order in which they are tested, and their words."""

from __future__ import annotations

from qpvhealth.facts import lists

OPENED, CLOSED = "opened", "closed"
LATE_REGISTRATION, LATE_DEREGISTRATION, LEFT_EXTRACT = "late_registration", "late_deregistration", "left_extract"
LOCATION_LEARNT, LOCATION_LOST = "location_learnt", "location_lost"
MOVED, RELOCATED, IDENTITY, RECLASSIFIED = "moved", "relocated", "identity", "reclassified"
DECLARATION, CONTOUR, GENERATION, SCOPE = "declaration", "contour", "generation", "scope"
COVERAGE, NOT_ATTRIBUTABLE = "coverage_of_extract", "not_attributable"

_LIST = lists.load("causes", ("cause", "evidence_fr"))
CAUSES: dict[str, tuple[str, str]] = {
    c["id"]: (c["fr"], c["en"]) for c in lists.expand(_LIST["cause"], "causes.toml: cause")
}
"""French and English words of each cause, in the order of ``docs/method.md``."""
EVIDENCE_FR: dict[str, str] = _LIST["evidence_fr"]
"""French words of what made a change its cause, by the words of the table ``changes``."""
