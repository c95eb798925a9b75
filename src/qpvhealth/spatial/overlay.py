"""The zoning overlay: the class of each QPV, from the QPV list, else its TVS, else its commune, with the level used.

A QPV over communes of different classes is not averaged: its class is null, the classes are listed, and where communes have
outlines the share of its area in ZIP is measured. Rule: annexes of the arrêtés name QPV in their own right, above their TVS.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.keys import among
from qpvhealth.facts.zonings import ZIP

QPV, TVS, COMMUNE = "qpv", "tvs", "commune"
STRADDLING, PARTLY_UNKNOWN, NO_COMMUNE, NOT_IN_ZONING, CLASS_UNKNOWN = (
    "straddling",
    "partly_unknown",
    "no_commune",
    "not_in_zoning",
    "class_unknown",
)


def zone(
    neighbourhoods: pd.DataFrame, classes: pd.DataFrame, composition: pd.DataFrame, outlines: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Give each QPV of one generation its class in one edition.

    ``neighbourhoods``: ``qpv_code``, ``generation``, ``territory``, ``commune_codes`` (comma-separated), ``metres``. ``classes``:
    ``level``, ``code``, ``zone_class``, ``raw_label``. ``composition``: ``commune_code``, ``tvs_code``. ``outlines`` of communes:
    ``area_code``, ``territory``, ``metres``. Returns one row per QPV: the columns of ``neighbourhood_zoning`` without the edition.
    """
    base = neighbourhoods[["qpv_code", "generation"]].reset_index(drop=True)
    members = _members(neighbourhoods, composition)
    by_level = {
        lv: classes[classes["level"] == lv].drop_duplicates("code").set_index("code") for lv in (QPV, TVS, COMMUNE)
    }
    listed = among(base["qpv_code"], by_level[QPV].index)
    own = by_level[QPV].reindex(base["qpv_code"]).reset_index(drop=True)
    tvs = _summary(members, members["tvs_code"], by_level[TVS]).reindex(base["qpv_code"]).reset_index(drop=True)
    commune = (
        _summary(members, members["commune_code"], by_level[COMMUNE]).reindex(base["qpv_code"]).reset_index(drop=True)
    )
    area = tvs.where(tvs["is_known"].fillna(value=False).astype(bool), commune)
    area_level = pd.Series(np.where(tvs["is_known"].fillna(value=False), TVS, COMMUNE), dtype="str")
    out = base.assign(
        zone_class=own["zone_class"].where(listed, area["zone_class"]),
        level_used=pd.Series(QPV, index=base.index, dtype="str").where(
            listed, area_level.where(area["is_known"].fillna(value=False).astype(bool))
        ),
        raw_label=own["raw_label"].where(listed, area["raw_label"]),
        classes=own["zone_class"].where(listed, area["classes"]),
    )
    reason = area["reason"].fillna(NO_COMMUNE).where(~listed, CLASS_UNKNOWN)
    out["reason"] = reason.where(out["zone_class"].isna())
    out["share_in_zip"] = _share_in_zip(out, neighbourhoods, by_level[COMMUNE], outlines)
    differs = (own["zone_class"] != area["zone_class"]).astype("boolean")
    out["differs_from_territory"] = differs.where(own["zone_class"].notna() & area["zone_class"].notna())
    return out


def _members(neighbourhoods: pd.DataFrame, composition: pd.DataFrame) -> pd.DataFrame:
    """Return one row per QPV and commune, with the TVS of the commune."""
    frame = neighbourhoods[["qpv_code"]].assign(commune_code=neighbourhoods["commune_codes"].str.split(","))
    frame = frame.explode("commune_code", ignore_index=True).dropna(subset=["commune_code"])
    tvs = composition.drop_duplicates("commune_code").set_index("commune_code")["tvs_code"]
    return frame.assign(tvs_code=frame["commune_code"].map(tvs)).reset_index(drop=True)


def _summary(members: pd.DataFrame, codes: pd.Series, classes: pd.DataFrame) -> pd.DataFrame:
    """Sum up the classes of a QPV's areas: one class, straddling, partly unknown, or none with its reason."""
    found = members.assign(
        zone_class=codes.map(classes["zone_class"]),
        raw_label=codes.map(classes["raw_label"]),
        listed=among(codes, classes.index),
    )
    groups = found.groupby("qpv_code")
    n_classes, n_known, n = groups["zone_class"].nunique(), groups["zone_class"].count(), groups.size()
    joined, labels = _listed(found, "zone_class"), _listed(found, "raw_label")
    one = (n_classes == 1) & (n_known == n)
    reason = pd.Series(
        np.select(
            [n_classes > 1, (n_classes == 1) & (n_known < n), groups["listed"].any()],
            [STRADDLING, PARTLY_UNKNOWN, CLASS_UNKNOWN],
            NOT_IN_ZONING,
        ),
        index=n.index,
        dtype="str",
    )
    return pd.DataFrame(
        {
            "zone_class": joined.where(one),
            "raw_label": labels,
            "classes": joined,
            "reason": reason.where(~one),
            "is_known": n_classes > 0,
        }
    )


def _listed(found: pd.DataFrame, column: str) -> pd.Series:
    """Return the distinct values of each QPV, sorted and comma-separated; null where there is none."""
    distinct = found[["qpv_code", column]].dropna().drop_duplicates().sort_values(["qpv_code", column])
    several = distinct["qpv_code"].duplicated(keep=False)
    joined = distinct[several].groupby("qpv_code")[column].agg(",".join)
    alone = distinct[~several].set_index("qpv_code")[column]
    every = pd.Index(found["qpv_code"].drop_duplicates().sort_values())
    listed: pd.Series = pd.concat([alone, joined]).reindex(every)
    return listed.astype("str")


def _share_in_zip(
    zoned: pd.DataFrame, neighbourhoods: pd.DataFrame, communes: pd.DataFrame, outlines: pd.DataFrame | None
) -> pd.Series:
    """Return 1 or 0 where one class covers the QPV, the share of area where it straddles and outlines are given, else null."""
    share = (zoned["zone_class"] == ZIP).astype("float64").where(zoned["zone_class"].notna())
    astride = zoned["reason"].isin((STRADDLING, PARTLY_UNKNOWN)).to_numpy()
    if outlines is None or not astride.any():
        return share
    zones = outlines.assign(zone_class=outlines["area_code"].map(communes["zone_class"])).dropna(subset=["zone_class"])
    share[astride] = _area_share(neighbourhoods.reset_index(drop=True)[astride], zones)
    return share


def _area_share(rows: pd.DataFrame, zones: pd.DataFrame) -> np.ndarray:
    """Return the share of each QPV's area in ZIP communes; null unless zoned communes cover 99 % of it."""
    members = rows[["qpv_code", "territory", "metres"]].assign(area_code=rows["commune_codes"].str.split(","))
    parts = members.explode("area_code").merge(zones, on=["area_code", "territory"], suffixes=("", "_zone"))
    parts["area"] = shapely.area(shapely.intersection(parts["metres"].array, parts["metres_zone"].array))
    zoned = parts.groupby("qpv_code")["area"].sum().reindex(rows["qpv_code"], fill_value=0.0).to_numpy()
    in_zip = parts[parts["zone_class"] == ZIP].groupby("qpv_code")["area"].sum()
    whole = np.nan_to_num(shapely.area(rows["metres"].to_numpy(dtype=object)))
    complete = (whole > 0) & (zoned >= _ENOUGH * whole)
    covered = in_zip.reindex(rows["qpv_code"], fill_value=0.0).to_numpy()
    shares = np.full(len(rows), np.nan)
    shares[complete] = covered[complete] / zoned[complete]
    return shares


_ENOUGH = 0.99
