import json
import math
import shutil
import sqlite3
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import systems
from qpvhealth.ingest.inspection import inspect
from qpvhealth.ingest.readers import layers
from qpvhealth.ingest.readers.layers import DRIVERS

DATA = Path(__file__).parents[4] / "shared" / "data" / "neighbourhoods"
SQUARE = shapely.box(0, 0, 1, 1)
BOWTIE = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
PARTS = (".shp", ".shx", ".dbf", ".prj")


read_vector = layers.read


def frame(crs=2154):
    names = ["Cœur d'été", "NA", None]
    return gpd.GeoDataFrame(
        {"code": ["01", "02", "03"], "nom": names, "n": [1, 2, 3]}, geometry=[SQUARE, BOWTIE, None], crs=crs
    )


def zipped(path, *shapes, parts=PARTS):
    with zipfile.ZipFile(path, "w") as archive:
        for shape in shapes:
            for part in parts:
                archive.write(shape.with_suffix(part), f"folder/{shape.stem}{part}")
    return path


@pytest.fixture
def shape(tmp_path):
    path = tmp_path / "a.shp"
    frame().to_file(path, encoding="cp1252")
    path.with_suffix(".cpg").unlink()
    return path


def assert_is_frame(table, crs):
    assert table.frame[["code", "n"]].to_numpy().tolist() == [["01", "1"], ["02", "2"], ["03", "3"]]
    assert table.frame["nom"].tolist()[:2] == ["Cœur d'été", "NA"]
    assert pd.isna(table.frame["nom"].iloc[2])
    assert {str(t) for t in table.frame.dtypes} == {"str"}
    assert table.geometry[0].equals(SQUARE)
    assert not table.geometry[1].is_valid
    assert table.geometry[2] is None
    assert table.crs == crs
    assert table.rows.tolist() == [1, 2, 3]


def written(path, shape):
    """Write the frame, one of whose geometries is missing, in the format of a name."""
    if path.suffix == ".zip":
        zipped(path, shape)
    elif path.suffix == ".parquet":
        frame().to_parquet(path)
    elif path.suffix != ".shp":
        options = {".fgb": {"SPATIAL_INDEX": "NO"}}.get(path.suffix, {})
        frame(crs=4326 if path.suffix == ".geojson" else 2154).to_file(path, **options)


@pytest.mark.parametrize("name", ["a.shp", "a.gpkg", "a.fgb", "a.geojson", "a.parquet"])
def test_each_format_gives_the_same(tmp_path, shape, name):
    written(tmp_path / name, shape)
    assert_is_frame(read_vector(tmp_path / name), "EPSG:4326" if name == "a.geojson" else "EPSG:2154")


def test_a_zipped_shapefile_leaves_nothing_behind(tmp_path, shape, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "work"))
    assert_is_frame(read_vector(zipped(tmp_path / "a.zip", shape)), "EPSG:2154")
    assert list((tmp_path / "work").iterdir()) == []


def test_one_of_several_zipped_shapefiles_is_named(tmp_path, shape):
    for part in PARTS:
        shutil.copy(shape.with_suffix(part), tmp_path / f"b{part}")
    path = zipped(tmp_path / "a.zip", shape, tmp_path / "b.shp")
    with pytest.raises(UsageError, match="a, b"):
        read_vector(path)
    assert_is_frame(read_vector(path, layer="b"), "EPSG:2154")


def test_the_encoding_of_a_shapefile(tmp_path, shape):
    assert "encoding cp1252 (no .cpg, not UTF-8)" in read_vector(shape).notes
    shape.with_suffix(".cpg").write_text("ISO-8859-1")
    assert_is_frame(read_vector(shape), "EPSG:2154")
    frame().to_file(tmp_path / "u.shp", encoding="utf-8")
    (tmp_path / "u.cpg").unlink()
    assert_is_frame(read_vector(tmp_path / "u.shp"), "EPSG:2154")


def test_a_shapefile_without_prj_has_no_crs(shape):
    shape.with_suffix(".prj").unlink()
    assert_is_frame(read_vector(shape), None)


def renamed(shape, *names):
    """Give the parts of a shapefile other names; return the first."""
    for part, name in zip(PARTS, names, strict=True):
        shape.with_suffix(part).rename(shape.with_name(name))
    return shape.with_name(names[0])


@pytest.mark.parametrize(
    "names",
    [("A.SHP", "A.SHX", "A.DBF", "A.PRJ"), ("a.Shp", "A.shX", "A.dbf", "a.Prj"), ("a.shp", "a.shx", "A.DBF", "a.PRJ")],
)
def test_a_shapefile_is_read_whatever_the_case_of_its_names(tmp_path, shape, names):
    table = read_vector(renamed(shape, *names))
    assert_is_frame(table, "EPSG:2154")
    assert table.file == names[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["f/a.shp", "f/a.shx", "f/a.dbf", "f/A.DBF"], r"f/A\.DBF and f/a\.dbf could both be its \.dbf"),
        (["f/a.shp", "f/a.shx", "f/a.dbf", "f/A.SHP"], r"f/A\.SHP and f/a\.shp could both be meant"),
        (["f/a.shp", "f/a.shx", "f/a.dbf", "g/a.shp"], r"f/a\.shp and g/a\.shp could both be meant"),
        (["f/a.shp", "f/a.shx"], r"f/a\.dbf is missing"),
    ],
)
def test_a_zip_with_two_candidates_or_none_for_a_part_is_refused(tmp_path, shape, names, said):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.write(shape.with_suffix(name[-4:].lower()), name)
    with pytest.raises(InputError, match=said):
        read_vector(tmp_path / "a.zip")


def test_the_names_in_a_zip_may_be_capitals(tmp_path, shape):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for part in PARTS:
            archive.write(shape.with_suffix(part), f"F/A{part.upper()}" if part != ".prj" else "F/a.prj")
    assert_is_frame(read_vector(tmp_path / "a.zip"), "EPSG:2154")


@pytest.mark.parametrize(
    ("part", "spoilt", "said"),
    [
        (".prj", lambda _: b'PROJCS["x",GEOGCS["y",DATUM["z"', "coordinate system"),
        (".dbf", lambda data: data[:31], "dbf is cut"),
        *((part, lambda data: data[:-8], "fetch it again") for part in (".shx", ".dbf", ".shp")),
    ],
)
def test_a_damaged_part_of_a_shapefile_is_refused(shape, part, spoilt, said):
    path = shape.with_suffix(part)
    path.write_bytes(spoilt(path.read_bytes()))
    with pytest.raises(InputError, match=said):
        read_vector(shape)


def test_layers_of_a_geopackage(tmp_path):
    path = tmp_path / "a.gpkg"
    frame().to_file(path, layer="qpv")
    pyogrio.write_dataframe(pd.DataFrame({"a": [1]}), path, layer="attributes")
    assert_is_frame(read_vector(path), "EPSG:2154")
    frame().to_file(path, layer="other")
    with pytest.raises(UsageError, match="qpv, other"):
        read_vector(path)
    with pytest.raises(UsageError, match="no layer"):
        read_vector(path, layer="absent")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.gpkg"]


@pytest.mark.parametrize("name", ["v", "V"])
def test_a_layer_that_is_a_view_is_refused(tmp_path, name):
    frame().to_file(tmp_path / "a.gpkg", layer="qpv")
    base = sqlite3.connect(tmp_path / "a.gpkg")
    base.execute("CREATE VIEW v AS WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT x FROM r")
    base.execute("INSERT INTO gpkg_contents (table_name, data_type) VALUES (?, 'attributes')", [name])
    base.commit()
    base.close()
    with pytest.raises(InputError, match="view"):
        read_vector(tmp_path / "a.gpkg")


def geojson(path, geometry, **properties):
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def test_heights_are_dropped_and_text_is_not_guessed(tmp_path):
    point = {"type": "Point", "coordinates": [1, 2, 3]}
    table = read_vector(geojson(tmp_path / "a.geojson", point, day="2019/03/31", code="01001", x=1.0, many=["a", 1]))
    assert table.geometry[0].equals(shapely.Point(1, 2))
    assert not table.geometry[0].has_z
    assert table.frame.iloc[0].to_dict() == {"day": "2019/03/31", "code": "01001", "x": "1", "many": '[ "a", 1 ]'}
    assert any("heights" in note for note in table.notes)


def test_a_ring_that_is_not_closed_is_closed_and_noted(tmp_path):
    ring = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}
    table = read_vector(geojson(tmp_path / "a.geojson", ring))
    assert table.geometry[0].equals(SQUARE)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        '{"type":"Polygon","coordinates":' + "[" * 1_000_000,
        '{"type":"FeatureCollection","x":"' + "x" * 2_000_000 + '","features":[]}',
        '{"type":"FeatureCollection","features":[{',
        '{"type":"Topology"}',
        "{}",
    ],
)
def test_hostile_json_is_an_input_error(tmp_path, text):
    (tmp_path / "a.geojson").write_text(text)
    with pytest.raises(InputError):
        read_vector(tmp_path / "a.geojson")


@pytest.mark.parametrize("name", ["a.gpkg", "a.fgb", "a.parquet"])
def test_a_cut_file_is_an_input_error(tmp_path, name):
    if name.endswith("parquet"):
        frame().to_parquet(tmp_path / name)
    else:
        frame().dropna().to_file(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 3])
    with pytest.raises(InputError):
        read_vector(tmp_path / name)


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.shp", "a.fgb", "a.json"])
def test_a_virtual_file_under_another_name_is_refused(tmp_path, name):
    (tmp_path / name).write_text('<OGRVRTDataSource><OGRVRTLayer name="p"><SrcDataSource>/etc/passwd</SrcDataSource>')
    with pytest.raises(InputError):
        read_vector(tmp_path / name)


def test_only_the_allowed_drivers_are_left_even_when_gdal_was_there_before():
    code = (
        "import geopandas, pyogrio; assert len(pyogrio.list_drivers()) > 20\n"
        "from qpvhealth.ingest.readers.layers import gdal\n"
        "print(','.join(sorted(gdal().list_drivers())))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.strip().split(",")) == DRIVERS


def test_a_gdal_that_keeps_other_drivers_is_refused(monkeypatch):
    monkeypatch.setattr(pyogrio, "list_drivers", lambda: {"GPKG": "rw", "OGR_VRT": "r"})
    with pytest.raises(InputError, match="OGR_VRT"):
        layers.gdal()


def test_a_plain_parquet_table_has_no_geometry(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="GeoParquet"):
        read_vector(tmp_path / "a.parquet")


@pytest.mark.skipif(not DATA.is_dir(), reason="the real files are not beside the project")
@pytest.mark.parametrize(
    ("name", "rows", "invalid", "crs"),
    [
        ("qpv-2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp", 1_514, 34, "EPSG:4326"),
        ("qpv-2015/QP_METROPOLE_LB93.shp", 1_296, 25, "EPSG:2154"),
        ("qpv-2015/QP_GUYANE_RGF95_UTM22N.shp", 32, 1, "EPSG:2972"),
        ("qpv-2015/QP_MAYOTTE_RGM04_UTM38S.shp", 36, 0, "EPSG:4470"),
        ("qpv-2024/qpv-2024-simplified-1609.geojson", 1_609, 85, "EPSG:4326"),
        ("qpv-2024/qpv-2026-rounded-1584.geojson", 1_584, 586, "EPSG:4326"),
    ],
)
def test_real_files_are_as_they_were_counted(name, rows, invalid, crs):
    table = read_vector(DATA / name)
    assert len(table.frame) == rows
    assert int((~shapely.is_valid(table.geometry)).sum()) == invalid
    assert table.crs == crs
    text = table.frame.fillna("").to_numpy().astype(str).ravel().tolist()
    assert not any("\x80" <= c <= "\x9f" for cell in text for c in cell)


def test_geopackage_names_that_are_not_text_are_refused(tmp_path):
    frame().to_file(tmp_path / "a.gpkg", layer="qpv")
    data = (tmp_path / "a.gpkg").read_bytes()
    (tmp_path / "a.gpkg").write_bytes(data.replace(b"CREATE TABLE", b"CREATE TABL\xff"))
    with pytest.raises(InputError):
        read_vector(tmp_path / "a.gpkg")


def test_a_table_without_shapes_is_no_layer(tmp_path):
    pyogrio.write_dataframe(pd.DataFrame({"a": [1]}), tmp_path / "a.gpkg", layer="attributes")
    with pytest.raises(InputError, match="no layer with geometries"):
        read_vector(tmp_path / "a.gpkg")


def test_a_geometry_column_without_a_name_is_refused(tmp_path, monkeypatch):
    frame().to_file(tmp_path / "a.gpkg", layer="qpv")
    monkeypatch.setattr(layers, "_layer", lambda *_: "other")
    with pytest.raises(InputError, match="names no geometry column of other"):
        read_vector(tmp_path / "a.gpkg")


@pytest.mark.parametrize("name", ["qpv", """L'"été\""""])
def test_a_layer_is_taken_by_its_name_which_may_be_any(tmp_path, name):
    path = tmp_path / "a.gpkg"
    frame().to_file(path, layer=name)
    assert_is_frame(read_vector(path), "EPSG:2154")
    frame().iloc[:1].to_file(path, layer="other")
    assert_is_frame(read_vector(path, layer=name), "EPSG:2154")


def test_a_driver_that_gives_no_geometry_is_refused(shape, altered):
    altered(lambda table, name: table.drop_columns(name))
    with pytest.raises(InputError, match="no geometry column"):
        read_vector(shape)


@pytest.mark.parametrize(
    ("written", "read"), [("OGC:CRS84", "EPSG:4326"), ("EPSG:2154", "EPSG:2154"), ("", None), (None, None)]
)
def test_a_system_is_named_by_its_number(written, read):
    assert systems.of_metadata(written, "a") == read


def test_a_system_that_geoparquet_cannot_name_is_refused(tmp_path):
    frame().to_parquet(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    geo = json.loads(table.schema.metadata[b"geo"])
    geo["columns"]["geometry"]["crs"] = "EPSG:no"
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(geo)}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="coordinate system cannot be read"):
        read_vector(tmp_path / "a.parquet")


def test_geometries_in_another_form_than_wkb_are_refused(tmp_path):
    frame().iloc[:1].to_parquet(tmp_path / "a.parquet", geometry_encoding="geoarrow")
    with pytest.raises(InputError, match="WKB"):
        read_vector(tmp_path / "a.parquet")


def test_a_claim_of_more_features_than_bytes_is_refused(tmp_path, monkeypatch):
    frame().dropna().to_file(tmp_path / "a.fgb")
    monkeypatch.setattr(layers, "MAX_FEATURES", 1)
    with pytest.raises(InputError, match="claims 2 features"):
        read_vector(tmp_path / "a.fgb")


def test_a_geopackage_that_is_being_written_is_refused(tmp_path):
    frame().to_file(tmp_path / "a.gpkg", layer="qpv")
    (tmp_path / "a.gpkg-wal").write_bytes(b"")
    assert_is_frame(read_vector(tmp_path / "a.gpkg"), "EPSG:2154")
    (tmp_path / "a.gpkg-wal").write_bytes(b"not yet in the file")
    with pytest.raises(InputError, match="another program has it open"):
        read_vector(tmp_path / "a.gpkg")


def test_an_archive_without_shapefile_is_refused(tmp_path, shape):
    with pytest.raises(InputError, match=r"no \.shp"):
        read_vector(zipped(tmp_path / "a.zip", shape, parts=(".shx", ".dbf")))


@pytest.fixture
def altered(monkeypatch):
    """Alter the table that the reader gives, before anything is checked."""

    def alter(change):
        read = pyogrio.read_arrow

        def changed(*args, **options):
            meta, table = read(*args, **options)
            return meta, change(table, meta["geometry_name"] or "wkb_geometry")

        monkeypatch.setattr(pyogrio, "read_arrow", changed)

    return alter


def lose_first_shape(table, name):
    at = table.schema.get_field_index(name)
    shapes = table.column(name).to_pylist()
    return table.set_column(at, table.field(at), pa.array([None, *shapes[1:]], table.field(at).type))


@pytest.mark.parametrize("name", ["a.shp", "a.zip", "a.gpkg", "a.fgb", "a.geojson"])
def test_a_feature_that_the_reader_leaves_out_is_missed(tmp_path, shape, altered, name):
    written(tmp_path / name, shape)
    altered(lambda table, _: table.slice(1))
    with pytest.raises(InputError, match="holds 3 features, 2 could be read"):
        read_vector(tmp_path / name)


@pytest.mark.parametrize("name", ["a.shp", "a.zip", "a.gpkg", "a.geojson"])
def test_a_shape_that_the_file_holds_and_the_reader_loses_is_missed(tmp_path, shape, altered, name):
    written(tmp_path / name, shape)
    assert read_vector(tmp_path / name).geometry[2] is None
    altered(lose_first_shape)
    with pytest.raises(InputError, match=f"{name}: holds 2 shapes, 1 could be read"):
        read_vector(tmp_path / name)


def test_a_feature_of_a_flatgeobuf_is_not_taken_for_a_shape(tmp_path, shape):
    """Only its features are counted: it says nowhere how many of them have a shape."""
    written(tmp_path / "a.fgb", shape)
    assert read_vector(tmp_path / "a.fgb").geometry[2] is None


def overwritten(path, at, content):
    data = bytearray(path.read_bytes())
    data[at : at + len(content)] = content
    path.write_bytes(data)


def test_a_deleted_record_is_no_shape(shape):
    """Its mark is the first byte of its row in the .dbf, whose header says where the rows start and how wide they are."""
    start = int.from_bytes(shape.with_suffix(".dbf").read_bytes()[8:10], "little")
    overwritten(shape.with_suffix(".dbf"), start, b"*")
    table = read_vector(shape)
    assert table.frame["code"].tolist() == ["02", "03"]
    assert "1 deleted records left out" in table.notes


def test_a_logical_that_nobody_filled_in_is_unknown(tmp_path):
    """A blank, as pyshp and others write what is not known, is false to GDAL; a question mark is null to it. Deleted records move nothing."""
    path, answers = tmp_path / "a.shp", [True, False, True, True, None]
    flags = pd.array(answers, dtype="boolean")
    gpd.GeoDataFrame({"code": [*"abcde"], "n": range(5), "dedans": flags}, geometry=[SQUARE] * 5, crs=2154).to_file(
        path
    )
    table = path.with_suffix(".dbf")
    _, start, width = struct.unpack_from("<IHH", table.read_bytes(), 4)
    for row, letter in enumerate(b"TF 1?"):
        overwritten(table, start + (row + 1) * width - 1, bytes([letter]))
    overwritten(table, start, b"*")
    read = read_vector(path)
    assert read.frame["code"].tolist() == [*"bcde"]
    assert read.frame["dedans"].astype(object).where(read.frame["dedans"].notna(), None).tolist() == [
        "false",
        None,
        None,
        None,
    ]
    assert "dedans: 3 values neither true nor false, unknown" in read.notes


FIRST_RECORD, FIRST_ENTRY = 100, 100
"""Where the records of a .shp and the entries of a .shx start."""


def test_a_polygon_that_counts_no_part_is_no_shape(shape):
    """Its type and box are followed by two counts, both 0."""
    overwritten(shape, FIRST_RECORD + 8 + 36, bytes(8))
    overwritten(shape, FIRST_RECORD + 4, (22).to_bytes(4, "big"))
    overwritten(shape.with_suffix(".shx"), FIRST_ENTRY + 4, (22).to_bytes(4, "big"))
    assert [g is None for g in read_vector(shape).geometry] == [True, False, True]


@pytest.mark.parametrize(
    ("part", "at", "content"),
    [
        (".shx", FIRST_ENTRY + 4, (2).to_bytes(4, "big")),
        (".shx", FIRST_ENTRY, (2**30).to_bytes(4, "big")),
        (".shx", FIRST_ENTRY, (-1).to_bytes(4, "big", signed=True)),
        (".shp", FIRST_RECORD + 8, (0).to_bytes(4, "little")),
        (".shp", FIRST_RECORD + 8, (99).to_bytes(4, "little")),
    ],
    ids=["null in the index", "beyond the file", "before the file", "null in the file", "unknown type"],
)
def test_a_shape_lost_by_a_damaged_part_is_missed(shape, part, at, content):
    overwritten(shape.with_suffix(part), at, content)
    with pytest.raises(InputError, match=r"holds 2 shapes, 1 could be read|damaged or unreadable"):
        read_vector(shape)


def test_a_null_element_of_a_geojson_is_a_broken_record(tmp_path):
    path = tmp_path / "a.geojson"
    features = [
        {
            "type": "Feature",
            "properties": {"a": [None, None], "b": None},
            "geometry": None if n else shapely.geometry.mapping(SQUARE),
        }
        for n in range(3)
    ]
    path.write_text(
        json.dumps({"x": [None], "type": "FeatureCollection", "features": [None, features[0], None, *features[1:]]})
    )
    table = read_vector(path)
    assert [(b.row, b.rule) for b in table.broken] == [(1, "feature-null"), (3, "feature-null")]
    assert (table.rows.tolist(), table.n_records) == ([2, 4, 5], 5)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert read_vector(path).broken == ()


def curved(path, wkb, declared):
    """Put another geometry, of a declared type, in the place of the first of a GeoPackage."""
    gpd.GeoDataFrame({"code": ["a", "b"]}, geometry=[SQUARE, None], crs=2154).to_file(
        path, layer="q", SPATIAL_INDEX="NO"
    )
    with sqlite3.connect(path) as base:
        base.create_function("ST_IsEmpty", 1, lambda _: 0)
        base.execute("UPDATE q SET geom = ? WHERE fid = 1", [b"GP\0\1" + struct.pack("<i", 2154) + wkb])
        base.execute("UPDATE gpkg_geometry_columns SET geometry_type_name = ?", [declared])
    return path


def circle(n_heights=0):
    corners = [(650000, 6860000), (650100, 6860100), (650200, 6860000), (650100, 6859900), (650000, 6860000)]
    flat = b"".join(struct.pack("<2d", *c) + b"\0" * 8 * n_heights for c in corners)
    kind = struct.pack("<I", 8 + 1000 * n_heights)
    return struct.pack("<BII", 1, 10 + 1000 * n_heights, 1) + b"\1" + kind + struct.pack("<I", 5) + flat


PLAIN = shapely.box(650000, 6860000, 650100, 6860100)


@pytest.mark.parametrize(
    ("wkb", "declared", "area", "n_arcs"),
    [
        (struct.pack("<BII", 1, 12, 1) + shapely.to_wkb(PLAIN), "MULTISURFACE", 100**2, 0),
        (
            struct.pack("<BII", 1, 10, 1) + b"\1" + struct.pack("<II", 2, 5) + shapely.to_wkb(PLAIN)[13:],
            "CURVEPOLYGON",
            100**2,
            0,
        ),
        (circle(), "CURVEPOLYGON", math.pi * 100**2, 1),
        (circle(n_heights=1), "CURVEPOLYGON", math.pi * 100**2, 1),
        (struct.pack("<BII", 1, 12, 2) + shapely.to_wkb(SQUARE) + circle(), "MULTISURFACE", 1 + math.pi * 100**2, 1),
    ],
)
def test_curved_types_are_polygons_and_arcs_are_cut(tmp_path, wkb, declared, area, n_arcs):
    table = read_vector(curved(tmp_path / "a.gpkg", wkb, declared))
    assert table.geometry[0].geom_type in {"Polygon", "MultiPolygon"}
    assert table.geometry[0].area == pytest.approx(area, rel=1e-4)
    assert table.geometry[1] is None
    assert table.frame["code"].tolist() == ["a", "b"]
    assert [(f.rule, f.n) for f in table.findings] == [("arcs-cut", 1)] * n_arcs
    if n_arcs == 0:
        assert shapely.get_num_coordinates(table.geometry[0]) == 5


@pytest.mark.parametrize(
    ("wkb", "declared"),
    [
        (struct.pack("<BII", 1, 7, 1) + circle(), "GEOMETRYCOLLECTION"),
        (struct.pack("<BII", 1, 16, 1) + b"\1" + struct.pack("<II", 17, 1) + shapely.to_wkb(SQUARE)[9:], "TIN"),
    ],
)
def test_shapes_that_cannot_be_made_polygons_are_refused_with_the_way_out(tmp_path, wkb, declared):
    with pytest.raises(InputError, match="ogr2ogr -nlt MULTIPOLYGON") as raised:
        read_vector(curved(tmp_path / "a.gpkg", wkb, declared))
    assert "damaged" not in str(raised.value)


def test_curves_in_geoparquet_are_read_too(tmp_path):
    path = tmp_path / "a.parquet"
    frame().to_parquet(path)
    table = pq.read_table(path)
    at = table.schema.get_field_index("geometry")
    plain = struct.pack("<BII", 1, 12, 1) + shapely.to_wkb(PLAIN)
    pq.write_table(table.set_column(at, table.schema.field(at), [[circle(), None, plain]]), path)
    raw = read_vector(path)
    assert shapely.area(raw.geometry).tolist() == pytest.approx(
        [math.pi * 100**2, math.nan, 100**2], rel=1e-4, nan_ok=True
    )
    assert [(f.rule, f.n) for f in raw.findings] == [("arcs-cut", 1)]
    assert raw.crs == frame().crs.to_string()
    assert raw.frame.index.tolist() == [0, 1, 2]


def test_a_cpg_that_lies_is_said_with_the_way_out(shape):
    shape.with_suffix(".cpg").write_text("UTF-8")
    with pytest.raises(InputError, match=r'not in UTF-8 \(\.cpg says UTF-8\); write encoding = "cp1252" in the card'):
        read_vector(shape)
    assert read_vector(shape, encoding="cp1252").frame["nom"][0] == "Cœur d'été"


def test_a_cpg_that_names_another_encoding_for_utf_8_is_said(tmp_path):
    path = tmp_path / "a.shp"
    frame().to_file(path, encoding="utf-8")
    for encoding, n in (("850", 1), ("UTF-8", 0), ("ISO-8859-1", 0)):  # of the last, each column shows it
        path.with_suffix(".cpg").write_text(encoding)
        findings = read_vector(path).findings
        assert [f.rule for f in findings] == ["text-garbled"] * n
        assert all('encoding = "utf-8" in the card mends it' in f.message for f in findings)
    assert read_vector(path, encoding="utf-8").findings == ()


METRES = {
    "type": "Polygon",
    "coordinates": [[[650000, 6860000], [650500, 6860000], [650500, 6860500], [650000, 6860000]]],
}


@pytest.mark.parametrize(
    ("named", "crs", "doubt"),
    [
        ("EPSG:2154", "EPSG:2154", ""),
        ("urn:ogc:def:crs:EPSG::2154", "EPSG:2154", ""),
        ("LAMBERT_93", "EPSG:2154", ""),
        ("+proj=utm +zone=20 +ellps=intl", None, "EPSG:2973 (Martinique 1938 / UTM zone 20N)"),
        ("urn:ogc:def:crs:EPSG::999999", None, "names a system that cannot be read"),
        ("RGF93 unknown", None, "names a system that cannot be read"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", None, "are no degrees of EPSG:4326"),
        (None, None, "are no degrees of EPSG:4326"),
    ],
)
def test_a_system_that_gdal_cannot_read_is_not_degrees(tmp_path, named, crs, doubt):
    path = geojson(tmp_path / "a.geojson", METRES, code_qp="QP075001", crs={"of": "a property"})
    if named is not None:
        document = json.loads(path.read_text())
        document["crs"] = {"type": "name", "properties": {"name": named}}
        path.write_text(json.dumps(document))
    raw = read_vector(path)
    assert raw.crs == crs
    assert doubt in raw.crs_doubt
    [fits] = inspect(path).sheets[0]["fits"]
    assert ("account" in fits) == (crs is not None)
    assert crs is not None or "no coordinate system" in fits["refused"]


def test_texts_of_a_geopackage_in_another_encoding_are_said_with_the_way_out(tmp_path):
    frame().to_file(tmp_path / "a.gpkg", SPATIAL_INDEX="NO")
    with sqlite3.connect(tmp_path / "a.gpkg") as base:
        base.create_function("ST_IsEmpty", 1, lambda _: 0)
        base.execute("UPDATE a SET nom = CAST(x'436974e9' AS TEXT)")
    with pytest.raises(InputError, match=r"texts that are not UTF-8 .* ogr2ogr -oo ENCODING=CP1252"):
        read_vector(tmp_path / "a.gpkg")
