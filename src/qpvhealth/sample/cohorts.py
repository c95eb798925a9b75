"""Cohorts: how many structures of each type live through which places, year after year (``cohorts.csv``).

The story of a cohort is four words, one per extract (2018, 2019, 2020, 2024), each the place of its structures then:

========== =================================================================================================
``.``      not in the extract
``in``     well inside their neighbourhood of 2015, at least 60 m from its border
``edge``   exactly on its eastern border; ``tie``: on the border that two neighbourhoods share; both are inside
``brim``   7 m inside; ``lip``: 8 m outside; ``rim``: 10 m outside
``near``   60 to 280 m outside; ``wide``: 320 to 950 m outside
``future`` outside every neighbourhood of 2015, inside a new one of 2024
``far``    further than 1 km from any neighbourhood
``vague``  location undetermined, in a commune all of whose neighbourhoods have stable pluriprofessional centres
``lost``   location unknown too, in a commune without neighbourhoods
``shut``   in the file, closed between the two reference dates; ``early``: closed before the previous one
``soon``   in the file, opening after the reference date
``aside``  in the file, under a type that this extract does not count
========== =================================================================================================

The counts are those published: structures in QPV 42 and 209 (2018), 59 and 221 (2019), 86 and 227 (2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from qpvhealth.sample.resources import cards, lists, records

if TYPE_CHECKING:
    from datetime import date

YEARS = (2018, 2019, 2020, 2024)
REFERENCE_DATES: dict[int, date] = {year: cards()[f"structures-{year}"]["reference_date"] for year in YEARS}
INSIDE = frozenset({"in", "edge", "tie", "brim"})
OUT_OF_STOCK = frozenset({".", "shut", "early", "soon", "aside"})
FAR_SEAS = ("978", "987")


@dataclass(frozen=True)
class Cohort:
    """``n`` structures of one type with the same story.

    ``opened``: ``old`` (long before 2018), ``window`` (between the extract where it appears and the one before), ``late``
    (before that one), ``none`` (no date), ``placeholder``. ``host`` says which neighbourhood each gets: ``own`` (a new
    one), ``shared`` (one that another structure already has), ``mono`` (one of the eleven), ``stable`` (one of a commune to
    be covered in full), ``left`` (one that nobody has in 2020), ``plain`` (any, to stand next to), ``none``. ``where``: the
    départements, in turn. ``change`` is one more thing that happens, in ``change_year``: ``number`` (FINESS renumbered),
    ``type``, ``modality``, ``scope`` (a nursing centre, which one extract does not count and the next does), ``merged`` (its
    record ends in another's), ``split`` (its record was part of another's).
    """

    n: int
    type: str
    story: str
    opened: str
    host: str = "none"
    where: tuple[str, ...] = ()
    modality: str = ""
    change: str = ""
    change_year: int = 0

    @property
    def places(self) -> dict[int, str]:
        """The place of its structures in each extract."""
        return dict(zip(YEARS, self.story.split(), strict=True))

    def type_in(self, year: int) -> str:
        """Return the type of its structures in a year: those whose type changes were centres before."""
        return "CDS" if self.change == "type" and year < self.change_year else self.type


@cache
def all_cohorts() -> tuple[Cohort, ...]:
    """List the cohorts, then fill each type with structures far from any neighbourhood up to the stock of France."""
    cohorts = []
    for row in records("cohorts.csv"):
        n, where, change_year = int(row.pop("n")), tuple(row.pop("where").split()), int(row.pop("change_year") or 0)
        cohorts.append(Cohort(n, **row, where=where, change_year=change_year))
    for kind, stock in lists("figures.toml")["stock"].items():
        for i, year in enumerate(YEARS):
            listed = sum(c.n for c in cohorts if c.type_in(year) == kind and c.places[year] not in OUT_OF_STOCK)
            missing = stock[str(year)] - listed
            late = missing // 6 if i else 0
            story = " ".join(["."] * i + ["far"] * (len(YEARS) - i))
            cohorts.append(Cohort(missing - late, kind, story, "window" if i else "old"))
            cohorts.append(Cohort(late, kind, story, "late"))
    return tuple(cohorts)
