"""The columns of a table as they are read: cells gathered record by record, or many records at once, into text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from qpvhealth.errors import InputError, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

MAX_COLUMNS = 16_384
PENDING = 10_000
"""How many records wait before they are written into columns."""


class Columns:
    """Cells gathered row by row into text columns: stripped at both ends (no-break spaces too), empty ones null."""

    def __init__(self, file: str, header: Sequence[str], *, sheet: str | None = None, row: int | None = None) -> None:
        """Name the columns as the header does.

        Raises:
            InputError: no named column, or two of the same name.

        """
        self.names = [str(name).strip() for name in header]
        self._place = Place(file, sheet, row)
        self._refuse_names()
        self.width = len(self.names)
        self._named = max(i for i, name in enumerate(self.names) if name) + 1
        self._pending: list[Sequence[str | None]] = []
        self._chunks: list[list[pa.Array]] = [[] for _ in self.names]
        self._trimmed = 0

    def _refuse_names(self) -> None:
        """Refuse a header with no name, or with a name written twice."""
        if not any(self.names):
            raise InputError(f"{self._place}: no column name in the header; give header_row in the card")
        if len(self.names) > MAX_COLUMNS:
            raise InputError(
                f"{self._place}: {len(self.names)} columns, at most {MAX_COLUMNS} are read; check the separator"
            )
        twice = [f'"{name}"' for name, n in Counter(self.names).items() if name and n > 1]
        if twice:
            raise InputError(
                f"{self._place}: columns named twice: {', '.join(twice[:20])}; rename them in a copy of the file"
            )

    def add(self, cells: Sequence[str | None]) -> tuple[str, str] | None:
        """Take the cells of one record, or say which rule they break."""
        n = len(cells)
        if n != self.width:
            fault = self._misfit(cells)
            if fault:
                return fault
            self._trimmed += n > self.width
            cells = [*cells, *[None] * (self.width - n)][: self.width]
        self._pending.append(cells)
        if len(self._pending) >= PENDING:
            self._flush()
        return None

    def add_arrays(self, cells: list[pa.Array]) -> None:
        """Take many records at once: for each column its cells, stripped, empty ones null."""
        self._flush()
        for chunks, array in zip(self._chunks, cells, strict=True):
            chunks.append(array)

    def _misfit(self, cells: Sequence[str | None]) -> tuple[str, str] | None:
        """Cells without a name at the end of the header may be missing, empty cells beyond it may be there."""
        if len(cells) < self._named:
            return "too-few-cells", f"{len(cells)} cells, {self.width} expected"
        if any(c and c.strip() for c in cells[self.width :]):
            return "too-many-cells", f"{len(cells)} cells, {self.width} expected"
        return None

    def _flush(self) -> None:
        if self._pending:
            for chunks, cells in zip(self._chunks, zip(*self._pending, strict=True), strict=True):
                chunks.append(pa.array([(c.strip() or None) if c else None for c in cells], pa.large_string()))
            self._pending = []

    def frame(self) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Give the columns as a frame, and what was done to them; unnamed columns without any value are left out."""
        self._flush()
        # one piece a column: every step after this one would go through the pieces again
        arrays = [pa.chunked_array(chunks, pa.large_string()).combine_chunks() for chunks in self._chunks]
        kept = [i for i, a in enumerate(arrays) if self.names[i] or a.null_count < len(a)]
        names = self._full_names(kept)
        table = pa.Table.from_arrays([arrays[i] for i in kept], names=names)
        return table.to_pandas(), tuple(self._notes(len(arrays) - len(kept), names, kept))

    def _full_names(self, kept: list[int]) -> list[str]:
        """Name an unnamed column that holds values by its position, away from the names in use."""
        names = [self.names[i] or f"column {i + 1}" for i in kept]
        twice = [name for name, n in Counter(names).items() if n > 1]
        if twice:
            raise InputError(f"{self._place}: an unnamed column cannot be called {twice[0]!r}, which exists; name it")
        return names

    def _notes(self, n_left_out: int, names: list[str], kept: list[int]) -> Iterator[str]:
        if n_left_out:
            yield f"{n_left_out} empty columns without a name left out"
        unnamed = [name for name, i in zip(names, kept, strict=True) if not self.names[i]]
        if unnamed:
            yield f"columns without a name, called by their position: {', '.join(unnamed[:20])}"
        if self._trimmed:
            yield f"{self._trimmed} rows with empty cells beyond the header"
