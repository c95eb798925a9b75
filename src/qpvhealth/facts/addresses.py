"""Words of French addresses that sources write in several ways."""

from __future__ import annotations

from qpvhealth.facts import lists

_LIST = lists.load("addresses", ("small_words", "abbreviations"))
ABBREVIATIONS: dict[str, str] = _LIST["abbreviations"]
"""By abbreviation, the word in full."""
SMALL_WORDS = frozenset(_LIST["small_words"])
"""Left out when two addresses or names are compared."""
