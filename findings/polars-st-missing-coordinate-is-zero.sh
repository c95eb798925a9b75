#!/usr/bin/env bash
# polars-st makes a place of a missing coordinate: a null longitude or latitude is 0.
#
# `st.point(pl.concat_arr("x", "y"))` is the documented way from two columns to points. One would expect a null or an empty point where a
# coordinate is null, as polars gives null for any operation on null, as DuckDB's ST_Point gives, and as shapely refuses.
# Seen: (0 5), (3 0), and (0 0) in the Gulf of Guinea for a structure without any coordinate; `is_null` and `st.is_empty` are false for all of
# them. In Lambert-93 the first lies 700 km west of its meridian, in degrees a null longitude is the meridian of Greenwich, which crosses France.
# Not in its documentation; no issue on it was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q polars==2.1.0 polars-st==0.11.0
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib.metadata import version

import polars as pl
import polars_st as st

print(", ".join(f"{name} {version(name)}" for name in ("polars", "polars-st")))
frame = pl.DataFrame({"x": [2.5, None, 3.0, None], "y": [48.5, 44.0, None, None]})
points = frame.with_columns(geometry=st.point(pl.concat_arr("x", "y")))
seen = points.select("x", "y", st.geom().st.to_wkt().alias("wkt"), st.geom().st.is_empty().alias("empty")).rows()
for row in seen:
    print(row)
assert [row[2] for row in seen] == ["POINT (2.5 48.5)", "POINT (0 44)", "POINT (3 0)", "POINT (0 0)"], "this has changed"
assert not any(row[3] for row in seen), "this has changed"
assert points["geometry"].null_count() == 0, "this has changed"
PY
