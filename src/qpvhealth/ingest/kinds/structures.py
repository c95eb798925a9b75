"""Extracts of structures: any layout to one staged table, one row per establishment of a year.

Layouts: ``finess-legacy`` (cs1100507, two sections without header), ``finess-regional`` (named columns, FINESS categories)
and ``dgos-mapped`` (columns and coded values named in the card). A register is read the same way and never adds a row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from qpvhealth.contract.keys import among
from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.categories import COUNTED, EXCLUDED, MSP, PLURI
from qpvhealth.facts.territories import department_of_commune
from qpvhealth.ingest import cleaning, coordinates, corrections, layouts
from qpvhealth.ingest.extracts import DGOS_MAPPED, LAYOUTS, LEGACY, NAMES, OUT_OF_SCOPE, coded
from qpvhealth.ingest.readers import finess_legacy, tables
from qpvhealth.ingest.staging import PROVENANCE, Sieve, Staged, Tally

if TYPE_CHECKING:
    from datetime import date

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.layouts import Layout
    from qpvhealth.ingest.readers.raw import RawTable

CATEGORY = r"\d{3}"
AS_WRITTEN = "type_as_written"
"""Two spellings of one type are no conflict: the column is not compared."""


class StagedStructures(NamedTuple):
    """The staged extract of one card, the point that it gives for each structure (see ``points``), and who is out of scope.

    ``out_of_scope``: one row per numbered establishment that the extract lists under a type that is not counted, with
    ``finess_et``, ``type_as_written`` and its source and row: what became of a structure that is counted another year.
    """

    staged: Staged
    points: pd.DataFrame
    out_of_scope: pd.DataFrame


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
        sieve.leave_out(~among(named, wanted), "not in the extract of its year")
    types = _types(text, card, sieve, is_register=wanted is not None)
    aside = _out_of_scope(text, sieve)
    text, types = text[sieve.keep].reset_index(drop=True), types[sieve.keep].reset_index(drop=True)
    sieve = sieve.narrowed()
    frame = _typed(text, types, card, sieve)
    staged = sieve.staged(frame, sieve.repeats(frame, "finess_et", beside=[AS_WRITTEN]))
    _refuse_conflicts(staged.frame, raw)
    return StagedStructures(replace(staged, sections=sections), points(staged.frame), aside)


def points(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the point that a source gives for each structure: one row per ``finess_et``, with its own status."""
    columns = ["finess_et", "source_id", "x", "y", "crs", "location_status", "location_precision", "location_score"]
    return frame[columns]


def _out_of_scope(text: pd.DataFrame, sieve: Sieve) -> pd.DataFrame:
    """Return the rows out of scope that have a FINESS number, with their type as the extract writes it."""
    aside = text.loc[sieve.left_out, ["finess_et", "structure_type", "category"]].reset_index(drop=True)
    told = sieve.provenance(sieve.left_out).assign(
        **{"finess_et": cleaning.finess(aside["finess_et"]).typed, AS_WRITTEN: _as_written(aside)}
    )
    return told.dropna(subset=["finess_et", AS_WRITTEN]).drop_duplicates("finess_et", ignore_index=True)


def _as_written(text: pd.DataFrame) -> pd.Series:
    """Return what an extract says that an establishment is: its own word for the type, else the FINESS category."""
    return text["structure_type"].fillna(text["category"]).str.strip()


def _text(card: Card) -> tuple[RawTable, pd.DataFrame, dict[str, Tally], list[Finding]]:
    """Return the raw table, its text under our names, the accounts of further sections and what columns were not used."""
    if card.get("layout") == LEGACY or (card.get("layout") is None and finess_legacy.recognises(card.path)):
        raw, sections = finess_legacy.read(card)
        return raw, raw.frame.reindex(columns=list(NAMES)).astype("str"), sections, []
    raw = tables.read(card)
    layout = _layout(raw, card)
    text = coordinates.with_points(layouts.renamed(raw, card, layout), raw)
    if layout is DGOS_MAPPED:
        _refuse_vague(set(layouts.columns(raw, card, layout)), raw, card)
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


def _refuse_vague(mapped: set[str], raw: RawTable, card: Card) -> None:
    """Refuse a mapped extract that names its structures in no column, or has coordinates in no known system."""
    where = f"{raw.place()}: card {card.id}"
    if not mapped & {"finess_et", "own_id"}:
        raise UsageError(f"{where}: no identifier; name finess_et or own_id under [source.columns]")
    if "x" in mapped and not card.get("crs") and not mapped & {"crs", "coordinate_source"}:
        raise UsageError(f'{where}: x and y in which system? Write it in the card, such as crs = "EPSG:2154"')


def _typed(text: pd.DataFrame, types: pd.Series, card: Card, sieve: Sieve) -> pd.DataFrame:
    told = {"structure_type": types, "finess_et": _identifiers(text, card, sieve)}
    told["modality"] = _modalities(text, types, card, sieve)
    told |= {name: coded(text[name], name, card, sieve) for name in ("source_says_in_qpv", "vecu_declared")}
    told |= {name: _dates(text[name], sieve) for name in ("opened_on", "closed_on", "authorised_on")}
    told["siret"] = _sirets(text["siret"], sieve)
    told["commune_code"] = _communes(text, sieve)
    by_commune = cleaning.translated(told["commune_code"], department_of_commune)
    told["department_code"] = by_commune.fillna(cleaning.departments(text["department_code"]))
    told["address"] = _addresses(text)
    told["postcode"], told["city"] = _postcodes_and_cities(text)
    told["legal_entity"] = cleaning.finess(text["legal_entity"]).typed.fillna(text["legal_entity"])
    told |= {name: text[name] for name in ("name", "category", "source_qpv_code", "vecu_qpv_code")}
    told[AS_WRITTEN] = _as_written(text)
    return pd.DataFrame(told | coordinates.read(text, told["department_code"], card, sieve), copy=False)


def _types(text: pd.DataFrame, card: Card, sieve: Sieve, *, is_register: bool) -> pd.Series:
    """Return MSP or CDS; everything else leaves the sieve, counted by category or by the extract's own word.

    In a register nothing leaves: it completes structures whatever category it has them in.
    """
    category = text["category"].str.strip()
    by_category = _by_category(category, card.get("reference_date"))
    if is_register:
        return by_category
    own = coded(text["structure_type"], "structure_type", card, sieve)
    silent = own.isna()
    sieve.reject(silent & category.isna(), "value-missing", "no structure type or category")
    unreadable = silent & ~cleaning.matches(category, CATEGORY)
    sieve.reject(unreadable, "value-unreadable", 'category "{}" (three digits expected)', category)
    sieve.leave_out(silent & by_category.isna(), cleaning.translated(category, _reason))
    outside = own == OUT_OF_SCOPE
    if outside.any():
        sieve.leave_out(outside, "type " + text["structure_type"].fillna(""))
    conflict = own.notna() & by_category.notna() & (own != by_category) & ~outside
    sieve.warn_at("type-conflict", conflict, text["category"], "the category says another type")
    return own.fillna(by_category)


def _reason(category: str) -> str:
    return ("excluded category " if category in EXCLUDED else "category ") + category


def _by_category(category: pd.Series, on: date | None) -> pd.Series:
    """Return the type that a FINESS category stands for on a day; null for one that is not counted, or was closed before."""
    valid = {code: c for code, c in COUNTED.items() if c.until is None or (on is not None and on <= c.until)}
    return cleaning.translated(category, {code: c.structure_type for code, c in valid.items()}.get)


def _identifiers(text: pd.DataFrame, card: Card, sieve: Sieve) -> pd.Series:
    numbers = cleaning.finess(text["finess_et"])
    own = card.id + ":" + text["own_id"].str.strip()
    missing = text["finess_et"].isna() & own.isna()
    sieve.reject(missing, "identifier-missing", "no FINESS number and no identifier of the extract")
    unreadable = 'FINESS number "{}" (nine characters expected)'
    sieve.reject(numbers.bad & own.isna(), "finess-invalid", unreadable, text["finess_et"])
    sieve.warn_at("finess-replaced", numbers.bad, text["finess_et"], "known by the extract's own identifier")
    sieve.warn_at("finess-zeros-restored", numbers.repaired, text["finess_et"], "eight digits read as nine")
    return numbers.typed.fillna(own).astype("str")


def _modalities(text: pd.DataFrame, types: pd.Series, card: Card, sieve: Sieve) -> pd.Series:
    return coded(text["modality"], "modality", card, sieve).mask(types == MSP, PLURI)


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
    parts = [text[c] for c in _STREET if not cleaning.is_blank(text[c])]
    if not parts:
        return text["address"]
    joined = parts[0].fillna("")
    for part in parts[1:]:
        joined = joined + " " + part.fillna("")
    joined = joined.str.split().str.join(" ")
    return text["address"].fillna(joined.where(joined != ""))


_STREET = ("street_number", "street_suffix", "street_type", "street", "place_name")


def _postcodes_and_cities(text: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return the postal codes and the cities: those of columns of their own, else those of the last line of the address."""
    postcodes, line = cleaning.postcodes(text["postcode"]), text["postal_line"]
    if cleaning.is_blank(line):
        return postcodes, text["city"]
    postal = line.str.extract(r"^\s*(\d{5})\s+(.*)$")
    return postcodes.fillna(postal[0]), text["city"].fillna(postal[1]).fillna(line)


def _refuse_conflicts(frame: pd.DataFrame, raw: RawTable) -> None:
    """Raise InputError when a structure stands on several rows that are not identical."""
    twice = frame["finess_et"].duplicated(keep=False)
    if not twice.any():
        return
    several = frame[twice]
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
    if len(extracts) == 1:  # whose own repeats have left it already
        return extracts[0].staged.frame, {}
    frame = pd.concat([e.staged.frame for e in extracts], ignore_index=True)
    content = [c for c in frame.columns if c not in (*PROVENANCE, AS_WRITTEN)]
    repeated = frame.duplicated(content)
    conflict = frame[~repeated][frame[~repeated].duplicated("finess_et", keep=False)]
    if not conflict.empty:
        told = [
            f"{code}: {' and '.join(rows['source_id'] + ' row ' + rows['source_row'].astype('str'))} differ in {_differing(rows)}"
            for code, rows in list(conflict.groupby("finess_et"))[:20]
        ]
        raise InputError("\n".join([*told, "two extracts of one year disagree; correct one in corrections.toml"]))
    return frame[~repeated].reset_index(drop=True), frame.loc[repeated, "source_id"].value_counts().to_dict()
