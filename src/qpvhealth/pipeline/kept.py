"""What was placed, some years after others, held small until it is read again: a build is as large as a few of its years."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import pandas as pd

from qpvhealth.contract.packed import Packed, give_back, pack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Name = Literal["structures", "located", "pairs"]


SMALL = 50_000
"""Rows of a batch whose columns, once decoded, are not decoded again."""


class Placed(NamedTuple):
    """Structures of some years, where they are in every generation, and the QPV around them."""

    structures: pd.DataFrame
    located: pd.DataFrame
    pairs: pd.DataFrame


class Kept:
    """The tables of ``Placed``, of every year, by batch of years: those that were placed together."""

    def __init__(self) -> None:
        """Begin without any year."""
        self.batches: list[list[int]] = []
        self._tables: dict[Name, list[Packed]] = {"structures": [], "located": [], "pairs": []}
        self._decoded: dict[tuple[Name, int, str], pd.Series] = {}

    def add(self, years: Sequence[int], placed: Placed) -> None:
        """Keep what was placed of some years."""
        self.batches.append(list(years))
        for name, frame in zip(self._tables, placed, strict=True):
            self._tables[name].append(pack(frame))

    def __len__(self) -> int:
        """Count the structures of every year."""
        return sum(map(len, self._tables["structures"]))

    def each(self, name: Name, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """Read some columns of a table again, a batch at a time."""
        return (self._frame(name, n, columns) for n in range(len(self.batches)))

    def _frame(self, name: Name, n: int, columns: Sequence[str]) -> pd.DataFrame:
        part = self._tables[name][n]
        if len(part) > SMALL:
            return part.frame(columns)
        for column in columns:
            if (name, n, column) not in self._decoded:
                self._decoded[name, n, column] = part[column]
        known = {column: self._decoded[name, n, column] for column in columns}
        return pd.DataFrame(known, index=pd.RangeIndex(len(part)))

    def whole(self, name: Name, columns: Sequence[str]) -> pd.DataFrame:
        """Read some columns of a table again, of every year."""
        return pd.concat(list(self.each(name, columns)), ignore_index=True)

    def of_year(self, name: Name, columns: Sequence[str], year: int) -> pd.DataFrame:
        """Read some columns of a table again, of one year. Raises KeyError for a year that was not placed."""
        at = next((n for n, years in enumerate(self.batches) if year in years), None)
        if at is None:
            raise KeyError(year)
        part = self._tables[name][at]
        if len(self.batches[at]) > 1:
            part = part.select([*{*columns, "year"}]).rows(part["year"] == year)
        return part.frame(columns)

    def numbers(self) -> pd.Series:
        """Return the number of every structure, once."""
        numbers = [part.select(["finess_et"]) for part in self._tables["structures"]]
        return Packed.together(numbers).distinct("finess_et")

    def let_go(self, name: Name, columns: Sequence[str]) -> Packed:
        """Give some columns of a whole table away, still packed: it can be read here no more."""
        self._decoded = {key: column for key, column in self._decoded.items() if key[0] != name}
        give_back()  # room for the whole beside its parts
        return Packed.together([part.select(columns) for part in self._tables.pop(name)])
