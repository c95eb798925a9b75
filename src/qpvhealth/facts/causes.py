"""Why a figure changed: the causes, in the order in which they are tested, and their words."""

from __future__ import annotations

OPENED, CLOSED = "opened", "closed"
LATE_REGISTRATION, LATE_DEREGISTRATION, LEFT_EXTRACT = "late_registration", "late_deregistration", "left_extract"
MOVED, RELOCATED, IDENTITY, RECLASSIFIED = "moved", "relocated", "identity", "reclassified"
DECLARATION, CONTOUR, GENERATION, SCOPE = "declaration", "contour", "generation", "scope"
COVERAGE, NOT_ATTRIBUTABLE = "coverage_of_extract", "not_attributable"

CAUSES: dict[str, tuple[str, str]] = {
    IDENTITY: ("correction d'identité", "confirmed renumbering, merger or split of records"),
    OPENED: ("ouverture", "opening date between the two reference dates"),
    CLOSED: ("fermeture", "closing date between the two reference dates"),
    COVERAGE: ("couverture de l'extrait", "area covered by one of the two extracts only"),
    SCOPE: ("changement de champ", "what is counted was redefined"),
    LATE_REGISTRATION: ("inscription tardive", "opened by the first reference date, first listed after it"),
    LATE_DEREGISTRATION: ("radiation tardive", "closed by the first reference date, still listed then"),
    LEFT_EXTRACT: ("sortie de l'extrait sans date", "no longer listed, no closing date"),
    RECLASSIFIED: ("reclassement", "type, or mono/pluri, changed"),
    MOVED: ("déménagement", "another address"),
    RELOCATED: ("relocalisation", "same address, another point, or a point that became known or unknown"),
    DECLARATION: ("déclaration de quartier vécu", "the ARS's answer was added, withdrawn or became unknown"),
    CONTOUR: ("contour modifié", "same generation, edited polygons"),
    GENERATION: ("changement de génération", "same place, other generation of perimeters"),
    NOT_ATTRIBUTABLE: ("non attribuable", "no evidence that would name a cause"),
}
"""French and English words of each cause, in the order of ``docs/method.md``."""

GROSS = frozenset({OPENED, CLOSED})
"""The causes that are events of the real world with a date: only they may be called creations and closures."""
