"""What is on the disk after an error: each writer is stopped at random bytes, and leaves the whole file, or the one that was there."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import random, resource, signal, sys
from pathlib import Path

import geopandas as gpd, numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq, shapely

from qpvhealth.contract.schema import Column, Table
from qpvhealth.errors import PublishError
from qpvhealth.locate import locate_file
from qpvhealth.publish import export, release, rendering

folder = Path(sys.argv[1])
rng = np.random.default_rng(5)
n = 20_000
x, y = rng.uniform(2.2, 2.4, n), rng.uniform(48.8, 48.95, n)
points, quarters, outputs = folder / "p.parquet", folder / "q.gpkg", folder / "out"
outputs.mkdir()
pq.write_table(pa.table({"id": np.arange(n), "lon": x, "lat": y}), points)
gpd.GeoDataFrame({"code_qp": ["QP075001"]}, geometry=[shapely.box(2.3, 48.85, 2.32, 48.87)], crs=4326).to_file(quarters)
rows = pd.DataFrame({"code": pd.array([f"c{i}" for i in range(n)], dtype="str"), "value": x, "geometry": shapely.points(x, y)})
table = Table("t", "T", "row", ("code",), (Column("code", "string", "Code", "Code"), Column("value", "float", "V", "V")))
plain = rows[["code", "value"]]
WRITERS = {
    **{f"export.{f}": lambda to, f=f: export.save(to, "structures", rows, {}, fmt=f, invented=False) for f in export.FORMATS},
    **{f"located.{f}": lambda to: locate_file(points, quarters, to, distance_m=100) for f in ("parquet", "csv")},
    **{f"shown.{f}": lambda to: rendering.save(to, plain, titles={}, notes=(), invented=False) for f in ("md", "json")},
    "tables": lambda to: release.write_tables(to, {"t": plain}, {"t": table}, invented=False),
}
def content(path):
    return {p.name: p.read_bytes() for p in path.iterdir()} if path.is_dir() else path.read_bytes()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
draw, stopped = random.Random(7), 0
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
for name, write in WRITERS.items():
    target = outputs / name
    write(target)
    whole = content(target)
    size = max(map(len, whole.values())) if isinstance(whole, dict) else len(whole)
    for there in (b"before", None):
        for limit in (0, 1, size - 1, *(draw.randrange(size) for _ in range(3))):
            for path in outputs.iterdir():
                [p.unlink() for p in path.iterdir()] and path.rmdir() if path.is_dir() else path.unlink()
            if there is not None and name != "tables":
                target.write_bytes(there)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            try:
                write(target)
            except PublishError:
                stopped += 1
                left = [p.name for p in outputs.iterdir()]
                kept = there is not None and name != "tables"
                assert left == ([name] if kept else []), (name, limit, left)
                assert not kept or target.read_bytes() == there, (name, limit)
            else:
                raise AssertionError(f"{name} written whole within {limit} bytes of {size}")
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(stopped)
"""


def test_no_writer_leaves_a_file_that_reads_as_fewer_rows(tmp_path):
    script = tmp_path / "writers.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) == 9 * 2 * 6
