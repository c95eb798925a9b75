#!/usr/bin/env bash
# GDAL reads the comment of an OpenDocument cell as its text: an empty cell that somebody annotated has a value, a code gets a second line.
#
# Agencies send sheets back with comments on cells, "to be checked". One would expect the cell without them, as pandas, calamine and polars give
# (pandas mended the same in 2023, its issue 55200). Seen: geopandas, pyogrio and DuckDB's ST_Read, which all have GDAL's ODS driver, put the
# comment before the text, a line break between them; a cell that is empty but for a comment has the comment as its value, so a missing
# answer becomes one; numbers and days are right. And <text:s/>, which is how LibreOffice writes every space after the first, is dropped, so
# a code of fixed width, "AB  12", is "AB 12" and joins with nothing.
# Not on GDAL's page of the driver; a user of QGIS met it (QGIS-SpreadSheetLayers 47), no issue of GDAL on it was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q odfpy==1.4.1 python-calamine==0.9.1 pandas==3.1.1 pyogrio==0.13.0 geopandas==1.2.0 duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-spatial==1.5.5
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import duckdb
import pandas as pd
import pyogrio
from duckdb_extensions import import_extension
from odf.office import Annotation
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P, S
from python_calamine import CalamineWorkbook

gdal = ".".join(map(str, pyogrio.__gdal_version__))
print(", ".join(f"{name} {version(name)}" for name in ("pandas", "python-calamine", "pyogrio", "duckdb-extension-spatial")) + f", GDAL {gdal}")


def cell(*texts, comment=None, number=None):
    made = TableCell(valuetype="float", value=number) if number is not None else TableCell(valuetype="string") if texts else TableCell()
    if comment:
        note = Annotation()
        note.addElement(P(text=comment))
        made.addElement(note)
    paragraph = P()
    for i, text in enumerate(texts):
        if i:
            paragraph.addElement(S(c=1))
        paragraph.addText(text)
    if texts:
        made.addElement(paragraph)
    return made


rows = [
    [cell("finess"), cell("in_qpv"), cell("beds")],
    [cell("010000018"), cell("oui"), cell("3", number=3)],
    [cell("010000026", comment="to be checked"), cell(comment="to be checked"), cell("4", number=4, comment="to be checked")],
    [cell("AB ", "12"), cell("non"), cell("5", number=5)],
]
document, sheet = OpenDocumentSpreadsheet(), Table(name="Sheet")
for cells in rows:
    row = TableRow()
    for one in cells:
        row.addElement(one)
    sheet.addElement(row)
document.spreadsheet.addElement(sheet)
document.save("answers.ods")
import_extension("spatial")
base = duckdb.connect()
base.load_extension("spatial")
as_text = lambda frame: [["" if pd.isna(v) else str(v) for v in row] for row in frame.iloc[:, :2].itertuples(index=False)]
seen = {
    "pandas": as_text(pd.read_excel("answers.ods", engine="odf", dtype=str)),
    "calamine": [row[:2] for row in CalamineWorkbook.from_path("answers.ods").get_sheet_by_index(0).to_python()[1:]],
    "GDAL": as_text(pyogrio.read_dataframe("answers.ods")),
    "DuckDB, ST_Read": as_text(base.sql("SELECT finess, in_qpv FROM ST_Read('answers.ods')").df()),
}
for name, cells in seen.items():
    print(f"{name}: {cells}")
print("GDAL, the numbers:", pyogrio.read_dataframe("answers.ods")["beds"].tolist())
assert seen["pandas"] == seen["calamine"] == [["010000018", "oui"], ["010000026", ""], ["AB  12", "non"]], "this has changed"
wrong = [["010000018", "oui"], ["to be checked\n010000026", "to be checked"], ["AB 12", "non"]]
assert seen["GDAL"] == seen["DuckDB, ST_Read"] == wrong, "this has changed"
assert pyogrio.read_dataframe("answers.ods")["beds"].tolist() == [3, 4, 5], "this has changed"
PY
