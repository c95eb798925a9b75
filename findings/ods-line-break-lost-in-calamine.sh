#!/usr/bin/env bash
# python-calamine drops a line break inside a paragraph of an OpenDocument cell, and a tab: the words around them become one.
#
# Two paragraphs of a cell come with a line break between them; <text:line-break/> and <text:tab/> inside one paragraph come as nothing.
# One would expect white space of some kind for each, as for <text:s/>. Seen: "12 rue des LilasBP 4"; pandas with engine="odf"
# keeps the line break and drops the tab. An address, or two codes in a cell, are glued.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q pandas==3.1.1 odfpy==1.4.1 python-calamine==0.9.1
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib.metadata import version

import pandas as pd
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import LineBreak, P, S, Tab
from python_calamine import CalamineWorkbook

document, table = OpenDocumentSpreadsheet(), Table(name="S")
document.spreadsheet.addElement(table)
for parts in ([P(text="12 rue des Lilas"), P(text="BP 4")], LineBreak(), Tab(), S(c=2)):
    row, cell = TableRow(), TableCell(valuetype="string")
    if not isinstance(parts, list):
        paragraph = P(text="12 rue des Lilas")
        paragraph.addElement(parts)
        paragraph.addText("BP 4")
        parts = [paragraph]
    for part in parts:
        cell.addElement(part)
    row.addElement(cell)
    table.addElement(row)
document.save("breaks.ods")
calamine = [row[0] for row in CalamineWorkbook.from_path("breaks.ods").get_sheet_by_index(0).to_python()]
odf = pd.read_excel("breaks.ods", engine="odf", header=None)[0].tolist()
print(", ".join(f"{name} {version(name)}" for name in ("pandas", "odfpy", "python-calamine")))
for name, one, other in zip(("two paragraphs", "line break", "tab", "two spaces"), calamine, odf, strict=True):
    print(f"{name}: calamine {one!r}, odf {other!r}")
glued = "12 rue des LilasBP 4"
assert calamine == ["12 rue des Lilas\nBP 4", glued, glued, "12 rue des Lilas  BP 4"], "this has changed"
assert odf == ["12 rue des Lilas\nBP 4", "12 rue des Lilas\nBP 4", glued, "12 rue des Lilas  BP 4"], "this has changed"
PY
