"""The geometry column of a Parquet file: named by its GeoParquet metadata, or of the native type GEOMETRY or GEOGRAPHY.

Source: GeoParquet 1.1; Apache Parquet, LogicalTypes (GEOMETRY, GEOGRAPHY), 2025.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from qpvhealth.errors import InputError
from qpvhealth.ingest import systems

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_USUAL = ("geometry", "geom", "wkb_geometry", "shape")
PARQUET = (".parquet", ".geoparquet")
NO_SYSTEM = (
    "its geometry column states no coordinate system, which writers leave out for longitude and latitude (EPSG:4326) and"
    " where they do not know it"
)
CRS84_WRITERS = ("datafusion",)
"""How the name of a writer begins that refuses shapes without a system, and leaves it out for OGC:CRS84 alone: SedonaDB (0.5)."""


class GeometryColumn(NamedTuple):
    """A geometry column: its name, its encoding (``WKB`` or one of GeoArrow), its system (null: not stated), and the columns like it.

    ``doubt``: why a system that is stated is not taken.
    """

    name: str
    encoding: str
    crs: str | None
    others: tuple[str, ...]
    doubt: str = ""


def geometry_column(file: pq.ParquetFile, name: str) -> GeometryColumn | None:
    """Return the geometry column of a file; null for a plain table.

    The metadata decide where there are any; a system that they leave out is that of the native type, else longitude and latitude
    (GeoParquet). Of several native columns, the first of a usual name. Raises InputError for metadata or a system that cannot be read.
    """
    metadata = file.schema_arrow.metadata or {}
    native = _native(file)
    geo = _metadata(metadata, name)
    if geo is None:
        if not native:
            return None
        column = min(native, key=lambda c: _USUAL.index(c.lower()) if c.lower() in _USUAL else len(_USUAL))
        others = tuple(c for c in native if c != column)
        is_crs84 = not native[column] and str(file.metadata.created_by or "").startswith(CRS84_WRITERS)
        crs = systems.WGS84 if is_crs84 else native[column]
        return _with_system(GeometryColumn(column, "WKB", crs, others), metadata, name)
    layers, primary = geo.get("columns"), geo.get("primary_column")
    layer = layers.get(primary) if isinstance(layers, dict) else None
    if not isinstance(layers, dict) or not isinstance(layer, dict) or primary not in file.schema_arrow.names:
        raise InputError(f"{name}: its geometry metadata cannot be read; write it again as GeoParquet")
    stated = layer["crs"] if "crs" in layer else native.get(str(primary)) or systems.WGS84
    others = tuple(c for c in layers if c != primary and c in file.schema_arrow.names)
    return _with_system(GeometryColumn(str(primary), str(layer.get("encoding")), stated, others), metadata, name)


def rewritten_metadata(metadata: dict[bytes, bytes] | None, column: GeometryColumn | None) -> dict[bytes, bytes]:
    """Return the metadata of a copy, whose geometries are WKB without a native type: GeoParquet 1.1, the system stated.

    Those of pandas, which describe another table, are left out.
    """
    kept = {key: value for key, value in (metadata or {}).items() if key not in (b"pandas", b"geo", b"ARROW:schema")}
    if column is None:
        return kept
    geo = json.loads((metadata or {}).get(b"geo", b"{}"))
    layer = {"encoding": column.encoding, "geometry_types": []} | geo.get("columns", {}).get(column.name, {})
    if "crs" not in layer:
        layer["crs"] = None if column.crs is None else _projjson(column.crs)
    columns = geo.get("columns", {}) | {column.name: layer}
    document = geo | {"version": "1.1.0", "primary_column": column.name, "columns": columns}
    return kept | {b"geo": json.dumps(document).encode()}


def _native(file: pq.ParquetFile) -> dict[str, str]:
    """Return the columns of a native geometry type, and the system that each states, empty for none."""
    schema = file.schema
    types = {schema.column(i).path: schema.column(i).logical_type for i in range(len(schema.names))}
    words = {path: str(kind) for path, kind in types.items() if kind.type in ("GEOMETRY", "GEOGRAPHY")}
    systems_of = {path: text.partition("crs=")[2].removesuffix(")") for path, text in words.items()}
    return {path: crs.rpartition(", algorithm=")[0] if "algorithm=" in crs else crs for path, crs in systems_of.items()}


def _metadata(metadata: dict[bytes, bytes], name: str) -> dict[str, Any] | None:
    """Return the GeoParquet metadata; null without. Raises InputError where it is not the JSON object it should be."""
    raw = metadata.get(b"geo")
    if raw is None:
        return None
    try:
        geo = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: the geo metadata of the Parquet file is not JSON; write the file again") from error
    if not isinstance(geo, dict):
        raise InputError(f"{name}: the geo metadata of the Parquet file is not an object; write the file again")
    return geo


def _with_system(column: GeometryColumn, metadata: dict[bytes, bytes], name: str) -> GeometryColumn:
    """Read the system of a column: PROJJSON, an authority and its code, ``srid:2154``, or ``projjson:key`` of the metadata of the file."""
    crs: Any = column.crs
    if isinstance(crs, str) and crs.lower().startswith("srid:"):
        crs = f"EPSG:{crs[5:]}" if crs[5:] != "0" else None
    elif isinstance(crs, str) and crs.lower().startswith("projjson:"):
        crs = metadata.get(crs[9:].encode(), b"?").decode("utf-8", "replace")
    stated = json.dumps(crs) if isinstance(crs, dict) else crs
    system = systems.of_metadata(stated, name)
    return column._replace(crs=system, doubt="" if system else systems.without_datum(stated))


def _projjson(crs: str) -> dict[str, Any]:
    import pyproj  # noqa: PLC0415 -- only where a native type becomes metadata

    document: dict[str, Any] = pyproj.CRS.from_user_input(crs).to_json_dict()
    return document
