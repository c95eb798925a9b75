"""The cards of a raw folder: one per file, read from ``sources.toml`` and checked before any file is opened."""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, date
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.categories import STRUCTURE_TYPES
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, REGIONS
from qpvhealth.ingest import signatures
from qpvhealth.ingest.card import Card, of_kind
from qpvhealth.ingest.cleaning import word
from qpvhealth.ingest.kinds.registry import KINDS
from qpvhealth.ingest.readers import companions
from qpvhealth.ingest.vocabulary import SHARED
from qpvhealth.settings import read_toml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = ["FILE_NAME", "Card", "load", "of_kind"]

FILE_NAME = "sources.toml"
LONGEST_TYPE = 60
ANSWER_KEYS = ("types", "exhaustive", "date")
EARLIEST = date(1900, 1, 1)
"""No extract is older; what is counted back from its day stays a date."""
TAKEN_NAMES = ("msp", "cds", "msp_cds", "primary", "all", "none", "out_of_scope")
"""Names that a type beyond MSP and CdS cannot take: they are types, scopes or totals already."""
_TYPES: dict[str, tuple[type, str]] = {
    "text": (str, "a text"),
    "integer": (int, "a whole number"),
    "date": (date, "a date (2019-03-31)"),
    "boolean": (bool, "true or false"),
    "table": (dict, "a table"),
    "list": (list, "a list"),
}
"""By the word of a declaration: what a key must be."""


def load(folder: Path) -> list[Card]:
    """Read and check the cards of a raw folder, in the order of their ids.

    Raises InputError without a ``sources.toml`` or when it cannot be read; UsageError, all problems at once, for an unknown
    key or kind, a missing key, a value of the wrong type, an id used twice, two reference dates for one year, or invented
    and real sources together.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise InputError(
            f"{path}: not found; write one card per raw file, or run `qpvhealth sample {folder}` for an example"
        )
    document = read_toml(path)
    entries = document.get("source", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{FILE_NAME}: no [[source]] card; each is written [[source]], with two brackets")
    problems = [f'unknown section "{key}"; cards are written [[source]]' for key in document if key != "source"]
    for number, entry in enumerate(entries, 1):
        problems += [f"card {entry.get('id', f'no. {number}')}: {p}" for p in _problems(entry)]
    cards = []
    for entry in sorted(entries, key=lambda e: e["id"]) if not problems else ():
        options = {k: v for k, v in entry.items() if k not in ("id", "kind", "path", "columns", "values")}
        values = {column: {str(k): str(v) for k, v in own.items()} for column, own in entry.get("values", {}).items()}
        path, columns = entry["path"], dict(entry.get("columns", {}))
        cards.append(Card(entry["id"], entry["kind"], folder / path, path, options, columns, values))
    problems += _contradictions(cards)
    if problems:
        raise UsageError("\n".join(f"{FILE_NAME}: {p}" for p in problems))
    return cards


def _problems(entry: dict[str, Any]) -> list[str]:
    """Return what is wrong with one card: its keys and their types first, then their values."""
    if missing := [key for key in ("id", "kind", "path") if not _is_word(entry.get(key))]:
        return [f"{key} is missing, or not a text" for key in missing]
    if entry["kind"] not in KINDS:
        return [f'unknown kind "{entry["kind"]}"; known: {", ".join(KINDS)}']
    kind = KINDS[entry["kind"]]
    allowed = SHARED["keys"] | kind.declaration.keys
    names = ", ".join(sorted(allowed))
    problems = [f'unknown key "{key}" for kind {kind.name}; known: {names}' for key in entry if key not in allowed]
    problems += [
        f"{key} is missing; a card of kind {kind.name} needs it"
        for key in kind.declaration.required
        if key not in entry
    ]
    for key, value in entry.items():
        expected, words = _TYPES[allowed.get(key, "text")]
        # a date and time is no day, true no number
        if key in allowed and type(value) is not expected:
            problems.append(f"{key} must be {words}, not {value!r}")
    return problems or list(_bad_values(entry))


def _is_word(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and bool(value.strip())


def _bad_values(entry: dict[str, Any]) -> Iterator[str]:
    """Give what is wrong with the values of a card whose keys are right."""
    kind, get = KINDS[entry["kind"]], entry.get
    for key, words in (SHARED["choices"] | kind.declaration.choices).items():
        if get(key, words[0]) not in words:
            yield f'{key} must be one of {", ".join(words)}, not "{get(key)}"'
    for key in ("year", "population_year", "reference_year"):
        if not MINYEAR <= get(key, MINYEAR) <= MAXYEAR:
            yield f"{key} must be a year, not {get(key)}"
    if get("header_row", 1) < 1:
        yield "header_row counts from 1"
    if get("reference_date", EARLIEST) < EARLIEST:
        yield f"reference_date must be a day since {EARLIEST}, not {get('reference_date')}"
    if "in_force_to" in entry and get("in_force_from", date.min) > get("in_force_to"):
        yield "in_force_from is after in_force_to"
    try:
        re.compile(get("code_pattern", ""))
    except re.error as error:
        yield f"code_pattern is no regular expression: {error}"
    yield from signatures.problems(entry)
    yield from _bad_tables(entry, kind.coded)


def _bad_tables(entry: dict[str, Any], coded: Collection[str]) -> Iterator[str]:
    """Give what is wrong with the lists and tables of a card."""
    get, types = entry.get, entry.get("other_types", [])
    if not all(isinstance(code, str) for code in get("codes", [])):
        yield "codes is a list of QPV codes, as texts"
    hashes = get("sidecars", {})
    if not {*hashes} <= {*companions.SUFFIXES} or not all(isinstance(sha256, str) for sha256 in hashes.values()):
        yield f"sidecars gives the sha256 of parts of a shapefile, as texts, by {', '.join(companions.SUFFIXES)}"
    if not all(_is_word(name) and name == name.strip() and len(name) <= LONGEST_TYPE for name in types):
        yield f"other_types is a list of names of at most {LONGEST_TYPE} characters, as texts"
    elif taken := ", ".join(sorted(name for name in types if name.casefold() in TAKEN_NAMES)):
        yield f"other_types names {taken}; those are counted anyway, or are totals: {', '.join(TAKEN_NAMES)}"
    yield from _bad_areas(entry)
    if not all(isinstance(header, str) for header in get("columns", {}).values()):
        yield "columns maps each of our columns to one header, both as texts"
    if not all(isinstance(words, dict) for words in get("values", {}).values()):
        yield "values holds one table per coded column"
    if uncoded := ", ".join(sorted(set(get("values", {})) - set(coded))):
        yield f"values names {uncoded}; the coded columns of this kind are {', '.join(coded) or 'none'}"


def _bad_areas(entry: dict[str, Any]) -> Iterator[str]:
    """Give what is wrong with what a card says of the areas that it covers, or that answered."""
    for key in [key for key in ("covers", "answered") if key in entry]:
        area = {k: v for k, v in entry[key].items() if key == "covers" or k not in ANSWER_KEYS}
        if unknown := ", ".join(sorted(set(area) - {"regions", "departments"})):
            yield f"{key} names {unknown}; it takes regions or departments" + f", {', '.join(ANSWER_KEYS)}" * (
                key == "answered"
            )
        if not all(isinstance(codes, list) and all(_is_word(c) for c in codes) for codes in area.values()):
            yield f'{key} takes lists of codes as texts, such as {{ regions = ["76"] }}'
        else:
            yield from (f"{key} has an {u}" for u in _unknown_areas(area))
        if not any(area.values()):
            yield f"{key} is empty; leave it out, or name regions or departments"
    answered = entry.get("answered", {})
    if not isinstance(answered.get("exhaustive", True), bool) or not isinstance(answered.get("date", date.min), date):
        yield "answered takes exhaustive = true or false, and date = a day"
    kinds = answered.get("types", list(STRUCTURE_TYPES))
    if not isinstance(kinds, list) or not kinds or not {*map(str, kinds)} <= {*STRUCTURE_TYPES}:
        yield f"answered takes types, a list of {', '.join(STRUCTURE_TYPES)}, not {kinds!r}"


def _unknown_areas(area: dict[str, list[str]]) -> Iterator[str]:
    """Name the codes that no region or département has, with the one that is meant where it is named, or written in small letters."""
    names = {
        "regions": {code: name for code, (name, _) in REGIONS.items()},
        "departments": {d: d for d in DEPARTMENT_TERRITORY},
    }
    for part, codes in area.items():
        by_name = {word(text): code for code, name in names.get(part, {}).items() for text in (code, name)}
        for code in [c for c in codes if c not in names.get(part, {c: c})]:
            meant = by_name.get(word(code))
            advice = f'write "{meant}"' if meant else "INSEE codes are expected"
            yield f"unknown region or département: {code}; {advice}"


def _contradictions(cards: list[Card]) -> Iterator[str]:
    """Give what is wrong between cards."""
    ids = [c.id for c in cards]
    yield from (f'the id "{i}" is used {ids.count(i)} times' for i in sorted(set(ids)) if ids.count(i) > 1)
    if len({c.is_invented for c in cards}) > 1:
        real = next(c.id for c in cards if not c.is_invented)
        invented = next(c.id for c in cards if c.is_invented)
        yield (
            f"invented and real sources never mix in a build ({invented} is invented, {real} is not);"
            " keep them in two raw folders"
        )
    dates: dict[int, set[date]] = {}
    for card in of_kind(cards, "structures"):
        dates.setdefault(card["year"], set()).add(card["reference_date"])
    for year, days in sorted(dates.items()):
        if len(days) > 1:
            yield f"structures of {year} have {len(days)} reference dates; one year has one"
