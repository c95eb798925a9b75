"""Commands on releases: check one against its contracts, verify, list, go back, remove."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FILE, json_option, out_option, release_options, show_options, shown_as
from qpvhealth.cli.output import FINDINGS, logger, open_release, print_answer, show
from qpvhealth.errors import ContractError


@main_group.command()
@click.option(
    "--published",
    is_flag=True,
    help="Compare the published figures, those of the raw folder included, and its series with the release.",
)
@click.option(
    "--expect", type=FILE, help="Compare the release with a file of expected counts; exit 1 when one differs."
)
@click.option("--write-expect", type=FILE, help="Write such a file from this release.")
@show_options
@release_options
def check(
    *,
    published: bool,
    expect: Path | None,
    write_expect: Path | None,
    release_name: str | None,
    out: Path,
    **options: Any,
) -> None:
    """Check the contracts and identities of a release: exit 5 when one is broken; or compare it with figures: exit 1.

    `check` reads what the tables say; `verify` only hashes their files.

    \b
    Examples:
      qpvhealth check
      qpvhealth check --published
      qpvhealth check --expect expected.toml
    """
    from qpvhealth.publish import checks, expectations, published_check, store

    how, release = shown_as(options), open_release(out, release_name)
    if write_expect is not None:
        store.write_file(write_expect, expectations.text(release))
        logger().info("Expected counts written to %s", write_expect)
        return
    if expect is None and not published:
        problems = checks.problems(release)
        print_answer({"problems": problems}, problems, as_json=how.as_json)
        if problems:
            sys.exit(ContractError.exit_code)
        logger().info("Every contract and identity holds.")
        return
    if expect is not None:
        from qpvhealth.studies import comparison

        views = comparison.expected(release, expect)
        differs = expectations.differing(views[0].frame)
    else:
        from qpvhealth.studies import figures

        views = tuple(v for v in (figures.published(release), figures.published_series(release)) if len(v.frame))
        differs = any(published_check.differing(v.frame) for v in views)
    show(release, views, how)
    if differs:
        sys.exit(FINDINGS)


@main_group.command()
@release_options
@json_option
def verify(release_name: str | None, out: Path, as_json: bool) -> None:
    """Hash every file of a release again: exit 5 when one has changed.

    `verify` says that nobody touched the files; `check` says that what is in them holds together.

    \b
    Example:
      qpvhealth verify
    """
    from qpvhealth.publish import manifest
    from qpvhealth.publish.store import Store

    folder = Store(out).resolve(release_name)
    problems = manifest.verify(folder)
    print_answer({"release": folder.name, "problems": problems}, problems, as_json=as_json)
    if problems:
        sys.exit(ContractError.exit_code)
    logger().info("%s is whole.", folder)


@main_group.command()
@click.argument("release_name", metavar="R", required=False)
@click.option("--author", required=True, help="Who wrote the note.")
@click.option("--by", required=True, help="Who signs the figures.")
@click.option("--note", default="", help="What the visa says beside that.")
@click.option("--replaces", type=int, metavar="N", help="The visa that this one cancels and replaces.")
@out_option
@json_option
def sign(
    release_name: str | None, author: str, by: str, note: str, *, replaces: int | None, out: Path, as_json: bool
) -> None:
    """Record that the figures of release R (default: the current one) are signed, after checking that it is whole.

    A record beside the releases, no cryptographic signature. The report says it, and a signed release is not pruned.

    \b
    Examples:
      qpvhealth sign --author "A. Martin" --by "B. Durand"
      qpvhealth sign 3f2a --author "A. Martin" --by "B. Durand" --note "corrige la région 11" --replaces 1
    """
    from dataclasses import asdict
    from datetime import UTC, datetime

    from qpvhealth.publish import visas
    from qpvhealth.publish.store import Store

    today = datetime.now(UTC).astimezone().date()
    visa = visas.sign(Store(out), release_name, author=author, by=by, on=today, note=note, replaces=replaces)
    print_answer(asdict(visa), [f"Visa {visa.number}: {visa.release}, {visa.by}, {visa.signed_on}"], as_json=as_json)


@main_group.group()
def releases() -> None:
    """List the releases, go back to one, or remove old ones."""


@releases.command("list")
@out_option
@json_option
def releases_list(out: Path, as_json: bool) -> None:
    """List the releases, the oldest first; a star marks the current one, and a visa is named beside the release it signs.

    \b
    Example:
      qpvhealth releases list
    """
    from qpvhealth.publish import visas
    from qpvhealth.publish.store import Store

    store, signed = Store(out), visas.read(out)
    current = store.current()
    numbers = {name: [visa.number for visa in signed if visa.release == name] for name in store.releases()}
    rows = [
        {"release": name, "current": current is not None and current.name == name, "visas": numbers[name]}
        for name in numbers
    ]
    replaced = {visa.replaces: visa.number for visa in signed}
    words = {
        v.number: f"visa {v.number} ({v.by}, {v.signed_on})"
        + (f", replaced by {replaced[v.number]}" if v.number in replaced else "")
        for v in signed
    }
    lines = (
        "; ".join((f"{'*' if row['current'] else ' '} {name}", *(words[n] for n in numbers[name])))
        for name, row in zip(numbers, rows, strict=True)
    )
    print_answer({"releases": rows}, lines, as_json=as_json)


@releases.command("rollback")
@click.argument("release_name", metavar="R")
@out_option
def releases_rollback(release_name: str, out: Path) -> None:
    """Make release R current again, after checking that it is whole.

    \b
    Example:
      qpvhealth releases rollback 3f2a
    """
    from qpvhealth.publish.store import Store

    click.echo(f"Current: {Store(out).rollback(release_name)}")


@releases.command("prune")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    required=True,
    help="How many of the latest stay; the current one always does.",
)
@click.option("--yes", is_flag=True, help="Remove them; without it, only say which.")
@out_option
def releases_prune(keep: int, yes: bool, out: Path) -> None:
    """Remove old releases; those that are signed stay.

    \b
    Example:
      qpvhealth releases prune --keep 5 --yes
    """
    from qpvhealth.publish import visas
    from qpvhealth.publish.store import Store

    signed = {visa.release for visa in visas.read(out)}
    for name in Store(out).prune(keep, protect=signed, dry_run=not yes):
        click.echo(f"{'removed' if yes else 'would remove'} {name}")
