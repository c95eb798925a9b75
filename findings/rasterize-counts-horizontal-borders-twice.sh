#!/usr/bin/env bash
# GDAL gives a cell whose centre lies on a shared border to both polygons if the border is horizontal, to one if it is vertical.
#
# A grid of people whose cells are centred on the kilometre, and squares cut on the kilometre: each border runs through centres. One would expect
# the rule "centre inside" to break the tie the same way along both axes, and the zones of a partition to add up to the whole. Seen with rasterstats and
# rasterio's rasterize and mask: two halves parted by a horizontal line have 990 people for 900, two parted by a vertical one 900; over the
# squares each row is counted twice: 1,620 for 810. exactextract, which weighs cells, has 810. Turned by 90 degrees, the same data have other zones.
# GDAL 8918 and 10606 are on borders with all_touched=True; no issue on the default was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q rasterio==1.4.4 rasterstats==0.21.0 exactextract==0.3.0 geopandas==1.2.0 shapely==2.2.0
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import geopandas as gpd
import numpy as np
import rasterio
from exactextract import exact_extract
from rasterio.features import rasterize
from rasterio.transform import from_origin
from rasterstats import zonal_stats
from shapely import box

print(", ".join(f"{name} {version(name)}" for name in ("rasterio", "rasterstats", "exactextract")) + f", GDAL {rasterio.__gdal_version__}")
place = from_origin(-500, 9_500, 1_000, 1_000)
profile = {"driver": "GTiff", "height": 10, "width": 10, "count": 1, "dtype": "float32", "crs": "EPSG:2154", "transform": place, "nodata": -1}
with rasterio.open("people.tif", "w", **profile) as raster:
    raster.write(np.full((10, 10), 10, "float32"), 1)


def people(shapes):
    return sum(zone["sum"] for zone in zonal_stats(shapes, "people.tif", stats=["sum"]))


whole = box(0, 0, 9_000, 9_000)
squares = [box(x, y, x + 1_000, y + 1_000) for x in range(0, 9_000, 1_000) for y in range(0, 9_000, 1_000)]
south, north = box(0, 0, 9_000, 4_000), box(0, 4_000, 9_000, 9_000)
west, east = box(0, 0, 4_000, 9_000), box(4_000, 0, 9_000, 9_000)
sums = {"whole": [whole], "south and north": [south, north], "west and east": [west, east], "81 squares": squares}
sums = {name: people(shapes) for name, shapes in sums.items()}
exact = float(exact_extract("people.tif", gpd.GeoDataFrame(geometry=squares, crs=2154), ["sum"], output="pandas")["sum"].sum())
both = [int(sum(rasterize([shape], (10, 10), transform=place) for shape in pair).max()) for pair in ((south, north), (west, east))]
print("people by rasterstats:", sums)
print("people of the 81 squares by exactextract:", exact)
print(f"polygons that burn one cell: {both[0]} across the horizontal border, {both[1]} across the vertical one")
assert sums == {"whole": 900, "south and north": 990, "west and east": 900, "81 squares": 1_620}, "this has changed"
assert exact == 810, "this has changed"
assert both == [2, 1], "this has changed"
PY
