"""The sentences of the report, one file a language (``words.fr.toml``): numbers as its readers write them, singular and plural agreed."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from qpvhealth.publish.report.content import text

if TYPE_CHECKING:
    from qpvhealth.publish.sentences import Language

_CHOICE = re.compile(r"\[(\w+):([^|\]]*)\|([^\]]*)\]")


@cache
def _sentences(language: Language) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(f"words.{language}.toml").read_text(encoding="utf-8"))


def say(key: str, language: Language = "fr", /, **facts: Any) -> str:  # noqa: ANN401
    """Write the sentence ``section.name`` with these facts.

    ``{n}`` is replaced by the text of a number, ``[n:structure|structures]`` by the word that agrees with it (0 and 1 are singular in
    French, 1 alone in English). Raises KeyError for a sentence or a fact that is not there.
    """
    section, _, name = key.partition(".")
    sentence = _sentences(language)[section][name]
    chosen = _CHOICE.sub(lambda m: m[2] if _is_singular(facts[m[1]], language) else m[3], sentence)
    return str(chosen.format(**{k: text(v, language=language) for k, v in facts.items()}))


def _is_singular(value: Any, language: Language) -> bool:  # noqa: ANN401
    size = abs(float(getattr(value, "value", value) or 0))
    return size < 2 if language == "fr" else size == 1  # noqa: PLR2004


def lines(key: str, language: Language = "fr") -> tuple[str, ...]:
    """Return the sentences of a list, as they are."""
    section, _, name = key.partition(".")
    return tuple(_sentences(language)[section][name])


def sheet(anchor: str, language: Language = "fr") -> str:
    """Name the sheet of a table: ``tableau-1`` is « Tableau 1 »; a table that has no name of its own is named after its anchor."""
    names = _sentences(language)["sheets"]
    own, _, number = anchor.rpartition("-")
    if anchor not in names and own in names and number.isdigit():
        return f"{names[own]} {number}"
    return str(names.get(anchor) or anchor.replace("-", " ").capitalize())
