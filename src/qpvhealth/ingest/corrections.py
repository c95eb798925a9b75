"""Known errors of a source, as data: each names a row, the wrong value now there, the right one, and why.

A correction that matches nothing, or whose wrong value is no longer there, stops the run: it is out of date.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import UsageError

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
    if not path.is_file():
        return ()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{FILE_NAME}: cannot be read: {error}") from error
    entries = document.get("correction", [])
    ids = {c.id for c in cards}
    problems = [p for n, entry in enumerate(entries, 1) for p in _problems(entry, n, ids)]
    problems += [f'{FILE_NAME}: unknown section "{k}"; write [[correction]]' for k in document if k != "correction"]
    if problems:
        raise UsageError("\n".join(problems))
    return tuple(Correction(**{k: str(entry[k]) for k in KEYS}) for entry in entries)


def apply(
    text: pd.DataFrame, corrections: tuple[Correction, ...], source_id: str, key: str
) -> tuple[pd.DataFrame, int]:
    """Correct the text of one source, rows named by their ``key`` column; return it with the number of values changed.

    An empty ``expect`` or ``value`` stands for an empty cell. Raises UsageError for a correction that does not apply.
    """
    mine = [c for c in corrections if c.source == source_id]
    corrected, problems, changed = text.copy() if mine else text, [], 0
    for correction in mine:
        at, problem = _rows(text, correction, key)
        problems += [f"{FILE_NAME}: {source_id} {correction.key}: {problem}"] if problem else []
        if at is not None:
            corrected.loc[at, correction.column] = correction.value or None
            changed += int(at.sum())
    if problems:
        raise UsageError("\n".join(problems))
    return corrected, changed


def _rows(text: pd.DataFrame, correction: Correction, key: str) -> tuple[pd.Series | None, str | None]:
    if correction.column not in text.columns:
        return None, f'no column "{correction.column}"; there are: {", ".join(text.columns)}'
    named = text[key] == correction.key
    if not named.any():
        return None, f"no row has this {key}; remove the correction or mend its key"
    at = named & (text[correction.column].fillna("") == correction.expect)
    if not at.any():
        there = ", ".join(repr(v) for v in sorted(text.loc[named, correction.column].fillna("").unique()))
        return None, f'{correction.column} is {there}, not "{correction.expect}": the source has changed, look again'
    return at, None


def _problems(entry: dict[str, Any], number: int, ids: set[str]) -> list[str]:
    name = f"{FILE_NAME}: correction no. {number}"
    found = [f"{name}: {k} is missing" for k in KEYS if k not in entry]
    found += [f'{name}: unknown key "{k}"; known: {", ".join(KEYS)}' for k in entry if k not in KEYS]
    if not found and entry["source"] not in ids:
        found.append(f'{name}: no card is called "{entry["source"]}"')
    return found
