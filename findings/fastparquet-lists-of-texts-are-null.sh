#!/usr/bin/env bash
# fastparquet reads a column of lists of texts as null in every row, when polars or DuckDB wrote it.
#
# "The QPV near each structure" is a list of codes. One would expect the lists, as pyarrow, polars and DuckDB read them from the same
# file, or an error. Seen: None in each row, 1,000 of 1,000, without a warning; a list of numbers beside it is right. It depends on how the
# writer laid the bytes: polars always, and DuckDB where few codes repeat, write the texts plainly; pyarrow's default, a dictionary, is read well.
# The same file name, another writer or more distinct codes, and every structure is near nothing.
# No issue on it was found (493 is on another kind of page).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q fastparquet==2026.9.0 pandas==3.1.1 pyarrow==26.0.1 polars==2.1.0 duckdb==1.5.5
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import duckdb
import fastparquet
import polars as pl
import pyarrow.parquet as pq

print(", ".join(f"{name} {version(name)}" for name in ("fastparquet", "pandas", "pyarrow", "polars", "duckdb")))
codes = [[f"QP{row:06d}", f"QP{row + 1:06d}"] for row in range(1_000)]
frame = pl.DataFrame({"finess": [f"{row:09d}" for row in range(1_000)], "near": codes, "metres": [[row, 300] for row in range(1_000)]})
frame.write_parquet("polars.parquet")
duckdb.sql("COPY frame TO 'duckdb.parquet' (FORMAT parquet)")
pq.write_table(frame.to_arrow(), "pyarrow.parquet")
nulls = {}
for writer in ("polars", "duckdb", "pyarrow"):
    path = f"{writer}.parquet"
    read = fastparquet.ParquetFile(path).to_pandas()
    nulls[writer] = int(read["near"].isna().sum())
    first = read["near"].iloc[0]
    print(f"written by {writer}: {nulls[writer]} lists of codes of {len(read)} are null, the first is {first}, that of numbers {list(map(int, read['metres'].iloc[0]))}")
    assert int(read["metres"].isna().sum()) == 0, "this has changed"
    assert pq.read_table(path)["near"].to_pylist() == pl.read_parquet(path)["near"].to_list() == codes, "this has changed"
assert nulls == {"polars": 1_000, "duckdb": 1_000, "pyarrow": 0}, "this has changed"
PY
