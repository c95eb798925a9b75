"""The national build against the plain geopandas script an analyst would write instead, in both its forms; and its growth.

Both generations of real perimeters with all their vertices, invented structures. The script reads the same files and does one table
of what the build does: inside and near, per generation.
"""

from __future__ import annotations

import shutil
import sys
from functools import cache
from pathlib import Path

import numpy as np
from measure import Measure, apart, machine, once, rounds
from results import Section, Table, Target

LAST_YEAR = 2024
YEARS, STRUCTURES = 4, 4_000
GROWTH = ((6_000, 1), (6_000, 4), (6_000, 10), (6_000, 20), (25_000, 1), (25_000, 4))
"""Structures a year, and years."""
MOVING = 200
"""Structures that stand elsewhere each year; the others repeat."""
SHARE_AROUND, SPREAD_DEGREES = 0.3, 0.01
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
out, form, systems, quarters, populations, zoning, *extracts = sys.argv[1:]
edges, own_systems = [-180, -100, -58, -40, 20, 50, 180], [3297, 5490, 2972, 2154, 4471, 2975]
def in_metres(layer):
    if systems == "one":
        return {2154: layer.to_crs(2154)}
    where = pd.cut(layer.bounds["minx"], edges, labels=own_systems)
    return {crs: own.to_crs(crs) for crs, own in layer.groupby(where, observed=True)}
populations = pd.read_csv(populations, sep=";", dtype={"qp": str})
zoning = pd.read_csv(zoning, dtype=str)
table = pd.concat([pd.read_csv(e, sep=";", dtype={"finess": str}) for e in extracts], ignore_index=True)
places = gpd.points_from_xy(table["longitude"], table["latitude"])
table = gpd.GeoDataFrame(table, geometry=places, crs=4326)
points = in_metres(table)
for i, name in enumerate(quarters.split(",")):
    layer = gpd.read_file(name)
    layer["geometry"] = layer.geometry.make_valid()
    inside, near = [], []
    for crs, own in in_metres(layer).items():
        if crs in points:
            inside += [*points[crs].sjoin(own, predicate="within").index]
            if form == "buffer":
                own["geometry"] = own.geometry.buffer(300)
                near += [*points[crs].sjoin(own, predicate="within").index]
            else:
                near += [*points[crs].sjoin(own, predicate="dwithin", distance=300).index]
    table[f"in_{i}"] = table.index.isin(inside)
    table[f"near_{i}"] = table.index.isin(near)
table.to_parquet(out)
"""
FORMS = {"buffer": ("buffer", "own"), "dwithin": ("dwithin", "own"), "dwithin, Lambert 93 alone": ("dwithin", "one")}
"""The script in its forms: how it finds what is near, and whether in the metres of each territory. The last one is wrong overseas."""


def section(data: Path, python: str, scratch: Path, repeat: int, order: int) -> Section:
    """Time a build and the script on the same files.

    ``data`` holds the real perimeters, populations and zoning, named as in ``QUARTERS`` and ``CARDS``.
    """
    told, raw = machine(python), scratch / "raw"
    extracts = write(data, raw, YEARS, STRUCTURES)
    quarters = ",".join(str(data / path) for path in QUARTERS.values())
    beside = [str(data / POPULATIONS), str(data / ZONING)]
    ours = "qpvhealth, every table"
    releases = scratch / "releases"
    once(Measure("first"), _build(raw, releases))
    commands, differ = {ours: _build(raw, releases)}, {}
    for name, form in FORMS.items():
        target = scratch / "plain.parquet"
        commands[name] = [python, "-c", PLAIN, str(target), *form, quarters, *beside, *map(str, extracts)]
        once(Measure(name), commands[name])
        differ[name] = str(apart("sets", "misplaced", target, releases / "current", tuple(QUARTERS), LAST_YEAR, YEARS))
    commands["imports of the build"] = [
        sys.executable,
        "-c",
        "import qpvhealth.cli, qpvhealth.build.stages, qpvhealth.publish.release",
    ]
    found = rounds(commands, repeat, fresh=releases)
    columns = ["program", "runs", "wall s", "of the buffer script", "processor s", "of the buffer script", "memory MB"]
    columns.append("rows that differ")
    rows = [[*_row(m, found["buffer"]), differ.get(name, "")] for name, m in found.items()]
    caption = f"{YEARS} years of {STRUCTURES:,} structures, two generations"
    about = (
        "`buffer` and `dwithin` are the plain script in its two forms: it reads the same files and makes one table, inside and near, "
        "per generation, in the metres of each territory; in Lambert 93 alone it is shorter, and wrong overseas. Its rows are held against "
        "those of the release before anything is timed; a buffer drawn with corners misses points just within 300 m. Three structures in "
        "ten stand around a QPV, overseas too. The perimeters have all their vertices. qpvhealth is run as people run it: the command, in one process, into a new folder."
    )
    buffer, dwithin = (found[n] for n in ("buffer", "dwithin"))
    build = found[ours]
    targets = [
        Target("national build: wall, of the buffer script", build.wall / buffer.wall, 0.75),
        Target("national build: processor, of the dwithin script", build.cpu / dwithin.cpu, 2.3),
        Target("national build: memory, of the buffer script", build.memory_mb / buffer.memory_mb, 2.0),
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
    told, rows, measures = machine(sys.executable), [], {}
    for structures, years in GROWTH:
        raw, out = scratch / f"raw-{structures}-{years}", scratch / "grown"
        write(data, raw, years, structures)
        m = Measure("build")
        once(m, _build(raw, out))
        taken = [f"{m.wall:.1f}", f"{m.cpu:.1f}", f"{1e6 * m.cpu / (structures * years):.0f}", f"{m.memory_mb:.0f}"]
        rows.append([f"{structures:,}", str(years), *(taken if m.walls else [m.said, "", "", ""])])
        measures[structures, years] = m
        for folder in (raw, out):
            shutil.rmtree(folder, ignore_errors=True)
    columns = ["structures a year", "years", "wall s", "processor s", "processor µs a structure and year", "memory MB"]
    few, some, many = (measures[6_000, years] for years in (1, 10, 20))
    targets = [
        Target("national build, 6,000 structures, 20 years: memory, MB", many.memory_mb, 800),
        *(
            Target(f"{measure} a year, from 10 to 20 years, of that from 1 to 10", (c - b) / 10 / ((b - a) / 9), 1.2)
            for measure, a, b, c in (
                ("memory", few.memory_mb, some.memory_mb, many.memory_mb),
                ("processor", few.cpu, some.cpu, many.cpu),
            )
        ),
    ]
    about = (
        "The same build with more years and more structures a year; one run each, two generations, every table written."
    )
    return Section("growth", order, "Growth of the build", about, told, [Table("", columns, rows)], targets)


def write(data: Path, raw: Path, n_years: int, n: int) -> list[Path]:
    """Write a raw folder of invented structures and cards; return the extracts."""
    raw.mkdir()
    random, around = np.random.default_rng(7), _centres(data / QUARTERS["qpv-2015"])
    lon, lat = _drawn(random, n, around)
    kinds = np.where(random.random(n) < 0.5, "MSP;pluri", "CDS;mono")
    cards = [CARDS.format(data=data, populations=POPULATIONS, zoning=ZONING)]
    for generation, path in QUARTERS.items():
        cards.append(
            f'[[source]]\nid = "{generation}"\nkind = "neighbourhoods"\npath = "{data / path}"\ngeneration = "{generation}"\n'
        )
    extracts = []
    for year in range(LAST_YEAR - n_years + 1, LAST_YEAR + 1):
        lon[:MOVING], lat[:MOVING] = _drawn(random, MOVING, around)
        rows = [f"{75_0000000 + k:09d};{kinds[k]};{lon[k]:.6f};{lat[k]:.6f}" for k in range(n)]
        extracts.append(raw / f"structures-{year}.csv")
        extracts[-1].write_text("\n".join(["finess;type;exercice;longitude;latitude", *rows]) + "\n")
        cards.append(STRUCTURES_CARD.format(year=year))
    (raw / "sources.toml").write_text("\n".join(cards))
    return extracts


def _drawn(random: np.random.Generator, n: int, around: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw positions (degrees), ``SHARE_AROUND`` of them around the QPV of any territory, the others over metropolitan France."""
    lon, lat = random.uniform(-1, 7, n), random.uniform(43.5, 50, n)
    some = np.flatnonzero(random.random(n) < SHARE_AROUND)
    centre = around[random.integers(0, len(around), len(some))]
    lon[some], lat[some] = (centre + random.normal(0, SPREAD_DEGREES, centre.shape)).T
    return lon, lat


@cache
def _centres(path: Path) -> np.ndarray:
    return np.array(apart("sets", "centres", path))
