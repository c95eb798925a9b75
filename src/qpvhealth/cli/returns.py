"""Workbooks to the ARS and back: what to fill, who has answered, what is wrong cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FILE, FOLDER, json_option, release_options, shows_views, year_option
from qpvhealth.cli.output import open_release, print_answer

if TYPE_CHECKING:
    from qpvhealth.cli.options import Decorator
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View

LEVEL = click.Choice(["region", "department"])


def deadline_option(text: str) -> Decorator:
    """Make the option of a day, with the help of its command."""
    day = click.DateTime(["%Y-%m-%d"])
    return click.option("--deadline", type=day, required=True, callback=lambda _c, _o, at: at.date(), help=text)


@main_group.group()
def returns() -> None:
    """Write the workbooks that the ARS fill in, and read them back."""


@returns.command("template")
@click.argument("folder", type=FOLDER)
@deadline_option("Day by which answers are expected (2019-05-31).")
@click.option(
    "--level", type=LEVEL, default="region", show_default=True, help="One workbook per region or département."
)
@year_option
@json_option
@release_options
def template(folder: Path, *, as_json: bool, release_name: str | None, out: Path, **options: Any) -> None:
    """Write into FOLDER one workbook per ARS: its QPV and the structures near them, to be filled in.

    \b
    Example:
      qpvhealth returns template retours --deadline 2019-05-31
    """
    from qpvhealth.studies import fieldwork

    files = [str(path) for path in fieldwork.returns_template(open_release(out, release_name), folder, **options)]
    print_answer({"files": files}, files, as_json=as_json)


@returns.command("read")
@click.argument("paths", metavar="FILES...", nargs=-1, required=True, type=FILE)
@deadline_option("Day by which answers were expected.")
@click.option("--level", type=LEVEL, default="region", show_default=True, help="As for the template.")
@year_option
@click.option("--declarations", "to", type=FILE, help="Write the declarations there, for a card of kind declarations.")
@shows_views
def read(release: Release, **options: Any) -> tuple[View, ...]:
    """Read filled workbooks: who has answered by the deadline, what is wrong cell by cell, and the declarations.

    \b
    Example:
      qpvhealth returns read retours/*.xlsx --deadline 2019-05-31 --declarations vecu-2019.csv
    """
    from qpvhealth.studies import fieldwork

    return fieldwork.returns_read(release, **options)
