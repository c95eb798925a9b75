"""Extracts of structures: any layout to one staged table, one row per establishment of a year.

Layouts: ``finess-legacy`` (cs1100507, two sections without header), ``finess-regional`` (named columns, FINESS categories)
and ``dgos-mapped`` (columns and coded values named in the card). A register is read the same way and never adds a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.categories import CDS, COUNTED, EXCLUDED, MODALITIES, MONO, MSP, PLURI, STRUCTURE_TYPES, UNKNOWN
from qpvhealth.facts.situations import ANSWERS, CENTROID, LOCATED, MISSING, NO, YES
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, METROPOLE, department_of_commune
from qpvhealth.ingest import cleaning, corrections, finess_legacy, layouts, tables
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.staged import PROVENANCE, Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.raw import RawTable

OUT_OF_SCOPE = "out_of_scope"
LAMBERT_93, WGS84 = "EPSG:2154", "EPSG:4326"

_NAMES = (
    *("finess_et", "own_id", "name", "structure_type", "modality", "category", "siret", "legal_entity", "address"),
    *("street_number", "street_type", "street", "place_name", "postcode", "city", "postal_line"),
    *("commune_code", "commune_digits", "department_code", "opened_on", "closed_on", "authorised_on"),
    *("x", "y", "crs", "longitude", "latitude", "location_precision", "location_score", "coordinate_source"),
    *("source_says_in_qpv", "source_qpv_code", "vecu_declared", "vecu_qpv_code"),
)
_FINESS_ALIASES: dict[str, tuple[str, ...]] = {
    "finess_et": ("nofinesset", "numero_finess_etablissement", "num_finess_et", "numero_finess_et", "finess"),
    "legal_entity": ("nofinessej", "numero finess etablissement juridique", "num_finess_ej", "numero_finess_ej"),
    "name": ("raison_sociale", "rs"),
    "street_number": ("numvoie",),
    "street_type": ("typvoie",),
    "street": ("voie",),
    "place_name": ("lieuditbp", "lieuditbp"),
    "postal_line": ("ligneacheminement",),
    "commune_code": ("code_insee", "codeinsee", "insee", "code_commune_insee"),
    "commune_digits": ("code_commune", "commune"),
    "department_code": ("departement",),
    "category": ("categetab", "categorie_code"),
    "siret": ("siret",),
    "x": ("coordxet",),
    "y": ("coordyet",),
    "longitude": ("lon", "long"),
    "latitude": ("lat",),
    "coordinate_source": ("sourcecoordet",),
    "opened_on": ("dateouv", "date_ouverture"),
    "closed_on": ("datefermeture", "date_fermeture"),
    "authorised_on": ("dateautor", "date_autorisation"),
}
_REGIONAL_REQUIRED = ("finess_et", "category")

FINESS_REGIONAL = Layout(
    "finess-regional", tuple(Field(n, _FINESS_ALIASES.get(n, ()), n in _REGIONAL_REQUIRED) for n in _NAMES)
)
DGOS_MAPPED = Layout("dgos-mapped", tuple(Field(n, (), n == "structure_type") for n in _NAMES))
LAYOUTS = (FINESS_REGIONAL, DGOS_MAPPED)
LAYOUT_NAMES = (finess_legacy.LAYOUT, *(la.name for la in LAYOUTS))

_YES_NO = {"oui": YES, "non": NO, "o": YES, "n": NO, "yes": YES, "no": NO, "true": YES, "false": NO, "1": YES, "0": NO}
_ANSWERS = _YES_NO | {UNKNOWN: UNKNOWN, "": UNKNOWN, "inconnu": UNKNOWN, "nsp": UNKNOWN}
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
_ALLOWED: dict[str, tuple[str, ...]] = {
    "structure_type": (*STRUCTURE_TYPES, OUT_OF_SCOPE),
    "modality": MODALITIES,
    "source_says_in_qpv": ANSWERS,
    "vecu_declared": ANSWERS,
    "location_precision": ("housenumber", "street", "locality", "municipality", "unknown"),
}


class StagedStructures(NamedTuple):
    """The staged extract of one card, and the point that it gives for each structure (see ``points``)."""

    staged: Staged
    points: pd.DataFrame


def read(card: Card, known: tuple[Correction, ...] = ()) -> StagedStructures:
    """Read one extract or register.

    Returns rows in scope with typed values: type and modality, dates as days, coordinates with their system and status, the
    extract's own flags. Raises UsageError for a layout, mapping or coded value that is not known; InputError for a file
    that cannot be read or repeats a structure with other values.
    """
    raw, text, sections, notes = _text(card)
    sieve = Sieve(raw, card.id)
    sieve.findings.extend(notes)
    text, n = corrections.apply(text, known, card.id, "finess_et")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    types = _types(text, card, sieve)
    text, types = (part[sieve.keep].reset_index(drop=True) for part in (text, types))
    sieve = sieve.narrowed()
    frame = _typed(text, types, card, sieve)
    repeated = _identical_repeats(frame, sieve)
    staged = sieve.staged(frame, repeated)
    _refuse_conflicts(staged.frame, raw)
    staged = Staged(staged.source_id, staged.frame, staged.rejects, staged.tally, staged.findings, sections)
    return StagedStructures(staged, points(staged.frame))


def points(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the point that a source gives for each structure: one row per ``finess_et``, with its own status."""
    columns = ["finess_et", "source_id", "x", "y", "crs", "location_status", "location_precision", "location_score"]
    return frame[columns]


def _text(card: Card) -> tuple[RawTable, pd.DataFrame, dict, list[Finding]]:
    """Return the raw table, its text under our names, the accounts of further sections and what columns were not used."""
    if card.get("layout") == finess_legacy.LAYOUT or (
        card.get("layout") is None and finess_legacy.recognises(card.path)
    ):
        raw, sections = finess_legacy.read(card)
        return raw, raw.frame.reindex(columns=list(_NAMES)).astype("str"), sections, []
    raw = tables.read(card)
    layout = layouts.choose(raw, card, LAYOUTS) if not card.columns or card.get("layout") else DGOS_MAPPED
    text = layouts.renamed(raw, card, layout)
    left = layouts.unmapped(raw, card, layout)
    absent = [n for n in ("commune_code", "opened_on", "x", "longitude") if text[n].isna().all()]
    notes = [
        Finding("column-unmapped", len(left), f"{raw.place()}: not used: {', '.join(left)}"),
        Finding("column-missing", len(absent), f"{raw.place()}: not there or empty: {', '.join(absent)}"),
    ]
    return raw, text, {}, [f for f in notes if f.n]


def _typed(text: pd.DataFrame, types: pd.Series, card: Card, sieve: Sieve) -> pd.DataFrame:
    frame = pd.DataFrame({"structure_type": types})
    frame["finess_et"] = _identifiers(text, card, sieve)
    frame["modality"] = _modalities(text, frame["structure_type"], card, sieve)
    for name in ("source_says_in_qpv", "vecu_declared"):
        frame[name] = _coded(text[name], name, card, sieve).fillna(UNKNOWN)
    for name in ("opened_on", "closed_on", "authorised_on"):
        frame[name] = _dates(text[name], sieve)
    frame["siret"] = _sirets(text["siret"], sieve)
    frame["commune_code"] = _communes(text, sieve)
    given = cleaning.departments(text["department_code"])
    frame["department_code"] = (
        frame["commune_code"].map(department_of_commune, na_action="ignore").fillna(given).astype("str")
    )
    frame["address"] = _addresses(text)
    postal = text["postal_line"].str.extract(r"^\s*(\d{5})\s+(.*)$")
    frame["postcode"] = text["postcode"].fillna(postal[0])
    frame["city"] = text["city"].fillna(postal[1]).fillna(text["postal_line"])
    for name in ("name", "category", "legal_entity", "source_qpv_code", "vecu_qpv_code"):
        frame[name] = text[name]
    return frame.join(_locations(text, frame["department_code"], card, sieve))


def _types(text: pd.DataFrame, card: Card, sieve: Sieve) -> pd.Series:
    """Return MSP or CDS; everything else leaves the sieve, counted by category or by the extract's own word."""
    category = text["category"].str.strip()
    days = {code: c.until for code, c in COUNTED.items()}
    reference = card.get("reference_date")
    valid = [code for code, until in days.items() if until is None or (reference is not None and reference <= until)]
    by_category = category.map({code: COUNTED[code].structure_type for code in valid}).astype("str")
    if text["structure_type"].isna().all():
        reasons = ("category " + category.fillna("missing")).where(
            ~category.isin(EXCLUDED), "excluded category " + category
        )
        sieve.leave_out(by_category.isna(), reasons)
        return by_category
    sieve.reject(text["structure_type"].isna() & by_category.isna(), "value-missing", "no structure type")
    own = _coded(text["structure_type"], "structure_type", card, sieve)
    sieve.leave_out(own == OUT_OF_SCOPE, "type " + text["structure_type"].fillna(""))
    conflict = own.notna() & by_category.notna() & (own != by_category) & (own != OUT_OF_SCOPE)
    sieve.warn_at("type-conflict", conflict, text["category"], "the category says another type")
    return own.fillna(by_category)


def _identifiers(text: pd.DataFrame, card: Card, sieve: Sieve) -> pd.Series:
    numbers = cleaning.finess(text["finess_et"])
    own = card.id + ":" + text["own_id"].str.strip()
    sieve.reject(
        numbers.bad & own.isna(),
        "finess-invalid",
        'FINESS number "' + text["finess_et"].fillna("") + '" (nine characters expected)',
    )
    sieve.reject(
        numbers.values.isna() & own.isna(), "identifier-missing", "no FINESS number and no identifier of the extract"
    )
    sieve.warn_at("finess-zeros-restored", numbers.repaired, text["finess_et"], "eight digits read as nine")
    return numbers.values.fillna(own).astype("str")


def _modalities(text: pd.DataFrame, types: pd.Series, card: Card, sieve: Sieve) -> pd.Series:
    known = _coded(text["modality"], "modality", card, sieve).fillna(UNKNOWN)
    return known.where(types != MSP, PLURI).astype("str")


def _coded(text: pd.Series, name: str, card: Card, sieve: Sieve) -> pd.Series:
    """Read a coded column with the card's words, else ours. Rows that already left the sieve are not read."""
    mapping = card.values.get(name)
    if mapping is not None and (wrong := sorted(set(mapping.values()) - set(_ALLOWED[name]))):
        raise UsageError(
            f"card {card.id}: [source.values.{name}] maps to {', '.join(wrong)}; known: {', '.join(_ALLOWED[name])}"
        )
    words = WORDS[name] if mapping is None else WORDS[name] | mapping if name in _WITH_DEFAULTS else mapping
    return cleaning.coded(text.where(sieve.keep), words, column=name, where=f"{sieve.raw.place()}: card {card.id}")


_WITH_DEFAULTS = ("modality", "source_says_in_qpv", "vecu_declared", "location_precision")


def _dates(text: pd.Series, sieve: Sieve) -> pd.Series:
    read_dates = cleaning.dates(text)
    sieve.warn_at("date-unreadable", read_dates.bad, text, f"{text.name} taken as unknown")
    return read_dates.values


def _sirets(text: pd.Series, sieve: Sieve) -> pd.Series:
    numbers = cleaning.sirets(text)
    sieve.warn_at("siret-invalid", numbers.bad, text, "SIRET taken as unknown")
    return numbers.values


def _communes(text: pd.DataFrame, sieve: Sieve) -> pd.Series:
    codes = cleaning.communes(text["commune_code"])
    sieve.warn_at(
        "commune-zeros-restored",
        codes.repaired & codes.values.notna(),
        text["commune_code"],
        "four digits read as five",
    )
    sieve.warn_at("commune-invalid", codes.bad, text["commune_code"], "commune code taken as unknown")
    whole = cleaning.communes(
        text["commune_digits"].where(text["commune_digits"].str.len() >= cleaning.COMMUNE_LENGTH - 1)
    )
    composed = cleaning.composed_communes(text["department_code"], text["commune_digits"])
    found = codes.values.fillna(whole.values).fillna(composed)
    sieve.warn("commune-missing", int((found.isna() & sieve.keep).sum()), "structures without a commune code")
    return found


def _addresses(text: pd.DataFrame) -> pd.Series:
    parts = text[["street_number", "street_type", "street", "place_name"]].fillna("")
    joined = parts["street_number"].str.cat([parts[c] for c in parts.columns[1:]], sep=" ").str.split().str.join(" ")
    return text["address"].fillna(joined.where(joined != ""))


def _locations(text: pd.DataFrame, department: pd.Series, card: Card, sieve: Sieve) -> pd.DataFrame:
    """Return the point of each row: coordinates, their system, status, precision and score.

    Projected coordinates are taken where their system is known (the row's own, the card's, or Lambert-93 for a metropolitan
    row of a layout that says so); elsewhere longitude and latitude. A centroid is one that the source itself calls so.
    """
    frame = text[["x", "y", "longitude", "latitude"]].apply(lambda column: _numbers(column, sieve))
    tokens = finess_legacy.coordinate_source(text["coordinate_source"])
    crs = text["crs"].str.strip().fillna(tokens["crs"]).fillna(card.get("crs")).astype("str")
    metropolitan = department.map(DEPARTMENT_TERRITORY) == METROPOLE
    crs = crs.where(crs.notna() | ~metropolitan, LAMBERT_93)
    projected = frame["x"].notna() & frame["y"].notna() & crs.notna()
    geographic = ~projected & frame["longitude"].notna() & frame["latitude"].notna()
    out = pd.DataFrame(index=text.index)
    out["x"] = frame["x"].where(projected, frame["longitude"].where(geographic))
    out["y"] = frame["y"].where(projected, frame["latitude"].where(geographic))
    out["crs"] = crs.where(projected, WGS84).where(projected | geographic)
    precision = _coded(text["location_precision"], "location_precision", card, sieve).fillna(UNKNOWN)
    out["location_precision"] = precision.where(~tokens["is_centroid"], "municipality").astype("str")
    out["location_score"] = _numbers(text["location_score"], sieve).fillna(tokens["score"])
    poor = out["location_precision"].isin(("municipality", "locality"))
    out["location_status"] = np.where(~(projected | geographic), MISSING, np.where(poor, CENTROID, LOCATED))
    return out.astype({"location_status": "str", "crs": "str"})


def _numbers(text: pd.Series, sieve: Sieve) -> pd.Series:
    (values, bad, _), suppressed = cleaning.numbers(text)
    sieve.warn_at("number-unreadable", bad, text, f"{text.name} taken as unknown")
    sieve.warn_at("number-suppressed", suppressed, text, f"{text.name} taken as unknown")
    return values


def _identical_repeats(frame: pd.DataFrame, sieve: Sieve) -> np.ndarray:
    kept = frame[sieve.keep]
    repeated = np.zeros(len(frame), dtype=bool)
    repeated[np.flatnonzero(sieve.keep)] = kept.duplicated().to_numpy()
    return repeated


def _refuse_conflicts(frame: pd.DataFrame, raw: RawTable) -> None:
    """Raise InputError when a structure stands on several rows that are not identical."""
    several = frame[frame.duplicated("finess_et", keep=False)]
    if several.empty:
        return
    told = [
        f"{raw.place()}: {code} stands on rows {', '.join(map(str, rows['source_row']))} with different {_differing(rows)}"
        for code, rows in list(several.groupby("finess_et"))[:20]
    ]
    raise InputError(
        "\n".join([*told, "correct the wrong row in corrections.toml, or ask the producer; nothing was chosen"])
    )


def _differing(rows: pd.DataFrame) -> str:
    return ", ".join(c for c in rows.columns if c not in PROVENANCE and rows[c].nunique(dropna=False) > 1)


def combine(extracts: list[StagedStructures]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Put the extracts of one year together; identical repeats across cards count once.

    Returns the rows and the number of duplicates per source. Raises InputError for conflicting repeats.
    """
    frame = pd.concat([e.staged.frame for e in extracts], ignore_index=True)
    content = [c for c in frame.columns if c not in PROVENANCE]
    repeated = frame.duplicated(content)
    conflict = frame[~repeated][frame[~repeated].duplicated("finess_et", keep=False)]
    if not conflict.empty:
        told = [
            f"{code}: {' and '.join(rows['source_id'] + ' row ' + rows['source_row'].astype('str'))} differ in {_differing(rows)}"
            for code, rows in list(conflict.groupby("finess_et"))[:20]
        ]
        raise InputError("\n".join([*told, "two extracts of one year disagree; correct one in corrections.toml"]))
    return frame[~repeated].reset_index(drop=True), frame.loc[repeated, "source_id"].value_counts().to_dict()
