"""Commands that show figures: counts, lists, the data dictionary, the installation."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import filter_options, in_order, json_option, settings_option, shows_views
from qpvhealth.cli.output import print_answer, settings_of
from qpvhealth.errors import UsageError
from qpvhealth.rules.levels import HEADLINE, LEVELS

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View

OWN_LEVEL = "Default: that of --region or --department, else country."
LISTS = ("counted", "uncovered", "fragile", "disagreements", "others", "rejects")


@main_group.command()
@click.option("--level", type=click.Choice([*LEVELS]), help=f"Areas to count by. {OWN_LEVEL}")
@click.option("--other-types", is_flag=True, help="Count the types beyond MSP and CdS instead, each on its own.")
@filter_options
@shows_views
def counts(release: Release, *, level: str | None, other_types: bool, **filters: Any) -> View:
    """Show the table of the progress report: structures in and near QPV, by year and type.

    `counts` counts structures, `coverage` counts QPV and people, `matrix` shows one figure under every definition.

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

    `coverage` counts QPV and people, `counts` counts structures, `matrix` shows one figure under every definition.

    \b
    Examples:
      qpvhealth coverage --year 2020
      qpvhealth coverage --region 53
    """
    from qpvhealth.indicators.declarations import QPV
    from qpvhealth.publish import selection, views

    words = {i.name: (i.words_fr, i.words_en) for i in QPV if i.in_table}
    return views.coverage(release, level, selection.Filters(**filters), words)


counted_options = in_order(
    click.option("--situation", metavar="SITUATION", help="counted: the situation counted, or all. Default: in_qpv."),
    click.option("--scope", metavar="SCOPE", help="counted: msp, cds, msp_cds, primary... Default: MSP and CdS."),
    click.option("--modality", metavar="MODALITY", help="counted: mono, pluri or unknown. Default: all."),
    click.option("--indicator", metavar="NAME", help="counted: an indicator (`qpvhealth schema` lists them)."),
    click.option("--part", metavar="PART", help="counted: numerator (default), denominator or unknown."),
    click.option("--within", metavar="LEVEL:CODE", help="counted: an area of any level, such as qpv:QP093001."),
)


@main_group.command("list")
@click.argument("name", type=click.Choice(LISTS))
@filter_options
@click.option("--type", "structure_type", metavar="TYPE", help="Only this type: MSP, CDS, or one that a card names.")
@counted_options
@shows_views
def list_command(release: Release, *, name: str, **options: Any) -> View:
    """List the rows behind a figure (counted), uncovered QPV, fragile structures, disagreements, other types, rejects.

    The rows of `counted` are as many as the figure, each with its file, sheet and row.

    \b
    Examples:
      qpvhealth list counted --year 2019 --type MSP
      qpvhealth list counted --indicator large_qpv_without_any --scope primary --year 2020
      qpvhealth list counted --indicator net_in_qpv --year 2019 --region 11
      qpvhealth list uncovered --region 76
      qpvhealth list disagreements --year 2019 --to ecarts.xlsx
    """
    from qpvhealth.publish import listings, selection

    if name == "counted":
        return _counted(release, **options)
    names = ("year", "generation", "region", "department", "structure_type")
    filters = {c: options.pop(c) for c in names}
    if others := [f"--{c}" for c, value in options.items() if value is not None]:
        raise UsageError(f"{', '.join(others)}: only `list counted` takes this")
    return listings.lists(release, name, selection.Filters(**filters))


def _counted(release: Release, *, within: str | None, part: str | None, **options: Any) -> View:
    """List the rows of a figure: the last vintage, the perimeters in force and the country unless chosen."""
    from qpvhealth.studies import counted, quarters

    areas = {"region": options.pop("region"), "department": options.pop("department")}
    choices = [f"{level}:{code}" for level, code in areas.items() if code is not None]
    choices += [within] if within else []
    if len(choices) > 1:
        raise UsageError(f"{', '.join(choices)}: one area a figure; the smallest is enough")
    level, _, code = (choices[0] if choices else "country:FR").partition(":")
    structure_type = options.pop("structure_type")
    if structure_type:
        options["structure_type"] = (
            structure_type.upper() if structure_type.upper() in ("MSP", "CDS") else structure_type
        )
    if options["indicator"] and (odd := [c for c in ("situation", "structure_type", "modality") if options.get(c)]):
        words = ", ".join("--type" if c == "structure_type" else f"--{c}" for c in odd)
        raise UsageError(f"{words} is of a count, not of an indicator: use --scope")
    chosen = {c: value for c, value in options.items() if value is not None}
    chosen |= {"year": quarters.year_of(release, options["year"]), "level": level, "area_code": code or "FR"}
    return counted.counted(release, counted.Figure(**chosen), part or counted.NUMERATOR)


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
