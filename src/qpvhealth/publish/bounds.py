"""A figure with bounds: what it is, what it could be at least and at most, and how the three are written wherever people read them.

Data files have three numbers: a column, and those named after it with ``_lower`` and ``_upper`` (of ``value``: ``lower``, ``upper``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SIDES = ("lower", "upper")
TITLES: dict[str, dict[str, str]] = {
    "fr": {"lower": "{}, au moins", "upper": "{}, au plus"},
    "en": {"lower": "{}, at least", "upper": "{}, at most"},
}
"""The title of a bound after that of its figure."""
FORMS: dict[str, dict[str, str]] = {
    "fr": {"unknown": "inconnu", "between": "{} à {}", "most": "au plus {}", "least": "au moins {}", "more": "ou plus"},
    "en": {
        "unknown": "unknown",
        "between": "{} to {}",
        "most": "at most {}",
        "least": "at least {}",
        "more": "or more",
    },
}


@dataclass(frozen=True)
class Bounded:
    """A figure with what it could be: at least, and at most; both equal to it where nothing is unknown. Null: unknown itself."""

    value: float | None
    lower: float | None
    upper: float | None

    @property
    def is_exact(self) -> bool:
        """Whether the figure could be nothing else."""
        return self.value is not None and self.value == self.lower == self.upper


def beside(figure: Bounded, write: Callable[[float], str], language: str = "fr") -> str:
    """Write the bounds of a figure as they stand after it: ``(59 à 70)``; empty where it is exact, or has none.

    ``write``: how a number is written there. Bounds that read alike once rounded are not written; of an unknown figure that could be
    0, only the most it could be is; of a figure without a most that could not be less: ``(ou plus)``.
    """
    low, high = figure.lower, figure.upper
    forms = FORMS[language]
    if figure.is_exact or (high is None and (low is None or (figure.value is None and low == 0))):
        return ""
    if low is None or (figure.value is None and low == 0 and high is not None):
        return f"({forms['most'].format(write(high or 0))})"
    if high is None:
        return f"({forms['more'] if figure.value == low else forms['least'].format(write(low))})"
    first, last = write(low), write(high)
    return "" if first == last and figure.value is not None else f"({forms['between'].format(first, last)})"


def written(figure: Bounded, write: Callable[[float], str], language: str = "fr") -> str:
    """Write a figure with its bounds beside it: ``59 (59 à 70)``, ``inconnu (au plus 18)``."""
    alone = FORMS[language]["unknown"] if figure.value is None else write(figure.value)
    return f"{alone} {beside(figure, write, language)}".rstrip()


def parted(text: str) -> tuple[str, str]:
    """Part a written figure from its bounds, which may stand on a line of their own; empty where it has none."""
    alone, _, bounds = text.partition(" (")
    return alone, f"({bounds}" if bounds else ""


def names_of(column: str) -> tuple[str, str]:
    """Return the names of the columns that hold the bounds of a figure's column."""
    low, high = SIDES if column == "value" else (f"{column}_{side}" for side in SIDES)
    return low, high


def of_columns(columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the columns that have bounds, each with the two that hold them."""
    there = list(columns)
    return {column: pair for column in there if {*(pair := names_of(column))} <= {*there}}


def figure_of(column: str) -> tuple[str, str] | None:
    """Return the column whose bound another holds, and which (lower or upper); null for what is no bound."""
    for side in SIDES:
        if column == side:
            return "value", side
        if column.endswith(f"_{side}"):
            return column.removesuffix(f"_{side}"), side
    return None


def titled(column: str, title: str, language: str = "fr") -> dict[str, str]:
    """Return the titles of the bounds of a figure's column."""
    return {name: TITLES[language][side].format(title) for name, side in zip(names_of(column), SIDES, strict=True)}
