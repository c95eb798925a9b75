import datetime as dt
from decimal import Decimal

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from qpvhealth.errors import InputError
from qpvhealth.ingest.readers import parquet
from qpvhealth.ingest.readers.parquet import is_geoparquet, read_parquet


@pytest.fixture
def write(tmp_path):
    def put(table):
        pq.write_table(table, tmp_path / "a.parquet")
        return tmp_path / "a.parquet"

    return put


@pytest.mark.parametrize(
    ("values", "text"),
    [
        *((pa.array([n, None]), text) for n, text in ((1, "1"), (1.0, "1"), (0.1, "0.1"), (1e22, "1" + "0" * 22))),
        *((pa.array([v, None]), text) for v, text in ((True, "true"), (dt.date(2019, 3, 31), "2019-03-31"))),
        (pa.array([dt.datetime(2019, 3, 31), None]), "2019-03-31"),  # noqa: DTZ001
        (pa.array([dt.datetime(2019, 3, 31, 1), None]), "2019-03-31T01:00:00"),  # noqa: DTZ001
        (pa.array([Decimal("1.50"), None]), "1.50"),
        (pa.array([" 01001\u00a0", " "]), "01001"),
        (pa.array(["x", None]).dictionary_encode(), "x"),
        (pa.array([b"x", b""]), "x"),
        (pa.array([["é"], None]), '["é"]'),
    ],
)
def test_values_are_text(write, values, text):
    table = read_parquet(write(pa.table({" c ": values})))
    assert table.frame["c"].iloc[0] == text
    assert pd.isna(table.frame["c"].iloc[1])
    assert str(table.frame["c"].dtype) == "str"
    assert table.rows.tolist() == [1, 2]


def test_a_column_of_nulls_is_text(write):
    assert str(read_parquet(write(pa.table({"a": pa.nulls(3)}))).frame["a"].dtype) == "str"


def test_two_columns_of_one_name_are_refused(write):
    with pytest.raises(InputError, match="twice"):
        read_parquet(write(pa.table([[1], [2]], names=["a", "a "])))


def test_geometries_are_for_the_other_reader(tmp_path, write):
    path = tmp_path / "g.parquet"
    gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(1, 2)], crs=4326).to_parquet(path)
    assert is_geoparquet(path)
    with pytest.raises(InputError, match="geometries"):
        read_parquet(path)
    assert not is_geoparquet(write(pa.table({"a": [1]})))


def test_damaged_and_endless_files_are_refused(write, monkeypatch):
    path = write(pa.table({"a": ["x"] * 1000}))
    monkeypatch.setattr(parquet, "MAX_ROWS", 999)
    with pytest.raises(InputError, match="bomb"):
        read_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="damaged"):
        read_parquet(path)


@pytest.mark.parametrize(
    ("geo", "words"),
    [(b"{", "not JSON"), (b"[" * 200_000, "not JSON"), (b"[]", "not an object"), (b"null", "not an object")],
)
def test_geometry_metadata_that_is_none_is_refused(write, geo, words):
    path = write(pa.table({"a": [1]}).replace_schema_metadata({b"geo": geo}))
    with pytest.raises(InputError, match=words):
        read_parquet(path)


def test_a_moment_beyond_any_calendar_is_refused(write):
    with pytest.raises(InputError, match="cannot be written as text"):
        read_parquet(write(pa.table({"a": pa.array([2**62], pa.timestamp("us"))})))


def test_bytes_that_are_no_text_are_refused(write):
    lie = pa.Array.from_buffers(pa.string(), 1, [None, *pa.array([b"\xff\xfe"], pa.binary()).buffers()[1:]])
    with pytest.raises(InputError, match="damaged"):
        read_parquet(write(pa.table({"a": lie})))
