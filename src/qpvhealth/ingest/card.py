"""One card: which file it describes, what the file is, and what the analyst says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qpvhealth.facts.territories import REGIONS

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Card:
    """One source. ``options`` holds the keys that its kind allows, ``columns`` and ``values`` its own mappings."""

    id: str
    kind: str
    path: Path
    given_path: str
    options: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401
        """Return one key of the card, which the checks have found present."""
        return self.options[key]

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401
        """Return one key of the card, or a default."""
        return self.options.get(key, default)

    def words(self, column: str) -> dict[str, str] | None:
        """Return what the card says of the words of a coded column; null where it says nothing."""
        return self.values.get(column)

    @property
    def is_invented(self) -> bool:
        """Whether the card says that its data are invented."""
        return bool(self.options.get("invented", False))

    @property
    def shown_path(self) -> str:
        """The path as it may be published: as given when relative, the file name alone when absolute."""
        return Path(self.given_path).name if Path(self.given_path).is_absolute() else self.given_path

    def departments(self) -> frozenset[str] | None:
        """Return the départements that the file covers (``covers``) or that answered (``answered``); null for everything.

        Regions stand for their départements; overseas collectivities without region are named by their département code.
        """
        area = self.options.get("covers", self.options.get("answered"))
        if area is None:
            return None
        regions, departments = ([str(code) for code in area.get(key, ())] for key in ("regions", "departments"))
        return frozenset([*(d for c in regions for d in REGIONS[c][1]), *departments])


def of_kind(cards: Iterable[Card], *kinds: str) -> list[Card]:
    """Select the cards of these kinds, in order."""
    return [c for c in cards if c.kind in kinds]
