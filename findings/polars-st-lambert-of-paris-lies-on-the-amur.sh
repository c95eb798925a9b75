#!/usr/bin/env bash
# polars-st puts points in the old French systems, Lambert counted from the meridian of Paris, 131 degrees too far east, on the Amur.
#
# Addresses, contours and grids of before 2010 are in "NTF (Paris) / Lambert zone II" (EPSG:27572), the one system of all France then, or in its zones.
# One would expect `to_srid` to give what pyproj gives, within metres where a grid is missing, or to refuse, as it does for a system that it does not
# know (EPSG:9794). Seen: Paris is at 133.93 degrees east, 8,200 km off, from EPSG:27572, 27561 and 27563, and what goes there gets coordinates of
# minus 5,000 km; `srid` says 4326. In EPSG:4807, degrees come out where the system has grads. The latitudes are right, so a table of
# them looks well; a join with QPV has no row. Lambert-93 and the overseas systems, with the meridian of Greenwich, are right to a metre.
# No issue of polars-st on it was found; proj4js 259 is the like in another library. pyproj has the transformation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q polars==2.1.0 polars-st==0.11.0 pyproj==3.7.2
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import polars as pl
import polars_st as st
import pyproj

print(", ".join(f"{name} {version(name)}" for name in ("polars", "polars-st", "pyproj")))
pyproj.network.set_network_enabled(False)
places = {2154: (2.35, 48.85), 2975: (55.45, -20.9), 2973: (-61.05, 14.62), 27572: (2.35, 48.85), 27561: (2.35, 49.5), 27563: (3.9, 43.6)}


def moved(point, before, after):
    shape = st.point(pl.concat_arr(*map(pl.lit, point))).st.set_srid(before).st.to_srid(after).alias("shape")
    return pl.select(shape).select(pl.col("shape").st.x().alias("x"), pl.col("shape").st.y().alias("y")).row(0)


east, there = {}, {}
for code, place in places.items():
    metres = pyproj.Transformer.from_crs(4326, code, always_xy=True).transform(*place)
    back = moved(metres, code, 4326)
    east[code], there[code] = back[0] - place[0], max(abs(a - b) for a, b in zip(moved(place, 4326, code), metres, strict=True))
    print(f"EPSG:{code}: {place} comes back as ({back[0]:.4f}, {back[1]:.4f}); the way there is {there[code]:,.0f} m off")
    assert abs(back[1] - place[1]) < 0.01, "this has changed"
assert all(abs(east[code]) < 1e-5 and there[code] < 1 for code in (2154, 2975, 2973)), "this has changed"
assert all(abs(east[code] - 131.58) < 0.01 and there[code] > 5e6 for code in (27572, 27561, 27563)), "this has changed"
assert [round(axis, 2) for axis in moved((2.35, 48.85), 4326, 4807)] == [2.35, 48.85], "this has changed"
try:
    moved((2.35, 48.85), 4326, 9794)
except pl.exceptions.ComputeError as error:
    print("EPSG:9794:", str(error).splitlines()[0])
else:
    raise AssertionError("this has changed")
PY
