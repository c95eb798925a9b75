"""The lists beside these modules: TOML files, read once, each entry checked against the fields of its dataclass."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from functools import cache
from importlib import resources
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

Entry = TypeVar("Entry")


def load(name: str, sections: tuple[str, ...]) -> dict[str, Any]:
    """Read one list of this package. Raises UsageError where it does not have these sections and no others."""
    text = resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    if wrong := sorted(set(sections) ^ set(document)):
        raise UsageError(f"{name}.toml: sections missing or unknown: {', '.join(wrong)}")
    return document


def expand(blocks: object, where: str) -> list[dict[str, Any]]:
    """Return the entries of ``[[blocks]]``: a block with ``rows`` is one entry a row, each with the fields of its block and its own.

    Raises UsageError for anything else than blocks of keys and values.
    """
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise UsageError(f"{where}: write one block an entry, under a name in two brackets")
    entries = []
    for number, block in enumerate(blocks, 1):
        rows = block.get("rows", [{}])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UsageError(f"{where}: block no. {number}: rows is a list of keys and values in braces")
        shared = {key: value for key, value in block.items() if key != "rows"}
        entries += [shared | row for row in rows]
    return entries


def records(kind: type[Entry], blocks: object, where: str) -> tuple[Entry, ...]:
    """Make one ``kind`` of each entry of ``[[blocks]]`` (see ``expand``).

    Lists become tuples and whole numbers floats where the field is one; a date may be written as a text; a field that may be null
    may be left out. Raises UsageError, all problems at once, each with its place: an unknown key, one that is missing, a value of
    another type than its field.
    """
    problems: list[str] = []
    made = [_record(kind, entry, place(where, n, entry), problems) for n, entry in enumerate(expand(blocks, where), 1)]
    if problems:
        raise UsageError("\n".join(problems))
    return tuple(made)


def place(where: str, number: int, entry: dict[str, Any]) -> str:
    """Name an entry in a message, by its number and its id, name or code."""
    return f'{where} no. {number} ("{next((entry[key] for key in ("id", "name", "code") if key in entry), "")}")'


_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)
"""The types of the fields of a dataclass, looked up once."""


def _record(kind: type[Any], entry: dict[str, Any], where: str, problems: list[str]) -> Any:  # noqa: ANN401
    """Make one record; where that is not possible, say why in ``problems``."""
    hints, declared = _hints(kind), {field.name: field for field in fields(kind)}
    before = len(problems)
    problems += [f'{where}: unknown key "{key}"; known: {", ".join(declared)}' for key in entry if key not in declared]
    needed = [name for name, f in declared.items() if f.default is MISSING and f.default_factory is MISSING]
    absent = [name for name in needed if name not in entry]
    values = {name: None for name in absent if NoneType in get_args(hints[name])}
    problems += [f"{where}: {name} is missing" for name in absent if name not in values]
    for key in [key for key in entry if key in declared]:
        try:
            values[key] = _typed(hints[key], entry[key], f"{where}: {key}", problems)
        except (TypeError, ValueError, OverflowError):
            problems.append(f"{where}: {key} cannot be {entry[key]!r}")
    return kind(**values) if len(problems) == before else None


def _typed(hint: Any, value: Any, where: str, problems: list[str]) -> Any:  # noqa: ANN401
    """Return a value of TOML as the type of its field. Raises TypeError, ValueError or OverflowError where it has another."""
    for kind in get_args(hint) if isinstance(hint, UnionType) else (hint,):
        origin, inner = get_origin(kind), get_args(kind)
        if type(value) is kind or (origin is Literal and value in inner):
            return value
        if origin is tuple and isinstance(value, list):
            kinds = inner[:1] * len(value) if Ellipsis in inner else inner
            places = [place(where, n, v) if isinstance(v, dict) else where for n, v in enumerate(value, 1)]
            return tuple(_typed(k, v, p, problems) for k, v, p in zip(kinds, value, places, strict=True))
        if origin is dict and isinstance(value, dict):
            return {key: _typed(inner[1], v, where, problems) for key, v in value.items()}
        if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
            return _record(kind, value, where, problems)
        if kind is date and isinstance(value, str):
            return date.fromisoformat(value)
        if kind is float and type(value) is int:
            return float(value)
    raise TypeError
