#!/usr/bin/env bash
# A structure without a longitude or a latitude gets a place: polars-st, and GeoDataFusion for the latitude, put 0 for the null.
#
# `st.point(pl.concat_arr("x", "y"))` and `ST_Point(x, y)` are the ways from two columns to points. One would expect a null where a coordinate
# is null, as polars and DataFusion give for any function of a null, as PostGIS and DuckDB give for ST_Point, and as shapely refuses. Seen: polars-st has
# (0 44), (3 0), and (0 0) in the Gulf of Guinea for a row without any coordinate; GeoDataFusion has null for a missing x, and (3 0) for a missing y.
# `is_null` and `st.is_empty` are false for all of them, `count` counts them. In degrees a missing longitude is the meridian of
# Greenwich, which crosses France. Not in the text of polars-st on `point`; no issue on it was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q polars==2.1.0 polars-st==0.11.0 datafusion==55.0.0 geodatafusion==0.4.0 pyarrow==26.0.1
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib.metadata import version

import geodatafusion
import polars as pl
import polars_st as st
from datafusion import SessionContext

print(", ".join(f"{name} {version(name)}" for name in ("polars", "polars-st", "datafusion", "geodatafusion")))
frame = pl.DataFrame({"x": [2.5, None, 3.0, None], "y": [48.5, 44.0, None, None]})
points = frame.with_columns(geometry=st.point(pl.concat_arr("x", "y")))
context = SessionContext()
geodatafusion.register_all(context)
context.from_arrow(frame.to_arrow(), name="structures")
seen = {
    "polars-st": points.select(st.geom().st.to_wkt()).to_series().to_list(),
    "GeoDataFusion": context.sql("SELECT ST_AsText(ST_Point(x, y)) AS place FROM structures").to_pydict()["place"],
}
print("x and y:", frame.rows())
for name, places in seen.items():
    print(f"{name}: {places}")
empty = points.select(st.geom().st.is_empty()).to_series().to_list()
counted = context.sql("SELECT count(ST_Point(x, y)) AS placed FROM structures").to_pydict()["placed"]
print(f"empty to polars-st: {empty}; counted by GeoDataFusion: {counted[0]} of 4, of which one has both coordinates")
assert seen["polars-st"] == ["POINT (2.5 48.5)", "POINT (0 44)", "POINT (3 0)", "POINT (0 0)"], "this has changed"
assert seen["GeoDataFusion"] == ["POINT(2.5 48.5)", None, "POINT(3 0)", None], "this has changed"
assert not any(empty) and points["geometry"].null_count() == 0 and counted == [2], "this has changed"
PY
