"""The build: plan, run, publish, and one closing table of warnings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import json_option, out_option, raw_option
from qpvhealth.cli.output import Progress, log, print_json, settings_of
from qpvhealth.errors import ContractError

if TYPE_CHECKING:
    from qpvhealth.contract.rules import Finding
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.settings import Settings

FINDINGS = 1
SHOWN_WARNINGS = 20
SHOWN_WIDTH = 90


@main_group.command()
@raw_option
@out_option
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Default: the nearest qpvhealth.toml.",
)
@click.option("--dry-run", is_flag=True, help="Check and hash the inputs, print the plan, write nothing.")
@click.option(
    "--strict", is_flag=True, help="Stop on a polygon without area or out of place; exit 1 if any row was rejected."
)
@click.option("--force", is_flag=True, help="Build even if nothing has changed.")
@click.option("--no-cache", is_flag=True, help="Does nothing: a build has no cache. Accepted for older scripts.")
@json_option
def build(
    *,
    raw: Path,
    out: Path,
    settings_file: Path | None,
    dry_run: bool,
    strict: bool,
    force: bool,
    no_cache: bool,
    as_json: bool,
) -> None:
    r"""Build a release: ingest, place, join, overlay the zoning, count, publish.

    \b
    Example:
      qpvhealth build --raw data/raw --out data/processed
    """
    from qpvhealth.ingest import cards, inputs
    from qpvhealth.publish import store

    if no_cache:
        log.info("--no-cache does nothing: a build has no cache.")
    chosen = settings_of(settings_file, raw)
    resolved = inputs.resolve(cards.load(raw))
    fingerprint = inputs.fingerprint(resolved, raw, chosen.as_dict())
    known = None if force else store.is_current(out, fingerprint)
    if dry_run:
        _plan(resolved, chosen, up_to_date=known is not None, as_json=as_json)
        return
    if known is not None and not strict:
        print_json({"release": known.name, "unchanged": True}) if as_json else click.echo(
            f"Nothing has changed: {known}"
        )
        return
    _build(raw, out, chosen, fingerprint, resolved, strict=strict, as_json=as_json)


def _plan(resolved: list[Input], chosen: Settings, *, up_to_date: bool, as_json: bool) -> None:
    if as_json:
        print_json({"inputs": [i.as_dict() for i in resolved], "settings": chosen.as_dict(), "up_to_date": up_to_date})
        return
    for i in resolved:
        click.echo(f"{i.sha256[:12]}  {i.card.kind:<16} {i.card.id}")
    for key, value in chosen.as_dict().items():
        click.echo(f"{key} = {value}")
    click.echo("Nothing has changed since the current release." if up_to_date else "A build would write a new release.")


def _build(
    raw: Path,
    out: Path,
    chosen: Settings,
    fingerprint: str,
    resolved: list[Input],
    *,
    strict: bool,
    as_json: bool,
) -> None:
    from qpvhealth.contract.tables import PUBLISHED
    from qpvhealth.pipeline import building
    from qpvhealth.publish import release
    from qpvhealth.publish.manifest import Facts
    from qpvhealth.publish.store import Store

    target = Store(out)
    with target.lock(), Progress() as tell:
        built = building.build_inputs(raw, resolved, chosen, tell)
        if strict:
            _refuse_strict(built.findings)
        tell("publishing")
        facts = Facts(
            fingerprint=fingerprint,
            invented=built.invented,
            inputs=built.inputs,
            settings=chosen.as_dict() | {"in_force": built.in_force},
            warnings=[f.as_dict() for f in built.findings],
        )
        folder = release.write(target, built, PUBLISHED, facts)
    _closing(built.findings)
    if built.invented:
        log.warning("DONNÉES INVENTÉES: every figure of this release comes from an invented France.")
    print_json(_built_summary(folder, built)) if as_json else click.echo(f"Release {folder.name}: {folder}")
    if strict and len(built["rejects"]):
        log.warning("%d rows were rejected (--strict): qpvhealth list rejects --out %s", len(built["rejects"]), out)
        sys.exit(FINDINGS)


def _built_summary(folder: Path, built: Any) -> dict[str, Any]:
    tables = {name: len(rows) for name, rows in built.packed.items()}
    return {
        "release": folder.name,
        "folder": str(folder),
        "unchanged": False,
        "invented": built.invented,
        "tables": tables,
    }


def _refuse_strict(found: list[Finding]) -> None:
    from qpvhealth.contract.rules import RULES, STRICT

    grave = [f"{f.rule}: {f.message}" for f in found if RULES[f.rule].level == STRICT]
    if grave:
        raise ContractError("\n".join(["--strict refuses:", *grave]))


def _closing(found: list[Finding]) -> None:
    """Print one table of warnings by rule, with counts and shares; every message with -v."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in found:
        by_rule.setdefault(finding.rule, []).append(finding)
    if by_rule:
        log.info("%-24s %8s %7s  %s", "warning", "n", "share", "first")
    for rule, members in by_rule.items():
        n, of = sum(f.n for f in members), sum(f.of or 0 for f in members)
        share = f"{n / of:.1%}" if of and all(f.of for f in members) else ""
        first = members[0].message
        log.info("%-24s %8d %7s  %s", rule, n, share, _cut(first))
        for f in members[:SHOWN_WARNINGS]:
            log.debug("    %s", f.message)
        if len(members) > SHOWN_WARNINGS:
            log.debug("    +%d more, see the manifest", len(members) - SHOWN_WARNINGS)


def _cut(message: str) -> str:
    return message if len(message) <= SHOWN_WIDTH else message[: SHOWN_WIDTH - 1] + "…"
