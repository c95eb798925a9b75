"""What enters a stock and what leaves it: the cause of each, by the first test that holds (``docs/method.md``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts import causes
from qpvhealth.facts.dates import PLACEHOLDERS
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.indicators import accounts, factors
from qpvhealth.rules.proximity import situation

if TYPE_CHECKING:
    from collections.abc import Collection


def entries(rows: pd.DataFrame) -> pd.DataFrame:
    """Name the cause of each structure that is in the second stock and not in the first: ``accounts.steps``."""
    first, last, uncovered = rows["date_from"], rows["date_to"], rows["is_uncovered_from"]
    opened = _reliable(rows["opened_on_to"]).fillna(_reliable(rows["opened_on_from"]))
    between, earlier = (opened > first) & (opened <= last), opened <= first
    was_listed = rows["finess_et_from"].notna()
    aside = was_listed & rows["structure_type_from"].isna()
    tests = (
        (rows["is_linked"], causes.IDENTITY, "a confirmed link splits another record"),
        (between, causes.OPENED, "opened_on lies between the two reference dates"),
        *_scope_tests(rows, aside, "first"),
        (uncovered, causes.COVERAGE, "the first extract does not cover the area"),
        (earlier & was_listed, causes.NOT_ATTRIBUTABLE, "listed as closed in the first extract, as open in the second"),
        (earlier, causes.LATE_REGISTRATION, "opened_on is not after the first reference date"),
        (rows["opened_on_to"].isin(_days()), causes.NOT_ATTRIBUTABLE, "opened_on is a placeholder"),
        (opened.isna(), causes.NOT_ATTRIBUTABLE, "no opening date"),
    )
    other = accounts.differ(
        situation(rows["place_10"], rows["answer_to"]), situation(rows["place_11"], rows["answer_to"])
    )
    explained = accounts.first_test(tests, "opened_on is after the second reference date")
    return accounts.steps(
        rows.index, accounts.OUT, len(factors.FACTORS), explained, other | (between & (uncovered | aside))
    )


def exits(rows: pd.DataFrame) -> pd.DataFrame:
    """Name the cause of each structure that is in the first stock and not in the second: ``accounts.steps``."""
    first, last, uncovered = rows["date_from"], rows["date_to"], rows["is_uncovered_to"]
    closed = _reliable(rows["closed_on_to"]).fillna(_reliable(rows["closed_on_from"]))
    between, earlier = (closed > first) & (closed <= last), closed <= first
    aside = rows["finess_et_to"].notna() & rows["structure_type_to"].isna()
    tests = (
        (rows["is_linked"], causes.IDENTITY, "a confirmed link merges it into another record"),
        (between, causes.CLOSED, "closed_on lies between the two reference dates"),
        (earlier, causes.LATE_DEREGISTRATION, "closed_on is not after the first reference date"),
        *_scope_tests(rows, aside, "second"),
        (uncovered, causes.COVERAGE, "the second extract does not cover the area"),
        (rows["finess_et_to"].isna(), causes.LEFT_EXTRACT, "no longer listed, no closing date"),
    )
    other = accounts.differ(
        situation(rows["place_00"], rows["answer_from"]),
        situation(rows["place_01"], rows["answer_from"]),
    )
    explained = accounts.first_test(tests, "listed as not yet open in the second extract")
    return accounts.steps(rows.index, 0, accounts.OUT, explained, other | (between & (uncovered | aside)))


def _scope_tests(rows: pd.DataFrame, aside: pd.Series, which: str) -> tuple[tuple[pd.Series, str, str], ...]:
    """Test the structures that one extract lists out of scope: what is counted changed, or what the structure is."""
    evidence = f"the {which} extract lists it out of scope"
    return (
        (aside & rows["same_word"], causes.SCOPE, f"{evidence}, under the same type"),
        (aside & rows["one_vocabulary"], causes.RECLASSIFIED, f"{evidence}, under another type"),
        (aside, causes.NOT_ATTRIBUTABLE, f"{evidence}, in words that the other extract does not use"),
    )


def context(
    pairs: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame, interval: accounts.Interval
) -> dict[str, pd.Series | int | pd.Timestamp]:
    """Say of pairs what their two extracts tell together: when they were taken, what they cover, in which words they speak.

    Returns ``from_year`` and ``to_year``, ``date_from`` and ``date_to``; ``is_uncovered_from`` and ``is_uncovered_to`` (the extract of
    that side does not cover the département of the other); ``same_word`` (both write the same type), and ``one_vocabulary`` (one
    extract uses the word of the other).
    """
    years = {"from_year": interval.from_year, "to_year": interval.to_year}
    dates = {"date_from": pd.Timestamp(interval.from_date), "date_to": pd.Timestamp(interval.to_date)}
    uncovered = {
        "is_uncovered_from": _uncovered(pairs["department_code_to"], interval.covers_from),
        "is_uncovered_to": _uncovered(pairs["department_code_from"], interval.covers_to),
    }
    return years | dates | uncovered | _words(pairs, before, after)


def _words(pairs: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> dict[str, pd.Series]:
    """Compare the types as written."""
    words = [pairs[f"type_as_written_{side}"].str.casefold() for side in accounts.SIDES]
    used = [pd.Series(frame["type_as_written"].unique()).str.casefold() for frame in (before, after)]
    shared = words[0].isin(used[1]) | words[1].isin(used[0])
    return {"same_word": accounts.same(*words), "one_vocabulary": words[0].notna() & words[1].notna() & shared}


def _reliable(days: pd.Series) -> pd.Series:
    return days.mask(days.isin(_days()))


def _days() -> list[pd.Timestamp]:
    return [pd.Timestamp(d) for d in PLACEHOLDERS]


def _uncovered(department: pd.Series, covers: Collection[str] | None) -> pd.Series:
    """Say which départements an extract does not cover; an unknown one is not held against it."""
    if covers is None:
        return pd.Series(data=False, index=department.index)
    return department.notna() & (department != NO_REGION) & ~department.isin(list(covers))
