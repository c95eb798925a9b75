"""The command that writes the progress report."""

from __future__ import annotations

from pathlib import Path

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FOLDER, release_options, year_option
from qpvhealth.cli.output import logger, open_release

FORMATS = ("html", "md", "xlsx", "odt")


@main_group.command()
@year_option
@click.option("--region", metavar="CODE", help="The report of this region only (INSEE code).")
@click.option("--department", metavar="CODE", help="The report of this département only (INSEE code).")
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    help="Only this format; may be repeated. Default: all of them.",
)
@click.option("--pdf", is_flag=True, help="report.pdf too, for printing and archiving (extra pdf).")
@click.option(
    "--to", type=FOLDER, default=Path("report"), show_default=True, help="Folder of report.html and the others."
)
@release_options
def report(
    *,
    year: int | None,
    region: str | None,
    department: str | None,
    formats: tuple[str, ...],
    pdf: bool,
    to: Path,
    release_name: str | None,
    out: Path,
) -> None:
    """Write the progress report that people sign, with its two maps, for the country or one area.

    report.html opens without a network, prints on A4 and has a map to search and to click; report.md is the short version; report.xlsx has a sheet for each table;
    report.odt opens in a word processor. With --pdf, report.pdf (PDF/UA). What the release does not hold is said, never filled in.

    \b
    Examples:
      qpvhealth report --to note --pdf
      qpvhealth report --year 2019 --region 53 --to note-bretagne
    """
    from qpvhealth.publish.report import files
    from qpvhealth.studies.report import Subject, note

    subject = Subject.of(open_release(out, release_name), year=year, region=region, department=department)
    for path in files.write(note(subject), to, (*(formats or FORMATS), *(["pdf"] if pdf else []))):
        logger().info("Written: %s", path)
