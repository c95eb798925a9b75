"""Every file is valid in the version that it claims, by the validator of its format where there is one."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import openpyxl
import pyarrow.parquet as pq
import pytest
import shapely

from qpvhealth.publish import styles
from tests.commands import run
from tests.deep.conftest import EXPORTED
from tests.deep.test_installs import run as run_program

SYSTEM_PYTHON = "/usr/bin/python3"
STYLED = """
import json, sys
from qgis.core import QgsApplication, QgsRenderContext, QgsVectorLayer
application = QgsApplication([], False)
application.initQgis()
answer = {}
for path in sys.argv[1:]:
    layer = QgsVectorLayer(path, "layer", "ogr")
    renderer, context, colours = layer.renderer(), QgsRenderContext(), {}
    renderer.startRender(context, layer.fields())
    for feature in layer.getFeatures():
        symbol = renderer.symbolForFeature(feature, context)
        colours[str(feature[renderer.classAttribute()])] = symbol.color().name()
    renderer.stopRender(context)
    answer[path] = [layer.crs().authid(), layer.featureCount(), renderer.classAttribute(), colours]
print(json.dumps(answer))
"""


def needs(program, module):
    """Skip where the Python of the system lacks a module."""
    if not Path(program).exists() or run_program(program, "-c", f"import {module}", check=False).returncode:
        pytest.skip(f"the Python of the system has no {module}")


def test_geoparquet_1_1(written, environment):
    python = environment("readers")
    paths = [*(written / "release").glob("*.parquet"), written / "located" / "metres.parquet"]
    with_shapes = [p for p in paths if b"geo" in (pq.read_schema(p).metadata or {})]
    assert len(with_shapes) > len(EXPORTED)
    for path in with_shapes:
        words = (python, python.with_name("geoparquet-validator"), "check", "--class", "core", path)
        done = run_program(*words, check=False)
        assert done.returncode == 0, done.stdout


def test_geopackage_1_2(written):
    """By the script that GDAL ships for it."""
    needs(SYSTEM_PYTHON, "osgeo_utils.samples.validate_gpkg")
    script = (
        "import sys; from osgeo_utils.samples import validate_gpkg; "
        "print([validate_gpkg.check(path, extra_checks=True) for path in sys.argv[1:]])"
    )
    done = run_program(SYSTEM_PYTHON, "-c", script, *(written / "exports").glob("*.gpkg"))
    assert json.loads(done.stdout) == [[]] * len(EXPORTED)


def test_qgis_draws_an_export_in_its_colours(written):
    needs(SYSTEM_PYTHON, "qgis.core")
    paths = [written / "exports" / f"{name}.gpkg" for name in EXPORTED]
    words = ("env", "QT_QPA_PLATFORM=offscreen", SYSTEM_PYTHON, "-c", STYLED, *paths)
    done = run_program(*words)
    assert "Warning" not in done.stderr
    for path, (system, rows, column, seen) in json.loads(done.stdout.splitlines()[-1]).items():
        assert (system, rows) == ("EPSG:4326", len(pq.read_table(written / "release" / f"{Path(path).stem}.parquet")))
        expected = {value: colour for value, (_, colour) in styles.COLOURS[column].items()}
        for value, colour in seen.items():
            red, green, blue = (
                int(c) for c in expected.get(value.lower(), expected.get(value, styles.GREY)).split(",")[:3]
            )
            assert colour == f"#{red:02x}{green:02x}{blue:02x}", (path, value)
        assert len(set(seen.values())) > 1


@pytest.mark.parametrize("name", EXPORTED)
def test_geojson_of_rfc_7946(written, name):
    document = json.loads((written / "exports" / f"{name}.geojson").read_text("utf-8"), parse_constant=pytest.fail)
    assert document["type"] == "FeatureCollection"
    assert "crs" not in document
    for feature in document["features"]:
        assert set(feature) >= {"type", "properties", "geometry"}
        if (geometry := feature["geometry"]) is None:
            continue
        shape = shapely.geometry.shape(geometry)
        west, south, east, north = shape.bounds
        assert -180 <= west <= east <= 180
        assert -90 <= south <= north <= 90
        for part in shapely.get_parts(shape):
            if part.geom_type == "Polygon":
                assert part.exterior.is_ccw
                assert not any(ring.is_ccw for ring in part.interiors)


ANSWERS = (
    *("counts", "coverage", "matrix", "audit", "sec", "priorities", "programmes", "practitioners", "declarations"),
    *(
        "list counted",
        "list uncovered",
        "list rejects",
        "simulate --best 3",
        "explain n_in_qpv",
        "releases list",
        "check",
    ),
)


@pytest.mark.parametrize("words", ANSWERS)
def test_json_of_rfc_8259(released, words):
    """One document and nothing else, no number that JSON has not, no name twice: what strict readers refuse."""

    def pairs(members):
        assert len(dict(members)) == len(members)
        return dict(members)

    done = run(*words.split(), "--json", "--out", released)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout, parse_constant=pytest.fail, object_pairs_hook=pairs)
    assert document["schema_version"] == 1


def test_csv_of_rfc_4180(written):
    """As many cells in each line as in the first; lines end with a line feed alone, which every reader takes."""
    for path in [*(written / "exports").glob("*.csv"), *(written / "located").glob("*.csv")]:
        text = path.read_bytes().decode("utf-8")
        assert text.endswith("\n")
        assert len({len(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True)}) == 1


def test_html_of_the_report(written, environment):
    script = (
        "import sys, html5lib; parser = html5lib.HTMLParser(); "
        "parser.parse(open(sys.argv[1], encoding='utf-8')); print(parser.errors)"
    )
    done = run_program(environment("readers"), "-c", script, written / "report" / "report.html")
    assert done.stdout.strip() == "[]"


def test_markdown_of_the_report(written):
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable("table").parse((written / "report" / "report.md").read_text("utf-8"))
    cells = [t.type for t in tokens if t.type in ("tr_open", "th_open", "td_open")]
    rows = re.findall("tr_open((?: t[hd]_open)+)", " ".join(cells))
    assert len(rows) > 2
    assert len({row.count("_open") for row in rows}) == 1


def test_opendocument_text_of_the_report(written, tmp_path):
    """The package of ODF 1.3: the type first and stored, each file in the manifest; LibreOffice shows the words of every table."""
    path = written / "report" / "report.odt"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type, first.extra) == ("mimetype", zipfile.ZIP_STORED, b"")
        listed = {e.attrib[f"{{{MANIFEST}}}full-path"] for e in ET.fromstring(archive.read("META-INF/manifest.xml"))}  # noqa: S314
        assert listed == {"/", *archive.namelist()} - {"mimetype", "META-INF/manifest.xml"}
        cells = ET.fromstring(archive.read("content.xml")).iter(f"{{{TABLE}}}table-cell")  # noqa: S314
        words = {"".join(line.itertext()) for cell in cells for line in cell}
    text = by_libreoffice(path, "txt:Text", tmp_path).read_text("utf-8-sig")
    missing = [w for w in words if w and w not in text]
    assert len(words) > 50
    assert missing == []


MANIFEST = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"


def by_libreoffice(path, kind, folder):
    if shutil.which("soffice") is None:
        pytest.skip("no LibreOffice on this machine")
    profile = f"-env:UserInstallation=file://{folder}/profile"
    run_program("soffice", profile, "--headless", "--convert-to", kind, "--outdir", folder, path)
    return folder / f"{path.stem}.{kind.partition(':')[0]}"


def test_workbook_of_the_report(written, tmp_path):
    """LibreOffice writes the same values again, sheet by sheet."""
    path = written / "report" / "report.xlsx"
    before, after = (
        {sheet.title: [[c.value for c in row if c.value is not None] for row in sheet.iter_rows()] for sheet in book}
        for book in map(openpyxl.load_workbook, (path, by_libreoffice(path, "xlsx", tmp_path)))
    )
    assert {name: [row for row in rows if row] for name, rows in after.items()} == {
        name: [row for row in rows if row] for name, rows in before.items()
    }
