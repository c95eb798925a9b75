"""Where N structures would serve the most people, anywhere in the plane: squares are split until the bound meets the plan."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.indicators import simulation

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from qpvhealth.spatial.sites import Space, Squares

FINEST_M = 1.0
SECONDS, MOST_PAIRS = 20.0, 1_000_000
"""How long squares are split, and how many pairs of a place and a QPV it serves are remembered: the answer takes a minute and 1 GB."""


def best_places(space: Space, weight: np.ndarray, n: int) -> tuple[Squares, simulation.Plan]:
    """Choose ``n`` places that serve the most weight, anywhere; return the places tried and the plan among them.

    ``space``: where a structure may stand. ``weight``: inhabitants by QPV of the space. A square stands in the bound for all its points,
    with every QPV that any of them could serve; one that cannot be in a better plan, or could serve no more than one place does, is
    left out. The search stops where the bound meets the plan, where squares are smaller than ``FINEST_M``, or after its share of work.
    Raises UsageError as ``simulation.best``.
    """
    simulation.refuse(n)
    tried = space.points()
    n_tried = tried.n
    if space.is_enumerated:
        tried = tried.take(_first_of_each(*tried.served))
        return tried, simulation.best(*tried.served, weight, n)._replace(n_tried=n_tried)
    started, live, prices = time.monotonic(), space.roots(), weight / 2
    while True:
        tried = tried.joined(live.middles)
        tried = tried.take(_first_of_each(*tried.served))
        live = live.take(~_stands_among(live, tried))
        serves = simulation.matrix(*tried.served, tried.n, len(weight))
        chosen = simulation.greedy(serves, weight, n)
        value = simulation.worth(serves, chosen, weight)
        of_set, could = _sets(live, len(weight))
        bound, prices, is_useful = simulation.relaxed(_above(serves, could), weight, n, value, prices)
        stays = is_useful[: tried.n]
        stays[chosen] = True
        tried, live = tried.take(stays), live.take(is_useful[tried.n :][of_set])
        fine = live.half * 2 > FINEST_M
        is_spent = time.monotonic() - started > SECONDS or tried.square.size > MOST_PAIRS
        if simulation.whole(bound, weight) <= value or not fine.any() or is_spent:
            break
        promise = np.bincount(live.square, prices[live.qpv], live.n)
        order = np.argsort(np.where(fine, -promise, 0.0), kind="stable")[: int(fine.sum())]
        pairs = np.cumsum(np.bincount(live.square, minlength=live.n)[order])
        split = np.isin(np.arange(live.n), order[pairs <= max(MOST_PAIRS / 4, pairs[0])])
        quarters = space.split(live.take(split))
        n_tried += quarters.n
        live = live.take(~split).joined(quarters)
    serves = simulation.matrix(*tried.served, tried.n, len(weight))
    chosen, of_tried = simulation.choose(serves, weight, n, simulation.greedy(serves, weight, n))
    value = simulation.worth(serves, chosen, weight)
    if live.n:
        could = _above(serves, _sets(live, len(weight))[1])
        bound = min(bound, simulation.choose(could, weight, n, simulation.greedy(could, weight, n))[1])
    else:
        bound = min(bound, of_tried)
    return tried, simulation.Plan(sorted(map(int, chosen)), value, max(value, simulation.whole(bound, weight)), n_tried)


def _first_of_each(square: np.ndarray, qpv: np.ndarray) -> np.ndarray:
    """Return the first of the places that serve the same QPV, in the order of places; what serves none is left out."""
    places, key = _keys(square, qpv)
    return np.sort(places[np.unique(key, return_index=True)[1]])


def _sets(squares: Squares, n_qpv: int) -> tuple[np.ndarray, csr_array]:
    """Return which QPV could be served from squares, each set once, and the number of the set of each square."""
    _, key = _keys(squares.square, squares.qpv)
    _, first, of_set = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    distinct = squares.take(first)
    return np.argsort(order)[of_set], simulation.matrix(distinct.square, distinct.qpv, distinct.n, n_qpv)


def _above(one: csr_array, other: csr_array) -> csr_array:
    """Put the rows of one matrix above those of another."""
    from scipy import sparse  # noqa: PLC0415 -- an extra

    return sparse.vstack([one, other], format="csr")


def _stands_among(squares: Squares, places: Squares) -> np.ndarray:
    """Say which squares could serve exactly what one of the places does."""
    of_square, key = _keys(squares.square, squares.qpv)
    mask = np.zeros(squares.n, dtype=bool)
    mask[of_square[np.isin(key, _keys(*places.served)[1])]] = True
    return mask


def _keys(owner: np.ndarray, qpv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the owners of pairs, and a number for the set of QPV of each: equal sets have equal numbers.

    The number is a sum of two random ones for each QPV, 106 bits in all: different sets have equal numbers once in 10**20 searches.
    """
    drawn = np.random.default_rng(0).integers(0, 2**53, (2, int(qpv.max(initial=0)) + 1), dtype=np.uint64)
    owners, first = np.unique(owner, return_index=True)
    sums = np.add.reduceat(drawn[:, qpv], first, axis=1) % 2**53 if len(owner) else drawn[:, :0]
    return owners, sums[0].astype(float) + 1j * sums[1].astype(float)
