#!/usr/bin/env bash
# GDAL writes Martinique 1938 (EPSG:2973) to MapInfo TAB and reads it back as WGS 84 (EPSG:32620): same metres, another place.
#
# MapInfo has no name for some French overseas datums; the driver writes WGS 84 in their place and says nothing. For RGAF09, RGFG95 or
# RGM04 that is the same place to a metre; for Martinique 1938 it is more than 400 m away.
# One would expect an error, an unnamed system, or the seven parameters that the format can hold. Seen: EPSG:32620, the coordinates
# unchanged to the millimetre, and the same polygon 400 m off once both are in degrees. GeoPackage and shapefile keep the system.
# The system in force in La Réunion, RGR92 (EPSG:2975), gets another name that looks like it: the datum of 1947 and its ellipsoid, 30 m off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q geopandas==1.2.0 pyogrio==0.13.0
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import geopandas as gpd
import pyogrio
import shapely

square = gpd.GeoDataFrame({"code": ["A"]}, geometry=[shapely.box(709_000, 1_615_000, 709_100, 1_615_100)], crs=2973)
print(f"geopandas {gpd.__version__}, pyogrio {pyogrio.__version__}, GDAL {'.'.join(map(str, pyogrio.__gdal_version__))}")
systems, apart = {}, {}
for suffix in ("tab", "gpkg", "shp"):
    pyogrio.write_dataframe(square, f"square.{suffix}")
    back = pyogrio.read_dataframe(f"square.{suffix}")
    moved = shapely.hausdorff_distance(back.geometry.iloc[0], square.geometry.iloc[0])
    places = [frame.to_crs(5490).geometry.iloc[0].centroid for frame in (square, back)]
    systems[suffix], apart[suffix] = back.crs.to_epsg(), places[0].distance(places[1])
    print(f"{suffix}: EPSG:{systems[suffix]}, coordinates moved by {moved:.4f}, the place by {apart[suffix]:.0f} m")
    assert moved < 0.001, "this has changed"
square = gpd.GeoDataFrame({"code": ["A"]}, geometry=[shapely.box(340_000, 7_670_000, 340_100, 7_670_100)], crs=2975)
pyogrio.write_dataframe(square, "reunion.tab")
back = pyogrio.read_dataframe("reunion.tab")
datum, ellipsoid = back.crs.datum.name, back.crs.ellipsoid.name
places = [frame.to_crs(4326).to_crs(2975).geometry.iloc[0].centroid for frame in (square, back)]
print(f"tab, EPSG:2975: datum {datum}, ellipsoid {ellipsoid}, the place by {places[0].distance(places[1]):.0f} m")
assert (datum, ellipsoid) == ("Reunion", "International 1924"), "this has changed"
assert 20 < places[0].distance(places[1]) < 40, "this has changed"
assert systems == {"tab": 32620, "gpkg": 2973, "shp": 2973}, "this has changed"
assert 300 < apart["tab"] < 600, "this has changed"
assert apart["gpkg"] < 0.01 and apart["shp"] < 0.01, "this has changed"
PY
