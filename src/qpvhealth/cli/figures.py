"""Commands that show figures: counts, lists, the data dictionary, the installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import filter_options, json_option, release_options, show_options
from qpvhealth.cli.output import open_release, print_json, settings_of, show
from qpvhealth.rules.levels import HEADLINE, LEVELS

LIST_NAMES = ("uncovered", "fragile", "disagreements", "others", "rejects")


@main_group.command()
@click.option("--level", type=click.Choice([*LEVELS]), default="country", show_default=True, help="Areas to count by.")
@click.option("--other-types", is_flag=True, help="Count the types beyond MSP and CdS instead, each on its own.")
@filter_options
@show_options
@release_options
def counts(
    *,
    level: str,
    other_types: bool,
    fmt: str | None,
    to: Path | None,
    as_json: bool,
    release_name: str | None,
    out: Path,
    **chosen: Any,
) -> None:
    r"""Show the table of the progress report: structures in and near QPV, by year and type.

    \b
    Examples:
      qpvhealth counts
      qpvhealth counts --level region --year 2019 --format xlsx --to vecu-2019.xlsx
    """
    from qpvhealth.publish import selection, views

    release = open_release(out, release_name)
    count = views.other_counts if other_types else views.counts
    show(release, count(release, level, selection.Filters(**chosen)), fmt, to, as_json=as_json)


@main_group.command()
@click.option("--level", type=click.Choice([*HEADLINE]), default="country", show_default=True, help="Areas to show.")
@filter_options
@show_options
@release_options
def coverage(
    *, level: str, fmt: str | None, to: Path | None, as_json: bool, release_name: str | None, out: Path, **chosen: Any
) -> None:
    r"""Show how many QPV have no structure, who lives there, and how many are large, in the NPNRU, in ZIP or ZAC.

    \b
    Examples:
      qpvhealth coverage --year 2020
      qpvhealth coverage --level region --region 53
    """
    from qpvhealth.indicators.declarations import QPV
    from qpvhealth.publish import selection, views

    release = open_release(out, release_name)
    words = {i.name: i.words_fr for i in QPV if i.in_table}
    show(release, views.coverage(release, level, selection.Filters(**chosen), words), fmt, to, as_json=as_json)


@main_group.command("list")
@click.argument("name", type=click.Choice(LIST_NAMES))
@filter_options
@click.option("--type", "structure_type", metavar="TYPE", help="Only this type: MSP, CDS, or one that a card names.")
@show_options
@release_options
def list_command(
    *, name: str, fmt: str | None, to: Path | None, as_json: bool, release_name: str | None, out: Path, **chosen: Any
) -> None:
    r"""List uncovered QPV, fragile structures, disagreements with the extract's own flag, other types, or rejected rows.

    \b
    Examples:
      qpvhealth list uncovered --region 76
      qpvhealth list disagreements --year 2019 --to ecarts.xlsx
    """
    from qpvhealth.publish import listings, selection

    release = open_release(out, release_name)
    show(release, listings.lists(release, name, selection.Filters(**chosen)), fmt, to, as_json=as_json)


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
    r"""Print the data dictionary of the published tables.

    \b
    Example:
      qpvhealth schema --format json
    """
    import json

    from qpvhealth.contract import dictionary
    from qpvhealth.indicators import declarations

    click.echo(
        dictionary.markdown() + "\n" + declarations.markdown()
        if fmt == "md"
        else json.dumps(dictionary.table_schemas(), ensure_ascii=False, indent=1)
    )


@main_group.command()
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Default: the nearest qpvhealth.toml.",
)
@json_option
def doctor(settings_file: Path | None, as_json: bool) -> None:
    r"""Show versions, drivers, free disk, and the settings with where each came from.

    \b
    Example:
      qpvhealth doctor
    """
    from qpvhealth.ingest import health

    told = health.report() | {"settings": settings_of(settings_file, Path.cwd()).as_dict()}
    if as_json:
        print_json(told)
        return
    for key, value in told.items():
        click.echo(f"{key}:")
        for name, detail in value.items():
            click.echo(f"  {name}: {detail}")
