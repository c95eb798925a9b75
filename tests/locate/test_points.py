"""Files of points in, the same rows in the same order out, with their QPV: whole or not at all, in bounded memory."""

from __future__ import annotations

import csv
import errno
import subprocess
import sys
import textwrap
import uuid

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import shapely

from qpvhealth import locate
from qpvhealth.errors import InputError, PublishError, UsageError
from qpvhealth.locate import points, reader, writer as published
from qpvhealth.locate.choices import Choices
from qpvhealth.locate.reader import PointFile
from qpvhealth.spatial.projection import transform_points

X, Y = 650_000.0, 6_860_000.0


@pytest.fixture
def neighbourhoods(tmp_path):
    """Two squares in Lambert-93, one overlapping the other, and one square in Guadeloupe."""
    gx, gy = transform_points(np.array([-61.5]), np.array([16.2]), 4326, 5490)
    local = shapely.box(gx[0], gy[0], gx[0] + 500, gy[0] + 500)
    ring = transform_points(*np.array(local.exterior.coords).T, 5490, 2154)
    path = tmp_path / "qpv.gpkg"
    squares = [
        shapely.box(X, Y, X + 500, Y + 500),
        shapely.box(X + 700, Y, X + 900, Y + 500),
        shapely.Polygon(np.column_stack(ring)),
    ]
    gpd.GeoDataFrame({"code_qp": ["QP075001", "QP075002", "QP971001"]}, geometry=squares, crs=2154).to_file(path)
    return path


def metres():
    """Inside the first, near it, near the second, beyond, no point."""
    return np.array([X + 10, X - 300, X + 650, X - 301, np.nan]), np.array([Y + 10, Y + 10, Y, Y + 10, Y])


EXPECTED = {
    "qpv_code": ["QP075001", None, None, None, None],
    "near_qpv_code": [None, "QP075001", "QP075002", None, None],
}


def table(**more):
    x, y = metres()
    return pa.table({"name": ["a", "", "c", "NA", "e"], "x": pa.array(x, from_pandas=True), "y": y} | more)


def run(source, neighbourhoods, out, **options):
    chosen = {"x": "x", "y": "y", "crs": "EPSG:2154"} | options
    return locate.locate_file(source, neighbourhoods, out, distance_m=300, **chosen)


def test_parquet_in_same_rows_and_columns_out(tmp_path, neighbourhoods):
    given = table(when=pa.array([1, None, 3, 4, 5], pa.timestamp("ms", "UTC")), tags=[[1], [], None, [2], [3]])
    pq.write_table(given, tmp_path / "p.parquet", row_group_size=2)
    told = []
    done = run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet", progress=lambda *a: told.append(a))
    out = pq.read_table(tmp_path / "o.parquet")
    assert out.select(given.column_names).equals(pq.read_table(tmp_path / "p.parquet"))
    assert {n: out[n].to_pylist() for n in EXPECTED} == EXPECTED
    assert out.schema.field("qpv_code").type == pa.string()
    assert done.counts == (5, 1, 1, 2)
    assert told[-1] == (5, 5)
    assert done.n_neighbourhoods == 3


def test_with_distance(tmp_path, neighbourhoods):
    pq.write_table(table(), tmp_path / "p.parquet")
    run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet", with_distance=True)
    assert pq.read_table(tmp_path / "o.parquet")["distance_m"].to_pylist() == [0.0, 300.0, 50.0, None, None]


def test_the_largest_distance_is_included_and_zero_is_a_distance(tmp_path, neighbourhoods):
    pq.write_table(table(), tmp_path / "p.parquet")
    points.locate_file(
        tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.csv", distance_m=0, x="x", y="y", crs="2154"
    )
    read = pacsv.read_csv(tmp_path / "o.csv")
    assert read["near_qpv_code"].null_count == 5


def test_csv_keeps_its_cells_as_written(tmp_path, neighbourhoods):
    lines = ["id;lon;LAT;note"]
    lon, lat = transform_points(*metres(), 2154, 4326)
    for k, (a, b) in enumerate(zip(lon, lat, strict=True)):
        point = f"{a:.9f};{b:.9f}0" if np.isfinite(a) else ";"
        lines.append(f"0{k};{point.replace('.', ',')};" + ['"a;b"', "", "NA", "=1+1", "é"][k])
    (tmp_path / "p.csv").write_text("\n".join(lines) + "\n\n", encoding="cp1252")
    done = points.locate_file(tmp_path / "p.csv", neighbourhoods, tmp_path / "o.csv", distance_m=300)
    written = (tmp_path / "o.csv").read_text(encoding="utf-8").splitlines()
    assert written[0].replace('"', "") == "id;lon;LAT;note;qpv_code;near_qpv_code"
    cells = list(csv.reader(written, delimiter=";"))
    assert [row[:4] for row in cells] == list(csv.reader(lines, delimiter=";"))
    assert [row[4:] for row in cells[1:3]] == [["QP075001", ""], ["", "QP075001"]]
    assert done.counts == (5, 1, 1, 2)


def test_geoparquet_in_and_out(tmp_path, neighbourhoods):
    x, y = metres()
    shapes = [None if np.isnan(a) else shapely.Point(a, b) for a, b in zip(x, y, strict=True)]
    frame = gpd.GeoDataFrame({"name": list("abcde")}, geometry=shapes, crs=2154)
    for name, some in (("nulls", frame), ("full", frame.iloc[:4])):
        for encoding in ("WKB", "geoarrow"):
            source, out = tmp_path / f"{name}.{encoding}.parquet", tmp_path / f"{name}.{encoding}.o.parquet"
            some.to_parquet(source, geometry_encoding=encoding)
            points.locate_file(source, neighbourhoods, out, distance_m=300)
            back = gpd.read_parquet(out)
            assert back.crs.to_epsg() == 2154
            assert back.geometry.equals(some.geometry)
            codes = back["near_qpv_code"].astype(object).where(back["near_qpv_code"].notna(), None)
            assert codes.tolist() == EXPECTED["near_qpv_code"][: len(some)]
    points.locate_file(tmp_path / "full.WKB.parquet", neighbourhoods, tmp_path / "o.csv", distance_m=300)
    assert "POINT (650010 6860010)" in (tmp_path / "o.csv").read_text()


def test_lines_are_no_points(tmp_path, neighbourhoods):
    shapes = [shapely.Point(0, 1), shapely.LineString([(0, 0), (1, 1)])]
    gpd.GeoDataFrame(geometry=shapes, crs=4326).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(InputError, match="row 2 is not a point"):
        points.locate_file(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet", distance_m=300)
    assert not list(tmp_path.glob("*o.parquet*"))


def test_overseas_points_are_measured_in_their_own_metres(tmp_path, neighbourhoods):
    gx, gy = transform_points(np.array([-61.5]), np.array([16.2]), 4326, 5490)
    x = gx[0] + np.array([250.0, -299.0, -301.0])
    lon, lat = transform_points(x, np.full(3, gy[0] + 250), 5490, 4326)
    pq.write_table(pa.table({"longitude": lon, "latitude": lat}), tmp_path / "p.parquet")
    points.locate_file(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet", distance_m=300)
    out = pq.read_table(tmp_path / "o.parquet")
    assert out["qpv_code"].to_pylist() == ["QP971001", None, None]
    assert out["near_qpv_code"].to_pylist() == [None, "QP971001", None]


@pytest.mark.parametrize("n", [0, 1])
def test_no_row_is_no_trouble(tmp_path, neighbourhoods, n):
    pq.write_table(table().slice(0, n), tmp_path / "p.parquet")
    assert run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet").counts.n_rows == n
    assert pq.read_table(tmp_path / "o.parquet").num_rows == n
    (tmp_path / "p.csv").write_text("x,y\n" + "650010,6860010\n" * n)
    assert run(tmp_path / "p.csv", neighbourhoods, tmp_path / "o.csv").counts.n_rows == n


def test_the_index_is_kept_and_used_again(tmp_path, neighbourhoods):
    pq.write_table(table(), tmp_path / "p.parquet")
    cache = tmp_path / "cache"
    first = run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "a.parquet", cache=cache)
    again = run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "b.parquet", cache=cache)
    assert (first.index, again.index) == ("built", "kept")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    other = run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "c.parquet", cache=cache, crs="EPSG:3857")
    assert other.index == "kept"
    chosen = points.index_of(neighbourhoods, "EPSG:2154", 300, Choices(layer="qpv"), cache=cache)
    assert chosen.made == "built"
    for kept in cache.glob("*.npz"):
        kept.write_bytes(kept.read_bytes()[:-2000] + b"\0" * 2000)
    assert run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "d.parquet", cache=cache).index == "built"
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "d.parquet").read_bytes()


def test_codes_exchanged_in_a_table_with_a_name_in_capitals_make_another_index(tmp_path, neighbourhoods):
    gpd.read_file(neighbourhoods).to_file(tmp_path / "q.shp", encoding="utf-8")
    for suffix in (".shp", ".dbf", ".shx"):
        (tmp_path / f"q{suffix}").rename(tmp_path / f"Q{suffix.upper()}")
    made = [points.index_of(tmp_path / "Q.SHP", "EPSG:2154", 300, cache=tmp_path / "cache") for _ in range(2)]
    table = (tmp_path / "Q.DBF").read_bytes()
    (tmp_path / "Q.DBF").write_bytes(table.replace(b"QP075002", b"QP075003"))
    made.append(points.index_of(tmp_path / "Q.SHP", "EPSG:2154", 300, cache=tmp_path / "cache"))
    assert [m.made for m in made] == ["built", "kept", "built"]
    assert sorted(made[-1].cells.codes) == ["QP075001", "QP075003", "QP971001"]
    (tmp_path / "q.dbf").write_bytes(table)
    with pytest.raises(InputError, match=r"Q\.DBF and q\.dbf could both be its \.dbf"):
        points.index_of(tmp_path / "Q.SHP", "EPSG:2154", 300, cache=tmp_path / "cache")


def test_a_geopackage_that_is_being_written_has_no_index(tmp_path, neighbourhoods):
    points.index_of(neighbourhoods, "EPSG:2154", 300, cache=tmp_path / "cache")
    (tmp_path / "qpv.gpkg-wal").write_bytes(b"x")
    with pytest.raises(InputError, match="another program has it open"):
        points.index_of(neighbourhoods, "EPSG:2154", 300, cache=tmp_path / "cache")


def test_lines_tell_about_how_many_points_a_csv_file_has(tmp_path):
    (tmp_path / "p.csv").write_text("x,y\n1,2\n\n3,4\n", encoding="utf-8")
    assert PointFile(tmp_path / "p.csv", x="x", y="y").n_about == 3


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path, neighbourhoods):
    pq.write_table(table(), tmp_path / "p.parquet")
    (tmp_path / "cache").write_text("a file")
    run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet", cache=tmp_path / "cache")
    assert (tmp_path / "o.parquet").exists()


def test_collapsed_polygons_are_told(tmp_path):
    flat = shapely.Polygon([(X, Y), (X + 1, Y), (X, Y)])
    square = shapely.box(X, Y, X + 500, Y + 500)
    frame = gpd.GeoDataFrame({"code_qp": ["QP075001", "QP075002"]}, geometry=[square, flat], crs=2154)
    frame.to_file(tmp_path / "q.geojson")
    pq.write_table(table(), tmp_path / "p.parquet")
    done = run(tmp_path / "p.parquet", tmp_path / "q.geojson", tmp_path / "o.parquet")
    assert "QP075002" in done.notes[0]


WRONG = [
    ({"x": None, "y": None}, "name the coordinates", UsageError),
    ({"x": "x", "y": None}, "go together", UsageError),
    ({"x": "easting"}, 'no column "easting"', UsageError),
    ({"crs": "EPSG:999999"}, "unknown coordinate system", UsageError),
    ({"crs": None}, "not in degrees", InputError),
    ({"engine": "spark"}, "local, or dask", UsageError),
    ({"scheduler": "tcp://localhost:1"}, "alone takes a scheduler", UsageError),
]


@pytest.mark.parametrize(("options", "message", "kind"), WRONG)
def test_wrong_options_say_what_to_do(tmp_path, neighbourhoods, options, message, kind):
    pq.write_table(table(), tmp_path / "p.parquet")
    (tmp_path / "o.parquet").write_text("before")
    with pytest.raises(kind, match=message):
        run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet", **options)
    assert (tmp_path / "o.parquet").read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.parquet", "p.parquet", "qpv.gpkg"]


def test_wrong_outputs_and_distances_are_refused(tmp_path, neighbourhoods):
    pq.write_table(table(), tmp_path / "p.parquet")
    pq.write_table(table(qpv_code=list("abcde")), tmp_path / "named.parquet")
    with pytest.raises(UsageError, match="name another output"):
        run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "p.parquet")
    with pytest.raises(UsageError, match="written as"):
        run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.xlsx")
    with pytest.raises(UsageError, match="already has qpv_code"):
        run(tmp_path / "named.parquet", neighbourhoods, tmp_path / "o.parquet")
    with pytest.raises(UsageError, match="from 0 to"):
        points.locate_file(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet", distance_m=-1)
    with pytest.raises(InputError, match="cannot be read"):
        run(tmp_path / "absent.parquet", neighbourhoods, tmp_path / "o.parquet")
    with pytest.raises(PublishError, match="cannot be written"):
        run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "p.parquet" / "o.parquet")


def test_what_the_disk_refuses_while_rows_are_written_stops_the_run(tmp_path, neighbourhoods, monkeypatch):
    """A disk tells an error once: told while the rows are written, it must not be lost."""
    real, refused = published.sync, []

    def once(path):
        if not refused:
            refused.append(path)
            raise OSError(errno.EIO, "Input/output error")
        real(path)

    monkeypatch.setattr(published, "SYNCED_BYTES", 1)
    monkeypatch.setattr(published, "sync", once)
    pq.write_table(table(), tmp_path / "p.parquet")
    with pytest.raises(PublishError, match="Input/output error"):
        run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet")
    assert refused
    assert not list(tmp_path.glob("*o.parquet*"))


BROKEN_CSV = {
    'x,y,n\n1,2,"a\n3,4,b"\n5,6,c\n': "a quote is not closed",
    'x,y\n1,"2\n3,4"\n5,6\n': "not a number",
    "x,y\n1,2\n1,2,3\n": "cannot be read",
    "x,y\n1,deux\n": "not a number",
    "x,x\n1,2\n": "named twice",
}


@pytest.mark.parametrize("text", BROKEN_CSV)
def test_broken_csv_is_refused_whole(tmp_path, neighbourhoods, text):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError, match=BROKEN_CSV[text]):
        run(tmp_path / "p.csv", neighbourhoods, tmp_path / "o.csv", crs="EPSG:2154")
    assert not list(tmp_path.glob("*o.csv*"))


def test_utf16_and_damaged_parquet_are_refused(tmp_path, neighbourhoods):
    (tmp_path / "p.csv").write_bytes("x,y\n1,2\n".encode("utf-16"))
    with pytest.raises(InputError, match="UTF-8"):
        run(tmp_path / "p.csv", neighbourhoods, tmp_path / "o.csv")
    pq.write_table(table(), tmp_path / "p.parquet", write_page_checksum=True, compression="none", use_dictionary=False)
    data = bytearray((tmp_path / "p.parquet").read_bytes())
    data[60] ^= 1
    (tmp_path / "p.parquet").write_bytes(data)
    with pytest.raises(InputError, match=r"p\.parquet"):
        run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet")
    assert not list(tmp_path.glob("*o.parquet*"))


@pytest.mark.usefixtures("neighbourhoods")
def test_a_run_that_is_killed_leaves_what_was_there(tmp_path):
    n = 3_000_000
    pq.write_table(pa.table({"x": np.full(n, X), "y": np.full(n, Y)}), tmp_path / "p.parquet")
    (tmp_path / "o.parquet").write_text("before")
    program = f"""
        import os, pathlib
        from qpvhealth.locate import points
        here = pathlib.Path({str(tmp_path)!r})
        points.locate_file(here / "p.parquet", here / "qpv.gpkg", here / "o.parquet", distance_m=300, x="x", y="y",
                           crs="EPSG:2154", progress=lambda done, total: os._exit(9))
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert ended.returncode == 9
    assert (tmp_path / "o.parquet").read_text() == "before"


@pytest.mark.usefixtures("neighbourhoods")
def test_memory_does_not_grow_with_the_file(tmp_path):
    """Eight million rows in one row group, in a process that may hold no more than for half a million."""
    n = 8_000_000
    x = X + np.arange(n, dtype=float) % 100_003
    pq.write_table(pa.table({"x": x, "y": x - X + Y}), tmp_path / "p.parquet", row_group_size=n, use_dictionary=False)
    program = f"""
        import pathlib, re, resource
        from qpvhealth.locate import points
        here = pathlib.Path({str(tmp_path)!r})
        points.locate_file(here / "p.parquet", here / "qpv.gpkg", here / "o.parquet", distance_m=300, x="x", y="y",
                           crs="EPSG:2154")
        status = pathlib.Path("/proc/self/status")  # ru_maxrss begins at the memory of the process that started this one
        peak = re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1] if status.exists() else None
        print(peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], check=True, capture_output=True, text=True
    ).stdout
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(told) * unit < 1024**3
    assert pq.read_metadata(tmp_path / "o.parquet").num_rows == n


def test_row_groups_may_be_read_in_part(tmp_path):
    pq.write_table(table(), tmp_path / "p.parquet", row_group_size=2)
    file = PointFile(tmp_path / "p.parquet", x="x", y="y", crs="EPSG:2154")
    assert file.row_groups() == [2, 2, 1]
    assert [b.rows.num_rows for b in file.batches([1, 2])] == [3]


class TestDask:
    """The same function over partitions, on a cluster of two processes."""

    @pytest.fixture
    def big(self, tmp_path):
        random = np.random.default_rng(4)
        x, y = random.uniform((X - 500, Y - 500), (X + 1400, Y + 1000), (60_000, 2)).T
        pq.write_table(pa.table({"x": x, "y": y}), tmp_path / "p.parquet", row_group_size=5_000)
        return tmp_path / "p.parquet"

    @pytest.mark.filterwarnings("ignore")
    def test_same_bytes_for_each_partition_and_a_killed_worker_is_survived(
        self, tmp_path, neighbourhoods, big, monkeypatch
    ):
        distributed = pytest.importorskip("distributed")
        from qpvhealth.locate import cluster

        monkeypatch.setattr(cluster, "PART_ROWS", 5_000)
        run(big, neighbourhoods, tmp_path / "whole.parquet")
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as two:
            workers = list(two.workers.values())
            killed = []

            def kill(*_):
                if not killed:
                    killed.append(workers[0].pid)
                    subprocess.run(["kill", "-9", str(workers[0].pid)], check=True)

            with distributed.Client(two) as client:
                asked = {"distance_m": 300, "x": "x", "y": "y", "crs": "EPSG:2154", "client": client}
                for out, told in (("a", kill), ("b", None)):
                    done = cluster.locate_parts(big, neighbourhoods, tmp_path / out, progress=told, **asked)
                    assert done.n_parts == 12
        parts = sorted((tmp_path / "a").iterdir())
        assert [p.read_bytes() for p in parts] == [(tmp_path / "b" / p.name).read_bytes() for p in parts]
        together = pa.concat_tables([pq.read_table(p) for p in parts])
        assert together.equals(pq.read_table(tmp_path / "whole.parquet"))
        assert killed

    def test_without_the_extra_it_says_what_to_install(self, tmp_path, neighbourhoods, big, monkeypatch):
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(UsageError, match="scale"):
            run(big, neighbourhoods, tmp_path / "out", engine="dask")
        assert not (tmp_path / "out").exists()
        (tmp_path / "out").mkdir()
        with pytest.raises(PublishError, match="exists"):
            run(big, neighbourhoods, tmp_path / "out", engine="dask")
        (tmp_path / "p.csv").write_text("x,y\n1,2\n")
        with pytest.raises(UsageError, match="reads Parquet"):
            run(tmp_path / "p.csv", neighbourhoods, tmp_path / "new", engine="dask")


def test_a_kept_index_needs_no_frames(tmp_path, neighbourhoods):
    source, cache = tmp_path / "p.parquet", tmp_path / "cache"
    pq.write_table(table(), source)
    run(source, neighbourhoods, tmp_path / "first.parquet", cache=cache)
    told = f"""
        import sys
        from pathlib import Path
        from qpvhealth.locate.points import locate_file
        source, quarters, out, cache = (Path(p) for p in {[*map(str, (source, neighbourhoods, tmp_path / "o.parquet", cache))]})
        done = locate_file(
            source, quarters, out, distance_m=300, x="x", y="y", crs="EPSG:2154", cache=cache, with_distance=True
        )
        print(done.index, "pandas" in sys.modules, "qpvhealth.ingest.readers.layers" in sys.modules)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(told)], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["kept", "False", "False"]


@pytest.mark.parametrize("distance", [-1, np.nan, np.inf, 1e300, 1_000_001])
def test_a_distance_that_is_none_is_refused(tmp_path, neighbourhoods, distance):
    with pytest.raises(UsageError, match="metres expected"):
        points.locate_file(tmp_path / "p.csv", neighbourhoods, tmp_path / "o.csv", distance_m=distance)


def test_an_infinite_coordinate_is_a_row_without_a_point(tmp_path, neighbourhoods):
    (tmp_path / "p.csv").write_text("lon,lat\n2.35,48.85\ninf,48.9\n2.3,-inf\n,\n", encoding="utf-8")
    done = run(tmp_path / "p.csv", neighbourhoods, tmp_path / "o.csv", x=None, y=None, crs=None)
    assert (done.counts.n_rows, done.counts.n_without_point, done.is_outside) == (4, 3, False)


@pytest.mark.parametrize(
    ("rows", "is_outside"), [("48.85,2.35\n48.9,2.4\n", True), ("48.85,2.35\n2.4,48.9\n", False), (",\n", False)]
)
@pytest.mark.no_cover
def test_points_of_which_none_lies_in_a_french_territory_are_said(tmp_path, neighbourhoods, rows, is_outside):
    (tmp_path / "p.csv").write_text("lon,lat\n" + rows, encoding="utf-8")
    assert (
        run(tmp_path / "p.csv", neighbourhoods, tmp_path / "o.csv", x=None, y=None, crs=None).is_outside == is_outside
    )
    command = [
        "locate",
        "p.csv",
        "--neighbourhoods",
        str(neighbourhoods),
        "--distance",
        "300",
        "--out",
        "o.csv",
        "--no-cache",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "qpvhealth", *command], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == int(is_outside)
    assert ("are the axes exchanged" in done.stderr) == is_outside


def test_bytes_that_are_no_geometry_are_digits_in_csv(tmp_path, neighbourhoods):
    number = uuid.UUID("12345678-1234-5678-1234-567812345678")
    more = {
        "bytes": pa.array([b"ab", None, b"\x00", b"", bytes(21)]),
        "uuid": pa.array([number.bytes, None, *[number.bytes] * 3], pa.uuid()),
        "fixed": pa.array([b"abcd"] * 5, pa.binary(4)),
        "wkb": shapely.to_wkb(shapely.points([[1, 2]] * 5)).tolist(),
    }
    pq.write_table(table(**more), tmp_path / "p.parquet")
    run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.csv")
    with (tmp_path / "o.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [r["bytes"] for r in rows] == ["6162", "", "00", "", "00" * 21]
    assert [r["uuid"] for r in rows] == [str(number), "", *[str(number)] * 3]
    assert rows[0]["fixed"] == "61626364"
    assert rows[0]["wkb"] == shapely.to_wkb(shapely.Point(1, 2), hex=True).lower()
    run(tmp_path / "p.parquet", neighbourhoods, tmp_path / "o.parquet")
    assert pq.read_schema(tmp_path / "o.parquet").field("uuid").type == pa.uuid()


def test_a_folder_of_parquet_is_read_in_the_order_of_its_names(tmp_path, neighbourhoods):
    folder, out = tmp_path / "parts", tmp_path / "o.parquet"
    folder.mkdir()
    for n in (1, 0):
        pq.write_table(table(part=[n] * 5), folder / f"part-{n}.parquet")
    (folder / "_SUCCESS").touch()
    (folder / ".hidden.parquet").write_bytes(b"damaged")
    summary = run(folder, neighbourhoods, out)
    assert summary.counts.n_rows == 10
    answer = pq.read_table(out)
    assert answer["part"].to_pylist() == [0] * 5 + [1] * 5
    assert answer["qpv_code"].to_pylist() == EXPECTED["qpv_code"] * 2
    with pytest.raises(UsageError, match="the points themselves"):
        run(folder, neighbourhoods, folder / "part-1.parquet")
    pq.write_table(table(part=["text"] * 5), folder / "part-2.parquet")
    with pytest.raises(UsageError, match=r"part-2\.parquet: other columns or coordinates than part-0\.parquet"):
        run(folder, neighbourhoods, out)
    (folder / "dep=01").mkdir()
    with pytest.raises(UsageError, match="no other folder"):
        run(folder, neighbourhoods, out)


def test_wide_rows_come_in_smaller_batches(tmp_path, monkeypatch):
    n, path = 1_000, tmp_path / "wide.parquet"
    columns = {f"c{k}": np.arange(n, dtype=float) + k for k in range(30)}
    pq.write_table(pa.table({"longitude": np.zeros(n), "latitude": np.arange(n) / 1e4, **columns}), path)
    whole = [batch.rows.num_rows for batch in PointFile(path).batches()]
    assert whole == [n]
    monkeypatch.setattr(reader, "BATCH_BYTES", 1 << 15)
    monkeypatch.setattr(reader, "LEAST_ROWS", 10)
    batches = list(PointFile(path).batches())
    assert max(batch.rows.nbytes for batch in batches) < 1 << 16
    assert np.concatenate([batch.y for batch in batches]).tolist() == (np.arange(n) / 1e4).tolist()
    monkeypatch.setattr(reader, "LEAST_ROWS", 400)
    assert [batch.rows.num_rows for batch in PointFile(path).batches()] == [400, 400, 200]


def test_no_more_batches_are_read_than_are_placed_and_written(tmp_path, neighbourhoods, monkeypatch):
    n, out, waiting, most = 600, tmp_path / "o.parquet", set(), []
    x, y = X + np.arange(n) * 1.0, np.full(n, Y + 10.0)
    pq.write_table(pa.table({"x": x, "y": y}), tmp_path / "p.parquet")
    batches, write = PointFile.batches, published.PointWriter.write

    def counted(self, row_groups=None):
        for batch in batches(self, row_groups):
            waiting.add(float(batch.x[0]))
            most.append(len(waiting))
            yield batch

    def written(self, rows):
        waiting.remove(rows.column("x")[0].as_py())
        write(self, rows)

    monkeypatch.setattr(PointFile, "batches", counted)
    monkeypatch.setattr(published.PointWriter, "write", written)
    monkeypatch.setattr(reader, "BATCH_ROWS", 50)
    counts = run(tmp_path / "p.parquet", neighbourhoods, out).counts
    assert (len(most), max(most), waiting) == (12, points.IN_FLIGHT, set())
    answers = pq.read_table(out)
    assert answers.column("x").to_pylist() == x.tolist()
    inside = [*["QP075001"] * 501, *[None] * 99]
    assert (answers.column("qpv_code").to_pylist(), counts.n_inside) == (inside, 501)
