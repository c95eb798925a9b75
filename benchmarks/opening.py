"""The time until report.html is open and its map is drawn, in a headless browser, where one is installed."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measure import Measure, machine, once
from results import Section, Table, Target

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests import browser

LOADED = "performance.timing.loadEventEnd - performance.timing.navigationStart"
DRAWN = "performance.getEntriesByName('live-map')[0]?.startTime"
SIZES = ((1440, 900), (360, 780))


def section(raw: Path, scratch: Path, repeat: int, order: int) -> Section | None:
    """Open the report of a national build at the size of a laptop and of a phone; nothing where there is no browser."""
    if (name := browser.program()) is None:
        print(f"report: no browser here ({', '.join(browser.PROGRAMS)})")
        return None
    program = str(Path(sys.executable).with_name("qpvhealth"))
    out, folder = scratch / "opened", scratch / "report"
    made = Measure("report, html alone")
    once(Measure("build"), [program, "-q", "build", "--raw", str(raw), "--out", str(out)])
    once(made, [program, "-q", "report", "--out", str(out), "--to", str(folder), "--format", "html"])
    page = folder / "report.html"
    rows, slowest = [], 0.0
    for width, height in SIZES:
        loaded, drawn = zip(*(_opened(name, page, width, height) for _ in range(repeat)), strict=True)
        slowest = max(slowest, statistics.median(drawn))
        times = (f"{statistics.median(t):.2f}" for t in (loaded, drawn))
        rows.append([f"{width} × {height}", str(repeat), *times])  # noqa: RUF001 -- pixels
    size_mb = page.stat().st_size / 1e6
    about = (
        f"report.html of the national set ({size_mb:.1f} MB, written in {made.wall:.1f} s with its release read): each run is a new "
        "browser without a cache."
    )
    table = Table(
        "", ["window", "runs", "map drawn after, s", "page loaded after, s"], [[*r[:2], r[3], r[2]] for r in rows]
    )
    targets = [
        Target("report.html of the national set: MB", size_mb, 6.0),
        Target("report.html: map drawn after, s", slowest, 1.4),
    ]
    return Section("report", order, "Opening the report", about, machine(sys.executable), [table], targets)


def _opened(name: str, path: Path, width: int, height: int) -> tuple[float, float]:
    """Return the seconds until a page has loaded, and until its map is drawn."""
    profile = tempfile.mkdtemp()
    try:
        with browser.opened(name, profile) as page:
            page.open(path, width, height)
            drawn = page.wait(DRAWN)
            return page.wait(LOADED + " > 0 && (" + LOADED + ")") / 1000, drawn / 1000
    finally:
        shutil.rmtree(profile, ignore_errors=True)
