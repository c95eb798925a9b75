"""Build a release while its n-th system step fails or ends the process, or is cut at a random moment. Run as a program.

Arguments: an empty folder to work in, and the tasks as JSON. ``faults``: the steps to try, with faults.c preloaded. ``moments``: kills after so many seconds; ``whole`` of these
interrupt the reading and computing too: elsewhere the tables are computed once, and every step on the disk is real. ``quota``:
disks of every size, by faults.c; ``tmpfs``: real ones; ``largest``: files of every size. Each time, what was published before must be whole, and the next build must succeed and leave nothing behind.
Prints one JSON document, for each task how many steps there are, what each outcome was, and every problem. Exit 77: not possible here.
"""

from __future__ import annotations

import collections
import ctypes
import errno
import json
import mmap
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import qpvhealth
from qpvhealth.build import stages
from qpvhealth.cli import main
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.ingest import inputs
from qpvhealth.publish import manifest, release
from qpvhealth.publish.store import Store

COUNTED, FAILED, KILLED_BEFORE, KILLED_AFTER, FULL = range(5)
ENDLESS = 1 << 40
ERRORS = (errno.EIO, errno.ENOSPC)
TEMPORARY = (".staging-", ".current-")
WRITTEN = ("structures", "neighbourhoods", "structure_neighbourhoods", "extracts", "yearly_counts", "rejects")
"""The tables that are written, two with geometries and one empty: each file is written by the same steps."""
NOT_POSSIBLE = 77
CARDS = """
[[source]]
id = "s"
kind = "structures"
path = "s.csv"
layout = "dgos-mapped"
year = 2020
reference_date = 2020-04-01
[[source]]
id = "q"
kind = "neighbourhoods"
path = "q.geojson"
generation = "qpv-2015"
"""
HEADER = "finess_et,structure_type,commune_code,longitude,latitude\n"
SQUARE = [[[2.30, 48.90], [2.31, 48.90], [2.31, 48.91], [2.30, 48.91], [2.30, 48.90]]]


def raw_folder(folder, n, *, step=0.0):
    """Write a raw folder of one square QPV and n centres from its middle eastwards, a step of longitude apart."""
    folder.mkdir()
    rows = "".join(f"93000000{i},CDS,93901,{2.305 + step * i},48.905\n" for i in range(n))
    feature = {"type": "Feature", "properties": {"code_qp": "QP093901", "nom_qp": "Carré"}}
    feature["geometry"] = {"type": "Polygon", "coordinates": SQUARE}
    (folder / "sources.toml").write_text(CARDS, encoding="utf-8")
    (folder / "s.csv").write_text(HEADER + rows, encoding="utf-8")
    document = {"type": "FeatureCollection", "features": [feature]}
    (folder / "q.geojson").write_text(json.dumps(document), encoding="utf-8")
    return folder


class Bench:
    """Two raw folders and a store that holds the release of the first."""

    def __init__(self, work):
        self.work = work
        before, self.raw = raw_folder(work / "before", 1), raw_folder(work / "raw", 2)
        self.root, self.template = work / "out", work / "template"
        self.said = work / "said.txt"
        self.counter = mmap.mmap(-1, 8)
        self.cells = (ctypes.c_long * 1).from_buffer(self.counter)
        self.problems, self.outcomes = [], collections.Counter()
        self.known = {}
        self.conformed = release.conformed
        inputs.code_digest(), inputs.versions()  # once, for every process
        assert self.run(before, root=self.template, whole=True) == 0, self.said.read_text(encoding="utf-8")
        self.old = Store(self.template).current().name
        for folder in (before, self.raw):
            tables = qpvhealth.build(folder)
            self.known[folder] = tables, self.written(tables, PUBLISHED)
        self.reset()
        assert self.run(self.raw) == 0, self.said.read_text(encoding="utf-8")
        self.new = Store(self.root).current().name
        assert self.new != self.old

    def written(self, *tables):
        return {name: rows for name, rows in self.conformed(*tables).items() if name in WRITTEN}

    def reset(self):
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.template, self.root, symlinks=True)

    def run(self, folder, *, root=None, whole=False, arm=None, seconds=None, largest=None):
        """Build in a process of its own; return its exit code, or minus the signal that ended it."""
        process = os.fork()
        if process == 0:
            self._child(folder, root or self.root, whole, arm, largest)
        if seconds is not None:
            time.sleep(seconds)
            os.kill(process, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    def _child(self, folder, root, whole, arm, largest):
        told = self.said if largest is None else os.devnull
        out = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        release.conformed = self.written
        if not whole:
            tables, conformed = self.known[folder]
            stages.run = lambda *_, **__: tables
            release.conformed = lambda *_: conformed
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        if arm:
            self.cells[0] = 0
            address = ctypes.byref(self.cells)
            ctypes.CDLL(None).faults_arm(
                str(root).encode(), address, ctypes.c_long(arm[0]), ctypes.c_int(arm[1]), ctypes.c_int(arm[2])
            )
        main(["-q", "build", "--raw", str(folder), "--out", str(root), "--force"])

    def hold(self, code, what):
        """Check what is left after a build that ended with this code, and that the next one mends everything."""
        store = Store(self.root)
        current = store.current()
        self.outcomes[code] += 1
        allowed = {0: {self.new}, 4: {self.old}, -signal.SIGKILL: {self.old, self.new}}
        if code not in allowed:
            self.problems.append(f"{what}: exit {code}: {self.said.read_text(encoding='utf-8')[-400:]}")
        if current is None or current.name not in allowed.get(code, {self.old, self.new}):
            self.problems.append(f"{what}: exit {code}, but {current} is current")
        for folder in {store.folder / self.old, current} - {None}:
            self.problems += [f"{what}: {folder.name}: {p}" for p in manifest.verify(folder)]
        again = self.run(self.raw)
        if again != 0:
            self.problems.append(
                f"{what}: the next build exits {again}: {self.said.read_text(encoding='utf-8')[-400:]}"
            )
        if (found := store.current()) is None or found.name != self.new:
            self.problems.append(f"{what}: after the next build {found} is current")
        for name in store.releases():
            self.problems += [f"{what}: next: {name}: {p}" for p in manifest.verify(store.folder / name)]
        left = [p.name for p in [*self.root.iterdir(), *store.folder.iterdir()] if p.name.startswith(TEMPORARY)]
        if left or sorted(store.releases()) != sorted([self.old, self.new]):
            self.problems.append(f"{what}: left behind: {left}, releases {store.releases()}")

    def steps(self):
        """Count the steps of a build that nothing disturbs."""
        self.reset()
        assert self.run(self.raw, arm=(-1, COUNTED, 0)) == 0
        return self.cells[0]

    def fault(self, n, action, error):
        self.reset()
        self.hold(self.run(self.raw, arm=(n, action, error)), f"step {n} action {action} error {error}")

    def moment(self, seconds, *, whole):
        self.reset()
        self.hold(self.run(self.raw, whole=whole, seconds=seconds), f"killed after {seconds:.3f} s")


def faults(bench, task):
    """Try every ``stride``-th step: fail or kill in turn, so that neighbours meet every way to end."""
    n = bench.steps()
    ways = [(FAILED, e) for e in ERRORS] + [(KILLED_BEFORE, 0), (KILLED_AFTER, 0)]
    started, tried = time.monotonic(), 0
    for step in range(1 + task["seed"] % task["stride"], n + 1, task["stride"]):
        bench.fault(step, *ways[(tried + task["seed"]) % len(ways)])
        tried += 1
        if time.monotonic() - started > task["seconds"]:
            break
    return {"steps": n, "tried": tried, "last": step}


def moments(bench, task):
    """Kill at moments spread over the whole of a build, and a little beyond its end."""
    spread = random.Random(task["seed"])  # noqa: S311 -- moments, not secrets
    tried = {"whole": 0, "publishing": 0}
    started = time.monotonic()
    for kind, whole in (("whole", True), ("publishing", False)):
        bench.reset()
        begun = time.monotonic()
        assert bench.run(bench.raw, whole=whole) == 0
        lasts = time.monotonic() - begun
        for _ in range(task[kind]):
            bench.moment(spread.uniform(0, 1.1 * lasts), whole=whole)
            tried[kind] += 1
            if time.monotonic() - started > task["seconds"]:
                break
    return tried


def quota(bench, task):
    """Give the build disks of every size, from nothing to enough."""
    bench.reset()
    assert bench.run(bench.raw, arm=(ENDLESS, FULL, errno.ENOSPC)) == 0
    enough = bench.cells[0]
    sizes = sorted({round(enough * i / task["sizes"]) for i in range(task["sizes"] + 1)} | {enough - 1})
    for size in sizes:
        bench.reset()
        bench.hold(bench.run(bench.raw, arm=(size, FULL, errno.ENOSPC)), f"a disk of {size} bytes")
    assert bench.outcomes[0] >= 1
    return {"enough": enough, "tried": len(sizes)}


def largest(bench, task):
    """Let no file grow beyond a size, from nothing to enough."""
    enough = max(p.stat().st_size for p in (bench.root / "releases" / bench.new).iterdir())
    sizes = [round(enough * i / task["sizes"]) for i in range(task["sizes"] + 1)]
    for size in sizes:
        bench.reset()
        bench.hold(bench.run(bench.raw, largest=size), f"files of {size} bytes")
    return {"enough": enough, "tried": len(sizes)}


def tmpfs(bench, task):
    """Publish on a file system that is full after so many pages."""
    place = bench.work / "full"
    place.mkdir()
    page, held = resource.getpagesize(), 0
    for pages in range(0, 100_000, task["pages"]):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], check=True)
        bench.root = place / "out"
        bench.reset()
        taken = os.statvfs(place).f_blocks - os.statvfs(place).f_bfree
        subprocess.run(["mount", "-o", f"remount,size={(taken + pages) * page}", place], check=True)
        code = bench.run(bench.raw)
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        bench.hold(code, f"{pages} pages free")
        subprocess.run(["umount", place], check=True)
        held += 1
        if code == 0:
            break
    return {"pages": pages, "tried": held}


TASKS = {t.__name__: t for t in (faults, moments, quota, largest, tmpfs)}
PRELOADED = (faults, quota)


def prepared(work, task):
    """Start this program again with faults.c preloaded, or where file systems may be mounted."""
    if task in PRELOADED and "faults.so" not in os.environ.get("LD_PRELOAD", ""):
        compiler = shutil.which("cc") or shutil.which("gcc")
        library, source = work / "faults.so", Path(__file__).with_name("faults.c")
        if sys.platform != "linux" or compiler is None:
            sys.exit(NOT_POSSIBLE)
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"LD_PRELOAD": str(library)})  # noqa: S606
    if task is tmpfs and "MOUNTS" not in os.environ:
        alone = [shutil.which("unshare") or "unshare", "-rm"]
        mount = [*alone, "mount", "-t", "tmpfs", "tmpfs", work]
        if shutil.which("unshare") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
            sys.exit(NOT_POSSIBLE)
        os.execve(alone[0], [*alone, sys.executable, *sys.argv], os.environ | {"MOUNTS": "yes"})  # noqa: S606


if __name__ == "__main__":
    place, asked = Path(sys.argv[1]).resolve(), json.loads(sys.argv[2])
    for task in asked:
        prepared(place, TASKS[task["task"]])
    bench = Bench(place)
    told = []
    for task in asked:
        bench.outcomes, bench.problems = collections.Counter(), []
        done = TASKS[task["task"]](bench, task)
        told.append(done | {"outcomes": dict(bench.outcomes), "problems": bench.problems})
    sys.stdout.write(json.dumps(told))
