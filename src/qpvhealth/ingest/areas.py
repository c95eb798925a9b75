"""What a card says that its file covers, or who answered: regions and départements turned into départements."""

from __future__ import annotations

from qpvhealth.errors import UsageError
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, REGIONS


def departments_of(area: dict[str, tuple[str, ...]] | None, card_id: str) -> frozenset[str] | None:
    """Turn regions and départements into départements; null stands for everything.

    Overseas collectivities without region are covered by naming their département code. Raises UsageError for an unknown code.
    """
    if area is None:
        return None
    unknown = [c for c in area.get("regions", ()) if c not in REGIONS]
    unknown += [c for c in area.get("departments", ()) if c not in DEPARTMENT_TERRITORY]
    if unknown:
        raise UsageError(
            f"card {card_id}: unknown region or département: {', '.join(unknown)}; INSEE codes are expected"
        )
    of_regions = [d for c in area.get("regions", ()) for d in REGIONS[c][1]]
    return frozenset([*of_regions, *area.get("departments", ())])
