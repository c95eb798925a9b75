"""The text of a raw row, read again: only from the very file that a release was made from, by its hash."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qpvhealth.errors import QpvhealthError
from qpvhealth.ingest import cards, corrections
from qpvhealth.ingest.readers import finess_legacy, guard, tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.readers.raw import RawTable


class RawRow(NamedTuple):
    """The cells of a row by header, null where it cannot be read again, and then why: ``folder``, ``card``, ``hash``, ``row``, ``file``.

    ``corrections``: those of ``corrections.toml`` about the row: ``column``, ``expect``, ``value``, ``reason``.
    """

    cells: dict[str, str] | None
    reason: str | None
    corrections: list[dict[str, str]]


class RawFolder:
    """A raw folder whose rows are asked for one by one; each file is hashed and read at its first row."""

    def __init__(self, folder: Path) -> None:
        """Read the cards; a folder without any has no row to give."""
        self._cards: dict[str, Card] = {}
        self._corrections: tuple[Correction, ...] = ()
        with suppress(QpvhealthError):
            self._cards = {card.id: card for card in cards.load(folder)}
            self._corrections = corrections.load(folder, [*self._cards.values()])
        self._tables: dict[tuple[str, str | None], RawTable | str] = {}

    def row(self, source: Mapping[str, Any], sheet: str | None, number: int, code: str) -> RawRow:
        """Return a row of a source of the manifest (``id``, ``sha256``), by its number as a person sees it in the file.

        ``code``: the key by which a correction may name it.
        """
        key = (str(source["id"]), sheet)
        if key not in self._tables:
            self._tables[key] = self._read(source, sheet)
        table = self._tables[key]
        if isinstance(table, str):
            return RawRow(None, table, [])
        at = np.flatnonzero(table.rows == number)
        if not at.size:
            return RawRow(None, "row", [])
        cells = table.frame.iloc[at[0]].dropna()
        made = [
            {"column": c.column, "expect": c.expect, "value": c.value, "reason": c.reason}
            for c in self._corrections
            if c.source == source["id"]
            and (c.key == code if c.row is None else (c.row, c.sheet or None) == (number, sheet))
        ]
        return RawRow({str(header): str(text) for header, text in cells.items()}, None, made)

    def _read(self, source: Mapping[str, Any], sheet: str | None) -> RawTable | str:
        """Read a file, or say why it is not the one of the release."""
        if not self._cards:
            return "folder"
        card = self._cards.get(str(source["id"]))
        if card is None:
            return "card"
        try:
            if guard.sha256_of(guard.checked_path(card.path)) != source["sha256"]:
                return "hash"
            is_legacy = finess_legacy.recognises(card.path)
            return finess_legacy.read(card) if is_legacy else tables.read(card, sheet=sheet)
        except QpvhealthError:
            return "file"
