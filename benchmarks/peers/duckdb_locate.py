"""DuckDB with its spatial extension, full contract: POINTS SHAPEFILE CODES OUT DISTANCE X Y CRS [plan]. One join on the distance, inside flagged.

It reads, projects and repairs the shapefile itself, the codes of CODES alone. ``plan`` prints the operators of the join instead.
"""

import importlib.util
import re
import sys
from pathlib import Path

import duckdb

points, shapefile, codes, out, distance, x, y, crs = sys.argv[1:9]
base = duckdb.connect(config={"threads": 2})
package = importlib.util.find_spec("duckdb_extension_spatial")
if package is not None and package.origin:
    found = next(Path(package.origin).parent.rglob("spatial.duckdb_extension"))
    base.execute(f"LOAD '{found}'")
else:
    base.load_extension("spatial")
base.execute(f"""
CREATE TABLE q AS SELECT code, ST_MakeValid(ST_Transform(geom, 'EPSG:4326', '{crs}', always_xy := true)) AS geom
FROM ST_Read('{shapefile}') JOIN read_parquet('{codes}') ON code_qp = code
""")
query = f"""
  WITH p AS (SELECT *, ST_Point({x}, {y}) AS g FROM read_parquet('{points}')),
  pairs AS (SELECT p.id, q.code, ST_Distance(q.geom, p.g) AS d FROM p JOIN q ON ST_DWithin(q.geom, p.g, {distance})),
  best AS (SELECT id, min(code) FILTER (WHERE d = 0) AS qpv_code, arg_min(code, (d, code)) AS nearest FROM pairs GROUP BY id)
  SELECT p.* EXCLUDE (g), qpv_code, CASE WHEN qpv_code IS NULL THEN nearest END AS near_qpv_code
  FROM p LEFT JOIN best USING (id) ORDER BY id
"""
if len(sys.argv) > 9:
    plan = base.sql(f"EXPLAIN {query}").fetchall()[0][1]
    print(", ".join(re.findall(r"│\s+([A-Z_]{4,})\s+│", plan)))
else:
    base.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet, COMPRESSION snappy)")
