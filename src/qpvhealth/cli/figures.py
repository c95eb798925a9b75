"""Commands that show figures: counts, lists, the data dictionary, the installation."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import filter_options, json_option, settings_option, shows_views
from qpvhealth.cli.output import print_answer, settings_of
from qpvhealth.rules.levels import HEADLINE, LEVELS

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View

OWN_LEVEL = "Default: that of --region or --department, else country."
LISTS = ("uncovered", "fragile", "disagreements", "others", "rejects")


@main_group.command()
@click.option("--level", type=click.Choice([*LEVELS]), help=f"Areas to count by. {OWN_LEVEL}")
@click.option("--other-types", is_flag=True, help="Count the types beyond MSP and CdS instead, each on its own.")
@filter_options
@shows_views
def counts(release: Release, *, level: str | None, other_types: bool, **filters: Any) -> View:
    """Show the table of the progress report: structures in and near QPV, by year and type.

    \b
    Examples:
      qpvhealth counts
      qpvhealth counts --level region --year 2019 --format xlsx --to vecu-2019.xlsx
    """
    from qpvhealth.publish import selection, views

    count = views.other_counts if other_types else views.counts
    return count(release, level, selection.Filters(**filters))


@main_group.command()
@click.option("--level", type=click.Choice([*HEADLINE]), help=f"Areas to show. {OWN_LEVEL}")
@filter_options
@shows_views
def coverage(release: Release, *, level: str | None, **filters: Any) -> View:
    """Show how many QPV have no structure, who lives there, and how many are large, in the NPNRU, in ZIP or ZAC.

    \b
    Examples:
      qpvhealth coverage --year 2020
      qpvhealth coverage --region 53
    """
    from qpvhealth.indicators.declarations import QPV
    from qpvhealth.publish import selection, views

    words = {i.name: i.words_fr for i in QPV if i.in_table}
    return views.coverage(release, level, selection.Filters(**filters), words)


@main_group.command("list")
@click.argument("name", type=click.Choice(LISTS))
@filter_options
@click.option("--type", "structure_type", metavar="TYPE", help="Only this type: MSP, CDS, or one that a card names.")
@shows_views
def list_command(release: Release, *, name: str, **filters: Any) -> View:
    """List uncovered QPV, fragile structures, disagreements with the extract's own flag, other types, or rejected rows.

    \b
    Examples:
      qpvhealth list uncovered --region 76
      qpvhealth list disagreements --year 2019 --to ecarts.xlsx
    """
    from qpvhealth.publish import listings, selection

    return listings.lists(release, name, selection.Filters(**filters))


@main_group.command()
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["md", "json"]),
    default="md",
    show_default=True,
    help="Markdown, or Table Schema.",
)
def schema(fmt: str) -> None:
    """Print the data dictionary of the published tables.

    \b
    Example:
      qpvhealth schema --format json
    """
    import json

    from qpvhealth.contract import dictionary
    from qpvhealth.indicators import declarations

    if fmt == "md":
        click.echo(f"{dictionary.markdown()}\n{declarations.markdown()}")
    else:
        click.echo(json.dumps(dictionary.table_schemas(), ensure_ascii=False, indent=1))


@main_group.command()
@settings_option
@json_option
def doctor(settings_file: Path | None, as_json: bool) -> None:
    """Show versions, drivers, free disk, and the settings with where each came from.

    \b
    Example:
      qpvhealth doctor
    """
    from qpvhealth.ingest import health

    report = health.report() | {"settings": settings_of(settings_file, Path.cwd()).as_dict()}
    sections = ([f"{name}:", *(f"  {k}: {v}" for k, v in details.items())] for name, details in report.items())
    print_answer(report, chain.from_iterable(sections), as_json=as_json)
