"""The plane of a territory in the coordinates points are given in, cut into cells whose extent in metres is bounded.

Cells lie along the axes of the coordinates of the points (degrees or metres), so that finding the cell of a point costs a
multiplication and no projection; what is decided for a cell is decided in metres.
"""

from __future__ import annotations

import numpy as np
import shapely

from qpvhealth.spatial.projection import WGS84, same_crs, transform_points

Box = tuple[float, float, float, float]

TOP_M = 32_768.0
BULGE = 0.02
"""How far the image of a cell may reach beyond its projected corners, as a share of its radius. At 32 km the scale of a map
projection varies by less than 1 % across a cell at the latitudes of France, and by half of that for each halving."""


class Plane:
    """Cells of about 32 km, each cut in four at every level; ``radius[level]`` bounds the metres from centre to any point."""

    def __init__(
        self, polygons: np.ndarray, crs: str, epsg: int, within_m: float, *, deepest: int, box: Box | None = None
    ) -> None:
        """Lay cells over the polygons (metres of ``epsg``) and all that is within the distance, in the coordinates of ``crs``.

        ``box`` (degrees) is covered too where it is given.
        """
        self.crs, self.epsg, self.is_metric = crs, epsg, same_crs(crs, epsg)
        boxes = self._boxes(shapely.total_bounds(polygons)[None, :], within_m)
        if box is not None:
            x, y = transform_points(*_frame(np.array(box)[None, :]), WGS84, crs)
            boxes = np.concatenate([boxes, [[np.nanmin(x), np.nanmin(y), np.nanmax(x), np.nanmax(y)]]])
        (west, south), (east, north) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
        self.width = self.height = TOP_M
        if not self.is_metric:  # degrees, or the metres of another system, across 32 km of these
            step, x, y = 1e-3, (west + east) / 2, (south + north) / 2
            mx, my = transform_points(np.array([x, x + step, x]), np.array([y, y, y + step]), crs, epsg)
            self.width, self.height = (TOP_M * step / np.hypot(mx[1:] - mx[0], my[1:] - my[0])).tolist()
        self.x = float(np.floor(west / self.width) * self.width)
        self.y = float(np.floor(south / self.height) * self.height)
        self.columns = int((east - self.x) / self.width) + 1
        self.rows = int((north - self.y) / self.height) + 1
        radius = TOP_M / np.sqrt(2)
        if not self.is_metric:
            ix, iy = (v.ravel() for v in np.meshgrid(np.arange(self.columns), np.arange(self.rows)))
            cx, cy = self.metres(0, ix + 0.5, iy + 0.5)
            corners = [self.metres(0, ix + a, iy + b) for a in (0, 1) for b in (0, 1)]
            radius = max(float(np.max(np.hypot(x - cx, y - cy))) for x, y in corners) * (1 + BULGE)
        self.radius = radius / 2.0 ** np.arange(deepest + 1)

    def metres(self, level: int, ix: np.ndarray, iy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the metres of places counted in cells of a level."""
        x, y = self.coordinates(level, ix, iy)
        return (x, y) if self.is_metric else transform_points(x, y, self.crs, self.epsg)

    def coordinates(self, level: int, ix: np.ndarray, iy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the coordinates, in the system of the points, of places counted in cells of a level."""
        return self.x + ix * (self.width / 2**level), self.y + iy * (self.height / 2**level)

    def covering(self, polygons: np.ndarray, within_m: float, level: int) -> tuple[np.ndarray, ...]:
        """Return the first and last columns and rows of the cells of a level that come within the distance of each polygon's box."""
        west, south, east, north = self._boxes(shapely.bounds(polygons), within_m).T
        width, height, n_columns, n_rows = (
            self.width / 2**level,
            self.height / 2**level,
            self.columns << level,
            self.rows << level,
        )
        columns = [np.clip(((v - self.x) / width).astype(np.int64), 0, n_columns - 1) for v in (west, east)]
        rows = [np.clip(((v - self.y) / height).astype(np.int64), 0, n_rows - 1) for v in (south, north)]
        return columns[0], rows[0], columns[1], rows[1]

    def _boxes(self, boxes: np.ndarray, within_m: float) -> np.ndarray:
        """Return boxes, in the system of the points, that hold boxes in metres and all that is within the distance of them."""
        boxes = boxes + np.array([-1, -1, 1, 1]) * (within_m + 1.0)
        if self.is_metric:
            return boxes
        x, y = (v.reshape(len(boxes), -1) for v in transform_points(*_frame(boxes), self.epsg, self.crs))
        low, high = np.array([x.min(1), y.min(1)]), np.array([x.max(1), y.max(1)])
        margin = (high - low) * BULGE
        return np.concatenate([low - margin, high + margin]).T


def _frame(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points along the edges of boxes, as many for each, one box after the other."""
    share = np.linspace(0, 1, 9)
    edge = np.array([(a, b) for a in share for b in share if a in (0, 1) or b in (0, 1)])
    west, south, east, north = (v[:, None] for v in boxes.T)
    return (west + (east - west) * edge[:, 0]).ravel(), (south + (north - south) * edge[:, 1]).ravel()
