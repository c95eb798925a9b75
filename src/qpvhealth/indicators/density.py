"""GPs per 100,000 inhabitants and the share of them over 55: communes, regions, the country, and QPV by distance.

An age share on fewer than five GPs is masked, and so is the one whose complement would reveal it. Densities, counts and the absence
of GPs are never masked: they are what is looked for.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

FEWEST = 5
PER = 100_000
COLUMNS = ["level", "area_code", "year", "parent_code", "n_gp", "n_over_55", "population", "density"]
FEW, COMPLEMENT = "moins de cinq généralistes", "son complément révélerait moins de cinq généralistes"


def by_area(practitioners: pd.DataFrame) -> pd.DataFrame:
    """Return one row per area: GPs, those over 55, inhabitants, density per 100,000 (given, else computed; null without people).

    ``practitioners``: one vintage a level. Rows of communes that merged since are summed (unknown where one of them is). Points are summed to their commune where no row of a file gives it. ``parent_code`` is the region of a commune or département.
    """
    published = practitioners[practitioners["level"] != "point"]
    area, summable = ["level", "area_code", "year"], ["n_gp", "n_over_55", "population"]
    parts = published.duplicated(area, keep=False)
    united = published[parts].groupby(area, as_index=False)[summable].sum(skipna=False)
    published = pd.concat([published[~parts], united], ignore_index=True)
    points = practitioners[(practitioners["level"] == "point") & practitioners["area_code"].notna()]
    summed = points.groupby(["area_code", "year"])[["n_gp", "n_over_55"]].sum(min_count=1).reset_index()
    summed = summed.assign(level="commune")
    communes = set(published.loc[published["level"] == "commune", "area_code"])
    out = pd.concat([published, summed[~summed["area_code"].isin(communes)]], ignore_index=True)
    computed = out["n_gp"] / out["population"].where(out["population"] > 0) * PER
    return out.assign(density=out["density"].fillna(computed), parent_code="").reindex(columns=COLUMNS)


def by_quarter(pairs: pd.DataFrame, points: pd.DataFrame, quarters: pd.DataFrame) -> pd.DataFrame:
    """Return one row per QPV: the GPs whose point is in it or near it, and their number per 100,000 residents of the QPV.

    ``pairs``: ``point`` (position in ``points``), ``qpv_code``, within the distance that the caller chose. ``quarters``: qpv_code,
    population, ``parent_code``, ``is_told``. A QPV of which the points can tell and that has no GP has 0, not null; one of which they
    cannot, null. A GP may be near several QPV.
    """
    joined = pairs.merge(points[["n_gp", "n_over_55"]].reset_index(drop=True), left_on="point", right_index=True)
    sums = joined.groupby("qpv_code")[["n_gp", "n_over_55"]].sum(min_count=1)
    out = quarters.rename(columns={"qpv_code": "area_code"}).assign(level="qpv")
    out = out.merge(sums, left_on="area_code", right_index=True, how="left")
    n, people = out["n_gp"].fillna(0.0).where(out["is_told"] | out["n_gp"].notna()), out["population"].astype("float64")
    out = out.assign(year=points["year"].max())
    return out.assign(n_gp=n, density=n / people.where(people > 0) * PER, population=people)[COLUMNS]


def with_shares(areas: pd.DataFrame) -> pd.DataFrame:
    """Add ``share_over_55`` and ``masked``, and blank the ages that must not be read.

    Masked: fewer than five GPs; a part whose commune, less the part, leaves one to four; and, where exactly one part of a parent that
    is itself shown is masked, the smallest other one.
    """
    share = areas["n_over_55"] / areas["n_gp"].where(areas["n_gp"] > 0)
    few = (areas["n_gp"] > 0) & (areas["n_gp"] < FEWEST)
    parent = (
        areas["parent_code"].map(areas.drop_duplicates("area_code").set_index("area_code")["n_gp"]).astype("float64")
    )
    rest = parent - areas["n_gp"]
    reveals = ~few & (rest > 0) & (rest < FEWEST)
    alone = ~few & ~reveals & _revealed_by_one(areas, few | reveals, parent)
    hidden = few | reveals | alone
    why = np.select([few, reveals | alone], [FEW, COMPLEMENT], "")
    return areas.assign(
        share_over_55=share.where(~hidden),
        n_over_55=areas["n_over_55"].where(~hidden),
        masked=pd.Series(why, index=areas.index, dtype="str"),
    )


def _revealed_by_one(areas: pd.DataFrame, hidden: pd.Series, parent: pd.Series) -> pd.Series:
    """Mark the smallest shown part of each parent with exactly one hidden part, where the parent is shown."""
    shown_parent = parent.notna() & (parent >= FEWEST)
    group = areas["parent_code"].where(shown_parent & (areas["n_gp"] > 0))
    n_hidden = hidden.groupby(group).transform("sum")
    candidates = areas[(n_hidden == 1) & ~hidden & group.notna()].sort_values(["n_gp", "area_code"])
    first = candidates.drop_duplicates("parent_code").index
    return pd.Series(areas.index.isin(first), index=areas.index)
