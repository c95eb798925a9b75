"""Published figures held against a release: reproduced, differs by k, or cannot be compared, because.

A figure is held against the one cell of the denominator and scope matrix that has its date, perimeter, scope and rule. Where it
differs, the cells that agree with it are named: compatible, never equal, since some agree by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.published import (
    DOCUMENTS,
    NO_DATE,
    NO_PERIMETER,
    NO_SCOPE,
    PERIMETER_SETS,
    SERIES_TYPES,
    Published,
)
from qpvhealth.facts.territories import REGIONS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping
    from datetime import date

    from qpvhealth.facts.published import OfGps

REPRODUCED, DIFFERS, NOT_COMPARABLE = "reproduit", "diffère", "non comparable"
QPV_SCOPE = "qpv"
MOST_COMPATIBLE = 3
EXACT = 1e-9
TITLES: dict[str, str] = {
    "id": "Chiffre",
    "document": "Document",
    "words": "Ce qu'il dit",
    "said": "Imprimé",
    "verdict": "Verdict",
    "ours": "Ici",
    "difference": "Écart",
    "because": "Pourquoi, ou dans quelle lecture",
    "compatible_with": "Compatible avec",
    "n_unknown": "Inconnus",
    "perimeter": "Périmètre",
    "scope": "Champ",
    "near": "Proximité",
    "on": "Date",
    "second_hand": "De seconde main",
    "note": "Remarque",
    "data": "Données",
}


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
    *,
    invented: bool = False,
) -> pd.DataFrame:
    """Hold each figure against the matrix of a release: one row per figure, columns of ``TITLES``.

    ``cells``: the matrix. ``extracts``: year, reference date and what each covers. ``gps``: year, level, area_code, ``density``,
    ``share_over_55`` and ``masked``, where practitioners are given. A figure whose date is not readable is held in the reading that
    the facts declare, and the row says that it is a conjecture.
    """
    rows = [_row(figure, judge(figure, cells, extracts, gps)) for figure in figures]
    frame = pd.DataFrame(rows).assign(data="inventées" if invented else "")
    return frame[[*TITLES]].astype({"on": "datetime64[s]"})


SERIES_TITLES: dict[str, str] = {
    "name": "Série",
    "release": "Édition",
    "indicator": "Indicateur",
    "level": "Niveau",
    "date": "Date",
    "n": "Valeurs",
    "verdict": "Verdict",
    "n_equal": "Égales",
    "difference": "Somme des écarts",
    "because": "Pourquoi",
    "data": "Données",
}


def check_series(
    series: pd.DataFrame, counts: pd.DataFrame, extracts: pd.DataFrame, *, invented: bool = False
) -> pd.DataFrame:
    """Hold published series against the counts of a release, area by area, joined on the month.

    ``series``: name, release, indicator, level, area_code, date, value. ``counts``: ``yearly_counts``. Returns one row per series,
    level and date. An area that the series does not have is absent, not zero, and is not compared; nor is one that the extract does not
    cover whole.
    """
    whole = counts[(counts["generation"] == IN_FORCE) & (counts[["modality", "situation"]] == "all").all(axis=1)]
    totals = whole.set_index(["year", "level", "area_code", "structure_type"])["n_structures"]
    keys = ["name", "release", "indicator", "level", "date"]
    rows = [
        dict(zip(keys, key, strict=True)) | {"n": len(part)} | _of_series(part, totals, extracts)
        for key, part in series.groupby(keys)
    ]
    return pd.DataFrame(rows, columns=[*SERIES_TITLES]).assign(data="inventées" if invented else "")


def _of_series(part: pd.DataFrame, totals: pd.Series, extracts: pd.DataFrame) -> dict[str, object]:
    kind, on = SERIES_TYPES.get(str(part["indicator"].iloc[0])), part["date"].iloc[0]
    if kind is None:
        return {"verdict": NOT_COMPARABLE, "because": f"{NO_SCOPE} : ce que compte la série n'est pas dans l'extrait"}
    days = extracts["reference_date"]
    held = extracts[(days.dt.year == on.year) & (days.dt.month == on.month)]
    if held.empty:
        return {"verdict": NOT_COMPARABLE, "because": f"{NO_DATE} : aucun extrait de {on:%m/%Y}"}
    year, level = held["year"].iloc[0], part["level"].iloc[0]
    compared = part[_covered(part["area_code"], str(level), held["covers"].iloc[0])]
    if compared.empty:
        return {
            "verdict": NOT_COMPARABLE,
            "because": f"{NO_PERIMETER} : l'extrait de {on:%m/%Y} ne couvre aucune de ces zones",
        }
    left = len(part) - len(compared)
    part, because = compared, f"{left} zones que l'extrait ne couvre pas, laissées de côté" if left else ""
    ours = pd.Series([totals.get((year, level, a, kind), 0) for a in part["area_code"]], index=part.index)
    gap = (ours - part["value"]).astype("float64")
    same = int((gap == 0).sum())
    told = {"n_equal": same, "difference": float(gap.sum())}
    return told | {"n": len(part), "verdict": REPRODUCED if same == len(part) else DIFFERS, "because": because}


def _covered(areas: pd.Series, level: str, covers: object) -> pd.Series:
    """Say which areas an extract covers whole; ``covers``: its départements, comma-separated, null for everything."""
    if not isinstance(covers, str):
        return pd.Series(data=True, index=areas.index)
    held = set(covers.split(","))
    whole = {code for code, (_, departments) in REGIONS.items() if held.issuperset(departments)}
    return areas.isin({"department": held, "region": whole}.get(level, set()))


def differing(held: pd.DataFrame) -> bool:
    """Say whether some figure differs."""
    return bool((held["verdict"] == DIFFERS).any())


def _row(figure: Published, judged: Judged) -> dict[str, object]:
    known = {k: getattr(figure, k) for k in ("id", "words", "said", "second_hand", "note", "scope", "near")}
    reading = figure.reading
    on = reading.on if reading and figure.on is None else figure.on
    where = PERIMETER_SETS[figure.perimeter].words if figure.measure else ""
    told = {"document": DOCUMENTS.get(figure.document, figure.document), "on": on, "perimeter": where}
    return {**known, **told, **judged._asdict()}


def judge(figure: Published, cells: pd.DataFrame, extracts: pd.DataFrame, gps: pd.DataFrame | None = None) -> Judged:
    """Judge one figure."""
    if figure.gps is not None and gps is not None and len(gps):
        return _of_gps(figure, figure.gps, gps)
    if figure.measure is None:
        return Judged(NOT_COMPARABLE, f"{figure.obstacle} : {figure.why_not}")
    on = figure.on or (figure.reading.on if figure.reading else None)
    if on is None:
        return Judged(NOT_COMPARABLE, f"{NO_DATE} : {figure.note}", compatible_with=_compatible(figure, cells))
    now, obstacle = _cell(figure, cells, extracts, on)
    before, missing = (None, "") if figure.since is None else _cell(figure, cells, extracts, figure.since)
    if now is None or missing:
        return Judged(NOT_COMPARABLE, obstacle or missing)
    ours = float(now["value"]) - (0.0 if before is None else float(before["value"]))
    unknown = int(now["n_unknown"]) + (0 if before is None else int(before["n_unknown"]))
    return _compared(figure, ours, unknown, cells)


def _of_gps(figure: Published, asked: OfGps, gps: pd.DataFrame) -> Judged:
    """Hold a figure about GPs against the vintage nearest to the years of its document; outside them, show it and do not judge."""
    area = f"{asked.level} {asked.area_code}"
    mine = gps[(gps["level"] == asked.level) & (gps["area_code"] == asked.area_code)]
    if mine.empty:
        return Judged(NOT_COMPARABLE, f"{NO_PERIMETER} : aucun généraliste donné pour {area}")
    first, last = asked.period
    far = (first - mine["year"]).clip(lower=0) + (mine["year"] - last).clip(lower=0)
    nearest = mine.iloc[int(far.argmin())]
    year, ours = int(nearest["year"]), nearest[asked.measure]
    if pd.isna(ours):
        why = nearest["masked"] or "la source ne le donne pas"
        return Judged(NOT_COMPARABLE, f"{area}, généralistes de {year} : inconnu ({why})")
    gap = round(float(ours) - figure.value, 6)
    if not first <= year <= last:
        return Judged(
            NOT_COMPARABLE, f"{NO_DATE} : généralistes de {year}, document de {first}-{last}", float(ours), gap
        )
    same = abs(gap) <= figure.tolerance + EXACT
    told = f"{area}, généralistes de {year}"
    return Judged(REPRODUCED if same else DIFFERS, told, float(ours), 0.0 if same else gap)


def _compared(figure: Published, ours: float, unknown: int, cells: pd.DataFrame) -> Judged:
    reading = figure.reading.words if figure.reading else ""
    if abs(ours - figure.value) <= figure.tolerance + EXACT:
        return Judged(REPRODUCED, reading, ours, 0.0, unknown)
    others = "" if figure.since else _compatible(figure, cells)
    within = ""
    if figure.unit != "share" and ours < figure.value <= ours + unknown:
        within = f"dans l'intervalle que laissent {unknown} inconnus"
    because = " ; ".join(filter(None, (reading, within)))
    return Judged(DIFFERS, because, ours, round(ours - figure.value, 6), unknown, others)


def _cell(figure: Published, cells: pd.DataFrame, extracts: pd.DataFrame, on: date) -> tuple[pd.Series | None, str]:
    """Find the cell of a figure at a date; else say what stands in the way."""
    scope = figure.reading.scope if figure.reading else figure.scope
    at, obstacle = _at_date(figure, cells, extracts, on)
    if obstacle:
        return None, obstacle
    asked = PERIMETER_SETS[figure.perimeter].words
    if (at := at[at["perimeter"] == figure.perimeter]).empty:
        return None, f"{NO_PERIMETER} : cette version n'a pas « {asked} »"
    if (at := at[at["measure"] == figure.measure]).empty:
        return None, f"{NO_PERIMETER} : cette version n'a pas de quoi compter cela (liste, zonage ou générations)"
    if (at := at[(at["scope"] == scope) & (at["near"] == figure.near)]).empty:
        return None, f"{NO_SCOPE} : « {scope}, {figure.near} » n'est pas calculé"
    cell = at.iloc[0]
    return (None, "inconnu : aucune réponse d'ARS, ou rien de connu") if pd.isna(cell["value"]) else (cell, "")


def _at_date(figure: Published, cells: pd.DataFrame, extracts: pd.DataFrame, on: date) -> tuple[pd.DataFrame, str]:
    """Keep the cells of the month of a figure, counting structures; perimeters alone have no date but what is in force."""
    alone = cells["counted"] == "structures"
    if figure.scope == QPV_SCOPE:
        dated = cells["year"].isna() | (cells["year"] == on.year)
        return cells[alone & dated & (cells["scope"] == QPV_SCOPE)], ""
    days = extracts["reference_date"]
    held = extracts[(days.dt.year == on.year) & (days.dt.month == on.month)]
    if held.empty:
        known = ", ".join(f"{d:%m/%Y}" for d in days) or "aucun"
        return cells, f"{NO_DATE} : aucun extrait de {on:%m/%Y} (extraits : {known})"
    if isinstance(held["covers"].iloc[0], str):
        return cells, f"{NO_PERIMETER} : l'extrait de {on:%m/%Y} ne couvre pas tout le pays"
    return cells[alone & (cells["year"] == held["year"].iloc[0])], ""


def _compatible(figure: Published, cells: pd.DataFrame) -> str:
    """Name the first cells of the same measure that agree with a figure, the same year and set first."""
    same = cells[
        (cells["measure"] == figure.measure) & ((cells["value"] - figure.value).abs() <= figure.tolerance + EXACT)
    ]
    same = same[(same["scope"] == QPV_SCOPE) == (figure.scope == QPV_SCOPE)]
    if same.empty:
        return ""
    year = figure.on.year if figure.on else None
    far = (same["year"] != year).fillna(value=True).astype(int) + (same["perimeter"] != figure.perimeter).astype(int)
    first = same.assign(far=far).sort_values(["far", "year", "perimeter"], kind="stable").head(MOST_COMPATIBLE)
    named = [_named(row) for row in first.to_dict("records")]
    more = len(same) - len(named)
    return " | ".join(named) + (f" | et {more} autres" if more else "")


def _named(row: Mapping[Hashable, Any]) -> str:
    """Name a cell by its choices."""
    year = "" if pd.isna(row["year"]) else f"{row['year']:.0f}, "
    return f"{year}{row['perimeter']}, {row['scope']}, {row['near']}, {row['counted']}"
