"""PostGIS, full contract, through psql and a database named by PGDATABASE: POINTS POLYGONS OUT DISTANCE X Y.

Points and polygons are copied in as text, joined with a GiST index, and copied out; Parquet at both ends.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq

points, polygons, out, distance, x, y = sys.argv[1:7]


def main(folder: Path) -> None:
    pacsv.write_csv(pq.read_table(points), folder / "p.csv")
    table = pq.read_table(polygons)
    lines = [f"{c},{w.hex()}" for c, w in zip(table["code"].to_pylist(), table["wkb"].to_pylist(), strict=True)]
    (folder / "q.csv").write_text("\n".join(["code,wkb", *lines]))
    subprocess.run(["psql", "-qv", "ON_ERROR_STOP=1"], input=sql(folder), text=True, check=True)
    pq.write_table(pacsv.read_csv(folder / "o.csv"), out, compression="snappy")


def sql(folder: Path) -> str:
    return rf"""
CREATE TEMP TABLE p (id bigint, x float8, y float8);
CREATE TEMP TABLE raw (code text, wkb text);
\copy p FROM '{folder}/p.csv' CSV HEADER
\copy raw FROM '{folder}/q.csv' CSV HEADER
CREATE TEMP TABLE q AS SELECT code, ST_Subdivide(ST_GeomFromWKB(decode(wkb, 'hex')), 64) AS geom FROM raw;
CREATE INDEX ON q USING gist (geom); ANALYZE q;
CREATE TEMP TABLE o AS SELECT p.*, n.code, n.d FROM p LEFT JOIN LATERAL (
  SELECT code, ST_Distance(geom, ST_Point(x, y)) AS d FROM q WHERE ST_DWithin(geom, ST_Point(x, y), {distance})
  ORDER BY d, code LIMIT 1) n ON true;
\copy (SELECT id, x AS {x}, y AS {y}, CASE WHEN d = 0 THEN code END AS qpv_code, CASE WHEN d > 0 THEN code END AS near_qpv_code FROM o ORDER BY id) TO '{folder}/o.csv' CSV HEADER
"""


with tempfile.TemporaryDirectory() as name:
    main(Path(name))
