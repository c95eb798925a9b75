"""Geometry columns of Parquet files: GeoParquet, and the native types with and without a system."""

from __future__ import annotations

import json
from datetime import date

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import pytest
import shapely

from qpvhealth.errors import InputError
from qpvhealth.ingest.cards import Card
from qpvhealth.ingest.kinds import structures
from qpvhealth.ingest.readers import geoparquet
from qpvhealth.ingest.readers.layers import read as read_vector
from qpvhealth.ingest.readers.parquet import is_geoparquet
from qpvhealth.locate import locate_file, polygons
from qpvhealth.locate.choices import Choices

SQUARE = shapely.box(650_000, 6_860_000, 650_500, 6_860_500)
POINTS = shapely.points([[650_010, 6_860_010], [650_600, 6_860_010], [651_000, 6_860_010]])


class Wkb(pa.ExtensionType):
    """What pyarrow writes as the native type GEOMETRY."""

    def __init__(self, words):
        self.words = words
        super().__init__(pa.binary(), "geoarrow.wkb")

    def __arrow_ext_serialize__(self):
        return json.dumps(self.words).encode()

    @classmethod
    def __arrow_ext_deserialize__(cls, storage, serialized):
        return cls(json.loads(serialized))


@pytest.fixture
def native(tmp_path):
    """Write shapes in a native geometry column, without geo metadata."""

    def write(shapes, crs=None, *, name="a.parquet", column="geometry", spherical=False, **columns):
        words = ({"crs": crs} if crs else {}) | ({"edges": "spherical"} if spherical else {})
        storage = pa.array(list(shapely.to_wkb(shapes)), pa.binary())
        table = pa.table(columns | {column: pa.ExtensionArray.from_storage(Wkb(words), storage)})
        pq.write_table(table, tmp_path / name, store_schema=False)
        assert "geo" not in (pq.read_schema(tmp_path / name).metadata or {})
        return tmp_path / name

    return write


PROJJSON = pyproj.CRS(2154).to_json_dict()


@pytest.mark.parametrize(
    ("crs", "expected"),
    [
        ("EPSG:2154", "EPSG:2154"),
        ("srid:2154", "EPSG:2154"),
        (PROJJSON, "EPSG:2154"),
        ("OGC:CRS84", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("spherical", [False, True])
def test_a_native_column_is_read_with_its_system(native, crs, expected, spherical):
    path = native([SQUARE], crs, code_qp=["QP075001"], spherical=spherical)
    assert is_geoparquet(path)
    raw = read_vector(path)
    assert raw.crs == expected
    assert raw.geometry[0].equals(SQUARE)
    assert list(raw.frame.columns) == ["code_qp"]


def test_a_system_may_be_a_key_of_the_metadata(native, tmp_path):
    path = native([SQUARE], "projjson:mine", code_qp=["QP075001"])
    table = pq.read_table(path).replace_schema_metadata({"mine": json.dumps(PROJJSON)})
    storage = pa.array(list(shapely.to_wkb([SQUARE])), pa.binary())
    table = table.set_column(1, "geometry", pa.ExtensionArray.from_storage(Wkb({"crs": "projjson:mine"}), storage))
    pq.write_table(table, tmp_path / "b.parquet")
    assert read_vector(tmp_path / "b.parquet").crs == "EPSG:2154"
    with pytest.raises(InputError, match="coordinate system"):
        read_vector(path)


def test_of_several_columns_the_usual_name_is_read(native):
    path = native([SQUARE], "EPSG:2154", code_qp=["QP075001"], name="a.parquet")
    table = pq.read_table(path)
    other = pa.ExtensionArray.from_storage(Wkb({}), table["geometry"].combine_chunks())
    table = table.set_column(1, "geometry", pa.ExtensionArray.from_storage(Wkb({"crs": "EPSG:2154"}), other.storage))
    pq.write_table(table.add_column(0, "label_point", other), path, store_schema=False)
    raw = read_vector(path)
    assert (raw.crs, raw.notes[0]) == ("EPSG:2154", "other geometry columns left out: label_point")


def test_polygons_without_a_system_ask_for_one(native):
    path = native([SQUARE], code_qp=["QP075001"])
    with pytest.raises(InputError, match="give --neighbourhoods-crs EPSG"):
        polygons.read(path)
    usable, _ = polygons.read(path, Choices(crs="EPSG:2154"))
    assert usable["metropole"].polygons[0].equals(SQUARE)
    assert polygons.read(native([SQUARE], "EPSG:2154", code_qp=["QP075001"]))[0]["metropole"].polygons[0].equals(SQUARE)


@pytest.mark.parametrize("crs", ["EPSG:2154", None])
def test_points_of_a_native_column_are_located_and_written_as_geoparquet(native, tmp_path, crs):
    quarters = native([SQUARE], "EPSG:2154", name="q.parquet", code_qp=["QP075001"])
    points, out = native(POINTS, crs, name="p.parquet", id=["a", "b", "c"]), tmp_path / "o.parquet"
    options = {"distance_m": 300}
    if crs is None:
        with pytest.raises(InputError, match="--crs EPSG"):
            locate_file(points, quarters, out, **options)
        options["crs"] = "EPSG:2154"
    locate_file(points, quarters, out, **options)
    back = gpd.read_parquet(out)
    assert back["qpv_code"].tolist()[0] == "QP075001"
    assert back["near_qpv_code"].tolist()[1] == "QP075001"
    assert back.geometry.tolist() == list(POINTS)
    assert back.crs is None if crs is None else back.crs.to_epsg() == 2154
    assert json.loads(pq.read_schema(out).metadata[b"geo"])["version"] == "1.1.0"


def test_a_copy_of_geoparquet_2_claims_no_type_that_it_has_lost(native, tmp_path):
    points = native(POINTS, "EPSG:2154", name="p.parquet")
    table = pq.read_table(points)
    geo = {
        "version": "2.0.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }
    typed = pa.ExtensionArray.from_storage(Wkb({"crs": "EPSG:2154"}), table["geometry"].combine_chunks())
    table = table.set_column(0, "geometry", typed).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, points)
    assert b"2.0.0" in pq.read_schema(points).metadata[b"geo"]
    quarters = native([SQUARE], "EPSG:2154", name="q.parquet", code_qp=["QP075001"])
    locate_file(points, quarters, tmp_path / "o.parquet", distance_m=300)
    written = json.loads(pq.read_schema(tmp_path / "o.parquet").metadata[b"geo"])
    assert written["version"] == "1.1.0"
    assert written["columns"]["geometry"]["crs"]["id"] == {"authority": "EPSG", "code": 2154}


def test_points_of_a_system_that_names_no_datum_need_its_number(native, tmp_path):
    frame = gpd.GeoDataFrame(geometry=POINTS, crs="+proj=utm +zone=20 +ellps=intl +units=m")
    points, out = tmp_path / "p.parquet", tmp_path / "o.parquet"
    frame.to_parquet(points)
    quarters = native([SQUARE], "EPSG:2154", name="q.parquet", code_qp=["QP075001"])
    with pytest.raises(InputError, match=r"an ellipsoid and no datum; it may be EPSG:2969.*name it with --crs EPSG"):
        locate_file(points, quarters, out, distance_m=300)
    assert locate_file(points, quarters, out, distance_m=300, crs="EPSG:2154").counts.n_inside == 1


def test_a_writer_that_refuses_unknown_systems_means_longitude_and_latitude(native, monkeypatch):
    path = native([SQUARE], code_qp=["QP075001"])
    assert geoparquet.geometry_column(pq.ParquetFile(path), "a").crs is None
    monkeypatch.setattr(geoparquet, "CRS84_WRITERS", ("parquet-cpp",))
    assert geoparquet.geometry_column(pq.ParquetFile(path), "a").crs == "EPSG:4326"


@pytest.mark.parametrize("crs", ["EPSG:2154", None])
def test_points_of_structures_are_those_of_a_native_column(native, crs):
    columns = {"finess_et": ["750000018"], "structure_type": ["MSP"], "commune_code": ["75101"]}
    path = native(POINTS[:1], crs, **columns)
    options = {"layout": "dgos-mapped", "year": 2019, "reference_date": date(2019, 3, 31)}
    card = Card("s", "structures", path, "a.parquet", options, {column: column for column in columns})
    if crs is None:
        with pytest.raises(InputError, match=r'no coordinate system.*write crs = "EPSG:…" in card s'):
            structures.read(card)
        card.options["crs"] = "EPSG:2154"
    row = structures.read(card).frame.iloc[0]
    assert (row["x"], row["y"], row["crs"]) == (650_010.0, 6_860_010.0, "EPSG:2154")
