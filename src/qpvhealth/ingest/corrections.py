"""Known errors of a source, as data: each names a row, the wrong value now there, the right one, and why.

A row is named by its key, or by its number (and sheet) where it has no key that can be read: a row that was rejected, too.
A correction that matches nothing, or whose wrong value is no longer there, stops the run: it is out of date.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.settings import read_toml

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from qpvhealth.ingest.card import Card

FILE_NAME = "corrections.toml"
KEYS = ("source", "column", "expect", "value", "reason")
NAMES = ("key", "row", "sheet")


@dataclass(frozen=True)
class Correction:
    """One wrong value of one source: where ``column`` of the row ``key`` holds ``expect``, it should hold ``value``.

    ``row``: the number of the row in its file, or in its ``sheet``, instead of a key.
    """

    source: str
    key: str
    column: str
    expect: str
    value: str
    reason: str
    row: int | None = None
    sheet: str = ""

    @property
    def place(self) -> str:
        """The key, or the number of the row."""
        return self.key if self.row is None else f"{self.sheet}{'!' if self.sheet else ''}row {self.row}"


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
    problems = [f'{FILE_NAME}: unknown section "{k}"; write [[correction]]' for k in document if k != "correction"]
    for number, entry in enumerate(entries, 1):
        name = f"{FILE_NAME}: correction no. {number}"
        wrong = [f"{name}: {k} is missing" for k in KEYS if k not in entry]
        known = (*KEYS, *NAMES)
        wrong += [f'{name}: unknown key "{k}"; known: {", ".join(known)}' for k in entry if k not in known]
        if ("key" in entry) == (type(entry.get("row")) is int):
            wrong.append(f"{name}: name the row by its key, or by its number: row = 17")
        if not wrong and entry["source"] not in ids:
            wrong.append(f'{name}: no card is called "{entry["source"]}"')
        problems += wrong
    if problems:
        raise UsageError("\n".join(problems))
    corrections = tuple(
        Correction(**{k: str(entry.get(k, "")) for k in (*KEYS, "key", "sheet")}, row=entry.get("row"))
        for entry in entries
    )
    cells = Counter((c.source, c.place, c.column, c.expect) for c in corrections)
    if twice := [f"{source} {place} {column}" for (source, place, column, _), n in cells.items() if n > 1]:
        raise UsageError(f"{FILE_NAME}: two corrections of one value: {', '.join(twice)}; keep one")
    return corrections


def apply(
    text: pd.DataFrame,
    corrections: tuple[Correction, ...],
    source_id: str,
    key: str,
    *,
    numbers: np.ndarray | None = None,
    sheet: str | None = None,
) -> tuple[pd.DataFrame, int]:
    """Correct the text of one source, rows named by their ``key`` column; return it with the number of values changed.

    ``numbers``: those of the rows in the file, or in its ``sheet``, by which a correction may name one.

    A row may also be named by the extract's own identifier after its source (``source:7``), where there is a column ``own_id``.
    Names are compared without case, spaces or leading zeros. An empty ``expect`` or ``value`` stands for an empty cell. Raises
    UsageError, all problems at once, for a correction that does not apply.
    """
    mine = [c for c in corrections if c.source == source_id]
    if not mine:
        return text, 0
    names = [text[key], source_id + ":" + text["own_id"].str.strip()] if "own_id" in text else [text[key]]
    names = [_plain(column) for column in names]
    corrected, problems, n_changed = text.copy(), [], 0
    for correction in mine:
        column, plain = correction.column, _plain_text(correction.key)
        if correction.row is None:
            rows = pd.concat([name == plain for name in names], axis=1).any(axis=1)
        else:
            of_sheet = correction.sheet in ("", sheet)
            rows = pd.Series(of_sheet & (numbers == correction.row), index=text.index)
        cells = text.loc[rows, column].fillna("") if column in text else rows[:0]
        at = cells.index[cells == correction.expect]
        problem = None
        if column not in text:
            problem = f'no column "{column}"; there are: {", ".join(text.columns)}'
        elif not rows.any():
            problem = (
                f"no row has this {key if correction.row is None else 'number'}; remove the correction or mend its key"
            )
        elif at.empty:
            there = ", ".join(repr(v) for v in sorted(cells.unique()))
            problem = f'{column} is {there}, not "{correction.expect}": the source has changed, look again'
        if problem:
            problems.append(f"{FILE_NAME}: {source_id} {correction.place}: {problem}")
        else:
            corrected.loc[at, column] = correction.value or None
            n_changed += len(at)
    if problems:
        raise UsageError("\n".join(problems))
    return corrected, n_changed


def naming(
    corrections: tuple[Correction, ...], source_id: str, keys: pd.Series, sheet: str | None
) -> tuple[Correction, ...]:
    """Return the corrections of a source whose row is among these keys, or in this sheet: one of several holds it."""
    mine = [c for c in corrections if c.source == source_id]
    there = set(_plain(keys).dropna()) if mine else set()
    return tuple(c for c in mine if (_plain_text(c.key) in there if c.row is None else c.sheet in ("", sheet)))


def _plain(keys: pd.Series) -> pd.Series:
    return keys.str.replace(r"\s", "", regex=True).str.upper().str.lstrip("0")


def _plain_text(key: str) -> str:
    return "".join(key.split()).upper().lstrip("0")
