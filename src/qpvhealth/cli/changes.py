"""What moved between two years, or two releases, and why."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FILE, json_option, lang_option, out_option
from qpvhealth.cli.output import FINDINGS, Shown, logger, open_release, print_answer, print_json, show
from qpvhealth.errors import UsageError
from qpvhealth.rules.levels import HEADLINE

if TYPE_CHECKING:
    from qpvhealth.publish.diff import Compared
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.sentences import Language


@main_group.command()
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--since-signed", is_flag=True, help="From the last signed release to the current one, or to --release.")
@click.option("--year", type=int, help="Between two releases: the vintage to compare. Default: the last in both.")
@click.option("--generation", default="in_force", show_default=True, help="Perimeters to count with.")
@click.option(
    "--level",
    type=click.Choice([*HEADLINE]),
    help="Kind of area. Default: that of --area, else country.",
)
@click.option("--area", help="Code of the area. Default: the country.")
@click.option("--situation", default="in_qpv", show_default=True, help="Stock accounted for: a situation, or all.")
@click.option("--cause", help="List only the structures of this cause.")
@click.option("--csv", "csv_file", type=FILE, help="Write the list of structures there.")
@click.option("--exit-code", is_flag=True, help="Exit 1 when anything moved.")
@lang_option
@click.option("--wide", is_flag=True, help="Print every column, however wide the terminal.")
@click.option("--release", "release_name", metavar="R", help="Release to read two years from. Default: current.")
@out_option
@json_option
def diff(
    old: str | None,
    new: str | None,
    *,
    since_signed: bool,
    year: int | None,
    generation: str,
    level: str | None,
    area: str | None,
    situation: str,
    cause: str | None,
    csv_file: Path | None,
    exit_code: bool,
    release_name: str | None,
    out: Path,
    as_json: bool,
    language: Language,
    wide: bool,
) -> None:
    """Show what moved between OLD and NEW, two years of a release or two releases: causes, structures, parts.

    With --since-signed, the revisions of the figures that were signed last.

    The sum of the causes is the net difference, nothing left over. A net difference is never called a creation.

    \b
    Examples:
      qpvhealth diff 2018 2019
      qpvhealth diff 2018 2019 --level region --area 11 --csv mouvements.csv
      qpvhealth diff 3f2a current --year 2019 --exit-code
    """
    from qpvhealth.contract.tables import PUBLISHED
    from qpvhealth.publish import areas, diff as rules, rendering, selection, sentences, views

    columns = (*PUBLISHED["change_summary"].columns, *PUBLISHED["changes"].columns)
    titles = {column.name: column.fr for column in columns} | selection.titles_of("diff")

    if since_signed:
        old, new, release_name = _since_signed(old, release_name, out)
    sides, compared = _compared(old, new, year, out, release_name)
    before = sides[0][0]
    level, area = areas.named([release for release, _ in sides], level, area)
    where, is_in_qpv = rules.Where(generation, level, area), situation == "in_qpv"
    tables = {
        "causes": rules.causes_table(compared, where, situation=situation),
        "parts": rules.parts_table(compared, where),
        "structures": rules.structures_table(compared, where, cause=cause, only_in_qpv=is_in_qpv),
    }
    if csv_file is not None:
        structures = tables["structures"]
        rows = rules.in_french(structures).assign(cause_code=structures["cause"])
        rendering.save(csv_file, rows, fmt="csv", titles=titles, invented=compared.invented)
        logger().info("%d movements written to %s", len(rows), csv_file)
    if as_json:
        head = {"old": compared.old, "new": compared.new, "from": compared.from_date, "to": compared.to_date}
        lists = {name: t.astype("object").where(t.notna(), None).to_dict("records") for name, t in tables.items()}
        print_json(head | {"invented": compared.invented} | lists)
    else:
        cell = {"generation": generation, "level": level, "area": area}
        first, last = (views.in_qpv(side, at, **cell) if is_in_qpv else {} for side, at in sides)
        one_release = sides[0][0] is sides[1][0]
        net = views.net_in_qpv(before, sides[0][1], sides[1][1], **cell) if one_release else {}
        lines = [
            rules.sentence(
                compared, (n, last[kind]), where, structure_type=kind, language=language, change=net.get(kind)
            )
            for kind, n in first.items()
        ]
        if situation == "vecu_declared":
            lines += _unanswered(sides, compared, language, **cell)
        warning = [sentences.in_language(rendering.INVENTED, language)] if compared.invented else []
        days = sentences.in_language(
            sentences.note("from_to", first=compared.from_date, last=compared.to_date), language
        )
        print_answer({}, [*warning, f"{compared.old} → {compared.new}, {days}", "", *lines, ""], as_json=False)
        causes = tables["causes"][["structure_type", "label_fr", "part", "n_in", "n_out", "n"]]
        names = ["cause", "finess_et", "name", "structure_type", "situation_from", "situation_to", "evidence"]
        how = Shown(language=language, is_wide=wide)
        for name, frame in (
            ("causes", causes),
            ("parts", tables["parts"]),
            ("structures", tables["structures"][names]),
        ):
            view = selection.View(
                f"diff-{name}", frame, {c: titles.get(c, c) for c in frame.columns}, english=rules.ENGLISH
            )
            show(before, view, how, invented=False)
            click.echo()
        print_answer({}, [sentences.in_language(sentences.note("rows_above"), language)], as_json=False)
        if (tables["causes"]["cause"] == "not_attributable").any():
            logger().info(
                "Some movements cannot be attributed: they are shown by name, never spread over the other causes."
            )
    if exit_code and len(compared.changes):
        sys.exit(FINDINGS)


def _unanswered(sides: list[tuple[Release, int]], compared: Compared, language: Language, **area: str) -> list[str]:
    """Say of which of two dates no ARS answered: what is declared then did not change, it became known."""
    from qpvhealth.facts.causes import CAUSES, DECLARATION
    from qpvhealth.publish import sentences, views

    cause = CAUSES[DECLARATION][0 if language == "fr" else 1]
    form = sentences.lines_of("notes", language)["no_answer"]
    days = (compared.from_date, compared.to_date)
    return [
        form.format(day=sentences.numeric_day(day, language), cause=cause)
        for (release, year), day in zip(sides, days, strict=True)
        if not views.has_answers(release, year, **area)
    ]


def _since_signed(old: str | None, name: str | None, out: Path) -> tuple[str, str, None]:
    """Return the last signed release and the one that is compared with it. Raises UsageError where a side is named too."""
    from qpvhealth.publish import visas

    if old is not None:
        raise UsageError("--since-signed names both sides: leave OLD and NEW out")
    return visas.last_signed(out).release, name or "current", None


def _compared(
    old: str | None, new: str | None, year: int | None, out: Path, name: str | None
) -> tuple[list[tuple[Release, int]], Compared]:
    """Compare two years where both arguments are years of the release, two releases otherwise.

    Return the release and the year of the opening and of the closing stock, and the changes between them.
    """
    from qpvhealth.studies import comparison

    if old is None or new is None:
        raise UsageError("name OLD and NEW: two years, or two releases; or ask --since-signed")
    if all(re.fullmatch(r"\d{4}", side) for side in (old, new)):
        if year is not None:
            raise UsageError("--year is for two releases; two years name their own")
        release = open_release(out, name)
        return [(release, int(old)), (release, int(new))], comparison.years(release, int(old), int(new))
    before, after = (open_release(out, None if side == "current" else side) for side in (old, new))
    if year is None:
        common = set(before.table("extracts")["year"]) & set(after.table("extracts")["year"])
        if not common:
            raise UsageError(f"{before.id} and {after.id} have no vintage in common")
        year = int(max(common))
    return [(before, year), (after, year)], comparison.releases(before, after, year)
