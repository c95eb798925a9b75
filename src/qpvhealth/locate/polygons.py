"""The polygons that points are placed among: read from one file, repaired, in the metres of their territories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.contract.schema import refuse_object_texts
from qpvhealth.errors import InputError
from qpvhealth.ingest.cards import Card
from qpvhealth.ingest.kinds import neighbourhoods
from qpvhealth.spatial import perimeters as perimeter_rules
from qpvhealth.spatial.repair import COLLAPSED

if TYPE_CHECKING:
    from pathlib import Path

    from qpvhealth.spatial.proximity import Perimeters

GIVEN = "given"
WORDS = {
    COLLAPSED: "without area once repaired: no point can be inside or near",
    perimeter_rules.MISPLACED: "outside the territory of their code: left out",
}


def read(path: Path) -> tuple[dict[str, Perimeters], list[str]]:
    """Return the usable polygons of a file by territory, and a sentence for each kind that cannot be used.

    Raises InputError for a file that is unsafe or damaged, or of which no polygon can be used; UsageError where pandas reads texts as
    objects.
    """
    refuse_object_texts()
    card = Card("neighbourhoods", "neighbourhoods", path, str(path), {"generation": GIVEN})
    prepared = perimeter_rules.prepare(neighbourhoods.read(card).frame)
    usable = perimeter_rules.usable(prepared, GIVEN)
    if not usable:
        raise InputError(f"{path.name}: no polygon of it can be used; check what was sent")
    counted = {why: prepared.loc[prepared["repair"] == why, "qpv_code"].tolist() for why in WORDS}
    return usable, [
        f"{len(codes)} QPV {WORDS[why]} ({', '.join(map(str, codes[:5]))})" for why, codes in counted.items() if codes
    ]
