"""What a command takes: wall and processor seconds, memory; several commands in turn, each run a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import platform
import shutil
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_S = 600.0
"""A run that takes longer is ended, and its row says so."""


@dataclass
class Measure:
    """One command: wall and processor seconds of each run, the largest memory of any, why it has no (further) run."""

    name: str
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    memory_mb: float = 0.0
    said: str = ""

    @property
    def wall(self) -> float:
        return statistics.median(self.walls) if self.walls else float("nan")

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpus) if self.cpus else float("nan")

    @property
    def runs(self) -> int:
        return len(self.walls)


def ratio(one: Measure, other: Measure, what: str = "cpus") -> float:
    """Return the median over the rounds of what one took of the other: a loaded machine slows both of a pair. Where one ran less often, of the medians."""
    a, b = getattr(one, what), getattr(other, what)
    if not a or not b:
        return float("nan")
    pairs = (
        [x / y for x, y in zip(a, b, strict=True)]
        if len(a) == len(b)
        else [statistics.median(a) / statistics.median(b)]
    )
    return float(statistics.median(pairs))


def once(measure: Measure, command: list[str], limit_s: float = LIMIT_S, accepted: tuple[int, ...] = (0,)) -> None:
    """Run a command in a process of its own, and add what it took; note why where it does not end well."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    watch = threading.Timer(limit_s, child.kill)
    watch.start()
    error = child.stderr.read() if child.stderr else ""
    _, status, used = os.wait4(child.pid, 0)
    taken, late = time.perf_counter() - started, not watch.is_alive()
    watch.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in accepted:
        last = (error.strip().splitlines() or ["failed"])[-1][:120]
        measure.said = f"ended after {limit_s:.0f} s" if late else last
        return
    measure.walls.append(taken)
    measure.cpus.append(used.ru_utime + used.ru_stime)
    measure.memory_mb = max(measure.memory_mb, used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))


def rounds(
    commands: dict[str, list[str]],
    repeat: int,
    *,
    fewer: dict[str, int] | None = None,
    fresh: Path | None = None,
    accepted: tuple[int, ...] = (0,),
) -> dict[str, Measure]:
    """Run all commands in turn, ``repeat`` times (some ``fewer``), so that what else the machine does falls on all of them.

    The folder ``fresh`` is removed before each run. ``accepted``: the exit codes of runs that end well.
    """
    found = {name: Measure(name) for name in commands}
    for turn in range(repeat):
        for name, command in commands.items():
            if not found[name].said and turn < (fewer or {}).get(name, repeat):
                if fresh is not None:
                    shutil.rmtree(fresh, ignore_errors=True)
                once(found[name], command, accepted=accepted)
    return found


def compile_modules(python: str) -> None:
    """Write the bytecode of what an interpreter has installed, as its first runs would: installers may leave it out."""
    told = "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('purelib'), quiet=2)"
    subprocess.run([python, "-c", told], check=False)


def can_import(python: str, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def apart(module: str, function: str, *arguments: object) -> object:
    """Call a function of a module beside this one in a process of its own: a program inherits the peak memory of its parent."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_called, module, function, arguments).result()


def _called(module: str, function: str, arguments: tuple[object, ...]) -> object:
    return getattr(__import__(module), function)(*arguments)


def machine(python: str) -> str:
    """Say on what, when and with which versions: those of the interpreter that has the peers."""
    told = (
        "import importlib.metadata as m\n"
        "for n in ('geopandas', 'shapely', 'pyarrow', 'pandas', 'numpy', 'duckdb', 'duckdb-extension-spatial', 'sedonadb', 'polars', 'polars-st'):\n"
        " try: print(n, m.version(n), end=', ')\n"
        " except m.PackageNotFoundError: pass"
    )
    versions = subprocess.run([python, "-c", told], capture_output=True, text=True, check=False).stdout
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores{load}"
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {where}, Python {platform.python_version()}; {versions.rstrip(', ')}."
    )
