#!/usr/bin/env bash
# DuckDB's ST_Read gives days before 1970 one day late, from GeoJSON and shapefile; its COPY to GDAL writes them as 1900-01-00.
#
# A register has opening days of the 1900s. One would expect the day of the file whatever its format, as pyogrio gives, both ways, and the day of
# the column in what is written. Seen: 1904-04-04 is read as 1904-04-05 and 1969-12-31 as 1970-01-01 where GDAL makes the Arrow arrays of
# a format by its general way; GeoPackage and FlatGeobuf, whose drivers make their own, are right, so the same layer has other days in
# two formats. Written, 1904-04-04 becomes 1900-01-00, a day that no calendar has, without an error; 2019-03-31 is right both ways.
# GDAL's own fault, mended in its 3.8.5 and 3.9 (OSGeo/gdal 9636, 9638: there of ogr2ogr to PostgreSQL); the newest extension of DuckDB on
# the package index still has it. Not in DuckDB's documentation of ST_Read and COPY.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-spatial==1.5.5 pyarrow==26.0.1 pandas==3.1.1 geopandas==1.2.0 pyogrio==0.13.0 shapely==2.2.0
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import datetime as dt
import json
from importlib.metadata import version
from pathlib import Path

import duckdb
import pyarrow as pa
import pyogrio
import shapely
from duckdb_extensions import import_extension

print(", ".join(f"{name} {version(name)}" for name in ("duckdb", "duckdb-extension-spatial", "pyogrio")))
import_extension("spatial")
base = duckdb.connect()
base.load_extension("spatial")
days = ["1904-04-04", "1969-12-31", "1970-01-01", "2019-03-31"]
shapes = pa.array([shapely.to_wkb(shapely.Point(2, 48))] * len(days))
table = pa.table({"opened": pa.array([dt.date.fromisoformat(day) for day in days]), "geometry": shapes})
read, right = {}, {}
for suffix, driver in (("geojson", "GeoJSON"), ("shp", "ESRI Shapefile"), ("gpkg", "GPKG"), ("fgb", "FlatGeobuf")):
    path = f"days.{suffix}"
    pyogrio.write_arrow(table, path, driver=driver, geometry_type="Point", crs="EPSG:4326", geometry_name="geometry")
    read[suffix] = sorted(str(row[0])[:10] for row in base.sql(f"SELECT opened FROM ST_Read('{path}')").fetchall())
    right[suffix] = sorted(str(day)[:10] for day in pyogrio.read_dataframe(path)["opened"])
    print(f"{suffix}: DuckDB {read[suffix]}, pyogrio {right[suffix]}")
base.execute(
    "COPY (SELECT DATE '1904-04-04' AS opened, ST_Point(2, 48) AS geometry UNION ALL SELECT DATE '2019-03-31', ST_Point(2, 48)) "
    "TO 'written.geojson' (FORMAT GDAL, DRIVER 'GeoJSON', SRS 'EPSG:4326')"
)
written = sorted(f["properties"]["opened"] for f in json.loads(Path("written.geojson").read_text())["features"])
print(f"COPY of 1904-04-04 and 2019-03-31 to GeoJSON: {written}")
late = ["1904-04-05", "1970-01-01", "1970-01-01", "2019-03-31"]
assert all(seen == days for seen in right.values()), "this has changed"
assert read == {"geojson": late, "shp": late, "gpkg": days, "fgb": days}, "this has changed"
assert written == ["1900-01-00", "2019-03-31"], "this has changed"
PY
