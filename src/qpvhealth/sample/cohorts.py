"""Cohorts: how many structures of each type lived through which places, year after year.

A cohort is written as four words, one per extract (2018, 2019, 2020, 2024), each the place of its structures then:

========== =================================================================================================
``.``      not in the extract
``in``     well inside their neighbourhood of 2015, at least 60 m from its border
``edge``   exactly on its eastern border; ``tie``: on the border that two neighbourhoods share; both are inside
``brim``   7 m inside; ``lip``: 8 m outside; ``rim``: 10 m outside
``near``   60 to 280 m outside; ``wide``: 320 to 950 m outside
``future`` outside every neighbourhood of 2015, inside a new one of 2024
``far``    further than 1 km from any neighbourhood
``vague``  location undetermined, in a commune all of whose neighbourhoods hold stable pluriprofessional centres
``lost``   location unknown too, in a commune without neighbourhoods
``shut``   in the file, closed between the two reference dates; ``early``: closed before the previous one
``soon``   in the file, opening after the reference date
``aside``  in the file, under a type that this extract does not count
========== =================================================================================================

The counts are those published: structures in QPV 42 and 209 (2018), 59 and 221 (2019), 86 and 227 (2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

YEARS = (2018, 2019, 2020, 2024)
REFERENCE_DATES = {
    2018: date(2018, 3, 31),
    2019: date(2019, 3, 31),
    2020: date(2020, 4, 1),
    2024: date(2024, 3, 31),
}
FRANCE = {
    ("MSP", 2018): 1_048,
    ("MSP", 2019): 1_251,
    ("MSP", 2020): 1_478,
    ("MSP", 2024): 2_431,
    ("CDS", 2018): 2_063,
    ("CDS", 2019): 2_188,
    ("CDS", 2020): 2_236,
    ("CDS", 2024): 2_902,
}
"""Stock of France per type and year; 2018 and 2019 as published, 2020 and 2024 invented."""

IN_QPV = {
    ("MSP", 2018): 42,
    ("MSP", 2019): 59,
    ("MSP", 2020): 86,
    ("CDS", 2018): 209,
    ("CDS", 2019): 221,
    ("CDS", 2020): 227,
}
INSIDE = frozenset({"in", "edge", "tie", "brim"})
OUTSIDE_NEAR = frozenset({"lip", "rim", "near", "wide"})
UNDETERMINED = frozenset({"vague", "lost"})
OUT_OF_STOCK = frozenset({".", "shut", "early", "soon", "aside"})


@dataclass(frozen=True)
class Cohort:
    """``n`` structures of one type with the same story.

    ``opened``: ``old`` (long before 2018), ``window`` (between the extract where it appears and the one before), ``late``
    (before that one), ``none`` (no date), ``placeholder``. ``host`` says which neighbourhood each gets: ``own`` (a new
    one), ``shared`` (one that another structure already has), ``mono`` (one of the eleven), ``stable`` (one of a commune to
    be covered in full), ``left`` (one that nobody has in 2020), ``plain`` (any, to stand beside), ``none``.
    ``change`` is one more thing that happens, in ``change_year``: ``number`` (FINESS renumbered), ``type``, ``modality``,
    ``scope`` (a nursing centre, which one extract does not count and the next does), ``merged`` (its record ends in another's),
    ``split`` (its record was part of another's).
    """

    n: int
    type: str
    story: str
    opened: str = "old"
    host: str = "none"
    where: tuple[str, ...] = ()
    modality: str | None = None
    change: str | None = None
    change_year: int | None = None

    @property
    def places(self) -> dict[int, str]:
        """The place of its structures in each extract."""
        return dict(zip(YEARS, self.story.split(), strict=True))


FAR_SEAS = ("978", "987")

MSP_IN_QPV = (
    Cohort(30, "MSP", "in in in in", host="own"),
    Cohort(1, "MSP", "in in in in", host="own", change="number", change_year=2020),
    Cohort(1, "MSP", "in in shut .", host="left"),
    Cohort(1, "MSP", "in in . .", host="left"),
    Cohort(1, "MSP", "in in far far", host="left"),
    Cohort(14, "MSP", ". in in in", opened="window", host="own"),
    Cohort(1, "MSP", ". in in .", opened="late", host="own", where=FAR_SEAS),
    Cohort(2, "MSP", ". in in in", opened="late", host="own"),
    Cohort(2, "MSP", "far in in in", host="own"),
    Cohort(1, "MSP", "near in in in", host="own"),
    Cohort(1, "MSP", "in in in in", host="own", change="number", change_year=2019),
    Cohort(1, "MSP", "in in in in", host="own", where=("974",), change="number", change_year=2019),
    Cohort(1, "MSP", "in in in in", host="own", change="type", change_year=2019),
    Cohort(1, "MSP", "in shut . .", host="left"),
    Cohort(1, "MSP", "in . . .", host="left"),
    Cohort(1, "MSP", "in far far far", host="left"),
    Cohort(1, "MSP", "in near near near", host="left"),
    Cohort(1, "MSP", "edge edge edge .", host="own"),
    Cohort(1, "MSP", "brim brim brim brim", host="own"),
    Cohort(23, "MSP", ". . in in", opened="window", host="own"),
    Cohort(2, "MSP", ". . in in", opened="window", host="own", where=("973", "974")),
    Cohort(2, "MSP", ". . in in", opened="late", host="own"),
    Cohort(1, "MSP", ". far in in", opened="window", host="own"),
    Cohort(1, "MSP", ". vague in in", opened="window", host="stable", where=("971",)),
    Cohort(1, "MSP", "in in in in", host="own", change="type", change_year=2020),
    Cohort(85, "MSP", ". . . in", opened="window", host="plain"),
    Cohort(6, "MSP", ". . . in", opened="late", host="plain"),
)

CDS_IN_QPV = (
    Cohort(60, "CDS", "in in in in", host="stable", modality="pluri"),
    Cohort(27, "CDS", "in in in in", host="own", modality="pluri"),
    Cohort(85, "CDS", "in in in in", host="shared"),
    Cohort(11, "CDS", "in in in in", host="mono", modality="mono"),
    Cohort(2, "CDS", "in in in in", host="own", modality="pluri", change="modality", change_year=2020),
    Cohort(3, "CDS", "in in shut .", host="left"),
    Cohort(2, "CDS", "in in . .", host="left"),
    Cohort(1, "CDS", "in in far far", host="left"),
    Cohort(14, "CDS", ". in in in", opened="window", host="own", modality="pluri"),
    Cohort(3, "CDS", ". in in .", opened="late", host="own", where=("987", "978", "987"), modality="pluri"),
    Cohort(1, "CDS", "far in in in", host="own", where=("974",), modality="pluri"),
    Cohort(1, "CDS", "far in in in", host="own", modality="pluri"),
    Cohort(1, "CDS", "wide in in in", host="own", modality="pluri"),
    Cohort(2, "CDS", "in in in in", host="own", modality="pluri", change="number", change_year=2019),
    Cohort(2, "CDS", "in shut . .", host="left"),
    Cohort(1, "CDS", "in early . .", host="left"),
    Cohort(2, "CDS", "in . . .", host="left"),
    Cohort(1, "CDS", "in far far far", host="left"),
    Cohort(1, "CDS", "in near near near", host="left"),
    Cohort(3, "CDS", "edge edge edge .", host="own", modality="pluri"),
    Cohort(1, "CDS", "tie tie tie .", host="own", modality="pluri"),
    Cohort(3, "CDS", "brim brim brim brim", host="own", modality="pluri"),
    Cohort(9, "CDS", ". . in in", opened="window", host="own", modality="pluri"),
    Cohort(2, "CDS", ". . in in", opened="late", host="shared"),
    Cohort(1, "CDS", ". far in in", opened="late", host="shared"),
    Cohort(1, "CDS", "lost lost in in", host="shared"),
    Cohort(60, "CDS", ". . . in", opened="window", host="plain"),
)

OUTSIDE = (
    Cohort(70, "MSP", "near near near near", host="plain"),
    Cohort(2, "MSP", "lip lip lip lip", host="plain"),
    Cohort(1, "MSP", "rim rim rim rim", host="plain"),
    Cohort(25, "MSP", ". near near near", opened="window", host="plain"),
    Cohort(20, "MSP", ". . near near", opened="window", host="plain"),
    Cohort(30, "MSP", ". . . near", opened="window", host="plain"),
    Cohort(60, "MSP", "wide wide wide wide", host="plain"),
    Cohort(12, "MSP", "future future future future"),
    Cohort(9, "MSP", "vague vague vague vague"),
    Cohort(2, "MSP", "vague vague vague vague", where=("972",)),
    Cohort(6, "MSP", "lost lost lost lost"),
    Cohort(2, "MSP", "soon far far far"),
    Cohort(2, "MSP", ". soon far far"),
    Cohort(4, "MSP", "far shut . ."),
    Cohort(3, "MSP", "far . . ."),
    Cohort(3, "MSP", "far far shut ."),
    Cohort(2, "MSP", "far far early ."),
    Cohort(10, "MSP", "far far far ."),
    Cohort(2, "MSP", ". far far far", opened="none"),
    Cohort(3, "MSP", "far far far far", where=("974", "976"), opened="none"),
    Cohort(1, "MSP", "far far far .", where=("975",)),
    Cohort(1, "MSP", ". far far .", where=("977",), opened="late"),
    Cohort(2, "MSP", ". near near .", where=FAR_SEAS, opened="late", host="plain"),
    Cohort(300, "CDS", "near near near near", host="plain"),
    Cohort(3, "CDS", "lip lip lip lip", host="plain"),
    Cohort(2, "CDS", "rim rim rim rim", host="plain"),
    Cohort(20, "CDS", ". near near near", opened="window", host="plain"),
    Cohort(10, "CDS", ". . near near", opened="late", host="plain"),
    Cohort(40, "CDS", ". . . near", opened="window", host="plain"),
    Cohort(100, "CDS", "wide wide wide wide", host="plain"),
    Cohort(10, "CDS", "future future future future"),
    Cohort(12, "CDS", "vague vague vague vague"),
    Cohort(4, "CDS", "vague vague vague vague", where=("2A", "2B", "971", "972")),
    Cohort(6, "CDS", "lost lost lost lost"),
    Cohort(1, "CDS", "soon far far far"),
    Cohort(3, "CDS", ". soon far far"),
    Cohort(40, "CDS", "far . . ."),
    Cohort(8, "CDS", "far shut . ."),
    Cohort(2, "CDS", "far early . ."),
    Cohort(1, "CDS", "far early . .", where=("974",)),
    Cohort(2, "CDS", ". aside far far", where=("974", "44"), modality="mono", change="scope", change_year=2020),
    Cohort(2, "CDS", "far . . .", where=("974", "44"), change="merged", change_year=2019),
    Cohort(2, "CDS", ". far far far", where=("974", "44"), opened="late", change="split", change_year=2019),
    Cohort(30, "CDS", "far far . ."),
    Cohort(9, "CDS", "far far shut ."),
    Cohort(90, "CDS", "far far far ."),
    Cohort(11, "CDS", ". far far far", opened="placeholder"),
    Cohort(1, "CDS", ". far far far", where=("976",), opened="placeholder"),
    Cohort(3, "CDS", "far far far far", opened="placeholder", modality="mono", change="modality", change_year=2020),
    Cohort(2, "CDS", "far far far far", change="number", change_year=2024),
    Cohort(1, "CDS", "far far far .", where=("975",)),
    Cohort(2, "CDS", ". near near .", where=FAR_SEAS, opened="late", host="plain"),
    Cohort(3, "CDS", ". . . soon"),
)


@cache
def all_cohorts() -> tuple[Cohort, ...]:
    """List the cohorts, then fill each type with structures far from any neighbourhood up to the stock of France."""
    told = (*MSP_IN_QPV, *CDS_IN_QPV, *OUTSIDE)
    return (*told, *_filling("MSP", told), *_filling("CDS", told))


def _filling(kind: str, told: tuple[Cohort, ...]) -> list[Cohort]:
    filled: list[Cohort] = []
    for i, year in enumerate(YEARS):
        missing = FRANCE[kind, year] - sum(
            c.n for c in (*told, *filled) if _type_in(c, year) == kind and _is_in_stock(c, year)
        )
        story = " ".join(["."] * i + ["far"] * (len(YEARS) - i))
        late = 0 if i == 0 else missing // 6
        filled.append(Cohort(missing - late, kind, story, "old" if i == 0 else "window"))
        filled.append(Cohort(late, kind, story, "late"))
    return filled


def _is_in_stock(cohort: Cohort, year: int) -> bool:
    return cohort.places[year] not in OUT_OF_STOCK


def _type_in(cohort: Cohort, year: int) -> str:
    """Give the type of a cohort in a year: those whose type changes were centres before."""
    before = cohort.change == "type" and year < (cohort.change_year or 0)
    return "CDS" if before else cohort.type
