"""The command that writes the progress report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FOLDER, in_order, release_options, year_option
from qpvhealth.cli.output import logger, open_release, row_bar
from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Audience
    from qpvhealth.studies.report import Subject

FORMATS = ("html", "md", "xlsx", "odt")
area_options = in_order(
    click.option("--region", metavar="CODE", help="The report of this region only (INSEE code)."),
    click.option("--department", metavar="CODE", help="The report of this département only (INSEE code)."),
    click.option("--commune", metavar="CODE", help="The sheet of this commune: its QPV ranked, GPs, projects."),
    click.option(
        "--qpv", metavar="CODE", help="The sheet of this QPV: its structures, zoning, fate, coverage by year."
    ),
    click.option("--all-departments", metavar="DIR", type=FOLDER, help="One report per département, in a new folder."),
)
form_options = in_order(
    click.option(
        "--format",
        "formats",
        type=click.Choice(FORMATS),
        multiple=True,
        help="Only this format; may be repeated. Default: all of them.",
    ),
    click.option("--pdf", is_flag=True, help="report.pdf too, for printing and archiving (extra pdf)."),
    click.option(
        "--audience",
        type=click.Choice(["public", "internal"]),
        help="public: no undecided project, free text or name of a person. Default: public for HTML and PDF, else internal.",
    ),
    click.option(
        "--lang",
        "language",
        type=click.Choice(["fr", "en"]),
        default="fr",
        show_default=True,
        help="Language of the report.",
    ),
)


@main_group.command()
@year_option
@area_options
@form_options
@click.option(
    "--to", type=FOLDER, default=Path("report"), show_default=True, help="Folder of report.html and the others."
)
@release_options
def report(
    *,
    all_departments: Path | None,
    formats: tuple[str, ...],
    pdf: bool,
    audience: Audience | None,
    to: Path,
    release_name: str | None,
    out: Path,
    **of: Any,
) -> None:
    """Write the progress report that people sign, with its two maps, for the country or one area.

    report.html opens without a network, prints on A4 and has a map to search and to click; report.md is the short version; report.xlsx
    has a sheet for each table; report.odt opens in a word processor. With --pdf, report.pdf (PDF/UA). What the release does not hold is
    said, never filled in.

    \b
    Examples:
      qpvhealth report --to note --pdf
      qpvhealth report --year 2019 --region 53 --to note-bretagne
      qpvhealth report --commune 35238 --audience public --to fiche-rennes
      qpvhealth report --all-departments notes --format html
    """
    from qpvhealth.studies.report import Subject

    subject = Subject.of(open_release(out, release_name), **of)
    chosen = (*(formats or FORMATS), *(["pdf"] if pdf else []))
    if all_departments is None:
        for path in _written(subject, to, chosen, audience):
            logger().info("Written: %s", path)
        return
    if subject.code != "FR":
        raise UsageError("--all-departments writes every département: name no other area")
    codes = subject.departments_with_rows
    from qpvhealth.publish.store import new_folder

    with new_folder(all_departments) as staged, row_bar("départements") as show_progress:
        for n, code in enumerate(codes):
            show_progress(n, len(codes))
            _written(replace(subject, level="department", code=code), staged / code, chosen, audience)
        show_progress(len(codes), len(codes))
    logger().info("Written: %d départements in %s", len(codes), all_departments)


def _written(subject: Subject, folder: Path, formats: tuple[str, ...], audience: Audience | None) -> list[Path]:
    from qpvhealth.publish.report import files
    from qpvhealth.studies.report import note

    return files.write(lambda reader: note(replace(subject, audience=reader)), folder, formats, audience)
