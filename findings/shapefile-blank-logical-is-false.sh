#!/usr/bin/env bash
# A blank logical of a shapefile, which is how pyshp writes None, is false for GDAL and DuckDB: unknown becomes no.
#
# "In a QPV: yes, no, not known" is a logical column of the .dbf. One would expect a blank to be null, as a blank number or day of the same row is,
# and as pyshp and dbfread read it. Seen: geopandas, pyogrio (both ways) and DuckDB's ST_ReadSHP have False; only a question mark, which GDAL itself
# writes, is null to them. A file that comes from pyshp has "no" for each structure that nobody has asked.
# GDAL reads logicals as booleans since its pull 9515, as texts before. No issue on the blank was found
# (mapnik 1909 and NetTopologySuite 64 are the like in other libraries).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q pyshp==3.1.6 dbfread==2.0.7 geopandas==1.2.0 pyogrio==0.13.0 pyarrow==26.0.1 duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-spatial==1.5.5
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib.metadata import version

import duckdb
import pyogrio
import shapefile
from dbfread import DBF
from duckdb_extensions import import_extension

gdal = ".".join(map(str, pyogrio.__gdal_version__))
print(", ".join(f"{name} {version(name)}" for name in ("pyshp", "dbfread", "pyogrio", "duckdb-extension-spatial")) + f", GDAL {gdal}")
with shapefile.Writer("structures.shp", shapeType=shapefile.POINT) as writer:
    writer.field("in_qpv", "L")
    writer.field("beds", "N", 5)
    for known in (True, False, None):
        writer.point(2, 48)
        writer.record(known, None if known is None else 10)
import_extension("spatial")
base = duckdb.connect()
base.load_extension("spatial")
seen = {
    "pyshp": [row["in_qpv"] for row in shapefile.Reader("structures.shp").records()],
    "dbfread": [row["in_qpv"] for row in DBF("structures.dbf")],
    "pyogrio": pyogrio.read_dataframe("structures.shp")["in_qpv"].tolist(),
    "pyogrio, the Arrow way": pyogrio.read_dataframe("structures.shp", use_arrow=True)["in_qpv"].tolist(),
    "DuckDB, ST_ReadSHP": [row[0] for row in base.sql("SELECT in_qpv FROM ST_ReadSHP('structures.shp')").fetchall()],
}
print("written: [True, False, None]")
for name, values in seen.items():
    print(f"{name}: {values}")
beds = pyogrio.read_dataframe("structures.shp")["beds"]
print(f"pyogrio, the number of the same row is null: {beds.isna().tolist()}")
assert seen["pyshp"] == seen["dbfread"] == [True, False, None], "this has changed"
assert all(seen[name] == [True, False, False] for name in list(seen)[2:]), "this has changed"
assert beds.isna().tolist() == [False, False, True], "this has changed"
PY
