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

EVIDENCE_FR: dict[str, str] = {
    "a confirmed link splits another record": "un lien confirmé la scinde d'une autre fiche",
    "a confirmed link merges it into another record": "un lien confirmé la fusionne dans une autre fiche",
    "a confirmed link renumbers it": "un lien confirmé la renumérote",
    "opened_on lies between the two reference dates": "date d'ouverture entre les deux dates de référence",
    "opened_on is not after the first reference date": "date d'ouverture au plus tard à la première date de référence",
    "opened_on is after the second reference date": "date d'ouverture après la seconde date de référence",
    "opened_on is a placeholder": "date d'ouverture conventionnelle",
    "no opening date": "sans date d'ouverture",
    "closed_on lies between the two reference dates": "date de fermeture entre les deux dates de référence",
    "closed_on is not after the first reference date": "date de fermeture au plus tard à la première date de référence",
    "no longer listed, no closing date": "absente, sans date de fermeture",
    "listed as closed in the first extract, as open in the second": "fermée dans le premier extrait, ouverte dans le second",
    "listed as not yet open in the second extract": "pas encore ouverte dans le second extrait",
    "the first extract does not cover the area": "le premier extrait ne couvre pas la zone",
    "the second extract does not cover the area": "le second extrait ne couvre pas la zone",
    "the first extract lists it out of scope, under the same type": "hors champ dans le premier extrait, sous le même type",
    "the second extract lists it out of scope, under the same type": "hors champ dans le second extrait, sous le même type",
    "the first extract lists it out of scope, under another type": "hors champ dans le premier extrait, sous un autre type",
    "the second extract lists it out of scope, under another type": "hors champ dans le second extrait, sous un autre type",
    "the first extract lists it out of scope, in words that the other extract does not use": (
        "hors champ dans le premier extrait, en des mots que l'autre n'emploie pas"
    ),
    "the second extract lists it out of scope, in words that the other extract does not use": (
        "hors champ dans le second extrait, en des mots que l'autre n'emploie pas"
    ),
    "another type": "autre type",
    "another modality": "autre modalité",
    "another address": "autre adresse",
    "another area for the same point": "autre zone pour le même point",
    "another point, and an address that one extract does not give": "autre point, adresse absente d'un des extraits",
    "same address, another point": "même adresse, autre point",
    "same address, a point that became known, unknown or of another precision": (
        "même adresse, point devenu connu, inconnu ou d'une autre précision"
    ),
    "added": "déclaration ajoutée",
    "withdrawn": "déclaration retirée",
    "became unknown": "réponse devenue inconnue",
    "became no": "réponse devenue non",
    "same place, other generation": "même lieu, autre génération",
    "same place, edited polygons": "même lieu, contours modifiés",
}
"""French words of what made a change its cause, by the words of the table ``changes``."""
