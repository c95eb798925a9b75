"""Every benchmark, side by side: answers are compared before times; ratios are printed and written to RESULTS.md.

python benchmarks/run.py --neighbourhoods QPV.shp [--points 25000000] [--peers PYTHON]

``--peers`` is a Python that has duckdb (with its spatial extension), sedonadb, geopandas; what it lacks is skipped, in words.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import national  # noqa: E402 -- beside this file

DISTANCE = 300
SETS = ("clustered", "uniform", "inside", "borders", "overseas")
PEERS = {"DuckDB": "duckdb", "SedonaDB": "sedonadb", "geopandas": "geopandas", "PostGIS": None}
SCRIPTS = {"DuckDB": "duckdb", "SedonaDB": "sedona", "geopandas": "geopandas", "PostGIS": "postgis"}
OURS = """
import sys
from pathlib import Path
from qpvhealth import points
source, quarters, out, cache, crs = sys.argv[1:]
points.locate_file(Path(source), Path(quarters), Path(out), distance_m=300, x="x", y="y", crs=crs,
                   cache=Path(cache) if cache else None)
"""
CONTRACT = (
    "One row out per row in, in order; the QPV that covers it, else the nearest within the distance; Parquet, snappy. Each run is"
    " a new process, imports included. Processor seconds are the lowest of the runs: where other programs share the machine,"
    " they say more than the wall."
)
COPY = """
import sys
import pyarrow.parquet as pq
file = pq.ParquetFile(sys.argv[1], pre_buffer=False)
with pq.ParquetWriter(sys.argv[2], file.schema_arrow, compression="snappy", use_dictionary=False) as out:
    for batch in file.iter_batches(1 << 19):
        out.write_batch(batch)
"""


@dataclass
class Measure:
    """One engine on one task: wall seconds of each run, processor seconds and memory of the cheapest."""

    name: str
    walls: list[float]
    cpus: list[float]
    memory_mb: float = 0.0
    said: str = ""

    @property
    def wall(self) -> float:
        return statistics.median(self.walls) if self.walls else float("nan")

    @property
    def cpu(self) -> float:
        return min(self.cpus) if self.cpus else float("nan")


def once(measure: Measure, command: list[str]) -> bool:
    """Run a command in a process of its own, and add what it took; say whether it ended well."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    error = child.stderr.read() if child.stderr else ""
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        measure.said = (error.strip().splitlines() or ["failed"])[-1][:120]
        return False
    measure.walls.append(time.perf_counter() - started)
    measure.cpus.append(used.ru_utime + used.ru_stime)
    measure.memory_mb = max(measure.memory_mb, used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))
    return True


def rounds(commands: dict[str, list[str]], repeat: int) -> dict[str, Measure]:
    """Run all engines in turn, several times, so that what else the machine does falls on all of them."""
    found = {name: Measure(name, [], []) for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            if not found[name].said:
                once(found[name], command)
    return found


def can_import(python: str, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def peers(python: str) -> tuple[list[str], list[str]]:
    """Return the peers that can run, and a line for each that cannot."""
    ready, missing = [], []
    for name, module in PEERS.items():
        ok = can_import(python, module) if module else bool(shutil.which("psql") and os.environ.get("PGDATABASE"))
        ready += [name] if ok else []
        missing += [] if ok else [f"{name}: skipped, {f'{module} cannot be imported' if module else 'no PGDATABASE'}"]
    return ready, missing


def apart(function: str, *arguments: object) -> object:
    """Call a function of ``sets`` in a process of its own: a program inherits the peak memory of the one that starts it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_called, function, arguments).result()


def _called(function: str, arguments: tuple[object, ...]) -> object:
    import sets  # noqa: PLC0415 -- heavy, and only here

    return getattr(sets, function)(*arguments)


def locate(name: str, options: argparse.Namespace, scratch: Path) -> list[str]:
    """Time one point set with every engine; return lines of Markdown."""
    points, quarters, cache = scratch / "points.parquet", scratch / "quarters.parquet", scratch / "cache"
    n = options.points if name == "clustered" else options.points_of_others
    crs = apart("write", name, n, options.neighbourhoods, quarters, points)
    mine = [sys.executable, "-c", OURS, str(points), str(options.neighbourhoods)]
    commands = {
        "read and write": [sys.executable, "-c", COPY, str(points), str(scratch / "copy.parquet")],
        "qpvhealth": [*mine, str(scratch / "ours.parquet"), "", crs],
        "qpvhealth, index kept": [*mine, str(scratch / "kept.parquet"), str(cache), crs],
    }
    once(Measure("first", [], []), commands["qpvhealth, index kept"])
    ready, missing = peers(options.peers)
    ready = [p for p in ready if p in options.against]
    for peer in ready if name in options.peer_sets else []:
        script = str(HERE / "peers" / f"{SCRIPTS[peer]}_locate.py")
        out = str(scratch / f"{peer}.parquet")
        commands[peer] = [options.peers, script, str(points), str(quarters), out, str(DISTANCE), "x", "y"]
    found = rounds(commands, options.repeat)
    differing = {
        p: apart("differences", scratch / "ours.parquet", scratch / f"{p}.parquet")
        for p in ready
        if p in found and found[p].walls
    }
    return [*table(name, n, found, differing), *(f"- {line}" for line in missing), ""]


def table(name: str, n: int, found: dict[str, Measure], differing: dict[str, int]) -> list[str]:
    others = [m for k, m in found.items() if k in differing]
    fastest = min((m.wall for m in others), default=float("nan"))
    cheapest = min((m.cpu for m in others), default=float("nan"))
    lines = [
        f"### {name}, {n:,} points, {DISTANCE} m",
        "",
        "| engine | wall s (median) | of the fastest peer | processor s | of the cheapest peer | memory MB | rows that differ |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for key, m in found.items():
        if m.said:
            lines.append(f"| {key} | {m.said} | | | | | |")
            continue
        lines.append(
            f"| {key} | {m.wall:.1f} | {m.wall / fastest:.2f} | {m.cpu:.1f} | {m.cpu / cheapest:.2f} | {m.memory_mb:.0f}"
            f" | {differing.get(key, '')} |"
        )
    return lines


def startup(repeat: int) -> list[str]:
    """Time ``--help`` against an import of click; fifteen short runs each."""
    commands = {"import click": [sys.executable, "-c", "import click"]}
    program = Path(sys.executable).with_name("qpvhealth")
    if program.exists():
        commands |= {f"qpvhealth {o}": [str(program), o] for o in ("--help", "--version")}
    found = rounds(commands, max(repeat, 15))
    base = found["import click"].wall
    lines = ["## Start", "", "| command | wall s (median) | of `import click` |", "| --- | ---: | ---: |"]
    return [*lines, *(f"| {m.name} | {m.said or f'{m.wall:.3f}'} | {m.wall / base:.2f} |" for m in found.values()), ""]


def head(options: argparse.Namespace) -> list[str]:
    versions = "import importlib.metadata as m\nfor n in %r:\n try: print(n, m.version(n), end=', ')\n except m.PackageNotFoundError: pass"
    names = ["geopandas", "shapely", "pyarrow", "numpy", "duckdb", "sedonadb", "dask"]
    told = subprocess.run([options.peers, "-c", versions % names], capture_output=True, text=True, check=False).stdout
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    machine = (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores{load}, Python"
        f" {platform.python_version()}; {told.rstrip(', ')}. Runs each: {options.repeat}, engines in turn."
    )
    return [
        "# Results",
        "",
        "Written by `make bench`. Ratios travel from one machine to another, seconds do not.",
        "",
        machine,
        "",
        "## Locating points",
        "",
        CONTRACT,
        "",
    ]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neighbourhoods", type=Path, required=True, help="a file of QPV, overseas ones included")
    parser.add_argument("--data", type=Path, help="the folder of real files, for the national build (skipped without)")
    parser.add_argument("--points", type=int, default=25_000_000)
    parser.add_argument("--points-of-others", type=int, default=5_000_000, help="for the other sets than clustered")
    parser.add_argument("--sets", nargs="*", default=SETS, choices=SETS)
    parser.add_argument("--peer-sets", nargs="*", default=SETS, choices=SETS)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the peers")
    parser.add_argument("--against", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    lines = head(options)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        for name in options.sets:
            found = locate(name, options, Path(folder))
            print("\n".join(found), flush=True)
            lines += found
        if options.data is not None:
            lines += national.compare(options.data, options.peers, rounds, Path(folder), options.repeat)
        lines += startup(options.repeat)
    options.out.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
