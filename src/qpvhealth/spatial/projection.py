"""One place where coordinates change system. Longitude comes first everywhere, metres are each territory's own."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyproj import CRS
from pyproj.enums import TransformDirection

from qpvhealth.facts.departments import DEPARTMENT_BOXES
from qpvhealth.facts.polynesie import COMMUNE_BOXES
from qpvhealth.facts.territories import SYSTEMS, TERRITORIES
from qpvhealth.spatial.datums import is_one_system, way

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

WGS84 = 4326
DEGREE_DECIMALS = 9
"""A tenth of a millimetre: what versions of PROJ agree on, of degrees that come from metres."""
Array = np.ndarray

_BOXES = DEPARTMENT_BOXES | COMMUNE_BOXES
_EVERYWHERE = (-np.inf, -np.inf, np.inf, np.inf)


@lru_cache(maxsize=256)
def same_crs(source: str | int, target: str | int) -> bool:
    """Say whether two systems give the same coordinates, longitude or easting first; realisations of one system do (``datums``)."""
    one, two = _name(source), _name(target)
    if one == two or {one, two} <= SYSTEMS:
        return one == two
    if is_one_system(one) and is_one_system(two):
        return True
    return bool(CRS.from_user_input(one).equals(CRS.from_user_input(two), ignore_axis_order=True))


def _name(crs: str | int) -> str:
    return f"EPSG:{crs}" if isinstance(crs, int) or str(crs).isdigit() else str(crs)


def transform_points(x: Array, y: Array, source: str | int, target: str | int) -> tuple[Array, Array]:
    """Move coordinates from one system to another, by way of degrees (``datums.way``); unchanged, to the bit, when both are the same.

    What cannot be projected becomes NaN, never infinity.
    """
    tx, ty = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if same_crs(source, target):
        return tx, ty
    forth = way(_name(source)).steps
    back = [(step, not is_forward) for step, is_forward in reversed(way(_name(target)).steps)]
    for step, is_forward in (*forth, *back):
        direction = TransformDirection.FORWARD if is_forward else TransformDirection.INVERSE
        tx, ty = step.transform(tx, ty, direction=direction)
    bad = ~(np.isfinite(tx) & np.isfinite(ty))
    return (np.where(bad, np.nan, tx), np.where(bad, np.nan, ty)) if bad.any() else (tx, ty)


def to_degrees(x: Array, y: Array, crs: str | int) -> tuple[Array, Array]:
    """Return longitudes and latitudes to be published: rounded, or unchanged to the bit where they are in WGS84 already."""
    lon, lat = transform_points(x, y, crs, WGS84)
    return (lon, lat) if same_crs(crs, WGS84) else (rounded_degrees(lon), rounded_degrees(lat))


def rounded_degrees(degrees: Array) -> Array:
    """Round longitudes and latitudes that come from metres."""
    return np.round(degrees, DEGREE_DECIMALS)


def transform_geometries(geometries: Array, source: str | int, target: str | int) -> Array:
    """Move geometries from one system to another, vertex by vertex; unchanged when both are the same.

    A geometry with a vertex that cannot be projected becomes null: without it, it would be another shape.
    """
    moved = np.array(geometries, dtype=object)
    if same_crs(source, target):
        return moved
    xy, owner = shapely.get_coordinates(moved, return_index=True)
    xy[:, 0], xy[:, 1] = transform_points(xy[:, 0], xy[:, 1], source, target)
    if (nowhere := np.isnan(xy[:, 0])).any():
        lost = np.isin(owner, owner[nowhere])
        moved[owner[lost]] = None
        xy = xy[~lost]
    return np.asarray(shapely.set_coordinates(moved, xy), dtype=object)


def groups(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[tuple[str, ...], Array]]:
    """Yield the text keys of each group of rows with the positions of its rows; rows with a null key are in none."""
    for key, at in frame.groupby(list(columns)).indices.items():
        yield tuple(map(str, key)) if isinstance(key, tuple) else (str(key),), np.asarray(at)


def to_territory_metres(x: Array, y: Array, territory: pd.Series, crs: pd.Series | int) -> tuple[Array, Array]:
    """Project points to the metres of their own territory.

    ``territory`` is aligned on the points, and so is ``crs``, unless all are in one system. A null territory or system gives NaN.
    Points already in the projection of their territory keep their coordinates to the bit.
    """
    import pandas as pd  # noqa: PLC0415 -- see ``territory_of_position``

    metres_x, metres_y = np.full(len(x), np.nan), np.full(len(x), np.nan)
    systems = str(crs) if isinstance(crs, int) else crs.to_numpy()
    frame = pd.DataFrame({"territory": territory.to_numpy(), "crs": systems})
    for (name, source), at in groups(frame, "territory", "crs"):
        metres_x[at], metres_y[at] = transform_points(x[at], y[at], source, TERRITORIES[name].epsg)
    return metres_x, metres_y


def territory_of_position(lon: Array, lat: Array) -> pd.Series:
    """Name the territory whose box holds each position (degrees); null outside every box or for a null position."""
    import pandas as pd  # noqa: PLC0415 -- points by the million are placed without frames

    return pd.Series(territories_at(lon, lat), dtype="str")


def territories_at(lon: Array, lat: Array) -> Array:
    """Name the territory whose box holds each position (degrees); None outside every box or for a null position."""
    names = np.full(len(lon), None, dtype=object)
    for territory in TERRITORIES.values():
        west, south, east, north = territory.box
        names[(lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)] = territory.name
    return names


def outside_box(lon: Array, lat: Array, area: pd.Series) -> Array:
    """Say which positions (degrees) lie outside the box of the département, or commune of Polynésie, beside them.

    False without a position, or without an area that has a box.
    """
    import pandas as pd  # noqa: PLC0415 -- see ``territory_of_position``

    which, codes = pd.factorize(area)
    boxes = np.array([*(_BOXES.get(code, _EVERYWHERE) for code in codes), _EVERYWHERE], dtype=float)
    west, south, east, north = boxes[which].T
    return np.asarray((lon < west) | (lon > east) | (lat < south) | (lat > north))
