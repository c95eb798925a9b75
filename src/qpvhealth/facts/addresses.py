"""Words of French addresses that sources write in several ways."""

from __future__ import annotations

from qpvhealth.facts import lists

_LIST = lists.load("addresses", ("small_words", "postal", "parts", "abbreviations"))
ABBREVIATIONS: dict[str, str] = _LIST["abbreviations"]
"""By abbreviation, the word in full."""
POSTAL, PARTS = frozenset(_LIST["postal"]), frozenset(_LIST["parts"])
"""With the number after them, or the letter after a part of a building: no other place."""
SMALL_WORDS = frozenset(_LIST["small_words"])
"""Left out when two addresses or names are compared."""
