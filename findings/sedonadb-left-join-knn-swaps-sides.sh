#!/usr/bin/env bash
# SedonaDB's LEFT JOIN on ST_KNN keeps the unmatched rows of the right table, under the names of the left one.
#
# "The nearest QPV of each structure, and the structures without a place too" is a left join on ST_KNN. One would expect a row for each
# structure, with null where there is none. Seen: the structure without a place is gone, and each QPV that is nearest to nothing comes as a
# structure: its code stands in the column of the structures' numbers. The right join, the full join and the anti join are turned in the same way;
# ST_DWithin in the same query is right, and so is the inner join on ST_KNN. No error, no warning: four structures where there were two.
# SedonaDB's page of joins shows inner joins on ST_KNN only (WherobotsDB's says that it is one); none of the others is refused.
# apache/sedona-db 508 (2026-01) mended other wrong results of these joins; no issue on this one was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q sedonadb==0.5.0 geoarrow-pyarrow==0.3.0 geopandas==1.2.0 pyarrow==26.0.1 pyproj==3.7.2
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib.metadata import version

import geopandas as gpd
import sedonadb
import shapely

print(", ".join(f"{name} {version(name)}" for name in ("sedonadb", "geopandas", "pyarrow")))
sedona = sedonadb.connect()
quarters = gpd.GeoDataFrame({"qpv": ["QP1", "QP2", "QP3", "QP4"]}, geometry=gpd.points_from_xy([0, 10, 20, 30], [0] * 4), crs=2154)
structures = gpd.GeoDataFrame({"finess": ["010000018", "010000026"]}, geometry=[shapely.Point(1, 0), None], crs=2154)
sedona.create_data_frame(quarters).to_view("quarters")
sedona.create_data_frame(structures).to_view("structures")


def rows(join, condition):
    sql = f"SELECT s.finess, q.qpv FROM structures s {join} JOIN quarters q ON {condition}"
    answer = sedona.sql(sql).to_pandas()
    return sorted((row.finess, row.qpv if isinstance(row.qpv, str) else None) for row in answer.itertuples())


knn, near = "ST_KNN(s.geometry, q.geometry, 1, FALSE)", "ST_DWithin(s.geometry, q.geometry, 2)"
inner, left, expected = rows("", knn), rows("LEFT", knn), rows("LEFT", near)
print("inner join on ST_KNN:   ", inner)
print("left join on ST_KNN:    ", left)
print("left join on ST_DWithin:", expected)
assert inner == [("010000018", "QP1")], "this has changed"
assert expected == [("010000018", "QP1"), ("010000026", None)], "this has changed"
assert left == [("010000018", "QP1"), ("QP2", None), ("QP3", None), ("QP4", None)], "this has changed"
PY
