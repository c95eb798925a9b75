"""Why a release is not as expected: each count of structures that differs, taken apart by cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.errors import QpvhealthError
from qpvhealth.facts.categories import STRUCTURE_TYPES
from qpvhealth.facts.situations import IN_QPV, SITUATIONS, VECU_DECLARED
from qpvhealth.publish import diff, release as releases, selection
from qpvhealth.publish.expectations import CONFORM, name_of
from qpvhealth.publish.selection import View
from qpvhealth.studies import comparison

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qpvhealth.publish.diff import Compared
    from qpvhealth.publish.expectations import Expectations
    from qpvhealth.publish.release import Release

SITUATION_OF_INDICATOR = {"n_in_qpv": IN_QPV, "n_vecu_declared": VECU_DECLARED, "n_country": diff.ALL}
TYPE_OF_SCOPE = {"msp": "MSP", "cds": "CDS", "msp_cds": diff.ALL}
LEVELS = ("country", *diff.LEVELS)
_SINCE_YEAR = (
    "La version dont viennent les chiffres attendus n'est pas ici : causes depuis le millésime précédent, qui n'expliquent pas"
    " l'écart à l'attendu"
)
_NOT_STRUCTURES = "Sans décomposition par cause (elle porte sur les structures, par type et situation) : "


def causes(release: Release, expected: Expectations, compared: pd.DataFrame) -> View:
    """Take the counts that are not as expected apart by cause: one row per figure and cause.

    ``compared``: what ``expectations.compare`` returned for ``expected``. Between the release that the figures were made from and this
    one, for the same vintage, where it is in the same folder: the causes then sum to the difference. Else since the vintage before,
    and a note says so.
    """
    wrong = [r for r, v in zip(expected.rows, compared["verdict"], strict=True) if v != CONFORM]
    cells = {name_of(r): _cell(r) for r in wrong}
    before = _made_from(release, expected.made_from)
    years = {int(r["year"]) for r in wrong if cells[name_of(r)] is not None}
    differences = {year: _difference(release, before, year) for year in years}
    parts = []
    for row in wrong:
        cell, between = cells[name_of(row)], differences.get(int(row["year"]))
        if cell is None or between is None or cell["generation"] not in between.generations:
            continue
        where = diff.Where(cell["generation"], cell["level"], cell["area_code"])
        table = diff.causes_table(between, where, situation=cell["situation"])
        of_type = table[table["structure_type"] == cell["structure_type"]]
        shown = of_type.assign(figure=name_of(row), between=f"{between.old} et {between.new}")
        parts.append(shown)
    titles = selection.titles_of("expected-causes")
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*titles])
    mute = [name for name, cell in cells.items() if cell is None]
    notes = ([_SINCE_YEAR] if parts and before is None else []) + ([_NOT_STRUCTURES + " ; ".join(mute)] if mute else [])
    titles |= {"data": "Données"}
    shown = frame.assign(data="inventées" if release.invented else "")[[*titles]]
    return View("expected-causes", shown, titles, tuple(notes))


def _cell(row: Mapping[str, Any]) -> dict[str, str] | None:
    """Name the stock of structures that a figure counts; null when it counts anything else."""
    if "indicator" in row:
        situation, kind = SITUATION_OF_INDICATOR.get(row["indicator"]), TYPE_OF_SCOPE.get(row["scope"])
    else:
        situation, kind = row["situation"], row["structure_type"] if row["modality"] == diff.ALL else None
    ours = situation in (*SITUATIONS, diff.ALL) and kind in (*STRUCTURE_TYPES, diff.ALL) and row["level"] in LEVELS
    where = {k: str(row[k]) for k in ("generation", "level", "area_code")}
    return {"situation": str(situation), "structure_type": str(kind), **where} if ours else None


def _made_from(release: Release, made_from: Mapping[str, Any]) -> Release | None:
    """Open the release that the figures were made from, where the folder of releases still holds it."""
    name = made_from.get("release")
    try:
        before = releases.open_release(release.folder.parents[1], str(name)) if name else None
    except QpvhealthError:
        return None
    return None if before is None or before.id == release.id else before


def _difference(release: Release, before: Release | None, year: int) -> Compared | None:
    """Account for the changes behind the figures of a vintage; null where there is nothing to compare it with."""
    years = sorted(int(y) for y in release.table("extracts")["year"])
    if year not in years:
        return None
    if before is not None:
        return comparison.releases(before, release, year) if year in set(before.table("extracts")["year"]) else None
    at = years.index(year)
    return comparison.years(release, years[at - 1], year) if at else None
