#!/usr/bin/env bash
# libpysal's DistanceBand: structures at the very same place are not neighbours; a centimetre apart they are.
#
# A health centre and a pharmacy of one building have one address, so one point. A band of 300 m is said to hold what is at most 300 m away,
# and 0 is. One would expect them to be neighbours, as they are for `Graph.build_distance_band` of the same library.
# Seen: each of the two has the structures at 200 m and not the other one; two structures at one place, and nothing else near, are two islands.
# The matrix of distances is a sparse one: a distance of 0 is nothing in it. Also with inverse distances (binary=False).
# `build_sp=False` is right but deprecated; issues of libpysal on coincident points (23, 362, pull 287) are about the k nearest.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q libpysal==4.14.1 geopandas==1.2.0 shapely==2.2.0
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import geopandas as gpd
from libpysal.graph import Graph
from libpysal.weights import DistanceBand

print(", ".join(f"{name} {version(name)}" for name in ("libpysal", "geopandas")))
names = ["centre", "pharmacy", "nurse"]
seen = {}
for apart in (0, 0.01):
    points = gpd.points_from_xy([650_000, 650_000 + apart, 650_200], [6_860_000] * 3)
    frame = gpd.GeoDataFrame(geometry=points, index=names, crs=2154)
    band = DistanceBand.from_dataframe(frame, 300, ids=names, silence_warnings=True)
    graph = Graph.build_distance_band(frame, 300)
    seen[apart] = band.neighbors["centre"], sorted(graph["centre"].index)
    print(f"{apart} m apart, neighbours of the centre: DistanceBand {seen[apart][0]}, Graph {seen[apart][1]}")
alone = gpd.GeoDataFrame(geometry=gpd.points_from_xy([650_000] * 2, [6_860_000] * 2), index=names[:2], crs=2154)
islands = DistanceBand.from_dataframe(alone, 300, ids=names[:2], silence_warnings=True).islands
print("two at one place, islands:", islands)
assert seen[0] == (["nurse"], ["nurse", "pharmacy"]), "this has changed"
assert sorted(seen[0.01][0]) == seen[0.01][1] == ["nurse", "pharmacy"], "this has changed"
assert islands == ["centre", "pharmacy"], "this has changed"
PY
