"""A change in words: net where only stocks are known, gross where dates are, and always between two reference dates.

"29 created in 2018" was a difference of two stocks. "Créées", "ouvertes" and "fermées" are said of dated events only; a net
difference says how many entries or exits it takes at least, whatever their cause (domain reference, section 14).
"""

from __future__ import annotations

import tomllib
from calendar import monthrange
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, Self

from qpvhealth.publish.bounds import Bounded, written

if TYPE_CHECKING:
    from collections.abc import Iterable

Language = Literal["fr", "en"]
THIN = "\u202f"
"""The narrow space at which no line ends."""
SIGNS: dict[Language, dict[int, str]] = {
    "fr": str.maketrans({",": THIN, ".": ",", "%": f"{THIN}%"}),
    "en": {},
}
"""What stands between thousands, before decimals and after a percentage, for the signs that Python writes."""
_WORDS: dict[Language, dict[str, Any]] = tomllib.loads(  # type: ignore[assignment]
    resources.files(__package__).joinpath("sentences.toml").read_text(encoding="utf-8")
)


def with_signs(number: str, language: Language = "fr") -> str:
    """Write a number that Python has written (``1,234.5``, ``8.1%``) with the signs of a language: ``1 234,5``, ``8,1 %``."""
    return number.translate(SIGNS[language])


def numeric_day(day: date, language: Language = "fr") -> str:
    """Write a day in digits: ``31/03/2019``, in English ``2019-03-31``."""
    return f"{day:%d/%m/%Y}" if language == "fr" else f"{day:%Y-%m-%d}"


def interval(first: date, last: date, language: Language = "fr") -> str:
    """Name an interval by its two reference dates: ``de fin mars 2018 à fin mars 2019``; never by a year."""
    return f"{_date('from', first, language)} {_date('to', last, language)}"


def moment(day: date, language: Language = "fr") -> str:
    """Name a reference date in a sentence: ``fin mars 2019``, ``au 1er avril 2020``."""
    return _date("at", day, language)


def month(day: date, language: Language = "fr") -> str:
    """Name the month of a day."""
    return str(_WORDS[language]["months"][day.month - 1])


Stocks = tuple[Bounded, Bounded]
"""At the first of two dates, and at the last."""


def net(
    what: str,
    stocks: Stocks,
    days: tuple[date, date],
    language: Language = "fr",
    *,
    moved: bool = True,
    change: Bounded | None = None,
) -> str:
    """Say what two stocks say: ``MSP, de fin mars 2018 à fin mars 2019 : solde net +17, 42 → 59, au moins 17 entrées, toutes causes``.

    ``what`` is counted in the plural, such as ``MSP en QPV``. Stocks have their bounds beside them, as the change has where ``change``
    gives them. ``moved``: whether anything is there that could balance.
    """
    words, n = _WORDS[language], _difference(stocks)
    form = "in" if n > 0 else "out" if n < 0 else "none"
    if not moved and not n:
        form = "still"
    at_least = words["at_least"][f"one_{form}" if abs(n) == 1 else form].format(n=abs(n))
    return str(words["net"].format(what=what, at_least=at_least, **_facts(stocks, days, language, change)))


def gross(
    what: str,
    stocks: Stocks,
    days: tuple[date, date],
    language: Language = "fr",
    *,
    opened: int,
    closed: int,
    change: Bounded | None = None,
) -> str:
    """Say what dates say: openings and closures, then the other causes and the net.

    The words of opening and closing stand for structures whose dates lie in the interval, and for no other.
    """
    flows = {"opened": opened, "closed": closed, "others": _signed(_difference(stocks) - opened + closed)}
    return str(_WORDS[language]["gross"].format(what=what, **flows, **_facts(stocks, days, language, change)))


def _difference(stocks: Stocks) -> int:
    opening, closing = (int(stock.value or 0) for stock in stocks)
    return closing - opening


def _facts(stocks: Stocks, days: tuple[date, date], language: Language, change: Bounded | None) -> dict[str, str]:
    opening, closing = (written(stock, lambda n: f"{n:.0f}", language) for stock in stocks)
    n = _difference(stocks)
    net_change = change if change is not None and change.value == n else Bounded(n, None, None)
    return {
        "interval": interval(*days, language),
        "opening": opening,
        "closing": closing,
        "net": written(net_change, _signed, language),
    }


def _date(side: str, day: date, language: Language) -> str:
    words = _WORDS[language]
    is_month_end = day.day == monthrange(day.year, day.month)[1]
    form = "month_end" if is_month_end else "first" if day.day == 1 else "day"
    return str(words[side][form].format(day=day.day, month=words["months"][day.month - 1], year=day.year))


def _signed(n: float) -> str:
    return f"{n:+.0f}" if n else "0"


class Sentence(str):
    """A French sentence that has its English: what stands under a table, whose language is known where it is printed."""

    __slots__ = ("english",)

    english: str

    def __new__(cls, french: str, english: str) -> Self:
        """Join a sentence and its English."""
        made = super().__new__(cls, french)
        made.english = english
        return made


def note(name: str, /, **facts: Any) -> Sentence:  # noqa: ANN401
    """Return a sentence of ``[fr.notes]`` and ``[en.notes]`` with these facts; a day, or a sentence, is written in each language."""
    return Sentence(
        *(
            _WORDS[lang]["notes"][name].format(**{k: in_language(v, lang) for k, v in facts.items()})
            for lang in ("fr", "en")
        )
    )


def joined(parts: Iterable[str], between: tuple[str, str] = (" ; ", "; ")) -> Sentence:
    """Join sentences in each language, empty ones left out; a text without English stands as it is."""
    texts = [part for part in parts if part]
    english = (text.english if isinstance(text, Sentence) else text for text in texts)
    return Sentence(between[0].join(map(str, texts)), between[1].join(english))


def english_of(texts: Iterable[Any]) -> dict[str, str]:
    """Return the English of each sentence among these values, by its French: what a frame of texts loses."""
    return {str(text): text.english for text in texts if isinstance(text, Sentence)}


def in_language(value: Any, language: Language) -> Any:  # noqa: ANN401
    """Return a sentence or a day in a language, anything else as it is."""
    if isinstance(value, Sentence):
        return str(value) if language == "fr" else value.english
    if isinstance(value, date):
        return numeric_day(value, language)
    return value


def lines_of(section: str, language: Language = "fr") -> dict[str, str]:
    """Return the sentences of a section of ``sentences.toml`` (``flips``, ``explained``), to be filled in."""
    return dict(_WORDS[language][section])
