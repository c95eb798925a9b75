"""Commands on raw files: the invented France, the cards, a look at a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import FOLDER, json_option, raw_option
from qpvhealth.cli.output import harmless, logger, print_answer

if TYPE_CHECKING:
    from collections.abc import Iterator


@main_group.command()
@click.argument("folder", type=FOLDER)
@click.option("--revised", is_flag=True, help="As delivered a second time: three contours of 2015 are edited.")
def sample(folder: Path, *, revised: bool) -> None:
    """Write the invented France into FOLDER: raw files, cards, corrections.

    \b
    Examples:
      qpvhealth sample data/raw
      qpvhealth sample data/raw --revised   (then build, and diff the two releases)
    """
    from qpvhealth import sample as invented

    invented.write(folder, revised=revised)
    logger().info("An invented France is in %s; build it with: qpvhealth build --raw %s", folder, folder)


@main_group.group()
def sources() -> None:
    """List the cards of a raw folder, check their files, or download them."""


@sources.command("list")
@raw_option
@json_option
def sources_list(raw: Path, as_json: bool) -> None:
    """List the cards: what each file is.

    \b
    Example:
      qpvhealth sources list --raw data/raw
    """
    from qpvhealth.ingest import cards

    keys = ("year", "generation", "edition", "status", "title")
    rows: list[dict[str, Any]] = []
    for card in cards.load(raw):
        day = card.get("reference_date")
        row = {"id": card.id, "kind": card.kind, "path": card.given_path} | {k: card.get(k) for k in keys}
        rows.append(row | {"reference_date": str(day) if day else None})
    width, lines = max(len(r["id"]) for r in rows), []
    for row in rows:
        about = " ".join(str(row[k]) for k in ("year", "generation", "edition", "reference_date") if row[k] is not None)
        lines.append(f"{row['id']:<{width}}  {row['kind']:<16} {about:<22} {row['path']}")
    print_answer({"sources": rows}, lines, as_json=as_json)


@sources.command("verify")
@raw_option
@json_option
def sources_verify(raw: Path, as_json: bool) -> None:
    """Check that every file is there, safe, and has the bytes that its card states; so for the parts of a shapefile (sidecars).

    \b
    Example:
      qpvhealth sources verify --raw data/raw
    """
    from qpvhealth.ingest import cards, inputs

    resolved = inputs.resolve(cards.load(raw))
    rows, lines = [], []
    for i in resolved:
        row = {"id": i.card.id, "sha256": i.sha256, "stated": i.card.get("sha256") is not None}
        rows.append(row | ({"sidecars": i.sidecars} if i.sidecars else {}))
        lines.append(f"{i.sha256}  {i.card.id}" + ("" if i.card.get("sha256") else "  (no sha256 in its card)"))
        for suffix, sha256 in i.sidecars.items():
            is_stated = suffix in i.card.get("sidecars", {})
            lines.append(
                f"{sha256}  {i.card.id} {suffix}" + ("" if is_stated else "  (not in the sidecars of its card)")
            )
    print_answer({"sources": rows}, lines, as_json=as_json)


@sources.command("fetch")
@raw_option
@click.option("--insecure", is_flag=True, help="Allow plain HTTP.")
@click.option("--private", is_flag=True, help="Allow addresses that are not public, such as a local server.")
@click.option("--seconds", type=float, default=600, show_default=True, help="Time allowed for each file.")
@json_option
def sources_fetch(raw: Path, insecure: bool, private: bool, seconds: float, as_json: bool) -> None:
    """Download the files that the cards name by url, each to its card's path; never overwrite a different file.

    \b
    Example:
      qpvhealth sources fetch --raw data/raw
    """
    from qpvhealth.ingest import cards, fetch

    limits = fetch.Limits(insecure=insecure, private=private, seconds=seconds)
    done = fetch.fetch_all(cards.load(raw), limits)
    rows = [{"id": f.card_id, "outcome": f.outcome, "sha256": f.sha256} for f in done]
    lines = (f"{f.outcome:<14} {f.card_id}" + (f"  {f.sha256}" if f.sha256 else "") for f in done)
    print_answer({"sources": rows}, lines, as_json=as_json)


@main_group.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--encoding", help="Read text files with this encoding.")
@json_option
def inspect(file: Path, encoding: str | None, as_json: bool) -> None:
    """Show which layout FILE has, how its columns map, and what would be rejected and why; write nothing.

    \b
    Example:
      qpvhealth inspect data/raw/structures/2019.xlsx
    """
    from qpvhealth.ingest import inspection

    report = inspection.inspect(file, encoding=encoding).as_dict()
    print_answer(report, map(harmless, _inspection_lines(report)), as_json=as_json)


def _inspection_lines(report: dict[str, Any]) -> Iterator[str]:
    yield f"{report['path']}  sha256 {report['sha256']}"
    yield from (f"  {suffix}  sha256 {sha256}" for suffix, sha256 in report.get("sidecars", {}).items())
    for sheet in report["sheets"]:
        title = next((f"{part} {sheet[part]}: " for part in ("sheet", "layer") if sheet.get(part)), "")
        if "unreadable" in sheet:
            yield f"\n{title}cannot be read as a table: {sheet['unreadable']}"
            continue
        yield f"\n{title}{sheet['rows']} rows" + (f", {sheet['crs']}" if sheet.get("crs") else "")
        yield from (f"  {note}" for note in sheet.get("notes", []))
        if sheet.get("columns"):
            yield f"  columns: {', '.join(sheet['columns'])}"
        yield from (f"  broken: {b}" for b in sheet.get("broken") or [])
        for fit in sheet["fits"]:
            yield from _fit_lines(fit)
        if not sheet["fits"] and "proposed_card" not in sheet:
            yield "  no layout of any kind of card fits, and no column looks like a number or a type of structures"
        elif not sheet["fits"]:
            yield "  no layout fits; if these are structures, a card could begin like this (check every line):"
            yield from (f"    {line}" for line in sheet["proposed_card"].splitlines())


def _fit_lines(fit: dict[str, Any]) -> Iterator[str]:
    yield f'  fits kind = "{fit["kind"]}", layout = "{fit.get("layout", "")}"'
    if fit.get("mapping"):
        yield "    " + ", ".join(f"{ours} <- {theirs}" for ours, theirs in fit["mapping"].items())
    for key in ("unmapped", "two_headers", "refused", "generation"):
        if detail := fit.get(key):
            yield f"    {key.replace('_', ' ')}: {detail if isinstance(detail, str) else ', '.join(map(str, detail))}"
    if account := fit.get("account"):
        keys = ("rows_in", "rows_out", "out_of_scope", "rejected", "duplicates")
        yield "    " + ", ".join(f"{account[k]} {k.replace('_', ' ')}" for k in keys)
    yield from (f"    rejected {line}" for line in fit.get("rejected", []))
    yield from (f"    {line}" for line in fit.get("warnings", []))
