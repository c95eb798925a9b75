#!/usr/bin/env bash
# An empty point, which geopandas writes without a word, comes back as a place: (-2147.48 -2147.48) from MapInfo TAB, (0 0) from KML.
#
# A geocoder that found nothing leaves POINT EMPTY. One would expect an empty or a null shape, as GeoPackage, GeoJSON and shapefile give, or an error.
# Seen: TAB has the largest whole number of its grid as a coordinate; KML has "nan,nan", which the default way of pyogrio reads as the point
# (0 0) in the Gulf of Guinea, and the Arrow way as empty: the same library, two answers. `is_empty` and `isna` are false for both places.
# No issue on these two drivers was found; OSGeo/gdal 2472 (WKB) and 7986 (OpenFileGDB) mended the like elsewhere. Set empty shapes to null before writing (a null one is null in all of these).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q geopandas==1.2.0 pyogrio==0.13.0 pyarrow==26.0.1 shapely==2.2.0
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import geopandas as gpd
import pyogrio
import shapely

print(f"geopandas {gpd.__version__}, pyogrio {pyogrio.__version__}, shapely {shapely.__version__}, GDAL {'.'.join(map(str, pyogrio.__gdal_version__))}")
shapes = [shapely.Point(2, 48), shapely.from_wkt("POINT EMPTY"), None]
frame = gpd.GeoDataFrame({"code": ["placed", "empty", "null"]}, geometry=shapes, crs=4326)
seen = {}
for suffix, driver in (("tab", "MapInfo File"), ("kml", "KML"), ("gpkg", "GPKG"), ("shp", "ESRI Shapefile"), ("geojson", "GeoJSON")):
    frame.to_file(f"points.{suffix}", driver=driver)
    for way in (False, True):
        read = pyogrio.read_dataframe(f"points.{suffix}", use_arrow=way).geometry
        seen[suffix, way] = "null" if read.isna()[1] else shapely.to_wkt(read[1])
        assert read.isna()[2], "this has changed"
    print(f"{suffix}: {seen[suffix, False]} the default way, {seen[suffix, True]} the Arrow way")
far = "POINT (-2147.483648 -2147.483648)"
assert (seen["tab", False], seen["tab", True]) == (far, far), "this has changed"
assert (seen["kml", False], seen["kml", True]) == ("POINT (0 0)", "POINT EMPTY"), "this has changed"
assert {seen[s, w] for s in ("gpkg", "shp", "geojson") for w in (False, True)} == {"POINT EMPTY", "null"}, "this has changed"
PY
