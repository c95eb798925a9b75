"""What the accounts of changes are written in: intervals, sides, situations, and rows that say a cause and its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import unlike
from qpvhealth.facts import causes

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

AREAS = {"territory": "territory", "region": "region_code", "department": "department_code"}
SIDES = ("from", "to")
OUT = -1
"""In place of a number of factors applied: not in the stock."""


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


def differ(old: pd.Series, new: pd.Series) -> pd.Series:
    """Say where two values are known and differ."""
    return old.notna() & new.notna() & (old != new)


def same(old: pd.Series, new: pd.Series) -> pd.Series:
    """Say where two values are known and equal."""
    return old.notna() & new.notna() & (old == new)


Explained = tuple[np.ndarray, np.ndarray]
"""The cause and the evidence of each row."""


def first_test(tests: tuple[tuple[pd.Series, str, str], ...], otherwise: str) -> Explained:
    """Give each row the cause and evidence of the first test that holds; not attributable where none does."""
    holds = [np.asarray(mask, dtype=bool) for mask, _, _ in tests]
    cause = np.select(holds, [c for _, c, _ in tests], causes.NOT_ATTRIBUTABLE)
    return cause, np.select(holds, [e for _, _, e in tests], otherwise)


def steps(
    index: pd.Index, start: int, end: int, cause_and_evidence: Explained, other_order_differs: pd.Series | np.ndarray
) -> pd.DataFrame:
    """Return one step of each row of an index: how many factors are applied before and after it, cause and evidence.

    ``start`` and ``end``: ``OUT`` where the structure is not in the stock before or after.
    """
    cause, evidence = cause_and_evidence
    applied = {"applied_from": start, "applied_to": end}
    explained = {
        "cause": cause,
        "evidence": evidence,
        "other_order_differs": np.asarray(other_order_differs, dtype=bool),
    }
    return pd.DataFrame(applied | explained, index=index)


def changed(rows: pd.DataFrame) -> pd.Series:
    """List which fields differ between the two records of what stays; null where none does."""
    fields = ("structure_type", "modality", "postcode", "commune_code", "location_status", "answer")
    fields_changed = pd.Series("", index=rows.index).mask(rows["address_differs"], ",address")
    for field in (*fields, "opened_on", "closed_on"):
        at = unlike(rows[f"{field}_from"], rows[f"{field}_to"])
        if at.any():
            fields_changed = fields_changed.mask(at, fields_changed + "," + field)
    return fields_changed.where(rows["in_from"] & rows["in_to"], "").str.lstrip(",").replace("", None).astype("str")
