"""What is written is read by others: every format with each reader there is, compared with what pyarrow reads of the release.

Readers of the development lock are used as they are; the others (``readers.lock``) run in an environment that is made here where a package
index answers; GDAL and LibreOffice where the system has them.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import shutil
import sys
from pathlib import Path

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from tests.commands import run
from tests.deep.test_installs import run as run_program

HERE = Path(__file__).parent
OF_THE_LOCK = (
    *("pandas", "pandas with Arrow types", "geopandas", "geopandas the Arrow way", "dask"),
    *("pyarrow", "python", "openpyxl", "calamine"),
)
OF_THE_INDEX = {
    **dict.fromkeys(("polars", "duckdb", "sedonadb", "fastparquet", "fiona"), "readers.lock"),
    "duckdb-spatial": "readers-duckdb-1.lock",
}
OF_THE_SYSTEM = {"gdal": "ogr2ogr", "libreoffice": "soffice"}
READ_WRONGLY = {"duckdb-spatial": {"structures.geojson.opened_on"}}
"""Where the reader is at fault: findings/duckdb-st-read-dates-before-1970-a-day-late.sh."""
EXPORTED = ("structures", "neighbourhoods", "neighbourhood_coverage")


@pytest.fixture(scope="module")
def written(released, tmp_path_factory):
    """Give a folder of a release, its exports, and points with what ``locate`` made of them."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "release").symlink_to((released / "current").resolve())
    (folder / "exports").mkdir()
    for name in EXPORTED:
        for suffix in ("csv", "xlsx", "gpkg", "geojson"):
            to = folder / "exports" / f"{name}.{suffix}"
            assert run("export", name, "--to", to, "--out", released).returncode == 0
    located = folder / "located"
    located.mkdir()
    quarters = gpd.read_parquet(folder / "release" / "neighbourhoods.parquet")
    quarters = quarters[(quarters["generation"] == "qpv-2015") & quarters.geometry.notna()]
    quarters[["qpv_code", "geometry"]].to_file(folder / "quarters.gpkg")
    points = shapely.get_coordinates(shapely.point_on_surface(quarters.geometry.to_numpy()[:200]))
    pq.write_table(table_of_all_types(points), folder / "types.parquet")
    pq.write_table(table_of_all_types(points).select(["code", "day", "lon", "lat"]), folder / "plain.parquet")
    for source, suffixes in {"types": ["parquet"], "plain": ["parquet", "csv"]}.items():
        for suffix in suffixes:
            words = ("--neighbourhoods", folder / "quarters.gpkg", "--distance", "300", "--with-distance")
            done = run("locate", folder / f"{source}.parquet", *words, "--out", located / f"{source}.{suffix}")
            assert done.returncode == 0, done.stderr
    return folder


def table_of_all_types(points):
    """Return points with a column of each type, one row in seven unknown."""

    def cells(value, kind=None):
        return pa.array([None if i % 7 == 3 else value(i) for i in range(len(points))], kind)

    return pa.table(
        {
            "code": pa.array([f"{i:05d}" for i in range(len(points))]),
            "category": cells(lambda i: ("MSP", "CDS", "été")[i % 3]).dictionary_encode(),
            "amount": cells(lambda i: decimal.Decimal(i) / 4, pa.decimal128(12, 2)),
            "is_open": cells(lambda i: i % 2 == 0),
            "day": cells(lambda i: dt.date(1890, 1, 1) + dt.timedelta(days=300 * i)),
            "hour": cells(lambda i: dt.datetime(2019, 3, 31, 1, i % 60, tzinfo=dt.UTC), pa.timestamp("ms", "UTC")),
            "small": cells(lambda i: i % 200, pa.uint8()),
            "real": cells(lambda i: i / 4, pa.float32()),
            "lon": points[:, 0],
            "lat": points[:, 1],
        }
    )


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Give a function: an environment of a lock, made once; a skip where no package index answers."""
    made = {}

    def python_of(lock):
        if lock not in made:
            folder = tmp_path_factory.mktemp("environment")
            run_program(sys.executable, "-m", "venv", folder)
            python = folder / "bin" / "python"
            pip = (python, "-m", "pip", "--disable-pip-version-check")
            by_hash = (
                "--retries",
                "1",
                "--timeout",
                "20",
                "--only-binary",
                ":all:",
                "--require-hashes",
                "-r",
                HERE / lock,
            )
            done = run_program(*pip, "install", "--quiet", "--no-compile", *by_hash, check=False)
            made[lock] = None if done.returncode and "No matching distribution found" in done.stderr else python
            assert done.returncode == 0 or made[lock] is None, done.stderr
        if made[lock] is None:
            pytest.skip("no package index answers: the other readers cannot be had")
        return made[lock]

    return python_of


def read_by(python, reader, folder):
    done = run_program(python, HERE / "readers.py", reader, folder)
    answers = json.loads(done.stdout.splitlines()[-1])
    wrong = {line.partition(":")[0]: line for line in answers["differences"]}
    assert set(wrong) == READ_WRONGLY.get(reader, set()), list(wrong.values())
    return answers["opened"]


@pytest.mark.parametrize("reader", OF_THE_LOCK)
def test_readers_of_the_development_lock(written, reader):
    assert read_by(sys.executable, reader, written) >= len(EXPORTED)


@pytest.mark.parametrize("reader", OF_THE_INDEX)
def test_readers_of_the_package_index(written, environment, reader):
    assert read_by(environment(OF_THE_INDEX[reader]), reader, written) >= 2 * len(EXPORTED)


@pytest.mark.parametrize("reader", OF_THE_SYSTEM)
def test_readers_of_the_system(written, reader):
    if shutil.which(OF_THE_SYSTEM[reader]) is None:
        pytest.skip(f"no {OF_THE_SYSTEM[reader]} on this machine")
    assert read_by(sys.executable, reader, written) >= len(EXPORTED)


def test_what_locate_writes_is_what_it_read(written):
    """Types too: categories, decimals, days, hours, small integers."""
    before, after = (pq.read_table(written / at / "types.parquet") for at in ("", "located"))
    assert after.select(before.column_names).cast(before.schema).equals(before)
    assert after.schema.field("category").type == before.schema.field("category").type
