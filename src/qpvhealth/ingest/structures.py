"""Extracts of structures: any layout to one staged table, one row per establishment of a year.

Layouts: ``finess-legacy`` (cs1100507, two sections without header), ``finess-regional`` (named columns, FINESS categories)
and ``dgos-mapped`` (columns and coded values named in the card). A register is read the same way and never adds a row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.categories import CDS, COUNTED, EXCLUDED, MODALITIES, MONO, MSP, PLURI, STRUCTURE_TYPES, UNKNOWN
from qpvhealth.facts.situations import ANSWERS, CENTROID, LOCATED, MISSING, NO, YES
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, METROPOLE, department_of_commune
from qpvhealth.ingest import cleaning, corrections, finess_legacy, layouts, systems, tables
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.staged import PROVENANCE, Sieve, Staged, Tally

if TYPE_CHECKING:
    from datetime import date

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.raw import RawTable

OUT_OF_SCOPE = "out_of_scope"
CATEGORY = r"\d{3}"
_POINT_TYPE = int(shapely.GeometryType.POINT)

_NAMES = (
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


def read(card: Card, known: tuple[Correction, ...] = (), *, wanted: frozenset[str] | None = None) -> StagedStructures:
    """Read one extract or register.

    ``wanted``: the structures that a register completes; it gives what it knows of these, whatever their category, and the
    rest is out of scope. Returns rows in scope with typed values: type and modality, dates as days, coordinates with their
    system and status, the extract's own flags. Raises UsageError for a layout, mapping or coded value that is not known;
    InputError for a file that cannot be read or repeats a structure with other values.
    """
    raw, text, sections, notes = _text(card)
    sieve = Sieve(raw, card.id)
    sieve.findings.extend(notes)
    own = card.id + ":" + text["own_id"].str.strip()
    text, n = corrections.apply(text, known, card.id, "finess_et", others=own)
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    if wanted is not None:
        named = cleaning.finess(text["finess_et"]).typed.fillna(own)
        sieve.leave_out(~named.isin(wanted), "not in the extract of its year")
    types = _types(text, card, sieve, is_register=wanted is not None)
    text, types = text[sieve.keep].reset_index(drop=True), types[sieve.keep].reset_index(drop=True)
    sieve = sieve.narrowed()
    frame = _typed(text, types, card, sieve)
    staged = sieve.staged(frame, sieve.repeats(frame))
    _refuse_conflicts(staged.frame, raw)
    return StagedStructures(replace(staged, sections=sections), points(staged.frame))


def points(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the point that a source gives for each structure: one row per ``finess_et``, with its own status."""
    columns = ["finess_et", "source_id", "x", "y", "crs", "location_status", "location_precision", "location_score"]
    return frame[columns]


def _text(card: Card) -> tuple[RawTable, pd.DataFrame, dict[str, Tally], list[Finding]]:
    """Return the raw table, its text under our names, the accounts of further sections and what columns were not used."""
    if card.get("layout") == finess_legacy.LAYOUT or (
        card.get("layout") is None and finess_legacy.recognises(card.path)
    ):
        raw, sections = finess_legacy.read(card)
        return raw, raw.frame.reindex(columns=list(_NAMES)).astype("str"), sections, []
    raw = tables.read(card)
    layout = _layout(raw, card)
    text = _with_points(layouts.renamed(raw, card, layout), raw)
    _refuse_nameless(text, raw, card, layout)
    left = layouts.unmapped(raw, card, layout)
    absent = [n for n in ("commune_code", "opened_on", "x", "longitude") if text[n].isna().all()]
    notes = [
        Finding("column-unmapped", len(left), f"{raw.place()}: not used: {', '.join(left)}"),
        Finding("column-missing", len(absent), f"{raw.place()}: not there or empty: {', '.join(absent)}"),
    ]
    return raw, text, {}, [f for f in notes if f.n]


def _layout(raw: RawTable, card: Card) -> Layout:
    """Return the layout: the card's, else the one that fits; columns named for our type mean an extract mapped by hand."""
    if card.get("layout") is None and "structure_type" in card.columns:
        return DGOS_MAPPED
    return layouts.choose(raw, card, LAYOUTS)


def _with_points(text: pd.DataFrame, raw: RawTable) -> pd.DataFrame:
    """Take the coordinates of a geometry file from its points, unless it has them in columns too."""
    if raw.geometry is None or text[["x", "longitude"]].notna().any(axis=None):
        return text
    is_point = shapely.get_type_id(raw.geometry) == _POINT_TYPE
    places = np.array([g if p else None for g, p in zip(raw.geometry, is_point, strict=True)], dtype=object)
    x, y = (pd.Series(axis(places), index=text.index) for axis in (shapely.get_x, shapely.get_y))
    written = {"x": x.map(repr, na_action="ignore"), "y": y.map(repr, na_action="ignore")}
    return text.assign(**written, crs=text["crs"].fillna(raw.crs)).astype("str")


def _refuse_nameless(text: pd.DataFrame, raw: RawTable, card: Card, layout: Layout) -> None:
    """Refuse a mapped extract that names its structures in no column, or has coordinates in no known system."""
    where = f"{raw.place()}: card {card.id}"
    if text[["finess_et", "own_id"]].isna().all(axis=None) and len(text):
        raise UsageError(f"{where}: no identifier; name finess_et or own_id under [source.columns]")
    has_system = layout is not DGOS_MAPPED or card.get("crs") or text["crs"].notna().any()
    if text["x"].notna().any() and not has_system and text["coordinate_source"].isna().all():
        raise UsageError(f'{where}: x and y in which system? Write it in the card, such as crs = "EPSG:2154"')


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
    frame["postcode"] = cleaning.postcodes(text["postcode"]).fillna(postal[0])
    frame["city"] = text["city"].fillna(postal[1]).fillna(text["postal_line"])
    frame["legal_entity"] = cleaning.finess(text["legal_entity"]).typed.fillna(text["legal_entity"])
    for name in ("name", "category", "source_qpv_code", "vecu_qpv_code"):
        frame[name] = text[name]
    return frame.join(_locations(text, frame["department_code"], card, sieve))


def _types(text: pd.DataFrame, card: Card, sieve: Sieve, *, is_register: bool) -> pd.Series:
    """Return MSP or CDS; everything else leaves the sieve, counted by category or by the extract's own word.

    In a register nothing leaves: it completes structures whatever category it has them in.
    """
    category = text["category"].str.strip()
    by_category = _by_category(category, card.get("reference_date"))
    if is_register:
        return by_category
    own = _coded(text["structure_type"], "structure_type", card, sieve)
    silent = own.isna()
    sieve.reject(silent & category.isna(), "value-missing", "no structure type or category")
    unreadable = silent & ~cleaning.matches(category, CATEGORY)
    sieve.reject(unreadable, "value-unreadable", 'category "' + category.fillna("") + '" (three digits expected)')
    reasons = ("excluded category " + category).where(category.isin(EXCLUDED), "category " + category)
    sieve.leave_out(silent & by_category.isna(), reasons)
    sieve.leave_out(own == OUT_OF_SCOPE, "type " + text["structure_type"].fillna(""))
    conflict = own.notna() & by_category.notna() & (own != by_category) & (own != OUT_OF_SCOPE)
    sieve.warn_at("type-conflict", conflict, text["category"], "the category says another type")
    return own.fillna(by_category)


def _by_category(category: pd.Series, on: date | None) -> pd.Series:
    """Return the type that a FINESS category stands for on a day; null for one that is not counted, or was closed before."""
    valid = {code: c for code, c in COUNTED.items() if c.until is None or (on is not None and on <= c.until)}
    return category.map({code: c.structure_type for code, c in valid.items()}, na_action="ignore").astype("str")


def _identifiers(text: pd.DataFrame, card: Card, sieve: Sieve) -> pd.Series:
    numbers = cleaning.finess(text["finess_et"])
    own = card.id + ":" + text["own_id"].str.strip()
    missing = text["finess_et"].isna() & own.isna()
    sieve.reject(missing, "identifier-missing", "no FINESS number and no identifier of the extract")
    unreadable = 'FINESS number "' + text["finess_et"].fillna("") + '" (nine characters expected)'
    sieve.reject(numbers.bad & own.isna(), "finess-invalid", unreadable)
    sieve.warn_at("finess-replaced", numbers.bad, text["finess_et"], "known by the extract's own identifier")
    sieve.warn_at("finess-zeros-restored", numbers.repaired, text["finess_et"], "eight digits read as nine")
    return numbers.typed.fillna(own).astype("str")


def _modalities(text: pd.DataFrame, types: pd.Series, card: Card, sieve: Sieve) -> pd.Series:
    known = _coded(text["modality"], "modality", card, sieve).fillna(UNKNOWN)
    return known.where(types != MSP, PLURI).astype("str")


def _coded(text: pd.Series, name: str, card: Card, sieve: Sieve) -> pd.Series:
    """Read a coded column with the card's words, else ours. Rows that already left the sieve are not read."""
    mapping = card.words(name)
    if mapping is not None and (wrong := sorted(set(mapping.values()) - set(_ALLOWED[name]))):
        raise UsageError(
            f"card {card.id}: [source.values.{name}] maps to {', '.join(wrong)}; known: {', '.join(_ALLOWED[name])}"
        )
    words = WORDS[name] if mapping is None else WORDS[name] | mapping if name in _WITH_DEFAULTS else mapping
    return cleaning.coded(text.where(sieve.keep), words, column=name, where=f"{sieve.raw.place()}: card {card.id}")


_WITH_DEFAULTS = ("modality", "source_says_in_qpv", "vecu_declared", "location_precision")


def _dates(text: pd.Series, sieve: Sieve) -> pd.Series:
    days = cleaning.dates(text)
    sieve.warn_at("date-unreadable", days.bad, text, f"{text.name} taken as unknown")
    return days.typed


def _sirets(text: pd.Series, sieve: Sieve) -> pd.Series:
    numbers = cleaning.sirets(text)
    sieve.warn_at("siret-invalid", numbers.bad, text, "SIRET taken as unknown")
    return numbers.typed


def _communes(text: pd.DataFrame, sieve: Sieve) -> pd.Series:
    """Return the INSEE code: the file's own, else one written where the three digits are, else composed with the département."""
    given, digits = text["commune_code"], text["commune_digits"]
    codes = cleaning.communes(given)
    sieve.warn_at("commune-zeros-restored", codes.repaired, given, "four digits read as five")
    sieve.warn_at("commune-invalid", codes.bad, given, "commune code taken as unknown")
    whole = cleaning.communes(digits.where(digits.str.len() >= cleaning.COMMUNE_LENGTH - 1)).typed
    found = codes.typed.fillna(whole).fillna(cleaning.composed_communes(text["department_code"], digits))
    sieve.warn("commune-missing", int((found.isna() & sieve.keep).sum()), "structures without a commune code")
    return found


def _addresses(text: pd.DataFrame) -> pd.Series:
    joined = text["street_number"].fillna("")
    for part in ("street_suffix", "street_type", "street", "place_name"):
        joined = joined + " " + text[part].fillna("")
    joined = joined.str.split().str.join(" ")
    return text["address"].fillna(joined.where(joined != ""))


def _locations(text: pd.DataFrame, department: pd.Series, card: Card, sieve: Sieve) -> pd.DataFrame:
    """Return the point of each row: coordinates, their system, status, precision and score.

    Projected coordinates are taken where their system is known (see ``_systems``), elsewhere longitude and latitude. A point
    that its own quality columns call a commune, a locality or without score never decides: its status is ``centroid``.
    """
    frame = text[["x", "y", "longitude", "latitude"]].apply(lambda column: _numbers(column, sieve))
    tokens = finess_legacy.coordinate_source(text["coordinate_source"])
    crs = _systems(text, tokens, department, card)
    both = frame["x"].notna() & frame["y"].notna()
    geographic = ~(both & crs.notna()) & frame["longitude"].notna() & frame["latitude"].notna()
    unused = both & crs.isna() & ~geographic
    sieve.warn_at(
        "crs-unknown", unused, text["crs"].fillna(text["coordinate_source"]).fillna(""), "coordinates not used"
    )
    out = pd.DataFrame(index=text.index)
    out["x"] = frame["longitude"].where(geographic, frame["x"].where(~unused & both))
    out["y"] = frame["latitude"].where(geographic, frame["y"].where(~unused & both))
    there = out["x"].notna()
    out["crs"] = crs.where(~geographic, systems.WGS84).where(there).astype("str")
    precision = _coded(text["location_precision"], "location_precision", card, sieve).fillna(UNKNOWN)
    out["location_precision"] = precision.where(~tokens["is_centroid"], "municipality").astype("str")
    score = _scores(text["location_score"], sieve)
    out["location_score"] = score.fillna(tokens["score"])
    poor = out["location_precision"].isin(("municipality", "locality")) | tokens["is_poor"]
    poor |= score.isna() & text["coordinate_source"].isna() & bool(score.notna().any())
    out["location_status"] = pd.Series(np.where(~there, MISSING, np.where(poor, CENTROID, LOCATED)), dtype="str")
    return out


def _systems(text: pd.DataFrame, tokens: pd.DataFrame, department: pd.Series, card: Card) -> pd.Series:
    """Return the system of projected coordinates: the row's own, else the card's, else that of the layout.

    FINESS writes metropolitan points in Lambert-93 where it does not say; a system that is written but not known is unknown.
    """
    own = systems.of_text(text["crs"]).fillna(tokens["crs"])
    said = text["crs"].notna() | tokens["names_crs"]
    metropolitan = department.map(DEPARTMENT_TERRITORY, na_action="ignore") == METROPOLE
    by_layout = pd.Series(systems.LAMBERT_93, index=text.index, dtype="str").where(metropolitan)
    default = systems.of_card(card)
    stated = by_layout if default is None else pd.Series(default, index=text.index, dtype="str")
    return own.fillna(stated.where(~said))


def _scores(text: pd.Series, sieve: Sieve) -> pd.Series:
    """Read scores in [0, 1]; a column that goes beyond 1 counts to 100."""
    score = _numbers(text, sieve)
    return score / finess_legacy.SCORE_SCALE if (score > 1).any() else score


def _numbers(text: pd.Series, sieve: Sieve) -> pd.Series:
    (values, bad, _), suppressed = cleaning.numbers(text)
    sieve.warn_at("number-unreadable", bad, text, f"{text.name} taken as unknown")
    sieve.warn_at("number-suppressed", suppressed, text, f"{text.name} taken as unknown")
    return values


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
    return ", ".join(c for c in rows.columns if c not in PROVENANCE and len(rows[c].drop_duplicates()) > 1)


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
