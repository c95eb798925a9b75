"""Maps as SVG: the country with its insets, or one area; each structure one point, none over another, legible in black and white.

Degrees are drawn straight, longitudes narrowed by the cosine of the middle latitude of each frame: a drawing, never a measure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import shapely

from qpvhealth.facts.ground import Ring, outlines

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Box = tuple[float, float, float, float]
WIDTH = 720
RADIUS, PITCH = 2.6, 5.6
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
INK, LINE, QUARTER, SEA, LAND = "#000000", "#767676", "#b8b8b8", "#f2f2f2", "#ffffff"
CITIES: dict[str, Box] = {
    "petite_couronne": (2.075, 48.68, 2.666, 49.02),
    "lyon": (4.686, 45.64, 5.064, 45.87),
    "marseille": (5.239, 43.19, 5.601, 43.42),
}
METROPOLE_BOX: Box = (-5.25, 41.25, 9.75, 51.2)


@dataclass(frozen=True)
class Point:
    """A structure on a map; ``is_inside``: in a QPV, else near one."""

    code: str
    longitude: float
    latitude: float
    is_inside: bool


@dataclass(frozen=True)
class Frame:
    """A part of the map: what is drawn (``box``, in degrees), where on the page (``at``: left, top, width, height), and its name.

    ``ground``: the outlines it is drawn on (see ``facts.ground``); ``codes``: the départements drawn as the area itself, all by default.
    """

    name: str
    box: Box
    at: tuple[float, float, float, float]
    ground: str
    codes: frozenset[str] | None = None
    has_quarters: bool = True

    def holds(self, point: Point) -> bool:
        """Say whether a point lies in the box."""
        west, south, east, north = self.box
        return west <= point.longitude <= east and south <= point.latitude <= north

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels per degree of longitude and of latitude, the same on the ground."""
        west, south, east, north = self.box
        narrowed = math.cos(math.radians((south + north) / 2))
        per_degree = min(self.at[2] / ((east - west) * narrowed), self.at[3] / (north - south))
        return per_degree * narrowed, per_degree

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Return the pixels of a position, from the upper left of the frame, in whose middle the box lies."""
        west, south, east, north = self.box
        x_scale, y_scale = self.scale
        left = (self.at[2] - (east - west) * x_scale) / 2
        top = (self.at[3] - (north - south) * y_scale) / 2
        return left + (longitude - west) * x_scale, top + (north - latitude) * y_scale


def box_of(shapes: Sequence[shapely.Geometry], points: Sequence[Point], margin: float = 0.08) -> Box:
    """Return the box around polygons and points, with a margin on each side."""
    bounds = [s.bounds for s in shapes] + [(p.longitude, p.latitude) * 2 for p in points]
    west, south = (min(b[k] for b in bounds) for k in (0, 1))
    east, north = (max(b[k] for b in bounds) for k in (2, 3))
    pad = max(east - west, north - south, 0.02) * margin
    return west - pad, south - pad, east + pad, north + pad


def draw(
    ids: str,
    words: tuple[str, str],
    legend: Sequence[str],
    frames: Sequence[Frame],
    points: Sequence[Point],
    *,
    hatched: Collection[str] = (),
    quarters: Sequence[shapely.Geometry] = (),
    has_near: bool = True,
) -> str:
    """Draw points on frames: full inside a QPV, hollow near one. A point is drawn once, in the last frame that holds it.

    ``ids`` starts the ids of the drawing; ``words``: its title and description; ``legend``: what is said of a full point, a hollow one, a
    QPV and hatching; ``hatched``: départements whose ARS did not answer; ``has_near``: whether any was asked, else the legend has no
    hollow point. Later frames are the finer ones: where one shows a place, the frame before shows its outline only.
    """
    width, height = size_of(frames)
    root = ET.Element(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"-1 -1 {width + 2} {height + 1}", "role": "img"}
    )
    root.set("aria-labelledby", f"{ids}-title {ids}-desc")
    for tag, text in zip(("title", "desc"), words, strict=True):
        ET.SubElement(root, tag, {"id": f"{ids}-{tag}"}).text = text
    definitions = ET.SubElement(root, "defs")
    spacing = {"width": "6", "height": "6", "patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
    pattern = ET.SubElement(definitions, "pattern", {"id": f"{ids}-hatch", **spacing})
    ET.SubElement(pattern, "rect", {"width": "6", "height": "6", "fill": LAND})
    ET.SubElement(pattern, "path", {"d": "M0 0V6", "stroke": LINE, "stroke-width": "1.4"})
    for number, (frame, there) in enumerate(zip(frames, shared(frames, points), strict=True)):
        _frame(root, frame, ids, hatched, quarters)
        if number == 0:
            _insets(root, frame, frames[1:])
        _points(root, frame, there)
    _legend(root, ids, height - 12, legend, has_near=has_near, has_hatch=bool(hatched))
    return ET.tostring(root, encoding="unicode")


def size_of(frames: Sequence[Frame]) -> tuple[int, int]:
    """Return the width and height of a drawing, its legend included."""
    return WIDTH, math.ceil(max(f.at[1] + f.at[3] for f in frames)) + 34


def shared(frames: Sequence[Frame], points: Sequence[Point]) -> list[list[Point]]:
    """Give each point to the last frame that holds it, in the order of their codes; what no frame holds is in none."""
    shares: list[list[Point]] = [[] for _ in frames]
    for point in sorted(points, key=lambda p: p.code):
        holders = [number for number, frame in enumerate(frames) if frame.holds(point)]
        if holders:
            shares[holders[-1]].append(point)
    return shares


def _frame(
    root: ET.Element, frame: Frame, ids: str, hatched: Collection[str], quarters: Sequence[shapely.Geometry]
) -> None:
    left, top, width, height = frame.at
    box = {"x": f"{left:g}", "y": f"{top:g}", "width": f"{width:g}", "height": f"{height:g}"}
    ET.SubElement(root, "rect", {**box, "fill": SEA, "stroke": LINE, "stroke-width": "0.8"})
    inner = ET.SubElement(root, "svg", {**box, "viewBox": f"0 0 {width:g} {height:g}", "overflow": "hidden"})
    for outline in outlines():
        if outline.frame == frame.ground:
            is_area = frame.codes is None or outline.code in frame.codes
            fill = f"url(#{ids}-hatch)" if outline.code in hatched and is_area else LAND if is_area else "#e4e4e4"
            shape = {"d": "".join(_path(frame, ring) for ring in outline.rings), "fill": fill}
            ET.SubElement(inner, "path", {**shape, "stroke": LINE, "stroke-width": "0.6", "stroke-linejoin": "round"})
    if frame.has_quarters:
        west, south, east, north = frame.box
        window, tolerance = shapely.box(west, south, east, north), 0.4 / frame.scale[1]
        rings = [
            tuple(ring.coords)
            for shape in quarters
            if shape.intersects(window)
            for part in shapely.get_parts(shape.simplify(tolerance))
            for ring in [part.exterior]
        ]
        if rings:
            ET.SubElement(inner, "path", {"d": "".join(_path(frame, ring) for ring in rings), "fill": QUARTER})
    label = {"x": f"{left + 5:g}", "y": f"{top + 14:g}", "font-family": "sans-serif", "font-size": "11", "fill": INK}
    for halo in ({"stroke": LAND, "stroke-width": "3"}, {}):  # twice: word processors ignore the order of painting
        ET.SubElement(root, "text", label | halo).text = frame.name


def _path(frame: Frame, ring: Ring) -> str:
    """Write a ring, to a tenth of a pixel; points that fall together are one."""
    places: list[str] = []
    for longitude, latitude, *_ in ring:
        x, y = frame.place(longitude, latitude)
        if not places or places[-1] != f"{x:.1f} {y:.1f}":
            places.append(f"{x:.1f} {y:.1f}")
    return f"M{'L'.join(places)}Z"


def _insets(root: ET.Element, frame: Frame, others: Sequence[Frame]) -> None:
    """Mark on the first frame where the finer ones are."""
    for other in others:
        west, south, east, north = other.box
        if frame.box[0] <= west and east <= frame.box[2] and frame.box[1] <= south and north <= frame.box[3]:
            (x, y), (right, bottom) = frame.place(west, north), frame.place(east, south)
            box = {"x": f"{frame.at[0] + x:.1f}", "y": f"{frame.at[1] + y:.1f}"}
            size = {"width": f"{right - x:.1f}", "height": f"{bottom - y:.1f}"}
            ET.SubElement(root, "rect", {**box, **size, "fill": "none", "stroke": INK, "stroke-width": "1"})


def _points(root: ET.Element, frame: Frame, points: Sequence[Point]) -> None:
    left, top, width, height = frame.at
    group = ET.SubElement(root, "g", {"stroke": INK, "stroke-width": "1"})
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for point in points:
        x, y = frame.place(point.longitude, point.latitude)
        x, y = _free(left + x, top + y, taken)
        x, y = min(max(x, left + RADIUS), left + width - RADIUS), min(max(y, top + RADIUS), top + height - RADIUS)
        taken.setdefault((int(x // PITCH), int(y // PITCH)), []).append((x, y))
        circle = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": f"{RADIUS:g}", "fill": INK if point.is_inside else LAND}
        ET.SubElement(group, "circle", circle)


def _free(x: float, y: float, taken: dict[tuple[int, int], list[tuple[float, float]]]) -> tuple[float, float]:
    """Return the nearest place on a spiral around a position that no other point covers."""
    for step in range(5000):
        far, angle = 0.55 * PITCH * math.sqrt(step), step * GOLDEN_ANGLE
        at = (x + far * math.cos(angle), y + far * math.sin(angle))
        column, row = int(at[0] // PITCH), int(at[1] // PITCH)
        near = (p for i in (-1, 0, 1) for j in (-1, 0, 1) for p in taken.get((column + i, row + j), ()))
        if all(math.dist(at, p) >= PITCH for p in near):
            return at
    return x, y


def _legend(root: ET.Element, ids: str, y: float, legend: Sequence[str], *, has_near: bool, has_hatch: bool) -> None:
    inside, near, quarter, unanswered = legend
    words = {"y": f"{y:g}", "font-family": "sans-serif", "font-size": "12", "fill": INK}
    for x, fill, text in ((8, INK, inside), (110, LAND, near))[: 1 + has_near]:
        dot = {"cx": f"{x:g}", "cy": f"{y - 4:g}", "r": "4", "fill": fill, "stroke": INK, "stroke-width": "1"}
        ET.SubElement(root, "circle", dot)
        ET.SubElement(root, "text", {"x": f"{x + 10:g}", **words}).text = text
    box = {"y": f"{y - 10:g}", "width": "18", "height": "12", "stroke": LINE}
    ET.SubElement(root, "rect", {"x": "350", **box, "fill": QUARTER})
    ET.SubElement(root, "text", {"x": "374", **words}).text = quarter
    if has_hatch:
        ET.SubElement(root, "rect", {"x": "480", **box, "fill": f"url(#{ids}-hatch)"})
        ET.SubElement(root, "text", {"x": "504", **words}).text = unanswered
