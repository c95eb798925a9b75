"""The box of each commune of Polynésie française, whose own box is wider than two zones of UTM.

A point that is declared in the next zone moves by six degrees: within the territory that is another island, not another territory.
No box here is six degrees wide, so that such a point leaves the box of its commune. They outline nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from qpvhealth.facts import lists
from qpvhealth.facts.territories import Box  # noqa: TC001 - read from the annotation


@dataclass(frozen=True)
class Islands:
    """Islands, the box around them, and the last two digits of the INSEE codes of their communes."""

    name: str
    box: Box
    communes: tuple[int, ...]


_ISLANDS = lists.records(Islands, lists.load("polynesie", ("islands",))["islands"], "polynesie.toml: islands")
COMMUNE_BOXES: dict[str, Box] = {f"987{n}": islands.box for islands in _ISLANDS for n in islands.communes}
"""By INSEE code of commune: west, south, east, north, in degrees."""
