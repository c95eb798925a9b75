"""A plan in SVG: shapes in metres on a sheet of some pixels, legible in black and white, each with its text alternative.

No style element, no script, no link: what is drawn is attributes, and any text is escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping

    Attributes = Mapping[str, str | float]

FONT = "sans-serif"
STEPS = (1, 2, 5)
"""A scale bar is one of these times a power of ten."""


class Box(NamedTuple):
    """Bounds in metres: west, south, east, north."""

    west: float
    south: float
    east: float
    north: float

    def around(self, x: float, y: float, reach: float) -> Box:
        """Return the bounds that also hold a circle."""
        return Box(
            min(self.west, x - reach), min(self.south, y - reach), max(self.east, x + reach), max(self.north, y + reach)
        )


class Drawing:
    """A sheet that grows by what is drawn on it; ``text`` gives the document.

    ``box``: what must be seen, in metres; ``width``: pixels; ``foot``: pixels kept under the plan for the scale bar and captions.
    """

    def __init__(self, box: Box, title: str, *, width: int = 720, margin: int = 24, foot: int = 56) -> None:
        """Begin an empty sheet; a box without size gets a metre."""
        self._box, self._margin, self.width = box, margin, width
        reach = max(box.east - box.west, box.north - box.south, 1.0)
        self.scale = (width - 2 * margin) / reach
        self.height = round((box.north - box.south) * self.scale) + 2 * margin + foot
        self._foot, self._title = foot, title
        self._plan, self._captions = list[str](), list[str]()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixels of a point in metres."""
        left = self._margin + (x - self._box.west) * self.scale
        return round(left, 1), round(self._margin + (self._box.north - y) * self.scale, 1)

    def shape(self, geometry: shapely.Geometry, title: str, **attributes: str | float) -> None:
        """Draw a polygon, with its holes, or several."""
        rings = [r for part in shapely.get_parts(geometry) for r in (part.exterior, *part.interiors)]
        paths = []
        for ring in rings:
            points = [self.at(x, y) for x, y in np.asarray(shapely.get_coordinates(ring)[:-1])]
            paths.append("M" + "L".join(f"{x:g} {y:g}" for x, y in points) + "Z")
        self.add("path", title, {"d": "".join(paths), "fill-rule": "evenodd", **attributes})

    def circle(
        self, x: float, y: float, title: str, *, metres: float = 0.0, pixels: float = 4.0, **attributes: str | float
    ) -> None:
        """Draw a circle of so many metres, or a dot of so many pixels."""
        left, top = self.at(x, y)
        radius = round(metres * self.scale, 1) if metres else pixels
        self.add("circle", title, {"cx": left, "cy": top, "r": radius, **attributes})

    def square(self, x: float, y: float, title: str, *, pixels: float = 4.0, **attributes: str | float) -> None:
        """Draw a square dot, so that two kinds of points differ without colour."""
        left, top = self.at(x, y)
        side: Attributes = {
            "x": round(left - pixels, 1),
            "y": round(top - pixels, 1),
            "width": 2 * pixels,
            "height": 2 * pixels,
        }
        self.add("rect", title, {**side, **attributes})

    def label(self, x: float, y: float, text: str, *, above: float = 8.0) -> None:
        """Write a text over a point in metres."""
        left, top = self.at(x, y)
        self._plan.append(_text(left, top - above, text, "middle"))

    def caption(self, text: str, line: int = 0) -> None:
        """Write a line under the plan, right of the scale bar."""
        self._captions.append(_text(self.width / 3, self.height - self._foot + 20 + 16 * line, text))

    def scale_bar(self, unit: str = "m") -> None:
        """Draw a bar of a round number of metres, a quarter of the sheet at most."""
        length = round_length(self.width / 4 / self.scale)
        left, top = self._margin, self.height - self._foot + 20
        right = round(left + length * self.scale, 1)
        line: Attributes = {"d": f"M{left} {top - 4}V{top}H{right}V{top - 4}", "fill": "none", "stroke": "#000"}
        words = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} {unit}"  # noqa: PLR2004 -- metres in a kilometre
        self._captions += [_element("path", words, line), _text(left, top + 16, words)]

    def add(self, tag: str, title: str, attributes: Attributes) -> None:
        """Add an element to the plan, with its text alternative."""
        self._plan.append(_element(tag, title, attributes))

    def text(self) -> str:
        """Return the document."""
        size: Attributes = {"width": self.width, "height": self.height, "viewBox": f"0 0 {self.width} {self.height}"}
        head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(self._title)}"{_written(size)}>'
        sheet = _written({"width": self.width, "height": self.height, "fill": "#fff"})
        plan = f"<svg{_written({'width': self.width, 'height': self.height - self._foot})}>"  # what leaves the plan is not seen
        title = f"<title>{escape(self._title)}</title>"
        return "\n".join([head, title, f"<rect{sheet}/>", plan, *self._plan, "</svg>", *self._captions, "</svg>\n"])


def round_length(most: float) -> float:
    """Return the longest round length, one of ``STEPS`` times a power of ten, that is not longer than ``most``."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in STEPS if step * power <= most))


def _element(tag: str, title: str, attributes: Attributes) -> str:
    return f"<{tag}{_written(attributes)}><title>{escape(title)}</title></{tag}>"


def _text(left: float, top: float, text: str, anchor: str = "start") -> str:
    place: Attributes = {"x": round(left, 1), "y": round(top, 1), "font-family": FONT, "font-size": 12}
    return f"<text{_written({**place, 'text-anchor': anchor})}>{escape(text)}</text>"


def _written(attributes: Attributes) -> str:
    """Write attributes; an underscore in a name stands for a hyphen."""
    return "".join(f' {name.replace("_", "-")}="{escape(str(value))}"' for name, value in attributes.items())
