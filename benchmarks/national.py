"""The national build against the plain geopandas script an analyst would write instead, in both its forms; and its growth.

Both generations of real perimeters with all their vertices, invented structures. The script reads the same files and does one table
of what the build does: inside and near, per generation.
"""

from __future__ import annotations

import shutil
import sys
from itertools import product
from pathlib import Path

import numpy as np
from measure import Measure, machine, once, rounds
from results import Section, Table, Target

LAST_YEAR = 2024
YEARS, STRUCTURES = 4, 4_000
GROWTH = tuple(product((4_000, 25_000, 100_000), (1, 4, 10, 20)))
MOVING = 200
"""Structures that stand elsewhere each year; the others repeat."""
QUARTERS = {
    "qpv-2015": "neighbourhoods/qpv-2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp",
    "qpv-2024": "neighbourhoods/qpv-2024/qpv-2026-rounded-1584.geojson",
}
POPULATIONS = "population/qpv-2015-population-2013.csv"
ZONING = "zoning/gp-zoning-2025-communes.csv"
CARDS = """
[[source]]
id = "populations"
kind = "populations"
path = "{data}/{populations}"
generation = "qpv-2015"
population_year = 2013
[[source]]
id = "zoning"
kind = "zoning"
path = "{data}/{zoning}"
edition = "2025"
in_force_from = 2020-01-01
"""
STRUCTURES_CARD = """
[[source]]
id = "structures-{year}"
kind = "structures"
path = "structures-{year}.csv"
layout = "dgos-mapped"
year = {year}
reference_date = {year}-03-31
crs = "EPSG:4326"
[source.columns]
finess_et = "finess"
structure_type = "type"
modality = "exercice"
x = "longitude"
y = "latitude"
[source.values.structure_type]
MSP = "MSP"
CDS = "CDS"
[source.values.modality]
pluri = "pluri"
mono = "mono"
"""
PLAIN = """
import sys
import geopandas as gpd
import pandas as pd
out, form, quarters, populations, zoning, *extracts = sys.argv[1:]
populations = pd.read_csv(populations, sep=";", dtype={"qp": str})
zoning = pd.read_csv(zoning, dtype=str)
table = pd.concat([pd.read_csv(e, sep=";", dtype={"finess": str}) for e in extracts], ignore_index=True)
places = gpd.points_from_xy(table["longitude"], table["latitude"])
points = gpd.GeoDataFrame(table, geometry=places, crs=4326).to_crs(2154)
for i, name in enumerate(quarters.split(",")):
    layer = gpd.read_file(name)
    layer["geometry"] = layer.geometry.make_valid()
    layer = layer.to_crs(2154)
    inside = points.sjoin(layer, predicate="within")
    if form == "buffer":
        layer["geometry"] = layer.geometry.buffer(300)
        near = points.sjoin(layer, predicate="within")
    else:
        near = points.sjoin(layer, predicate="dwithin", distance=300)
    points[f"in_{i}"] = points.index.isin(inside.index)
    points[f"near_{i}"] = points.index.isin(near.index)
points.to_parquet(out)
"""


def section(data: Path, python: str, scratch: Path, repeat: int, order: int) -> Section:
    """Time a build and the script on the same files.

    ``data`` holds the real perimeters, populations and zoning, named as in ``QUARTERS`` and ``CARDS``.
    """
    told, raw = machine(python), scratch / "raw"
    extracts = write(data, raw, YEARS, STRUCTURES)
    quarters = ",".join(str(data / path) for path in QUARTERS.values())
    beside = [str(data / POPULATIONS), str(data / ZONING)]
    ours = "qpvhealth, every table"
    releases, caches = scratch / "releases", scratch / "caches"
    kept = "qpvhealth, perimeters kept"
    warm = ["env", f"XDG_CACHE_HOME={caches}", *_build(raw, releases)]
    once(Measure("first"), warm)
    commands = {ours: [*_build(raw, releases), "--no-cache"], kept: warm}
    for form in ("buffer", "dwithin"):
        target = str(scratch / f"{form}.parquet")
        commands[form] = [python, "-c", PLAIN, target, form, quarters, *beside, *map(str, extracts)]
    commands["imports of the build"] = [
        sys.executable,
        "-c",
        "import qpvhealth.cli, qpvhealth.pipeline.building, qpvhealth.publish.release",
    ]
    found = rounds(commands, repeat, fresh=releases)
    columns = ["program", "runs", "wall s", "of the buffer script", "processor s", "of the buffer script", "memory MB"]
    rows = [_row(m, found["buffer"]) for m in found.values()]
    caption = f"{YEARS} years of {STRUCTURES:,} structures, two generations"
    about = (
        "`buffer` and `dwithin` are the plain script in its two forms: it reads the same files and makes one table, inside and near, "
        "per generation. The perimeters have all their vertices. qpvhealth is run as people run it: the command, into a new folder; once without "
        "what earlier builds keep, once with the perimeters that they keep."
    )
    buffer, dwithin = (found[n] for n in ("buffer", "dwithin"))
    targets = []
    for name, build in (("national build", found[ours]), ("national build, perimeters kept", found[kept])):
        targets += [
            Target(f"{name}: wall, of the buffer script", build.wall / buffer.wall, 0.5),
            Target(f"{name}: wall, of the dwithin script", build.wall / dwithin.wall, 1.2),
            Target(f"{name}: memory, of the buffer script", build.memory_mb / buffer.memory_mb, 2.0),
        ]
    return Section("national", order, "National build", about, told, [Table(caption, columns, rows)], targets)


def _build(raw: Path, out: Path) -> list[str]:
    """Return the command that builds a release."""
    return [str(Path(sys.executable).with_name("qpvhealth")), "-q", "build", "--raw", str(raw), "--out", str(out)]


def _row(m: Measure, script: Measure) -> list[str]:
    if not m.walls:
        return [m.name, "0", m.said, "", "", "", ""]
    times = [f"{m.wall:.2f}", f"{m.wall / script.wall:.2f}", f"{m.cpu:.2f}", f"{m.cpu / script.cpu:.2f}"]
    return [m.name, str(m.runs), *times, f"{m.memory_mb:.0f}"]


def growth(data: Path, scratch: Path, order: int) -> Section:
    """Build with more years and more structures a year, once each."""
    told, rows, peak = machine(sys.executable), [], 0.0
    for structures, years in GROWTH:
        raw, out = scratch / f"raw-{structures}-{years}", scratch / "grown"
        write(data, raw, years, structures)
        m = Measure("build")
        once(m, [*_build(raw, out), "--no-cache"])
        taken = [f"{m.wall:.1f}", f"{m.cpu:.1f}", f"{1e6 * m.cpu / (structures * years):.0f}", f"{m.memory_mb:.0f}"]
        rows.append([f"{structures:,}", str(years), *(taken if m.walls else [m.said, "", "", ""])])
        peak = m.memory_mb or float("nan")
        for folder in (raw, out):
            shutil.rmtree(folder, ignore_errors=True)
    columns = ["structures a year", "years", "wall s", "processor s", "processor µs a structure and year", "memory MB"]
    largest = "{:,} structures, {} years".format(*GROWTH[-1])
    targets = [Target(f"national build, {largest}: memory, MB", peak, 1024)]
    about = (
        "The same build with more years and more structures a year; one run each, two generations, every table written."
    )
    return Section("growth", order, "Growth of the build", about, told, [Table("", columns, rows)], targets)


def write(data: Path, raw: Path, n_years: int, n: int) -> list[Path]:
    """Write a raw folder of invented structures and cards; return the extracts."""
    raw.mkdir()
    random = np.random.default_rng(7)
    lon, lat = random.uniform(-1, 7, n), random.uniform(43.5, 50, n)
    kinds = np.where(random.random(n) < 0.5, "MSP;pluri", "CDS;mono")
    cards = [CARDS.format(data=data, populations=POPULATIONS, zoning=ZONING)]
    for generation, path in QUARTERS.items():
        cards.append(
            f'[[source]]\nid = "{generation}"\nkind = "neighbourhoods"\npath = "{data / path}"\ngeneration = "{generation}"\n'
        )
    extracts = []
    for year in range(LAST_YEAR - n_years + 1, LAST_YEAR + 1):
        lon[:MOVING], lat[:MOVING] = random.uniform(-1, 7, MOVING), random.uniform(43.5, 50, MOVING)
        rows = [f"{75_0000000 + k:09d};{kinds[k]};{lon[k]:.6f};{lat[k]:.6f}" for k in range(n)]
        extracts.append(raw / f"structures-{year}.csv")
        extracts[-1].write_text("\n".join(["finess;type;exercice;longitude;latitude", *rows]) + "\n")
        cards.append(STRUCTURES_CARD.format(year=year))
    (raw / "sources.toml").write_text("\n".join(cards))
    return extracts
