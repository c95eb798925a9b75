"""The time to the first word: help, version and completion against an import of click; a build that has nothing to do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from measure import Measure, machine, once, rounds
from results import Section, Table, Target

COMPLETE = ["env", "_QPVHEALTH_COMPLETE=bash_complete", "COMP_WORDS=qpvhealth bu", "COMP_CWORD=1"]


def section(raw: Path, scratch: Path, repeat: int, order: int) -> Section:
    """Time short commands, and a second build of ``raw``."""
    told, python = machine(sys.executable), sys.executable
    program = Path(python).with_name("qpvhealth")
    commands = {
        "import click": [python, "-c", "import click"],
        **{f"qpvhealth {o}": [str(program), o] for o in ("--help", "--version")},
        "qpvhealth, completion": [*COMPLETE, str(program)],
    }
    found = rounds(commands, repeat)
    build = [str(program), "-q", "build", "--raw", str(raw), "--out", str(scratch / "started")]
    once(Measure("first"), build)
    found |= rounds({"build, nothing changed": build}, min(repeat, 5))
    base = found["import click"].wall
    rows = [[m.name, str(m.runs), m.said or f"{m.wall:.3f}", f"{m.wall / base:.2f}"] for m in found.values()]
    table = Table("", ["command", "runs", "wall s", "of `import click`"], rows)
    targets = [
        Target(f"{n}: wall, of `import click`", found[n].wall / base, 1.5) for n in commands if n != "import click"
    ]
    targets.append(Target("build, nothing changed: wall, s", found["build, nothing changed"].wall, 1.0))
    about = "Each run is a new process. The second build of the national set says that nothing has changed."
    return Section("start", order, "Start", about, told, [table], targets)


if os.name == "nt":
    raise SystemExit("the benchmarks measure memory as Linux and macOS do")
