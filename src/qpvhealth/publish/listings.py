"""The lists behind the figures, read from a release: QPV without a structure, fragile answers, disagreements, rejects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.publish import areas, selection
from qpvhealth.publish.selection import Filters, View

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release

_STRUCTURE_COLUMNS = ["finess_et", "year", "generation", "name", "structure_type", "commune_code", "department_code"]


def lists(release: Release, name: str, filters: Filters) -> View:
    """Return one of the lists. Raises UsageError for an unknown list, year, generation or area."""
    by_name = {one.__name__: one for one in (uncovered, fragile, disagreements, others, rejects)}
    if name not in by_name:
        raise UsageError(f'unknown list "{name}"; known: {", ".join(by_name)}')
    return by_name[name](release, filters)


def uncovered(release: Release, filters: Filters) -> View:
    """List the QPV surely or possibly without any structure inside, the most populated first."""
    if filters.structure_type:
        raise UsageError("QPV have no type: list uncovered without --type")
    year = filters.year or int(release.table("extracts")["year"].max())
    rows = selection.of_year(release.table("neighbourhood_coverage"), year)
    rows = selection.current(release, rows, year, filters.generation)
    rows = rows[~rows["is_covered_in"].fillna(value=False).astype(bool)]
    rows = areas.within(release, rows, filters).assign(sure=lambda r: r["is_covered_in"].notna())
    columns = ["qpv_code", "name", "generation", "department_code", "region_code", "population", "is_large"]
    columns += ["zone_class", "is_npnru", "nearest_msp_m", "nearest_cds_m", "n_undetermined", "sure"]
    ranked = rows.sort_values(["sure", "population", "qpv_code"], ascending=[False, False, True])
    titles = selection.titles("neighbourhood_coverage", columns) | {"sure": "Sûr (sinon : inconnu)"}
    notes = selection.notes(release, filters.generation or IN_FORCE, year)
    shown = ranked[columns].reset_index(drop=True)
    return View("uncovered", shown, titles, notes, selection.behind("uncovered", shown, release))


def fragile(release: Release, filters: Filters) -> View:
    """List the structures whose situation a plausible error of their point would change, the closest to a limit first."""
    rows = _structures(release, filters)
    rows = rows[rows["is_fragile"].fillna(value=False).astype(bool)]
    rows = rows.assign(margin=rows["border_distance_m"].abs()).sort_values(["margin", "finess_et"])
    columns = ["situation", "nearest_qpv_code", "border_distance_m", "location_precision", "location_error_m"]
    return _structure_view(release, "fragile", rows, columns, filters)


def disagreements(release: Release, filters: Filters) -> View:
    """List the structures whose computed situation is not what the extract itself says, with their distance to the QPV."""
    rows = _structures(release, filters)
    rows = rows[~rows["agrees_with_source"].fillna(value=True).astype(bool)]
    rows = rows.sort_values(["year", "border_distance_m", "finess_et"])
    columns = ["source_says_in_qpv", "source_qpv_code", "situation", "qpv_code", "nearest_qpv_code"]
    columns += ["border_distance_m", "location_precision", "location_source_id", "source_id", "source_row"]
    return _structure_view(release, "disagreements", rows, columns, filters)


def others(release: Release, filters: Filters) -> View:
    """List the structures of types beyond MSP and CdS, with their situation and the QPV they are in or nearest to."""
    rows = _structures(release, filters, prefix="other_").sort_values(["year", "structure_type", "finess_et"])
    columns = ["situation", "qpv_code", "nearest_qpv_code", "distance_m", "vecu_declared", "location_status"]
    return _structure_view(release, "others", rows, columns, filters)


def rejects(release: Release, filters: Filters) -> View:
    """List the rows that could not be used, each with its file, sheet, row, rule and raw text."""
    if any((filters.year, filters.region, filters.department, filters.structure_type)):
        raise UsageError("rejected rows have no year, area or type: they could not be read; list them without a filter")
    rows = release.table("rejects")
    titles, notes = selection.titles("rejects", list(rows.columns)), selection.notes(release, None)
    return View("rejects", rows, titles, notes)


def _structures(release: Release, filters: Filters, *, prefix: str = "") -> pd.DataFrame:
    """Join structures with their location, in the stock, in the perimeters in force unless a generation is asked for."""
    structures = release.table(f"{prefix}structures", geometry=False)
    locations = release.table(f"{prefix}structure_locations")
    rows = structures[structures["is_in_stock"]].merge(locations, on=["finess_et", "year"])
    rows = rows if rows.empty else selection.of_year(rows, filters.year)
    parts = [
        selection.current(release, part, int(str(year)), filters.generation) for year, part in rows.groupby("year")
    ]
    joined = pd.concat(parts, ignore_index=True) if parts else rows
    if filters.structure_type:
        wanted = filters.structure_type.casefold()
        selection.refuse_unknown(wanted, sorted({"msp", "cds", *joined["structure_type"].str.casefold()}), "type")
        joined = joined[joined["structure_type"].str.casefold() == wanted]
    return areas.within(release, joined, filters)


def _structure_view(release: Release, name: str, rows: pd.DataFrame, columns: list[str], filters: Filters) -> View:
    columns = [*_STRUCTURE_COLUMNS, *columns]
    titles = selection.titles("structure_locations", columns) | selection.titles("structures", columns)
    notes = selection.notes(release, filters.generation or IN_FORCE, filters.year)
    shown = rows[columns].reset_index(drop=True)
    return View(name, shown, titles, notes, selection.behind(name, shown, release))
