"""Published tables as Parquet: the same bytes for the same rows, checksums on every page, GeoParquet 1.1 for geometry.

Hazards: Parquet has no checksum unless asked (nine single-bit flips in ten read back different, without an error), and
the ``pandas`` metadata key makes bytes depend on how a frame was made.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from qpvhealth.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qpvhealth.contract.schema import Table

CRS = "EPSG:4326"
ROW_GROUP = 65_536
WORLD = (-180.0, -90.0, 180.0, 90.0)
DTYPES = {pa.string(): pd.StringDtype(na_value=np.nan), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def write_table(table: Table, frame: pd.DataFrame, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a frame that conforms to its table; geometry (shapely, degrees) as WKB.

    The file carries the table's name and grain, ``metadata``, and each column's labels, unit and rule. Raises
    ContractError where a geometry lies outside the degrees of EPSG:4326, or a value outside its column's type.
    """
    told = {"table": table.name, "grain": table.grain, **metadata}
    geometries = {c.name: frame[c.name].to_numpy() for c in table.columns if c.kind == "geometry"}
    if table.geometry is not None:
        told["geo"] = json.dumps(_geo(table, geometries), sort_keys=True)
    schema = table.arrow_schema().with_metadata(dict(sorted(told.items())))
    arrays = [_array(table, frame[field.name], field, geometries) for field in schema]
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        path,
        compression="zstd",
        row_group_size=ROW_GROUP,
        write_page_checksum=True,
    )


def read_table(path: Path, *, columns: Sequence[str] | None = None, geometry: bool = True) -> pd.DataFrame:
    """Read a published table with the types of its contract: ``str``, ``Int64``, ``boolean``, ``datetime64[s]``.

    Geometry comes as shapely objects in degrees (``geopandas.GeoDataFrame(frame, crs=4326)`` makes a layer of it);
    ``geometry=False`` leaves it out. Raises ContractError where a page fails its checksum.
    """
    try:
        schema = pq.read_schema(path)
        shapes = [f.name for f in schema if pa.types.is_binary(f.type)]
        wanted = [n for n in (columns or schema.names) if geometry or n not in shapes]
        read = pq.read_table(path, columns=wanted, page_checksum_verification=True, partitioning=None)
        frame: pd.DataFrame = _dated(read).to_pandas(types_mapper=DTYPES.get)
        for name in set(shapes) & set(wanted):
            frame[name] = pd.Series(shapely.from_wkb(frame[name].to_numpy()), index=frame.index, dtype="object")
    except (pa.ArrowException, OSError, shapely.errors.ShapelyError) as error:
        raise ContractError(f"{path}: cannot be read: {error}; run `qpvhealth verify`") from error
    return frame


def _array(table: Table, series: pd.Series, field: pa.Field, geometries: Mapping[str, Any]) -> pa.Array:
    values = _wkb(geometries[field.name]) if field.name in geometries else series
    try:
        if pa.types.is_date(field.type):
            return _days(f"{table.name}.{field.name}", pa.array(values, from_pandas=True), field.type)
        return pa.array(values, type=field.type, from_pandas=True)
    except pa.ArrowException as error:
        raise ContractError(f"{table.name}.{field.name}: cannot be written as {field.type}: {error}") from error


def _days(name: str, instants: pa.Array, day: pa.DataType) -> pa.Array:
    """Turn instants into days; Arrow would drop an hour without a word, here it is refused."""
    days = instants.cast(day)
    if not days.cast(instants.type).equals(instants):
        raise ContractError(f"{name}: holds an hour, a day expected")
    return days


def _wkb(values: np.ndarray) -> np.ndarray:
    wkb: np.ndarray = shapely.to_wkb(_known(values), byte_order=1, flavor="iso")
    return wkb


def _known(values: np.ndarray) -> np.ndarray:
    """Put None for every kind of null, the only one shapely knows."""
    known = values.astype(object)
    known[pd.isna(known)] = None
    return known


def _geo(table: Table, geometries: Mapping[str, np.ndarray]) -> dict[str, Any]:
    columns = {name: _layer(f"{table.name}.{name}", _known(values)) for name, values in geometries.items()}
    return {"version": "1.1.0", "primary_column": table.geometry, "columns": columns}


def _layer(name: str, values: np.ndarray) -> dict[str, Any]:
    """Describe one geometry column as GeoParquet 1.1 does; an empty one has no bounding box."""
    described = {
        "encoding": "WKB",
        "geometry_types": sorted(_types(values)),
        "crs": pyproj.CRS.from_user_input(CRS).to_json_dict(),
    }
    bounds = shapely.total_bounds(values) if len(values) else np.full(4, np.nan)
    if np.isnan(bounds).any():
        return described
    west, south, east, north = (float(v) for v in bounds)
    if west < WORLD[0] or south < WORLD[1] or east > WORLD[2] or north > WORLD[3]:
        raise ContractError(f"{name}: not in degrees ({CRS}): bounds are {west:g} {south:g} {east:g} {north:g}")
    return described | {"bbox": [west, south, east, north]}


def _types(values: np.ndarray) -> set[str]:
    there = values[~shapely.is_missing(values)]
    kinds = shapely.get_type_id(there) * 2 + shapely.has_z(there)
    one_of_each = there[np.unique(kinds, return_index=True)[1]]
    return {f"{g.geom_type} Z" if g.has_z else g.geom_type for g in one_of_each}


def _dated(read: pa.Table) -> pa.Table:
    """Turn Arrow dates into seconds, which pandas keeps as ``datetime64[s]``."""
    fields = [pa.field(f.name, pa.timestamp("s")) if pa.types.is_date(f.type) else f for f in read.schema]
    return read.cast(pa.schema(fields))
