"""SedonaDB, full contract: POINTS SHAPEFILE CODES OUT DISTANCE X Y CRS. One join on the distance, inside flagged on the pairs."""

import sys

import sedonadb

points, shapefile, codes, out, distance, x, y, crs = sys.argv[1:9]
base = sedonadb.connect()
base.sql("SET datafusion.execution.target_partitions = 2").execute()
base.read_parquet(points).to_view("p")
base.read_parquet(codes).to_view("c")
base.read_pyogrio(shapefile).to_view("raw")
base.sql(f"""
  SELECT code, ST_SetSRID(ST_MakeValid(ST_Transform(wkb_geometry, '{crs}')), 0) AS geom FROM raw JOIN c ON "CODE_QP" = code
""").to_memtable().to_view("q")
base.sql(f"""
  WITH pairs AS (
    SELECT p.id, q.code, ST_Distance(q.geom, ST_Point(p.{x}, p.{y})) AS d
    FROM p JOIN q ON ST_DWithin(q.geom, ST_Point(p.{x}, p.{y}), {distance})),
  best AS (
    SELECT id AS pid, min(CASE WHEN d = 0 THEN code END) AS qpv_code, first_value(code ORDER BY d, code) AS nearest
    FROM pairs GROUP BY id)
  SELECT p.id, p.{x}, p.{y}, qpv_code, CASE WHEN qpv_code IS NULL THEN nearest END AS near_qpv_code
  FROM p LEFT JOIN best ON p.id = best.pid ORDER BY p.id
""").to_parquet(out, single_file_output=True)
