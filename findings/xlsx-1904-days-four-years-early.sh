#!/usr/bin/env bash
# A workbook that counts its days from 1904 is four years and a day early in GDAL and in DuckDB's read_xlsx.
#
# Excel on a Mac wrote such workbooks by default, and what is copied from them stays so; the workbook says it (`date1904`). One would expect the day that Excel
# displays, as calamine, openpyxl, pandas and polars give. Seen: 2019-03-31 is 2015-03-30 in geopandas, pyogrio, DuckDB's spatial ST_Read (all
# GDAL's XLSX driver) and in DuckDB's own read_xlsx. Another year's register: a centre that opened in 2019 is counted since 2015.
# No issue of GDAL or DuckDB on it was found; libraries of other languages had the same and mended it (exceljs 219, ExcelDataReader 82).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q xlsxwriter==3.3.1 python-calamine==0.9.1 openpyxl==3.1.5 pyogrio==0.13.0 geopandas==1.2.0 duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-excel==1.5.5
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import datetime as dt
from importlib.metadata import version

import duckdb
import openpyxl
import pyogrio
import xlsxwriter
from duckdb_extensions import import_extension
from python_calamine import CalamineWorkbook

gdal = ".".join(map(str, pyogrio.__gdal_version__))
print(", ".join(f"{name} {version(name)}" for name in ("duckdb-extension-excel", "pyogrio", "python-calamine", "openpyxl")) + f", GDAL {gdal}")
import_extension("excel")
base = duckdb.connect()
base.load_extension("excel")
seen = {}
for since in (1900, 1904):
    path = f"since-{since}.xlsx"
    book = xlsxwriter.Workbook(path, {"date_1904": since == 1904})
    sheet = book.add_worksheet()
    sheet.write(0, 0, "opened")
    sheet.write_datetime(1, 0, dt.date(2019, 3, 31), book.add_format({"num_format": "dd/mm/yyyy"}))
    book.close()
    days = {
        "calamine": CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()[1][0],
        "openpyxl": openpyxl.load_workbook(path).active["A2"].value,
        "GDAL": pyogrio.read_dataframe(path)["opened"][0],
        "DuckDB": base.sql(f"FROM read_xlsx('{path}')").fetchone()[0],
    }
    seen[since] = {name: str(day)[:10] for name, day in days.items()}
    print(f"2019-03-31 of a workbook that counts from {since}: {seen[since]}")
assert set(seen[1900].values()) == {"2019-03-31"}, "this has changed"
assert {seen[1904]["calamine"], seen[1904]["openpyxl"]} == {"2019-03-31"}, "this has changed"
assert {seen[1904]["GDAL"], seen[1904]["DuckDB"]} == {"2015-03-30"}, "this has changed"
PY
