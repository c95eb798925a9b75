"""What moved between two years, or two releases, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FILE, json_option, out_option
from qpvhealth.cli.output import log, open_release, print_json
from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from qpvhealth.publish.diff import Compared
    from qpvhealth.publish.release import Release

    Opening = tuple[Release, int]

FINDINGS = 1


@main_group.command()
@click.argument("old")
@click.argument("new")
@click.option("--year", type=int, help="Between two releases: the vintage to compare. Default: the last both hold.")
@click.option("--generation", default="in_force", show_default=True, help="Perimeters to count with.")
@click.option(
    "--level",
    type=click.Choice(["country", "territory", "region", "department"]),
    default="country",
    show_default=True,
    help="Kind of area.",
)
@click.option("--area", default="FR", show_default=True, help="Code of the area.")
@click.option("--situation", default="in_qpv", show_default=True, help="Stock accounted for: a situation, or all.")
@click.option("--cause", help="List only the structures of this cause.")
@click.option("--csv", "csv_file", type=FILE, help="Write the list of structures there.")
@click.option("--exit-code", is_flag=True, help="Exit 1 when anything moved.")
@click.option("--release", "release_name", metavar="R", help="Release to read two years from. Default: current.")
@out_option
@json_option
def diff(
    old: str,
    new: str,
    *,
    year: int | None,
    cause: str | None,
    csv_file: Path | None,
    exit_code: bool,
    out: Path,
    as_json: bool,
    **chosen: Any,
) -> None:
    r"""Tell what moved between OLD and NEW, two years of a release or two releases: causes, structures, parts.

    The sum of the causes is the net difference, nothing left over. A net difference is never called a creation.

    \b
    Examples:
      qpvhealth diff 2018 2019
      qpvhealth diff 2018 2019 --level region --area 11 --csv mouvements.csv
      qpvhealth diff 3f2a current --year 2019 --exit-code
    """
    opened, compared = _compared(old, new, year, out, chosen.pop("release_name"))
    situation = chosen.pop("situation")
    tables = _tables(compared, situation, cause, chosen)
    if csv_file is not None:
        _save(csv_file, compared, tables["structures"])
    if as_json:
        told = {
            name: frame.astype("object").where(frame.notna(), None).to_dict("records") for name, frame in tables.items()
        }
        print_json(
            {"old": compared.old, "new": compared.new, "from": compared.from_date, "to": compared.to_date}
            | {"invented": compared.invented}
            | told
        )
    else:
        _print(compared, tables, _sentences(opened, compared, chosen) if situation == "in_qpv" else [])
    if exit_code and not compared.is_same:
        sys.exit(FINDINGS)


def _compared(old: str, new: str, year: int | None, out: Path, name: str | None) -> tuple[Opening, Compared]:
    """Compare two years where both arguments are years of the release, two releases otherwise."""
    from qpvhealth.studies import comparison

    if _is_year(old) and _is_year(new):
        if year is not None:
            raise UsageError("--year is for two releases; two years name their own")
        release = open_release(out, name)
        return (release, int(old)), comparison.years(release, int(old), int(new))
    before, after = (open_release(out, None if side == "current" else side) for side in (old, new))
    common = sorted(set(before.table("extracts")["year"]) & set(after.table("extracts")["year"]))
    if year is None and not common:
        raise UsageError(f"{before.id} and {after.id} have no vintage in common")
    chosen = year if year is not None else int(common[-1])
    return (before, chosen), comparison.releases(before, after, chosen)


def _is_year(text: str) -> bool:
    return text.isdigit() and len(text) == len("2019")


def _tables(compared: Compared, situation: str, cause: str | None, where: dict[str, Any]) -> dict[str, pd.DataFrame]:
    from qpvhealth.publish import diff as rules

    return {
        "causes": rules.causes_table(compared, situation=situation, **where),
        "parts": rules.parts_table(compared, **where),
        "structures": rules.structures_table(compared, cause=cause, only_in_qpv=situation == "in_qpv", **where),
    }


_TITLES = {
    "structure_type": "Type",
    "label_fr": "Cause",
    "part": "Part",
    "n": "Solde",
    "n_in": "Entrées",
    "n_out": "Sorties",
    "n_changes": "Mouvements",
    "n_structures": "Structures",
    "effect_in_qpv": "Effet en QPV",
    "differs": "Ce qui diffère",
    "cause": "Cause",
    "finess_et": "N° FINESS ET",
    "name": "Nom",
    "situation_from": "Situation avant",
    "situation_to": "Situation après",
    "evidence": "Preuve",
}


def _column_titles() -> dict[str, str]:
    """Return the titles of the columns of the list of structures: those of the table ``changes``, and of this view."""
    from qpvhealth.contract.change_tables import CHANGES

    return {column.name: column.fr for column in CHANGES.columns} | _TITLES | {"cause_code": "Code de la cause"}


def _sentences(opened: Opening, compared: Compared, where: dict[str, Any]) -> list[str]:
    """Say the change in QPV, by type and in all: gross where dates are known, net otherwise, between the two dates."""
    from qpvhealth.publish import diff as rules, views

    release, year = opened
    stock = views.in_qpv(release, year, **where)
    return [rules.sentence(compared, n, structure_type=kind, **where) for kind, n in stock.items()]


def _print(compared: Compared, tables: dict[str, pd.DataFrame], sentences: list[str]) -> None:
    from qpvhealth.publish import diff as rules, rendering

    if compared.invented:
        click.echo(rendering.INVENTED)
    days = f"du {compared.from_date:%d/%m/%Y} au {compared.to_date:%d/%m/%Y}"
    click.echo(f"{compared.old} → {compared.new}, {days}\n")
    for sentence in sentences:
        click.echo(sentence)
    click.echo("")
    causes = tables["causes"][["structure_type", "label_fr", "part", "n_in", "n_out", "n"]]
    listed = tables["structures"][
        ["cause", "finess_et", "name", "structure_type", "situation_from", "situation_to", "evidence"]
    ]
    for frame in (causes, tables["parts"], listed):
        click.echo(rendering.render(rules.in_french(frame), fmt="text", titles=_TITLES))
    if (tables["causes"]["cause"] == "not_attributable").any():
        log.info("Some movements cannot be attributed: they are shown by name, never spread over the other causes.")


def _save(path: Path, compared: Compared, frame: pd.DataFrame) -> None:
    from qpvhealth.publish import diff as rules, rendering

    named = rules.in_french(frame).assign(cause_code=frame["cause"])
    rendering.save(path, named, fmt="csv", titles=_column_titles(), invented=compared.invented)
    log.info("%d movements written to %s", len(frame), path)
