"""What planned structures would bring if they open, by year, and who pays: kept apart from counts of open structures."""

from __future__ import annotations

import pandas as pd

PLANNED = ("idea", "studied", "approved", "funded", "building")
DECIDED = ("approved", "funded", "building", "open")
"""Stages of a project that may be spoken of in public."""
COUNTED_TYPES = ("MSP", "CDS")
ALL = "all"
UNDATED = 9999
"""Rank of what has no expected opening: after every year, and said to be without date."""


def effect(projects: pd.DataFrame, coverage: pd.DataFrame, *, stages: tuple[str, ...] = PLANNED) -> pd.DataFrame:
    """Return, by year of expected opening: projects, those inside a QPV, QPV newly covered and their inhabitants, and running sums.

    ``projects``: structure_type, stage, expected_on, position, qpv_code, one row per project. ``coverage``: qpv_code, ``is_covered``,
    population. A QPV is gained once, by the first that opens; only what is surely uncovered can be, and ``qpv_unknown`` counts those of
    unknown coverage that would hold a project. ``population_gained`` adds up the populations that are known, null where none is;
    ``population_unknown`` counts the others. Projects of other types than MSP and CdS are not counted here (see ``by_type``).
    ``opens_in`` is null for projects without date, last, left out of running sums.
    """
    mine = projects[projects["stage"].isin(stages) & projects["structure_type"].isin(COUNTED_TYPES)]
    mine = mine.assign(opens=mine["expected_on"].dt.year.fillna(UNDATED).astype(int))
    inside = mine[mine["position"] == "in_qpv"].sort_values(["opens", "project_id"])
    bare = coverage[~coverage["is_covered"].fillna(value=True).astype(bool)]
    doubtful = coverage.loc[coverage["is_covered"].isna(), "qpv_code"]
    lost = inside[inside["qpv_code"].isin(doubtful)].drop_duplicates("qpv_code")
    gained = inside[inside["qpv_code"].isin(bare["qpv_code"])].drop_duplicates("qpv_code")
    gained = gained.merge(bare[["qpv_code", "population"]], on="qpv_code")
    out = pd.DataFrame(
        {
            "n_projects": mine.groupby("opens").size(),
            "n_in_qpv": inside.groupby("opens").size(),
            "qpv_gained": gained.groupby("opens").size(),
            "qpv_unknown": lost.groupby("opens").size(),
            "population_unknown": gained["population"].isna().groupby(gained["opens"]).sum(),
        }
    ).fillna(0)
    people = gained.groupby("opens")["population"].sum(min_count=1).astype("float64").reindex(out.index)
    out["population_gained"] = people.where(out["qpv_gained"] > 0, 0.0)
    dated = pd.Series(out.index < UNDATED, index=out.index)
    sums = out[["qpv_gained", "population_gained"]].fillna(0).where(dated, 0).cumsum().where(dated)
    out["qpv_gained_so_far"], out["population_gained_so_far"] = sums["qpv_gained"], sums["population_gained"]
    whole = dict.fromkeys(("n_projects", "n_in_qpv", "qpv_gained", "qpv_unknown", "population_unknown"), "int64")
    opens = pd.Series(out.index, index=out.index).where(dated).astype("Int64")
    return out.astype(whole).assign(opens_in=opens).reset_index(drop=True)


def by_type(projects: pd.DataFrame) -> pd.DataFrame:
    """Count projects by type, stage and position: types other than MSP and CdS in rows of their own."""
    keys = ["structure_type", "stage", "position"]
    return (
        projects.groupby(keys)
        .agg(n=("project_id", "size"), amount=("amount", lambda a: a.sum(min_count=1)))
        .reset_index()
    )


def amounts(funding: pd.DataFrame, projects: pd.DataFrame, area: str) -> pd.DataFrame:
    """Sum amounts by area and funder, and by area for every funder together (``all``).

    ``funding``: project_id, year, funder, amount. ``area``: the column of ``projects`` that names it. A project with several funders
    is one project of each, and one of ``all``. ``n_unknown`` counts the projects of the area that give no amount; an area in which
    none does has no amount, not 0.
    """
    lines = funding.merge(projects[["project_id", "year", area]], on=["project_id", "year"], validate="many_to_one")
    each = pd.concat([lines, lines.assign(funder=ALL)], ignore_index=True)
    sums = each.groupby([area, "funder"]).agg(n_projects=("project_id", "nunique"), amount=("amount", "sum"))
    whole = projects.groupby(area)["amount"].agg(n_unknown=lambda a: a.isna().sum()).reset_index()
    silent = whole[~whole[area].isin(lines[area])].assign(funder=ALL, n_projects=0)
    with_unknown = sums.reset_index().merge(whole, on=area, how="left")
    out = pd.concat([with_unknown, silent], ignore_index=True).astype({"n_unknown": "Int64", "n_projects": "Int64"})
    return out.sort_values([area, "funder"], ignore_index=True)
