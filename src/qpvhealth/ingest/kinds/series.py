"""Already published series (Baromètre…): one row per indicator, area and date, kept as published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

if TYPE_CHECKING:
    from collections.abc import Collection

    from qpvhealth.ingest.layouts import Layout
    from qpvhealth.ingest.readers.raw import RawTable

KIND = Kind("series", "series", lambda raw, layout: layout in _fitting(raw))
LEVELS = ("department", "region", "country")
SEVERAL = "maille"
OTHER, OBSERVED = "other", "observed"
COUNTRY = "FR"


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read one file of a series: ``name``, ``release``, ``indicator``, ``level``, ``area_code``, ``date``, ``value``, ``unit``.

    The level is that of the layout: a column of départements, of regions, or neither; or each row names its own, beside the code of
    its area (``DEPT-01``, ``01``). A target or a value at the start is out of scope, where a column says which values are, and so is a level
    of another kind (EPCI). A row without date or value is rejected;
    nothing is filled: a row that is not there is absent, not zero. Raises UsageError when no layout fits.
    """
    raw = tables.read(card)
    layouts = _fitting(raw, card.columns)
    return stage(card, corrections, KIND, _clean, compare_by="indicator", raw=raw, layouts=layouts)


def _fitting(raw: RawTable, mapped: Collection[str] = ()) -> tuple[Layout, ...]:
    """Return the layouts that a file may be of: that of several levels alone where its columns are there, else the others."""
    several = next(layout for layout in KIND.layouts if layout.fields[0].name == SEVERAL)
    if set(several.missing(list(raw.frame.columns))) <= set(mapped):
        return (several,)
    return tuple(layout for layout in KIND.layouts if layout != several)


def _clean(sieve: Sieve) -> pd.DataFrame:
    text = sieve.text
    one = next((level for level in LEVELS if level in text), "area")
    level: pd.Series | str = sieve.coded(SEVERAL) if one == "area" else one
    sieve.leave_out(pd.Series(level, index=text.index) == OTHER, "a level of another kind")
    of_type = sieve.coded("value_type")
    sieve.leave_out(of_type.notna() & (of_type != OBSERVED), "value of type " + text["value_type"].fillna(""))
    days, bad_days, _ = cleaning.dates(text["date"])
    (values, bad_values, _), _ = cleaning.numbers(text["value"])
    sieve.reject(bad_days | text["date"].isna(), "value-unreadable", 'date "{}"', text["date"])
    sieve.reject(bad_values, "value-unreadable", 'value "{}"', text["value"])
    sieve.reject(text["value"].isna() | text["indicator"].isna(), "value-missing", "no value, or no indicator")
    area = cleaning.whole(text[one]).str.upper()
    area = (
        area.str.replace(r"^(?:DEPT?|REG)-", "", regex=True)
        .str.replace(r"^(\d)$", r"0\1", regex=True)
        .fillna(NO_REGION)
    )
    frame = pd.DataFrame({"indicator": text["indicator"], "level": level, "area_code": area, "unit": text["unit"]})
    sieve.reject(frame["level"].isna(), "value-missing", "no level")
    frame["area_code"] = area.mask(frame["level"] == "country", COUNTRY)
    if one == "country":
        words = sieve.kind.coded[SEVERAL].words
        of_area = text[one].map(
            lambda cell: words.get(cleaning.word(cell)) in ("region", "department"), na_action="ignore"
        )
        if of_area.eq(True).any():
            raise UsageError(
                f"{sieve.where}: it gives regions or départements too; name the column of their codes as area, and that of"
                " the levels as maille, under [source.columns]"
            )
    return frame.assign(name=sieve.card["name"], release=sieve.card["release"], date=days, value=values)


def combine(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the files of all series together. Raises UsageError when two give one cell of one release."""
    whole = KIND.together(frames)
    twice = whole[whole.duplicated(["name", "release", "indicator", "level", "area_code", "date"])]
    if len(twice):
        shown = ", ".join(sorted(twice["name"] + " " + twice["release"])[:3])
        raise UsageError(f"series: two values for one indicator, area and date in {shown}; give each file its release")
    return whole
