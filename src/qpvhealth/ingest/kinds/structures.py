"""Extracts of structures: any layout to one staged table, one row per establishment of a year.

Layouts: ``finess-legacy`` (cs1100507, two sections without header), ``finess-regional`` (named columns, FINESS categories)
and ``dgos-mapped`` (columns and coded values named in the card). A register is read the same way and never adds a row.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.contract.keys import among
from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.categories import CDS, COUNTED, EXCLUDED, MODALITIES, MONO, MSP, PLURI, STRUCTURE_TYPES, UNKNOWN
from qpvhealth.facts.situations import ANSWERS, PRECISIONS
from qpvhealth.facts.territories import department_of_commune
from qpvhealth.ingest import cleaning, coordinates
from qpvhealth.ingest.kind import Coded, Kind
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import finess_legacy, tables
from qpvhealth.ingest.staging import PROVENANCE, stage

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.staging import Sieve, Staged

CATEGORY = r"\d{3}"
AS_WRITTEN = "type_as_written"
"""Two spellings of one type are no conflict: the column is not compared."""
OUT_OF_SCOPE = "out_of_scope"
_COLUMNS = (
    *("finess_et", "own_id", "name", "structure_type", "modality", "category", "siret", "legal_entity", "address"),
    *("street_number", "street_suffix", "street_type", "street", "place_name", "postcode", "city", "postal_line"),
    *("commune_code", "commune_digits", "department_code", "opened_on", "closed_on", "authorised_on"),
    *("x", "y", "crs", "longitude", "latitude", "location_precision", "location_score", "coordinate_source"),
    *("source_says_in_qpv", "source_qpv_code", "vecu_declared", "vecu_qpv_code"),
)
_STREET = ("street_number", "street_suffix", "street_type", "street", "place_name")
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
FINESS_LEGACY = Layout("finess-legacy", tuple(Field(c) for c in _COLUMNS))
FINESS_REGIONAL = Layout(
    "finess-regional",
    tuple(Field(c, _FINESS_ALIASES.get(c, ()), required=c in ("finess_et", "category")) for c in _COLUMNS),
)
DGOS_MAPPED = Layout("dgos-mapped", tuple(Field(c, required=c == "structure_type") for c in _COLUMNS))
LAYOUTS = (FINESS_REGIONAL, DGOS_MAPPED)
_TYPE_WORDS = {
    "MSP": MSP,
    "CDS": CDS,
    "maison de santé": MSP,
    "maison de santé pluriprofessionnelle": MSP,
    "centre de santé": CDS,
    OUT_OF_SCOPE: OUT_OF_SCOPE,
}
_MODALITY_WORDS = {
    **{m: m for m in MODALITIES},
    "": UNKNOWN,
    "monoprofessionnel": MONO,
    "pluriprofessionnel": PLURI,
    "inconnu": UNKNOWN,
}
_ANSWERS = Coded(ANSWERS, cleaning.YES_NO | dict.fromkeys((UNKNOWN, "", "inconnu", "nsp"), UNKNOWN))
CODED = {
    "structure_type": Coded((*STRUCTURE_TYPES, OUT_OF_SCOPE), _TYPE_WORDS, replace=True),
    "modality": Coded(MODALITIES, _MODALITY_WORDS),
    "source_says_in_qpv": _ANSWERS,
    "vecu_declared": _ANSWERS,
    "location_precision": Coded(PRECISIONS, {p: p for p in PRECISIONS} | {"": UNKNOWN}),
}
KIND = Kind(
    "structures",
    fr="Extrait des structures d'une année (FINESS, DGOS, ARS)",
    en="Extract of the structures of one year (FINESS, DGOS, ARS)",
    layouts=(FINESS_LEGACY, *LAYOUTS),
    keys={"year": int, "reference_date": date, "crs": str, "covers": dict, "other_types": list},
    required=("year", "reference_date"),
    coded=CODED,
    recognises=lambda _, layout: layout is not FINESS_LEGACY,
    example='kind = "structures"\npath = "structures/2023.xlsx"\nyear = 2023\nreference_date = 2023-12-31',
)
REGISTER = Kind(
    "register",
    fr="Registre qui complète les structures d'une année, sans en ajouter",
    en="Register that completes the structures of a year, without adding any",
    layouts=(FINESS_LEGACY, *LAYOUTS),
    keys={"year": int, "reference_date": date, "crs": str},
    required=("year",),
    coded=CODED,
    example='kind = "register"\npath = "register/finess.csv"\nyear = 2023',
)


def read(card: Card, corrections: tuple[Correction, ...] = (), *, wanted: frozenset[str] | None = None) -> Staged:
    """Read one extract or register: rows in scope with typed values, and their points as the source gives them.

    ``wanted``: the structures that a register completes; it gives what it knows of these, whatever their category, and the
    rest is out of scope. ``left_out`` of what is returned: one row per numbered establishment that the extract lists under a
    type that is not counted, with ``finess_et``, ``type_as_written`` and its source and row: what became of a structure that is
    counted another year. Raises UsageError for a layout, mapping or coded value that is not known; InputError for a file that
    cannot be read or repeats a structure with other values.
    """

    def clean(sieve: Sieve) -> pd.DataFrame:
        return _clean(sieve, wanted)

    layouts: tuple[Layout, ...]
    if card.get("layout") == FINESS_LEGACY.name or (card.get("layout") is None and finess_legacy.recognises(card.path)):
        raw, layouts = finess_legacy.read(card), (FINESS_LEGACY,)
    else:
        raw = tables.read(card)
        layouts = (DGOS_MAPPED,) if card.get("layout") is None and "structure_type" in card.columns else LAYOUTS
    staged = stage(card, corrections, layouts, clean, compare_by="finess_et", ignore=[AS_WRITTEN], raw=raw)
    twice = staged.frame[staged.frame["finess_et"].duplicated(keep=False)]
    if not twice.empty:
        lines = [
            f"{raw.place()}: {code} stands on rows {', '.join(map(str, rows['source_row']))} with different {_differing(rows)}"
            for code, rows in list(twice.groupby("finess_et"))[:20]
        ]
        raise InputError(
            "\n".join([*lines, "correct the wrong row in corrections.toml, or ask the producer; nothing was chosen"])
        )
    return staged


def _clean(sieve: Sieve, wanted: frozenset[str] | None) -> pd.DataFrame:
    """Take out what is not counted, or not wanted of a register, then type the rest."""
    sieve.text = coordinates.with_points(sieve.text, sieve.raw)
    _check_columns(sieve)
    own_id = sieve.card.id + ":" + sieve.text["own_id"].str.strip()
    if wanted is not None:
        identifiers = cleaning.finess(sieve.text["finess_et"]).typed.fillna(own_id)
        sieve.leave_out(~among(identifiers, wanted), "not in the extract of its year")
    types = _types(sieve, is_register=wanted is not None)

    aside = sieve.text[sieve.out_of_scope].reset_index(drop=True)
    written = aside["structure_type"].fillna(aside["category"]).str.strip()
    described = {"finess_et": cleaning.finess(aside["finess_et"]).typed, AS_WRITTEN: written}
    sieve.left_out = (
        sieve.provenance(sieve.out_of_scope)
        .assign(**described)
        .dropna()
        .drop_duplicates("finess_et", ignore_index=True)
    )
    types, own_id = types[sieve.keep].reset_index(drop=True), own_id[sieve.keep].reset_index(drop=True)
    sieve.narrow()
    text = sieve.text

    columns = {"structure_type": types, "finess_et": _identifiers(sieve, own_id)}
    columns["modality"] = sieve.coded("modality", CODED["modality"]).mask(types == MSP, PLURI)
    columns |= {c: sieve.coded(c, CODED[c]) for c in ("source_says_in_qpv", "vecu_declared")}
    columns |= {c: sieve.dates(c) for c in ("opened_on", "closed_on", "authorised_on")}
    columns["siret"], bad, _ = cleaning.sirets(text["siret"])
    sieve.warn_at("siret-invalid", bad, text["siret"], "SIRET taken as unknown")
    columns["commune_code"] = _communes(sieve)
    by_commune = cleaning.translated(columns["commune_code"], department_of_commune)
    columns["department_code"] = by_commune.fillna(cleaning.departments(text["department_code"]))
    columns["address"] = _addresses(text)
    postal = text["postal_line"].str.extract(r"^\s*(\d{5})\s+(.*)$")
    columns["postcode"] = cleaning.postcodes(text["postcode"]).fillna(postal[0])
    columns["city"] = text["city"].fillna(postal[1]).fillna(text["postal_line"])
    columns["legal_entity"] = cleaning.finess(text["legal_entity"]).typed.fillna(text["legal_entity"])
    columns |= {c: text[c] for c in ("name", "category", "source_qpv_code", "vecu_qpv_code")}
    columns[AS_WRITTEN] = text["structure_type"].fillna(text["category"]).str.strip()
    precision = sieve.coded("location_precision", CODED["location_precision"])
    columns |= coordinates.read(sieve, columns["department_code"], precision)
    return pd.DataFrame(columns, copy=False)


def _check_columns(sieve: Sieve) -> None:
    """Report what columns are not used or not there; refuse a mapped extract without identifiers, or x and y without system."""
    if sieve.layout is FINESS_LEGACY:
        return
    header, where = set(sieve.mapped), sieve.where
    if sieve.layout is DGOS_MAPPED and header.isdisjoint({"finess_et", "own_id"}):
        raise UsageError(f"{where}: no identifier; name finess_et or own_id under [source.columns]")
    systems = {"crs", "coordinate_source"}
    if sieve.layout is DGOS_MAPPED and "x" in header and not sieve.card.get("crs") and header.isdisjoint(systems):
        raise UsageError(f'{where}: x and y in which system? Write it in the card, such as crs = "EPSG:2154"')
    unmapped = [h for h in sieve.raw.frame.columns if h not in sieve.mapped.values()]
    absent = [c for c in ("commune_code", "opened_on", "x", "longitude") if sieve.text[c].isna().all()]
    for rule, columns, words in (
        ("column-unmapped", unmapped, "not used"),
        ("column-missing", absent, "not there or empty"),
    ):
        if columns:
            message = f"{sieve.raw.place()}: {words}: {', '.join(columns)}"
            sieve.findings.append(Finding(rule, len(columns), message))


def _types(sieve: Sieve, *, is_register: bool) -> pd.Series:
    """Return MSP or CDS; everything else leaves the sieve, counted by category or by the extract's own word.

    In a register nothing leaves: it completes structures whatever category it has them in. A category that was closed before
    the reference date counts no more.
    """
    text, day = sieve.text, sieve.card.get("reference_date")
    category = text["category"].str.strip()
    valid = {
        code: c.structure_type for code, c in COUNTED.items() if c.until is None or (day is not None and day <= c.until)
    }
    by_category = cleaning.translated(category, valid.get)
    if is_register:
        return by_category
    own = sieve.coded("structure_type", CODED["structure_type"])
    silent = own.isna()
    sieve.reject(silent & category.isna(), "value-missing", "no structure type or category")
    unreadable = silent & ~cleaning.matches(category, CATEGORY)
    sieve.reject(unreadable, "value-unreadable", 'category "{}" (three digits expected)', category)
    reasons = cleaning.translated(category, lambda c: f"{'excluded ' if c in EXCLUDED else ''}category {c}")
    sieve.leave_out(silent & by_category.isna(), reasons)
    outside = own == OUT_OF_SCOPE
    sieve.leave_out(outside, "type " + text["structure_type"].fillna(""))
    conflict = own.notna() & by_category.notna() & (own != by_category) & ~outside
    sieve.warn_at("type-conflict", conflict, text["category"], "the category says another type")
    return own.fillna(by_category)


def _identifiers(sieve: Sieve, own_id: pd.Series) -> pd.Series:
    """Return the FINESS number of each structure, else the extract's own identifier; a row with neither is rejected."""
    cells = sieve.text["finess_et"]
    numbers, bad, repaired = cleaning.finess(cells)
    missing = cells.isna() & own_id.isna()
    sieve.reject(missing, "identifier-missing", "no FINESS number and no identifier of the extract")
    unreadable = 'FINESS number "{}" (nine characters expected)'
    sieve.reject(bad & own_id.isna(), "finess-invalid", unreadable, cells)
    sieve.warn_at("finess-replaced", bad, cells, "known by the extract's own identifier")
    sieve.warn_at("finess-zeros-restored", repaired, cells, "eight digits read as nine")
    return numbers.fillna(own_id).astype("str")


def _communes(sieve: Sieve) -> pd.Series:
    """Return the INSEE code: the file's own, else one written where the three digits are, else composed with the département."""
    digits = sieve.text["commune_digits"]
    whole = cleaning.communes(digits.where(digits.str.len() >= cleaning.COMMUNE_LENGTH - 1)).typed
    composed = cleaning.composed_communes(sieve.text["department_code"], digits)
    codes = sieve.communes().fillna(whole).fillna(composed)
    sieve.warn("commune-missing", int((codes.isna() & sieve.keep).sum()), "structures without a commune code")
    return codes


def _addresses(text: pd.DataFrame) -> pd.Series:
    """Return the address, else the parts of the street joined by single spaces."""
    joined = pd.Series("", index=text.index, dtype="str")
    for column in _STREET:
        joined = joined + " " + text[column].fillna("")
    joined = joined.str.split().str.join(" ")
    return text["address"].fillna(joined.where(joined != ""))


def _differing(rows: pd.DataFrame) -> str:
    return ", ".join(c for c in rows.columns if c not in PROVENANCE and len(rows[c].drop_duplicates()) > 1)


def points(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the point that a source gives for each structure: one row per ``finess_et``, with its own status."""
    columns = ["finess_et", "source_id", "x", "y", "crs", "location_status", "location_precision", "location_score"]
    return frame[columns]


def combine(extracts: list[pd.DataFrame]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Put the extracts of one year together; identical repeats across cards count once.

    Returns the rows and the number of duplicates per source. Raises InputError for conflicting repeats.
    """
    frame = pd.concat(extracts, ignore_index=True)
    content = [c for c in frame.columns if c not in (*PROVENANCE, AS_WRITTEN)]
    repeated = frame.duplicated(content) if len(extracts) > 1 else pd.Series(data=False, index=frame.index)
    conflict = frame[~repeated][frame[~repeated].duplicated("finess_et", keep=False)]
    if not conflict.empty:
        lines = [
            f"{code}: {' and '.join(rows['source_id'] + ' row ' + rows['source_row'].astype('str'))} differ in {_differing(rows)}"
            for code, rows in list(conflict.groupby("finess_et"))[:20]
        ]
        raise InputError("\n".join([*lines, "two extracts of one year disagree; correct one in corrections.toml"]))
    return frame[~repeated].reset_index(drop=True), frame.loc[repeated, "source_id"].value_counts().to_dict()
