"""Layouts as data: which columns a kind of file has, under which names they have been seen, and how a header is matched.

A layout is keyed by what the file is, never by its year. Headers are compared without case, accents or punctuation; a
shapefile cuts names at ten characters, so there a long name also matches its beginning.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.raw import RawTable

DBF_NAME_LENGTH = 10


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
        """Return, for each of our columns, the headers that match it (usually none or one)."""
        keys = {column: key(column) for column in header}
        return {f.name: [c for c in header if _matches(keys[c], f, truncated=truncated)] for f in self.fields}

    def missing(self, header: list[str], *, truncated: bool = False) -> list[str]:
        """Return our required columns that no header matches."""
        found = self.mapping(header, truncated=truncated)
        return [f.name for f in self.fields if f.required and not found[f.name]]


def key(text: str) -> str:
    """Write a header without case, accents or punctuation, words joined by ``_``."""
    plain = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("°", " "))
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^0-9a-z]+", "_", letters.casefold()).strip("_")


def _matches(header_key: str, field: Field, *, truncated: bool) -> bool:
    names = {key(a) for a in (field.name, *field.aliases)}
    if header_key in names:
        return True
    long_enough = truncated and len(header_key) >= DBF_NAME_LENGTH - 1
    return long_enough and any(n.startswith(header_key) for n in names)


def choose(raw: RawTable, card: Card, layouts: tuple[Layout, ...]) -> Layout:
    """Return the layout of a file: the card's, else the only one whose required columns are all there.

    Raises UsageError when the card names an unknown one, or when none or several fit, and says what to write in the card.
    """
    header = list(raw.frame.columns)
    if (named := card.get("layout")) is not None:
        chosen = [layout for layout in layouts if layout.name == named]
        if not chosen:
            raise UsageError(f'card {card.id}: unknown layout "{named}"; known for {card.kind}: {_names(layouts)}')
        return chosen[0]
    own = set(card.columns)
    fits = [la for la in layouts if not set(la.missing(header, truncated=_is_truncated(raw))) - own]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise UsageError(f'{raw.file}: fits the layouts {_names(tuple(fits))}; write layout = "…" in card {card.id}')
    closest = min(layouts, key=lambda la: len(la.missing(header)))
    raise UsageError(
        f"{raw.place()}: fits no layout of {card.kind} ({_names(layouts)}). Columns: {', '.join(header) or 'none'}."
        f" {closest.name} lacks {', '.join(closest.missing(header))}; name them in card {card.id} under [source.columns]"
    )


def columns(raw: RawTable, card: Card, layout: Layout) -> dict[str, str]:
    """Map our columns to the headers of a file: the card's own mapping first, then the layout.

    Raises UsageError, all problems at once: a header named in the card that is not there, a column of ours that does not
    exist, a required column without header, two headers for one column.
    """
    header = list(raw.frame.columns)
    found = layout.mapping(header, truncated=_is_truncated(raw))
    taken = {column: _header_named(theirs, header) for column, theirs in card.columns.items()}
    unknown = [c for c in card.columns if c not in found]
    lost = [theirs for column, theirs in card.columns.items() if taken[column] is None]
    rest = {c: [h for h in hs if h not in taken.values()] for c, hs in found.items() if c not in card.columns}
    problems = [f'no column of ours is called "{c}"; known: {", ".join(found)}' for c in unknown]
    problems += [f'no header "{theirs}"; there are: {", ".join(header)}' for theirs in lost]
    problems += [
        f"two headers for {c}: {', '.join(hs)}; name one under [source.columns]"
        for c, hs in rest.items()
        if len(hs) > 1
    ]
    problems += [
        f"no header for {f.name}, which is required; name it under [source.columns]. There are: {', '.join(header)}"
        for f in layout.fields
        if f.required and f.name not in card.columns and not found[f.name]
    ]
    if problems:
        raise UsageError("\n".join(f"{raw.place()}: card {card.id}: {p}" for p in problems))
    return {c: h for c, h in taken.items() if h is not None} | {c: hs[0] for c, hs in rest.items() if hs}


def renamed(raw: RawTable, card: Card, layout: Layout) -> pd.DataFrame:
    """Return the text of a file under our column names, every column of the layout present, null where the file has none."""
    mapped = columns(raw, card, layout)
    frame = raw.frame[list(mapped.values())].set_axis(list(mapped), axis=1)
    return frame.reindex(columns=[f.name for f in layout.fields]).astype("str")


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
