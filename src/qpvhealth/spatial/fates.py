"""What became of each QPV between two generations: read on the graph of overlaps, never on the codes.

Two QPV are linked when they share at least 5 % of either polygon; a fate belongs to a group of linked QPV. Numbers are not kept
from one generation to the next (QP031012 became QN03111I), and the letter of a code says its status in law, not what its polygon
covers: of the 111 metropolitan N of 2024, two do have a predecessor. So the letter decides between "unchanged" and "modified",
and geometry decides everything else (domain reference, sections 3.2 and 3.5).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.precision import rounded_share
from qpvhealth.errors import ContractError
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.spatial.projection import groups, transform_geometries

EDGE_SHARE = 0.05
FLAT_REACH_M = 100.0
"""How far from its corners a polygon that collapsed may have its like: simplified corners lie beside the real ones."""

SAME_SHARE = 0.999
"""Two polygons that share this much of both are one, where no letter (I, M, N) says whether they are."""

FATES = ("unchanged", "modified", "merged", "split", "mixed", "gone", "new")
UNCHANGED, MODIFIED, MERGED, SPLIT, MIXED, GONE, NEW = FATES
COLUMNS = [
    *("generation_from", "generation_to", "qpv_code_from", "qpv_code_to", "territory", "fate", "group"),
    *("share_of_from", "share_of_to", "overlap_m2", "letter"),
]


def shapes(prepared: pd.DataFrame) -> pd.DataFrame:
    """Return the QPV that have a place: ``qpv_code``, ``generation``, ``territory``, ``metres``.

    A polygon that collapsed has no area left, but a place: its corners, as read, stand for it. One without territory,
    outside of it, or without any shape in its file, is left out: what became of it is not known.
    """
    frame = prepared[prepared["territory"].notna() & (prepared["repair"] != "misplaced").to_numpy()]
    metres, as_read = (frame[column].to_numpy(dtype=object, copy=True) for column in ("metres", "geometry"))
    flat = np.flatnonzero(shapely.is_missing(metres) | (np.nan_to_num(shapely.area(metres)) == 0))
    for (territory, crs), rows in groups(frame.iloc[flat], "territory", "crs"):
        at = flat[rows]
        corners = transform_geometries(shapely.force_2d(as_read[at]), crs, TERRITORIES[territory].epsg)
        points, owner = shapely.get_coordinates(corners, return_index=True)
        places_of = np.full(len(at), None, dtype=object)
        if len(points):
            shapely.multipoints(shapely.points(points), indices=owner, out=places_of)
        metres[at] = places_of
    places: pd.DataFrame = frame[["qpv_code", "generation", "territory"]].assign(metres=metres)
    return places.take(np.flatnonzero(~shapely.is_missing(metres))).reset_index(drop=True)


def fates(before: pd.DataFrame, after: pd.DataFrame, *, edge_share: float = EDGE_SHARE) -> pd.DataFrame:
    """Say what became of each QPV of one generation in another.

    ``before`` and ``after``: ``qpv_code``, ``generation``, ``territory``, ``metres`` (polygons in the metres of the territory, or
    points for one that collapsed: linked to the nearest within 100 m). Returns ``COLUMNS``: one row per linked pair, one per QPV that is
    gone (``qpv_code_to`` null) or new (``qpv_code_from`` null), with the largest share that any other covers. Shares are rounded to
    a billionth before they are compared. Only territories that have polygons in both generations are compared. Raises ContractError
    when a territory does not balance.
    """
    both = {*before["territory"].unique()} & {*after["territory"].unique()}
    old, new = (
        side[side["territory"].isin(both)].sort_values(["territory", "qpv_code"], ignore_index=True)
        for side in (before, after)
    )
    pairs = _overlaps(old, new)
    large = pairs[["share_of_from", "share_of_to"]].max(axis=1) >= edge_share
    links = pairs[large | pairs["overlap_m2"].isna()]
    parts = [links]
    for side, share, n in (("old", "share_of_from", len(old)), ("new", "share_of_to", len(new))):
        alone = np.setdiff1d(np.arange(n), links[side])
        largest = pairs.groupby(side)[share].max().reindex(alone).fillna(0.0)
        parts.append(pd.DataFrame({side: alone, share: largest.to_numpy()}))
    rows = pd.concat(parts, ignore_index=True).astype({"old": "Int64", "new": "Int64"})
    for side, polygons, suffix in (("old", old, "_from"), ("new", new, "_to")):
        rows = rows.join(polygons[["qpv_code", "territory"]].add_suffix(suffix), on=side)
    label = components(links["old"].to_numpy(), links["new"].to_numpy(), len(old), len(new))
    rows["group"] = label[rows["old"].fillna(rows["new"] + len(old)).to_numpy(dtype="int64")]
    rows["territory"] = rows["territory_from"].fillna(rows["territory_to"])
    rows["letter"] = rows["qpv_code_to"].str.extract(r"^QN.*([IMNC])$", expand=False).astype("str")
    rows = rows.assign(
        fate=_fate(rows),
        group=rows.groupby(["territory", "group"]).ngroup() + 1,
        generation_from=next(iter(before["generation"]), None),
        generation_to=next(iter(after["generation"]), None),
    )
    assert_balance(rows, before, after)
    return rows[COLUMNS]


def identity(rows: pd.DataFrame) -> pd.DataFrame:
    """Count fates by territory: ``one_to_one``, ``unchanged``, ``modified``, and the QPV in and out of every other fate.

    ``rows``: as ``fates`` returns them. ``n_from`` and ``n_to`` are the QPV of each generation; ``expected`` is n_from - gone -
    (merged in - merged out) + (split out - split in) + (mixed out - mixed in) + new, which equals ``n_to``.
    """
    old, new = (
        rows.pivot_table(index="territory", columns="fate", values=f"qpv_code_{side}", aggfunc="nunique")
        .reindex(index=sorted(set(rows["territory"])), columns=FATES)
        .fillna(0)
        .astype("int64")
        for side in ("from", "to")
    )
    several = {f"{f}_{way}": side[f] for f in (MERGED, SPLIT, MIXED) for way, side in (("in", old), ("out", new))}
    ends = {"one_to_one": old[UNCHANGED] + old[MODIFIED], UNCHANGED: old[UNCHANGED], MODIFIED: old[MODIFIED]}
    gained = (new - old)[[MERGED, SPLIT, MIXED, NEW]].sum(axis=1)
    return pd.DataFrame(
        {"n_from": old.sum(axis=1), **ends, **several, GONE: old[GONE], NEW: new[NEW], "n_to": new.sum(axis=1)}
    ).assign(expected=old.sum(axis=1) - old[GONE] + gained)


def assert_balance(rows: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Raise ContractError unless every QPV has one fate and the identity holds in every territory."""
    counts = identity(rows)
    differ = counts["n_to"] != counts["expected"]
    for column, side in (("n_from", before), ("n_to", after)):
        differ |= counts[column] != side.groupby("territory").size().reindex(counts.index)
    if differ.any():
        wrong = counts[differ].reset_index().to_dict("records")
        raise ContractError("\n".join(f"neighbourhood_fates: {row}" for row in wrong))


def _overlaps(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs that touch: positions ``old`` and ``new``, shares and area in common, null where one of them has no area.

    The metres of two territories are not the same metres: each is looked at alone.
    """
    columns = {"old": "int64", "new": "int64", "share_of_from": "float64", "share_of_to": "float64"}
    parts = [pd.DataFrame({c: [] for c in (*columns, "overlap_m2")}).astype(columns)]
    for territory in old["territory"].unique():
        at, then = (np.flatnonzero(side["territory"] == territory) for side in (old, new))
        first, second = (side["metres"].to_numpy(dtype=object)[k] for side, k in ((old, at), (new, then)))
        j, i = shapely.STRtree(first).query(second)
        solid = (shapely.area(first[i]) > 0) & (shapely.area(second[j]) > 0)
        i, j = i[solid], j[solid]
        overlap = shapely.area(shapely.intersection(first[i], second[j]))
        areas = shapely.area(first[i]), shapely.area(second[j])
        shares = [np.minimum(rounded_share(overlap / area), 1.0) for area in areas]
        near = np.hstack([_nearest_of_flat(first, second), _nearest_of_flat(second, first)[::-1]])
        near = np.unique(near, axis=1)
        measures = {"share_of_from": shares[0], "share_of_to": shares[1], "overlap_m2": overlap}
        parts.append(pd.DataFrame({"old": at[i], "new": then[j], **measures}))
        parts.append(pd.DataFrame({"old": at[near[0]], "new": then[near[1]]}))
    return pd.concat(parts, ignore_index=True)


def _nearest_of_flat(flat: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pair, by position, what has no area left with the nearest of the other generation, within ``FLAT_REACH_M``."""
    lost = np.flatnonzero(shapely.area(flat) == 0)
    near = shapely.STRtree(others).query_nearest(flat[lost], max_distance=FLAT_REACH_M, all_matches=False)
    return np.vstack([lost[near[0]], near[1]])


def components(left: np.ndarray, right: np.ndarray, n_left: int, n_right: int) -> np.ndarray:
    """Label the connected components of a bipartite graph: one label per left node, then per right node.

    Each node takes the smallest label around it until nothing changes: as many rounds as the longest path is long.
    """
    label = np.arange(n_left + n_right)
    ends = (np.asarray(left, dtype=int), np.asarray(right, dtype=int) + n_left)
    while True:
        smallest = np.minimum(label[ends[0]], label[ends[1]])
        grown = label.copy()
        for end in ends:
            np.minimum.at(grown, end, smallest)
        if (grown == label).all():
            return label
        label = grown


def _fate(rows: pd.DataFrame) -> pd.Series:
    """Name the fate of each row from the size of its group, the letter and the codes."""
    n_old, n_new = (rows.groupby("group")[f"qpv_code_{side}"].transform("nunique") for side in ("from", "to"))
    silent = ~rows["letter"].isin(("I", "M", "N"))
    by_shape = silent & (rows[["share_of_from", "share_of_to"]].min(axis=1) >= SAME_SHARE)
    same = (rows["letter"] == "I") | (rows["qpv_code_from"] == rows["qpv_code_to"]) | by_shape
    one = (n_old == 1) & (n_new == 1)
    tests = {
        GONE: n_new == 0,
        NEW: n_old == 0,
        UNCHANGED: one & same,
        MODIFIED: one,
        MERGED: n_new == 1,
        SPLIT: n_old == 1,
    }
    fates = np.select([test.to_numpy(dtype=bool) for test in tests.values()], list(tests), MIXED)
    return pd.Series(fates, index=rows.index, dtype="str")
