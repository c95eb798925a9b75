"""What is written is read by others: every format with each reader there is, compared with what pyarrow reads of the release.

Readers of the development lock are used as they are; the others (``readers.lock``) run in an environment that is made for them where a
package index answers; GDAL and LibreOffice where the system has them.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.deep.conftest import EXPORTED
from tests.deep.test_installs import run as run_program

HERE = Path(__file__).parent
OF_THE_LOCK = (
    *("pandas", "pandas with Arrow types", "geopandas", "geopandas the Arrow way", "dask"),
    *("pyarrow", "python", "openpyxl", "calamine"),
)
OF_THE_INDEX = {
    **dict.fromkeys(("polars", "duckdb", "sedonadb", "fastparquet", "fiona"), "readers"),
    "duckdb-spatial": "readers-duckdb-1",
}
OF_THE_SYSTEM = {"gdal": "ogr2ogr", "libreoffice": "soffice"}
READ_WRONGLY = {"duckdb-spatial": {"structures.geojson.opened_on"}}
"""Where the reader is at fault: findings/duckdb-gdal-days-before-1970-go-wrong.sh."""


def read_by(python, reader, folder):
    """Have a reader open what it can; return the number of files."""
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
    """Types too: categories, decimals, days, hours, small integers; and the system of a geometry."""
    for name in ("types", "metres"):
        before, after = (pq.read_table(written / at / f"{name}.parquet") for at in ("", "located"))
        assert after.select(before.column_names).cast(before.schema).equals(before)
    described = [json.loads(table.schema.metadata[b"geo"]) for table in (before, after)]
    assert described[0]["columns"]["geometry"]["crs"] == described[1]["columns"]["geometry"]["crs"]
    assert described[0] == described[1]
