"""Extracts of structures: any layout to one staged table, one row per establishment of a year.

Layouts: ``finess-legacy`` (cs1100507, two sections without header), ``finess-regional`` (named columns, FINESS categories),
``t-finess`` (the republication by Atlasanté) and ``dgos-mapped`` (columns and coded values named in the card). A register is read the
same way and never adds a row.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import among, positions
from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.categories import COUNTED, EXCLUDED, MSP, PLURI, STRUCTURE_TYPES, UNKNOWN
from qpvhealth.facts.situations import MISSING
from qpvhealth.facts.territories import department_of_commune
from qpvhealth.ingest import cleaning, coordinates, systems
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.layouts import key
from qpvhealth.ingest.readers import finess_legacy, tables
from qpvhealth.ingest.staging import PROVENANCE, Card, Correction, Sieve, Staged, stage
from qpvhealth.rules import addresses

if TYPE_CHECKING:
    from datetime import date

    from qpvhealth.ingest.commune_history import CommuneHistory

CATEGORY = r"\d{3}"
AS_WRITTEN = "type_as_written"
"""Two spellings of one type are no conflict: the column is not compared."""
OUT_OF_SCOPE = "out_of_scope"
OPEN, CLOSED = "open", "closed"
NOT_IN_EXTRACT = "not in the extract of its year"
MAX_STATES = 50
"""A column of states has a few words; one of more is none."""
STATE = "etat"
_BESIDE = ("longitude_beside", "latitude_beside")
_POSTAL = re.compile(r"^\s*(\d{5})\s+(.*)$")
_STREET = ("street_number", "street_suffix", "street_type", "street", "place_name")
FINESS_LEGACY, T_FINESS, DGOS_MAPPED = "finess-legacy", "t-finess", "dgos-mapped"
KIND = Kind("structures", "structures", lambda _, layout: layout.name != FINESS_LEGACY)
REGISTER = Kind("register", "register")


def read(
    card: Card,
    corrections: tuple[Correction, ...] = (),
    *,
    wanted: frozenset[str] | None = None,
    marks: frozenset[str] = frozenset(),
) -> Staged:
    """Read one extract or register: rows in scope with typed values, and their points as the source gives them.

    ``wanted``: the structures that a register completes; it gives what it knows of these, and of the rows that have a number, a SIRET
    or a name of ``marks``, whatever their category, with ``is_closed`` (by its column of state); the rest is out of scope. ``left_out``
    of what is returned: one row per numbered establishment that the extract lists under a type that is not counted, with ``finess_et``,
    ``type_as_written`` and its source and row: what became of a structure that is counted another year. Raises UsageError for a layout,
    mapping or coded value that is not known; InputError for a file that cannot be read or repeats a structure with other values.
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
        lambda sieve: _clean(sieve, wanted, marks),
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


def _clean(sieve: Sieve, wanted: frozenset[str] | None, marks: frozenset[str]) -> pd.DataFrame:
    """Take out what is not counted, or not wanted of a register, then type the rest."""
    text = coordinates.with_points(sieve.text, sieve.raw, sieve.card)
    sieve.text = text.assign(**{c: cleaning.whole(text[c]) for c in ("category", "own_id")})
    _check_columns(sieve)
    own_id = sieve.card.id + ":" + sieve.text["own_id"]
    if wanted is not None:
        identifiers = cleaning.finess(sieve.text["finess_et"]).typed.fillna(own_id)
        names = (
            [identifiers, addresses.name_key(sieve.text["name"]), cleaning.sirets(sieve.text["siret"]).typed]
            if marks
            else []
        )
        is_wanted = among(identifiers, wanted) | np.logical_or.reduce([among(name, marks) for name in names])
        sieve.leave_out(~is_wanted, NOT_IN_EXTRACT)
    else:
        _leave_out_closed(sieve)
    of_stock = sieve.keep.copy()
    types = _types(sieve, is_register=wanted is not None)

    aside = sieve.text[sieve.out_of_scope & of_stock].reset_index(drop=True)
    written = aside["structure_type"].fillna(aside["category"]).str.strip()
    described = {"finess_et": cleaning.finess(aside["finess_et"]).typed, AS_WRITTEN: written}
    sieve.left_out = (
        sieve.provenance(sieve.out_of_scope & of_stock)
        .assign(**described)
        .dropna(subset=[*described])
        .drop_duplicates("finess_et", ignore_index=True)
    )
    types, own_id = (column[~sieve.out_of_scope].reset_index(drop=True) for column in (types, own_id))
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
    postcode, city = (cleaning.translated(text["postal_line"], partial(_postal, part)) for part in (1, 2))
    columns["postcode"] = cleaning.postcodes(text["postcode"]).fillna(postcode)
    columns["city"] = text["city"].fillna(city).fillna(text["postal_line"])
    columns["legal_entity"] = cleaning.finess(text["legal_entity"]).typed.fillna(text["legal_entity"])
    columns |= {c: text[c] for c in ("name", "category", "source_qpv_code", "vecu_qpv_code")}
    columns[AS_WRITTEN] = text["structure_type"].fillna(text["category"]).str.strip()
    if wanted is not None:
        columns["is_closed"] = _is_closed(sieve)
    precision = sieve.coded("location_precision")
    columns |= coordinates.read(sieve, columns["department_code"], precision)
    return pd.DataFrame(columns, copy=False)


def _postal(part: int, line: str) -> str | None:
    """Return the postcode (1) or the city (2) of a postal line."""
    parts = _POSTAL.search(line)
    return parts and parts[part]


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


def _leave_out_closed(sieve: Sieve) -> None:
    """Put legal entities, and what the source says is closed without the day, out of scope; where it gives the day, the day decides.

    Raises UsageError for a column that says what is closed and that nobody maps: by its header (letters under a header of state too), because
    it holds nothing else, or because it calls some open and some closed.
    """
    words, unread = sieve.kind.coded["state"].words, []
    for header in [h for h in sieve.raw.frame.columns if h not in sieve.mapped.values()]:
        used = sieve.raw.frame[header].dropna().unique()
        if len(used) > MAX_STATES:
            continue
        meanings = {words.get(cleaning.word(cell)) for cell in used}
        is_state = key(header) in sieve.kind.expanded(["*state"]) or meanings >= {OPEN, CLOSED}
        is_state |= STATE in key(header).split("_") and {len(cell) for cell in used} == {1} and len(used) > 1
        if key(header) in sieve.kind.expanded(["*open"]):
            is_state = len(used) > 0 and {cleaning.word(cell) for cell in used} <= cleaning.YES_NO.keys()
        if is_state or (CLOSED in meanings and None not in meanings):
            unread.append(header)
    if unread:
        raise UsageError(
            f'{sieve.where}: column "{unread[0]}" says which structures are open or closed, and is not used;'
            f" map it: state = {json.dumps(unread[0], ensure_ascii=False)} under [source.columns], and each of its words,"
            ' such as "Fermé" or "non" = "closed", under [source.values.state]'
        )
    sieve.leave_out(sieve.coded("entity") == "legal_entity", "legal entity")
    cells = sieve.text["state"]
    others = {c: CLOSED for c in cells.dropna().unique() if cleaning.word(c) not in words}
    states = sieve.coded("state", {**words, **others} if sieve.layout.name == T_FINESS else None)
    no_day = cleaning.dates(sieve.text["closed_on"]).typed.isna()
    sieve.leave_out((states == CLOSED) & no_day, "state " + cells.fillna(""))


def _is_closed(sieve: Sieve) -> pd.Series:
    """Say which rows of a register its column of state calls closed; in t_finess, all that it does not call open."""
    states = sieve.text["state"].map(cleaning.word, na_action="ignore").map(sieve.kind.coded["state"].words)
    if sieve.layout.name == T_FINESS:
        return sieve.text["state"].notna() & (states != OPEN)
    return states == CLOSED


def _types(sieve: Sieve, *, is_register: bool) -> pd.Series:
    """Return MSP or CDS; everything else leaves the sieve, counted by category or by the extract's own word.

    In a register nothing leaves: it completes structures whatever category it has them in. A category that was closed before
    the reference date counts no more.
    """
    text, day = sieve.text, sieve.card.get("reference_date")
    category = text["category"]
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
    parts = [text[column].fillna("") for column in _STREET if text[column].notna().any()]
    if not parts:
        return text["address"]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + " " + part
    joined = joined.str.split().str.join(" ")
    return text["address"].fillna(joined.where(joined != ""))


def _differing(rows: pd.DataFrame) -> str:
    return ", ".join(c for c in rows.columns if c not in PROVENANCE and len(rows[c].drop_duplicates()) > 1)


def unread(staged: Staged, counted: pd.DataFrame, card: Card, history: CommuneHistory) -> pd.DataFrame:
    """Return the rejected rows of an extract that may be structures of its stock, in the columns of ``Staged.frame`` and ``number``.

    A row that could not be read at all may be one of any type, anywhere. A type beyond MSP and CdS, a closing date not after the
    reference date, or a row of the year that says the same (``counted``): no effect. Its codes of communes are carried by
    ``history``, as those of ``counted``. Each has an identifier of its own, after its source and row; ``number`` is its FINESS number
    where that can be read.
    """
    if staged.rejects.empty:
        return staged.frame.iloc[:0].assign(number=None)
    rejected = staged.rejects["row"].to_numpy()
    broken = pd.DataFrame({"source_row": rejected[~np.isin(rejected, staged.unread["source_row"])]})
    rows = pd.concat([staged.unread, broken.assign(source_id=staged.source_id)], ignore_index=True)
    rows = rows.reindex(columns=staged.frame.columns).astype(staged.frame.dtypes.to_dict(), errors="ignore")
    rows = history.carry(card.id, rows)[0]
    closed = rows["closed_on"] <= pd.Timestamp(card["reference_date"])
    again = _same(rows, counted) >= 0
    other = rows["structure_type"].notna() & ~rows["structure_type"].isin(STRUCTURE_TYPES)
    rows = rows[~(closed | again | other)].reset_index(drop=True)
    number = rows["source_id"] + ":rejected-" + rows["source_row"].astype("str")
    return rows.assign(
        number=rows["finess_et"],
        finess_et=number,
        modality=rows["modality"].fillna(UNKNOWN),
        location_status=rows["location_status"].fillna(MISSING),
        vecu_declared=rows["vecu_declared"].fillna(UNKNOWN),
        source_says_in_qpv=rows["source_says_in_qpv"].fillna(UNKNOWN),
    )


def marks(rows: pd.DataFrame) -> frozenset[str]:
    """Return what a register may know rejected rows by: numbers, SIRET, names written one way."""
    known = (rows["number"], rows["siret"], addresses.name_key(rows["name"]))
    return frozenset(pd.concat([column.dropna() for column in known]).astype("str"))


def still_unread(rows: pd.DataFrame, register: pd.DataFrame, counted: pd.DataFrame, day: date) -> pd.DataFrame:
    """Return the rejected rows that a register does not settle: closed at the reference date, of another category, or counted already.

    ``rows``: of ``unread``; ``register``: what ``read`` gives of those with their ``marks``; ``counted``: the structures of the extract.
    """
    entry = register.reindex(_same(rows.assign(finess_et=rows["number"]), register, by_name=True)).reset_index(
        drop=True
    )
    closed = (entry["is_closed"] == True) | (entry["closed_on"] <= pd.Timestamp(day))  # noqa: E712 -- null where it is not there
    other = cleaning.matches(entry["category"], CATEGORY) & ~entry["category"].isin(COUNTED)
    settled = closed | other | among(entry["finess_et"], counted["finess_et"])
    return rows[~settled.to_numpy()].reset_index(drop=True)


def _same(rows: pd.DataFrame, others: pd.DataFrame, *, by_name: bool = False) -> np.ndarray:
    """Return the position in ``others`` of the row with the same number, SIRET, or name, street and commune; -1 where there is none.

    Names, streets and communes are written one way (``rules.addresses``); one street alone that differs by a missing number is the
    same. ``by_name``: name and commune tell enough where the row has no street and one of the others alone has both.
    """
    ours, theirs = _written_one_way(rows), _written_one_way(others.reset_index(drop=True))
    at, place = np.full(len(rows), -1), ["name", "commune"]
    steps = [(["finess_et"], False), (["siret"], False), ([*place, "street"], False), ([*place, "bare_street"], True)]
    for same, is_alone in [*steps, (place, True)][: len(steps) + by_name]:
        candidates = theirs.dropna(subset=same)
        candidates = candidates[~candidates.duplicated(same, keep=False if is_alone else "first")]
        position = np.append(candidates.index, -1)[positions(same, ours, candidates)]
        if "bare_street" in same:
            street = theirs["street"].reindex(position).set_axis(ours.index)
            position = np.where(addresses.same_street(ours["street"], street), position, -1)
        is_complete = ours[same].notna().all(axis=1) & (ours["street"].isna() | (same is not place))
        at = np.where((at < 0) & is_complete, position, at)
    return at.astype("int64")


def _written_one_way(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what tells one establishment from another: number, SIRET, name, commune, street with its number and without."""
    street = addresses.street_key(rows["address"])
    return rows[["finess_et", "siret"]].assign(
        name=addresses.name_key(rows["name"]),
        commune=addresses.commune_key(rows["commune_code"]),
        street=street,
        bare_street=addresses.without_number(street),
    )


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
    distinct = frame[~repeated].reset_index(drop=True)
    conflict = distinct[distinct["finess_et"].duplicated(keep=False)]
    if not conflict.empty:
        lines = [
            f"{code}: {' and '.join(rows['source_id'] + ' row ' + rows['source_row'].astype('str'))} differ in {_differing(rows)}"
            for code, rows in list(conflict.groupby("finess_et"))[:20]
        ]
        raise InputError("\n".join([*lines, "two extracts of one year disagree; correct one in corrections.toml"]))
    return distinct, frame.loc[repeated, "source_id"].value_counts().to_dict()
