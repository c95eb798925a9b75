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
from qpvhealth.spatial.common_area import RESOLUTION_M2, common_area
from qpvhealth.spatial.projection import transform_geometries

EDGE_SHARE = 0.05
FLAT_REACH_M = 100.0
"""How far from its corners a polygon that collapsed may have its like: simplified corners lie beside the real ones."""

SAME_SHARE = 0.999
"""Two polygons that share this much of both are one, where no letter (I, M, N) says whether they are."""

UNCHANGED, MODIFIED, MERGED, SPLIT, MIXED, NEW, GONE = (
    *("unchanged", "modified", "merged", "split", "mixed"),
    *("new", "gone"),
)
COLUMNS = [
    *("generation_from", "generation_to", "qpv_code_from", "qpv_code_to", "territory", "fate", "group"),
    *("share_of_from", "share_of_to", "overlap_m2", "letter"),
]
_EDGE = ["share_of_from", "share_of_to", "overlap_m2"]


def shapes(prepared: pd.DataFrame) -> pd.DataFrame:
    """Return the QPV that have a place: ``qpv_code``, ``generation``, ``territory``, ``metres``.

    A polygon that collapsed has no area left, but a place: its corners stand for it. One without territory, or
    outside of it, is left out.
    """
    frame = prepared[prepared["territory"].notna()]
    metres = frame["metres"].to_numpy(dtype=object).copy()
    flat = np.flatnonzero(shapely.is_missing(metres) | (np.nan_to_num(shapely.area(metres)) == 0))
    metres[flat] = _corners(frame.iloc[flat])
    placed = ~shapely.is_missing(metres) & (frame["repair"] != "misplaced").to_numpy()
    kept: pd.DataFrame = frame.loc[placed, ["qpv_code", "generation", "territory"]]
    return kept.assign(metres=metres[placed]).reset_index(drop=True)


def _corners(frame: pd.DataFrame) -> np.ndarray:
    """Return the corners of each polygon as read, in the metres of its territory."""
    out = np.full(len(frame), None, dtype=object)
    given = frame["geometry"].to_numpy(dtype=object)
    places = frame[["territory", "crs"]].reset_index(drop=True)
    distinct = places.drop_duplicates()
    for territory, crs in zip(distinct["territory"], distinct["crs"], strict=True):
        at = np.flatnonzero((places["territory"] == territory) & (places["crs"] == crs))
        metres = transform_geometries(shapely.force_2d(given[at]), str(crs), TERRITORIES[territory].epsg)
        points, owner = shapely.get_coordinates(metres, return_index=True)
        out[at] = shapely.multipoints(shapely.points(points), indices=owner)
    return out


def fates(before: pd.DataFrame, after: pd.DataFrame, *, edge_share: float = EDGE_SHARE) -> pd.DataFrame:
    """Say what became of each QPV of one generation in another.

    ``before`` and ``after``: ``qpv_code``, ``generation``, ``territory``, ``metres`` (polygons in the metres of the territory, or
    points for one that collapsed: linked to the nearest within 100 m). Returns ``COLUMNS``: one row per linked pair, one per QPV that is
    gone (``qpv_code_to`` null) or new (``qpv_code_from`` null), with the largest share that any other covers. Only territories
    that have polygons in both generations are compared. Raises ContractError when a territory does not balance.
    """
    old, new = _shared(before, after)
    found = _linked(old, new, edge_share)
    frame = found.assign(
        generation_from=_only(before["generation"]),
        generation_to=_only(after["generation"]),
        group=found.groupby(["territory", "group"], sort=True).ngroup() + 1,
    )
    assert_balance(frame, before, after)
    return frame[COLUMNS]


def identity(found: pd.DataFrame) -> pd.DataFrame:
    """Count fates by territory: ``one_to_one``, ``unchanged``, ``modified``, and the QPV in and out of every other fate.

    ``n_from`` and ``n_to`` are the QPV of each generation; ``expected`` is n_from - gone - (merged in - merged out) + (split out -
    split in) + (mixed out - mixed in) + new, which equals ``n_to``.
    """
    sides = {"in": "qpv_code_from", "out": "qpv_code_to"}
    counted = {
        f"{fate}_{side}": rows.groupby("territory")[column].nunique()
        for side, column in sides.items()
        for fate, rows in found.groupby("fate")
    }
    names = [f"{fate}_{side}" for fate in _FATES for side in sides]
    n = pd.DataFrame(counted).reindex(columns=names).fillna(0).astype("int64")
    return pd.DataFrame(
        {
            "n_from": n[[c for c in names if c.endswith("_in")]].sum(axis=1),
            "one_to_one": n["unchanged_in"] + n["modified_in"],
            **{c: n[c] for c in names if c.rpartition("_")[0] in (MERGED, SPLIT, MIXED)},
            UNCHANGED: n["unchanged_in"],
            MODIFIED: n["modified_in"],
            GONE: n["gone_in"],
            NEW: n["new_out"],
            "n_to": n[[c for c in names if c.endswith("_out")]].sum(axis=1),
        }
    ).assign(expected=_expected)


def assert_balance(found: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Raise ContractError unless every QPV has one fate and the identity holds in every territory."""
    counted = identity(found)
    given = {side: frame.groupby("territory").size() for side, frame in (("n_from", before), ("n_to", after))}
    differ = counted["n_to"] != counted["expected"]
    for side, n in given.items():
        differ |= counted[side] != n.reindex(counted.index)
    if differ.any():
        told = counted[differ].reset_index().to_dict("records")
        raise ContractError("\n".join(f"neighbourhood_fates: {row}" for row in told))


_FATES = (UNCHANGED, MODIFIED, MERGED, SPLIT, MIXED, NEW, GONE)


def _expected(n: pd.DataFrame) -> pd.Series:
    merged = n["merged_in"] - n["merged_out"]
    split, mixed = n["split_out"] - n["split_in"], n["mixed_out"] - n["mixed_in"]
    return n["n_from"] - n[GONE] - merged + split + mixed + n[NEW]


def _only(generation: pd.Series) -> str | None:
    return str(generation.iloc[0]) if len(generation) else None


def _shared(before: pd.DataFrame, after: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the QPV of the territories that both generations have, by territory and code."""
    common = set(before["territory"]) & set(after["territory"])
    old, new = (
        side[side["territory"].isin(common)].sort_values(["territory", "qpv_code"], ignore_index=True)
        for side in (before, after)
    )
    return old, new


def _linked(old: pd.DataFrame, new: pd.DataFrame, edge_share: float) -> pd.DataFrame:
    """Link the QPV that share enough of either, give each to its group and each group its fate."""
    pairs = _overlaps(old, new)
    linked = (pairs[["share_of_from", "share_of_to"]].max(axis=1) >= edge_share) | pairs["overlap_m2"].isna()
    edges = pairs[linked]
    group = components(edges["old"].to_numpy(), edges["new"].to_numpy(), len(old), len(new))
    rows = pd.concat([edges, _alone(pairs, edges, len(old), len(new))], ignore_index=True)
    from_code, to_code = (_of_node(side["qpv_code"], rows[c]) for side, c in ((old, "old"), (new, "new")))
    place = rows["old"].fillna(rows["new"] + len(old)).astype("int64").to_numpy()
    letter = to_code.str.extract(r"^QN.*([IMNC])$", expand=False).astype("str")
    territory = _of_node(old["territory"], rows["old"]).fillna(_of_node(new["territory"], rows["new"]))
    told = {"qpv_code_from": from_code, "qpv_code_to": to_code, "territory": territory, "letter": letter}
    named = rows[_EDGE].assign(**told, group=group[place])
    return named.assign(fate=_fate(named))


def _of_node(values: pd.Series, at: pd.Series) -> pd.Series:
    """Return the value of each node by its position, null where there is none."""
    return values.reindex(at.fillna(-1).astype("int64")).set_axis(at.index)


def _overlaps(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs that touch, by position, with the area in common; null where one of them has no area.

    The metres of two territories are not the same metres: each is looked at alone.
    """
    parts = [np.empty((5, 0))]
    for territory in old["territory"].unique():
        at, then = (np.flatnonzero(side["territory"] == territory) for side in (old, new))
        (i, j), measured = _touching(
            *(side["metres"].to_numpy(dtype=object)[k] for side, k in ((old, at), (new, then)))
        )
        parts.append(np.vstack([at[i], then[j], measured]))
    frame = pd.DataFrame(np.hstack(parts).T, columns=["old", "new", *_EDGE])
    return frame.astype({"old": "int64", "new": "int64"})


def _touching(old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs that touch in one territory, and what ``_EDGE`` names of each."""
    at, then = shapely.STRtree(old).query(new, predicate="intersects")[::-1]
    area_from, area_to = shapely.area(old[at]), shapely.area(new[then])
    solid = (area_from > 0) & (area_to > 0)
    at, then, area_from, area_to = at[solid], then[solid], area_from[solid], area_to[solid]
    common = common_area(old[at], new[then])
    measured = np.vstack([_share(common, area_from), _share(common, area_to), common])
    flat = np.unique(np.hstack([_nearest_of_flat(old, new), _nearest_of_flat(new, old)[::-1]]), axis=1)
    unknown = np.full((len(_EDGE), flat.shape[1]), np.nan)
    return np.hstack([np.vstack([at, then]), flat]), np.hstack([measured, unknown])


def _share(common: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Say how much of each area is in common: all of it where only rounding is missing."""
    return np.where(area - common < RESOLUTION_M2, 1.0, rounded_share(common / area))


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


def _alone(pairs: pd.DataFrame, edges: pd.DataFrame, n_old: int, n_new: int) -> pd.DataFrame:
    """Return the QPV without any link, with the largest share of each that any other covers."""
    parts = []
    for side, share, n in (("old", "share_of_from", n_old), ("new", "share_of_to", n_new)):
        free = np.setdiff1d(np.arange(n), edges[side])
        largest = pairs.groupby(side)[share].max().reindex(free).fillna(0.0).to_numpy()
        parts.append(pd.DataFrame({side: free, share: largest}))
    columns = ["old", "new", *_EDGE]
    return pd.concat([p.reindex(columns=columns) for p in parts], ignore_index=True).astype("float64")


def _fate(rows: pd.DataFrame) -> pd.Series:
    """Name the fate of each row from the size of its group, the letter and the codes."""
    n_old, n_new = (rows.groupby("group")[f"qpv_code_{side}"].transform("nunique") for side in ("from", "to"))
    silent = ~rows["letter"].isin(("I", "M", "N"))
    by_shape = silent & (rows[["share_of_from", "share_of_to"]].min(axis=1) >= SAME_SHARE)
    same = (rows["letter"] == "I") | (rows["qpv_code_from"] == rows["qpv_code_to"]) | by_shape
    one = (n_old == 1) & (n_new == 1)
    tests = (
        *((n_new == 0, GONE), (n_old == 0, NEW), (one & same, UNCHANGED), (one, MODIFIED)),
        *((n_new == 1, MERGED), (n_old == 1, SPLIT)),
    )
    named = np.select([np.asarray(t, dtype=bool) for t, _ in tests], [f for _, f in tests], MIXED)
    return pd.Series(named, index=rows.index, dtype="str")
