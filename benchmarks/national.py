"""The national build against the plain geopandas script an analyst would write instead, in both its forms.

Both generations of real perimeters, invented structures: 4,000 a year over four years. The script does one table of what the
build does: inside and near, per generation.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

YEARS = (2021, 2022, 2023, 2024)
STRUCTURES = 4_000
QUARTERS = {
    "qpv-2015": "neighbourhoods/qpv-2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp",
    "qpv-2024": "neighbourhoods/qpv-2024/qpv-2024-simplified-1609.geojson",
}
CARDS = """
[[source]]
id = "populations"
kind = "populations"
path = "{data}/population/qpv-2015-population-2013.csv"
generation = "qpv-2015"
population_year = 2013
[[source]]
id = "zoning"
kind = "zoning"
path = "{data}/zoning/gp-zoning-2025-communes.csv"
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
OURS = """
import sys
from pathlib import Path
import qpvhealth
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.publish import manifest, release
built = qpvhealth.build(sys.argv[1])
facts = manifest.Facts(fingerprint="benchmark", invented=False, inputs=built.inputs)
release.write(Path(sys.argv[2]), built, PUBLISHED, facts)
"""
PLAIN = """
import sys
import geopandas as gpd
import pandas as pd
out, form, quarters, *extracts = sys.argv[1:]
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


def compare(data: Path, python: str, rounds: Callable[..., Any], scratch: Path, repeat: int) -> list[str]:
    """Time a build and the script on the same files; return lines of Markdown.

    ``data`` holds the real perimeters, populations and zoning, named as in ``QUARTERS`` and ``CARDS``.
    """
    raw = scratch / "raw"
    extracts = _write(data, raw)
    quarters = ",".join(str(data / path) for path in QUARTERS.values())
    commands = {"qpvhealth, every table": [sys.executable, "-c", OURS, str(raw), str(scratch / "release")]}
    for form in ("buffer", "dwithin"):
        target = str(scratch / f"{form}.parquet")
        commands[f"plain script, {form}"] = [python, "-c", PLAIN, target, form, quarters, *map(str, extracts)]
    found = rounds(commands, repeat)
    lines = [
        f"## National build: {len(YEARS)} years of {STRUCTURES:,} structures, two generations",
        "",
        "| program | wall s (median) | processor s | memory MB |",
        "| --- | ---: | ---: | ---: |",
    ]
    rows = [f"| {m.name} | {m.said or f'{m.wall:.1f}'} | {m.cpu:.1f} | {m.memory_mb:.0f} |" for m in found.values()]
    return [*lines, *rows, ""]


def _write(data: Path, raw: Path) -> list[Path]:
    """Write a raw folder of invented structures and cards; return the extracts."""
    raw.mkdir()
    random = np.random.default_rng(7)
    lon, lat = random.uniform(-1, 7, STRUCTURES), random.uniform(43.5, 50, STRUCTURES)
    kinds = np.where(random.random(STRUCTURES) < 0.5, "MSP;pluri", "CDS;mono")
    cards = [CARDS.format(data=data)]
    for generation, path in QUARTERS.items():
        cards.append(
            f'[[source]]\nid = "{generation}"\nkind = "neighbourhoods"\npath = "{data / path}"\ngeneration = "{generation}"\n'
        )
    extracts = []
    for year in YEARS:
        lon[:200], lat[:200] = random.uniform(-1, 7, 200), random.uniform(43.5, 50, 200)
        rows = [f"75{k:07d};{kinds[k]};{lon[k]:.6f};{lat[k]:.6f}" for k in range(STRUCTURES)]
        extracts.append(raw / f"structures-{year}.csv")
        extracts[-1].write_text("\n".join(["finess;type;exercice;longitude;latitude", *rows]) + "\n")
        cards.append(STRUCTURES_CARD.format(year=year))
    (raw / "sources.toml").write_text("\n".join(cards))
    return extracts
