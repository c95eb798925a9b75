"""The sources that stand beside structures and perimeters: figures per QPV, practitioners, projects, targets of programmes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.ingest.cards import of_kind
from qpvhealth.ingest.kinds import practitioners, projects, quarter_indicators, targets

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.staging import Staged

READERS = {
    "neighbourhood_indicators": quarter_indicators.read,
    "practitioners": practitioners.read,
    "projects": projects.read,
    "targets": targets.read,
}
KINDS: tuple[str, ...] = tuple(READERS)


def read_all(
    cards: list[Card], known: tuple[Correction, ...], record: Callable[[Staged], pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Read every card of these kinds; return the tables by name. ``record`` keeps the account of each source."""
    read = {kind: [record(READERS[kind](c, known)) for c in of_kind(cards, kind)] for kind in KINDS}
    planned, funding = projects.combine(read["projects"])
    return {
        "neighbourhood_figures": quarter_indicators.combine(read["neighbourhood_indicators"]),
        "practitioners": practitioners.combine(read["practitioners"]),
        "projects": planned,
        "project_funding": funding,
        "programme_targets": targets.combine(read["targets"]),
    }
