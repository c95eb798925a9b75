"""Tables of a release shown as they are: figures over the years, what perimeters do, what does not agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.publish import areas, selection, sentences
from qpvhealth.publish.selection import Filters, View

if TYPE_CHECKING:
    import pandas as pd

    from qpvhealth.publish.release import Release

SUMS = ["n_then", "n_now", "n_undated"]


def history(release: Release, level: str | None, filters: Filters) -> tuple[View, View]:
    """Return how figures went over the years: the trend against the country's, and each stock as known then and as known now.

    One row per interval, area and type (shift-share); one per year, area and type. Raises UsageError for an unknown level, year,
    generation or area.
    """
    level, generation = areas.level_of(level, filters), selection.generation(release, filters)
    trend = release.table("trend")
    trend = trend[(trend["generation"] == generation) & (trend["level"] == level)].assign(year=trend["to_year"])
    trend = _within(release, selection.of_year(trend, filters.year), filters, level)
    then = selection.of_year(release.table("then_and_now"), filters.year)
    then = then.rename(columns={"department_code": "area_code"})
    then = _within(release, then, Filters(region=filters.region, department=filters.department), "department")
    if level == "country":
        keys = ["year", "structure_type", "known_in", "date"]
        then = then.groupby(keys, as_index=False, dropna=False)[SUMS].sum(min_count=1)
        then["difference"] = then["n_now"] - then["n_then"]
    then = then.rename(columns={"area_code": "department_code"})
    notes = (*selection.notes(release, generation, filters.year), sentences.note("dates"))
    return _view(release, "trend", trend, notes), _view(release, "then_and_now", then, notes)


def perimeters(release: Release, level: str | None, filters: Filters) -> tuple[View, View]:
    """Return what a change of perimeters does to the same structures, and what became of each QPV.

    One row per year, pair of generations, area and type; one per QPV of either generation, or pair of them. Raises UsageError for an
    unknown level, year or area.
    """
    level = areas.level_of(level, filters)
    effect = release.table("perimeter_effect")
    effect = selection.of_year(effect[effect["level"] == level], filters.year)
    fates = release.table("neighbourhood_fates")
    if filters.region or filters.department:
        quarters = release.table("neighbourhoods", geometry=False)
        own = areas.within(release, quarters, filters)["qpv_code"]
        fates = fates[fates["qpv_code_from"].isin(own) | fates["qpv_code_to"].isin(own)]
    notes = selection.header(release, filters.year)
    return (
        _view(release, "perimeter_effect", _within(release, effect, filters, level), notes),
        _view(release, "neighbourhood_fates", fates, notes),
    )


def audit(release: Release, level: str | None, filters: Filters) -> tuple[View, View, View]:
    """Return what does not agree: the extract's own flag against the perimeters, published series between them, identities to confirm.

    Raises UsageError for an unknown level, year, generation or area.
    """
    level, generation = areas.level_of(level, filters), selection.generation(release, filters)
    flags = release.table("flag_agreement")
    flags = flags[(flags["generation"] == generation) & (flags["level"] == level)]
    flags = _within(release, selection.of_year(flags, filters.year), filters, level)
    series, links = release.table("series_audit"), release.table("link_candidates")
    if filters.year is not None:
        links = links[links["to_year"] == filters.year]
    notes = selection.notes(release, generation, filters.year)
    return (
        _view(release, "flag_agreement", flags, notes),
        _view(release, "series_audit", series, selection.header(release)),
        _view(release, "link_candidates", links, selection.header(release, filters.year)),
    )


def _within(release: Release, rows: pd.DataFrame, filters: Filters, level: str) -> pd.DataFrame:
    """Select the rows of a region or département; a table without rows stays one."""
    return rows if rows.empty else areas.within(release, rows, filters, level)


def _view(release: Release, table: str, rows: pd.DataFrame, notes: tuple[str, ...]) -> View:
    titles = selection.titles(table, list(rows.columns))
    shown = rows[list(titles)].reset_index(drop=True)
    name = table.replace("_", "-")
    return View(name, shown, titles, notes, selection.behind(name, shown, release))
