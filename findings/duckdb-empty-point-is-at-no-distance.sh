#!/usr/bin/env bash
# DuckDB's ST_Distance is 0 where a shape is empty: a structure that was not found on the map is inside every QPV, and nearest to each.
#
# A geocoder that found nothing leaves POINT EMPTY, in GeoParquet and in GeoPackage. One would expect null, as PostGIS gives and SQL/MM says, or NaN,
# as shapely, SedonaDB and polars-st give. Seen: 0.0, so "distance <= 300" holds for it with every QPV, where ST_DWithin with the same metres, which
# one takes for the same question, does not; in an order by distance it comes first. Two of three structures are "within 300 m of a QPV"
# for one; the empty one is counted once for each QPV. `geometry IS NULL` is false for it.
# duckdb-spatial 730 asks about it (2026-01); the page on ST_Distance does not name it. Test ST_IsEmpty, or take ST_DWithin.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-spatial==1.5.5 geopandas==1.2.0 pyarrow==26.0.1 shapely==2.2.0
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import duckdb
import geopandas as gpd
import shapely
from duckdb_extensions import import_extension

print(", ".join(f"{name} {version(name)}" for name in ("duckdb", "duckdb-extension-spatial", "shapely")))
import_extension("spatial")
base = duckdb.connect()
base.load_extension("spatial")
shapes = [shapely.Point(1_200, 500), shapely.Point(9_000, 9_000), shapely.Point()]
gpd.GeoDataFrame({"finess": ["near", "far", "empty"]}, geometry=shapes, crs=2154).to_parquet("structures.parquet")
squares = [shapely.box(0, 0, 1_000, 1_000), shapely.box(5_000, 0, 6_000, 1_000)]
quarters = gpd.GeoDataFrame({"qpv": ["QP1", "QP2"]}, geometry=squares, crs=2154)
quarters.to_parquet("quarters.parquet")
join = "SELECT s.finess, q.qpv FROM 'structures.parquet' s JOIN 'quarters.parquet' q ON {} ORDER BY ALL"
metres = base.sql(join.format("ST_Distance(s.geometry, q.geometry) <= 300")).fetchall()
within = base.sql(join.format("ST_DWithin(s.geometry, q.geometry, 300)")).fetchall()
nearest = base.sql("SELECT finess, min(ST_Distance(s.geometry, q.geometry)) AS metres FROM 'structures.parquet' s, 'quarters.parquet' q GROUP BY 1 ORDER BY 2").fetchall()
nulls = base.sql("SELECT count(*) FROM 'structures.parquet' WHERE geometry IS NULL").fetchone()[0]
print("ST_Distance <= 300:", metres)
print("ST_DWithin 300:    ", within)
print("nearest first:     ", nearest)
print("shapely:           ", shapely.distance(shapes[2], squares[0]), "| null shapes in DuckDB:", nulls)
assert within == [("near", "QP1")], "this has changed"
assert metres == [("empty", "QP1"), ("empty", "QP2"), ("near", "QP1")], "this has changed"
assert nearest[0] == ("empty", 0.0) and nulls == 0, "this has changed"
assert str(shapely.distance(shapes[2], squares[0])) == "nan", "this has changed"
PY
