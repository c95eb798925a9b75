#!/usr/bin/env bash
# DuckDB's read_xlsx takes a number shown with a unit that has an h in it, 9 500 hab., for a time of day: 00:00:00.
#
# Statistical offices show populations as #,##0" hab." and lengths as 0" h"; the unit stands in quotes in the number format and is
# only shown. One would expect the number, as calamine, openpyxl, pandas, polars and GDAL give. Seen: the column is of type TIME, each whole number
# is midnight and 2,034.5 is noon, so what was in the cells is gone; "lits", "médecins" and "km" stay numbers. Every commune has one
# population, 00:00:00: a join or a "greater than" on it answers, and no warning is given. `all_varchar` has the numbers, as texts.
# DuckDB's page says that times are inferred from the cell format, not this; its issues duckdb-excel 13 and 17 are on other formats.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q xlsxwriter==3.3.1 python-calamine==0.9.1 pyogrio==0.13.0 geopandas==1.2.0 duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-excel==1.5.5
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib.metadata import version

import duckdb
import pyogrio
import xlsxwriter
from duckdb_extensions import import_extension
from python_calamine import CalamineWorkbook

gdal = ".".join(map(str, pyogrio.__gdal_version__))
print(", ".join(f"{name} {version(name)}" for name in ("duckdb-extension-excel", "python-calamine", "pyogrio")) + f", GDAL {gdal}")
formats = {"people": '#,##0" hab."', "week": '0" heures"', "rooms": '0" chambres"', "beds": '0" lits"', "doctors": '0" médecins"'}
numbers = [9_500, 2_034.5, 12]
book = xlsxwriter.Workbook("communes.xlsx")
sheet = book.add_worksheet()
for column, (name, shown) in enumerate(formats.items()):
    sheet.write_string(0, column, name)
    sheet.write_column(1, column, numbers, book.add_format({"num_format": shown}))
book.close()
import_extension("excel")
base = duckdb.connect()
base.load_extension("excel")
read = base.sql("FROM read_xlsx('communes.xlsx')")
columns = dict(zip(read.columns, zip(*read.fetchall(), strict=True), strict=True))
seen = {name: [str(value) for value in values] for name, values in columns.items()}
for (name, values), kind in zip(seen.items(), read.types, strict=True):
    print(f"{name}, shown as {formats[name]}: {kind} {values}")
calamine = CalamineWorkbook.from_path("communes.xlsx").get_sheet_by_index(0).to_python()[1:]
people = pyogrio.read_dataframe("communes.xlsx")["people"].tolist()
print(f"calamine: {[row[0] for row in calamine]}, GDAL: {people}")
times, plain = ["00:00:00", "12:00:00", "00:00:00"], ["9500.0", "2034.5", "12.0"]
assert [row[0] for row in calamine] == people == numbers, "this has changed"
assert seen["people"] == seen["week"] == seen["rooms"] == times, "this has changed"
assert seen["beds"] == seen["doctors"] == plain, "this has changed"
PY
