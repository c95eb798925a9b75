"""Polygons made usable: valid, polygonal part only, with the change of area on record."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from qpvhealth.contract.precision import rounded_share

POLYGON, MULTIPOLYGON = 3, 6
NONE, REPAIRED, COLLAPSED = None, "repaired", "collapsed"


class Repaired(NamedTuple):
    """Aligned on the geometries: the usable polygons (null when collapsed), what was done, relative area change."""

    geometry: np.ndarray
    repair: np.ndarray
    area_change: np.ndarray


def repair(geometries: np.ndarray) -> Repaired:
    """Make polygons valid by their structure (holes stay holes, a bowtie keeps both wings) and keep the polygonal part.

    ``geometries``: polygons in metres. A geometry of another kind, empty, with a vertex that is no pair of numbers (without it, it
    would be another shape), or without area after repair is collapsed: its row stays, nothing can be inside it. The area change is
    relative to the area as read, rounded to a billionth; NaN where that was 0.
    """
    as_read = np.array(geometries, dtype=object)
    bad = ~shapely.is_valid(as_read) | ~np.isin(shapely.get_type_id(as_read), (POLYGON, MULTIPOLYGON))
    coordinates, owner = shapely.get_coordinates(as_read[bad], return_index=True)
    as_read[np.flatnonzero(bad)[owner[~np.isfinite(coordinates).all(axis=1)]]] = None
    valid = shapely.make_valid(as_read[bad], method="structure", keep_collapsed=False)
    mixed = ~np.isin(shapely.get_type_id(valid), (POLYGON, MULTIPOLYGON))
    valid[mixed] = _polygonal(valid[mixed])
    repaired = as_read.copy()
    repaired[bad] = valid
    before, after = shapely.area(as_read), shapely.area(repaired)
    collapsed = ~(after > 0)
    repaired[collapsed] = None
    done = np.full(len(as_read), NONE, dtype=object)
    done[bad], done[collapsed] = REPAIRED, COLLAPSED
    change = rounded_share(np.divide(after, before, out=np.full(len(as_read), np.nan), where=before > 0) - 1)
    return Repaired(repaired, done, np.where(collapsed, np.nan, np.where(bad, change, 0.0)))


def _polygonal(geometries: np.ndarray) -> np.ndarray:
    """Keep the polygons of each geometry, dissolved; null where there is none."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    inner, of_part = shapely.get_parts(parts, return_index=True)
    is_polygon = shapely.get_type_id(inner) == POLYGON
    polygons = np.full(len(geometries), None, dtype=object)
    shapely.geometrycollections(inner[is_polygon], indices=owner[of_part][is_polygon], out=polygons)
    n = shapely.get_num_geometries(polygons)
    polygons[n == 1] = shapely.get_geometry(polygons[n == 1], 0)
    polygons[n > 1] = shapely.union_all(polygons[n > 1, None], axis=1)
    return polygons
