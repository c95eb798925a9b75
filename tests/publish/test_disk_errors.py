"""What is on the disk after an error: each writer is stopped at random bytes, and leaves the whole file, or the one that was there."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import random, resource, shutil, signal, sys
from pathlib import Path

import geopandas as gpd, numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq, shapely

from qpvhealth.contract.schema import Column, Table
from qpvhealth.errors import PublishError
from qpvhealth.locate import cluster, locate_file
from qpvhealth.publish import export, release, rendering
from qpvhealth.publish.report import content as contents, files
from distributed import Client

folder = Path(sys.argv[1])
rng = np.random.default_rng(5)
n = 3_000
x, y = rng.uniform(2.2, 2.4, n), rng.uniform(48.8, 48.95, n)
points, quarters, outputs = folder / "p.parquet", folder / "q.gpkg", folder / "out"
outputs.mkdir()
pq.write_table(pa.table({"id": np.arange(n), "lon": x, "lat": y}), points)
gpd.GeoDataFrame({"code_qp": ["QP075001"]}, geometry=[shapely.box(2.3, 48.85, 2.32, 48.87)], crs=4326).to_file(quarters)
rows = pd.DataFrame({"code": pd.array([f"c{i}" for i in range(n)], dtype="str"), "value": x, "geometry": shapely.points(x, y)})
table = Table("t", "T", "row", ("code",), (Column("code", "string", "Code", "Code"), Column("value", "float", "V", "V")))
plain = rows[["code", "value"]]
listed = contents.Table("t", "T", (contents.Column("Code", "text"), contents.Column("Valeur")), tuple(plain[:500].itertuples(index=False, name=None)))
drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><title>T</title><rect width="9" height="9" /></svg>'
figure = contents.Figure("f", "Carte", "Ce qu'on y voit", "Légende", drawing, (9, 9))
note = contents.Note("Titre", "France", (("Version", "1"),), (contents.Section("s", "S", (listed, figure), is_short=True),), ())
workers = Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None)
WRITERS = {
    **{f"export.{f}": lambda to, f=f: export.save(to, "structures", rows, {}, fmt=f, invented=False) for f in export.FORMATS},
    **{f"located.{f}": lambda to: locate_file(points, quarters, to, distance_m=100) for f in ("parquet", "csv")},
    **{f"shown.{f}": lambda to: rendering.save(to, plain, titles={}, notes=(), invented=False) for f in ("md", "json")},
    "tables": lambda to: release.write_tables(to, {"t": plain}, {"t": table}, invented=False),
    "report": lambda to: files.write(lambda _: note, to, ["html", "md", "xlsx", "odt"]),
    "parts": lambda to: cluster.locate_parts(points, quarters, to, distance_m=100, client=workers),
}
NEW_FOLDERS = ("tables", "parts")
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
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            kept = there if name not in NEW_FOLDERS else None
            if kept is not None and name == "report":
                target.mkdir()
                [(target / file).write_bytes(kept) for file in whole]
            elif kept is not None:
                target.write_bytes(kept)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            try:
                write(target)
            except PublishError:
                stopped += 1
                left = {p.name: content(p) for p in outputs.iterdir()}
                if name == "report":  # several files: each is there whole, as it was, or not at all
                    assert all(data in (kept, whole[file]) for file, data in left.get(name, {}).items()), (limit, left)
                    assert set(left) <= {name}
                else:
                    assert left == ({} if kept is None else {name: kept}), (name, limit, list(left))
            else:
                raise AssertionError(f"{name} written whole within {limit} bytes of {size}")
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
workers.close()
print(stopped)
"""


def test_no_writer_leaves_a_file_that_reads_as_fewer_rows(tmp_path):
    script = tmp_path / "writers.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) == 11 * 2 * 6
