"""Extracts of structures: any layout to one staged table, one row per establishment of a year.

Layouts: ``finess-legacy`` (cs1100507, two sections without header), ``finess-regional`` (named columns, FINESS categories)
and ``dgos-mapped`` (columns and coded values named in the card). A register is read the same way and never adds a row.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import among
from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.categories import COUNTED, EXCLUDED, MSP, PLURI
from qpvhealth.facts.territories import department_of_commune
from qpvhealth.ingest import cleaning, coordinates, systems
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.readers import finess_legacy, tables
from qpvhealth.ingest.staging import PROVENANCE, Card, Correction, Sieve, Staged, stage

CATEGORY = r"\d{3}"
AS_WRITTEN = "type_as_written"
"""Two spellings of one type are no conflict: the column is not compared."""
OUT_OF_SCOPE = "out_of_scope"
_BESIDE = ("longitude_beside", "latitude_beside")
_STREET = ("street_number", "street_suffix", "street_type", "street", "place_name")
FINESS_LEGACY, DGOS_MAPPED = "finess-legacy", "dgos-mapped"
KIND = Kind("structures", "structures", lambda _, layout: layout.name != FINESS_LEGACY)
REGISTER = Kind("register", "register")


def read(card: Card, corrections: tuple[Correction, ...] = (), *, wanted: frozenset[str] | None = None) -> Staged:
    """Read one extract or register: rows in scope with typed values, and their points as the source gives them.

    ``wanted``: the structures that a register completes; it gives what it knows of these, whatever their category, and the
    rest is out of scope. ``left_out`` of what is returned: one row per numbered establishment that the extract lists under a
    type that is not counted, with ``finess_et``, ``type_as_written`` and its source and row: what became of a structure that is
    counted another year. Raises UsageError for a layout, mapping or coded value that is not known; InputError for a file that
    cannot be read or repeats a structure with other values.
    """
    layout = card.get("layout")
    is_legacy = layout == FINESS_LEGACY or (layout is None and finess_legacy.recognises(card.path))
    is_mapped = layout is None and "structure_type" in card.columns
    raw = finess_legacy.read(card) if is_legacy else tables.read(card)
    layouts = tuple(
        la
        for la in KIND.layouts
        if (la.name == FINESS_LEGACY) == is_legacy and (is_legacy or not is_mapped or la.name == DGOS_MAPPED)
    )
    staged = stage(
        card,
        corrections,
        KIND,
        lambda sieve: _clean(sieve, wanted),
        layouts=layouts,
        compare_by="finess_et",
        ignore=[AS_WRITTEN],
        raw=raw,
    )
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
    columns["modality"] = sieve.coded("modality").mask(types == MSP, PLURI)
    columns |= {c: sieve.coded(c) for c in ("source_says_in_qpv", "vecu_declared")}
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
    precision = sieve.coded("location_precision")
    columns |= coordinates.read(sieve, columns["department_code"], precision)
    return pd.DataFrame(columns, copy=False)


def _check_columns(sieve: Sieve) -> None:
    """Report what columns are not used or not there; refuse a mapped extract without identifiers, or x and y without system."""
    if sieve.layout.name == FINESS_LEGACY:
        return
    header, where = set(sieve.mapped), sieve.where
    if sieve.layout.name == DGOS_MAPPED and header.isdisjoint({"finess_et", "own_id"}):
        raise UsageError(f"{where}: no identifier; name finess_et or own_id under [source.columns]")
    systems = {"crs", "coordinate_source"}
    if sieve.layout.name == DGOS_MAPPED and "x" in header and not sieve.card.get("crs") and header.isdisjoint(systems):
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
    own = sieve.coded("structure_type")
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
    """Return the points that a source gives: a row per ``finess_et`` with its own status, and one per second pair of coordinates."""
    columns = ["finess_et", "source_id", "x", "y", "crs", "location_status", "location_precision", "location_score"]
    first = frame.reindex(columns=[*columns, "location_step", *_BESIDE])
    second = first[first[_BESIDE[0]].notna()]
    beside = second.assign(x=second[_BESIDE[0]], y=second[_BESIDE[1]], crs=systems.WGS84, location_step=np.nan)
    both = pd.concat([first, beside], ignore_index=True) if len(beside) else first
    return both.drop(columns=[*_BESIDE])


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
