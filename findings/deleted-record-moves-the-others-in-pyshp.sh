#!/usr/bin/env bash
# A deleted record of a shapefile: pyshp gives each later one its neighbour's place, and DuckDB's ST_ReadSHP counts it as if it were there.
#
# A dBASE table marks a deleted record and keeps it until it is packed; the shape stays in the .shp. One would expect that a reader leaves out
# both, as GDAL, pyogrio and geopandas do. Seen: `iterShapeRecords`, `shapeRecords`, `__geo_interface__` (so geopandas' `from_features`) and
# `zip(records(), shapes())` leave out the record only, so every later structure stands where the one before it is, and the last place goes
# to nobody; `len` still counts the deleted one. `shapeRecord(i)` is right. ST_ReadSHP has four structures where ST_Read of the same extension
# has three. No error, no warning.
# pyshp's README says that a deleted record is returned like any other; its issues 57 and 119 are of other deletions (of shapes).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q pyshp==3.1.6 dbf==0.99.11 geopandas==1.2.0 pyogrio==0.13.0 duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-spatial==1.5.5
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib.metadata import version

import dbf
import duckdb
import geopandas as gpd
import pyogrio
import shapefile
from duckdb_extensions import import_extension

print(", ".join(f"{name} {version(name)}" for name in ("pyshp", "dbf", "geopandas", "pyogrio", "duckdb-extension-spatial")))
codes = ["010000018", "010000026", "010000034", "010000042"]
gpd.GeoDataFrame({"finess": codes}, geometry=gpd.points_from_xy([1, 2, 3, 4], [48] * 4), crs=4326).to_file("structures.shp")
table = dbf.Table("structures.dbf", codepage="utf8")
table.open(dbf.READ_WRITE)
dbf.delete(table[1])
table.close()
frame = pyogrio.read_dataframe("structures.shp")
right = dict(zip(frame["finess"], frame.geometry.x, strict=True))
reader = shapefile.Reader("structures.shp")
pairs = {row.record["finess"]: row.shape.points[0][0] for row in reader.iterShapeRecords()}
features = gpd.GeoDataFrame.from_features(reader)
single = {reader.shapeRecord(i).record["finess"]: reader.shapeRecord(i).shape.points[0][0] for i in (0, 2, 3)}
import_extension("spatial")
base = duckdb.connect()
base.load_extension("spatial")
counts = {name: base.sql(f"SELECT count(*) FROM {name}('structures.shp')").fetchone()[0] for name in ("ST_Read", "ST_ReadSHP")}
print("longitude of each structure, the second one deleted")
print("pyogrio:                   ", right)
print("pyshp, iterShapeRecords:   ", pairs)
print("geopandas, from_features:  ", dict(zip(features["finess"], features.geometry.x, strict=True)))
print("pyshp, shapeRecord(i):     ", single, "of", len(reader))
print("DuckDB, rows:              ", counts)
assert right == single == {"010000018": 1.0, "010000034": 3.0, "010000042": 4.0}, "this has changed"
assert pairs == {"010000018": 1.0, "010000034": 2.0, "010000042": 3.0}, "this has changed"
assert features.geometry.x.tolist() == [1.0, 2.0, 3.0], "this has changed"
assert counts == {"ST_Read": 3, "ST_ReadSHP": 4}, "this has changed"
PY
