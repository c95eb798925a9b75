"""Every rule that can reject a row or raise a warning: a stable identifier, and what it means, in ``rules.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

REJECT, WARNING, STRICT, ERROR = "reject", "warning", "strict", "error"


@dataclass(frozen=True)
class Rule:
    """One rule.

    ``level``: reject (the row is not used), warning (it is), strict (``--strict`` publishes nothing unless a card signs it), error
    (the build stops). In both languages: what it means for the figures, what to do, and an example.
    """

    id: str
    level: str
    en: str
    do_en: str
    example_en: str
    fr: str
    do_fr: str
    example_fr: str


@dataclass(frozen=True)
class Finding:
    """A rule met while building: how often, out of how many, and one line that says where and what to do.

    A finding that a card may sign has an ``area`` (FR, region:76, department:31, or what the rule is about), a ``value``, and the
    cards it is about, ``source_ids``; ``signed``: who accepted it, when and why.
    """

    rule: str
    n: int
    message: str
    of: int | None = None
    area: str = ""
    value: str = ""
    source_ids: tuple[str, ...] = ()
    signed: Mapping[str, str] | None = None

    @property
    def is_refused(self) -> bool:
        """Whether ``--strict`` refuses it."""
        return all_rules()[self.rule].level == STRICT and self.signed is None

    def as_dict(self) -> dict[str, object]:
        """Return plain values for the manifest."""
        share = round(self.n / self.of, 6) if self.of else None
        plain = {"rule": self.rule, "n": self.n, "of": self.of, "share": share, "message": self.message}
        signable = {"area": self.area, "value": self.value, "source_ids": list(self.source_ids)} if self.value else {}
        return plain | signable | ({"signed": dict(self.signed)} if self.signed else {})


@cache
def all_rules() -> dict[str, Rule]:
    """Return every rule by its identifier; read when first asked for, which most commands never do."""
    text = (resources.files(__package__) / "rules.toml").read_text(encoding="utf-8")
    return {id_: Rule(id_, **texts) for id_, texts in tomllib.loads(text).items()}
