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

from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.readers.raw import RawTable

DBF_NAME_LENGTH = 10
SHORTEST_CUT = 8
"""A cut name without its outer punctuation."""


@dataclass(frozen=True)
class Field:
    """One of our columns and the headers under which files hold it."""

    name: str
    aliases: tuple[str, ...]
    required: bool = False


@dataclass(frozen=True)
class Layout:
    """A kind of header: the columns it must have and those it may have."""

    name: str
    fields: tuple[Field, ...]

    def mapping(self, header: list[str], *, truncated: bool = False) -> dict[str, list[str]]:
        """Return, for each of our columns, the headers that match it (usually none or one).

        A header that is the cut beginning of a name counts only where no header is the name itself, and for the first of our
        columns that it could be, required ones first.
        """
        keys = {column: key(column) for column in header}
        found = {f.name: [c for c in header if keys[c] in _names_of(f)] for f in self.fields}
        left = {c for c in header if c not in {h for hs in found.values() for h in hs} and _may_be_cut(c, truncated)}
        for field in sorted(self.fields, key=lambda f: not f.required):
            if not found[field.name]:
                found[field.name] = [c for c in header if c in left and _begins(keys[c], field)]
                left -= set(found[field.name])
        return found

    def missing(self, header: list[str], *, truncated: bool = False) -> list[str]:
        """Return our required columns that no header matches."""
        found = self.mapping(header, truncated=truncated)
        return [f.name for f in self.fields if f.required and not found[f.name]]


def key(text: str) -> str:
    """Write a header without case, accents or punctuation, words joined by ``_``."""
    plain = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("°", " "))
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^0-9a-z]+", "_", letters.casefold()).strip("_")


@lru_cache(maxsize=512)
def _names_of(field: Field) -> frozenset[str]:
    return frozenset(key(a) for a in (field.name, *field.aliases))


def _begins(header_key: str, field: Field) -> bool:
    return len(header_key) >= SHORTEST_CUT and any(name.startswith(header_key) for name in _names_of(field))


def _may_be_cut(column: str, truncated: bool) -> bool:
    """Say whether a header may be cut: ten characters, or about that in a file whose format cuts names."""
    long_enough = DBF_NAME_LENGTH - 1 if truncated else DBF_NAME_LENGTH
    return long_enough <= len(column) <= (DBF_NAME_LENGTH + 1 if truncated else DBF_NAME_LENGTH)


def choose(raw: RawTable, card: Card, layouts: tuple[Layout, ...]) -> Layout:
    """Return the layout of a file: the card's, else the only one whose required columns are all there.

    Raises UsageError when the card names an unknown one, or when none or several fit, and says what to write in the card.
    """
    if (named := card.get("layout")) is not None:
        chosen = [layout for layout in layouts if layout.name == named]
        if not chosen:
            raise UsageError(f'card {card.id}: unknown layout "{named}"; known for {card.kind}: {_names(layouts)}')
        return chosen[0]
    lacking = {la.name: _lacking(raw, card, la) for la in layouts}
    fits = [la for la in layouts if not lacking[la.name]]
    if len(fits) == 1:
        return fits[0]
    if fits:
        said = " or ".join(f'layout = "{la.name}"' for la in fits)
        raise UsageError(f"{raw.place()}: fits the layouts {_names(tuple(fits))}; write in card {card.id}: {said}")
    raise _fits_none(raw, card, lacking)


def _lacking(raw: RawTable, card: Card, layout: Layout) -> list[str]:
    missing = layout.missing(list(raw.frame.columns), truncated=_is_truncated(raw))
    return [name for name in missing if name not in card.columns]


def _fits_none(raw: RawTable, card: Card, lacking: dict[str, list[str]]) -> UsageError:
    closest = min(lacking, key=lambda name: len(lacking[name]))
    lines = "\n".join(f'{name} = "…"' for name in lacking[closest])
    return UsageError(
        f"{raw.place()}: fits no layout of {card.kind} ({', '.join(lacking)}). Columns: {', '.join(raw.frame.columns)}."
        f" {closest} lacks {', '.join(lacking[closest])}. Where the header is not the first line, write header_row in card"
        f' {card.id}; where the columns have other names, write there layout = "{closest}" and\n[source.columns]\n{lines}'
    )


def columns(raw: RawTable, card: Card, layout: Layout) -> dict[str, str]:
    """Map our columns to the headers of a file: the card's own mapping first, then the layout.

    Raises UsageError, all problems at once: a header named in the card that is not there, a column of ours that does not
    exist, a required column without header, two headers for one column.
    """
    header = list(raw.frame.columns)
    found = layout.mapping(header, truncated=_is_truncated(raw))
    taken = {column: _header_named(theirs, header) for column, theirs in card.columns.items()}
    rest = {c: [h for h in hs if h not in taken.values()] for c, hs in found.items() if c not in taken}
    if problems := [*_wrong_in_card(card, found, taken, header), *_wrong_in_file(layout, rest, header)]:
        raise UsageError("\n".join(f"{raw.place()}: card {card.id}: {p}" for p in problems))
    return {c: h for c, h in taken.items() if h is not None} | {c: hs[0] for c, hs in rest.items() if hs}


def _wrong_in_card(
    card: Card, found: dict[str, list[str]], taken: dict[str, str | None], header: list[str]
) -> list[str]:
    unknown = [f'no column of ours is called "{c}"; known: {", ".join(found)}' for c in taken if c not in found]
    there = ", ".join(header)
    return unknown + [f'no header "{card.columns[c]}"; there are: {there}' for c, h in taken.items() if h is None]


def _wrong_in_file(layout: Layout, rest: dict[str, list[str]], header: list[str]) -> list[str]:
    required = [f.name for f in layout.fields if f.required]
    twice = [
        f"two headers for {c}: {', '.join(hs)}; name one under [source.columns]"
        for c, hs in rest.items()
        if len(hs) > 1
    ]
    return twice + [
        f"no header for {c}, which is required; name it under [source.columns]. There are: {', '.join(header)}"
        for c, hs in rest.items()
        if c in required and not hs
    ]


def renamed(raw: RawTable, card: Card, layout: Layout) -> pd.DataFrame:
    """Return the text of a file under our column names, every column of the layout present, null where the file has none."""
    mapped = columns(raw, card, layout)
    absent = pd.Series(None, index=raw.frame.index, dtype="str").array
    given = {ours: raw.frame[theirs].astype("str").array for ours, theirs in mapped.items()}
    return pd.DataFrame({f.name: given.get(f.name, absent) for f in layout.fields}, index=raw.frame.index, copy=False)


def unmapped(raw: RawTable, card: Card, layout: Layout) -> list[str]:
    """Return the headers of a file that no column of ours takes."""
    used = set(columns(raw, card, layout).values())
    return [h for h in raw.frame.columns if h not in used]


def _header_named(theirs: str, header: list[str]) -> str | None:
    exact = [h for h in header if h == theirs]
    loose = [h for h in header if key(h) == key(theirs)]
    return exact[0] if exact else loose[0] if len(loose) == 1 else None


def _is_truncated(raw: RawTable) -> bool:
    return raw.geometry is not None


def _names(layouts: tuple[Layout, ...]) -> str:
    return ", ".join(layout.name for layout in layouts)
