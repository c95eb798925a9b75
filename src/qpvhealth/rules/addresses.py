"""Addresses and names written one way, so that two spellings of one place are not taken for two places."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from qpvhealth.facts.addresses import ABBREVIATIONS, PARTS, POSTAL, SMALL_WORDS
from qpvhealth.facts.territories import COMMUNE_OF_ARRONDISSEMENT

if TYPE_CHECKING:
    import pandas as pd


def street_key(addresses: pd.Series) -> pd.Series:
    """Write street addresses without case, accents, punctuation, small words or abbreviations; null stays null.

    ``2 R. de l'Église`` and ``2 RUE EGLISE`` give the same key. A leading zero of the number is dropped, and so are
    post-office boxes, buildings and entrances.
    """
    return addresses.map(_street, na_action="ignore").astype("str")


def same_street(left: pd.Series, right: pd.Series) -> pd.Series:
    """Compare street keys; where one has no number, without the number of the other."""
    numbered = [key.str.match(r"\d").fillna(value=False).astype(bool) for key in (left, right)]
    bare = without_number(left), without_number(right)
    return (left == right) | ((numbered[0] != numbered[1]) & (bare[0] == bare[1]))


def without_number(streets: pd.Series) -> pd.Series:
    """Take the number off street keys."""
    return streets.str.replace(r"^\d+ ((BIS|TER|QUATER) )?", "", regex=True)


def name_key(names: pd.Series) -> pd.Series:
    """Write names without case, accents, punctuation or small words; null stays null."""
    return names.map(_name, na_action="ignore").astype("str")


def commune_key(communes: pd.Series) -> pd.Series:
    """Write arrondissements of Paris, Lyon and Marseille as their commune."""
    return communes.map(lambda c: COMMUNE_OF_ARRONDISSEMENT.get(c, c), na_action="ignore").astype("str")


_TO_THE_DOOR = re.compile(
    rf"\b(?:(?:{'|'.join(sorted(POSTAL))}) ?(?:\d{{1,3}} \d{{3}}|\d+)|(?:{'|'.join(sorted(PARTS))})(?: ?\d+[A-Z]?| [A-Z]\d*))\b"
)
"""``BP 12``, ``CS 40 123``, ``BATIMENT B``, ``BAT 12B``, ``BATIMENT A2``, ``ENTREE 2``: what follows is the number of the street."""
_INITIALS = re.compile(r"\b([A-Z])\.(?=[A-Z]\b)")
"""``B.P.``, ``C.S.``: one word."""


@lru_cache(maxsize=262_144)
def _street(text: str) -> str | None:
    tokens = " ".join(re.findall(r"[A-Z0-9]+", _INITIALS.sub(r"\1", _plain(text))))
    words = [ABBREVIATIONS.get(w, w) for w in _words(_TO_THE_DOOR.sub(" ", tokens))]
    return " ".join(w.lstrip("0") or w for w in words if w not in SMALL_WORDS) or None


@lru_cache(maxsize=262_144)
def _name(text: str) -> str | None:
    return " ".join(w for w in _words(_plain(text)) if w not in SMALL_WORDS) or None


def _plain(text: str) -> str:
    """Write a text in capitals without accents."""
    letters = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("Œ", "OE"))
    return "".join(c for c in letters if not unicodedata.combining(c)).upper()


def _words(plain: str) -> list[str]:
    return re.findall(r"\d+|[A-Z]+", plain)
