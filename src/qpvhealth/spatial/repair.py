"""Polygons made usable: valid, polygonal part only, with the change of area on record."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from qpvhealth.contract.precision import rounded_share

POLYGON, MULTIPOLYGON = 3, 6
NONE, REPAIRED, COLLAPSED = None, "repaired", "collapsed"


class Repaired(NamedTuple):
    """Aligned on the geometries given: the usable polygons (null when collapsed), what was done, relative area change."""

    geometry: np.ndarray
    repair: np.ndarray
    area_change: np.ndarray


def repair(geometries: np.ndarray) -> Repaired:
    """Make polygons valid by their structure (holes stay holes, a bowtie keeps both wings) and keep the polygonal part.

    ``geometries``: polygons in metres. A geometry of another kind, empty, with a vertex that is no number, or without area after
    repair is collapsed: its row stays, nothing can be inside it. The area change is relative to the area as read; NaN where that was 0.
    """
    given = np.array(geometries, dtype=object)
    bad = ~shapely.is_valid(given) | ~np.isin(shapely.get_type_id(given), (POLYGON, MULTIPOLYGON))
    given[np.flatnonzero(bad)[_has_no_place(given[bad])]] = None
    out = given.copy()
    out[bad] = _by_structure(given[bad])
    before, after = shapely.area(given), shapely.area(out)
    collapsed = ~(after > 0)
    out[collapsed] = None
    done = np.full(len(given), NONE, dtype=object)
    done[bad], done[collapsed] = REPAIRED, COLLAPSED
    change = rounded_share(np.divide(after, before, out=np.full(len(given), np.nan), where=before > 0) - 1)
    return Repaired(out, done, np.where(collapsed, np.nan, np.where(bad, change, 0.0)))


def _by_structure(geometries: np.ndarray) -> np.ndarray:
    out: np.ndarray = shapely.make_valid(geometries, method="structure", keep_collapsed=False)
    mixed = ~np.isin(shapely.get_type_id(out), (POLYGON, MULTIPOLYGON))
    out[mixed] = _polygonal(out[mixed])
    return out


def _has_no_place(geometries: np.ndarray) -> np.ndarray:
    """Say which geometries have a vertex that is not a pair of numbers: dropping it would give another shape."""
    coordinates, owner = shapely.get_coordinates(geometries, return_index=True)
    out = np.zeros(len(geometries), dtype=bool)
    out[owner[~np.isfinite(coordinates).all(axis=1)]] = True
    return out


def _polygonal(geometries: np.ndarray) -> np.ndarray:
    """Keep the polygons of each geometry, dissolved; null where there is none."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    inner, of_part = shapely.get_parts(parts, return_index=True)
    is_polygon = shapely.get_type_id(inner) == POLYGON
    out = np.full(len(geometries), None, dtype=object)
    shapely.geometrycollections(inner[is_polygon], indices=owner[of_part][is_polygon], out=out)
    n = shapely.get_num_geometries(out)
    out[n == 1] = shapely.get_geometry(out[n == 1], 0)
    out[n > 1] = shapely.union_all(out[n > 1, None], axis=1)
    return out
