#!/usr/bin/env bash
# A folder of GeoParquet files in two systems read at once by geopandas has the system of the first file, and the metres of each.
#
# A release has one file a territory, each in its own system: Lambert-93, RGAF09. One would expect an error, as DuckDB and SedonaDB give for the same
# folder, or one system for all. Seen: `geopandas.read_parquet(folder)` takes the metadata of the first file in the order of names and the numbers of
# all: a point of Martinique is in Lambert-93, 7,100 km from its place; rename the files, and Paris is in the system of Martinique. SedonaDB refuses
# the pattern "*.parquet", and does the same as geopandas with a list of the same two paths. No warning.
# The page of read_parquet says that a folder may be read, not whose system it gets; no issue on it was found. Look at the `geo` metadata of each.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q geopandas==1.2.0 pyarrow==26.0.1 pandas==3.1.1 shapely==2.2.0 pyproj==3.7.2 sedonadb==0.5.0 geoarrow-pyarrow==0.3.0 duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-spatial==1.5.5
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version
from pathlib import Path

import duckdb
import geopandas as gpd
import pyproj
import sedonadb
import shapely
from duckdb_extensions import import_extension

print(", ".join(f"{name} {version(name)}" for name in ("geopandas", "pyarrow", "sedonadb", "duckdb-extension-spatial")))
Path("release").mkdir()
places = {"972": (shapely.Point(708_500, 1_615_500), 5490), "75": (shapely.Point(652_300, 6_861_300), 2154)}
paths = []
for department, (point, system) in places.items():
    paths.append(f"release/{department}.parquet")
    gpd.GeoDataFrame({"department": [department]}, geometry=[point], crs=system).to_parquet(paths[-1])
paths.sort()
import_extension("spatial")
base = duckdb.connect()
base.load_extension("spatial")
sedona = sedonadb.connect()


def outcome(read):
    try:
        frame = read()
    except Exception as error:
        return type(error).__name__ + ": " + str(error)[:90]
    here = frame[frame["department"] == "972"].to_crs(4326).geometry.iloc[0]
    there = gpd.GeoSeries([places["972"][0]], crs=5490).to_crs(4326)[0]
    far = pyproj.Geod(ellps="GRS80").inv(here.x, here.y, there.x, there.y)[2]
    return f"{frame.crs.to_string()} for {len(frame)} rows, Martinique {far / 1000:,.0f} km from its place"


seen = {
    "geopandas, the folder": outcome(lambda: gpd.read_parquet("release")),
    "SedonaDB, a list": outcome(lambda: sedona.read_parquet(paths).to_pandas()),
    "SedonaDB, a pattern": outcome(lambda: sedona.read_parquet("release/*.parquet").to_pandas()),
    "DuckDB, a pattern": outcome(lambda: base.sql("FROM 'release/*.parquet'").df()),
}
for name, what in seen.items():
    print(f"{name}: {what}")
wrong = seen["geopandas, the folder"]
assert wrong.startswith("EPSG:2154 for 2 rows") and not wrong.endswith(" 0 km from its place"), "this has changed"
assert seen["SedonaDB, a list"].lower() == wrong.lower(), "this has changed"
assert "CRS" in seen["SedonaDB, a pattern"] and "SedonaError" in seen["SedonaDB, a pattern"], "this has changed"
assert "BinderException" in seen["DuckDB, a pattern"] and "CRS" in seen["DuckDB, a pattern"], "this has changed"
Path("release/972.parquet").rename("release/02.parquet")
renamed = gpd.read_parquet("release").crs.to_epsg()
print(f"geopandas, the file of Martinique first: EPSG:{renamed}")
assert renamed == 5490, "this has changed"
PY
