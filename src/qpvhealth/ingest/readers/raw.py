"""What every reader gives: text, exactly as the file holds it, with the place of each record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qpvhealth.errors import Place

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from qpvhealth.contract.rules import Finding
    from qpvhealth.ingest.tally import Tally


@dataclass(frozen=True)
class BrokenRow:
    """A record that has no place in the table (ragged, unclosed quote, undecodable): kept whole, as text."""

    row: int
    rule: str
    message: str
    raw: str


@dataclass(frozen=True)
class RawTable:
    """One sheet, file or layer as text.

    ``frame`` has one ``str`` column per header cell (as written, stripped), one row per record; an empty cell is null,
    nothing else is. ``rows`` is the row number of each record as a person sees it in the file (from 1, header and blank
    lines counted). ``geometry`` and ``crs`` are set by the vector reader only; ``crs_doubt``: why a system that is named
    is not believed, and ``crs`` null. ``broken`` holds the records that could
    not be placed; ``findings`` what may be wrong with what was read; ``notes`` says what was chosen or repaired while reading (encoding,
    separator, header row). ``merged_into`` gives, for the rows of a workbook that a merged cell of another row covers, that row.
    ``uncalculated``: by header, the rows whose formula nobody calculated, read as empty.
    ``sections`` are the accounts of records of another kind, joined to those of the frame. Identity: records in the file = ``len(frame)``
    + ``len(broken)``; blank lines are not records.
    """

    file: str
    frame: pd.DataFrame
    rows: np.ndarray
    sheet: str | None = None
    geometry: np.ndarray | None = None
    crs: str | None = None
    crs_doubt: str = ""
    broken: tuple[BrokenRow, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    findings: tuple[Finding, ...] = field(default=())
    header_row: int | None = None
    merged_into: dict[int, int] = field(default_factory=dict)
    uncalculated: dict[str, list[int]] = field(default_factory=dict)
    sections: dict[str, Tally] = field(default_factory=dict)

    @property
    def n_records(self) -> int:
        """Records of the file: those of the frame and the broken ones."""
        return len(self.frame) + len(self.broken)

    def place(self, row: int | None = None, column: str | None = None) -> Place:
        """Name a place of this table for a message."""
        return Place(self.file, self.sheet, row, column)

    def raw_text(self, at: np.ndarray) -> list[str]:
        """Write the records at these positions as one line of text each, for ``rejects``."""
        chosen = self.frame.iloc[at].fillna("")
        columns = [chosen[c].astype("str").tolist() for c in chosen.columns]
        return [";".join(cells) for cells in zip(*columns, strict=True)] if columns else [""] * len(at)
