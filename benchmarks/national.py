"""The national build against the plain geopandas script an analyst would write instead, in both its forms."""

from __future__ import annotations

import sys
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OURS = """
import sys
from pathlib import Path
from qpvhealth.cli import main
main(["build", "--raw", sys.argv[1], "--out", sys.argv[2]])
"""
PLAIN = """
import sys
import geopandas as gpd
import pandas as pd
structures, out, form, *quarters = sys.argv[1:]
read = pd.read_csv if structures.endswith(".csv") else pd.read_excel
table = read(structures)
x, y = (next(c for c in table.columns if c.lower() in names) for names in (
    ("longitude", "lon", "x"), ("latitude", "lat", "y")))
points = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table[x], table[y]), crs=4326).to_crs(2154)
for i, name in enumerate(quarters):
    layer = gpd.read_file(name).to_crs(2154)
    layer["geometry"] = layer.geometry.make_valid()
    inside = points.sjoin(layer, predicate="within")
    if form == "buffer":
        layer["geometry"] = layer.geometry.buffer(300)
        near = points.sjoin(layer, predicate="within")
    else:
        near = points.sjoin(layer, predicate="dwithin", distance=300)
    points[f"in_{i}"] = points.index.isin(inside.index)
    points[f"near_{i}"] = points.index.isin(near.index)
points.drop(columns="geometry").astype("str").to_parquet(out)
"""


def compare(raw: Path, python: str, rounds: Callable[..., Any], scratch: Path, repeat: int) -> list[str]:
    """Time a build of a raw folder, and the script on one of its extracts per year; return lines of Markdown."""
    cards = tomllib.loads((raw / "sources.toml").read_text("utf-8"))["source"]
    quarters = [str(raw / c["path"]) for c in cards if c["kind"] == "neighbourhoods"]
    extract = next((str(raw / c["path"]) for c in cards if c["kind"] == "structures"), None)
    commands = {"qpvhealth build": [sys.executable, "-c", OURS, str(raw), str(scratch / "release")]}
    for form in ("buffer", "dwithin"):
        target = str(scratch / f"{form}.parquet")
        commands[f"plain script, {form}"] = [python, "-c", PLAIN, str(extract), target, form, *quarters]
    found = rounds(commands, repeat)
    lines = [
        "## National build",
        "",
        "| program | wall s (median) | processor s | memory MB |",
        "| --- | ---: | ---: | ---: |",
    ]
    rows = [f"| {m.name} | {m.said or f'{m.wall:.1f}'} | {m.cpu:.1f} | {m.memory_mb:.0f} |" for m in found.values()]
    return [*lines, *rows, ""]
