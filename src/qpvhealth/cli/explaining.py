"""The command that says why: every fact behind a structure, a QPV or an indicator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FILE, json_option, lang_option, raw_option, release_options
from qpvhealth.cli.output import harmless, logger, open_release, print_answer
from qpvhealth.errors import UsageError


@main_group.command()
@click.argument("code")
@click.option("--year", type=int, help="Only this vintage. Default: all; for an indicator, the last.")
@click.option("--generation", metavar="G", help="Only these perimeters. Default: all; for an indicator, in force.")
@click.option("--within", metavar="LEVEL:CODE", help="Area of an indicator, such as region:53. Default: the country.")
@click.option("--scope", metavar="SCOPE", help="Scope of an indicator. Default: msp_cds.")
@click.option("--map", "map_file", type=FILE, help="Draw the structure or QPV and what is around it there, as SVG.")
@raw_option
@json_option
@lang_option
@release_options
def explain(
    code: str, *, map_file: Path | None, raw: Path, as_json: bool, release_name: str | None, out: Path, **options: Any
) -> None:
    """Explain a structure (FINESS number), a QPV (code) or an indicator (name): every fact, rule, and what would flip it.

    The raw rows are read again from --raw where the file there is the one of the release, by its hash. A rejected row is named by
    its number, or by its source and line: structures-2018:3121.

    \b
    Examples:
      qpvhealth explain 0X0000030
      qpvhealth explain QP009903 --map qpv.svg
      qpvhealth explain share_in_qpv --within region:53 --year 2019
    """
    from qpvhealth.ingest.raw_rows import RawFolder
    from qpvhealth.publish import explanation, selection, sentences, store
    from qpvhealth.studies import counted, explanations, location_map, quarters

    release = open_release(out, release_name)
    year, generation, language = options["year"], options["generation"], options["language"]
    is_indicator = code in counted.INDICATORS
    if odd := [f"--{c}" for c in ("within", "scope") if options[c] and not is_indicator]:
        raise UsageError(f"{', '.join(odd)}: of an indicator, and {code} is none")
    if is_indicator:
        level, _, area = (options["within"] or "country:FR").partition(":")
        where = (quarters.year_of(release, year), generation or "in_force", level, area or "FR")
        figure = counted.Figure(*where, indicator=code, scope=options["scope"])
        document = explanations.explain_indicator(release, figure)
    else:
        only = selection.Filters(year=year, generation=generation)
        document = explanations.explain(release, code, RawFolder(raw), only)
    if map_file is not None:
        store.write_file(map_file, location_map.location_map(release, code, year=year, generation=generation))
        logger().info("Map written to %s", map_file)
    say = sentences.lines_of("notes", language)
    invented = [say["invented"]] if release.invented else []
    lines = [*invented, *explanation.lines(document, language), "", say["release"].format(id=release.id)]
    print_answer(
        {"release": release.id, "invented": release.invented} | document, map(harmless, lines), as_json=as_json
    )
