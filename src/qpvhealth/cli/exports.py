"""Tables and lists of a release for other tools."""

from __future__ import annotations

from pathlib import Path

import click

from qpvhealth.cli.figures import LISTS
from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FILE, json_option, release_options
from qpvhealth.cli.output import open_release, print_answer

NAMED = tuple(name for name in LISTS if name != "counted")
"""The lists that need no figure to be named: ``list counted --to`` writes the rows of one."""


@main_group.command()
@click.argument("name")
@click.option(
    "--format", "fmt", type=click.Choice(["gpkg", "geojson", "csv", "xlsx"]), help="Default: what --to ends with."
)
@click.option("--to", type=FILE, help="File to write. Default: NAME and the format, in this folder.")
@release_options
@json_option
def export(name: str, *, fmt: str | None, to: Path | None, release_name: str | None, out: Path, as_json: bool) -> None:
    """Write the table or list NAME with its shapes, for a GIS, a spreadsheet or a program: all of it, or nothing.

    Shapes are in EPSG:4326; dates, booleans and numbers keep their types; a GeoPackage holds the colours in which QGIS opens it. A table
    that names structures or QPV takes their shapes.

    \b
    Examples:
      qpvhealth export structure_locations --format gpkg
      qpvhealth export neighbourhood_coverage --to couverture.geojson
      qpvhealth export fragile --to fragiles.csv
    """
    from qpvhealth.errors import UsageError
    from qpvhealth.publish import export as exports, listings, selection

    form = fmt or (to.suffix.lower().removeprefix(".") if to is not None else "gpkg")
    if form not in exports.FORMATS:
        raise UsageError(f'{to}: no format "{form}"; name one with --format {"|".join(exports.FORMATS)}')
    path = to or Path(f"{name}.{form}")
    release = open_release(out, release_name)
    if name in release.tables:
        frame = release.table(name)
        titles = selection.titles(name, list(frame.columns))
    elif name in NAMED:
        view = listings.lists(release, name, selection.Filters())
        frame, titles = view.frame, view.titles
    else:
        raise UsageError(f'no table or list "{name}"; tables: {", ".join(release.tables)}; lists: {", ".join(NAMED)}')
    shaped = exports.with_shapes(release, frame)
    exports.save(path, name, shaped, titles, fmt=form, invented=release.invented)
    document = {"to": str(path), "format": form, "rows": len(shaped), "has_shapes": exports.GEOMETRY in shaped}
    print_answer(document, [f"{path}: {len(shaped):,} rows"], as_json=as_json)
