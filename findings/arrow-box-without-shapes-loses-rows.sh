#!/usr/bin/env bash
# A shapefile, a file geodatabase or a SpatiaLite base read the Arrow way with a box, but without its shapes, has no row at all.
#
# A count of the structures of a commune needs the box and the columns, not the shapes. One would expect the rows that the same call gives
# with the shapes, as the default way of pyogrio and geopandas gives since 0.9.1. Seen with `ignore_geometry` and `use_arrow`: nothing from
# shapefile, OpenFileGDB and SQLite; from GeoPackage and FlatGeobuf the box is right, but a mask is taken for its own box, and gives 4 rows for 3.
# GeoJSON is right in all. No error, no warning, and "0 structures" is a possible answer.
# pyogrio 431 mended the default way; nothing on the Arrow way was found there or in GDAL's issues. (A FlatGeobuf and a box that meets nothing:
# another finding beside this one.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q geopandas==1.2.0 pyogrio==0.13.0 pyarrow==26.0.1 shapely==2.2.0
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import geopandas as gpd
import pyarrow
import pyogrio
import shapely

print(f"geopandas {gpd.__version__}, pyogrio {pyogrio.__version__}, pyarrow {pyarrow.__version__}, GDAL {'.'.join(map(str, pyogrio.__gdal_version__))}")
shapes = gpd.points_from_xy([1, 1, 3, 4, 9], [1, 3, 1, 4, 9])
frame = gpd.GeoDataFrame({"finess": [f"01000000{row}" for row in range(5)]}, geometry=shapes, crs=2154)
triangle = shapely.Polygon([(0, 0), (5, 0), (0, 5)])
seen = {}
for suffix, driver in (("shp", "ESRI Shapefile"), ("gdb", "OpenFileGDB"), ("sqlite", "SQLite"), ("gpkg", "GPKG"), ("fgb", "FlatGeobuf"), ("geojson", "GeoJSON")):
    path = f"structures.{suffix}"
    frame.to_file(path, driver=driver)
    for name, area in (("box", {"bbox": (0, 0, 5, 5)}), ("mask", {"mask": triangle})):
        rows = [len(gpd.read_file(path, use_arrow=way, ignore_geometry=bare, **area)) for way, bare in ((True, False), (False, True), (True, True))]
        seen[suffix, name] = rows
        print(f"{suffix}, {name}: {rows[0]} rows with shapes, {rows[1]} without the default way, {rows[2]} without the Arrow way")
assert all(rows[:2] == [4 if name == "box" else 3] * 2 for (_, name), rows in seen.items()), "this has changed"
assert all(seen[suffix, name][2] == 0 for suffix in ("shp", "gdb", "sqlite") for name in ("box", "mask")), "this has changed"
assert [seen[suffix, "box"][2] for suffix in ("gpkg", "fgb", "geojson")] == [4, 4, 4], "this has changed"
assert [seen[suffix, "mask"][2] for suffix in ("gpkg", "fgb", "geojson")] == [4, 4, 3], "this has changed"
PY
