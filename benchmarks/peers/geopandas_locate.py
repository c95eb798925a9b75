"""geopandas in memory, full contract: POINTS SHAPEFILE CODES OUT DISTANCE X Y CRS. ``sjoin`` on ``dwithin``, then distances."""

import sys

import geopandas as gpd
import pandas as pd
import shapely

points, shapefile, codes, out, distance, x, y, crs = sys.argv[1:9]
layer = gpd.read_file(shapefile).rename(columns=str.lower).to_crs(crs)
layer["geometry"] = layer.geometry.make_valid()
layer = layer[layer["code_qp"].isin(pd.read_parquet(codes)["code"])].sort_values("code_qp", ignore_index=True)
quarters = gpd.GeoDataFrame({"rank": range(len(layer))}, geometry=layer.geometry.to_numpy(), crs=crs)
frame = pd.read_parquet(points)
given = gpd.GeoDataFrame(geometry=gpd.points_from_xy(frame[x], frame[y]), crs=crs)
pairs = given.sjoin(quarters, predicate="dwithin", distance=float(distance))
rank = pairs["rank"].to_numpy()
pairs["d"] = shapely.distance(pairs.geometry.to_numpy(), quarters.geometry.to_numpy()[rank])
best = pairs.reset_index().sort_values(["index", "d", "rank"]).drop_duplicates("index").set_index("index")
named = layer["code_qp"].iloc[best["rank"]].set_axis(best.index)
frame["qpv_code"] = named[best["d"] == 0].reindex(frame.index).astype("str")
frame["near_qpv_code"] = named[best["d"] > 0].reindex(frame.index).astype("str")
frame.to_parquet(out, compression="snappy", index=False)
