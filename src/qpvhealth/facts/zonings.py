"""GP zoning vocabularies: which words a file uses, and the class each stands for.

A value is matched whole, within the one vocabulary that knows every value of its file. An unknown value stops the run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from qpvhealth.facts import lists

ZIP, ZAC = "ZIP", "ZAC"
"""The classes that rules name."""
LEVELS = ("qpv", "tvs", "commune")


@dataclass(frozen=True)
class Vocabulary:
    """The words of one publisher. ``classes`` maps each raw value to its class; null is a known absence of class."""

    name: str
    source: str
    classes: dict[str, str | None]


_LIST = lists.load("zonings", ("classes", "vocabulary", "rejected"))
LABELS_FR: dict[str, str] = _LIST["classes"]
CLASSES = tuple(LABELS_FR)
VOCABULARIES: tuple[Vocabulary, ...] = tuple(
    replace(v, classes={word: zone or None for word, zone in v.classes.items()})
    for v in lists.records(Vocabulary, _LIST["vocabulary"], "zonings.toml: vocabulary")
)
REJECTED_VALUES: dict[str, str] = _LIST["rejected"]
"""Values that no vocabulary may hold, and what each means."""
