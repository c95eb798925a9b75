"""Points by the million: the QPV of each, and the nearest around it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import json_option
from qpvhealth.cli.output import FINDINGS, logger, print_answer, row_bar


@main_group.command()
@click.argument("points", type=click.Path(path_type=Path))
@click.option(
    "--neighbourhoods",
    type=click.Path(path_type=Path),
    required=True,
    help="QPV polygons: shapefile, GeoJSON, GeoPackage, GeoParquet.",
)
@click.option(
    "--distance", "distance_m", type=float, required=True, metavar="M", help="How far around a QPV is near, in metres."
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Parquet or CSV file to write (a folder with dask)."
)
@click.option("--x", metavar="COLUMN", help="Column of the easting or longitude. Default: the geometry, else lon/lat.")
@click.option("--y", metavar="COLUMN", help="Column of the northing or latitude.")
@click.option("--crs", metavar="EPSG:N", help="System of the coordinates. Default: what the file says, else WGS84.")
@click.option("--layer", metavar="NAME", help="Layer of the QPV polygons, where the file has several.")
@click.option(
    "--code-column", metavar="COLUMN", help="Column of the QPV codes. Default: recognised by its name or its codes."
)
@click.option(
    "--encoding", metavar="NAME", help="Encoding of the texts of a shapefile. Default: what it says, else a guess."
)
@click.option("--neighbourhoods-crs", metavar="EPSG:N", help="System of the QPV polygons. Default: what the file says.")
@click.option("--with-distance", is_flag=True, help="Also write distance_m, null beyond the distance.")
@click.option(
    "--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="Where to compute."
)
@click.option("--scheduler", metavar="ADDRESS", help="Address of a Dask scheduler.")
@click.option("--no-cache", is_flag=True, help="Do not keep the polygons, read and repaired, for the next run.")
@json_option
def locate(points: Path, neighbourhoods: Path, out: Path, *, no_cache: bool, as_json: bool, **options: Any) -> None:
    """Write POINTS with the QPV that covers each (qpv_code) and the nearest within the distance (near_qpv_code).

    The same rows, in the same order, with the same columns first; Parquet (a file, or a folder of them), GeoParquet or CSV. Border
    included; the territory follows from the position. All or nothing: no half file is left. Exit code 1 when no point lies in a French
    territory.

    \b
    Example:
      qpvhealth locate addresses.parquet --neighbourhoods qpv.geojson --distance 300 --out located.parquet
    """
    from qpvhealth.locate import locate_file, polygon_cache

    cache = None if no_cache else polygon_cache.folder()
    with row_bar() as show_rows:
        summary = locate_file(points, neighbourhoods, out, cache=cache, progress=show_rows, **options)
    for note in summary.notes:
        logger().warning("%s", note)
    counts = summary.counts._asdict()
    document = {"counts": counts, "neighbourhoods": summary.n_neighbourhoods, "index": summary.index}
    document |= {"notes": list(summary.notes), "shift": None if summary.shift is None else summary.shift._asdict()}
    words = ", ".join(f"{n:,} {name.removeprefix('n_').replace('_', ' ')}" for name, n in counts.items())
    line = f"{out}: {words} ({summary.seconds:.1f} s, index {summary.index})"
    print_answer({"out": str(out)} | document, [line], as_json=as_json)
    if summary.is_outside:
        logger().warning(
            "%s: no point lies in a French territory: are the axes exchanged (--x is the easting or longitude, --y the northing or"
            " latitude), or is it another system (--crs)?",
            points.name,
        )
        sys.exit(FINDINGS)
