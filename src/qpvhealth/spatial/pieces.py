"""Geometry on both cores: GEOS lets go of the lock of Python while it works."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

CORES = 2
FEW = 64
"""Below this number of geometries, threads cost more than they save."""


def on_both_cores(function: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
    """Apply a function of GEOS, element by element, to arrays of one length; the result is that of one call.

    Every second element goes to each core: large polygons tend to stand together.
    """
    n = len(arrays[0])
    if n < FEW:
        return function(*arrays)
    with ThreadPoolExecutor(CORES) as pool:
        parts = list(pool.map(lambda first: function(*(a[first::CORES] for a in arrays)), range(CORES)))
    out = np.empty(n, dtype=parts[0].dtype)
    for first, part in enumerate(parts):
        out[first::CORES] = part
    return out
