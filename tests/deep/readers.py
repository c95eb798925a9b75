"""What other programs read of the files in a folder, against what pyarrow reads of the release: ``python readers.py READER FOLDER``.

Runs in an environment of its own, without qpvhealth. Prints one JSON document: how many files the reader opened, and every difference.
``FOLDER`` has ``release`` (tables as Parquet), ``exports`` (TABLE.FORMAT) and ``located`` (points.parquet, and what was made of it).
"""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

WITH_SHAPES = ("structures", "neighbourhoods", "neighbourhood_coverage")
SHAPES = {"geometry", "geom", "wkb_geometry"}
MOST_ROWS = 20_000
"""Of longer tables, so many rows are compared, spread over the whole, beside their number: each would take a minute with each reader."""
NEAR = 1e-9
"""Degrees: what the nine decimals of a GeoJSON keep."""


def plain(value):
    """Return a value as one of Python: null, bool, int, float, date, text, shape."""
    if isinstance(value, np.generic):
        value = None if isinstance(value, np.datetime64) and np.isnat(value) else value.item()
    if value is None or type(value).__name__ in ("NAType", "NaTType") or (value != value):  # noqa: PLR0124 -- not a number
        return None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return shapely.from_wkb(bytes(value))
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    if isinstance(value, dt.datetime) and value == dt.datetime(value.year, value.month, value.day, tzinfo=value.tzinfo):
        return value.date()
    return value


def same_text(expected, got):
    """Compare a value with the text of it in a format without types."""
    if isinstance(expected, float):
        return got is not None and float(got) == expected
    text = str(expected).lower() if isinstance(expected, bool) else str(expected)
    return got == (None if expected is None else text)


def same(expected, got):
    if isinstance(expected, shapely.Geometry) and isinstance(got, shapely.Geometry):
        parts = [shapely.get_parts(shapely.normalize(shape)) for shape in (expected, got)]
        return len(parts[0]) == len(parts[1]) and bool(shapely.equals_exact(*parts, tolerance=NEAR).all())
    if isinstance(expected, (int, float)) and isinstance(got, (int, float, decimal.Decimal)):
        return isinstance(expected, bool) == isinstance(got, bool) and math.isclose(expected, got, rel_tol=1e-15)
    if isinstance(expected, decimal.Decimal) and isinstance(got, float):  # fastparquet
        got = decimal.Decimal(got)
    elif isinstance(got, dt.datetime) and got.tzinfo is None:  # in UTC, where a reader has no zone (fastparquet)
        got = got.replace(tzinfo=dt.UTC)
    return type(expected) is type(got) and expected == got


class Answers:
    """What a reader opened, and where it differs."""

    def __init__(self):
        self.opened, self.differences = 0, []

    def compare(self, name, expected, got, *, system=None, as_text=False, titled=False):
        """Compare columns by name, or by place where a file has titles (``titled``); ``system``: the one that was read."""
        self.opened += 1
        differ = self.differences.append
        if system is not None and not is_degrees(system):
            differ(f"{name}: the system is {system!r}"[:200])
        alike, step = same_text if as_text else same, 1 + max(map(len, expected.values())) // MOST_ROWS
        pairs = list(zip(expected, got, strict=False)) if titled else [(c, c) for c in expected]
        if len(expected) != len(got):
            differ(
                f"{name}: columns {sorted(set(expected) ^ set(got))}" if not titled else f"{name}: {len(got)} columns"
            )
            return
        for column, read in pairs:
            if len(expected[column]) != len(got[read]):
                differ(f"{name}.{column}: {len(got[read])} rows, {len(expected[column])} expected")
                continue
            right, seen = ([plain(v) for v in values[::step]] for values in (expected[column], got[read]))
            if {str, dt.date} <= {
                type(v) for v in right
            }:  # a column of days and texts is text to readers that want one type
                right, seen = ([v and str(v)[:10].replace("/", "-") for v in values] for values in (right, seen))
            wrong = [(e, g) for e, g in zip(right, seen, strict=True) if not alike(e, g)]
            if wrong:
                differ(f"{name}.{column}: {len(wrong)} values, such as {wrong[0][1]!r}, {wrong[0][0]!r} expected"[:300])


def is_degrees(system):
    import pyproj

    return pyproj.CRS.from_user_input(system).to_epsg() == 4326 or "CRS84" in str(system)


def columns_of(table):
    return {name: [plain(v) for v in table[name].to_pylist()] for name in table.column_names}


def frame_columns(frame):
    return {str(name): frame[name].tolist() for name in frame.columns}


def storage(table):
    """Return a table with extension types as what they are stored in."""
    columns = [
        pa.chunked_array([chunk.storage for chunk in c.chunks], c.type.storage_type) if is_extension(c.type) else c
        for c in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def is_extension(kind):
    return isinstance(kind, pa.BaseExtensionType)


# --- readers of Parquet: PATH -> columns, system (null: it says none)


def pandas_parquet(path):
    import pandas as pd

    return frame_columns(pd.read_parquet(path)), None


def pandas_arrow_parquet(path):
    import pandas as pd

    return frame_columns(pd.read_parquet(path, dtype_backend="pyarrow")), None


def geopandas_parquet(path):
    import geopandas as gpd

    if b"geo" not in (pq.read_schema(path).metadata or {}):
        return pandas_parquet(path)
    frame = gpd.read_parquet(path)
    return frame_columns(frame), frame.crs


def polars_parquet(path):
    import polars as pl

    frame = pl.read_parquet(path)
    return {name: frame[name].to_list() for name in frame.columns}, None


def duckdb_parquet(path):
    import duckdb

    kinds = dict(row[:2] for row in duckdb.sql(f"DESCRIBE FROM '{path}'").fetchall())
    system = next((k[len("GEOMETRY('") : -2] for k in kinds.values() if k.startswith("GEOMETRY(")), None)
    return columns_of(storage(duckdb.sql(f"FROM '{path}'").to_arrow_table())), system


def sedonadb_parquet(path):
    import sedonadb

    read = sedonadb.connect().read_parquet(path)
    system = next((line.partition("(epsg:")[2] for line in str(read.schema).splitlines() if "geometry<" in line), None)
    return columns_of(storage(read.to_arrow_table())), system and int(system.rstrip(")>"))


def fastparquet_parquet(path):
    import fastparquet

    return frame_columns(fastparquet.ParquetFile(path).to_pandas()), None


def dask_parquet(path):
    import dask.dataframe as dd

    return frame_columns(dd.read_parquet(path).compute()), None


# --- readers of CSV: PATH -> columns as text


def pandas_csv(path):
    import pandas as pd

    return frame_columns(pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""]))


def polars_csv(path):
    import polars as pl

    return pl.read_csv(path, infer_schema=False).to_dict(as_series=False)


def duckdb_csv(path):
    import duckdb

    read = duckdb.sql(f"FROM read_csv('{path}', all_varchar = true)").to_arrow_table()
    return {name: read[name].to_pylist() for name in read.column_names}


def pyarrow_csv(path):
    import pyarrow.csv as pacsv

    with path.open(encoding="utf-8") as file:
        texts = dict.fromkeys(next(csv.reader(file)), pa.string())
    options = pacsv.ConvertOptions(column_types=texts, strings_can_be_null=True, null_values=[""])
    return pacsv.read_csv(path, convert_options=options).to_pydict()


def python_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, strict=True)
    return {name: [v or None for v in values] for name, values in zip(header, zip(*rows, strict=True), strict=True)}


# --- readers of layers: PATH, layer -> columns, system


def geopandas_layer(path, layer):
    import geopandas as gpd
    import pyogrio

    frame, about = gpd.read_file(path, layer=layer), pyogrio.read_info(path, layer=layer)
    columns = frame_columns(frame)
    for name, kind in zip(about["fields"], about["ogr_subtypes"], strict=True):
        if (
            kind == "OFSTBoolean" and frame[name].dtype == float
        ):  # this way has no booleans with unknowns: 1.0, 0.0 and NaN
            columns[name] = [None if math.isnan(v) else bool(v) for v in columns[name]]
    return columns, frame.crs


def geopandas_arrow_layer(path, layer):
    import geopandas as gpd

    frame = gpd.read_file(path, layer=layer, use_arrow=True)
    return frame_columns(frame), frame.crs


def fiona_layer(path, layer):
    import fiona

    with fiona.open(path, layer=layer) as file:
        days = {n for n, kind in file.schema["properties"].items() if kind == "date"}
        flags = {n for n, kind in file.schema["properties"].items() if kind == "bool"}
        rows = [(dict(f.properties), f.geometry) for f in file]
        system = file.crs_wkt
    columns = {n: [r[n] for r, _ in rows] for n in rows[0][0]}
    columns |= {n: [v and dt.date.fromisoformat(v) for v in columns[n]] for n in days}
    columns |= {n: [v if v is None else bool(v) for v in columns[n]] for n in flags}
    shapes = [g and shapely.geometry.shape(g.__geo_interface__) for _, g in rows]
    return columns | {"geometry": shapes}, system


def python_geojson(path, layer):  # noqa: ARG001 -- a GeoJSON has one
    """Read a GeoJSON without GDAL: whole, and strictly JSON."""
    features = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)["features"]
    columns = {n: [f["properties"][n] for f in features] for n in features[0]["properties"]}
    days = [n for n in columns if n.endswith("_on")]  # texts, as JSON has no days
    columns |= {n: [v and dt.date.fromisoformat(v) for v in columns[n]] for n in days}
    return columns | {"geometry": [f["geometry"] and shapely.geometry.shape(f["geometry"]) for f in features]}, None


def duckdb_geojson(path, layer):  # noqa: ARG001 -- a GeoJSON has one
    """Read a GeoJSON by DuckDB's own reader of JSON, which knows its features."""
    import duckdb

    read = duckdb.sql(f"FROM read_json('{path}', maximum_object_size = 100000000, sample_size = -1)").to_arrow_table()
    return columns_of(storage(read)), None


def refuse(constant):
    raise ValueError(f"no JSON: {constant}")


def sedonadb_layer(path, layer):
    import sedonadb

    read = sedonadb.connect().read_pyogrio(path, options={"layer": layer})
    return columns_of(storage(read.to_arrow_table())), None


def duckdb_spatial_layer(path, layer):
    import duckdb
    from duckdb_extensions import import_extension

    import_extension("spatial")  # from its package: DuckDB itself would download it
    base = duckdb.connect()
    base.load_extension("spatial")
    read = base.sql(f"FROM ST_Read('{path}', layer := '{layer}')").to_arrow_table()
    return columns_of(storage(read)), None


def ogr_layer(path, layer):
    """Ask the GDAL of the system, which may be years older than that of the wheels; a warning is a difference."""
    command = ["ogr2ogr", "-f", "GeoJSONSeq", "/vsistdout/", str(path), layer, "-lco", "COORDINATE_PRECISION=15"]
    command += ["-mapFieldType", "Date=String"]  # which it would do, and warn
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    if warnings := [line for line in done.stderr.splitlines() if line and "No SRS set" not in line]:
        raise ValueError(warnings)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    about = subprocess.run(["ogrinfo", "-so", path, layer], capture_output=True, text=True, check=True).stdout
    days = [line.partition(":")[0] for line in about.splitlines() if line.endswith(": Date (0.0)")]
    names = dict.fromkeys(n for r in rows for n in r["properties"])  # an empty cell has none
    order = [line.partition(":")[0] for line in about.splitlines() if line.partition(":")[0] in names]
    columns = {n: [r["properties"].get(n) for r in rows] for n in order}
    columns |= {n: [v and dt.date.fromisoformat(v.replace("/", "-")) for v in columns[n]] for n in days}
    shapes = [r["geometry"] and shapely.geometry.shape(r["geometry"]) for r in rows]
    code = 4326 if 'ID["EPSG",4326]]' in about else about
    return columns | ({"geometry": shapes} if "Geometry: None" not in about else {}), code


# --- readers of workbooks: PATH -> columns by title


def by_title(rows):
    header, *body = rows
    return {title: list(values) for title, values in zip(header, zip(*body, strict=True), strict=True)}


def openpyxl_sheet(path):
    import openpyxl

    return by_title(openpyxl.load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True))


def calamine_sheet(path):
    from python_calamine import CalamineWorkbook

    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    return by_title([[None if cell == "" else cell for cell in row] for row in rows])


def pandas_sheet(path):
    import pandas as pd

    return frame_columns(pd.read_excel(path, engine="calamine", dtype=object))


def polars_sheet(path):
    import polars as pl

    return pl.read_excel(path, sheet_id=1, infer_schema_length=None).to_dict(as_series=False)


def ogr_sheet(path):
    return ogr_layer(path, "Données")[0]


def libreoffice_sheet(path):
    """Have LibreOffice write the workbook again, and read that: what it took as a date, a boolean, a number is one there."""
    with tempfile.TemporaryDirectory() as folder:
        profile = f"-env:UserInstallation=file://{folder}/profile"
        command = ["soffice", profile, "--headless", "--convert-to", "ods", "--outdir", folder, str(path)]
        subprocess.run(command, capture_output=True, check=True)
        columns = calamine_sheet(Path(folder) / f"{path.stem}.ods")
    # A boolean becomes the formula TRUE() there, of a number.
    flags = {n for n, values in openpyxl_sheet(path).items() if {type(v) for v in values} <= {bool, type(None)}}
    return {
        n: [None if v is None else v == 1 for v in values] if n in flags else values for n, values in columns.items()
    }


READERS = {
    "pandas": {"parquet": pandas_parquet, "csv": pandas_csv, "xlsx": pandas_sheet},
    "pandas with Arrow types": {"parquet": pandas_arrow_parquet},
    "geopandas": {"parquet": geopandas_parquet, "gpkg": geopandas_layer, "geojson": geopandas_layer},
    "geopandas the Arrow way": {"gpkg": geopandas_arrow_layer, "geojson": geopandas_arrow_layer},
    "dask": {"parquet": dask_parquet},
    "pyarrow": {"csv": pyarrow_csv},
    "python": {"csv": python_csv, "geojson": python_geojson},
    "openpyxl": {"xlsx": openpyxl_sheet},
    "calamine": {"xlsx": calamine_sheet},
    "polars": {"parquet": polars_parquet, "csv": polars_csv, "xlsx": polars_sheet},
    "duckdb": {"parquet": duckdb_parquet, "csv": duckdb_csv, "geojson": duckdb_geojson},
    "duckdb-spatial": {
        "parquet": duckdb_parquet,
        "csv": duckdb_csv,
        "gpkg": duckdb_spatial_layer,
        "geojson": duckdb_spatial_layer,
    },
    "sedonadb": {"parquet": sedonadb_parquet, "gpkg": sedonadb_layer, "geojson": sedonadb_layer},
    "fastparquet": {"parquet": fastparquet_parquet},
    "fiona": {"gpkg": fiona_layer, "geojson": fiona_layer},
    "gdal": {"gpkg": ogr_layer, "geojson": ogr_layer, "xlsx": ogr_sheet},
    "libreoffice": {"xlsx": libreoffice_sheet},
}


def with_shapes(release, right):
    """Add the polygons of the QPV to the rows of a table that has none."""
    if "geometry" in right:
        return right
    of = columns_of(pq.read_table(release / "neighbourhoods.parquet", columns=["qpv_code", "generation", "geometry"]))
    at = {key: shape for *key, shape in zip(*of.values(), strict=True) for key in [tuple(key)]}
    keys = zip(right["qpv_code"], right["generation"], strict=True)
    return right | {"geometry": [at.get(key) for key in keys]}


def as_places(right, *, with_polygons):
    """Give points as two columns, polygons as text or not at all."""
    shapes, rest = right["geometry"], {n: v for n, v in right.items() if n != "geometry"}
    if not with_polygons:  # a workbook: days that programs number differently are text
        early = dt.date(1900, 3, 1)
        rest = {n: [str(v) if type(v) is dt.date and v < early else v for v in vs] for n, vs in rest.items()}
    if all(s is None or s.geom_type == "Point" for s in shapes):
        axes = (("longitude", shapely.get_x), ("latitude", shapely.get_y))
        return rest | {name: [s and float(axis(s)) for s in shapes] for name, axis in axes}
    return rest | ({"wkt": [s and shapely.to_wkt(s, rounding_precision=-1) for s in shapes]} if with_polygons else {})


def read_all(reader, folder):
    """Open every file that the reader has a way for."""
    answers, ways = Answers(), READERS[reader]
    if "parquet" in ways:
        read_tables(answers, ways["parquet"], folder)
    if "csv" in ways:
        for path in sorted((folder / "located").glob("*.csv")):
            right = columns_of(pq.read_table(path.with_suffix(".parquet")))
            answers.compare(f"located {path.name}", right, ways["csv"](path), as_text=True)
    for name in WITH_SHAPES:
        read_exports(answers, ways, folder, name)
    return answers


def read_tables(answers, way, folder):
    for path in sorted((folder / "release").glob("*.parquet")):
        got, system = way(path)
        answers.compare(path.name, columns_of(pq.read_table(path)), got, system=system)
    for path in sorted((folder / "located").glob("*.parquet")):
        answers.compare(f"located {path.name}", columns_of(pq.read_table(path)), way(path)[0])


def read_exports(answers, ways, folder, name):
    release = folder / "release"
    right = with_shapes(release, columns_of(pq.read_table(release / f"{name}.parquet")))
    for suffix in set(ways) & {"csv", "xlsx", "gpkg", "geojson"}:
        path, way = folder / "exports" / f"{name}.{suffix}", ways[suffix]
        if suffix == "csv":
            answers.compare(path.name, as_places(right, with_polygons=True), way(path), as_text=True)
        elif suffix == "xlsx":
            answers.compare(path.name, as_places(right, with_polygons=False), way(path), titled=True)
        else:
            got, system = way(path, name)
            got = {("geometry" if n in SHAPES else n): v for n, v in got.items() if n not in ("fid", "OGC_FID")}
            answers.compare(path.name, right, got, system=system)


def main():
    answers = read_all(sys.argv[1], Path(sys.argv[2]))
    print(json.dumps({"opened": answers.opened, "differences": answers.differences}, ensure_ascii=False))  # noqa: T201


if __name__ == "__main__":
    main()
