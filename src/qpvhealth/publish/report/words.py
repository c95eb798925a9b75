"""The sentences of the report, from ``words.toml``: numbers written in French, singular and plural agreed."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from qpvhealth.publish.report.content import text

_CHOICE = re.compile(r"\[(\w+):([^|\]]*)\|([^\]]*)\]")


@cache
def _sentences() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))


def say(key: str, **facts: Any) -> str:  # noqa: ANN401
    """Write the sentence ``section.name`` with these facts.

    ``{n}`` is replaced by the text of a number, ``[n:structure|structures]`` by the word that agrees with it (in French, 0 and 1 are
    singular). Raises KeyError for a sentence or a fact that is not there.
    """
    section, _, name = key.partition(".")
    chosen = _CHOICE.sub(lambda m: m[2 if abs(_size(facts[m[1]])) < 2 else 3], _sentences()[section][name])  # noqa: PLR2004
    return str(chosen.format(**{k: text(v) for k, v in facts.items()}))


def _size(value: Any) -> float:  # noqa: ANN401
    size = getattr(value, "value", value)
    return 0 if size is None else float(size)


def lines(key: str) -> tuple[str, ...]:
    """Return the sentences of a list, as they are."""
    section, _, name = key.partition(".")
    return tuple(_sentences()[section][name])
