"""Every rule that can reject a row or raise a warning, read from ``rules.toml``: a stable identifier, and what it means."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources

REJECT, WARNING, STRICT = "reject", "warning", "strict"


@dataclass(frozen=True)
class Rule:
    """One rule. ``level``: reject (the row is not used), warning (it is), strict (an error with ``--strict``).

    In both languages: what it means for the figures, what to do, and an example.
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
    """A rule met while building: how often, out of how many, and one line that says where and what to do."""

    rule: str
    n: int
    message: str
    of: int | None = None

    def as_dict(self) -> dict[str, object]:
        """Return plain values for the manifest."""
        share = round(self.n / self.of, 6) if self.of else None
        return {"rule": self.rule, "n": self.n, "of": self.of, "share": share, "message": self.message}


RULES: dict[str, Rule] = {
    id_: Rule(id_, **texts)
    for id_, texts in tomllib.loads((resources.files(__package__) / "rules.toml").read_text(encoding="utf-8")).items()
}
