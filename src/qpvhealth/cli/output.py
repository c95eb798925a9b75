"""What commands print, and how they say how far they are: data to stdout, messages to stderr."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator

    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View
    from qpvhealth.publish.sentences import Language
    from qpvhealth.settings import Settings

SCHEMA_VERSION = 1
OUT = Path("data/processed")
"""Where releases are unless a command says otherwise."""
FINDINGS = 1
"""Exit code of a command that has something to show: a difference, a rejected row."""


def logger() -> logging.Logger:
    """Return the logger of the command line; ``logging`` is loaded at its first message, which ``--help`` has none of."""
    import logging

    return logging.getLogger("qpvhealth")


def harmless(text: str) -> str:
    """Keep what a file says from commanding a terminal: control and direction characters become spaces, lines stay lines."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def print_json(document: dict[str, Any]) -> None:
    """Print one document, with the version of its form."""
    import json

    click.echo(json.dumps({"schema_version": SCHEMA_VERSION} | document, ensure_ascii=False, indent=1, default=str))


def print_answer(document: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print one document for programs, or lines for people, folded to the width of a terminal."""
    if as_json:
        print_json(document)
        return
    from qpvhealth.cli.folding import folded

    for line in folded(lines, shutil.get_terminal_size().columns) if is_terminal() else lines:
        click.echo(line)


def is_terminal() -> bool:
    """Say whether a table is read on a terminal, and not by a file or another program."""
    return sys.stdout.isatty()


class Shown(NamedTuple):
    """How a table is asked for: its form, the file it goes to, the language of its headers and values, and how wide it may be."""

    fmt: str | None = None
    to: Path | None = None
    as_json: bool = False
    language: Language = "fr"
    is_wide: bool = False


def show(release: Release, answer: View | tuple[View, ...], how: Shown, *, invented: bool = True) -> None:
    """Print a table in the form asked for, or write it to a file.

    Several tables come one after the other; as JSON in one document; in files named after each when a file is asked for. JSON and CSV
    have the codes of the tables, other forms their words. ``invented``: say so under the table where the data are.
    """
    import json

    from qpvhealth.publish import rendering, words

    form: Any = "json" if how.as_json else how.fmt  # click has checked the choice
    if isinstance(answer, tuple):
        if form == "json":
            texts = {
                v.name: rendering.render(v.frame, fmt=form, titles=v.titles, notes=v.notes, invented=release.invented)
                for v in answer
            }
            print_json({"invented": release.invented, "tables": {name: json.loads(t) for name, t in texts.items()}})
            return
        for view in answer:
            to = how.to and how.to.with_stem(f"{how.to.stem}-{view.name}")
            show(release, view, how._replace(to=to))
        return
    form = form or (rendering.format_of(how.to) if how.to else "text")
    if form == "xlsx" and how.to is None:
        raise UsageError("a workbook is not for a terminal: name a file with --to")
    options: dict[str, Any] = {
        "titles": answer.titles,
        "notes": answer.notes,
        "invented": invented and release.invented,
    }
    if form not in ("json", "csv"):
        answer = words.in_words(answer, how.language)
        answer = answer if form == "xlsx" else words.with_bounds(answer)
        options |= {
            "titles": answer.titles,
            "notes": (*answer.notes, *_foot(answer, how.language)),
            "language": how.language,
        }
    if how.to is not None:
        rendering.save(how.to, answer.frame, fmt=form, **options)
        logger().info("%d rows written to %s", len(answer.frame), how.to)
        return
    if form == "text" and not how.is_wide and is_terminal():
        from qpvhealth.cli import terminal

        width = shutil.get_terminal_size().columns
        shown: str | bytes = terminal.fitted(
            answer, options["notes"], width, invented=options["invented"], language=how.language
        )
    else:
        shown = rendering.render(answer.frame, fmt=form, **options)
    click.echo(shown, nl=isinstance(shown, str) and not shown.endswith("\n"))


def _foot(view: View, language: Language) -> Iterator[str]:
    """Write how to list the rows behind a table: the command, on the same release."""
    if not view.behind:
        return
    context = click.get_current_context(silent=True)
    chosen = context.params if context else {}
    options = [("--release", chosen.get("release_name")), ("--out", chosen.get("out"))]
    same = "".join(f" {name} {shlex.quote(str(value))}" for name, value in options if value not in (None, OUT))
    from qpvhealth.publish import sentences

    form = "case_of" if view.behind.startswith("explain") else "rows_of"
    yield sentences.in_language(sentences.note(form, command=f"qpvhealth {view.behind}{same}"), language)


def open_release(out: Path, name: str | None) -> Release:
    """Open a release: the current one unless one is named."""
    from qpvhealth.publish import release as releases

    return releases.open_release(out, name)


def settings_of(path: Path | None, raw: Path) -> Settings:
    """Read the settings: the file named, else the nearest to the working folder, else to the raw folder."""
    from qpvhealth import settings

    file = path or settings.nearest(Path.cwd()) or settings.nearest(raw if raw.is_dir() else Path.cwd())
    if file is not None:
        logger().info("Settings: %s", file)
    return settings.load(file)


def shows_progress() -> bool:
    """Say whether to draw on stderr: it is a terminal, and neither -q nor NO_COLOR asks for plain lines."""
    import logging

    return sys.stderr.isatty() and logger().isEnabledFor(logging.INFO) and not os.environ.get("NO_COLOR")


@contextmanager
def step_line() -> Iterator[Callable[[str], None]]:
    """Return the function that names each step: in one line of a terminal, which then goes; with -v in the log too."""
    if not shows_progress():
        yield lambda step: logger().debug("%s", step)
        return
    from rich.console import Console
    from rich.live import Live

    with Live("starting", console=Console(stderr=True), auto_refresh=False, transient=True) as line:

        def name_step(step: str) -> None:
            """Write the name of a step over that of the last."""
            line.update(step, refresh=True)
            logger().debug("%s", step)

        yield name_step


@contextmanager
def row_bar(what: str = "rows") -> Iterator[Callable[[int, int | None], None]]:
    """Return the function that takes how many of ``what`` are done and how many there are, shown as a bar on a terminal."""
    if not shows_progress():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
