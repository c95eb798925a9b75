#!/usr/bin/env bash
# GDAL reads a day that a workbook writes out, 2019-03-31, as day 2,019 of Excel's calendar: 1905-07-11.
#
# A cell may hold its day in words of ISO 8601 (type "d") in place of a number: strict workbooks of Excel do, and openpyxl with `iso_dates`.
# One would expect the day, as calamine, openpyxl, pandas and DuckDB's read_xlsx give, or a text, as polars gives. Seen: geopandas, pyogrio and
# DuckDB's ST_Read, which all have GDAL's XLSX driver, take the leading number of the text: every day of 2019 is 11 July 1905, every day of 2020
# the day after. All days of a year are one day, of the type date, without a warning.
# No issue of GDAL on it was found (other libraries had the same: exceljs 2695, ExcelDataReader 221).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q openpyxl==3.1.5 python-calamine==0.9.1 pyogrio==0.13.0 geopandas==1.2.0 duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-excel==1.5.5
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import datetime as dt
from importlib.metadata import version

import duckdb
import openpyxl
import pyogrio
from duckdb_extensions import import_extension
from python_calamine import CalamineWorkbook

gdal = ".".join(map(str, pyogrio.__gdal_version__))
print(", ".join(f"{name} {version(name)}" for name in ("duckdb-extension-excel", "pyogrio", "python-calamine", "openpyxl")) + f", GDAL {gdal}")
import_extension("excel")
base = duckdb.connect()
base.load_extension("excel")
days = [dt.date(2019, 3, 31), dt.date(2019, 12, 1), dt.date(2020, 1, 1)]
book = openpyxl.Workbook(iso_dates=True)
book.active.append(["opened"])
for day in days:
    book.active.append([day])
book.save("days.xlsx")
seen = {
    "calamine": [row[0] for row in CalamineWorkbook.from_path("days.xlsx").get_sheet_by_index(0).to_python()[1:]],
    "DuckDB": [row[0] for row in base.sql("FROM read_xlsx('days.xlsx')").fetchall()],
    "GDAL": pyogrio.read_dataframe("days.xlsx")["opened"].tolist(),
}
seen = {name: [str(day)[:10] for day in read] for name, read in seen.items()}
for name, read in seen.items():
    print(f"{name}: {read}")
assert seen["calamine"] == seen["DuckDB"] == [str(day) for day in days], "this has changed"
assert seen["GDAL"] == ["1905-07-11", "1905-07-11", "1905-07-12"], "this has changed"
PY
