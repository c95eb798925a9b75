"""The cards of a raw folder: one per file, read from ``sources.toml`` and checked before any file is opened.

Stdlib only, so that "nothing has changed" can be said without loading a frame library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import companions
from qpvhealth.settings import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_NAME = "sources.toml"

COMMON_KEYS = {
    "id": str,
    "kind": str,
    "path": str,
    "layout": str,
    "sheet": str,
    "header_row": int,
    "encoding": str,
    "separator": str,
    "layer": str,
    "status": str,
    "sha256": str,
    "sidecars": dict,
    "title": str,
    "producer": str,
    "url": str,
    "licence": str,
    "retrieved_on": date,
    "received_on": date,
    "invented": bool,
    "columns": dict,
    "values": dict,
    "note": str,
}
STATUSES = ("provisional", "validated", "published")

KIND_KEYS: dict[str, dict[str, type]] = {
    "structures": {"year": int, "reference_date": date, "crs": str, "covers": dict, "other_types": list},
    "register": {"year": int, "reference_date": date, "crs": str},
    "neighbourhoods": {
        "generation": str,
        "crs": str,
        "code_pattern": str,
        "in_force_from": date,
        "in_force_to": date,
        "codes": list,
    },
    "populations": {"generation": str, "population_year": int},
    "declarations": {"year": int, "generation": str, "answered": dict},
    "zoning": {"edition": str, "in_force_from": date, "generation": str, "level": str},
    "programme": {"programme": str, "generation": str},
    "projects": {"year": int},
    "neighbourhood_indicators": {"generation": str, "reference_year": int},
    "practitioners": {"year": int, "covers": dict},
    "boundaries": {"level": str, "year": int, "crs": str},
    "geocoded": {"year": int},
    "series": {"name": str, "release": str},
    "links": {},
    "targets": {},
}
REQUIRED: dict[str, tuple[str, ...]] = {
    "structures": ("year", "reference_date"),
    "register": ("year",),
    "neighbourhoods": ("generation",),
    "populations": ("generation", "population_year"),
    "declarations": ("year", "generation"),
    "zoning": ("edition", "in_force_from"),
    "programme": ("programme",),
    "projects": ("year",),
    "neighbourhood_indicators": ("generation", "reference_year"),
    "practitioners": ("year",),
    "boundaries": ("level", "year"),
    "geocoded": ("year",),
    "series": ("name", "release"),
    "links": (),
    "targets": (),
}
BOUNDARY_LEVELS = ("commune", "department", "region")
LONGEST_TYPE = 60
EARLIEST = date(1900, 1, 1)
"""No extract is older; what is counted back from its day stays a date."""
ZONING_LEVELS = ("qpv", "tvs", "commune")
AREA_KEYS = {"regions", "departments"}
TAKEN_NAMES = ("msp", "cds", "msp_cds", "primary", "all", "none", "out_of_scope")
"""Names that a type beyond MSP and CdS cannot take: they are types, scopes or totals already."""
_STRUCTURE_CODES = ("structure_type", "modality", "source_says_in_qpv", "vecu_declared", "location_precision")
CODED: dict[str, tuple[str, ...]] = {
    "structures": _STRUCTURE_CODES,
    "register": _STRUCTURE_CODES,
    "declarations": ("vecu_declared",),
    "zoning": ("zone_class",),
    "links": ("kind",),
}
"""Columns whose words a card may give under [source.values], by kind."""


@dataclass(frozen=True)
class Card:
    """One source: which file it is, what it is, and what the analyst says of it. ``options`` holds the keys of its kind."""

    id: str
    kind: str
    path: Path
    given_path: str
    options: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        """Return one key of the card, which the checks have found present."""
        return self.options[key]

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401
        """Return one key of the card, or a default."""
        return self.options.get(key, default)

    def words(self, column: str) -> dict[str, str] | None:
        """Return what the card says of the words of a coded column; null where it says nothing."""
        return self.values.get(column)

    @property
    def is_invented(self) -> bool:
        """Whether the card says that its data are invented."""
        return bool(self.options.get("invented", False))

    @property
    def shown_path(self) -> str:
        """The path as it may be published: as given when relative, the file name alone when absolute."""
        return Path(self.given_path).name if Path(self.given_path).is_absolute() else self.given_path

    @property
    def area(self) -> dict[str, tuple[str, ...]] | None:
        """What the file covers (``covers``) or who answered (``answered``); null for everything."""
        given = self.options.get("covers", self.options.get("answered"))
        return None if given is None else {k: tuple(map(str, v)) for k, v in given.items()}


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
    cards = sorted((_card(entry, folder) for entry in _checked(document)), key=lambda c: c.id)
    if problems := _problems_together(cards):
        raise UsageError("\n".join(problems))
    return cards


def _checked(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cards of a document, each held against the keys of its kind."""
    entries = document.get("source", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{FILE_NAME}: no [[source]] card; each is written [[source]], with two brackets")
    problems = [
        f'{FILE_NAME}: unknown section "{key}"; cards are written [[source]]' for key in document if key != "source"
    ]
    problems += [p for n, entry in enumerate(entries, 1) for p in _problems(entry, n)]
    if problems:
        raise UsageError("\n".join(problems))
    return entries


def of_kind(cards: list[Card], *kinds: str) -> list[Card]:
    """Select the cards of these kinds, in order."""
    return [c for c in cards if c.kind in kinds]


def _card(entry: dict[str, Any], folder: Path) -> Card:
    rest = {k: v for k, v in entry.items() if k not in ("id", "kind", "path", "columns", "values")}
    values = {column: {str(k): str(v) for k, v in mapped.items()} for column, mapped in entry.get("values", {}).items()}
    given = entry["path"]
    return Card(entry["id"], entry["kind"], folder / given, given, rest, dict(entry.get("columns", {})), values)


def _problems(entry: dict[str, Any], number: int) -> list[str]:
    name = f"{FILE_NAME}: card {entry.get('id', f'no. {number}')}"
    kind = entry.get("kind")
    if missing := [key for key in ("id", "kind", "path") if not _is_word(entry.get(key))]:
        return [f"{name}: {key} is missing, or not a text" for key in missing]
    if kind not in KIND_KEYS:
        return [f'{name}: unknown kind "{kind}"; known: {", ".join(KIND_KEYS)}']
    found = _bad_keys(entry, kind) or _bad_values(entry)
    return [f"{name}: {problem}" for problem in found]


def _bad_keys(entry: dict[str, Any], kind: str) -> list[str]:
    known = COMMON_KEYS | KIND_KEYS[kind]
    names = ", ".join(sorted(known))
    found = [f'unknown key "{key}" for kind {kind}; known: {names}' for key in entry if key not in known]
    found += [f"{key} is missing; a card of kind {kind} needs it" for key in REQUIRED[kind] if key not in entry]
    return found + [
        f"{key} must be {_type_name(known[key])}, not {value!r}"
        for key, value in entry.items()
        if key in known and not _is(value, known[key])
    ]


def _is_word(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and bool(value.strip())


def _is(value: Any, kind: type) -> bool:  # noqa: ANN401
    if kind is date:
        return isinstance(value, date) and not isinstance(value, datetime)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _type_name(kind: type) -> str:
    names = {str: "a text", int: "a whole number", date: "a date (2019-03-31)", bool: "true or false", dict: "a table"}
    return names.get(kind, "a list")


def _bad_values(entry: dict[str, Any]) -> list[str]:
    return [
        *_bad_words(entry),
        *_bad_dates(entry),
        *(p for key in ("covers", "answered") if key in entry for p in _bad_area(key, entry[key])),
        *_bad_mappings(entry),
        *_bad_generation(entry),
    ]


def _bad_words(entry: dict[str, Any]) -> Iterator[str]:
    allowed = [("status", STATUSES)]
    allowed += [("level", BOUNDARY_LEVELS)] if entry["kind"] == "boundaries" else []
    allowed += [("level", ZONING_LEVELS)] if entry["kind"] == "zoning" else []
    for key, words in allowed:
        if entry.get(key, words[0]) not in words:
            yield f'{key} must be one of {", ".join(words)}, not "{entry[key]}"'
    if entry.get("header_row", 1) < 1:
        yield "header_row counts from 1"
    if not all(isinstance(code, str) for code in entry.get("codes", [])):
        yield "codes is a list of QPV codes, as texts"
    hashes = entry.get("sidecars", {})
    if not (hashes.keys() <= {*companions.SUFFIXES} and all(isinstance(sha256, str) for sha256 in hashes.values())):
        yield f"sidecars gives the sha256 of parts of a shapefile, as texts, by {', '.join(companions.SUFFIXES)}"
    yield from _bad_types(entry.get("other_types", []))


def _bad_dates(entry: dict[str, Any]) -> Iterator[str]:
    for key in ("year", "population_year", "reference_year"):
        if entry.get(key, MINYEAR) not in range(MINYEAR, MAXYEAR + 1):
            yield f"{key} must be a year, not {entry[key]}"
    if entry.get("reference_date", EARLIEST) < EARLIEST:
        yield f"reference_date must be a day since {EARLIEST}, not {entry['reference_date']}"


def _bad_types(names: list[Any]) -> Iterator[str]:
    if not all(_is_word(name) and name == name.strip() and len(name) <= LONGEST_TYPE for name in names):
        yield f"other_types is a list of names of at most {LONGEST_TYPE} characters, as texts"
    elif taken := sorted(name for name in names if name.casefold() in TAKEN_NAMES):
        yield f"other_types names {', '.join(taken)}; those are counted anyway, or are totals: {', '.join(TAKEN_NAMES)}"


def _bad_area(key: str, area: dict[str, Any]) -> Iterator[str]:
    if unknown := set(area) - AREA_KEYS:
        yield f"{key} names {', '.join(sorted(unknown))}; it takes regions or departments"
    if not all(isinstance(codes, list) and all(_is_word(c) for c in codes) for codes in area.values()):
        yield f'{key} takes lists of codes as texts, such as {{ regions = ["76"] }}'
    if not any(area.values()):
        yield f"{key} is empty; leave it out, or name regions or departments"


def _bad_mappings(entry: dict[str, Any]) -> Iterator[str]:
    if not all(isinstance(v, str) for v in entry.get("columns", {}).values()):
        yield "columns maps each of our columns to one header, both as texts"
    values = entry.get("values", {})
    if not all(isinstance(v, dict) for v in values.values()):
        yield "values holds one table per coded column"
    coded = CODED.get(entry["kind"], ())
    if unknown := sorted(set(values) - set(coded)):
        yield f"values names {', '.join(unknown)}; the coded columns of this kind are {', '.join(coded) or 'none'}"


def _bad_generation(entry: dict[str, Any]) -> Iterator[str]:
    try:
        re.compile(entry.get("code_pattern", ""))
    except re.error as error:
        yield f"code_pattern is no regular expression: {error}"
    if "in_force_to" in entry and entry.get("in_force_from", date.min) > entry["in_force_to"]:
        yield "in_force_from is after in_force_to"


def _problems_together(cards: list[Card]) -> list[str]:
    ids = [c.id for c in cards]
    found = [f'{FILE_NAME}: the id "{i}" is used {ids.count(i)} times' for i in sorted(set(ids)) if ids.count(i) > 1]
    if len({c.is_invented for c in cards}) > 1:
        real = next(c.id for c in cards if not c.is_invented)
        invented = next(c.id for c in cards if c.is_invented)
        found.append(
            f"{FILE_NAME}: invented and real sources never mix in a build ({invented} is invented, {real} is not);"
            " keep them in two raw folders"
        )
    dates: dict[int, set[date]] = {}
    for card in of_kind(cards, "structures"):
        dates.setdefault(card["year"], set()).add(card["reference_date"])
    found += [
        f"{FILE_NAME}: structures of {year} have {len(days)} reference dates; one year has one"
        for year, days in sorted(dates.items())
        if len(days) > 1
    ]
    return found
