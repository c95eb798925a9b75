#!/usr/bin/env bash
# A Parquet column of the native type GEOMETRY without a system means OGC:CRS84 to some and "unknown" to others: systems are lost and invented.
#
# The format says that a column without one is in OGC:CRS84. One would expect that writers and readers of the type agree on it, and
# that a system that is unknown stays unknown. Seen: DuckDB writes shapes in metres whose system it does not know, and SedonaDB reads them
# as longitude and latitude; SedonaDB writes shapes in EPSG:4326, and DuckDB reads them without a system; pyarrow writes a column without a
# system, or with one that is null, and reads OGC:CRS84 back. None warns. A file in Lambert-93 comes out in degrees.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q duckdb==2.0.1 sedonadb==0.5.0 pyarrow==26.0.1 pyproj==3.7.2
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import struct
from importlib.metadata import version

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sedonadb


class Wkb(pa.ExtensionType):
    def __init__(self, words=b"{}"):
        self.words = words
        super().__init__(pa.binary(), "geoarrow.wkb")

    def __arrow_ext_serialize__(self):
        return self.words

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, words):
        return cls(words)


print(", ".join(f"{name} {version(name)}" for name in ("duckdb", "sedonadb", "pyarrow")))
duck, sedona = duckdb.connect(), sedonadb.connect()
duck.execute("COPY (SELECT 'POINT (650000 6860000)'::GEOMETRY AS geometry) TO 'metres.parquet' (GEOPARQUET_VERSION 'NONE')")
invented = str(sedona.read_parquet("metres.parquet").schema)
print("DuckDB, metres, no system -> SedonaDB:", invented.splitlines()[-1].strip())
sql = "SELECT ST_SetSRID(ST_GeomFromText('POINT (2.3 48.9)'), 4326) AS geometry"
sedona.sql(sql).to_parquet("degrees.parquet", geoparquet_version="none")
lost = duck.sql("DESCRIBE FROM 'degrees.parquet'").fetchall()[0][1]
print("SedonaDB, EPSG:4326 -> DuckDB:", lost)
pa.register_extension_type(Wkb())
back = []
for words in (b"{}", b'{"crs": null}'):
    column = pa.ExtensionArray.from_storage(Wkb(words), pa.array([struct.pack("<BIdd", 1, 1, 650_000, 6_860_000)]))
    pq.write_table(pa.table({"geometry": column}), "none.parquet")
    back.append(pq.ParquetFile("none.parquet", arrow_extensions_enabled=True).schema_arrow.field(0).type.words)
    print("pyarrow,", words.decode(), "-> pyarrow:", back[-1].decode())
assert "ogc:crs84" in invented, "this has changed"
assert lost == "GEOMETRY", "this has changed"
assert all(b'"OGC:CRS84"' in words for words in back), "this has changed"
PY
