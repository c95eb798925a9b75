"""Tests that take minutes: they run only when this folder is named on the command line (``make test-deep``).

Counts bound them, and processor time, which other programs do not lengthen; ``--whole`` asks for every step, moment and file.
"""

from __future__ import annotations

import datetime as dt
import decimal
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path, config):
    named = [Path(a.split("::")[0]).resolve() for a in config.args]
    asked = any(n == HERE or HERE in n.parents for n in named)
    return None if asked or collection_path.suffix != ".py" else True


def pytest_addoption(parser):
    parser.addoption("--whole", action="store_true", help="every step of a build, 300 moments, 100,000 files")


@pytest.fixture
def is_whole(request):
    return request.config.getoption("--whole")


EXPORTED = ("structures", "neighbourhoods", "neighbourhood_coverage")


@pytest.fixture(scope="session")
def written(once, released):
    """Give a folder of all that is written: a release, exports, a report, and points with what ``locate`` made of them."""
    import geopandas as gpd
    import pyarrow.parquet as pq
    import shapely

    from tests.commands import run

    def make(folder):
        (folder / "release").symlink_to((released / "current").resolve())
        for name in EXPORTED:
            for suffix in ("csv", "xlsx", "gpkg", "geojson"):
                to = folder / "exports" / f"{name}.{suffix}"
                assert run("export", name, "--to", to, "--out", released).returncode == 0
        assert run("report", "--to", folder / "report", "--out", released).returncode == 0
        quarters = gpd.read_parquet(folder / "release" / "neighbourhoods.parquet")
        quarters = quarters[(quarters["generation"] == "qpv-2015") & quarters.geometry.notna()]
        quarters[["qpv_code", "geometry"]].to_file(folder / "quarters.gpkg")
        points = shapely.get_coordinates(shapely.point_on_surface(quarters.geometry.to_numpy()[:200]))
        types = table_of_all_types(points)
        pq.write_table(types, folder / "types.parquet")
        pq.write_table(types.select(["code", "day", "lon", "lat"]), folder / "plain.parquet")
        codes = gpd.GeoDataFrame({"code": types["code"]}, geometry=gpd.points_from_xy(*points.T), crs=4326)
        codes.to_crs(2154).to_parquet(folder / "metres.parquet")
        for name in ("types.parquet", "plain.parquet", "plain.csv", "metres.parquet"):
            words = ("--neighbourhoods", folder / "quarters.gpkg", "--distance", "300", "--with-distance")
            source, to = (folder / name).with_suffix(".parquet"), folder / "located" / name
            assert run("locate", source, *words, "--out", to).returncode == 0

    return once("written", make)


def table_of_all_types(points):
    """Return points with a column of each type, one row in seven unknown."""
    import pyarrow as pa

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


@pytest.fixture(scope="session")
def environment(once):
    """Give a function: the Python of an environment made of a lock of this folder, once; a skip where no package index answers."""
    from tests.deep.test_installs import index_answers, run as run_program

    def python_of(lock):
        def make(folder):
            run_program(sys.executable, "-m", "venv", folder)
            pip = (folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check")
            answer = "installed" if index_answers(pip, folder) else ""
            if answer:
                by_hash = ("--no-compile", "--only-binary", ":all:", "--require-hashes", "-r", HERE / f"{lock}.lock")
                run_program(*pip, "install", "--quiet", *by_hash)
            (folder / "answer").write_text(answer)

        folder = once(lock, make)
        if not (folder / "answer").read_text():
            pytest.skip("no package index answers: the other readers cannot be had")
        return folder / "bin" / "python"

    return python_of
