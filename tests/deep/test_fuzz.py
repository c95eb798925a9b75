"""Valid inputs of every kind, mutated: an error of ours or a result, never a crash, a hang, or rows gone without a word."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import signal
import sys
import time
import tomllib
import traceback
import zipfile
from pathlib import Path

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely

from qpvhealth.errors import QpvhealthError
from qpvhealth.ingest import inspection
from qpvhealth.ingest.cards import Card
from qpvhealth.ingest.kinds.registry import MODULES
from qpvhealth.ingest.readers import layers

HANG = 300
COLUMNS = ["finess_et", "structure_type", "modality", "commune_code", "longitude", "latitude", "name"]
ROWS = [[f"93{i:07d}", "CDS", "", "93901", str(2.3 + i / 1000), "48.905", f"Santé {i}"] for i in range(12)]
PEOPLE = [[f"QP0939{i:02d}", 1000 + i, f"É{i}"] for i in range(12)]


def csv_file(path):
    path.write_text("\n".join(";".join(r) for r in [COLUMNS, *ROWS]) + "\n", encoding="utf-8")


def text_workbook(path):
    book = openpyxl.Workbook()
    for row in [COLUMNS, *ROWS]:
        book.active.append(row)
    book.save(path)


def workbook(path):
    book = openpyxl.Workbook()
    for row in [["code_qp", "pop", "nom_qp"], *PEOPLE]:
        book.active.append(row)
    book.save(path)


def table(path):
    pd.DataFrame(ROWS, columns=COLUMNS).to_parquet(path)


def layer():
    shapes = [shapely.box(2.3 + i / 50, 48.9, 2.31 + i / 50, 48.91) for i in range(12)]
    codes = [f"QP0939{i:02d}" for i in range(12)]
    return gpd.GeoDataFrame({"code_qp": codes, "nom_qp": codes}, geometry=shapes, crs=4326)


def geojson(path):
    path.write_text(layer().to_json(drop_id=True), encoding="utf-8")


def written(path):
    layer().to_file(path)


def geoparquet(path):
    layer().to_parquet(path)


def zipped(path):
    folder = path.parent / "parts"
    folder.mkdir(exist_ok=True)
    layer().to_file(folder / "q.shp")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.iterdir()):
            archive.write(part, part.name)


KINDS = {
    "s.csv": (csv_file, "structures"),
    "s.xlsx": (text_workbook, "structures"),
    "s.parquet": (table, "structures"),
    "p.xlsx": (workbook, "populations"),
    "q.geojson": (geojson, "neighbourhoods"),
    "q.gpkg": (written, "neighbourhoods"),
    "q.fgb": (written, "neighbourhoods"),
    "q.parquet": (geoparquet, "neighbourhoods"),
    "q.zip": (zipped, "neighbourhoods"),
}
OPTIONS = {
    "structures": {"year": 2020, "reference_date": dt.date(2020, 4, 1), "layout": "dgos-mapped"},
    "populations": {"generation": "qpv-2015", "population_year": 2013},
    "neighbourhoods": {"generation": "qpv-2015"},
}
CHECKED = (".zip", ".xlsx")
"""What holds a checksum of its own: there, a changed byte that is read is an error."""


def staged(path, kind):
    return MODULES[kind].read(Card("c", kind, path, path.name, OPTIONS[kind]))


def mutated(data, spread):
    """Flip, overwrite, cut, repeat, move or splice bytes."""
    out = bytearray(data)
    for _ in range(spread.choice([1, 1, 1, 2, 8])):
        at = spread.randrange(len(out))
        size = spread.choice([1, 2, 4, 16, 64])
        kind = spread.randrange(7)
        if kind < 3:
            out[at] ^= 1 << spread.randrange(8)
        elif kind == 3:
            out[at : at + size] = spread.choice([b"\xff", b"\x00", b"\x7f", b"\x80"]) * min(size, len(out) - at)
        elif kind == 4:
            out[at : at + size] = spread.randbytes(min(size, len(out) - at))
        elif kind == 5:
            del out[at:]
            out += b"\x00" * spread.choice([0, 1, 100])
        else:
            out[at:at] = out[at : at + size]
        if not out:
            return b"\x00"
    return bytes(out)


def told(result):
    return {(f.rule, f.message) for f in result.findings}, len(result.rejects), result.tally.out_of_scope


def judged(path, kind, before):
    """Read a mutated file; return what is wrong with how it ended."""
    with contextlib.suppress(QpvhealthError):
        inspection.inspect(path)
    try:
        after = staged(path, kind)
    except QpvhealthError:
        return None
    n, m = before.tally.rows_in, after.tally.rows_in
    if m < n and told(after) == told(before) and after.tally.duplicates == 0:
        return f"{n} rows became {m} without a word"
    if (
        path.suffix in CHECKED
        and kind != "neighbourhoods"
        and not after.frame.equals(before.frame)
        and told(after) == told(before)
    ):
        return "other values without a word, in a file that holds checksums"
    return None


def in_a_child(work, report):
    """Run in a process that may die; return what was wrong, nothing where all went well."""
    child = os.fork()
    if child == 0:
        signal.alarm(HANG)
        try:
            wrong = work()
        except BaseException:  # noqa: BLE001 -- whatever ends it is what is looked for
            wrong = traceback.format_exc()
        if wrong:
            report.write_text(wrong, encoding="utf-8")
        os._exit(1 if wrong else 0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        return f"ended by signal {-code}"
    return report.read_text(encoding="utf-8") if code else None


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork")
@pytest.mark.parametrize("name", KINDS)
def test_mutated_inputs_are_refused_or_read_but_never_lost(tmp_path, is_whole, name):
    write, kind = KINDS[name]
    good, path = tmp_path / "good" / name, tmp_path / name
    good.parent.mkdir()
    write(good)
    layers.gdal()
    before, data = staged(good, kind), good.read_bytes()
    assert before.tally.rows_out == 12
    wrong, ends = {}, time.monotonic() + (20 if is_whole else 5)
    for i in range(1_500):
        path.write_bytes(mutated(data, random.Random(f"{name}-{i}")))  # noqa: S311 -- mutations, not secrets
        if found := in_a_child(lambda: judged(path, kind, before), tmp_path / "report"):
            wrong[i] = found
        if time.monotonic() > ends and i >= 30:
            break
    assert wrong == {}, f"{len(wrong)} of {i + 1}: {list(wrong.items())[:2]}"


TEXTS = {t["name"]: t for t in tomllib.loads(Path(__file__).with_name("texts.toml").read_text("utf-8"))["text"]}
CELLS = (
    *("", " ", "1e400", "-1e308", "9" * 400, "1" + "0" * 30, "nan", "inf", "-5", "-", "NA", "0x10", "1_000", "12,5"),
    *("0000-00-00", "99999-01-01", "2019-13-45", "31/02/2020", "01/01/0001", "=1+1", "x" * 70_000, "e", "+", "true"),
    *("\u0661\u0662\u0663", "\uff11\uff12", "\u2028", "\U0001f600", "\u00bd", "\u200b", "1\u202f234", "\0"),
    *("QP093901;QP", "QP093901,QP999999", "QP0\u06633901", "00000000", "9F611", "2A004", "48\u00b053'", '"'),
)
"""Cells that are no value of any column, or nearly one."""


def disturbed(text, spread):
    """Put odd cells in rows, repeat rows, shorten them, or fill a column with odd cells."""
    separator = ";" if ";" in text.partition("\n")[0] else ","
    rows = [line.split(separator) for line in text.splitlines()]
    for _ in range(spread.choice([1, 1, 2, 4])):
        row, kind = spread.choice(rows[1:]), spread.randrange(8)
        column = spread.randrange(len(rows[0]))
        if kind < 5:
            row[column : column + 1] = [spread.choice(CELLS)]
        elif kind == 5:
            rows.append(list(row))
        elif kind == 6:
            del row[column:]
        else:
            for each in rows[1:]:
                each[column : column + 1] = [spread.choice(CELLS)]
    return "\n".join(separator.join(r) for r in rows) + "\n"


@pytest.mark.parametrize("name", TEXTS)
def test_odd_cells_of_every_kind_are_refused_or_accounted_for(tmp_path, is_whole, name):
    header, row, options = TEXTS[name]["header"], TEXTS[name]["row"], TEXTS[name].get("options", {})
    text = "\n".join([header, *(row.format(i=i, m=1 + i) for i in range(9))]) + "\n"
    path, ends = tmp_path / "t.csv", time.monotonic() + (10 if is_whole else 2)
    card = Card("c", name.partition(" ")[0], path, path.name, options)
    path.write_text(text, encoding="utf-8")
    read = MODULES[card.kind].read
    good = read(card)
    (good,) = getattr(good, "staged", [good])
    assert good.tally.rows_out == 9
    for i in range(400):
        path.write_text(disturbed(text, random.Random(f"{name}-{i}")), encoding="utf-8")  # noqa: S311 -- shapes
        try:
            read(card)
        except QpvhealthError:
            pass
        except Exception as error:
            raise AssertionError(f"{name}-{i}: {path.read_text(encoding='utf-8')[:500]!r}") from error
        if time.monotonic() > ends and i >= 30:
            break
