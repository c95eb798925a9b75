"""A guard that no load of a machine moves: how many instructions commands take, counted by valgrind, beside those recorded.

python benchmarks/instructions.py --neighbourhoods QPV.shp

exits 1 where one takes ``MOST`` of what is recorded in results/instructions.json, or more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from locating import OURS
from measure import apart, machine
from results import STORE, Section, Table

POINTS = 10_000
MOST = 1.05
NAME, COMMAND, COUNT = "instructions", "command", "instructions, millions"


def counted(neighbourhoods: Path, scratch: Path) -> dict[str, int]:
    """Return the instructions of `--help`, of `counts` on the invented France, and of a cold `locate` of few points."""
    program = str(Path(sys.executable).with_name("qpvhealth"))
    raw, out, points = scratch / "raw", scratch / "out", scratch / "points.parquet"
    subprocess.run([program, "-q", "sample", str(raw)], check=True)
    subprocess.run([program, "-q", "build", "--raw", str(raw), "--out", str(out)], check=True, capture_output=True)
    crs = str(apart("sets", "write", "uniform", POINTS, neighbourhoods, scratch / "codes.parquet", points))
    located = [sys.executable, "-c", OURS, str(points), str(neighbourhoods), str(scratch / "o.parquet"), "", crs, ""]
    commands = {
        "qpvhealth --help": [sys.executable, program, "--help"],
        "qpvhealth counts": [sys.executable, program, "counts", "--release", str(out)],
        f"locate, {POINTS:,} points, cold": located,
    }
    return {name: _instructions(command, scratch) for name, command in commands.items()}


def _instructions(command: list[str], scratch: Path) -> int:
    valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={scratch / 'callgrind'}"]
    fixed = os.environ | {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    run = subprocess.run([*valgrind, *command], capture_output=True, text=True, check=True, env=fixed)
    return int(re.findall(r"Collected : (\d+)", run.stderr)[-1])


def section(neighbourhoods: Path, scratch: Path, order: int) -> Section:
    """Count, for the record."""
    where = machine(sys.executable)
    rows = [[name, f"{n / 1e6:,.1f}"] for name, n in counted(neighbourhoods, scratch).items()]
    about = (
        "Counted by valgrind (callgrind), of all threads: the same on a loaded machine. `python benchmarks/instructions.py` counts again,"
        f" and exits 1 where a command takes {MOST} of this or more."
    )
    return Section(NAME, order, "Instructions", about, where, [Table("", [COMMAND, COUNT], rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neighbourhoods", type=Path, required=True)
    neighbourhoods = parser.parse_args().neighbourhoods.resolve()
    recorded = json.loads((STORE / f"{NAME}.json").read_text("utf-8"))["tables"][0]["rows"]
    before = {name: 1e6 * float(n.replace(",", "")) for name, n in recorded}
    with tempfile.TemporaryDirectory() as folder:
        now = counted(neighbourhoods, Path(folder))
    for name, n in now.items():
        print(f"{name}: {n / 1e6:,.1f} millions, {n / before[name]:.3f} of the record")
    sys.exit(any(n >= MOST * before[name] for name, n in now.items()))


if __name__ == "__main__":
    main()
