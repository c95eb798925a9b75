"""GPs per 100,000 inhabitants and the share of them over 55: communes, regions, the country, and QPV by distance.

An age share on fewer than five GPs, or than the source lets out where it asks for more, is masked, and so is the one whose complement
would reveal it. Counts and the absence of GPs are never masked: they are what is looked for.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

FEWEST = 5
PER = 100_000
COLUMNS = ["level", "area_code", "year", "parent_code", "n_gp", "n_over_55", "population", "density", "mask_under"]
FEW, COMPLEMENT = "fewer_than_{}", "complement_fewer_than_{}"
"""Why ages are masked: on fewer GPs than this number, or these would be read from what is left of the commune, or of a distance."""


def by_area(practitioners: pd.DataFrame) -> pd.DataFrame:
    """Return one row per area: GPs, those over 55, inhabitants, density per 100,000 (given, else computed; null without people).

    ``practitioners``: one vintage a level. Rows of communes that merged since are summed (unknown where one of them is). Points are
    summed to their commune where no row of a file gives it. ``parent_code`` is the region of a commune or département.
    """
    published = practitioners[practitioners["level"] != "point"]
    area, summable = ["level", "area_code", "year"], ["n_gp", "n_over_55", "population"]
    parts = published.duplicated(area, keep=False)
    by_area = published[parts].groupby(area, as_index=False)
    united = by_area[summable].sum(skipna=False).merge(by_area["mask_under"].max(), on=area)
    published = pd.concat([published[~parts], united], ignore_index=True)
    points = practitioners[(practitioners["level"] == "point") & practitioners["area_code"].notna()]
    by_commune = points.groupby(["area_code", "year"])
    summed = by_commune[["n_gp", "n_over_55"]].sum(min_count=1).assign(mask_under=by_commune["mask_under"].max())
    summed = summed.reset_index().assign(level="commune")
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
    out = out.assign(year=points["year"].max(), mask_under=points["mask_under"].max())
    return out.assign(n_gp=n, density=n / people.where(people > 0) * PER, population=people)[COLUMNS]


def latest(areas: pd.DataFrame) -> pd.DataFrame:
    """Select the last vintage of each area: two vintages are never added up."""
    return areas[areas["year"] == areas.groupby(["level", "area_code"])["year"].transform("max")]


def with_shares(areas: pd.DataFrame) -> pd.DataFrame:
    """Add ``share_over_55`` and ``masked``, and blank the ages that must not be read.

    Masked: fewer GPs than ``fewest``; a part whose commune, less the part, leaves fewer; and, where exactly one part of a parent that
    is itself shown is masked, the smallest other one.
    """
    least = fewest(areas)
    share = areas["n_over_55"] / areas["n_gp"].where(areas["n_gp"] > 0)
    few = (areas["n_gp"] > 0) & (areas["n_gp"] < least)
    parent = (
        areas["parent_code"].map(areas.drop_duplicates("area_code").set_index("area_code")["n_gp"]).astype("float64")
    )
    rest = parent - areas["n_gp"]
    reveals = ~few & (rest > 0) & (rest < least)
    alone = ~few & ~reveals & _revealed_by_one(areas, few | reveals, parent)
    hidden = few | reveals | alone
    return areas.assign(
        share_over_55=share.where(~hidden),
        n_over_55=areas["n_over_55"].where(~hidden),
        masked=_why(least, few, reveals | alone),
    )


def fewest(areas: pd.DataFrame) -> pd.Series:
    """Return the fewest GPs whose ages may be read: five, or what the source asks for (``mask_under``) where that is more."""
    return areas["mask_under"].fillna(0).astype("float64").clip(lower=FEWEST)


def _why(least: pd.Series, few: pd.Series, complement: pd.Series) -> pd.Series:
    """Give the code of why ages are masked; null where they are not."""
    number = least.map("{:.0f}".format)
    why = np.select([few, complement], [number.map(FEW.format), number.map(COMPLEMENT.format)], "")
    return pd.Series(why, index=least.index, dtype="str").mask(~(few | complement))


def apart(rings: pd.DataFrame) -> pd.DataFrame:
    """Mask the ages around a QPV that, less those within a smaller distance, would reveal a few GPs.

    ``rings``: one row a QPV (``area_code``) and ``distance_m``, as ``with_shares`` gives them. From the smallest distance on, ages are
    shown where they add none, or as many GPs as may be read, to the last that are shown.
    """
    out, last = rings.sort_values(["distance_m", "area_code"], ignore_index=True), pd.Series(dtype="float64")
    for _, ring in out.groupby("distance_m"):
        shown = ring[ring["masked"].isna() & ring["n_over_55"].notna()]
        least, added = fewest(shown), shown["n_gp"] - shown["area_code"].map(last).astype("float64")
        reveals = (added > 0) & (added < least)
        at = shown.index[reveals]
        out.loc[at, "masked"] = _why(least, ~reveals, reveals)[at]
        out.loc[at, ["n_over_55", "share_over_55"]] = np.nan
        last = shown[~reveals].set_index("area_code")["n_gp"].combine_first(last)
    return out


def _revealed_by_one(areas: pd.DataFrame, hidden: pd.Series, parent: pd.Series) -> pd.Series:
    """Mark the smallest shown part of each parent with exactly one hidden part, where the parent is shown."""
    shown_parent = parent.notna() & (parent >= FEWEST)
    group = areas["parent_code"].where(shown_parent & (areas["n_gp"] > 0))
    n_hidden = hidden.groupby(group).transform("sum")
    candidates = areas[(n_hidden == 1) & ~hidden & group.notna()].sort_values(["n_gp", "area_code"])
    first = candidates.drop_duplicates("parent_code").index
    return pd.Series(areas.index.isin(first), index=areas.index)
