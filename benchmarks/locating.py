"""Points located by qpvhealth and by its peers, each fulfilling one contract; answers are compared before times."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from measure import Measure, apart, can_import, machine, once, ratio, rounds
from results import Section, Table, Target

HERE = Path(__file__).parent
DISTANCE = 300
SETS = ("clustered", "uniform", "around", "inside", "borders", "overseas")
SMALL = (10_000, 100_000, 1_000_000)
WIDE_ROWS = 1_000_000
PEERS = {"DuckDB": "duckdb", "SedonaDB": "sedonadb", "geopandas": "geopandas", "polars": "polars_st"}
SCRIPTS = {"DuckDB": "duckdb", "SedonaDB": "sedona", "geopandas": "geopandas", "polars": "polars"}
REFERENCE = {"around": "geopandas"}
"""The peer that others are compared with: DuckDB but for these sets. Where no target is set, and the other peers, run once."""
COPY, COLD, KEPT, MEASURED = "read and write", "qpvhealth", "qpvhealth, polygons kept", "qpvhealth, with distance"
BEFORE = "qpvhealth before"
AT_MOST = {
    "10,000": (1.4, 0.8),
    "100,000": (1.4, 0.8),
    "1,000,000": (0.7, None),
    "uniform": (0.7, None),
    "around": (0.2, None),
}
"""Processor time of the reference, at most: cold, and with the polygons kept."""
OURS = """
import sys
from pathlib import Path
from qpvhealth.locate import points
source, quarters, out, cache, crs, distance = sys.argv[1:]
points.locate_file(Path(source), Path(quarters), Path(out), distance_m=300, x="x", y="y", crs=crs,
                   with_distance=bool(distance), cache=Path(cache) if cache else None)
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
    "One row out per row in, in order; the QPV that covers it, else the nearest within 300 m; Parquet, snappy. Every engine reads, projects"
    " and repairs the same shapefile. Each run is a new process, imports included (bytecode written before); engines run in turn."
)
DIFFERENT = (
    "Rows that differ: a point that two QPV cover goes to the deepest here, to the smallest code in the peers as written; on borders,"
    " engines round differently a point that is a hair inside or outside."
)


@dataclass(frozen=True)
class Task:
    """What is located: a set, how many points, how often, by which peers; where files are; the source of an earlier version, or null."""

    name: str
    n: int
    repeat: int
    peers: tuple[str, ...]
    python: str
    neighbourhoods: Path
    scratch: Path
    before: Path | None = None

    @property
    def reference(self) -> str:
        return REFERENCE.get(self.name, "DuckDB")


def ready(python: str) -> tuple[tuple[str, ...], list[str]]:
    """Return the peers that can run, and a line for each that cannot."""
    able = {name: can_import(python, module) for name, module in PEERS.items()}
    missing = [f"{n}: not run, {PEERS[n]} cannot be imported" for n, is_able in able.items() if not is_able]
    return tuple(n for n, is_able in able.items() if is_able), missing


def section(task: Task, missing: list[str], order: int) -> Section:
    """Time one set with every engine."""
    where = machine(task.python)
    measures, differing, plan = _timed(task)
    caption = f"{task.name}, {task.n:,} points, {DISTANCE} m"
    table = Table(caption, _columns(task), _rows(task, measures, differing), [*missing, *plan, DIFFERENT])
    targets = _targets(task, measures, task.name)
    cold, measured = measures[COLD], measures.get(MEASURED)
    if measured is not None:
        targets.append(Target("locate --with-distance: processor, of without", ratio(measured, cold), 1.2))
    if BEFORE in measures:
        targets.append(Target(f"locate, {caption}: processor, of before", ratio(cold, measures[BEFORE]), 0.65))
    return Section(f"locate-{task.name}", order, f"Locating points: {task.name}", CONTRACT, where, [table], targets)


def small(task: Task, order: int) -> Section:
    """Time few points, where starting weighs most."""
    where, tables, targets = machine(task.python), [], []
    for n in SMALL:
        sized = replace(task, name="uniform", n=n)
        measures, differing, plan = _timed(sized)
        tables.append(Table(f"{n:,} points, {DISTANCE} m", _columns(sized), _rows(sized, measures, differing), plan))
        targets += _targets(sized, measures, f"{n:,}")
    about = "The same contract on small files: most of the time is imports, reading and repairing polygons."
    return Section("locate-small", order, "Locating points: small files", about, where, tables, targets)


def wide(task: Task, order: int) -> Section:
    """Measure the memory that rows of 51 columns take."""
    where, points = machine(task.python), task.scratch / "wide.parquet"
    crs = str(apart("sets", "write_wide", WIDE_ROWS, task.neighbourhoods, task.scratch / "codes.parquet", points))
    commands = _ours(replace(task, peers=()), points, crs)
    once(Measure("first"), commands[KEPT])
    measures = rounds({name: commands[name] for name in (COPY, COLD, KEPT)}, task.repeat)
    rows = [[m.name, str(m.runs), f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{m.memory_mb:.0f}"] for m in measures.values()]
    table = Table(f"51 columns, {WIDE_ROWS:,} rows", ["program", "runs", "wall s", "processor s", "memory MB"], rows)
    targets = [
        Target(f"locate, 51 columns, {name}: memory, MB", measures[name].memory_mb, 400) for name in (COLD, KEPT)
    ]
    about = "A file of one row group, a third of its columns texts: what is in memory at a time depends on the columns."
    return Section("locate-wide", order, "Locating points: wide rows", about, where, [table], targets)


def _ours(task: Task, points: Path, crs: str) -> dict[str, list[str]]:
    """Return the commands of qpvhealth, and that of a plain copy."""
    run = [sys.executable, "-c", OURS, str(points), str(task.neighbourhoods)]
    cache, scratch = str(task.scratch / "cache"), task.scratch
    commands = {
        COPY: [sys.executable, "-c", COPIED, str(points), str(scratch / "copy.parquet")],
        COLD: [*run, str(scratch / "ours.parquet"), "", crs, ""],
        KEPT: [*run, str(scratch / "kept.parquet"), cache, crs, ""],
    }
    if task.name == "around":
        commands[MEASURED] = [*run, str(scratch / "measured.parquet"), "", crs, "yes"]
    if task.before is not None:
        earlier = [*run, str(scratch / "before.parquet"), "", crs, ""]
        commands[BEFORE] = ["env", f"PYTHONPATH={task.before}", *earlier]
    return commands


def _timed(task: Task) -> tuple[dict[str, Measure], dict[str, int], list[str]]:
    """Return what every engine took, how many of its rows differ from ours, and a line on the plan of DuckDB."""
    points, codes = task.scratch / "points.parquet", task.scratch / "codes.parquet"
    crs = str(apart("sets", "write", task.name, task.n, task.neighbourhoods, codes, points))
    commands = _ours(task, points, crs)
    once(Measure("first"), commands[KEPT])
    plan: list[str] = []
    for peer in task.peers:
        out = task.scratch / f"{peer}.parquet"
        script = [task.python, str(HERE / "peers" / f"{SCRIPTS[peer]}_locate.py"), str(points)]
        commands[peer] = [*script, str(task.neighbourhoods), str(codes), str(out), str(DISTANCE), "x", "y", crs]
        if peer == "DuckDB":
            said = subprocess.run([*commands[peer], "plan"], capture_output=True, text=True, check=False).stdout
            plan = [f"Plan of DuckDB, from the last operator: {said.strip()}"]
    in_turn = {COLD, KEPT, MEASURED, BEFORE} | ({task.reference} if task.name in AT_MOST else set())
    once_each = [name for name in commands if name not in in_turn]
    measures = rounds(commands, task.repeat, fewer=dict.fromkeys(once_each, 1))
    theirs = {n: task.scratch / f"{n}.parquet" for n in task.peers if measures[n].walls}
    theirs |= {BEFORE: task.scratch / "before.parquet"} if BEFORE in measures else {}
    ours = task.scratch / "ours.parquet"
    return measures, {n: int(str(apart("sets", "differences", ours, out))) for n, out in theirs.items()}, plan


def _columns(task: Task) -> list[str]:
    of = f"of {task.reference}"
    return ["engine", "runs", "wall s", of, "processor s", of, "memory MB", "rows that differ"]


def _rows(task: Task, measures: dict[str, Measure], differing: dict[str, int]) -> list[list[str]]:
    rows, reference = [], measures.get(task.reference, Measure("none"))
    for name, m in measures.items():
        if not m.walls:
            rows.append([name, "0", m.said, *[""] * 5])
            continue
        times = [f"{m.wall:.2f}", f"{ratio(m, reference, 'walls'):.2f}", f"{m.cpu:.2f}", f"{ratio(m, reference):.2f}"]
        differ = f"{differing[name]:,}" if name in differing else ""
        rows.append([name, str(m.runs), *times, f"{m.memory_mb:.0f}", differ])
    return rows


def _targets(task: Task, measures: dict[str, Measure], name: str) -> list[Target]:
    """Compare with the targets of a set; nothing where it has none, or its reference did not run."""
    cold, kept = AT_MOST.get(name, (None, None))
    reference = measures.get(task.reference, Measure("none"))
    what = f"locate, {task.name}, {task.n:,} points"
    pairs = ((COLD, "cold", cold), (KEPT, "polygons kept", kept))
    return [
        Target(f"{what}, {words}: processor, of {task.reference}", ratio(measures[engine], reference), at_most)
        for engine, words, at_most in pairs
        if at_most is not None and reference.walls
    ]


if os.name == "nt":
    raise SystemExit("the benchmarks measure memory as Linux and macOS do")
