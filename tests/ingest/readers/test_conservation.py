"""A few hundred of the generated files that the deep tests go through by the hundred thousand."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from qpvhealth.errors import InputError
from qpvhealth.ingest.readers import layers
from qpvhealth.ingest.readers.delimited import read_delimited
from qpvhealth.ingest.readers.parquet import read_parquet

DEEP = Path(__file__).resolve().parents[2] / "deep" / "test_conservation.py"


@pytest.fixture(scope="module")
def deep():
    from sys import modules

    spec = importlib.util.spec_from_file_location("deep_conservation", DEEP)
    module = modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_lose_no_record(tmp_path, deep):
    assert deep.all_hold(tmp_path, deep.of_records, n=400, seconds=30, seed="quick") >= 100


def test_generated_extracts_lose_no_row(tmp_path, deep):
    assert deep.all_hold(tmp_path, deep.of_structures, n=25, seconds=30, seed="quick") >= 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (";".join(f"c{i}" for i in range(16_385)) + "\n", "at most 16384 are read"),
        ("a;;column 2\n1;2;3\n", "cannot be called 'column 2'"),
        ("x" * 140_000 + ";b\n1;2\n", "no header there"),
    ],
)
def test_headers_that_cannot_be_one(tmp_path, text, said):
    (tmp_path / "s.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_delimited(tmp_path / "s.csv")


def test_a_header_may_span_lines(tmp_path):
    (tmp_path / "s.csv").write_text('"a\nb";c\n1;2\n', encoding="utf-8")
    table = read_delimited(tmp_path / "s.csv")
    assert (list(table.frame.columns), table.rows.tolist()) == (["a\nb", "c"], [3])


def layer(n):
    shapes = [shapely.box(i, 0, i + 1, 1) for i in range(n)]
    names = ['features": [{', *(f"n{i}" for i in range(1, n))]
    return gpd.GeoDataFrame({"code": names}, geometry=shapes, crs=4326)


def test_a_feature_that_the_reader_leaves_out_is_missed(tmp_path):
    """The reader of GeoJSON skips, without a word, what does not call itself a feature."""
    path = tmp_path / "q.geojson"
    document = json.loads(layer(5).to_json()) | {"more": [{"type": "Feature"}], "features_too": {"features": [{}]}}
    path.write_text(json.dumps(document), encoding="utf-8")
    assert len(layers.read(path).frame) == 5
    del document["features"][2]["type"]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match="holds 5 features, 4 could be read"):
        layers.read(path)


def test_a_document_that_is_one_feature_is_not_counted(tmp_path):
    path = tmp_path / "q.geojson"
    path.write_text(json.dumps(json.loads(layer(1).to_json())["features"][0]), encoding="utf-8")
    assert len(layers.read(path).frame) == 1


def test_a_cut_flatgeobuf_is_missed(tmp_path):
    path = tmp_path / "q.fgb"
    layer(50).to_file(path)
    path.write_bytes(path.read_bytes()[:-2_000])
    with pytest.raises(InputError, match=r"could be read|damaged"):
        layers.read(path)


def test_text_that_is_no_text_in_parquet_is_damage(tmp_path):
    wrong = pa.array([b"a", b"\xff\xfe"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"name": wrong}), tmp_path / "s.parquet")
    with pytest.raises(InputError, match="damaged Parquet"):
        read_parquet(tmp_path / "s.parquet")
