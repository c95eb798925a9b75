"""A change in words: net where only stocks are known, gross where dates are, and always between two reference dates.

"29 created in 2018" was a difference of two stocks. "Créées", "ouvertes" and "fermées" are said of dated events only; a net
difference says how many entries or exits it takes at least, whatever their cause (domain reference, section 14).
"""

from __future__ import annotations

from calendar import monthrange
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


_WORDS: dict[Language, dict[str, str]] = {
    "fr": {
        "colon": " : ",
        "net": "solde net {net} ({opening} → {closing})",
        "in": "au moins {n} {entries}, toutes causes",
        "out": "au moins {n} {exits}, toutes causes",
        "none": "entrées et sorties se compensent, leur nombre n'est pas connu",
        "gross": "ouvertures {opened}, fermetures {closed} (dates connues), autres causes {others}, soit un solde net de {net}"
        " ({opening} → {closing})",
    },
    "en": {
        "colon": ": ",
        "net": "net {net} ({opening} → {closing})",
        "in": "at least {n} {entries}, whatever their cause",
        "out": "at least {n} {exits}, whatever their cause",
        "none": "entries and exits balance, their number is not known",
        "gross": "openings {opened}, closures {closed} (dates known), other causes {others}: net {net} ({opening} → {closing})",
    },
}
_UNITS: dict[Language, tuple[dict[str, str], dict[str, str]]] = {
    "fr": ({"entries": "entrée", "exits": "sortie"}, {"entries": "entrées", "exits": "sorties"}),
    "en": ({"entries": "entry", "exits": "exit"}, {"entries": "entries", "exits": "exits"}),
}


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
    words, change = _WORDS[language], closing - opening
    balance = words["net"].format(net=_signed(change), opening=opening, closing=closing)
    at_least = words["in" if change > 0 else "out" if change < 0 else "none"]
    units = _UNITS[language][abs(change) != 1]
    return f"{what}, {interval(*days, language)}{words['colon']}{balance}, {at_least.format(n=abs(change), **units)}"


def gross(
    what: str,
    opening: int,
    closing: int,
    days: tuple[date, date],
    language: Language = "fr",
    *,
    opened: int,
    closed: int,
) -> str:
    """Say what dates say: openings and closures, then the other causes and the net.

    The words of opening and closing stand for structures whose dates lie in the interval, and for no other.
    """
    change = closing - opening
    numbers = {"opened": opened, "closed": closed, "others": _signed(change - opened + closed), "net": _signed(change)}
    words = _WORDS[language]
    flows = words["gross"].format(opening=opening, closing=closing, **numbers)
    return f"{what}, {interval(*days, language)}{words['colon']}{flows}"


def _signed(n: int) -> str:
    return f"{n:+d}" if n else "0"


def _day(day: date, language: Language) -> str:
    month = MONTHS[language][day.month - 1]
    if day.day == monthrange(day.year, day.month)[1]:
        return f"fin {month} {day.year}" if language == "fr" else f"end of {month} {day.year}"
    number = "1er" if day.day == 1 and language == "fr" else f"{day.day}"
    return f"{number} {month} {day.year}"
