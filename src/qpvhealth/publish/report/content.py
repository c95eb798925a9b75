"""What a report is, whatever the format it is written in: sections of paragraphs, tables and figures, and the texts of numbers.

Numbers are rounded once, here, half away from zero, and every format takes these texts; a workbook takes the numbers themselves.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Literal, get_args

from qpvhealth.publish.bounds import Bounded, written
from qpvhealth.publish.sentences import THIN, numeric_day, with_signs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qpvhealth.publish.sentences import Language

Unit = Literal["text", "count", "signed", "share", "ratio", "metres", "date"]
DECIMALS: dict[Unit, int] = {"count": 0, "signed": 0, "share": 1, "ratio": 2, "metres": 0}
MINUS, NO_BREAK = "\u2212", "\u00a0"
WIDE, NARROW = re.compile(" (?=[:»])|(?<=«) "), re.compile(" (?=[;!?%])")
"""The spaces of French signs: as wide as between words, and narrow."""
WORDS: dict[Language, dict[Any, str]] = {
    "fr": {None: "inconnu", True: "oui", False: "non"},
    "en": {None: "unknown", True: "yes", False: "no"},
}
"""What is written in a cell besides numbers."""
NOT_SHOWN = "\u2013"
"""Where a rate or share would stand on a base too small to carry one."""
MIN_RATE_BASE, MIN_SHARE_BASE = 20, 30
Audience = Literal["public", "internal"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
PUBLIC, INTERNAL = AUDIENCES
"""A public report leaves out undecided projects, free text and names of persons."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, the unit that decides how its values are written, and the list of the rows behind them.

    ``rows``: the anchor of that list, where the report has one.
    """

    title: str
    unit: Unit = "count"
    rows: str = ""


@dataclass(frozen=True)
class Table:
    """A table: one row a list of values, one for each column; the first column names the row.

    A value is a text, a number, a day, ``Bounded``, or null for unknown. ``notes`` stand below. ``source``: the published tables
    that the numbers are read from.
    """

    anchor: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    has_total: bool = False

    def texts(self, language: Language = "fr") -> list[list[str]]:
        """Write every cell as a reader sees it."""
        return [[text(v, c.unit, language) for v, c in zip(row, self.columns, strict=True)] for row in self.rows]


@dataclass(frozen=True)
class Figure:
    """A drawing: SVG text that stands alone, a title, a description in words, and a caption."""

    anchor: str
    title: str
    description: str
    caption: str
    svg: str
    size: tuple[int, int]


Block = str | Table | Figure


@dataclass(frozen=True)
class Section:
    """A part of the report under a heading. ``long_lists``: the rows behind its figures, which only a workbook has."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    is_short: bool = False
    long_lists: tuple[Table, ...] = ()

    @property
    def tables(self) -> list[Table]:
        """The tables of the section, in order."""
        return [b for b in self.blocks if isinstance(b, Table)]


@dataclass(frozen=True)
class LiveMap:
    """The interactive map of the page: sentences above it, what its script reads (plain values), and the same facts as tables."""

    paragraphs: tuple[str, ...]
    data: Mapping[str, Any]
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Note:
    """A whole report. ``banner``: pairs of label and value above the title; ``warnings``: what must be read before any figure.

    ``live``: makes the map of the page that can be moved and asked, after the maps that stand still; no other format asks for it.
    """

    title: str
    subtitle: str
    banner: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    warnings: tuple[str, ...] = ()
    audience: Audience = INTERNAL
    language: Language = "fr"
    live: Callable[[], LiveMap] | None = None

    @property
    def tables(self) -> list[Table]:
        """Every table, in order."""
        return [t for s in self.sections for t in s.tables]

    @property
    def lists(self) -> frozenset[str]:
        """The anchors of the tables, to which the figures of others may lead."""
        return frozenset(t.anchor for t in self.tables)

    @property
    def every_table(self) -> list[Table]:
        """Every table of a workbook: the lists too that are too long for a document."""
        return [*self.tables, *(t for s in self.sections for t in s.long_lists)]


def text(value: Any, unit: Unit = "count", language: Language = "fr") -> str:  # noqa: ANN401
    """Write one value: ``1 234,5``, ``+29``, ``8,1 %``, ``280 (280 à 306)``, ``31/03/2019``; null is « inconnu ».

    In English ``1,234.5``, ``8.1%``, ``280 (280 to 306)``, ``2019-03-31``.
    """
    if isinstance(value, Bounded):
        return written(value, lambda side: number(side, unit, language), language)
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return WORDS[language][value]
    if isinstance(value, date):
        return numeric_day(value, language)
    return number(value, unit, language)


def number(value: float, unit: Unit = "count", language: Language = "fr") -> str:
    """Write a number: thousands apart, decimals after the mark of the language, a true minus sign."""
    scaled = Decimal(repr(float(value))) * (100 if unit == "share" else 1)
    decimals = DECIMALS.get(unit, 0)
    rounded = scaled.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    whole, _, rest = f"{abs(rounded):,.{decimals}f}".partition(".")
    digits = f"{whole}.{rest}".rstrip("0").rstrip(".") if rest else whole
    sign = MINUS if rounded < 0 else "+" if unit == "signed" and rounded > 0 else ""
    return sign + with_signs(f"{digits}%" if unit == "share" else digits, language)


def single_line(words: str) -> str:
    """Write a text on one line: control and direction characters become spaces, no-break spaces stay.

    No line ends before a French ``:``, ``;``, ``!``, ``?``, ``%`` or ``»``, nor after ``«``.
    """
    composed = NARROW.sub(THIN, WIDE.sub(NO_BREAK, unicodedata.normalize("NFC", words)))
    return "".join(c if c.isprintable() or c in (THIN, NO_BREAK) else " " for c in composed)


def ratio(part: float | None, of: float | None) -> float | str | None:
    """Return a rate on a base; a dash on a base under twenty, null where either is unknown."""
    if part is None or of is None:
        return None
    return part / of if of >= MIN_RATE_BASE else NOT_SHOWN
