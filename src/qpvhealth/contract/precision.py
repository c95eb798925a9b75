"""How precise metres, areas and shares are: their last digits, which depend on versions of libraries, neither decide nor show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MICROMETRES, MILLIMETRES = 1e6, 1e3
SHARE_DECIMALS = 9
PUBLISHED_DECIMALS = {"km2": 6, "m2": 0}
"""Areas are published to the square metre."""
MARGIN_M = 1e-3
"""How much farther an index of shapes is searched than a distance, so that the rounded distances decide."""


def rounded_m(metres: ArrayLike) -> np.ndarray:
    """Round metres to the micrometre: inside, within a distance, nearest and tied are decided on these alone."""
    return np.asarray(np.rint(np.multiply(metres, MICROMETRES)) / MICROMETRES + 0.0)


def rounded_share(share: np.ndarray) -> np.ndarray:
    """Round shares of areas to a billionth: what decides, and what is published."""
    return np.round(share, SHARE_DECIMALS)


def published(values: np.ndarray, unit: str | None) -> np.ndarray:
    """Return numbers as they are published, by their unit; NaN stays NaN, and numbers of other units stay as they are.

    Metres (``m``) are rounded to the micrometre, then away from zero to the millimetre: a point inside keeps its negative sign, one
    outside is never at 0, and for any whole number of millimetres D, ``abs(published) <= D`` where ``abs(rounded_m(exact)) <= D``.
    Areas (``km2``, ``m2``) are rounded to the square metre. Published numbers stay as they are.
    """
    if unit == "m":
        micrometres = np.rint(values * MICROMETRES)
        away = np.ceil(np.abs(micrometres) / (MICROMETRES / MILLIMETRES)) / MILLIMETRES
        return np.asarray(np.copysign(away, micrometres) + 0.0)
    return np.round(values, PUBLISHED_DECIMALS[unit]) if unit in PUBLISHED_DECIMALS else values


class Share(float):
    """A share in [0, 1], which people read in percent."""


class Ordinal(int):
    """A number that names a place, such as a row: its thousands are never set apart."""
