"""Workbooks to the ARS and back: what to fill, who has answered, what is wrong cell by cell."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FILE, FOLDER, json_option, release_options, shows_views, year_option
from qpvhealth.cli.output import open_release, print_answer

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View

DAY = click.DateTime(["%Y-%m-%d"])
LEVEL = click.Choice(["region", "department"])


@main_group.group()
def returns() -> None:
    """Write the workbooks that the ARS fill in, and read them back."""


@returns.command("template")
@click.argument("folder", type=FOLDER)
@click.option("--deadline", type=DAY, required=True, help="Day by which answers are expected (2019-05-31).")
@click.option(
    "--level", type=LEVEL, default="region", show_default=True, help="One workbook per region or département."
)
@year_option
@json_option
@release_options
def template(
    *,
    folder: Path,
    deadline: datetime,
    level: str,
    year: int | None,
    as_json: bool,
    release_name: str | None,
    out: Path,
) -> None:
    """Write into FOLDER one workbook per ARS: its QPV and the structures near them, to be filled in.

    \b
    Example:
      qpvhealth returns template retours --deadline 2019-05-31
    """
    from qpvhealth.studies import fieldwork

    release = open_release(out, release_name)
    written = fieldwork.returns_template(release, folder, level=level, deadline=deadline.date(), year=year)
    files = [str(path) for path in written]
    print_answer({"files": files}, files, as_json=as_json)


@returns.command("read")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--deadline", type=DAY, required=True, help="Day by which answers were expected.")
@click.option("--level", type=LEVEL, default="region", show_default=True, help="As for the template.")
@year_option
@click.option("--declarations", type=FILE, help="Write the declarations there, for a card of kind declarations.")
@shows_views
def read(
    release: Release,
    *,
    files: tuple[Path, ...],
    deadline: datetime,
    level: str,
    year: int | None,
    declarations: Path | None,
) -> tuple[View, ...]:
    """Read filled workbooks: who has answered by the deadline, what is wrong cell by cell, and the declarations.

    \b
    Example:
      qpvhealth returns read retours/*.xlsx --deadline 2019-05-31 --declarations vecu-2019.csv
    """
    from qpvhealth.studies import fieldwork

    day = deadline.date()
    return fieldwork.returns_read(release, list(files), deadline=day, level=level, year=year, to=declarations)
