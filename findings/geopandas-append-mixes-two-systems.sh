#!/usr/bin/env bash
# geopandas appends rows of another system to a layer as they are: metres in a layer of degrees, without a word.
#
# Regions send their points one after the other, those of Martinique in EPSG:5490, and each is appended with to_file(mode="a"). One would
# expect an error, as `to_postgis` gives for a table of another system, as `pd.concat` gives for two frames, or the rows in the system of
# the layer. Seen: the numbers are written as they are, the layer keeps its first system, and what is read back says EPSG:4326 of all
# rows; GeoPackage, shapefile, FlatGeobuf and GeoJSON, the default way and the Arrow way. Between two systems in metres, such as those of two
# overseas territories, the rows even look right.
# Not in the documentation of to_file or of pyogrio's append; geopandas 1327 asks for a warning where frames are appended to frames, pyogrio 137
# and 197 do not name systems.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q geopandas==1.2.0 pyogrio==0.13.0 pyarrow==26.0.1 pandas==3.1.1
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import geopandas as gpd
import pandas as pd
import pyogrio

print(f"geopandas {gpd.__version__}, pyogrio {pyogrio.__version__}, GDAL {'.'.join(map(str, pyogrio.__gdal_version__))}")
first = gpd.GeoDataFrame({"code": ["first"]}, geometry=gpd.points_from_xy([-61.02], [14.64]), crs=4326)
second = first.assign(code="second").to_crs(5490)
for suffix in ("gpkg", "shp", "fgb", "geojson"):
    for way in (False, True):
        path = f"points-{way}.{suffix}"
        first.to_file(path)
        second.to_file(path, mode="a", use_arrow=way)
        read = gpd.read_file(path).set_index("code")
        place = read.geometry["second"]
        print(f"{suffix}, {'Arrow' if way else 'default'} way: {read.crs.to_string()}, second at {place.x:.2f} {place.y:.2f}")
        assert read.crs.to_epsg() == 4326, "this has changed"
        assert abs(place.x - second.geometry.iloc[0].x) < 1e-3, "this has changed"
try:
    pd.concat([first, second])
except ValueError as error:
    print("pd.concat:", str(error)[:60])
else:
    raise SystemExit("this has changed")
PY
