"""Every benchmark, side by side: answers are compared before times, sections are kept as data, RESULTS.md is made of them.

python benchmarks/run.py --neighbourhoods QPV.shp --data FOLDER --peers PYTHON [--only SECTION …]

``--peers`` is a Python that has duckdb (with its spatial extension), sedonadb, geopandas, polars-st; what it lacks is skipped, in words.
``--only page`` writes RESULTS.md anew from what is kept.
"""

from __future__ import annotations

import argparse
import compileall
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import instructions  # noqa: E402 -- beside this file
import locating  # noqa: E402
import measure  # noqa: E402
import national  # noqa: E402
import opening  # noqa: E402
import results  # noqa: E402
import starting  # noqa: E402
import tables  # noqa: E402

SECTIONS = (
    *("national", "start", "tables", "instructions"),
    *(f"locate-{s}" for s in (*locating.SETS, "small", "wide")),
    *("growth", "report"),
)
START_RUNS = 15


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neighbourhoods", type=Path, required=True, help="a file of QPV, overseas ones included")
    parser.add_argument("--data", type=Path, required=True, help="the folder of real files, for the national build")
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the peers")
    parser.add_argument("--only", nargs="*", default=SECTIONS, choices=(*SECTIONS, "page"))
    parser.add_argument("--points", type=int, default=25_000_000, help="for the clustered set")
    parser.add_argument("--points-of-others", type=int, default=2_000_000, help="for the other sets")
    parser.add_argument("--repeat", type=int, default=5, help="peers other than the reference run once")
    parser.add_argument(
        "--before", type=Path, help="the source of an earlier version, beside which clustered points are located"
    )
    parser.add_argument("--scratch", type=Path, help="where point files are written: several GB")
    return parser.parse_args()


def measured(name: str, options: argparse.Namespace, scratch: Path) -> results.Section | None:
    """Run one section; nothing where what it measures is not installed."""
    order, data = SECTIONS.index(name), options.data
    if name.startswith("locate-"):
        return located(name.removeprefix("locate-"), options, scratch, order)
    if name in ("start", "report"):
        national.write(data, scratch / "raw", national.YEARS, national.STRUCTURES)
    sections = {
        "national": lambda: national.section(data, options.peers, scratch, options.repeat, order),
        "start": lambda: starting.section(scratch / "raw", scratch, START_RUNS, order),
        "tables": lambda: tables.section(data, options.peers, scratch, options.repeat, order),
        "instructions": lambda: instructions.section(options.neighbourhoods, scratch, order),
        "report": lambda: opening.section(scratch / "raw", scratch, options.repeat, order),
        "growth": lambda: national.growth(data, scratch, order),
    }
    return sections[name]()


def located(which: str, options: argparse.Namespace, scratch: Path, order: int) -> results.Section:
    """Run a section of ``locate``: a set of points, small files, or wide rows."""
    large = which == "clustered"
    n, before = (options.points, options.before) if large else (options.points_of_others, None)
    able, missing = locating.ready(options.peers)
    task = locating.Task(which, n, options.repeat, able, options.peers, options.neighbourhoods, scratch, before)
    if which in ("small", "wide"):
        return locating.small(task, order) if which == "small" else locating.wide(task, order)
    return locating.section(task, missing, order)


def main() -> None:
    options = parsed()
    options.neighbourhoods, options.data = options.neighbourhoods.resolve(), options.data.resolve()
    compileall.compile_dir(HERE.parent / "src", quiet=2)
    for python in {sys.executable, options.peers}:
        measure.compile_modules(python)
    for name in (n for n in SECTIONS if n in options.only):
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            section = measured(name, options, Path(folder))
        if section is None:
            continue
        results.keep(section)
        for table in section.tables:
            print("\n".join(["", *results.markdown(table)]))
        print(f"\n{name}: {time.perf_counter() - started:.0f} s", flush=True)
    results.PAGE.write_text(results.page(results.kept()), encoding="utf-8")
    print(f"written: {results.PAGE}")


if __name__ == "__main__":
    main()
