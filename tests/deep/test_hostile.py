"""Hostile files through the command line: refused in seconds with exit 3, nothing read, asked or written elsewhere."""

from __future__ import annotations

import copy
import json
import os
import resource
import shutil
import socket
import sqlite3
import struct
import tempfile
import threading
import zipfile

import geopandas as gpd
import pytest
import shapely

from tests.commands import run_forked

SENTINEL = "SENTINEL-7319-HORIZON"
CPU_SECONDS, HANG_SECONDS, MEMORY = 40, 570, 6 * 1024**3
"""Processor time, which other programs do not lengthen, and how long a hang may last before it is one."""
SQUARE = [[[2.30, 48.90], [2.31, 48.90], [2.31, 48.91], [2.30, 48.91], [2.30, 48.90]]]
EXTRACT = "finess_et,structure_type,commune_code,longitude,latitude\n930000001,CDS,93901,2.305,48.905\n"
TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def polygons():
    return gpd.GeoDataFrame(
        {"code_qp": ["QP093901"], "nom_qp": ["Carré"]}, geometry=[shapely.Polygon(SQUARE[0])], crs=4326
    )


def book(path, sheet, *, before="", extra=()):
    """Write a workbook part by part; ``before`` goes in front of the sheet."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", TYPES)
        parts.writestr("_rels/.rels", relations(("officeDocument", "xl/workbook.xml")))
        parts.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{RELATED}"><sheets><sheet name="S" sheetId="1" r:id="r0"/></sheets></workbook>',
        )
        parts.writestr("xl/_rels/workbook.xml.rels", relations(("worksheet", "worksheets/sheet1.xml")))
        xml = f'<?xml version="1.0"?>{before}<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData></worksheet>'
        parts.writestr("xl/worksheets/sheet1.xml", xml)
        for name, content in extra:
            parts.writestr(name, content)


def relations(*pairs):
    inner = "".join(
        f'<Relationship Id="r{i}" Type="{RELATED}/{kind}" Target="{target}"/>' for i, (kind, target) in enumerate(pairs)
    )
    return f'<Relationships xmlns="{PACKAGE}">{inner}</Relationships>'


def vrt(place, url=None):
    source = url or (place.secret / "secret.csv")
    return (
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{source}</SrcDataSource>'
        "<GeometryType>wkbPolygon</GeometryType></OGRVRTLayer></OGRVRTDataSource>"
    )


def zipped(path, change):
    """Zip a right shapefile, with something wrong in it."""
    folder = path.parent / "parts"
    folder.mkdir()
    polygons().to_file(folder / "q.shp")
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(folder.iterdir()):
            archive.write(part, part.name)
        change(archive)
    shutil.rmtree(folder)


def link(archive, target):
    entry = zipfile.ZipInfo("q.cpg.txt")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    archive.writestr(entry, str(target))


def geojson_of(text):
    return lambda place: (place.raw / "h.geojson").write_text(text(place), encoding="utf-8")


def feature(**properties):
    geometry = {"type": "Polygon", "coordinates": SQUARE}
    return {"type": "Feature", "properties": {"code_qp": "QP093901"} | properties, "geometry": geometry}


def collection(*features, **more):
    return json.dumps({"type": "FeatureCollection", "features": features} | more)


def deep(place):
    (place.raw / "h.geojson").write_text('{"type":' + "[" * 200_000 + "]" * 200_000 + "}", encoding="utf-8")


def bomb(place):
    with zipfile.ZipFile(place.raw / "h.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(20):
            archive.writestr(f"q{i}.shp", bytes(100 * 1024**2))


def overlapping_bomb(place):
    """Name one compressed part two thousand times in the central directory."""
    with zipfile.ZipFile(place.raw / "h.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("q.shp", bytes(10 * 1024**2))
        for i in range(2_000):
            twin = copy.copy(archive.infolist()[0])
            twin.filename = twin.orig_filename = f"q{i}.shp"
            archive.filelist.append(twin)


def geopackage(place, sql):
    path = place.raw / "h.gpkg"
    polygons().to_file(path, layer="q", driver="GPKG")
    base = sqlite3.connect(path)
    base.executescript(sql)
    base.close()


def disguised(name):
    return lambda place: (place.raw / name).write_text(vrt(place), encoding="utf-8")


def far(place):
    book(
        place.raw / "h.xlsx",
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
    )


def entities(place):
    grow = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "lol" * 50}">' for i in range(9))
    cell = '<row r="1"><c r="A1" t="inlineStr"><is><t>&e8;</t></is></c></row>'
    book(place.raw / "h.xlsx", cell, before=f"<!DOCTYPE worksheet [{grow}]>")


def external(place):
    cell = '<row r="1"><c r="A1" t="inlineStr"><is><t>&x;</t></is></c></row>'
    book(place.raw / "h.xlsx", cell, before=f'<!DOCTYPE w [<!ENTITY x SYSTEM "file://{place.secret}/secret.csv">]>')


def asking(place):
    cell = '<row r="1"><c r="A1" t="inlineStr"><is><t>&x;</t></is></c></row>'
    book(place.raw / "h.xlsx", cell, before=f'<!DOCTYPE w SYSTEM "{place.url}/x.dtd">')


def inflating(place):
    book(
        place.raw / "h.xlsx",
        '<row r="1"><c r="A1"><v>1</v></c></row>',
        extra=[("xl/media/x.bin", bytes(900 * 1024**2))],
    )


def endless_text(place):
    cell = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{"x" * 30_000_000}</t></is></c></row>'
    book(place.raw / "h.xlsx", cell)


def linked_part(place):
    polygons().to_file(place.raw / "h.shp")
    (place.raw / "h.dbf").unlink()
    (place.raw / "h.dbf").symlink_to(place.secret / "secret.csv")


def claiming(place):
    polygons().to_file(place.raw / "h.shp")
    data = bytearray((place.raw / "h.dbf").read_bytes())
    struct.pack_into("<I", data, 4, 0x7FFFFFFF)
    (place.raw / "h.dbf").write_bytes(data)


def pipe(place):
    os.mkfifo(place.raw / "h.csv")


def too_big(place):
    with (place.raw / "h.csv").open("wb") as file:
        file.write(EXTRACT.encode())
        file.truncate(300 * 1024**2)


HOSTILE = {
    "VRT as GeoJSON": ("h.geojson", disguised("h.geojson")),
    "VRT as GeoPackage": ("h.gpkg", disguised("h.gpkg")),
    "VRT as FlatGeobuf": ("h.fgb", disguised("h.fgb")),
    "VRT as a shapefile": ("h.shp", disguised("h.shp")),
    "VRT by its name": ("h.vrt", disguised("h.vrt")),
    "a GeoJSON that begins as VRT in a string": (
        "h.json",
        lambda place: (place.raw / "h.json").write_text(json.dumps({"x": vrt(place)}), encoding="utf-8"),
    ),
    "GeoJSON 200,000 deep": ("h.geojson", deep),
    "a string of 30 MB": ("h.geojson", geojson_of(lambda _: collection(feature(nom_qp="x" * 30_000_000)))),
    "a zip bomb": ("h.zip", bomb),
    "an overlapping zip bomb": ("h.zip", overlapping_bomb),
    "a way out of the archive": (
        "h.zip",
        lambda place: zipped(place.raw / "h.zip", lambda z: z.writestr("../../escaped.txt", "out")),
    ),
    "an absolute path in the archive": (
        "h.zip",
        lambda place: zipped(place.raw / "h.zip", lambda z: z.writestr(f"{place.raw}/../escaped.txt", "out")),
    ),
    "a link in the archive": (
        "h.zip",
        lambda place: zipped(place.raw / "h.zip", lambda z: link(z, place.secret / "secret.csv")),
    ),
    "a part that is a link": ("h.shp", linked_part),
    "a table that claims two billion records": ("h.shp", claiming),
    "a view in a GeoPackage": (
        "h.gpkg",
        lambda place: geopackage(
            place,
            "CREATE VIEW v AS SELECT * FROM q; INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)"
            " VALUES ('v', 'features', 'v', 4326);",
        ),
    ),
    "a virtual table in a GeoPackage": (
        "h.gpkg",
        lambda place: geopackage(place, "CREATE VIRTUAL TABLE t USING fts4(content);"),
    ),
    "a cell at the far corner": ("h.xlsx", far),
    "entities that grow": ("h.xlsx", entities),
    "an external entity": ("h.xlsx", external),
    "an external document type": ("h.xlsx", asking),
    "a part of 900 MB": ("h.xlsx", inflating),
    "a text of 30 MB": ("h.xlsx", endless_text),
    "a pipe": ("h.csv", pipe),
    "a file of 300 MB": ("h.csv", too_big),
    "a virtual path": ("/vsicurl/{url}/x.csv", None),
    "an archive by a virtual path": ("/vsizip/{secret}/x.zip/secret.csv", None),
    "an address": ("{url}/x.geojson", None),
    "a driver prefix": ("CSV:{secret}/secret.csv", None),
    "a device": ("/dev/zero", None),
}
KINDS = {".csv": "structures", ".xlsx": "structures"}


class Place:
    """A raw folder, what must not be read, and a server that must not be asked."""

    def __init__(self, folder):
        self.folder, self.raw, self.secret, self.tmp = folder, folder / "raw", folder / "secret", folder / "tmp"
        for new in (self.raw, self.secret, self.tmp):
            new.mkdir()
        (self.secret / "secret.csv").write_text(f"code_qp,WKT\nQP093901,{SENTINEL}\n", encoding="utf-8")
        self.asked = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                self.asked.append(self.server.accept())
            except OSError:
                return

    def seen(self):
        return {str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if "out" not in p.parts}

    def run(self, *words):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            os.environ["TMPDIR"] = tempfile.tempdir = str(self.tmp)

        return run_forked(*words, cwd=self.folder, seconds=HANG_SECONDS, first=limit)


def spent():
    """Return the seconds of processor that the processes started and ended here have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.server.close()


def carded(place, given):
    """Write cards in which the hostile file is the extract or the perimeters, the other one being right."""
    kind = KINDS.get(os.path.splitext(given)[1], "neighbourhoods")  # noqa: PTH122 -- an address is no path
    (place.raw / "s.csv").write_text(EXTRACT, encoding="utf-8")
    (place.raw / "q.geojson").write_text(collection(feature(nom_qp="Carré")), encoding="utf-8")
    extract = given if kind == "structures" else "s.csv"
    contours = given if kind == "neighbourhoods" else "q.geojson"
    cards = (
        f'[[source]]\nid = "s"\nkind = "structures"\npath = "{extract}"\nlayout = "dgos-mapped"\nyear = 2020\n'
        f'reference_date = 2020-04-01\n[[source]]\nid = "q"\nkind = "neighbourhoods"\npath = "{contours}"\n'
        'generation = "qpv-2015"\n'
    )
    (place.raw / "sources.toml").write_text(cards, encoding="utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(place, name):
    given, write = HOSTILE[name]
    given = given.format(url=place.url, secret=place.secret)
    if write is not None:
        write(place)
    carded(place, given)
    before = place.seen()
    for words in (
        ["build", "--raw", place.raw, "--out", place.folder / "out"],
        ["inspect", place.raw / given if write else given],
    ):
        before_cpu = spent()
        done = place.run(*words)
        assert done.returncode == 3, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert SENTINEL not in done.stdout + done.stderr
        assert spent() - before_cpu < CPU_SECONDS
    assert place.asked == []
    assert place.seen() == before
    assert not list((place.folder / "out").glob("releases/*"))
