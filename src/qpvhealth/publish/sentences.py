"""A change in words: net where only stocks are known, gross where dates are, and always between two reference dates.

"29 created in 2018" was a difference of two stocks. "Créées", "ouvertes" and "fermées" are said of dated events only; a net
difference says how many entries or exits it takes at least, whatever their cause (domain reference, section 14).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date

Language = Literal["fr", "en"]
MONTHS: dict[Language, tuple[str, ...]] = {
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre"),
        *("novembre", "décembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
        *("November", "December"),
    ),
}


@dataclass(frozen=True)
class Flow:
    """Dated openings and closures, and the net of every other cause."""

    opened: int
    closed: int
    others: int = 0

    @property
    def net(self) -> int:
        """What the stock changes by."""
        return self.opened - self.closed + self.others


def interval(first: date, last: date, language: Language = "fr") -> str:
    """Name an interval by its two reference dates: ``de fin mars 2018 à fin mars 2019``; never by a year."""
    start, end = _day(first, language), _day(last, language)
    if language == "en":
        return f"from {start} to {end}"
    before = "de" if start.startswith("fin ") else "du"
    after = "à" if end.startswith("fin ") else "au"
    return f"{before} {start} {after} {end}"


def net(what: str, opening: int, closing: int, days: tuple[date, date], language: Language = "fr") -> str:
    """Say what two stocks say: ``MSP, de fin mars 2018 à fin mars 2019 : solde net +17 (42 → 59), au moins 17 entrées, toutes causes``.

    ``what`` is counted in the plural, such as ``MSP en QPV``.
    """
    change = closing - opening
    words = _NET[language]
    at_least = words["none"] if change == 0 else words["in" if change > 0 else "out"].format(n=_many(abs(change)))
    said = words["net"].format(change=f"{change:+d}" if change else "0", opening=_many(opening), closing=_many(closing))
    return f"{what}, {interval(*days, language)}{words['colon']}{said}, {_singular(at_least, abs(change), language)}"


def gross(what: str, opening: int, flow: Flow, days: tuple[date, date], language: Language = "fr") -> str:
    """Say what dates say: openings and closures, then the other causes and the net.

    The words of opening and closing stand for structures whose dates lie in the interval, and for no other.
    """
    told = {
        "fr": "ouvertures {o}, fermetures {c} (dates connues), autres causes {x}, soit un solde net de {n} ({a} → {b})",
        "en": "openings {o}, closures {c} (dates known), other causes {x}: net {n} ({a} → {b})",
    }[language]
    said = told.format(
        o=_many(flow.opened),
        c=_many(flow.closed),
        x=_signed(flow.others),
        n=_signed(flow.net),
        a=_many(opening),
        b=_many(opening + flow.net),
    )
    return f"{what}, {interval(*days, language)}{_NET[language]['colon']}{said}"


def undefined(what: str, days: tuple[date, date], language: Language = "fr") -> str:
    """Say that a change cannot be told, because one of the two stocks is unknown: it is not zero."""
    said = {"fr": "variation non définie (un des deux stocks est inconnu)", "en": "undefined (one stock is unknown)"}
    return f"{what}, {interval(*days, language)}{_NET[language]['colon']}{said[language]}"


_NET: dict[Language, dict[str, str]] = {
    "fr": {
        "colon": " : ",
        "net": "solde net {change} ({opening} → {closing})",
        "in": "au moins {n} entrées, toutes causes",
        "out": "au moins {n} sorties, toutes causes",
        "none": "entrées et sorties se compensent, leur nombre n'est pas connu",
    },
    "en": {
        "colon": ": ",
        "net": "net {change} ({opening} → {closing})",
        "in": "at least {n} entries, whatever their cause",
        "out": "at least {n} exits, whatever their cause",
        "none": "entries and exits balance, their number is not known",
    },
}


def _singular(words: str, n: int, language: Language) -> str:
    if n != 1:
        return words
    pairs = {"fr": (("entrées", "entrée"), ("sorties", "sortie")), "en": (("entries", "entry"), ("exits", "exit"))}
    for many, one in pairs[language]:
        words = words.replace(many, one)
    return words


def _signed(n: int) -> str:
    return f"{n:+d}" if n else "0"


def _many(n: int) -> str:
    return f"{n}"


def _day(day: date, language: Language) -> str:
    month = MONTHS[language][day.month - 1]
    if day.day == monthrange(day.year, day.month)[1]:
        return f"fin {month} {day.year}" if language == "fr" else f"end of {month} {day.year}"
    number = "1er" if day.day == 1 and language == "fr" else f"{day.day}"
    return f"{number} {month} {day.year}"
