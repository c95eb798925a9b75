#!/usr/bin/env bash
# Opening hours of a week, 36:00 in a sheet, are 12:00 in DuckDB's read_xlsx and null in polars from OpenDocument.
#
# A length of time in a sheet is a number of days shown as [h]:mm, or PT36H in OpenDocument. One would expect 36 hours, as pandas and
# openpyxl give from xlsx, or an error, as pandas gives from ods. Seen: DuckDB takes it for a time of day and drops the whole days, so a centre
# open 36 hours a week has 12 and one of 48 has none; polars (fastexcel) has a column of lengths, in which the one above 24 hours
# is null and the others are right. No warning; from xlsx polars is right. calamine itself gives the text PT36H00M00S from ods.
# LibreOffice writes PT36H00M00S. GDAL goes by the letters: [h]:mm is a number, [hh]:mm:ss a time of day, 12:00 too. No issue of DuckDB, polars or
# calamine on it was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q xlsxwriter==3.3.1 odfpy==1.4.1 polars==2.1.0 fastexcel==0.21.0 pyogrio==0.13.0 geopandas==1.2.0 duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-excel==1.5.5
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib.metadata import version

import duckdb
import polars as pl
import pyogrio
import xlsxwriter
from duckdb_extensions import import_extension
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

gdal = ".".join(map(str, pyogrio.__gdal_version__))
print(", ".join(f"{name} {version(name)}" for name in ("duckdb-extension-excel", "polars", "fastexcel", "pyogrio")) + f", GDAL {gdal}")
import_extension("excel")
base = duckdb.connect()
base.load_extension("excel")
hours = [6.5, 36, 48]
book = xlsxwriter.Workbook("hours.xlsx")
sheet = book.add_worksheet()
sheet.write_row(0, 0, ["week", "long"])
for row, value in enumerate(hours, 1):
    sheet.write_number(row, 0, value / 24, book.add_format({"num_format": "[h]:mm"}))
    sheet.write_number(row, 1, value / 24, book.add_format({"num_format": "[hh]:mm:ss"}))
book.close()
document, table = OpenDocumentSpreadsheet(), Table(name="S")
document.spreadsheet.addElement(table)
rows = [("finess", None, "week"), ("010000018", "PT06H30M00S", "06:30"), ("010000026", "PT36H00M00S", "36:00"), ("010000034", "PT48H00M00S", "48:00")]
for code, length, text in rows:
    line, first = TableRow(), TableCell(valuetype="string")
    second = TableCell(valuetype="time", timevalue=length) if length else TableCell(valuetype="string")
    for cell, words in ((first, code), (second, text)):
        cell.addElement(P(text=words))
        line.addElement(cell)
    table.addElement(line)
document.save("hours.ods")
read = pyogrio.read_dataframe("hours.xlsx")
seen = {
    "DuckDB, xlsx": [str(row[0]) for row in base.sql("SELECT week FROM read_xlsx('hours.xlsx')").fetchall()],
    "polars, xlsx": pl.read_excel("hours.xlsx")["week"].dt.total_minutes().to_list(),
    "polars, ods": pl.read_ods("hours.ods")["week"].dt.total_minutes().to_list(),
    "GDAL, [h]:mm": [round(value * 24, 6) for value in read["week"]],
    "GDAL, [hh]:mm:ss": [str(value) for value in read["long"]],
}
for name, values in seen.items():
    print(f"6.5, 36 and 48 hours, {name}: {values}")
times = ["06:30:00", "12:00:00", "00:00:00"]
assert seen["DuckDB, xlsx"] == seen["GDAL, [hh]:mm:ss"] == times, "this has changed"
assert seen["polars, xlsx"] == [390, 2160, 2880], "this has changed"
assert seen["polars, ods"] == [390, None, None], "this has changed"
assert seen["GDAL, [h]:mm"] == hours, "this has changed"
PY
