"""Known errors of a source, as data: each names a row, the wrong value now there, the right one, and why.

A correction that matches nothing, or whose wrong value is no longer there, stops the run: it is out of date.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import UsageError
from qpvhealth.settings import read_toml

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from qpvhealth.ingest.cards import Card

FILE_NAME = "corrections.toml"
KEYS = ("source", "key", "column", "expect", "value", "reason")


@dataclass(frozen=True)
class Correction:
    """One wrong value of one source: where ``column`` of the row ``key`` holds ``expect``, it should hold ``value``."""

    source: str
    key: str
    column: str
    expect: str
    value: str
    reason: str


def load(folder: Path, cards: list[Card]) -> tuple[Correction, ...]:
    """Read the corrections of a raw folder; none when there is no file.

    Raises UsageError for a file that cannot be read, a key that is missing or unknown, or a source without card.
    """
    path = folder / FILE_NAME
    if not os.path.lexists(path):  # a pipe, a folder or a link to nothing is refused below, not passed over
        return ()
    document = read_toml(path)
    entries = document.get("correction", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{FILE_NAME}: corrections are written [[correction]], with two brackets")
    ids = {c.id for c in cards}
    problems = [p for n, entry in enumerate(entries, 1) for p in _problems(entry, n, ids)]
    problems += [f'{FILE_NAME}: unknown section "{k}"; write [[correction]]' for k in document if k != "correction"]
    if problems:
        raise UsageError("\n".join(problems))
    known = tuple(Correction(**{k: str(entry[k]) for k in KEYS}) for entry in entries)
    _refuse_twice(known)
    return known


def _refuse_twice(known: tuple[Correction, ...]) -> None:
    cells = Counter((c.source, c.key, c.column, c.expect) for c in known)
    if twice := [f"{source} {key} {column}" for (source, key, column, _), n in cells.items() if n > 1]:
        raise UsageError(f"{FILE_NAME}: two corrections of one value: {', '.join(twice)}; keep one")


def apply(
    text: pd.DataFrame,
    corrections: tuple[Correction, ...],
    source_id: str,
    key: str,
    *,
    others: pd.Series | None = None,
) -> tuple[pd.DataFrame, int]:
    """Correct the text of one source, rows named by their ``key`` column; return it with the number of values changed.

    ``others`` gives a second name to rows (the extract's own identifier). Names are compared without case, spaces or leading
    zeros. An empty ``expect`` or ``value`` stands for an empty cell. Raises UsageError for a correction that does not apply.
    """
    mine = [c for c in corrections if c.source == source_id]
    if not mine:
        return text, 0
    first, second = _plain(text[key]), _plain(text[key] if others is None else others)
    corrected, problems, changed = text.copy(), [], 0
    for correction in mine:
        named = (first == _plain_text(correction.key)) | (second == _plain_text(correction.key))
        at, problem = _rows(text, correction, key, named)
        problems += [f"{FILE_NAME}: {source_id} {correction.key}: {problem}"] if problem else []
        if problem is None:
            corrected.loc[at, correction.column] = correction.value or None
            changed += int(at.sum())
    if problems:
        raise UsageError("\n".join(problems))
    return corrected, changed


def naming(corrections: tuple[Correction, ...], source_id: str, keys: pd.Series) -> tuple[Correction, ...]:
    """Return the corrections of a source whose row is among these keys: one of several sheets holds it."""
    mine = [c for c in corrections if c.source == source_id]
    there = set(_plain(keys).dropna()) if mine else set()
    return tuple(c for c in mine if _plain_text(c.key) in there)


def _rows(text: pd.DataFrame, correction: Correction, key: str, named: pd.Series) -> tuple[pd.Series, str | None]:
    nowhere = named & False
    if correction.column not in text.columns:
        return nowhere, f'no column "{correction.column}"; there are: {", ".join(text.columns)}'
    if not named.any():
        return nowhere, f"no row has this {key}; remove the correction or mend its key"
    at = named & (text[correction.column].fillna("") == correction.expect)
    if not at.any():
        there = ", ".join(repr(v) for v in sorted(text.loc[named, correction.column].fillna("").unique()))
        return nowhere, f'{correction.column} is {there}, not "{correction.expect}": the source has changed, look again'
    return at, None


def _plain(keys: pd.Series) -> pd.Series:
    return keys.str.replace(r"\s", "", regex=True).str.upper().str.lstrip("0")


def _plain_text(key: str) -> str:
    return "".join(key.split()).upper().lstrip("0")


def _problems(entry: dict[str, Any], number: int, ids: set[str]) -> list[str]:
    name = f"{FILE_NAME}: correction no. {number}"
    found = [f"{name}: {k} is missing" for k in KEYS if k not in entry]
    found += [f'{name}: unknown key "{k}"; known: {", ".join(KEYS)}' for k in entry if k not in KEYS]
    if not found and entry["source"] not in ids:
        found.append(f'{name}: no card is called "{entry["source"]}"')
    return found
