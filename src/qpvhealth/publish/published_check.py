"""Published figures compared with a release: reproduced, differs by k, or cannot be compared, because.

A figure is compared with the one cell of the denominator and scope matrix that has its date, perimeter, scope and rule. Where it
differs, the cells that agree with it are named: compatible, never equal, since some agree by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.perimeter_sets import PERIMETER_SETS
from qpvhealth.facts.published import (
    DOCUMENTS,
    NO_DATE,
    NO_PERIMETER,
    NO_SCOPE,
    SERIES_TYPES,
    Published,
)
from qpvhealth.facts.territories import REGIONS
from qpvhealth.publish import sentences, words
from qpvhealth.publish.selection import titles_of
from qpvhealth.publish.sentences import Sentence, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from qpvhealth.facts.published import OfGps, Reading

REPRODUCED, DIFFERS, NOT_COMPARABLE = "reproduit", "diffère", "non comparable"
QPV_SCOPE = "qpv"
MOST_COMPATIBLE = 3
_CHOICES = ("perimeter", "scope", "near", "counted")
EXACT = 1e-9
TITLES, SERIES_TITLES = titles_of("published"), titles_of("published-series")


class Judged(NamedTuple):
    """A verdict, and what supports it."""

    verdict: str
    because: str = ""
    ours: float | None = None
    difference: float | None = None
    n_unknown: int | None = None
    compatible_with: str = ""


def check(
    figures: Iterable[Published],
    cells: pd.DataFrame,
    extracts: pd.DataFrame,
    gps: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Compare each figure with the matrix of a release: one row per figure, columns of ``TITLES``.

    ``cells``: the matrix. ``extracts``: year, reference date and what each covers. ``gps``: year, level, area_code, ``density``,
    ``share_over_55`` and ``masked``, where practitioners are given. A figure whose date is not readable is compared in the reading
    that the facts declare, and the row says that it is a conjecture.
    """
    cells = cells.astype(dict.fromkeys(("measure", *_CHOICES), "category"))  # each figure then compares numbers
    rows = [
        {
            **{name: getattr(figure, name) for name in ("id", "said", "second_hand", "scope", "near")},
            **{name: in_both(figure, name) for name in ("words", "note")},
            "document": Sentence(*DOCUMENTS.get(figure.document, (figure.document, figure.document))),
            "on": _date(figure),
            "perimeter": _set(figure) if figure.measure else "",
            **judge(figure, cells, extracts, gps)._asdict(),
        }
        for figure in figures
    ]
    return _framed(rows, TITLES).astype({"on": "datetime64[s]"})


def _framed(rows: Sequence[Mapping[str, object]], titles: Iterable[str]) -> pd.DataFrame:
    """Make a frame of rows, with the English of their sentences in its attributes."""
    frame = pd.DataFrame(rows, columns=[*titles])
    frame.attrs["english"] = sentences.english_of(value for row in rows for value in row.values())
    return frame


def in_both(entry: Published | Reading, name: str) -> Sentence:
    """Return a text of a published figure in both languages: in French alone where it has no English."""
    french = getattr(entry, name)
    return Sentence(french, getattr(entry, f"{name}_en") or french)


def _set(figure: Published) -> Sentence:
    chosen = PERIMETER_SETS[figure.perimeter]
    return Sentence(chosen.words, chosen.words_en)


def _why(obstacle: str, name: str, **facts: object) -> Sentence:
    """Say what stands in the way, and how."""
    return joined((words.of_code(obstacle), sentences.note(f"check_{name}", **facts)), (" : ", ": "))


def check_series(series: pd.DataFrame, counts: pd.DataFrame, extracts: pd.DataFrame) -> pd.DataFrame:
    """Compare published series with the counts of a release, area by area, joined on the month.

    ``series``: name, release, indicator, level, area_code, date, value. ``counts``: ``yearly_counts``. Returns one row per series,
    level and date. An area that the series does not have is absent, not zero, and is not compared; nor is one that the extract does not
    cover whole.
    """
    whole = counts[(counts["generation"] == IN_FORCE) & (counts[["modality", "situation"]] == "all").all(axis=1)]
    totals = whole.set_index(["year", "level", "area_code", "structure_type"])["n_structures"]
    keys = ["name", "release", "indicator", "level", "date"]
    rows = [
        dict(zip(keys, key, strict=True)) | {"n": len(part)} | _judge_series(part, totals, extracts)
        for key, part in series.groupby(keys)
    ]
    return _framed(rows, SERIES_TITLES)


def _judge_series(part: pd.DataFrame, totals: pd.Series, extracts: pd.DataFrame) -> dict[str, object]:
    """Judge the values of one series, level and date."""
    first = part.iloc[0]
    structure_type, on, level = SERIES_TYPES.get(str(first["indicator"])), first["date"], str(first["level"])
    if structure_type is None:
        return {"verdict": NOT_COMPARABLE, "because": _why(NO_SCOPE, "series_scope")}
    of_month = _of_month(extracts, on)
    if of_month.empty:
        return {"verdict": NOT_COMPARABLE, "because": _why(NO_DATE, "no_extract", month=f"{on:%m/%Y}")}
    year, covers = of_month["year"].iloc[0], of_month["covers"].iloc[0]
    n_left = 0
    if isinstance(covers, str):  # départements, comma-separated; null for everything
        departments = set(covers.split(","))
        regions = {code for code, (_, members) in REGIONS.items() if departments.issuperset(members)}
        is_covered = part["area_code"].isin({"department": departments, "region": regions}.get(level, set()))
        part, n_left = part[is_covered], int((~is_covered).sum())
    if part.empty:
        return {"verdict": NOT_COMPARABLE, "because": _why(NO_PERIMETER, "no_area", month=f"{on:%m/%Y}")}
    ours = pd.Series([totals.get((year, level, a, structure_type), 0) for a in part["area_code"]], index=part.index)
    gap = (ours - part["value"]).astype("float64")
    n_equal = int((gap == 0).sum())
    return {
        "n": len(part),
        "n_equal": n_equal,
        "difference": float(gap.sum()),
        "verdict": REPRODUCED if n_equal == len(part) else DIFFERS,
        "because": sentences.note("check_left", n=n_left) if n_left else "",
    }


def differing(checked: pd.DataFrame) -> bool:
    """Say whether some figure differs."""
    return bool((checked["verdict"] == DIFFERS).any())


def judge(figure: Published, cells: pd.DataFrame, extracts: pd.DataFrame, gps: pd.DataFrame | None = None) -> Judged:
    """Judge one figure."""
    if figure.gps is not None and gps is not None and len(gps):
        return _judge_gps(figure, figure.gps, gps)
    if figure.measure is None:
        why = joined((words.of_code(figure.obstacle), in_both(figure, "why_not")), (" : ", ": "))
        return Judged(NOT_COMPARABLE, why)
    on = _date(figure)
    if on is None:
        why = joined((words.of_code(NO_DATE), in_both(figure, "note")), (" : ", ": "))
        return Judged(NOT_COMPARABLE, why, compatible_with=_compatible(figure, cells))
    now, obstacle = _cell(figure, cells, extracts, on)
    before, obstacle_before = (None, "") if figure.since is None else _cell(figure, cells, extracts, figure.since)
    if now is None or obstacle_before:
        return Judged(NOT_COMPARABLE, obstacle or obstacle_before)
    ours = float(now["value"]) - (0.0 if before is None else float(before["value"]))
    unknown = int(now["n_unknown"]) + (0 if before is None else int(before["n_unknown"]))
    reading = in_both(figure.reading, "words") if figure.reading else ""
    if abs(ours - figure.value) <= figure.tolerance + EXACT:
        return Judged(REPRODUCED, reading, ours, 0.0, unknown)
    could_agree = figure.unit != "share" and ours < figure.value <= ours + unknown
    within = sentences.note("check_bounds", n=unknown) if could_agree else ""
    others = "" if figure.since else _compatible(figure, cells)
    return Judged(DIFFERS, joined((reading, within)), ours, round(ours - figure.value, 6), unknown, others)


def _judge_gps(figure: Published, counted: OfGps, gps: pd.DataFrame) -> Judged:
    """Compare a figure about GPs with the vintage nearest to the years of its document; outside them, show it and do not judge."""
    area = words.of_code(f"{counted.level}:{counted.area_code}" if counted.level != "country" else counted.area_code)
    of_area = gps[(gps["level"] == counted.level) & (gps["area_code"] == counted.area_code)]
    if of_area.empty:
        return Judged(NOT_COMPARABLE, _why(NO_PERIMETER, "no_gps", area=area))
    first, last = counted.period
    years_away = (first - of_area["year"]).clip(lower=0) + (of_area["year"] - last).clip(lower=0)
    nearest = of_area.iloc[int(years_away.argmin())]
    year, ours = int(nearest["year"]), nearest[counted.measure]
    if pd.isna(ours):
        why = (
            words.masked(nearest["masked"]) if isinstance(nearest["masked"], str) else sentences.note("check_not_given")
        )
        return Judged(NOT_COMPARABLE, sentences.note("check_gps_unknown", area=area, year=year, why=why))
    gap = round(float(ours) - figure.value, 6)
    if not first <= year <= last:
        because = _why(NO_DATE, "gps_years", year=year, first=first, last=last)
        return Judged(NOT_COMPARABLE, because, float(ours), gap)
    is_equal = abs(gap) <= figure.tolerance + EXACT
    verdict = REPRODUCED if is_equal else DIFFERS
    return Judged(verdict, sentences.note("check_gps", area=area, year=year), float(ours), 0.0 if is_equal else gap)


def _date(figure: Published) -> date | None:
    """Return the date of a figure, else that of its reading."""
    return figure.on or (figure.reading.on if figure.reading else None)


def _of_month(extracts: pd.DataFrame, on: date) -> pd.DataFrame:
    days = extracts["reference_date"]
    return pd.DataFrame(extracts[(days.dt.year == on.year) & (days.dt.month == on.month)])


def _cell(figure: Published, cells: pd.DataFrame, extracts: pd.DataFrame, on: date) -> tuple[pd.Series | None, str]:
    """Return the cell that counts structures as a figure does, at a date; else say what stands in the way.

    Figures of perimeters alone have no date but what is in force.
    """
    scope = figure.reading.scope if figure.reading else figure.scope
    at = cells[cells["counted"] == "structures"]
    if figure.scope == QPV_SCOPE:
        at = at[(at["year"].isna() | (at["year"] == on.year)) & (at["scope"] == QPV_SCOPE)]
    else:
        of_month = _of_month(extracts, on)
        if of_month.empty:
            months = ", ".join(f"{d:%m/%Y}" for d in extracts["reference_date"]) or Sentence("aucun", "none")
            return None, _why(NO_DATE, "no_extract_of", month=f"{on:%m/%Y}", months=months)
        if isinstance(of_month["covers"].iloc[0], str):
            return None, _why(NO_PERIMETER, "part", month=f"{on:%m/%Y}")
        at = at[at["year"] == of_month["year"].iloc[0]]
    if (at := at[at["perimeter"] == figure.perimeter]).empty:
        return None, _why(NO_PERIMETER, "no_set", perimeter=_set(figure))
    if (at := at[at["measure"] == figure.measure]).empty:
        return None, _why(NO_PERIMETER, "no_measure")
    if (at := at[(at["scope"] == scope) & (at["near"] == figure.near)]).empty:
        return None, _why(NO_SCOPE, "no_cell", scope=words.of_code(scope), near=words.of_code(figure.near))
    cell = at.iloc[0]
    return (None, sentences.note("check_unknown")) if pd.isna(cell["value"]) else (cell, "")


def _compatible(figure: Published, cells: pd.DataFrame) -> str:
    """Name the first cells of the same measure that agree with a figure by their choices, the same year and set first."""
    agrees = (cells["value"] - figure.value).abs() <= figure.tolerance + EXACT
    of_scope = (cells["scope"] == QPV_SCOPE) == (figure.scope == QPV_SCOPE)
    same = cells[(cells["measure"] == figure.measure) & agrees & of_scope]
    if same.empty:
        return ""
    year = figure.on.year if figure.on else None
    far = (same["year"] != year).fillna(value=True).astype(int) + (same["perimeter"] != figure.perimeter).astype(int)
    first = same.assign(far=far).sort_values(["far", "year", "perimeter"], kind="stable").head(MOST_COMPATIBLE)
    names = [
        ("" if pd.isna(row["year"]) else f"{row['year']:.0f}, ") + ", ".join(row[c] for c in _CHOICES)
        for row in first.to_dict("records")
    ]
    more = len(same) - len(names)
    return " | ".join([*names, *([sentences.note("check_more", n=more)] if more else [])])
