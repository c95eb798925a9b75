"""Layouts as data: which columns a kind of file has, under which names they have been seen, and how a header is matched.

A layout is keyed by what the file is, never by its year. Headers are compared without case, accents or punctuation; a
shapefile cuts names at ten characters, so there a long name also matches its beginning.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import InputError, UsageError

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.readers.raw import RawTable

DBF_NAME_LENGTH = 10
SHORTEST_CUT = 8
"""A cut name without its outer punctuation."""
INSEE_CODE = r"\d{1,5}|2[AB](\d{3})?"
QPV_CODE_ALIASES = (
    *("code_qp", "Code_du_quartier", "Code du quartier prioritaire", "code", "codeQPV", "qp", "code_qpv", "CODGEO"),
    *("code_quartier", "codequartier", "num_qpv"),
)


@dataclass(frozen=True)
class Field:
    """One of our columns and the headers under which files hold it."""

    name: str
    aliases: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Layout:
    """A kind of header: the columns it must have and those it may have.

    ``key``: the column by which corrections name a row; the first where it is not given.
    """

    name: str
    fields: tuple[Field, ...]
    key: str = ""

    def mapping(self, header: list[str], *, truncated: bool = False) -> dict[str, list[str]]:
        """Return, for each of our columns, the headers that match it (usually none or one).

        A header that is the cut beginning of a name counts only where no header is the name itself, and for the first of our
        columns that it could be, required ones first. ``truncated``: the format of the file cuts names.
        """
        keys = {column: key(column) for column in header}
        matches = {f.name: [c for c in header if keys[c] in _names(f)] for f in self.fields}
        lengths = (DBF_NAME_LENGTH - 1, DBF_NAME_LENGTH, DBF_NAME_LENGTH + 1) if truncated else (DBF_NAME_LENGTH,)
        whole = {c for columns in matches.values() for c in columns}
        left = [c for c in header if c not in whole and len(c) in lengths and len(keys[c]) >= SHORTEST_CUT]
        for field in sorted(self.fields, key=lambda f: not f.required):
            if not matches[field.name]:
                matches[field.name] = [c for c in left if any(name.startswith(keys[c]) for name in _names(field))]
                left = [c for c in left if c not in matches[field.name]]
        return matches

    def missing(self, header: list[str], *, truncated: bool = False) -> list[str]:
        """Return our required columns that no header matches."""
        matches = self.mapping(header, truncated=truncated)
        return [f.name for f in self.fields if f.required and not matches[f.name]]


def key(text: str) -> str:
    """Write a header without case, accents or punctuation, words joined by ``_``."""
    plain = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("°", " "))
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^0-9a-z]+", "_", letters.casefold()).strip("_")


@lru_cache(maxsize=512)
def _names(field: Field) -> frozenset[str]:
    return frozenset(key(a) for a in (field.name, *field.aliases))


def choose(raw: RawTable, card: Card, layouts: tuple[Layout, ...]) -> Layout:
    """Return the layout of a file: the card's, else the only one whose required columns are all there.

    Raises UsageError when the card names an unknown one, or when none or several fit, and says what to write in the card; InputError for
    a file without a row or a column.
    """
    if (layout_name := card.get("layout")) is not None:
        if chosen := [layout for layout in layouts if layout.name == layout_name]:
            return chosen[0]
        names = ", ".join(layout.name for layout in layouts)
        raise UsageError(f'card {card.id}: unknown layout "{layout_name}"; known for {card.kind}: {names}')
    header, truncated = list(raw.frame.columns), raw.geometry is not None
    if not header and raw.frame.empty:
        raise InputError(
            f"{raw.place()}: holds no feature and no row, so nothing of it can be used; fetch the file again"
        )
    lacking = {la.name: [c for c in la.missing(header, truncated=truncated) if c not in card.columns] for la in layouts}
    fits = [la for la in layouts if not lacking[la.name]]
    if len(fits) == 1:
        return fits[0]
    if fits:
        lines = " or ".join(f'layout = "{la.name}"' for la in fits)
        names = ", ".join(la.name for la in fits)
        raise UsageError(f"{raw.place()}: fits the layouts {names}; write in card {card.id}: {lines}")
    closest = min(lacking, key=lambda name: len(lacking[name]))
    lines = "\n".join(f'{name} = "…"' for name in lacking[closest])
    raise UsageError(
        f"{raw.place()}: fits no layout of {card.kind} ({', '.join(lacking)}). Columns: {', '.join(header)}."
        f" {closest} lacks {', '.join(lacking[closest])}. Where the header is not the first line, write header_row in card"
        f' {card.id}; where the columns have other names, write there layout = "{closest}" and\n[source.columns]\n{lines}'
    )


def columns(raw: RawTable, card: Card, layout: Layout) -> dict[str, str]:
    """Map our columns to the headers of a file: the card's own mapping first, then the layout.

    Raises UsageError, all problems at once: a header named in the card that is not there, a column of ours that does not
    exist, a required column without header, two headers for one column.
    """
    header = list(raw.frame.columns)
    matches = layout.mapping(header, truncated=raw.geometry is not None)
    there, mapped, problems = ", ".join(header), {}, []
    for column, theirs in card.columns.items():
        exact = [h for h in header if h == theirs] or [h for h in header if key(h) == key(theirs)]
        if column not in matches:
            problems.append(f'no column of ours is called "{column}"; known: {", ".join(matches)}')
        if len(exact) == 1:
            mapped[column] = exact[0]
        else:
            problems.append(f'no header "{theirs}"; there are: {there}')
    taken = set(mapped.values())
    for field in layout.fields:
        free = [h for h in matches[field.name] if h not in taken]
        if field.name in card.columns:
            continue
        if len(free) > 1:
            problems.append(f"two headers for {field.name}: {', '.join(free)}; name one under [source.columns]")
        elif free:
            mapped[field.name] = free[0]
        elif field.required:
            problems.append(
                f"no header for {field.name}, which is required; name it under [source.columns]. There are: {there}"
            )
    if problems:
        raise UsageError("\n".join(f"{raw.place()}: card {card.id}: {p}" for p in problems))
    return mapped


def renamed(raw: RawTable, card: Card, layout: Layout) -> pd.DataFrame:
    """Return the text of a file under our column names, every column of the layout present, null where the file has none."""
    mapped = columns(raw, card, layout)
    absent = pd.Series(None, index=raw.frame.index, dtype="str").array
    cells = {ours: raw.frame[theirs].astype("str").array for ours, theirs in mapped.items()}
    return pd.DataFrame({f.name: cells.get(f.name, absent) for f in layout.fields}, index=raw.frame.index, copy=False)


def has_insee_codes(raw: RawTable, layout: Layout, column: str) -> bool:
    """Say whether the one header that matches a column of ours holds INSEE area codes only."""
    headers = layout.mapping(list(raw.frame.columns), truncated=True)[column]
    return len(headers) == 1 and bool(raw.frame[headers[0]].dropna().str.fullmatch(INSEE_CODE).all())


def mapped_columns(raw: RawTable, layout: Layout) -> set[str]:
    """Return our columns that the header of a table has."""
    return {column for column, headers in layout.mapping(list(raw.frame.columns)).items() if headers}
