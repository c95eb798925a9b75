#!/usr/bin/env bash
# polars-st's semi join gives a structure once for each QPV that it is near, where a semi join gives a row at most once.
#
# "The structures within 300 m of a QPV" is a semi join: it selects rows of the left frame and never adds any; polars' own `join` keeps
# that. `sjoin` takes polars' words for `how`. One would expect three structures of three to be at most three. Seen: a structure near two QPV comes
# twice, with the columns of the left frame only, so that nothing tells the rows apart and a count is too high. The anti join is right.
# Its author says that `how` is that of polars' join (issue 65); no issue on this was found.
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
structures = pl.DataFrame({"finess": ["010000018", "010000026", "010000034"], "geometry": ["POINT (0 0)", "POINT (500 0)", "POINT (9000 0)"]})
quarters = pl.DataFrame({"qpv": ["QP1", "QP2", "QP2"], "geometry": ["POINT (200 0)", "POINT (-200 0)", "POINT (700 0)"]})
structures, quarters = (f.with_columns(st.from_wkt("geometry")) for f in (structures, quarters))
near = {how: structures.st.sjoin(quarters, how=how, predicate="dwithin", distance=300) for how in ("semi", "anti", "inner")}
for how, frame in near.items():
    print(f"{how}: {frame.height} rows, {frame['finess'].sort().to_list()}")
equal = structures.join(pl.DataFrame({"finess": ["010000018", "010000018"]}), on="finess", how="semi")
print(f"polars' own semi join on two equal keys: {equal.height} row")
assert near["semi"]["finess"].sort().to_list() == ["010000018", "010000018", "010000026", "010000026"], "this has changed"
assert near["semi"].columns == ["finess", "geometry"], "this has changed"
assert near["anti"]["finess"].to_list() == ["010000034"], "this has changed"
assert equal.height == 1, "this has changed"
PY
