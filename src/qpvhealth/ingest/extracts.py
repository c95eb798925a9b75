"""Layouts of extracts of structures, and the words that their coded columns may hold: as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.errors import UsageError
from qpvhealth.facts.categories import CDS, MODALITIES, MONO, MSP, PLURI, STRUCTURE_TYPES, UNKNOWN
from qpvhealth.facts.situations import ANSWERS, NO, YES
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.layouts import Field, Layout

if TYPE_CHECKING:
    import pandas as pd

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.staging import Sieve

LEGACY = "finess-legacy"
OUT_OF_SCOPE = "out_of_scope"
NAMES = (
    *("finess_et", "own_id", "name", "structure_type", "modality", "category", "siret", "legal_entity", "address"),
    *("street_number", "street_suffix", "street_type", "street", "place_name", "postcode", "city", "postal_line"),
    *("commune_code", "commune_digits", "department_code", "opened_on", "closed_on", "authorised_on"),
    *("x", "y", "crs", "longitude", "latitude", "location_precision", "location_score", "coordinate_source"),
    *("source_says_in_qpv", "source_qpv_code", "vecu_declared", "vecu_qpv_code"),
)
_FINESS_ALIASES: dict[str, tuple[str, ...]] = {
    "finess_et": (
        *("nofinesset", "numero_finess_etablissement", "num_finess_et", "numero_finess_et", "finess", "nofiness"),
        *("numero_finess", "num_finess", "n_finess", "n_finess_et", "finess_etablissement", "finess_geographique"),
    ),
    "legal_entity": (
        *("nofinessej", "numero finess etablissement juridique", "num_finess_ej", "numero_finess_ej", "finess_ej"),
        *("n_finess_ej", "numero_finess_entite_juridique", "finess_juridique"),
    ),
    "name": ("raison_sociale", "rs"),
    "street_number": ("numvoie",),
    "street_suffix": ("compvoie",),
    "street_type": ("typvoie",),
    "street": ("voie",),
    "place_name": ("lieuditbp",),
    "postal_line": ("ligneacheminement", "ligne_acheminement"),
    "postcode": ("code_postal", "cp"),
    "city": ("libelle_commune", "lib_commune", "nom_commune", "ville"),
    "commune_code": ("code_insee", "codeinsee", "insee", "code_commune_insee", "insee_com", "depcom", "codgeo"),
    "commune_digits": ("code_commune", "commune"),
    "department_code": ("departement", "code_departement", "dep"),
    "category": ("categetab", "categorie_code", "code_categorie", "code_categorie_etablissement", "cat_etab"),
    "siret": ("numero_siret",),
    "x": ("coordxet", "coord_x", "coordonnee_x"),
    "y": ("coordyet", "coord_y", "coordonnee_y"),
    "crs": ("epsg", "code_epsg"),
    "longitude": ("lon", "long", "lng"),
    "latitude": ("lat",),
    "coordinate_source": ("sourcecoordet",),
    "opened_on": ("dateouv", "date_ouverture"),
    "closed_on": ("datefermeture", "date_fermeture", "dateferm"),
    "authorised_on": ("dateautor", "date_autorisation"),
}
_REGIONAL_REQUIRED = ("finess_et", "category")

FINESS_REGIONAL = Layout(
    "finess-regional", tuple(Field(n, _FINESS_ALIASES.get(n, ()), n in _REGIONAL_REQUIRED) for n in NAMES)
)
DGOS_MAPPED = Layout("dgos-mapped", tuple(Field(n, (), n == "structure_type") for n in NAMES))
LAYOUTS = (FINESS_REGIONAL, DGOS_MAPPED)

YES_NO: dict[str, str] = {
    **dict.fromkeys(("oui", "o", "yes", "true", "vrai", "1"), YES),
    **dict.fromkeys(("non", "n", "no", "false", "faux", "0"), NO),
}
"""What people write for yes and no, in either language; compared whole, without case."""
_ANSWERS = YES_NO | {UNKNOWN: UNKNOWN, "": UNKNOWN, "inconnu": UNKNOWN, "nsp": UNKNOWN}
WORDS: dict[str, dict[str, str]] = {
    "structure_type": {
        "MSP": MSP,
        "CDS": CDS,
        "maison de santé": MSP,
        "maison de santé pluriprofessionnelle": MSP,
        "centre de santé": CDS,
        OUT_OF_SCOPE: OUT_OF_SCOPE,
    },
    "modality": {
        **{m: m for m in MODALITIES},
        "": UNKNOWN,
        "monoprofessionnel": MONO,
        "pluriprofessionnel": PLURI,
        "inconnu": UNKNOWN,
    },
    "source_says_in_qpv": _ANSWERS,
    "vecu_declared": _ANSWERS,
    "location_precision": {p: p for p in ("housenumber", "street", "locality", "municipality", "unknown")}
    | {"": UNKNOWN},
}
_KNOWN_WORDS: dict[str, tuple[str, ...]] = {
    "structure_type": (*STRUCTURE_TYPES, OUT_OF_SCOPE),
    "modality": MODALITIES,
    "source_says_in_qpv": ANSWERS,
    "vecu_declared": ANSWERS,
    "location_precision": ("housenumber", "street", "locality", "municipality", "unknown"),
}
_WITH_DEFAULTS = ("modality", "source_says_in_qpv", "vecu_declared", "location_precision")


def coded(text: pd.Series, name: str, card: Card, sieve: Sieve) -> pd.Series:
    """Read a coded column with the card's words, else ours. Rows that already left the sieve are not read.

    A type beyond MSP and CdS is known when the card names it (``other_types``), and then by its own name too.
    """
    mapping, own = card.words(name), {t: t for t in card.get("other_types", ())} if name == "structure_type" else {}
    known = (*_KNOWN_WORDS[name], *own)
    if mapping is not None and (wrong := sorted(set(mapping.values()) - set(known))):
        raise UsageError(
            f"card {card.id}: [source.values.{name}] maps to {', '.join(wrong)}; known: {', '.join(known)}"
            + (_OTHER_TYPES if name == "structure_type" else "")
        )
    words = WORDS[name] if mapping is None else WORDS[name] | mapping if name in _WITH_DEFAULTS else mapping
    where = f"{sieve.raw.place()}: card {card.id}"
    kept = text if sieve.keep.all() else text.where(sieve.keep)
    return cleaning.coded(kept, own | words, column=name, where=where)


_OTHER_TYPES = ', or a type of its own that the card names, such as other_types = ["pôle de santé"]'
