"""polars with polars-st, full contract: POINTS SHAPEFILE CODES OUT DISTANCE X Y CRS. ``sjoin`` on ``dwithin``, then distances."""

import sys

import polars as pl
import polars_st as st

points, shapefile, codes, out, distance, x, y, crs = sys.argv[1:9]
layer = st.read_file(shapefile).rename(str.lower).rename({"code_qp": "code"}).select("code", "geometry")
layer = layer.join(pl.read_parquet(codes), on="code", how="semi")
quarters = layer.with_columns(
    st.geom("geometry").st.to_srid(int(crs.removeprefix("EPSG:"))).st.make_valid().st.set_srid(0)
)
table = pl.read_parquet(points)
given = table.select("id", geometry=st.point(pl.concat_list(x, y).list.to_array(2)))
pairs = given.st.sjoin(quarters, on="geometry", predicate="dwithin", distance=float(distance))
pairs = pairs.select("id", pl.col("code"), d=st.geom("geometry").st.distance(st.geom("geometry_right"))).sort(
    "id", "d", "code"
)
best = pairs.unique("id", keep="first", maintain_order=True)
best = best.select(
    "id", qpv_code=pl.when(pl.col("d") == 0).then("code"), near_qpv_code=pl.when(pl.col("d") > 0).then("code")
)
table.join(best, on="id", how="left", maintain_order="left").write_parquet(out, compression="snappy")
