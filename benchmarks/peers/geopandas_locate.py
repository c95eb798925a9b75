"""geopandas, full contract, by runs of a million rows: POINTS POLYGONS OUT DISTANCE X Y. A join on ``dwithin``, then distances."""

import sys

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

points, polygons, out, distance, x, y = sys.argv[1:7]
table = pq.read_table(polygons).sort_by("code")
codes = table["code"].to_pandas()
quarters = gpd.GeoDataFrame({"rank": range(len(codes))}, geometry=shapely.from_wkb(table["wkb"].to_pandas()))
writer = None
for batch in pq.ParquetFile(points).iter_batches(1 << 20):
    frame = batch.to_pandas()
    given = gpd.GeoDataFrame(geometry=gpd.points_from_xy(frame[x], frame[y]))
    pairs = given.sjoin(quarters, predicate="dwithin", distance=float(distance))
    rank = pairs["rank"].to_numpy()
    pairs["d"] = shapely.distance(pairs.geometry.to_numpy(), quarters.geometry.to_numpy()[rank])
    best = pairs.reset_index().sort_values(["index", "d", "rank"]).drop_duplicates("index").set_index("index")
    named = codes.iloc[best["rank"]].set_axis(best.index)
    frame["qpv_code"] = named[best["d"] == 0].reindex(frame.index).astype("str")
    frame["near_qpv_code"] = named[best["d"] > 0].reindex(frame.index).astype("str")
    rows = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    string = pa.schema([f.with_type(pa.string()) if f.name.endswith("code") else f for f in rows.schema])
    writer = writer or pq.ParquetWriter(out, string, compression="snappy")
    writer.write_table(rows.cast(string))
if writer is not None:
    writer.close()
