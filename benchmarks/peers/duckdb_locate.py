"""DuckDB with its spatial extension, full contract: POINTS POLYGONS OUT DISTANCE X Y. One join on the distance, inside flagged."""

import importlib.util
import sys
from pathlib import Path

import duckdb

points, polygons, out, distance, x, y = sys.argv[1:7]
base = duckdb.connect(config={"threads": 2})
package = importlib.util.find_spec("duckdb_extension_spatial")
if package is not None and package.origin:
    found = next(Path(package.origin).parent.rglob("spatial.duckdb_extension"))
    base.execute(f"LOAD '{found}'")
else:
    base.load_extension("spatial")
base.execute(f"CREATE TABLE q AS SELECT code, ST_GeomFromWKB(wkb) AS geom FROM read_parquet('{polygons}')")
base.execute(f"""
COPY (
  WITH p AS (SELECT *, ST_Point({x}, {y}) AS g FROM read_parquet('{points}')),
  pairs AS (SELECT p.id, q.code, ST_Distance(q.geom, p.g) AS d FROM p JOIN q ON ST_DWithin(q.geom, p.g, {distance})),
  best AS (SELECT id, min(code) FILTER (WHERE d = 0) AS qpv_code, arg_min(code, (d, code)) AS nearest FROM pairs GROUP BY id)
  SELECT p.* EXCLUDE (g), qpv_code, CASE WHEN qpv_code IS NULL THEN nearest END AS near_qpv_code
  FROM p LEFT JOIN best USING (id) ORDER BY id
) TO '{out}' (FORMAT parquet, COMPRESSION snappy)
""")
