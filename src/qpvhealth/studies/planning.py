"""Questions of those who plan, asked of a release: which uncovered QPV come first, and what is planned with what money."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.contract.keys import positions
from qpvhealth.errors import UsageError
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.territories import METROPOLE, NO_REGION
from qpvhealth.indicators import density, pipeline_effect, priorities as ranking
from qpvhealth.publish import areas, selection, sentences, words
from qpvhealth.publish.rendering import in_both
from qpvhealth.studies import figures, practices, quarters
from qpvhealth.studies.quarters import COUNTRY, Area

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View

COVERED = {"msp_cds": "is_covered_in", "primary": "is_covered_primary", "near": "is_covered_near"}


def priorities(
    release: Release,
    *,
    year: int | None = None,
    area: Area = COUNTRY,
    scope: str = "msp_cds",
    weights: Mapping[str, float] | None = None,
    limit: int | None = None,
) -> View:
    """Rank the QPV surely without any structure inside, nationally and within an area.

    Ranks are national: an area shows its own part of that list, with its rank in it. ``weights``: those to change; the others keep
    theirs, and 0 leaves a criterion out. Raises UsageError for an unknown scope, weight or area, or a negative weight.
    """
    if scope not in COVERED or (unknown := sorted(set(weights or {}) - set(ranking.CRITERIA))):
        wrong = scope if scope not in COVERED else ", ".join(unknown)
        raise UsageError(f"unknown: {wrong}; scopes: {', '.join(COVERED)}; criteria: {', '.join(ranking.CRITERIA)}")
    chosen = {n: float((weights or {}).get(n, c.weight)) for n, c in ranking.CRITERIA.items()}
    if negative := [n for n, w in chosen.items() if not w >= 0]:
        raise UsageError(f"weight of {', '.join(negative)}: 0 or more")
    rows = quarters.quarters(release, year)
    bare = rows[~rows[COVERED[scope]].fillna(value=True).astype(bool)]
    with_criteria = ranking.criteria_of(
        bare, release.table("neighbourhood_figures"), practices.of_quarters(release, rows)
    )
    ranked = ranking.rank(with_criteria, chosen)
    here = ranked[quarters.within(release, ranked, area)].head(len(ranked) if limit is None else limit)
    is_few = here["is_few_gp"].fillna(value=False).astype(bool)
    here = here.assign(rank_within=np.arange(1, len(here) + 1), gp_density=here["gp_density"].mask(is_few))
    used = [n for n in ranking.CRITERIA if f"contribution_{n}" in ranked.columns]
    values = {n: words.criterion(n) for n in used}
    parts = {f"contribution_{n}": sentences.note("contribution_of", criterion=t) for n, t in values.items()}
    levels = {
        f"{n}_level": sentences.note("level_of", criterion=t) for n, t in values.items() if f"{n}_level" in ranked
    }
    titles = {**selection.titles_of("priorities"), **values, **levels, **parts}
    extracts = release.table("extracts")
    cover = extracts.loc[extracts["year"] == quarters.year_of(release, year), "covers"]
    if cover.notna().any():  # the QPV elsewhere are not ranked, so that no rank is one of the country
        titles["rank"] = sentences.note("rank_of_covered")
    lost = int(rows[COVERED[scope]].isna().sum())
    notes = (
        sentences.note("weights", weights=_weights(chosen)),
        *((sentences.note("of_commune"),) if levels else ()),
        *((sentences.note("few_gps", n=density.FEWEST),) if is_few.any() else ()),
        sentences.note("ranked", n=len(bare), lost=lost),
    )
    return figures.view(release, "priorities", here, *notes, titles=titles)


def _weights(chosen: Mapping[str, float]) -> sentences.Sentence:
    """Write the weight of each criterion, by its title."""
    colon = (" : ", ": ")
    return sentences.joined(sentences.joined((words.criterion(n), in_both(w)), colon) for n, w in chosen.items())


FUNDING_LEVELS = ("country", "region", "department")


def projects(release: Release, *, show: str = "list", area: Area = COUNTRY, by: str = "region") -> View:
    """Show the projects: ``list``, ``effect`` (what they would bring, by year), ``funding`` or ``types``.

    ``by``: the level at which funding is added up, by funder and all funders together: country, region or department. Raises
    UsageError for an unknown answer, level or area; an EPCI, which projects do not name, is one.
    """
    if by not in FUNDING_LEVELS:
        raise UsageError(f'funding by "{by}"; known: {", ".join(FUNDING_LEVELS)}')
    rows = quarters.quarters(release)
    listed = _projects(release, rows)
    areas.refuse_unknown(release, area.level, area.code)
    if area.level == "epci":
        raise UsageError("projects name a commune, not its EPCI: ask for region:, department: or commune:")
    if area.level != "country":
        listed = listed[listed[f"{area.level}_code"] == area.code]
    covered = rows.assign(is_covered=rows["is_covered_in"])
    placed = listed.assign(area_code="FR" if by == "country" else listed[f"{by}_code"].fillna(NO_REGION))
    lines = release.table("project_funding")
    lines = lines[positions(["project_id", "year"], lines, placed) >= 0]
    shown = {
        "list": listed,
        "effect": pipeline_effect.effect(listed, covered),
        "funding": pipeline_effect.amounts(lines, placed, "area_code").assign(level=by),
        "types": pipeline_effect.by_type(listed),
    }
    if show not in shown:
        raise UsageError(f'projects: unknown "{show}"; known: {", ".join(shown)}')
    return figures.view(release, f"projects-{show}", shown[show], sentences.note("projects_apart"))


def _projects(release: Release, rows: pd.DataFrame) -> pd.DataFrame:
    """Join the projects of the last year with where they are in the perimeters in force, and the zoning of that QPV."""
    latest = release.table("projects")
    latest = latest[latest["year"] == latest["year"].max()]
    where = release.table("project_locations")
    current = rows.drop_duplicates("territory").set_index("territory")["generation"]
    generation = latest["territory"].fillna(METROPOLE).map(current).fillna(IN_FORCE)
    joined: pd.DataFrame = latest.assign(generation=generation).merge(
        where, on=["project_id", "year", "generation"], how="left", validate="one_to_one"
    )
    quarter = rows.set_index("qpv_code")
    for column in ("department_code", "region_code"):
        joined[column] = joined[column].fillna(joined["qpv_code"].map(quarter[column])).astype("str")
    return joined.assign(zone_class=joined["qpv_code"].map(quarter["zone_class"]))
