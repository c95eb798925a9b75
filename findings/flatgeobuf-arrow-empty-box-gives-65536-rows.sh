#!/usr/bin/env bash
# A FlatGeobuf read the Arrow way with a box that meets nothing has 65,536 rows of zeros and empty texts.
#
# `bbox` asks the index of the file for what may meet a box. Where nothing does, one would expect no row, as the default way of pyogrio
# and geopandas gives, and as a GeoPackage gives either way. Seen: a full batch of GDAL's Arrow interface, 65,536 rows whatever the file
# has (three here), each number 0, each text empty. With shapes it fails only later, as a WKB that ends too early; without them
# (`ignore_geometry`, `read_arrow` and a count) nothing says so: a commune without a QPV has 65,536.
# Not in GDAL's page on the driver, nor in its or pyogrio's issues on spatial filters the Arrow way (gdal 8347, 8354, pyogrio 155), as far as was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q geopandas==1.2.0 pyogrio==0.13.0 pyarrow==26.0.1
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import geopandas as gpd
import pyarrow
import pyogrio

print(f"geopandas {gpd.__version__}, pyogrio {pyogrio.__version__}, pyarrow {pyarrow.__version__}, GDAL {'.'.join(map(str, pyogrio.__gdal_version__))}")
shapes = gpd.points_from_xy([2, 3, 4], [48, 48, 48])
frame = gpd.GeoDataFrame({"code": ["QP075001", "QP075002", "QP075003"], "people": [10, 20, 30]}, geometry=shapes, crs=4326)
rows = {}
for suffix in ("fgb", "gpkg"):
    frame.to_file(f"quarters.{suffix}")
    for way in (False, True):
        read = gpd.read_file(f"quarters.{suffix}", bbox=(9, 9, 10, 10), ignore_geometry=True, use_arrow=way)
        rows[suffix, way] = len(read)
        values = f", such as {read.iloc[0].to_dict()}" if len(read) else ""
        print(f"{suffix}, {'Arrow' if way else 'default'} way, a box that meets nothing: {len(read)} rows{values}")
met = gpd.read_file("quarters.fgb", bbox=(1.9, 47, 2.1, 49), use_arrow=True)["code"].tolist()
print(f"fgb, Arrow way, a box that meets one: {met}")
assert rows == {("fgb", False): 0, ("fgb", True): 65_536, ("gpkg", False): 0, ("gpkg", True): 0}, "this has changed"
assert met == ["QP075001"], "this has changed"
PY
