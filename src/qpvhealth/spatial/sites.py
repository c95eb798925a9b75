"""Perimeters of a release put back in metres, and the places where a new structure would serve the most QPV.

From within a QPV the places are enumerated: each QPV, and what several have in common. Within a distance they are too many: squares
are split, and each knows which QPV its middle serves and which any point of it could serve, so that what was not looked at has a bound.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.precision import MARGIN_M, rounded_m
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.spatial.projection import WGS84, to_degrees, transform_geometries
from qpvhealth.spatial.proximity import Perimeters

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_GROUP = 6
"""Most QPV that one point is looked for in: more would overlap only in theory."""
BLOCK = 200_000
"""Pairs of a point and a polygon measured at once: their points are objects, and would fill the memory."""


def in_metres(neighbourhoods: pd.DataFrame) -> dict[str, Perimeters]:
    """Return the polygons of published QPV (EPSG:4326) by territory, in its metres; those without polygon are left out."""
    usable = neighbourhoods[neighbourhoods["geometry"].notna()].sort_values("qpv_code")
    perimeters = {}
    for territory, rows in usable.groupby("territory"):
        polygons = np.asarray(rows["geometry"].to_numpy(), dtype=object)
        metres = transform_geometries(polygons, WGS84, TERRITORIES[str(territory)].epsg)
        perimeters[str(territory)] = Perimeters(rows["qpv_code"].to_numpy(dtype=object), metres)
    return perimeters


class Squares(NamedTuple):
    """Squares in the metres of their territory, and pairs of a square and a QPV that a structure in it could serve.

    ``territory`` (a number), ``x``, ``y`` (the middle) and ``half`` (half a side, 0 for a point) by square; ``square``, ``qpv`` (positions)
    and ``is_served`` (from the middle) by pair, in the order of squares.
    """

    territory: np.ndarray
    x: np.ndarray
    y: np.ndarray
    half: np.ndarray
    square: np.ndarray
    qpv: np.ndarray
    is_served: np.ndarray

    @property
    def n(self) -> int:
        """How many squares."""
        return len(self.x)

    def take(self, at: np.ndarray) -> Squares:
        """Return some of the squares, in the order of a mask or of rising positions."""
        chosen = np.zeros(self.n, dtype=bool)
        chosen[at] = True
        pairs = chosen[self.square]
        number = np.cumsum(chosen) - 1
        territory, x, y, half = (column[chosen] for column in self[:4])
        square = number[self.square[pairs]]
        return Squares(territory, x, y, half, square, self.qpv[pairs], self.is_served[pairs])

    def joined(self, other: Squares) -> Squares:
        """Put other squares behind these."""
        other = other._replace(square=other.square + self.n)
        return Squares(*(np.concatenate(columns) for columns in zip(self, other, strict=True)))

    @property
    def served(self) -> tuple[np.ndarray, np.ndarray]:
        """The pairs of a square and a QPV that its middle serves."""
        return self.square[self.is_served], self.qpv[self.is_served]

    @property
    def middles(self) -> Squares:
        """The middles, with what they serve."""
        square, qpv = self.served
        return self._replace(half=np.zeros(self.n), square=square, qpv=qpv, is_served=np.ones(len(qpv), dtype=bool))


class Space:
    """Where a structure may stand: anywhere within a distance of some QPV (``near_m`` > 0), or in one of them."""

    def __init__(self, perimeters: Mapping[str, Perimeters], near_m: float) -> None:
        """Take the QPV to be served, by territory; their positions follow one another. ``codes``: of each position."""
        self.names, self.near_m = list(perimeters), near_m
        self.codes = np.concatenate([np.array([], dtype=object), *(p.codes for p in perimeters.values())])
        polygons = [np.array([], dtype=object), *(p.polygons for p in perimeters.values())]
        self._polygons = np.concatenate(polygons)
        self._territory = np.repeat(np.arange(len(perimeters)), [len(p.codes) for p in perimeters.values()])
        west, south, east, north = shapely.bounds(self._polygons).T
        self._middle = (west + east) / 2, (south + north) / 2
        self._radius = np.hypot(east - west, north - south) / 2

    def points(self) -> Squares:
        """Return a point in each QPV; and where nothing near counts one in what each group of up to ``LARGEST_GROUP`` has in common."""
        areas, territory = [*self._polygons], [*self._territory]
        if not self.near_m:
            for members, area in self._groups:
                areas.append(area)
                territory.append(self._territory[members[0]])
        on = shapely.point_on_surface(np.array(areas, dtype=object))
        return self._squares(np.array(territory, dtype=int), shapely.get_x(on), shapely.get_y(on), np.zeros(len(on)))

    @property
    def is_enumerated(self) -> bool:
        """Say whether ``points`` are all the places that differ: no distance, and no group as large as those that are looked for."""
        return not self.near_m and max((len(members) for members, _ in self._groups), default=1) < LARGEST_GROUP

    @cached_property
    def _groups(self) -> list[tuple[tuple[int, ...], shapely.Geometry]]:
        """Return the groups of QPV that have a point in common, borders included, grown by one neighbour at a time."""
        left, right = shapely.STRtree(self._polygons).query(self._polygons, predicate="intersects")
        both = (left < right) & (self._territory[left] == self._territory[right])
        neighbours: dict[int, list[int]] = {}
        for a, b in sorted(zip(left[both].tolist(), right[both].tolist(), strict=True)):
            neighbours.setdefault(a, []).append(b)
        groups: list[tuple[tuple[int, ...], shapely.Geometry]] = []
        level = [*groups, *(((a,), self._polygons[a]) for a in neighbours)]
        for _ in range(LARGEST_GROUP - 1):
            level = [
                ((*members, other), common)
                for members, area in level
                for other in neighbours.get(members[-1], ())
                if not (common := shapely.intersection(area, self._polygons[other])).is_empty
            ]
            groups += level
        return groups

    def roots(self) -> Squares:
        """Return one square a territory, that holds every point within the distance of one of its QPV."""
        squares = []
        for number in range(len(self.names)):
            west, south, east, north = shapely.total_bounds(self._polygons[self._territory == number])
            half = max(east - west, north - south) / 2 + self.near_m
            squares.append((number, (west + east) / 2, (south + north) / 2, half))
        territory, x, y, half = np.array(squares, dtype=float).reshape(-1, 4).T
        return self._squares(territory.astype(int), x, y, half)

    def split(self, squares: Squares) -> Squares:
        """Return the four quarters of each square; those from which nothing can be served are left out."""
        n = squares.n
        half = np.repeat(squares.half / 2, 4)
        x = np.repeat(squares.x, 4) + half * np.tile([-1, 1, -1, 1], n)
        y = np.repeat(squares.y, 4) + half * np.tile([-1, -1, 1, 1], n)
        quarter = np.concatenate([4 * squares.square + k for k in range(4)])
        order = np.argsort(quarter, kind="stable")
        return self._measured(
            np.repeat(squares.territory, 4), x, y, half, quarter[order], np.tile(squares.qpv, 4)[order]
        )

    def _squares(self, territory: np.ndarray, x: np.ndarray, y: np.ndarray, half: np.ndarray) -> Squares:
        """Pair squares with every QPV of their territory, and measure."""
        own = [np.flatnonzero(self._territory == number) for number in range(len(self.names))]
        qpv = np.concatenate([np.array([], dtype=int), *(own[number] for number in territory)])
        square = np.repeat(np.arange(len(x)), [len(own[number]) for number in territory])
        return self._measured(territory, x, y, half, square, qpv)

    def _measured(  # noqa: PLR0917 -- the columns of squares
        self,
        territory: np.ndarray,
        x: np.ndarray,
        y: np.ndarray,
        half: np.ndarray,
        square: np.ndarray,
        qpv: np.ndarray,
    ) -> Squares:
        """Leave out the pairs that no point of the square serves, and say which its middle serves, by the rounded distance.

        A point of the square is no farther from its middle than half a diagonal; a QPV lies within the circle around its box.
        """
        reach = self.near_m + half[square] * 2**0.5 + MARGIN_M
        apart = np.hypot(x[square] - self._middle[0][qpv], y[square] - self._middle[1][qpv])
        possible = apart - self._radius[qpv] <= reach
        square, qpv, reach, apart = square[possible], qpv[possible], reach[possible], apart[possible]
        is_served = apart + self._radius[qpv] + MARGIN_M <= self.near_m
        possible = np.ones(len(square), dtype=bool)
        open_pairs = np.flatnonzero(~is_served)
        for start in range(0, len(open_pairs), BLOCK):
            at = open_pairs[start : start + BLOCK]
            metres = rounded_m(shapely.distance(self._polygons[qpv[at]], shapely.points(x[square[at]], y[square[at]])))
            is_served[at], possible[at] = metres <= self.near_m, metres <= reach[at]
        square, qpv, is_served = square[possible], qpv[possible], is_served[possible]
        every = Squares(territory, x, y, half, square, qpv, is_served)
        return every.take(np.bincount(square, minlength=len(x)) > 0)


def places(space: Space, squares: Squares, at: list[int]) -> pd.DataFrame:
    """Return the middles of some squares: ``site``, ``territory``, ``longitude``, ``latitude``, ``x``, ``y`` (metres of the territory)."""
    parts = [pd.DataFrame({c: [] for c in ("territory", "longitude", "latitude", "x", "y")})]
    for number, name in enumerate(space.names):
        own = [k for k in at if squares.territory[k] == number]
        x, y = squares.x[own], squares.y[own]
        lon, lat = to_degrees(x, y, TERRITORIES[name].epsg)
        parts.append(pd.DataFrame({"territory": name, "longitude": lon, "latitude": lat, "x": x, "y": y}))
    return (
        pd.concat([part for part in parts if len(part)] or parts, ignore_index=True).rename_axis("site").reset_index()
    )


def served(sites: pd.DataFrame, perimeters: dict[str, Perimeters], near_m: float) -> pd.DataFrame:
    """Return the QPV that each site serves: ``site``, ``qpv_code``, ``distance_m`` ≤ ``near_m`` (0: the QPV it is inside)."""
    parts = [pd.DataFrame({"site": [], "qpv_code": [], "distance_m": []}).astype({"site": "int64", "qpv_code": "str"})]
    for territory, rows in sites[sites["territory"].isin(list(perimeters))].groupby("territory"):
        codes, polygons = perimeters[str(territory)]
        points = shapely.points(rows["x"].to_numpy(dtype=float), rows["y"].to_numpy(dtype=float))
        at, qpv = shapely.STRtree(polygons).query(points, predicate="dwithin", distance=near_m + MARGIN_M)
        distance = rounded_m(shapely.distance(points[at], polygons[qpv]))
        pairs = {"site": rows["site"].to_numpy()[at], "qpv_code": codes[qpv].astype(str), "distance_m": distance}
        parts.append(pd.DataFrame(pairs)[distance <= near_m])
    return pd.concat(parts, ignore_index=True)
