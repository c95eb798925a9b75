"""The build: plan, run, publish, and one closing table of warnings."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FOLDER, json_option, out_option, raw_option, settings_option
from qpvhealth.cli.output import FINDINGS, logger, print_answer, settings_of, step_line
from qpvhealth.errors import QpvhealthError, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qpvhealth.build.stages import Built
    from qpvhealth.contract.rules import Finding
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.publish.store import Store
    from qpvhealth.settings import Settings

    Answer = tuple[dict[str, Any], list[str]]

SHOWN_WARNINGS = 20
CARD_WIDTH = 24
LINE = "%-24s %8s %7s  %s"
WIDTH, OTHER_COLUMNS = 90, 43
"""Of a message in the table of warnings where no terminal says how wide it is; of the columns before it."""


@main_group.command()
@raw_option
@out_option
@settings_option
@click.option("--dry-run", is_flag=True, help="Check and hash the inputs, print the plan, write nothing.")
@click.option(
    "--strict",
    is_flag=True,
    help="Publish nothing and exit 1 if a row was rejected, or on a strict finding that no card signs ([[source.accept]]).",
)
@click.option("--force", is_flag=True, help="Build even if nothing has changed.")
@click.option(
    "--until",
    type=click.Choice(["ingest", "place", "overlay", "count", "explain"]),
    help="Stop after this stage and write the tables made so far into --to; no release is written.",
)
@click.option("--to", type=FOLDER, help="Folder for --until: new, or empty.")
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
    until: str | None,
    to: Path | None,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Build a release: ingest, place, overlay the zoning, count, explain the changes, publish.

    \b
    Example:
      qpvhealth build --raw data/raw --out data/processed
      qpvhealth build --raw data/raw --until place --to placed
    """
    from qpvhealth.ingest import cards, inputs
    from qpvhealth.publish import store

    if no_cache:
        logger().info("--no-cache does nothing: a build has no cache.")
    if (until is None) != (to is None):
        raise click.UsageError(
            "--until STAGE and --to FOLDER go together: the stage to stop after, and where its tables go."
        )
    chosen = settings_of(settings_file, raw)
    resolved = inputs.resolve(cards.load(raw))
    fingerprint = inputs.fingerprint(resolved, raw, chosen.as_dict())
    current = None if force else store.is_current(out, fingerprint)
    if dry_run:
        document, lines = _plan(resolved, chosen, up_to_date=current is not None)
    elif until is not None and to is not None:
        document, lines = _build_until(raw, chosen, resolved, until, to)
    elif current is not None and not strict:
        document, lines = {"release": current.name, "unchanged": True}, [f"Nothing has changed: {current}"]
    else:
        document, lines = _build(raw, store.Store(out), chosen, fingerprint, resolved, strict=strict)
    print_answer(document, lines, as_json=as_json)
    if document.get("refused"):
        sys.exit(FINDINGS)


def _plan(resolved: list[Input], chosen: Settings, *, up_to_date: bool) -> Answer:
    """Return the inputs, the settings and the stages of a build."""
    from qpvhealth.build.stages import STAGES

    plan = {"inputs": [i.as_dict() for i in resolved], "settings": chosen.as_dict()}
    lines = [f"{i.sha256[:12]}  {i.card.kind:<16} {i.card.id}" for i in resolved]
    lines += [f"{key} = {value}" for key, value in chosen.as_dict().items()]
    for stage in STAGES:
        lines.append(f"{stage.name:<8} {stage.does}")
        lines.append(f"{'':<8} takes {stage.takes}; gives {len(stage.gives)} tables: {', '.join(stage.gives)}")
    lines.append("publish  write the tables and their manifest, and make the release the current one")
    lines.append(
        "Nothing has changed since the current release." if up_to_date else "A build would write a new release."
    )
    return plan | {"stages": [stage._asdict() for stage in STAGES], "up_to_date": up_to_date}, lines


def _build_until(raw: Path, chosen: Settings, resolved: list[Input], until: str, to: Path) -> Answer:
    """Run the stages until one of them, and write its tables and those before it: all of them, or nothing."""
    from qpvhealth.build import stages
    from qpvhealth.contract.tables import PUBLISHED
    from qpvhealth.publish import release

    with step_line() as name_step:
        with _accounts_when_stopped():
            built = stages.run(raw, resolved, chosen, name_step, until)
        declared = {name: table for name, table in PUBLISHED.items() if name in built}
        release.write_tables(to, built, declared, invented=built.invented)
    _accounts(built.inputs)
    _closing(built.findings)
    n_rows = {name: len(rows) for name, rows in built.items()}
    lines = [*(f"{n:>9}  {name}" for name, n in n_rows.items()), f"{to}: the tables until {until}; not a release."]
    return {"folder": str(to), "until": until, "tables": n_rows}, lines


def _build(
    raw: Path, store: Store, chosen: Settings, fingerprint: str, resolved: list[Input], *, strict: bool
) -> Answer:
    """Build and publish a release, unless it is ``strict`` and something is refused; return it as a document and as lines."""
    from qpvhealth.build import stages
    from qpvhealth.contract.tables import PUBLISHED
    from qpvhealth.publish import release
    from qpvhealth.publish.manifest import Facts

    with store.lock(), step_line() as name_step:
        with _accounts_when_stopped():
            built = stages.run(raw, resolved, chosen, name_step)
        refused = _refused(built) if strict else []
        if refused:
            _accounts(built.inputs)
            _closing(built.findings)
            logger().warning("--strict refuses, and nothing is published:\n%s", listed(refused))
            return {"release": None, "unchanged": False, "refused": refused}, []
        name_step("publishing")
        facts = Facts(
            fingerprint=fingerprint,
            invented=built.invented,
            inputs=built.inputs,
            settings=chosen.as_dict() | {"in_force": built.in_force},
            warnings=[f.as_dict() for f in built.findings],
        )
        folder = release.write(store, built, PUBLISHED, facts)
    _accounts(built.inputs)
    _closing(built.findings)
    if built.invented:
        logger().warning("DONNÉES INVENTÉES: every figure of this release comes from an invented France.")
    document = {"release": folder.name, "folder": str(folder), "unchanged": False, "invented": built.invented}
    document["tables"] = {name: len(rows) for name, rows in built.items()}
    return document, [f"Release {folder.name}: {folder}"]


def _refused(built: Built) -> list[str]:
    """Write what ``--strict`` refuses: the strict findings that no card signs, and each rejected row."""
    rejects = built["rejects"]
    where = "card " + rejects["source_id"] + ": " + (rejects["sheet"] + " ").fillna("") + "row "
    rows = rejects["rule"] + ": " + where + rejects["row"].astype("str") + ": " + rejects["message"]
    return [f"{f.rule}: {f.message}" for f in built.findings if f.is_refused] + rows.tolist()


@contextmanager
def _accounts_when_stopped() -> Iterator[None]:
    """Print the accounts of the cards that were read before the error that stops a build, even with -q."""
    try:
        yield
    except QpvhealthError as error:
        if error.accounts:
            _accounts([{"id": name, **account} for name, account in error.accounts.items()], is_stopped=True)
        raise


def _accounts(inputs: list[dict[str, Any]], *, is_stopped: bool = False) -> None:
    """Print the account of each card: rows in, used, out of scope, rejected, duplicates; and how many match no other source."""
    columns = ("rows_in", "rows_out", "out_of_scope", "rejected", "duplicates", "unmatched")
    titles = ("in", "used", "scope", "rejected", "repeats", "unmatched")
    say = logger().warning if is_stopped else logger().info
    say("%-24s" + " %8s" * len(titles), "card", *titles)
    for account in (i for i in inputs if "rows_in" in i):
        name = account["id"] if len(account["id"]) <= CARD_WIDTH else account["id"][: CARD_WIDTH - 1] + "…"
        say("%-24s" + " %8d" * len(columns), name, *(account.get(c, 0) for c in columns))


def _closing(findings: list[Finding]) -> None:
    """Print one table of warnings by rule, with counts and shares; every message with -v."""
    columns = shutil.get_terminal_size().columns if sys.stderr.isatty() else OTHER_COLUMNS + WIDTH
    width = max(columns - OTHER_COLUMNS, 1)
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    if by_rule:
        logger().info(LINE, "warning", "n", "share", "first")
    for rule, members in by_rule.items():
        n, of = sum(f.n for f in members), sum(f.of or 0 for f in members)
        share = f"{n / of:.1%}" if of and all(f.of for f in members) else ""
        first = members[0].message
        name = f"{rule} (signed)" if all(f.signed for f in members) else rule
        logger().info(LINE, name, n, share, first if len(first) <= width else first[: width - 1] + "…")
        for f in members[:SHOWN_WARNINGS]:
            logger().debug("    %s", f.message)
        if len(members) > SHOWN_WARNINGS:
            logger().debug("    +%d more, see the manifest", len(members) - SHOWN_WARNINGS)
