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
    tvs, commune = (
        _summary(members["at"].to_numpy(), members[f"{level}_code"], by_level[level], len(base))
        for level in (TVS, COMMUNE)
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


def _members(neighbourhoods: pd.DataFrame, composition: pd.DataFrame) -> pd.DataFrame:
    """Return one row per QPV (its position, ``at``) and commune, with the TVS of the commune."""
    split = neighbourhoods["commune_codes"].str.split(",").reset_index(drop=True).explode().dropna().astype("str")
    frame = pd.DataFrame({"at": split.index, "commune_code": split.array})
    tvs = composition.drop_duplicates("commune_code").reset_index(drop=True)
    return frame.assign(tvs_code=_of(frame["commune_code"], pd.Index(tvs["commune_code"]), tvs["tvs_code"]).array)


def _of(codes: pd.Series, known: pd.Index, values: pd.Series) -> pd.Series:
    """Return the value of each code, null where it is not known."""
    return values.reset_index(drop=True).reindex(known.get_indexer(pd.Index(codes))).reset_index(drop=True)


def _summary(at: np.ndarray, codes: pd.Series, classes: pd.DataFrame, n_qpv: int) -> pd.DataFrame:
    """Sum up the classes of the areas of each QPV: one class, straddling, partly unknown, or none with its reason.

    ``at``: the position of the QPV that each code is of.
    """
    zone_class, labels = (_of(codes, classes.index, classes[c]) for c in ("zone_class", "raw_label"))
    joined, n_classes = _listed(at, zone_class, n_qpv)
    n, n_known = (np.bincount(rows, minlength=n_qpv) for rows in (at, at[zone_class.notna()]))
    listed = np.bincount(at[among(codes, classes.index)], minlength=n_qpv) > 0
    one = (n_classes == 1) & (n_known == n)
    found = [(n == 0) | one, n_classes > 1, n_classes == 1, listed]
    reason = np.select(found, range(-1, len(found) - 1), len(found) - 1)
    words = pd.Series([STRADDLING, PARTLY_UNKNOWN, CLASS_UNKNOWN, NOT_IN_ZONING], dtype="str").array
    told = {"zone_class": joined.where(one), "raw_label": _listed(at, labels, n_qpv)[0], "classes": joined}
    return pd.DataFrame(told | {"reason": words.take(reason, allow_fill=True), "is_known": n_classes > 0})


def _listed(at: np.ndarray, values: pd.Series, n_qpv: int) -> tuple[pd.Series, np.ndarray]:
    """Return the distinct values of each QPV, sorted and comma-separated, null where there is none; and how many."""
    codes, found = pd.factorize(values, sort=True)
    known, texts = codes >= 0, pd.Series(found, dtype="str").array
    owner, value = np.divmod(np.unique(at[known] * max(len(found), 1) + codes[known]), max(len(found), 1))
    n, only = np.bincount(owner, minlength=n_qpv), np.full(n_qpv, -1)
    only[owner] = value
    listed, several = pd.Series(texts.take(only, allow_fill=True)), n[owner] > 1
    joined = pd.Series(texts.take(value[several])).groupby(owner[several]).agg(",".join)
    listed[joined.index] = joined
    return listed, n


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
    complete = np.flatnonzero(whole > 0)
    complete = complete[rounded_share(zoned[complete] / whole[complete]) >= _ENOUGH]
    covered = in_zip.reindex(rows["qpv_code"], fill_value=0.0).to_numpy()
    shares = np.full(len(rows), np.nan)
    shares[complete] = rounded_share(covered[complete] / zoned[complete])
    return shares


_ENOUGH = 0.99
