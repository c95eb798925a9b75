"""Questions put to a release: programmes, the matrix, priorities, projects, simulations, the field and its workbooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FILE, FOLDER, json_option, only_year_option, release_options, shows_views, year_option
from qpvhealth.cli.output import open_release, print_answer
from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View
    from qpvhealth.studies.quarters import Area

LEVEL = click.Choice(["region", "department"])
DAY: dict[str, Any] = {"type": click.DateTime(["%Y-%m-%d"]), "required": True, "callback": lambda _c, _o, at: at.date()}
AREA_HELP = "region:53, department:35, epci:CODE, commune:35238 or country."


def _area(_context: click.Context, _option: click.Parameter, text: str | None) -> Area:
    from qpvhealth.studies.quarters import Area

    return Area.parse(text)


area_option = click.option("--within", "area", metavar="AREA", callback=_area, help=f"Only this area: {AREA_HELP}")


@main_group.command()
@shows_views
def programmes(release: Release) -> View:
    """Show how far each programme has come: base, target, share of the way, pace needed and observed, or why not.

    \b
    Example:
      qpvhealth programmes
    """
    from qpvhealth.studies import figures

    return figures.programmes(release)


@main_group.command()
@click.option(
    "--measure",
    help="Headline to show under every choice. Default: that of the figure named by --said, else share_qpv_without_any.",
)
@only_year_option
@click.option(
    "--said",
    "printed",
    metavar="NUMBER|ID",
    help='A printed number, such as "86 %", or the id of a published figure: only the cells compatible with it, or that could be.',
)
@shows_views
def matrix(release: Release, *, measure: str | None, year: int | None, printed: str | None) -> View:
    """Show a headline under every choice of QPV, scope, rule of proximity, unit and date, to place a published number.

    `matrix` answers which definition gives a number; `counts` and `coverage` show the figures of the definition that is signed.

    \b
    Examples:
      qpvhealth matrix --year 2020 --to matrice.xlsx
      qpvhealth matrix --said "86 %"
      qpvhealth matrix --said 001-large
    """
    from qpvhealth.studies import figures

    return figures.matrix(release, measure=measure, year=year, said=printed)


@main_group.command()
@year_option
@click.option(
    "--scope",
    type=click.Choice(["msp_cds", "primary", "near"]),
    default="msp_cds",
    show_default=True,
    help="What covers a QPV.",
)
@click.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="CRITERION=W",
    help="Weight of a criterion in place of its own; 0 leaves it out; may be repeated.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Only the first of the list.")
@area_option
@shows_views
def priorities(release: Release, *, weights: tuple[str, ...], **options: Any) -> View:
    """Rank the uncovered QPV by declared criteria and weights; show contributions, stability and what is unknown.

    \b
    Example:
      qpvhealth priorities --within region:53 --weight population=4 --weight npnru=0
    """
    from qpvhealth.studies import planning

    pairs = [text.partition("=") for text in weights]
    try:
        numbers = {name: float(weight) for name, _, weight in pairs}
    except ValueError as error:
        raise UsageError(f"--weight takes criterion=number, not {', '.join(weights)}") from error
    return planning.priorities(release, weights=numbers or None, **options)


@main_group.command()
@click.option(
    "--within-m",
    type=float,
    help="How far around a QPV a practice counts: a distance of the settings, or 0 (inside). Default: 500, else that of quartier vécu.",
)
@area_option
@shows_views
def practitioners(release: Release, *, within_m: float | None, area: Area) -> View:
    """Show GP density and the share over 55 for an area, its QPV, its region and the country; of under five GPs their number alone.

    \b
    Example:
      qpvhealth practitioners --within commune:35238
    """
    from qpvhealth.studies import practices

    return practices.practitioners(release, area, within_m=within_m)


@main_group.command()
@click.option(
    "--show",
    type=click.Choice(["list", "effect", "funding", "types"]),
    default="list",
    show_default=True,
    help="What to show.",
)
@click.option(
    "--by",
    type=click.Choice(["country", "region", "department"]),
    default="region",
    show_default=True,
    help="Areas that funding is added up by.",
)
@area_option
@shows_views
def projects(release: Release, **options: Any) -> View:
    """Show planned structures, what they would bring by year, and their funding; never mixed with open ones.

    \b
    Examples:
      qpvhealth projects --show effect
      qpvhealth projects --show funding --by department
    """
    from qpvhealth.studies import planning

    return planning.projects(release, **options)


@main_group.command()
@click.option("--add", "points", type=FILE, help="File of points: longitude, latitude, type.")
@click.option(
    "--best", type=click.IntRange(min=1), metavar="N", help="Find where N structures would cover the most residents."
)
@click.option(
    "--near-m", type=float, default=0, show_default=True, help="Also count QPV within this distance, in metres."
)
@area_option
@shows_views
def simulate(release: Release, *, points: Path | None, best: int | None, **options: Any) -> tuple[View, ...]:
    """Show what new structures would change: coverage before and after, people newly covered, QPV gained. A simulation.

    \b
    Examples:
      qpvhealth simulate --add sites.csv
      qpvhealth simulate --best 5 --within region:76
    """
    from qpvhealth.studies import siting

    if points is not None and best is None:
        return siting.simulate_add(release, points, **options)
    if best is not None and points is None:
        return siting.simulate_best(release, best, **options)
    raise UsageError("name either --add FILE or --best N")


@main_group.command()
@click.option("--answers", type=FILE, help="What is known of the criteria that no public source gives.")
@year_option
@area_option
@shows_views
def sec(release: Release, **options: Any) -> View:
    """Pre-screen structures against the nine criteria of the participatory ones (SEC): yes, no, or what is missing.

    \b
    Example:
      qpvhealth sec --within department:93
    """
    from qpvhealth.studies import fieldwork

    return fieldwork.sec(release, **options)


@main_group.command()
@year_option
@shows_views
def declarations(release: Release, *, year: int | None) -> tuple[View, ...]:
    """List, per ARS, what is declared without support of the distance and what is near but not declared.

    \b
    Example:
      qpvhealth declarations --year 2019
    """
    from qpvhealth.studies import fieldwork

    return fieldwork.vecu_support(release, year=year)


@main_group.group()
def returns() -> None:
    """Write the workbooks that the ARS fill in, and read them back."""


@returns.command("template")
@click.argument("folder", type=FOLDER)
@click.option("--deadline", **DAY, help="Day by which answers are expected (2019-05-31).")
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
@click.option("--deadline", **DAY, help="Day by which answers were expected.")
@click.option("--level", type=LEVEL, default="region", show_default=True, help="As for the template.")
@year_option
@click.option("--declarations", type=FILE, help="Write the declarations there, for a card of kind declarations.")
@shows_views
def read(release: Release, *, declarations: Path | None, **options: Any) -> tuple[View, ...]:
    """Read filled workbooks: who has answered by the deadline, what is wrong cell by cell, and the declarations.

    \b
    Example:
      qpvhealth returns read retours/*.xlsx --deadline 2019-05-31 --declarations vecu-2019.csv
    """
    from qpvhealth.studies import fieldwork

    return fieldwork.returns_read(release, to=declarations, **options)
