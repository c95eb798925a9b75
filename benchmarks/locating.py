"""Points located by qpvhealth and by its peers, each fulfilling one contract; answers are compared before times."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from measure import Measure, apart, can_import, machine, once, rounds
from results import Section, Table, Target

HERE = Path(__file__).parent
DISTANCE = 300
SETS = ("clustered", "uniform", "inside", "borders", "overseas")
SMALL = (10_000, 100_000, 1_000_000)
PEERS = {"DuckDB": "duckdb", "SedonaDB": "sedonadb", "geopandas": "geopandas", "PostGIS": None}
SLOW = ("SedonaDB", "geopandas", "PostGIS")
"""Peers that no set has seen first: they run once."""
SLOWEST_POINTS = 1_000_000
"""PostGIS copies points in and out as text: it is asked for no more than this."""
SCRIPTS = {"DuckDB": "duckdb", "SedonaDB": "sedona", "geopandas": "geopandas", "PostGIS": "postgis"}
COPY, COLD, KEPT = "read and write", "qpvhealth", "qpvhealth, index kept"
OURS = """
import sys
from pathlib import Path
from qpvhealth.locate import points
source, quarters, out, cache, crs = sys.argv[1:]
points.locate_file(Path(source), Path(quarters), Path(out), distance_m=300, x="x", y="y", crs=crs,
                   cache=Path(cache) if cache else None)
"""
COPIED = """
import sys
import pyarrow.parquet as pq
file = pq.ParquetFile(sys.argv[1], pre_buffer=False)
with pq.ParquetWriter(sys.argv[2], file.schema_arrow, compression="snappy", use_dictionary=False) as out:
    for batch in file.iter_batches(1 << 19):
        out.write_batch(batch)
"""
CONTRACT = (
    "One row out per row in, in order; the QPV that covers it, else the nearest within 300 m; Parquet, snappy. Each run is a new"
    " process, imports included (bytecode written before); engines run in turn."
)
DIFFERENT = (
    "Rows that differ: a point that two QPV cover goes to the deepest here, to the smallest code in the peers as written; on borders,"
    " engines round differently a point that is a hair inside or outside. On borders every row of geopandas and the first 3,000 of"
    " DuckDB have been looked at, and are of these kinds; those of SedonaDB and PostGIS have not. Of PostGIS, processor and memory"
    " are those of its client alone."
)
COLUMNS = [
    *("engine", "runs", "wall s", "of the fastest peer", "processor s", "of the cheapest peer"),
    *("memory MB", "rows that differ"),
]


@dataclass(frozen=True)
class Task:
    """What is located: a set, how many points, how often, by which peers; where files are."""

    name: str
    n: int
    repeat: int
    peers: tuple[str, ...]
    python: str
    neighbourhoods: Path
    scratch: Path


def ready(python: str) -> tuple[tuple[str, ...], list[str]]:
    """Return the peers that can run, and a line for each that cannot."""
    found, missing = [], []
    for name, module in PEERS.items():
        if module:
            ok, why = can_import(python, module), f"{module} cannot be imported"
        else:
            ok, why = bool(shutil.which("psql") and os.environ.get("PGDATABASE")), "no PGDATABASE"
        found += [name] if ok else []
        missing += [] if ok else [f"{name}: not run, {why}"]
    return tuple(found), missing


def section(task: Task, missing: list[str], order: int) -> Section:
    """Time one set with every engine."""
    told = machine(task.python)
    found, differing = _timed(task)
    if "PostGIS" in task.peers and task.n > SLOWEST_POINTS:
        missing = [*missing, f"PostGIS: not run on more than {SLOWEST_POINTS:,} points"]
    caption = f"{task.name}, {task.n:,} points, {DISTANCE} m"
    table = Table(caption, COLUMNS, _rows(found, differing), [*missing, DIFFERENT])
    targets = _targets(found, differing) if task.name == "clustered" else []
    return Section(f"locate-{task.name}", order, f"Locating points: {task.name}", CONTRACT, told, [table], targets)


def small(task: Task, order: int) -> Section:
    """Time few points, where starting and cutting the plane weigh most."""
    told = machine(task.python)
    tables = []
    for n in SMALL:
        sized = Task("uniform", n, task.repeat, task.peers, task.python, task.neighbourhoods, task.scratch)
        tables.append(Table(f"{n:,} points, {DISTANCE} m", COLUMNS, _rows(*_timed(sized))))
    about = (
        "The same contract on small files: most of the time is imports, reading and repairing polygons, and the index."
    )
    return Section("locate-small", order, "Locating points: small files", about, told, tables)


def _timed(task: Task) -> tuple[dict[str, Measure], dict[str, int]]:
    points, quarters, cache = (task.scratch / n for n in ("points.parquet", "quarters.parquet", "cache"))
    crs = str(apart("sets", "write", task.name, task.n, task.neighbourhoods, quarters, points))
    mine = [sys.executable, "-c", OURS, str(points), str(task.neighbourhoods)]
    commands = {
        COPY: [sys.executable, "-c", COPIED, str(points), str(task.scratch / "copy.parquet")],
        COLD: [*mine, str(task.scratch / "ours.parquet"), "", crs],
        KEPT: [*mine, str(task.scratch / "kept.parquet"), str(cache), crs],
    }
    once(Measure("first"), commands[KEPT])
    for peer in task.peers:
        if peer != "PostGIS" or task.n <= SLOWEST_POINTS:
            script, out = HERE / "peers" / f"{SCRIPTS[peer]}_locate.py", task.scratch / f"{peer}.parquet"
            commands[peer] = [task.python, str(script), str(points), str(quarters), str(out), str(DISTANCE), "x", "y"]
    found = rounds(commands, task.repeat, fewer=dict.fromkeys(SLOW, 1))
    theirs = {p: task.scratch / f"{p}.parquet" for p in task.peers if p in found and found[p].walls}
    ours = task.scratch / "ours.parquet"
    return found, {p: int(str(apart("sets", "differences", ours, out))) for p, out in theirs.items()}


def _rows(found: dict[str, Measure], differing: dict[str, int]) -> list[list[str]]:
    fastest = min((found[p].wall for p in differing), default=float("nan"))
    cheapest = min((found[p].cpu for p in differing), default=float("nan"))
    rows = []
    for name, m in found.items():
        if not m.walls:
            rows.append([name, "0", m.said, *[""] * (len(COLUMNS) - 3)])
            continue
        times = [f"{m.wall:.2f}", f"{m.wall / fastest:.2f}", f"{m.cpu:.2f}", f"{m.cpu / cheapest:.2f}"]
        differ = f"{differing[name]:,}" if name in differing else ""
        rows.append([name, str(m.runs), *times, f"{m.memory_mb:.0f}", differ])
    return rows


def _targets(found: dict[str, Measure], differing: dict[str, int]) -> list[Target]:
    """Hold the large set against the targets; nothing where no peer ran."""
    if not differing:
        return []
    wall, cpu = (min(getattr(found[p], what) for p in differing) for what in ("wall", "cpu"))
    cold, warm, copy = found[COLD], found[KEPT], found[COPY]
    return [
        Target("locate, cold: wall, of the fastest peer", cold.wall / wall, 1 / 3),
        Target("locate, cold: processor, of the cheapest peer", cold.cpu / cpu, 1 / 3),
        Target("locate, index kept: wall, of the fastest peer", warm.wall / wall, 1 / 5),
        Target("locate, index kept: processor, of the cheapest peer", warm.cpu / cpu, 1 / 5),
        Target("locate, cold: wall, of reading and writing alone", cold.wall / copy.wall, 4),
        Target("locate, index kept: wall, of reading and writing alone", warm.wall / copy.wall, 4),
        Target("locate: memory, MB", max(cold.memory_mb, warm.memory_mb), 1024),
    ]
