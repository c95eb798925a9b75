#!/usr/bin/env bash
# pandas reads a boolean of an OpenDocument sheet by the word that is displayed, and knows one: TRUE.
#
# A sheet that LibreOffice saves in French displays VRAI; the value itself, office:boolean-value="true", is the same in every language.
# One would expect true, as any reader of the value would give. Seen: False, without a word, with engine="odf";
# engine="calamine" gives True. A column "dans un QPV" of VRAI and FAUX is then false everywhere.
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
from odf.text import P

document, table = OpenDocumentSpreadsheet(), Table(name="S")
document.spreadsheet.addElement(table)
for word, value in (("VRAI", "true"), ("FAUX", "false"), ("TRUE", "true")):
    row, cell = TableRow(), TableCell(valuetype="boolean", booleanvalue=value)
    cell.addElement(P(text=word))
    row.addElement(cell)
    table.addElement(row)
document.save("booleans.ods")
read = {engine: pd.read_excel("booleans.ods", engine=engine, header=None)[0].tolist() for engine in ("odf", "calamine")}
print(", ".join(f"{name} {version(name)}" for name in ("pandas", "odfpy", "python-calamine")))
print("displayed VRAI, FAUX, TRUE; values true, false, true")
for engine, values in read.items():
    print(f"{engine}: {values}")
assert read == {"odf": [False, False, True], "calamine": [True, False, True]}, "this has changed"
PY
