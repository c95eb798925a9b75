"""What the accounts of changes are written in: intervals, sides, situations, and rows that say a cause and its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.facts import causes
from qpvhealth.facts.situations import ELSEWHERE, IN_QPV, NO, VECU_DECLARED, YES

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

AREAS = {"territory": "territory", "region": "region_code", "department": "department_code"}
SIDES = ("from", "to")


@dataclass(frozen=True)
class Interval:
    """Two extracts: years, reference dates, and the départements each covers (null: everything)."""

    from_year: int
    to_year: int
    from_date: date
    to_date: date
    covers_from: Collection[str] | None = None
    covers_to: Collection[str] | None = None

    @property
    def is_backward(self) -> bool:
        """Whether the second extract is the earlier one."""
        return self.from_date > self.to_date

    @property
    def reversed(self) -> Interval:
        """The same two extracts the other way round."""
        return Interval(self.to_year, self.from_year, self.to_date, self.from_date, self.covers_to, self.covers_from)


def situation(place: pd.Series, answer: pd.Series) -> pd.Series:
    """Give the situation from the place and the ARS's answer: inside wins, then the answer, then the place.

    The factored form of ``spatial.situations.resolve``; null where the place is.
    """
    inside = place == IN_QPV
    told = place.mask(~inside & (answer == YES), VECU_DECLARED).mask(~inside & (answer == NO), ELSEWHERE)
    return told.where(place.notna()).astype("str")


def differ(old: pd.Series, new: pd.Series) -> pd.Series:
    """Say where two values are known and differ."""
    return old.notna() & new.notna() & (old != new)


def same(old: pd.Series, new: pd.Series) -> pd.Series:
    """Say where two values are known and equal."""
    return old.notna() & new.notna() & (old == new)


def named_by(rows: pd.DataFrame, tests: tuple[tuple[pd.Series, str, str], ...], otherwise: str) -> pd.DataFrame:
    """Give each row the cause and evidence of the first test that holds; not attributable where none does."""
    holds = [np.asarray(mask, dtype=bool) for mask, _, _ in tests]
    cause = np.select(holds, [c for _, c, _ in tests], causes.NOT_ATTRIBUTABLE)
    evidence = np.select(holds, [e for _, _, e in tests], otherwise)
    return rows.assign(cause=cause, evidence=evidence, **dates(rows))


def dates(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Show the dates of the second extract, of the first where the second gives none."""
    return {day: rows[f"{day}_to"].fillna(rows[f"{day}_from"]) for day in ("opened_on", "closed_on")}


def written(found: pd.DataFrame, start: pd.DataFrame | None, end: pd.DataFrame | None) -> pd.DataFrame:
    """Write changes: the state before and after (null: not in the stock), the cause and its evidence."""
    states = {}
    for side, state in zip(SIDES, (start, end), strict=True):
        for column in ("structure_type", "modality", "vecu_declared", "situation", "place", *AREAS):
            value = pd.Series(None, index=found.index, dtype="str") if state is None else state[column]
            states[f"{column}_{side}"] = value.astype("str")
    kept = [f"{c}_{side}" for c in ("finess_et", "qpv_code", "generation") for side in SIDES]
    kept += ["generation"] if "generation" in found else []
    evidence = ("cause", "evidence", "other_order_differs", "opened_on", "closed_on", "moved_m")
    return found[[*kept, *evidence]].assign(changed=_changed(found), **states)


def _changed(found: pd.DataFrame) -> pd.Series:
    """List which fields differ between the two extracts."""
    fields = ("structure_type", "modality", "postcode", "commune_code", "location_status", "answer")
    said = pd.Series("", index=found.index).mask(found["address_differs"], ",address")
    for field in (*fields, "opened_on", "closed_on"):
        old, new = found[f"{field}_from"], found[f"{field}_to"]
        differ = (old != new) & (old.notna() | new.notna())
        said = said.mask(differ, said + "," + field)
    return said.where(found["in_from"] & found["in_to"], "").str.lstrip(",").replace("", None).astype("str")
