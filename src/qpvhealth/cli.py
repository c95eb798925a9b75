"""The command line: parse, call, show. Nothing else imports click, and nothing heavy is imported before a command runs."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from qpvhealth import __version__
from qpvhealth.errors import ContractError, QpvhealthError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from qpvhealth.contract.rules import Finding
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.views import View
    from qpvhealth.settings import Settings

SCHEMA_VERSION = 1
BUG, INTERRUPTED, FINDINGS = 70, 130, 1
SHOWN_WARNINGS = 20
SHOWN_WIDTH = 90
LIST_NAMES = ("uncovered", "fragile", "disagreements", "rejects")
FORMATS = ("text", "md", "csv", "json", "xlsx")
LEVELS = ("country", "territory", "region", "department", "epci", "commune", "qpv")
FOLDER = click.Path(file_okay=False, path_type=Path)
ANY_PATH = click.Path(path_type=Path)
log = logging.getLogger("qpvhealth")


class JsonLines(logging.Formatter):
    """One JSON document per log line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        return json.dumps({"level": record.levelname.lower(), "message": record.getMessage()}, ensure_ascii=False)


def raw_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--raw``."""
    return click.option(
        "--raw", type=FOLDER, default=Path("data/raw"), show_default=True, help="Folder of sources.toml."
    )(command)


def out_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--out``."""
    return click.option(
        "--out", type=FOLDER, default=Path("data/processed"), show_default=True, help="Where releases are."
    )(command)


def release_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command that reads a release."""
    command = out_option(command)
    return click.option(
        "--release",
        "release_name",
        metavar="R",
        help="Id of a release, the start of one, or its folder. Default: current.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def show_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command that shows a table."""
    command = click.option(
        "--to", type=click.Path(dir_okay=False, path_type=Path), help="Write there instead of printing."
    )(command)
    command = click.option(
        "--format", "fmt", type=click.Choice(FORMATS), help="Default: text, or what --to ends with."
    )(command)
    return json_option(command)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose rows."""
    command = click.option("--department", metavar="CODE", help="Only this département (INSEE code).")(command)
    command = click.option("--region", metavar="CODE", help="Only this region (INSEE code).")(command)
    command = click.option(
        "--generation", metavar="G", help="Perimeters to use. Default: those in force at the reference date."
    )(command)
    return click.option("--year", type=int, help="Only this vintage.")(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="qpvhealth", message="%(prog)s %(version)s")
@click.option("-v", "--verbose", count=True, help="Say more on stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of what is said."
)
@click.option(
    "--log-file", type=click.Path(dir_okay=False, path_type=Path), help="Also write what is said to this file."
)
def main_group(verbose: int, quiet: bool, log_format: str, log_file: Path | None) -> None:
    r"""Count the primary-care structures in and near the French priority neighbourhoods (QPV).

    \b
    First result, on an invented France:
      qpvhealth sample data/raw
      qpvhealth build
      qpvhealth counts

    Data go to stdout, talk to stderr. Exit codes: 0 done, 1 findings, 2 usage or settings, 3 input, 4 publishing failed,
    5 a contract or an account is broken, 70 bug, 130 interrupted. Completion: eval "$(_QPVHEALTH_COMPLETE=bash_source qpvhealth)".
    """
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log_file is not None:
        try:
            handlers.append(logging.FileHandler(log_file, encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"--log-file {log_file}: {error.strerror}") from error
    for handler in handlers:
        handler.setFormatter(JsonLines() if log_format == "json" else logging.Formatter("%(message)s"))
    log.handlers, log.propagate = handlers, False
    log.setLevel(level)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with a documented code; a bug keeps its traceback."""
    try:
        code = main_group.main(args=arguments, prog_name="qpvhealth", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = UsageError.exit_code
    except QpvhealthError as error:
        click.echo(f"Error: {error}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted; nothing was published.", err=True)
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception:
        logging.getLogger("qpvhealth.bug").exception("This is a bug: please report it with this traceback.")
        code = BUG
    sys.exit(code if isinstance(code, int) else 0)


@main_group.command()
@click.argument("folder", type=FOLDER)
def sample(folder: Path) -> None:
    r"""Write the invented France into FOLDER: raw files, cards, corrections.

    \b
    Example:
      qpvhealth sample data/raw
    """
    from qpvhealth import sample as invented

    invented.write(folder)
    log.info("An invented France is in %s; build it with: qpvhealth build --raw %s", folder, folder)


@main_group.group()
def sources() -> None:
    """List the cards of a raw folder, or check their files."""


@sources.command("list")
@raw_option
@json_option
def sources_list(raw: Path, as_json: bool) -> None:
    r"""List the cards: what each file is.

    \b
    Example:
      qpvhealth sources list --raw data/raw
    """
    from qpvhealth.ingest import cards

    rows = [_card_row(card) for card in cards.load(raw)]
    if as_json:
        _json({"sources": rows})
        return
    width = max(len(r["id"]) for r in rows)
    for row in rows:
        about = " ".join(str(row[k]) for k in ("year", "generation", "edition", "reference_date") if row[k] is not None)
        click.echo(f"{row['id']:<{width}}  {row['kind']:<16} {about:<22} {row['path']}")


def _card_row(card: Card) -> dict[str, Any]:
    keys = ("year", "generation", "edition", "status", "title")
    dates = {"reference_date": str(card.get("reference_date")) if card.get("reference_date") else None}
    return {"id": card.id, "kind": card.kind, "path": card.given_path} | {k: card.get(k) for k in keys} | dates


@sources.command("verify")
@raw_option
@json_option
def sources_verify(raw: Path, as_json: bool) -> None:
    r"""Check that every file is there, safe, and has the bytes that its card states.

    \b
    Example:
      qpvhealth sources verify --raw data/raw
    """
    from qpvhealth.ingest import cards, inputs

    found = inputs.resolve(cards.load(raw))
    if as_json:
        _json(
            {
                "sources": [
                    {"id": i.card.id, "sha256": i.sha256, "stated": i.card.get("sha256") is not None} for i in found
                ]
            }
        )
        return
    for i in found:
        click.echo(f"{i.sha256}  {i.card.id}" + ("" if i.card.get("sha256") else "  (no sha256 in its card)"))


@main_group.command()
@click.argument("file", type=ANY_PATH)
@click.option("--encoding", help="Read text files with this encoding.")
@json_option
def inspect(file: Path, encoding: str | None, as_json: bool) -> None:
    r"""Tell which layout FILE has, how its columns map, and what would be rejected and why; write nothing.

    \b
    Example:
      qpvhealth inspect data/raw/structures/2019.xlsx
    """
    from qpvhealth.ingest import inspection

    found = inspection.inspect(file, encoding=encoding).as_dict()
    if as_json:
        _json(found)
        return
    for line in _inspection_lines(found):
        click.echo(line)


def _inspection_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['path']}  sha256 {found['sha256']}"
    for sheet in found["sheets"]:
        title = f"sheet {sheet['sheet']}: " if sheet.get("sheet") else ""
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
        if not sheet["fits"]:
            yield "  no layout fits; if these are structures, a card could begin like this (check every line):"
            yield from (f"    {line}" for line in sheet["proposed_card"].splitlines())


def _fit_lines(fit: dict[str, Any]) -> Iterator[str]:
    yield f'  fits kind = "{fit["kind"]}", layout = "{fit.get("layout", "")}"'
    mapping = fit.get("mapping", {})
    if mapping:
        yield "    " + ", ".join(f"{ours} <- {theirs}" for ours, theirs in mapping.items())
    for key in ("unmapped", "two_headers", "refused", "generation"):
        if fit.get(key):
            yield f"    {key.replace('_', ' ')}: {fit[key] if isinstance(fit[key], str) else ', '.join(map(str, fit[key]))}"
    if "account" in fit:
        account = fit["account"]
        counts = ", ".join(
            f"{account[k]} {k.replace('_', ' ')}"
            for k in ("rows_in", "rows_out", "out_of_scope", "rejected", "duplicates")
        )
        yield f"    {counts}"
    yield from (f"    rejected {line}" for line in fit.get("rejected", []))
    yield from (f"    {line}" for line in fit.get("warnings", []))


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
@json_option
def build(
    *, raw: Path, out: Path, settings_file: Path | None, dry_run: bool, strict: bool, force: bool, as_json: bool
) -> None:
    r"""Build a release: ingest, place, join, overlay the zoning, count, publish.

    \b
    Example:
      qpvhealth build --raw data/raw --out data/processed
    """
    from qpvhealth.ingest import cards, inputs
    from qpvhealth.publish import store

    chosen = _settings(settings_file, raw)
    resolved = inputs.resolve(cards.load(raw))
    fingerprint = inputs.fingerprint(resolved, raw, chosen.as_dict())
    known = None if force else store.is_current(out, fingerprint)
    if dry_run:
        _plan(resolved, chosen, up_to_date=known is not None, as_json=as_json)
        return
    if known is not None and not strict:
        _json({"release": known.name, "unchanged": True}) if as_json else click.echo(f"Nothing has changed: {known}")
        return
    _build(raw, out, chosen, fingerprint, strict=strict, as_json=as_json)


def _settings(path: Path | None, raw: Path) -> Settings:
    from qpvhealth import settings

    found = path or settings.nearest(Path.cwd()) or settings.nearest(raw if raw.is_dir() else Path.cwd())
    if found is not None:
        log.info("Settings: %s", found)
    return settings.load(found)


def _plan(resolved: list[Input], chosen: Settings, *, up_to_date: bool, as_json: bool) -> None:
    if as_json:
        _json({"inputs": [i.as_dict() for i in resolved], "settings": chosen.as_dict(), "up_to_date": up_to_date})
        return
    for i in resolved:
        click.echo(f"{i.sha256[:12]}  {i.card.kind:<16} {i.card.id}")
    for key, value in chosen.as_dict().items():
        click.echo(f"{key} = {value}")
    click.echo("Nothing has changed since the current release." if up_to_date else "A build would write a new release.")


def _build(raw: Path, out: Path, chosen: Settings, fingerprint: str, *, strict: bool, as_json: bool) -> None:
    from qpvhealth import pipeline
    from qpvhealth.contract.tables import PUBLISHED
    from qpvhealth.publish import release
    from qpvhealth.publish.manifest import Facts
    from qpvhealth.publish.store import Store

    target = Store(out)
    with target.lock(), _progress() as tell:
        built = pipeline.build(raw, chosen, progress=tell)
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
        folder = release.write(target, dict(built), PUBLISHED, facts)
    _closing(built.findings)
    if built.invented:
        log.warning("DONNÉES INVENTÉES: every figure of this release comes from an invented France.")
    _json(_built_summary(folder, built)) if as_json else click.echo(f"Release {folder.name}: {folder}")
    if strict and len(built["rejects"]):
        log.warning("%d rows were rejected (--strict): qpvhealth list rejects --out %s", len(built["rejects"]), out)
        sys.exit(FINDINGS)


def _built_summary(folder: Path, built: Any) -> dict[str, Any]:
    tables = {name: len(frame) for name, frame in built.items()}
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


class _Progress:
    """Show the step under way on a terminal; say nothing elsewhere unless asked with -v."""

    def __init__(self) -> None:
        self._live: Any = None

    def __enter__(self) -> Callable[[str], None]:
        if sys.stderr.isatty() and log.isEnabledFor(logging.INFO) and not os.environ.get("NO_COLOR"):
            from rich.console import Console

            self._live = Console(stderr=True).status("starting")
            self._live.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def _tell(self, step: str) -> None:
        if self._live is not None:
            self._live.update(step)
        log.debug("%s", step)


def _progress() -> _Progress:
    return _Progress()


@main_group.command()
@click.option("--level", type=click.Choice(LEVELS), default="country", show_default=True, help="Areas to count by.")
@filter_options
@show_options
@release_options
def counts(
    *, level: str, fmt: str | None, to: Path | None, as_json: bool, release_name: str | None, out: Path, **chosen: Any
) -> None:
    r"""Show the table of the progress report: structures in and near QPV, by year and type.

    \b
    Examples:
      qpvhealth counts
      qpvhealth counts --level region --year 2019 --format xlsx --to vecu-2019.xlsx
    """
    from qpvhealth.publish import views

    opened = _open(out, release_name)
    _show(opened, views.counts(opened, level, views.Filters(**chosen)), fmt, to, as_json=as_json)


@main_group.command("list")
@click.argument("name", type=click.Choice(LIST_NAMES))
@filter_options
@click.option(
    "--type", "structure_type", type=click.Choice(["MSP", "CDS"], case_sensitive=False), help="Only this type."
)
@show_options
@release_options
def list_command(
    *, name: str, fmt: str | None, to: Path | None, as_json: bool, release_name: str | None, out: Path, **chosen: Any
) -> None:
    r"""List uncovered QPV, fragile structures, disagreements with the extract's own flag, or rejected rows.

    \b
    Examples:
      qpvhealth list uncovered --region 76
      qpvhealth list disagreements --year 2019 --to ecarts.xlsx
    """
    from qpvhealth.publish import views

    opened = _open(out, release_name)
    _show(opened, views.lists(opened, name, views.Filters(**chosen)), fmt, to, as_json=as_json)


def _open(out: Path, name: str | None) -> Release:
    from qpvhealth.publish import release

    return release.open_release(out, name)


def _show(opened: Release, view: View, fmt: str | None, to: Path | None, *, as_json: bool) -> None:
    from qpvhealth.publish import rendering

    options: dict[str, Any] = {"titles": view.titles, "notes": view.notes, "invented": opened.invented}
    if to is not None:
        rendering.save(to, view.frame, fmt=fmt, **options)  # type: ignore[arg-type]  # click has checked the choice
        log.info("%d rows written to %s", len(view.frame), to)
        return
    form = "json" if as_json else fmt or "text"
    if form == "xlsx":
        raise UsageError("a workbook is not for a terminal: name a file with --to")
    shown = rendering.render(view.frame, fmt=form, **options)  # type: ignore[arg-type]
    click.echo(shown, nl=isinstance(shown, str) and not shown.endswith("\n"))


def _problems(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        _json(document)
        return
    for problem in document["problems"]:
        click.echo(problem)


@main_group.command()
@release_options
@json_option
def check(release_name: str | None, out: Path, as_json: bool) -> None:
    r"""Hold a release against its contracts and identities: exit 5 when one is broken.

    \b
    Example:
      qpvhealth check
    """
    from qpvhealth.publish import checks

    found = checks.problems(_open(out, release_name))
    _problems({"problems": found}, as_json=as_json)
    if found:
        sys.exit(ContractError.exit_code)
    log.info("Every contract and identity holds.")


@main_group.command()
@release_options
@json_option
def verify(release_name: str | None, out: Path, as_json: bool) -> None:
    r"""Hash every file of a release again: exit 5 when one has changed.

    \b
    Example:
      qpvhealth verify
    """
    from qpvhealth.publish import manifest
    from qpvhealth.publish.store import Store

    folder = Store(out).resolve(release_name)
    found = manifest.verify(folder)
    _problems({"release": folder.name, "problems": found}, as_json=as_json)
    if found:
        sys.exit(ContractError.exit_code)
    log.info("%s is whole.", folder)


@main_group.group()
def releases() -> None:
    """List the releases, go back to one, or remove old ones."""


@releases.command("list")
@out_option
@json_option
def releases_list(out: Path, as_json: bool) -> None:
    r"""List the releases, the oldest first; a star marks the current one.

    \b
    Example:
      qpvhealth releases list
    """
    from qpvhealth.publish.store import Store

    store = Store(out)
    current = store.current()
    rows = [{"release": name, "current": current is not None and current.name == name} for name in store.releases()]
    if as_json:
        _json({"releases": rows})
        return
    for row in rows:
        click.echo(("* " if row["current"] else "  ") + str(row["release"]))


@releases.command("rollback")
@click.argument("release_name", metavar="R")
@out_option
def releases_rollback(release_name: str, out: Path) -> None:
    r"""Make release R current again, after checking that it is whole.

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
    r"""Remove old releases.

    \b
    Example:
      qpvhealth releases prune --keep 5 --yes
    """
    from qpvhealth.publish.store import Store

    for name in Store(out).prune(keep, dry_run=not yes):
        click.echo(f"{'removed' if yes else 'would remove'} {name}")


@main_group.command()
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["md", "json"]),
    default="md",
    show_default=True,
    help="Markdown, or Table Schema.",
)
def schema(fmt: str) -> None:
    r"""Print the data dictionary of the published tables.

    \b
    Example:
      qpvhealth schema --format json
    """
    from qpvhealth.contract import dictionary

    click.echo(
        dictionary.markdown() if fmt == "md" else json.dumps(dictionary.table_schemas(), ensure_ascii=False, indent=1)
    )


@main_group.command()
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Default: the nearest qpvhealth.toml.",
)
@json_option
def doctor(settings_file: Path | None, as_json: bool) -> None:
    r"""Show versions, drivers, free disk, and the settings with where each came from.

    \b
    Example:
      qpvhealth doctor
    """
    from qpvhealth.ingest import health

    told = health.report() | {"settings": _settings(settings_file, Path.cwd()).as_dict()}
    if as_json:
        _json(told)
        return
    for key, value in told.items():
        click.echo(f"{key}:")
        for name, detail in value.items():
            click.echo(f"  {name}: {detail}")


def _json(document: dict[str, Any]) -> None:
    click.echo(json.dumps({"schema_version": SCHEMA_VERSION} | document, ensure_ascii=False, indent=1, default=str))


def reference() -> str:
    """Describe every command in Markdown, from their own help."""
    context = _context(main_group, "qpvhealth")
    head = "# Commands\n\nGenerated by `make docs` from the help of each command; do not edit.\n"
    return "\n".join([head, *_described(main_group, context)]).rstrip() + "\n"


def _described(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.commands[name]
            yield from _described(child, _context(child, name, context))


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    """Return a context whose help does not depend on the terminal."""
    return click.Context(command, info_name=name, parent=parent, terminal_width=110, help_option_names=["-h", "--help"])
