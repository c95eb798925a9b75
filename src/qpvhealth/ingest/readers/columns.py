"""The columns of a table as they are read: cells gathered record by record, or many records at once, into text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from qpvhealth.errors import InputError, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        self.width = len(self.names)
        self._place = Place(file, sheet, row)
        if not any(self.names):
            raise InputError(f"{self._place}: no column name in the header; give header_row in the card")
        if self.width > MAX_COLUMNS:
            raise InputError(
                f"{self._place}: {self.width} columns, at most {MAX_COLUMNS} are read; check the separator"
            )
        if twice := [f'"{name}"' for name, n in Counter(self.names).items() if name and n > 1]:
            raise InputError(
                f"{self._place}: columns named twice: {', '.join(twice[:20])}; rename them in a copy of the file"
            )
        self._last_named = max(i for i, name in enumerate(self.names) if name) + 1
        self._pending: list[Sequence[str | None]] = []
        self._chunks: list[list[pa.Array]] = [[] for _ in self.names]
        self._trimmed = 0

    def add(self, cells: Sequence[str | None]) -> tuple[str, str] | None:
        """Take the cells of one record, or say which rule they break.

        Cells without a name at the end of the header may be missing, empty cells beyond it may be there.
        """
        n = len(cells)
        if n != self.width:
            message = f"{n} cells, {self.width} expected"
            if n < self._last_named:
                return "too-few-cells", message
            if any(c and c.strip() for c in cells[self.width :]):
                return "too-many-cells", message
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

    def _flush(self) -> None:
        if self._pending:
            for chunks, cells in zip(self._chunks, zip(*self._pending, strict=True), strict=True):
                chunks.append(pa.array([(c.strip() or None) if c else None for c in cells], pa.large_string()))
            self._pending = []

    def frame(self) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Give the columns as a frame, and what was done to them.

        Unnamed columns without any value are left out; one that holds values is called by its position.

        Raises:
            InputError: a column has that name already.

        """
        self._flush()
        # one piece a column: every step after this one would go through the pieces again
        arrays = [pa.chunked_array(chunks, pa.large_string()).combine_chunks() for chunks in self._chunks]
        used = [i for i, a in enumerate(arrays) if self.names[i] or a.null_count < len(a)]
        names = [self.names[i] or f"column {i + 1}" for i in used]
        if twice := [name for name, n in Counter(names).items() if n > 1]:
            raise InputError(f"{self._place}: an unnamed column cannot be called {twice[0]!r}, which exists; name it")
        frame: pd.DataFrame = pa.Table.from_arrays([arrays[i] for i in used], names=names).to_pandas()
        unnamed = ", ".join([f"column {i + 1}" for i in used if not self.names[i]][:20])
        notes = (
            (len(arrays) - len(used), f"{len(arrays) - len(used)} empty columns without a name left out"),
            (unnamed, f"columns without a name, called by their position: {unnamed}"),
            (self._trimmed, f"{self._trimmed} rows with empty cells beyond the header"),
        )
        return frame, tuple(text for applies, text in notes if applies)
