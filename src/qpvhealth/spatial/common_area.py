"""The area that two polygons have in common, for many pairs at once, without drawing what they share.

A polygon is what lies below the edges that go one way, less what lies below those that go the other; at each abscissa as many go each
way. So for two polygons, summed over the pairs of their edges that stand above one another,

    common area = -1/2 Σ s·t·∫|y(edge) - y(other edge)| dx

where s and t are the directions of the two edges (1 or -1). It is one sum: no crossing is looked for, nothing is drawn, and polygons
whose borders nearly coincide, the usual case between two generations, are no harder than others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

AT_ONCE = 16_384
"""Pairs of edges at a time: they stay in the cache of the processor."""
MOST = 1_000_000
"""Two polygons with more edges than this above one another, as combs have, are drawn: it takes less time."""
PAIRS = 2_000
"""Polygons paired at a time: side by side over more kilometres, their abscissas would be less precise."""
RESOLUTION_M2 = 1e-6
"""A square millimetre: what is smaller is rounding, and counts as nothing."""


class _Edges(NamedTuple):
    """The edges of one side, from left to right, by where they start; each belongs to a ``pair``."""

    left: np.ndarray
    right: np.ndarray
    y: np.ndarray
    slope: np.ndarray
    direction: np.ndarray
    pair: np.ndarray

    def some(self, at: np.ndarray) -> _Edges:
        """Keep some edges, by position."""
        return _Edges(*(values[at] for values in self))


def common_area(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return, for each pair of polygons, the area in common, in the square of their unit.

    ``first`` and ``second``: valid polygons or multipolygons, in metres, aligned. Precise to ``RESOLUTION_M2`` and to a
    billionth of their area.
    """
    parts = [_of_some(first[k : k + PAIRS], second[k : k + PAIRS]) for k in range(0, len(first), PAIRS)]
    area = np.concatenate([np.empty(0), *parts])
    return np.where(area < RESOLUTION_M2, 0.0, area)


def _of_some(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sum over the edges of pairs put side by side, so that those of one never stand above those of another."""
    boxes = shapely.bounds(first), shapely.bounds(second)
    west = np.minimum(boxes[0][:, 0], boxes[1][:, 0])
    width = np.maximum(boxes[0][:, 2], boxes[1][:, 2]) - west + 1
    shift = np.cumsum(width) - width - west
    one, other = _edges(first, shift), _edges(second, shift)
    # of two edges above one another, one starts within the other, or both at the same abscissa: each pair is met once
    starts = np.searchsorted(other.left, one.left, "left"), np.searchsorted(one.left, other.left, "right")
    sides = [
        (edges, against, start, np.searchsorted(against.left, edges.right, "left") - start)
        for edges, against, start in ((one, other, starts[0]), (other, one, starts[1]))
    ]
    n_met = np.add(*(np.bincount(edges.pair, many, len(first)) for edges, _, _, many in sides))
    drawn = n_met > MOST
    area = np.zeros(len(first))
    for edges, against, start, many in sides:
        at = np.flatnonzero(~drawn[edges.pair])
        upto = np.cumsum(many[at])
        for some in np.split(at, np.searchsorted(upto, np.arange(AT_ONCE, upto[-1:].sum(), AT_ONCE))):
            area -= _between(edges.some(some), against, start[some], many[some], len(first)) / 4
    area[drawn] = shapely.area(shapely.intersection(first[drawn], second[drawn]))
    return area


def _edges(polygons: np.ndarray, shift: np.ndarray) -> _Edges:
    """Take polygons apart into edges, each pair shifted along the abscissa; vertical edges have nothing below them."""
    parts, owner = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    pair = owner[part][ring]
    x, y = xy[:, 0] + shift[pair], xy[:, 1]
    at = np.flatnonzero((ring[1:] == ring[:-1]) & (x[1:] != x[:-1]))
    leftward = x[at] > x[at + 1]
    start, end = at + leftward, at + 1 - leftward
    slope = (y[end] - y[start]) / (x[end] - x[start])
    edges = _Edges(x[start], x[end], y[start], slope, np.where(leftward, -1.0, 1.0), pair[at])
    return edges.some(np.argsort(edges.left, kind="stable"))


def _between(edges: _Edges, against: _Edges, start: np.ndarray, many: np.ndarray, n: int) -> np.ndarray:
    """Sum by pair of polygons twice the area between edges and those ``against`` them: ``many`` for each, from ``start`` on."""
    i = np.repeat(np.arange(len(many)), many)
    j = np.arange(len(i)) + np.repeat(start - (np.cumsum(many) - many), many)
    a, b = edges.some(i), against.some(j)
    width = np.minimum(a.right, b.right) - b.left
    at_left = a.y + a.slope * (b.left - a.left) - b.y
    at_right = at_left + (a.slope - b.slope) * width
    height = np.abs(at_left) + np.abs(at_right)
    cross = np.flatnonzero(at_left * at_right < 0)
    height[cross] = (at_left[cross] ** 2 + at_right[cross] ** 2) / height[cross]
    return np.bincount(a.pair, a.direction * b.direction * width * height, n)
