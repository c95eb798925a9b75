"""The zoning overlay: the class of each QPV, from the QPV list, else its TVS, else its commune, with the level used.

A QPV over communes of different classes is not averaged: its class is null, the classes are listed, and where communes have
outlines the share of its area in ZIP is measured. Rule: annexes of the arrêtés name QPV in their own right, above their TVS.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.keys import among
from qpvhealth.contract.precision import rounded_share
from qpvhealth.facts.zonings import ZIP

QPV, TVS, COMMUNE = "qpv", "tvs", "commune"
STRADDLING, PARTLY_UNKNOWN = "straddling", "partly_unknown"
NO_COMMUNE, NOT_IN_ZONING, CLASS_UNKNOWN = "no_commune", "not_in_zoning", "class_unknown"


def zone(
    neighbourhoods: pd.DataFrame, classes: pd.DataFrame, composition: pd.DataFrame, outlines: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Give each QPV of one generation its class in one edition.

    ``neighbourhoods``: ``qpv_code``, ``generation``, ``territory``, ``commune_codes`` (comma-separated), ``metres``. ``classes``:
    ``level``, ``code``, ``zone_class``, ``raw_label``; a commune has several where those that it was made of differ. ``composition``:
    ``commune_code``, ``tvs_code``. ``outlines`` of communes: ``area_code``, ``territory``, ``metres``. Returns one row per QPV: the
    columns of ``neighbourhood_zoning`` without the edition.
    """
    base = neighbourhoods[["qpv_code", "generation"]].reset_index(drop=True)
    members = neighbourhoods["commune_codes"].str.split(",").reset_index(drop=True).explode().dropna().astype("str")
    of_members = composition[among(composition["commune_code"], members)].drop_duplicates("commune_code")
    tvs_codes = members.map(of_members.set_index("commune_code")["tvs_code"])
    by_level = {
        level: classes[(classes["level"] == level) & among(classes["code"], codes)]
        .drop_duplicates(["code", "zone_class"])
        .set_index("code")
        for level, codes in ((QPV, base["qpv_code"]), (TVS, tvs_codes), (COMMUNE, members))
    }
    listed = among(base["qpv_code"], by_level[QPV].index)
    own = by_level[QPV].reindex(base["qpv_code"]).reset_index(drop=True)
    tvs, commune = (
        _summary(members.index.to_numpy(), codes, by_level[level], len(base))
        for level, codes in ((TVS, tvs_codes.astype("str")), (COMMUNE, members))
    )
    area = tvs.where(tvs["is_known"], commune)
    area_level = pd.Series(np.where(tvs["is_known"], TVS, COMMUNE), dtype="str")
    out = base.assign(
        zone_class=own["zone_class"].where(listed, area["zone_class"]),
        level_used=pd.Series(QPV, index=base.index, dtype="str").where(listed, area_level.where(area["is_known"])),
        raw_label=own["raw_label"].where(listed, area["raw_label"]),
        classes=own["zone_class"].where(listed, area["classes"]),
    )
    reason = area["reason"].fillna(NO_COMMUNE).where(~listed, CLASS_UNKNOWN)
    out["reason"] = reason.where(out["zone_class"].isna())
    out["share_in_zip"] = _share_in_zip(out, neighbourhoods, by_level[COMMUNE], outlines)
    differs = (own["zone_class"] != area["zone_class"]).astype("boolean")
    out["differs_from_territory"] = differs.where(own["zone_class"].notna() & area["zone_class"].notna())
    return out


def _summary(at: np.ndarray, codes: pd.Series, classes: pd.DataFrame, n_qpv: int) -> pd.DataFrame:
    """Sum up the classes of the areas of each QPV: one class, straddling, partly unknown, or none with its reason.

    ``at``: the position of the QPV that each code is of.
    """
    rows = pd.DataFrame({"at": at, "code": codes.array, "is_listed": among(codes, classes.index)})
    rows = rows.join(classes[["zone_class", "raw_label"]], on="code")
    of_qpv = rows.groupby("at")
    n = of_qpv["zone_class"].agg(["size", "count", "nunique"]).reindex(range(n_qpv), fill_value=0)
    classes_of, labels_of = (
        _joined(rows, column).reindex(n.index).astype("str") for column in ("zone_class", "raw_label")
    )
    one = (n["nunique"] == 1) & (n["count"] == n["size"])
    is_listed = of_qpv["is_listed"].any().reindex(n.index, fill_value=False)
    reasons = {STRADDLING: n["nunique"] > 1, PARTLY_UNKNOWN: n["nunique"] == 1, CLASS_UNKNOWN: is_listed}
    reason = pd.Series(np.select(list(reasons.values()), list(reasons), NOT_IN_ZONING), dtype="str")
    return pd.DataFrame(
        {
            "zone_class": classes_of.where(one),
            "raw_label": labels_of,
            "classes": classes_of,
            "reason": reason.mask((n["size"] == 0) | one),
            "is_known": n["nunique"] > 0,
        }
    )


def _joined(rows: pd.DataFrame, column: str) -> pd.Series:
    """Return the different texts of each QPV, in their order and separated by commas; most have one, which is not joined."""
    distinct = rows.dropna(subset=column).drop_duplicates(["at", column]).sort_values(column)
    is_alone = ~distinct["at"].duplicated(keep=False)
    alone, several = distinct[is_alone].set_index("at")[column], distinct[~is_alone].groupby("at")[column]
    joined: pd.Series = pd.concat([alone, several.agg(",".join)])
    return joined


def _share_in_zip(
    zoned: pd.DataFrame, neighbourhoods: pd.DataFrame, communes: pd.DataFrame, outlines: pd.DataFrame | None
) -> pd.Series:
    """Return 1 or 0 where one class covers the QPV; where it straddles, the share of its area in ZIP communes, else null.

    Shares of areas are rounded to a billionth; null unless zoned communes with an outline cover 99 % of the QPV.
    """
    share = (zoned["zone_class"] == ZIP).astype("float64").where(zoned["zone_class"].notna())
    astride = zoned["reason"].isin((STRADDLING, PARTLY_UNKNOWN)).to_numpy()
    if outlines is None or not astride.any():
        return share
    one_class = communes.loc[~communes.index.duplicated(keep=False), "zone_class"]
    zones = outlines.assign(zone_class=outlines["area_code"].map(one_class)).dropna(subset=["zone_class"])
    rows = neighbourhoods.reset_index(drop=True)[astride]
    members = rows[["qpv_code", "territory", "metres"]].assign(area_code=rows["commune_codes"].str.split(","))
    parts = members.explode("area_code").merge(zones, on=["area_code", "territory"], suffixes=("", "_zone"))
    parts["area"] = shapely.area(shapely.intersection(parts["metres"].array, parts["metres_zone"].array))
    covered, in_zip = (
        part.groupby("qpv_code")["area"].sum().reindex(rows["qpv_code"], fill_value=0.0).to_numpy()
        for part in (parts, parts[parts["zone_class"] == ZIP])
    )
    whole = np.nan_to_num(shapely.area(rows["metres"].to_numpy(dtype=object)))
    complete = (whole > 0) & (rounded_share(covered / np.where(whole > 0, whole, 1.0)) >= _ENOUGH)
    share[astride] = np.where(complete, rounded_share(in_zip / np.where(complete, covered, 1.0)), np.nan)
    return share


_ENOUGH = 0.99
