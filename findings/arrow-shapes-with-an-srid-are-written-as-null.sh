#!/usr/bin/env bash
# pyogrio's write_arrow writes shapes that carry their SRID, as PostGIS and polars-st give them, as null, and those with a height near (0 0).
#
# Such a column is "extended" WKB: four bytes more, of the system. shapely, DuckDB, SedonaDB and GDAL itself in its other ways read it, so one would expect
# the shapes, or an error. Seen: GeoPackage, shapefile and GeoJSON get all rows and no shape, the layer its system and its type; only FlatGeobuf
# refuses, for the null shapes. A point with a height becomes (2e-320 5e-315), a place in the Gulf of Guinea that is neither null nor empty; its height is
# lost too. No error, no warning: each structure of the file is nowhere, or at one place.
# The page of write_arrow says WKB and no more. polars-st 48 met it and writes another form since; no issue of pyogrio or GDAL was found.
# Give shapes through `shapely.to_wkb(…, include_srid=False)`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q pyogrio==0.13.0 geopandas==1.2.0 pyarrow==26.0.1 shapely==2.2.0 duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-spatial==1.5.5
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import duckdb
import pyarrow as pa
import pyogrio
import shapely
from duckdb_extensions import import_extension

print(f"pyogrio {pyogrio.__version__}, GDAL {'.'.join(map(str, pyogrio.__gdal_version__))}, shapely {shapely.__version__}, pyarrow {pa.__version__}")
import_extension("spatial")
base = duckdb.connect()
base.load_extension("spatial")
shapes = {"point": shapely.Point(652_000, 6_862_000), "polygon": shapely.box(0, 0, 1, 1), "point with a height": shapely.Point(652_000, 6_862_000, 35)}
drivers = {"gpkg": "GPKG", "shp": "ESRI Shapefile", "geojson": "GeoJSON"}
seen = {}
for name, shape in shapes.items():
    bare, with_srid = (shapely.to_wkb(shapely.set_srid(shape, 2154), include_srid=given) for given in (False, True))
    assert shapely.from_wkb(with_srid).equals(shape), "this has changed"
    assert base.execute("SELECT ST_Equals(ST_GeomFromWKB($1), ST_GeomFromWKB($2))", [with_srid, bare]).fetchone()[0], "this has changed"
    for suffix, driver in drivers.items():
        for given, wkb in ((False, bare), (True, with_srid)):
            path = f"{name.replace(' ', '-')}-{given}.{suffix}"
            table = pa.table({"finess": ["010000018"], "geometry": pa.array([wkb], pa.binary())})
            pyogrio.write_arrow(table, path, driver=driver, geometry_type="Unknown", crs="EPSG:2154", geometry_name="geometry")
            seen[name, suffix, given] = pyogrio.read_dataframe(path).geometry.iloc[0]
        print(f"{name}, {suffix}: {seen[name, suffix, False]} without an SRID, {seen[name, suffix, True]} with one")
assert all(shape.equals(shapes[name]) for (name, _, given), shape in seen.items() if not given), "this has changed"
assert all(seen[name, suffix, True] is None for name in ("point", "polygon") for suffix in drivers), "this has changed"
assert all(seen["point with a height", suffix, True].distance(shapely.Point(0, 0)) < 1e-300 for suffix in drivers), "this has changed"
try:
    table = pa.table({"finess": ["010000018"], "geometry": pa.array([shapely.to_wkb(shapely.set_srid(shapes["point"], 2154), include_srid=True)], pa.binary())})
    pyogrio.write_arrow(table, "point.fgb", driver="FlatGeobuf", geometry_type="Unknown", crs="EPSG:2154", geometry_name="geometry")
except pyogrio.errors.DataLayerError as error:
    print("FlatGeobuf:", str(error)[:90])
else:
    raise AssertionError("this has changed")
PY
