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


def write_table(table: Table, rows: pd.DataFrame, where: Path, metadata: Mapping[str, str]) -> None:
    """Write rows that conform to their table, in groups of ``ROW_GROUP``; geometry (degrees) as WKB.

    The file carries the table's name and grain, ``metadata``, and each column's labels, unit and rule. Raises
    ContractError where a geometry lies outside the degrees of EPSG:4326, or a value outside its column's type.
    """
    described = {"table": table.name, "grain": table.grain, **metadata}
    if table.geometry is not None:
        names = [c.name for c in table.columns if c.kind == "geometry"]
        layers = {name: _layer(f"{table.name}.{name}", rows[name].to_numpy(dtype=object)) for name in names}
        geo = {"version": "1.1.0", "primary_column": table.geometry, "columns": layers}
        described["geo"] = json.dumps(geo, sort_keys=True)
    schema = table.arrow_schema().with_metadata(dict(sorted(described.items())))
    written = pa.Table.from_arrays([_array(table, rows[field.name], field) for field in schema], schema=schema)
    pq.write_table(written, where, row_group_size=ROW_GROUP, compression="zstd", write_page_checksum=True)


def read_table(path: Path, *, columns: Sequence[str] | None = None, geometry: bool = True) -> pd.DataFrame:
    """Read a published table with the types of its contract: ``str``, ``Int64``, ``boolean``, ``datetime64[s]``.

    Geometry comes as shapely objects in degrees (``geopandas.GeoDataFrame(frame, crs=4326)`` makes a layer of it);
    ``geometry=False`` leaves it out. Raises ContractError where a page fails its checksum, or a column is not there.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            names = file.schema_arrow.names
            layers = [f.name for f in file.schema_arrow if pa.types.is_binary(f.type)]
            wanted = [n for n in (columns or names) if geometry or n not in layers]
            if missing := [n for n in wanted if n not in names]:
                step = "another version of qpvhealth wrote it; run `qpvhealth build` on its raw files again"
                raise ContractError(f"{path}: cannot be read: no column {', '.join(missing)}: {step}")
            read = file.read(wanted)
        seconds = [pa.field(f.name, pa.timestamp("s")) if pa.types.is_date(f.type) else f for f in read.schema]
        frame: pd.DataFrame = read.cast(pa.schema(seconds)).to_pandas(types_mapper=DTYPES.get)
        for name in set(layers) & set(wanted):
            frame[name] = pd.Series(shapely.from_wkb(frame[name].to_numpy()), index=frame.index, dtype="object")
    except (pa.ArrowException, OSError, shapely.errors.ShapelyError) as error:
        raise ContractError(f"{path}: cannot be read: {error}; run `qpvhealth verify`") from error
    return frame


def _array(table: Table, values: pd.Series, field: pa.Field) -> pa.Array:
    """Return a column as Arrow writes it; an hour in a day, which Arrow would drop without a word, is refused."""
    name = f"{table.name}.{field.name}"
    try:
        if pa.types.is_binary(field.type):
            return pa.array(shapely.to_wkb(values.to_numpy(dtype=object), byte_order=1, flavor="iso"), type=field.type)
        array = pa.array(values, from_pandas=True)
        written = array.cast(field.type)
    except pa.ArrowException as error:
        raise ContractError(f"{name}: cannot be written as {field.type}: {error}") from error
    if pa.types.is_timestamp(array.type) and not written.cast(array.type).equals(array):
        raise ContractError(f"{name}: holds an hour, a day expected")
    return written


def _layer(name: str, shapes: np.ndarray) -> dict[str, Any]:
    """Describe one geometry column as GeoParquet 1.1 does; one without a place has no bounding box."""
    there = shapes[~shapely.is_missing(shapes)]
    kinds = shapely.get_type_id(there) * 2 + shapely.has_z(there)
    one_of_each = there[np.unique(kinds, return_index=True)[1]]
    types = sorted(f"{g.geom_type} Z" if g.has_z else g.geom_type for g in one_of_each)
    import pyproj  # noqa: PLC0415 -- most commands read tables, and write none

    crs = pyproj.CRS.from_user_input(CRS).to_json_dict()
    described = {"encoding": "WKB", "geometry_types": types, "crs": crs}
    if shapely.is_empty(there).all():
        return described
    west, south, east, north = (float(v) for v in shapely.total_bounds(there))
    if west < WORLD[0] or south < WORLD[1] or east > WORLD[2] or north > WORLD[3]:
        raise ContractError(f"{name}: not in degrees ({CRS}): bounds are {west:g} {south:g} {east:g} {north:g}")
    return described | {"bbox": [west, south, east, north]}
