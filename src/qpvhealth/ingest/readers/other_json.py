"""JSON with shapes that is no GeoJSON: what it is, the command that converts it, and what the grid it may lie on costs in metres.

Only the standard library is used. Sources: TopoJSON 1.0; ArcGIS REST, feature set and quantization; RFC 8142.
"""

from __future__ import annotations

import json
import math
import re
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

METRES_A_DEGREE = 111_320.0
LARGEST_DEGREE = 360.0
_TOPOLOGY = re.compile(rb'"type"\s*+:\s*+"Topology"')
_ESRI = re.compile(rb'"geometryType"\s*+:\s*+"esriGeometry|"rings"\s*+:\s*+\[')
_GEOJSON = re.compile(rb'"type"\s*+:\s*+"(FeatureCollection|Feature|GeometryCollection|(Multi)?Polygon|(Multi)?Point)"')
_FEATURE = re.compile(rb'"type"\s*+:\s*+"Feature"')
_SPACE = re.compile(rb"\s*+")
_RECORD_SEPARATOR = b"\x1e"
_TRANSFORM = re.compile(rb'"transform"\s*+:\s*+(\{[^{}]*+\})')


def described(path: Path) -> str | None:
    """Say what a JSON file is that is no GeoJSON, and the next step; null for GeoJSON, and for what is not recognised."""
    data = path.read_bytes()
    convert = conversion(path)
    if _is_by_lines(data):
        return f"GeoJSON by lines, one feature each: convert it with {convert}"
    if _TOPOLOGY.search(data):
        return f"TopoJSON{_grid(data)}: ask for the original, or convert it with {convert}"
    if (b"esriGeometry" in data or b'"rings"' in data) and _ESRI.search(data) and not _GEOJSON.search(data):
        return f"JSON of ArcGIS (Esri){_grid(data)}: ask for GeoJSON (f=geojson), or convert it with {convert}"
    return None


def conversion(path: Path) -> str:
    """Return the command that converts a file into a GeoPackage beside it, to be pasted into a shell as it is."""
    return f"ogr2ogr {quote(str(path.with_suffix('.gpkg')))} {quote(str(path))}"


def _is_by_lines(data: bytes) -> bool:
    """Say whether the first line is a feature of its own and another document follows, or a separator of records comes first."""
    start = _SPACE.match(data).end()  # type: ignore[union-attr] # no space matches too
    if data.startswith(_RECORD_SEPARATOR, start):
        return True
    end = data.find(b"\n", start)
    if end < 0 or not data.startswith(b"{", start):
        return False
    line, after = data[start:end].rstrip(), _SPACE.match(data, end).end()  # type: ignore[union-attr]
    return line.endswith(b"}") and data.startswith(b"{", after) and _FEATURE.search(line) is not None


def _grid(data: bytes) -> str:
    """Say how large the cells of the grid are on which a file lays its shapes, and how far that moves a vertex at most."""
    try:
        transform = json.loads(_TRANSFORM.search(data)[1])  # type: ignore[index] # none is an error too
        (width, height), (west, south) = (map(abs, transform["scale"][:2]), transform["translate"][:2])
        is_degrees = max(abs(west), abs(south)) <= LARGEST_DEGREE
        unit = METRES_A_DEGREE if is_degrees else 1.0
        east = width * unit * (math.cos(math.radians(south)) if is_degrees else 1.0)
        north = height * unit
    except (TypeError, ValueError, KeyError):
        return ", on no stated grid"
    return f", on a grid of {east:.3g} by {north:.3g} m: each vertex is up to {math.hypot(east, north) / 2:.3g} m off"
