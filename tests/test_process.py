"""A build gives the same bytes in any process: after other geographic libraries, in a thread, in a worker, with children ignored.

Each case is a script run by a new interpreter, which prints a digest of every table,
the structures inside a QPV and the rows rejected.
"""

from __future__ import annotations

import os
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pytest
import shapely

CARDS = """
[[source]]
id = "s"
kind = "structures"
path = "s.csv"
layout = "dgos-mapped"
year = 2020
reference_date = 2020-04-01
crs = "EPSG:2154"
[[source]]
id = "q"
kind = "neighbourhoods"
path = "q.shp"
generation = "qpv-2015"
"""
SCRIPT = """
import hashlib
import sys

raw, other = sys.argv[1:]

def digest(folder=raw):
    import qpvhealth
    built = qpvhealth.build(folder)
    sha256 = hashlib.sha256()
    for name, frame in sorted(built.items()):
        text = frame.to_csv(index=False)
        sha256.update(f"{name} {list(frame.dtypes)} {text}".encode())
    n_inside = (built["structure_locations"]["situation"] == "in_qpv").sum()
    return f"{sha256.hexdigest()} {n_inside} {len(built['rejects'])}"

def main():
"""
ALONE = "print(digest())"
CASES = {
    "geopandas": """
import geopandas
assert len(geopandas.read_file(other + "/q.shp"))
print(digest())
""",
    "pyproj and pyogrio": """
import pyproj, pyogrio
pyproj.Transformer.from_crs(2154, 4326).transform(600000, 6600000)
pyogrio.read_dataframe(other + "/q.shp").to_crs(3857)
print(digest())
""",
    "thread, children ignored": """
import signal
from concurrent.futures import ThreadPoolExecutor
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
with ThreadPoolExecutor(1) as pool:
    print(pool.submit(digest).result())
""",
    "another folder, spawn": """
import multiprocessing
assert digest(other) != digest()
with multiprocessing.get_context("spawn").Pool(1) as pool:
    print(pool.apply(digest))
""",
    "fork": """
import geopandas, multiprocessing
geopandas.read_file(other + "/q.shp").to_crs(3857)
with multiprocessing.get_context("fork").Pool(1) as pool:
    print(pool.apply(digest))
""",
}
"""What a script does before it builds, or where. The body of a function, called as a worker that is spawned needs it."""
N, SIDE_M, STEP_M, VERTICES = 1_100, 200.0, 500.0, 64
MIB = 1 << 20


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Write a shapefile of more than 1 MiB with 1,100 QPV around Clermont-Ferrand, and 200 structures in and near them."""
    folder = tmp_path_factory.mktemp("process") / "raw"
    folder.mkdir()
    (folder / "sources.toml").write_text(CARDS, encoding="utf-8")
    column, row = np.divmod(np.arange(N), 33)
    x, y = 700_000.0 + STEP_M * column, 6_515_000.0 + STEP_M * row
    squares = shapely.segmentize(shapely.box(x, y, x + SIDE_M, y + SIDE_M), 4 * SIDE_M / VERTICES)
    codes = [f"QP063{n:03d}" if n < 1_000 else f"QP003{n - 1_000:03d}" for n in range(N)]
    frame = gpd.GeoDataFrame(
        {"code_qp": codes, "nom_qp": [f"Cité d'été {n}" for n in range(N)]}, geometry=squares, crs=2154
    )
    frame.to_file(folder / "q.shp", encoding="cp1252")
    assert (folder / "q.shp").stat().st_size >= MIB
    lines = ["finess_et,structure_type,commune_code,x,y"]
    for n in range(200):
        away = 40.0 * (n % 10)
        lines.append(f"63{n:07d},{'MSP' if n % 3 else 'CDS'},63113,{x[n] + 100.0 + away},{y[n] + 100.0}")
    (folder / "s.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def other(raw, tmp_path_factory):
    """Write another folder of the same kind, with fewer polygons."""
    folder = tmp_path_factory.mktemp("process") / "other"
    folder.mkdir()
    for name in ("sources.toml", "s.csv"):
        (folder / name).write_bytes((raw / name).read_bytes())
    gpd.read_file(raw / "q.shp").iloc[:50].to_file(folder / "q.shp", encoding="cp1252")
    return folder


def ran(body, raw, other, folder, **environment):
    """Run the body of a script in a new interpreter."""
    lines = [f"    {line}\n" for line in body.strip().splitlines()]
    script = folder / "script.py"
    script.write_text(SCRIPT + "".join(lines) + "\nif __name__ == '__main__':\n    main()\n", encoding="utf-8")
    command = [sys.executable, str(script), str(raw), str(other)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


@pytest.fixture(scope="module")
def expected(raw, other, tmp_path_factory):
    """Build in a new process that has used nothing before: three structures in ten are inside a QPV, and no polygon is missing."""
    done = ran(ALONE, raw, other, tmp_path_factory.mktemp("alone"))
    assert done.stdout.split()[1:] == ["60", "0"], done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("case", CASES)
def test_a_build_gives_the_same_bytes_in_any_process(raw, other, tmp_path, expected, case):
    done = ran(CASES[case], raw, other, tmp_path)
    assert (done.stdout, done.returncode) == (expected, 0), done.stderr


OFF = "import pandas; pandas.set_option('future.infer_string', False); "
OFF_WHEN_IMPORTED = f"{OFF} import qpvhealth.contract.schema; pandas.set_option('future.infer_string', True); "


@pytest.mark.parametrize(
    ("body", "environment"),
    [(OFF + ALONE, {}), (OFF_WHEN_IMPORTED + ALONE, {}), (ALONE, {"PANDAS_FUTURE_INFER_STRING": "0"})],
    ids=["option", "when imported", "environment"],
)
def test_a_pandas_that_reads_texts_as_objects_is_refused(raw, other, tmp_path, body, environment):
    done = ran(body, raw, other, tmp_path, **environment)
    assert (done.stdout, done.returncode) == ("", 1)
    assert "UsageError: the pandas option future.infer_string is off" in done.stderr
