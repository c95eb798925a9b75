"""The points of a delivery: digits that are missing, pairs of a row that disagree, points that moved since the year before."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.facts.situations import LOCATED
from qpvhealth.ingest.deliveries import COUNTRY, MINUTES, finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from qpvhealth.contract.rules import Finding
    from qpvhealth.ingest.deliveries import Limits

JUDGED_POINTS = 20
"""How many points an area must have in both years."""
VECTOR_SHARE, VECTOR_SPREAD, VECTOR_M = 0.5, 0.1, 5.0
"""Points move together where more than half of those that moved are within a tenth of one vector, of 5 m or more (our choices)."""
APART_M = 100.0


def of_points(structures: pd.DataFrame, limits: Limits, rounded_note: str) -> list[Finding]:
    """Compare the points chosen: of each year with the one before, and the two pairs of coordinates of one row.

    ``structures``: one row per structure and year, with ``x`` and ``y`` in the metres of ``territory`` and what ``placement`` says of
    the point. ``rounded_note``: its ``location_note`` where digits are missing.
    """
    findings, read = [], structures[["year", *_READ]]
    years = {year: read[read["year"] == year] for year in read["year"].unique().tolist()}
    for year, rows in years.items():
        apart = rows[(rows["n_location_sources"] == 1) & (rows["location_conflict_m"] > APART_M)]
        rounded = rows[rows["location_note"] == rounded_note]
        of_rounded = f"coordinates of few digits, up to {rounded['location_error_m'].max():.0f} m from the place"
        of_apart = f"two pairs of coordinates in a row, more than {APART_M:g} m apart"
        for rule, some, words in (
            ("delivery-points-disagree", apart, of_apart),
            ("delivery-points-rounded", rounded, of_rounded),
        ):
            if n := len(some):
                text = f"{year}: {words} ({', '.join(some['finess_et'].head(3))})"
                findings.append(finding(rule, n, text, COUNTRY, n, ids=_sources(some), of=len(rows)))
    placed = {year: rows.loc[rows["location_status"] == LOCATED, _PLACED] for year, rows in years.items()}
    for first, last in pairwise(sorted(placed)):
        both = placed[first].merge(placed[last], on=["finess_et", "territory"], suffixes=("_before", ""))
        both = both.assign(east=both["x"] - both["x_before"], north=both["y"] - both["y_before"])
        whole = list(_moved(both, COUNTRY, limits))
        parts = both.groupby("department_code") if not whole else ()
        for area, n, of, words in [*whole, *(m for d, rows in parts for m in _moved(rows, f"department:{d}", limits))]:
            text = f"{first} to {last}: {words}"
            findings.append(finding("delivery-points-moved", n, text, area, n, ids=_sources(placed[last]), of=of))
    return findings


def of_minutes(misread: pd.DataFrame, earlier: Sequence[Finding]) -> list[Finding]:
    """Name the départements whose points are degrees and minutes, but of the sources of which ``earlier`` findings say it.

    ``misread``: of ``spatial.declared.misread_minutes``.
    """
    named = {source for finding in earlier if finding.rule == MINUTES for source in finding.source_ids}
    columns = ["year", "source_id", "department_code", "n", "off_m", "converted_m"]
    rows = misread.loc[~misread["source_id"].isin(named), columns].itertuples(index=False)
    findings = []
    for year, source_id, code, n, off_m, converted_m in rows:
        far = (
            f"{off_m / 1000:.1f} km from the QPV of their communes, {converted_m / 1000:.1f} km once minutes are 60ths"
        )
        words = f"{year}, card {source_id}: degrees and minutes, read as decimals: {far}"
        findings.append(finding(MINUTES, n, words, f"department:{code}", n, ids=[source_id]))
    return findings


_PLACED = ["finess_et", "territory", "department_code", "x", "y", "location_source_id", "source_id"]
_READ = [*_PLACED, "location_status", "location_note", "location_error_m", "location_conflict_m", "n_location_sources"]


def _sources(rows: pd.DataFrame) -> list[str]:
    return sorted({*rows["location_source_id"].dropna(), *rows["source_id"]})


def _moved(rows: pd.DataFrame, area: str, limits: Limits) -> Iterator[tuple[str, int, int, str]]:
    """Yield, where too many points of an area moved, or moved together: how many, of how many, and the common vector in words."""
    east, north, of = rows["east"], rows["north"], len(rows)
    length = np.hypot(east, north)
    moved = length > min(limits["moved_m"], VECTOR_M)
    if of < JUDGED_POINTS or not moved.any():
        return
    x, y = east[moved].median(), north[moved].median()
    spread = np.hypot(east - x, north - y)
    together = moved & (spread <= VECTOR_SPREAD * np.hypot(x, y))
    is_common = together.sum() > max(VECTOR_SHARE * moved.sum(), limits["moved_share"] * of)
    n = int(together.sum() if is_common else (length > limits["moved_m"]).sum())
    if n > limits["moved_share"] * of:
        yield area, n, of, f"points moved together, {x:.0f} m east and {y:.0f} m north" if is_common else "points moved"
