#!/usr/bin/env bash
# geopandas writes a system that names no datum as Fort Marigot's, an island's of its own: the file says a datum that nobody stated.
#
# R, GRASS and web maps hand a system on as "+proj=utm +zone=20 +ellps=intl": an ellipsoid, no datum. Martinique 1938, Guadeloupe 1948 and Fort
# Marigot (Saint-Martin) share it. One would expect `to_epsg()`, which is None below a confidence of 70 %, to be None, and a file to keep
# "unknown", as GeoParquet does. Seen: 2969, and `to_file` to GeoPackage, shapefile, FlatGeobuf and GeoJSON writes Fort Marigot
# by its name; the frame and what is read back from its own file are 486 m apart on the ground, in Martinique, without a warning. With
# +ellps=GRS80 it is a system of Greenland (EPSG:3180), in the same place to a metre.
# pyproj's text names the confidence, not that a datum may be made up.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q geopandas==1.2.0 pyogrio==0.13.0 pyproj==3.7.2 pyarrow==26.0.1 shapely==2.2.0
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import geopandas as gpd
import pyogrio
import pyproj
import shapely

versions = f"geopandas {gpd.__version__}, pyogrio {pyogrio.__version__}, pyproj {pyproj.__version__}, PROJ {pyproj.proj_version_str}"
print(f"{versions}, GDAL {'.'.join(map(str, pyogrio.__gdal_version__))}")
pyproj.network.set_network_enabled(False)
stated = pyproj.CRS("+proj=utm +zone=20 +ellps=intl +units=m +no_defs")
alike = [found.code for found in stated.list_authority("EPSG", 70)]
print(f"datum: {stated.datum.name}; to_epsg(): {stated.to_epsg()}; as alike to PROJ: {alike}")
frame = gpd.GeoDataFrame({"code": ["QP972001"]}, geometry=[shapely.Point(709_000, 1_615_000)], crs=stated)
here = frame.to_crs(4326).geometry[0]
datums, apart = {}, {}
for suffix in ("gpkg", "shp", "fgb", "geojson", "parquet"):
    path = f"quarter.{suffix}"
    frame.to_parquet(path) if suffix == "parquet" else frame.to_file(path)
    back = gpd.read_parquet(path) if suffix == "parquet" else gpd.read_file(path)
    there = back.to_crs(4326).geometry[0]
    datums[suffix] = back.crs.datum.name
    apart[suffix] = round(pyproj.Geod(ellps="GRS80").inv(here.x, here.y, there.x, there.y)[2])
    print(f"{suffix}: {datums[suffix]}, {apart[suffix]} m from the place of the frame")
assert stated.to_epsg() == 2969 and {"2969", "2970", "2973"} <= set(alike), "this has changed"
assert {datums[suffix] for suffix in ("gpkg", "shp", "fgb", "geojson")} == {"Fort Marigot"}, "this has changed"
assert all(apart[suffix] == 486 for suffix in ("gpkg", "shp", "fgb", "geojson")), "this has changed"
assert datums["parquet"].startswith("Unknown") and apart["parquet"] == 0, "this has changed"
assert pyproj.CRS("+proj=utm +zone=20 +ellps=GRS80 +units=m").to_epsg() == 3180, "this has changed"
PY
