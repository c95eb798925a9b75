"""Questions put to a release: programmes, the matrix of choices, priorities, projects, simulations, participatory structures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FILE, release_options, show_options
from qpvhealth.cli.output import open_release, show, show_all
from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qpvhealth.publish.selection import View
    from qpvhealth.studies.quarters import Area

AREA_HELP = "region:53, department:35, epci:CODE, commune:35238 or country."


def area_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--within``."""
    return click.option("--within", metavar="AREA", help=f"Only this area: {AREA_HELP}")(command)


def _area(text: str | None) -> Area | None:
    from qpvhealth.studies.quarters import Area

    return None if text is None else Area.parse(text)


@main_group.command()
@show_options
@release_options
def programmes(*, fmt: str | None, to: Path | None, as_json: bool, release_name: str | None, out: Path) -> None:
    r"""Tell how far each programme has come: base, target, share of the way, pace needed and observed, or why not.

    \b
    Example:
      qpvhealth programmes
    """
    from qpvhealth.studies import figures

    release = open_release(out, release_name)
    show(release, figures.programmes(release), fmt, to, as_json=as_json)


@main_group.command()
@click.option(
    "--measure",
    help="Headline to show under every choice. Default: that of the figure named by --said, else share_qpv_without_any.",
)
@click.option("--year", type=int, help="Only this vintage.")
@click.option(
    "--said",
    metavar="NUMBER|ID",
    help='A printed number, such as "86 %", or the id of a published figure: only the cells compatible with it, or that could be.',
)
@show_options
@release_options
def matrix(
    *,
    measure: str | None,
    year: int | None,
    said: str | None,
    fmt: str | None,
    to: Path | None,
    as_json: bool,
    release_name: str | None,
    out: Path,
) -> None:
    r"""Show a headline under every choice of QPV, scope, rule of proximity, unit and date, to place a published number.

    \b
    Examples:
      qpvhealth matrix --year 2020 --to matrice.xlsx
      qpvhealth matrix --said "86 %"
      qpvhealth matrix --said 001-large
    """
    from qpvhealth.studies import figures

    release = open_release(out, release_name)
    show(release, figures.matrix(release, measure=measure, year=year, said=said), fmt, to, as_json=as_json)


@main_group.command()
@click.option("--year", type=int, help="Vintage. Default: the last.")
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
@show_options
@release_options
def priorities(
    *,
    weights: tuple[str, ...],
    within: str | None,
    fmt: str | None,
    to: Path | None,
    as_json: bool,
    release_name: str | None,
    out: Path,
    **chosen: Any,
) -> None:
    r"""Rank the uncovered QPV by declared criteria and weights; show contributions, stability and what is unknown.

    \b
    Example:
      qpvhealth priorities --within region:53 --weight population=4 --weight npnru=0
    """
    from qpvhealth.studies import planning

    release = open_release(out, release_name)
    view = planning.priorities(release, area=_area(within), weights=_weights(weights), **chosen)
    show(release, view, fmt, to, as_json=as_json)


def _weights(given: tuple[str, ...]) -> dict[str, float] | None:
    pairs = [text.partition("=") for text in given]
    try:
        return {name: float(value) for name, _, value in pairs} or None
    except ValueError as error:
        raise UsageError(f"--weight takes criterion=number, not {', '.join(given)}") from error


@main_group.command()
@click.option(
    "--within-m", type=float, default=500, show_default=True, help="How far around a QPV a practice counts, in metres."
)
@area_option
@show_options
@release_options
def practitioners(
    *,
    within_m: float,
    within: str | None,
    fmt: str | None,
    to: Path | None,
    as_json: bool,
    release_name: str | None,
    out: Path,
) -> None:
    r"""Show GP density and the share over 55 for an area, its QPV, its region and the country; ages masked under five GPs.

    \b
    Example:
      qpvhealth practitioners --within commune:35238
    """
    from qpvhealth.studies import practices

    release = open_release(out, release_name)
    show(release, practices.practitioners(release, _area(within), within_m=within_m), fmt, to, as_json=as_json)


@main_group.command()
@click.option(
    "--show",
    "shown",
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
@show_options
@release_options
def projects(
    *,
    shown: str,
    by: str,
    within: str | None,
    fmt: str | None,
    to: Path | None,
    as_json: bool,
    release_name: str | None,
    out: Path,
) -> None:
    r"""Show planned structures, what they would bring by year, and their funding; never mixed with open ones.

    \b
    Examples:
      qpvhealth projects --show effect
      qpvhealth projects --show funding --by department
    """
    from qpvhealth.studies import planning

    release = open_release(out, release_name)
    show(release, planning.projects(release, show=shown, area=_area(within), by=by), fmt, to, as_json=as_json)


@main_group.command()
@click.option("--add", "added", type=FILE, help="File of points: longitude, latitude, type.")
@click.option(
    "--best", type=click.IntRange(min=1), metavar="N", help="Find where N structures would cover the most residents."
)
@click.option(
    "--near-m", type=float, default=0, show_default=True, help="Also count QPV within this distance, in metres."
)
@area_option
@show_options
@release_options
def simulate(
    *,
    added: Path | None,
    best: int | None,
    near_m: float,
    within: str | None,
    fmt: str | None,
    to: Path | None,
    as_json: bool,
    release_name: str | None,
    out: Path,
) -> None:
    r"""Tell what new structures would change: coverage before and after, people newly covered, QPV gained. A simulation.

    \b
    Examples:
      qpvhealth simulate --add sites.csv
      qpvhealth simulate --best 5 --within region:76
    """
    from qpvhealth.studies import siting

    if (added is None) == (best is None):
        raise UsageError("name either --add FILE or --best N")
    release, area = open_release(out, release_name), _area(within)
    views: tuple[View, ...]
    if added is not None:
        views = siting.simulate_add(release, added, area=area, near_m=near_m)
    else:
        views = siting.simulate_best(release, best or 0, area=area, near_m=near_m)
    show_all(release, views, fmt, to, as_json=as_json)


@main_group.command()
@click.option("--answers", type=FILE, help="What is known of the criteria that no public source gives.")
@click.option("--year", type=int, help="Vintage. Default: the last.")
@area_option
@show_options
@release_options
def sec(
    *,
    answers: Path | None,
    year: int | None,
    within: str | None,
    fmt: str | None,
    to: Path | None,
    as_json: bool,
    release_name: str | None,
    out: Path,
) -> None:
    r"""Pre-screen structures against the nine criteria of the participatory ones (SEC): yes, no, or what is missing.

    \b
    Example:
      qpvhealth sec --within department:93
    """
    from qpvhealth.studies import fieldwork

    release = open_release(out, release_name)
    show(release, fieldwork.sec(release, answers=answers, year=year, area=_area(within)), fmt, to, as_json=as_json)


@main_group.command()
@click.option("--year", type=int, help="Vintage. Default: the last.")
@show_options
@release_options
def declarations(
    *, year: int | None, fmt: str | None, to: Path | None, as_json: bool, release_name: str | None, out: Path
) -> None:
    r"""List, per ARS, what is declared without support of the distance and what is near but not declared.

    \b
    Example:
      qpvhealth declarations --year 2019
    """
    from qpvhealth.studies import fieldwork

    release = open_release(out, release_name)
    show_all(release, fieldwork.vecu_support(release, year=year), fmt, to, as_json=as_json)
