"""Published tables as Parquet: the same bytes for the same rows, checksums on every page, GeoParquet 1.1 for geometry.

Hazards: Parquet has no checksum unless asked (nine single-bit flips in ten read back different, without an error), and
the ``pandas`` metadata key makes bytes depend on how a frame was made.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyproj
import shapely

from qpvhealth.contract.packed import Packed, distinct, pack, plain, shapes
from qpvhealth.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qpvhealth.contract.schema import Table

CRS = "EPSG:4326"
ROW_GROUP = 65_536
POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
"""A point of two dimensions in WKB."""
WORLD = (-180.0, -90.0, 180.0, 90.0)
DTYPES = {pa.string(): pd.StringDtype(na_value=np.nan), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def write_table(table: Table, rows: pd.DataFrame | Packed, where: Path, metadata: Mapping[str, str]) -> None:
    """Write rows that conform to their table, a group at a time; geometry (degrees) as WKB.

    The file carries the table's name and grain, ``metadata``, and each column's labels, unit and rule. Raises
    ContractError where a geometry lies outside the degrees of EPSG:4326, or a value outside its column's type.
    """
    held = rows if isinstance(rows, Packed) else pack(rows)
    told = {"table": table.name, "grain": table.grain, **metadata}
    if table.geometry is not None:
        told["geo"] = json.dumps(_geo(table, held), sort_keys=True)
    schema = table.arrow_schema().with_metadata(dict(sorted(told.items())))
    with pq.ParquetWriter(where, schema, compression="zstd", write_page_checksum=True) as writer:
        for start in range(0, max(len(held), 1), ROW_GROUP):
            arrays = [_array(table, held.arrays[field.name].slice(start, ROW_GROUP), field) for field in schema]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), ROW_GROUP)


def read_table(path: Path, *, columns: Sequence[str] | None = None, geometry: bool = True) -> pd.DataFrame:
    """Read a published table with the types of its contract: ``str``, ``Int64``, ``boolean``, ``datetime64[s]``.

    Geometry comes as shapely objects in degrees (``geopandas.GeoDataFrame(frame, crs=4326)`` makes a layer of it);
    ``geometry=False`` leaves it out. Raises ContractError where a page fails its checksum.
    """
    try:
        schema = pq.read_schema(path)
        layers = [f.name for f in schema if pa.types.is_binary(f.type)]
        wanted = [n for n in (columns or schema.names) if geometry or n not in layers]
        read = pq.read_table(path, columns=wanted, page_checksum_verification=True, partitioning=None)
        frame: pd.DataFrame = _dated(read).to_pandas(types_mapper=DTYPES.get)
        for name in set(layers) & set(wanted):
            frame[name] = pd.Series(shapely.from_wkb(frame[name].to_numpy()), index=frame.index, dtype="object")
    except (pa.ArrowException, OSError, shapely.errors.ShapelyError) as error:
        raise ContractError(f"{path}: cannot be read: {error}; run `qpvhealth verify`") from error
    return frame


def _array(table: Table, values: pa.Array, field: pa.Field) -> pa.Array:
    try:
        if pa.types.is_timestamp(values.type):
            return _days(f"{table.name}.{field.name}", values, field.type)
        return plain(values).cast(field.type)
    except pa.ArrowException as error:
        raise ContractError(f"{table.name}.{field.name}: cannot be written as {field.type}: {error}") from error


def _days(name: str, instants: pa.Array, day: pa.DataType) -> pa.Array:
    """Turn instants into days; Arrow would drop an hour without a word, here it is refused."""
    days = instants.cast(day)
    if not days.cast(instants.type).equals(instants):
        raise ContractError(f"{name}: holds an hour, a day expected")
    return days


def _geo(table: Table, held: Packed) -> dict[str, Any]:
    columns = {
        c.name: _layer(f"{table.name}.{c.name}", held.arrays[c.name]) for c in table.columns if c.kind == "geometry"
    }
    return {"version": "1.1.0", "primary_column": table.geometry, "columns": columns}


def _layer(name: str, wkb: pa.Array) -> dict[str, Any]:
    """Describe one geometry column as GeoParquet 1.1 does; one without a place has no bounding box."""
    each = distinct(wkb).cast(pa.binary()).drop_null()
    seen = [_seen(each.slice(start, ROW_GROUP)) for start in range(0, len(each), ROW_GROUP)]
    types = sorted({kind for kinds, _ in seen for kind in kinds})
    described = {"encoding": "WKB", "geometry_types": types, "crs": _crs()}
    bounds = np.vstack([np.full(4, np.nan), *(bounds for _, bounds in seen)])
    west, south = (float(v) for v in np.fmin.reduce(bounds[:, :2]))
    east, north = (float(v) for v in np.fmax.reduce(bounds[:, 2:]))
    if np.isnan(west):
        return described
    if west < WORLD[0] or south < WORLD[1] or east > WORLD[2] or north > WORLD[3]:
        raise ContractError(f"{name}: not in degrees ({CRS}): bounds are {west:g} {south:g} {east:g} {north:g}")
    return described | {"bbox": [west, south, east, north]}


def _seen(wkb: pa.Array) -> tuple[set[str], np.ndarray]:
    """Return the types of some shapes, none null, and their bounds: west, south, east, north."""
    points = _points(wkb)
    if points is None:
        found = shapes(wkb)
        return _types(found), shapely.total_bounds(found)
    x, y = points["x"], points["y"]
    return {"Point"}, np.array([np.fmin.reduce(x), np.fmin.reduce(y), np.fmax.reduce(x), np.fmax.reduce(y)])


def _points(wkb: pa.Array) -> np.ndarray | None:
    """Read points off their bytes, a tenth of what objects cost; None where a shape is no plain point."""
    if not pc.all(pc.equal(pc.binary_length(wkb), POINT.itemsize)).as_py():
        return None
    start = wkb.offset
    first = np.frombuffer(wkb.buffers()[1], "int32", 1, 4 * start)[0]
    points = np.frombuffer(wkb.buffers()[2], POINT, len(wkb), int(first))
    return points if (points["type"] == shapely.GeometryType.POINT + 1).all() else None


@cache
def _crs() -> dict[str, Any]:
    return dict(pyproj.CRS.from_user_input(CRS).to_json_dict())


def _types(values: np.ndarray) -> set[str]:
    kinds = shapely.get_type_id(values) * 2 + shapely.has_z(values)
    one_of_each = values[np.unique(kinds, return_index=True)[1]]
    return {f"{g.geom_type} Z" if g.has_z else g.geom_type for g in one_of_each}


def _dated(read: pa.Table) -> pa.Table:
    """Turn Arrow dates into seconds, which pandas keeps as ``datetime64[s]``."""
    fields = [pa.field(f.name, pa.timestamp("s")) if pa.types.is_date(f.type) else f for f in read.schema]
    return read.cast(pa.schema(fields))
