"""What commands print, and how they say how far they are: data to stdout, talk to stderr."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View
    from qpvhealth.settings import Settings

SCHEMA_VERSION = 1
log = logging.getLogger("qpvhealth")


def harmless(text: str) -> str:
    """Keep what a file says from commanding a terminal: control and direction characters become spaces, lines stay lines."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def print_json(document: dict[str, Any]) -> None:
    """Print one document, with the version of its form."""
    import json

    click.echo(json.dumps({"schema_version": SCHEMA_VERSION} | document, ensure_ascii=False, indent=1, default=str))


def print_problems(document: dict[str, Any], *, as_json: bool) -> None:
    """Print what is wrong: a line each, or one document."""
    if as_json:
        print_json(document)
        return
    for problem in document["problems"]:
        click.echo(problem)


def show(release: Release, view: View, fmt: str | None, to: Path | None, *, as_json: bool) -> None:
    """Print a table in the form asked for, or write it to a file."""
    from qpvhealth.publish import rendering

    options: dict[str, Any] = {"titles": view.titles, "notes": view.notes, "invented": release.invented}
    if to is not None:
        rendering.save(to, view.frame, fmt=fmt, **options)  # type: ignore[arg-type]  # click has checked the choice
        log.info("%d rows written to %s", len(view.frame), to)
        return
    form = "json" if as_json else fmt or "text"
    if form == "xlsx":
        raise UsageError("a workbook is not for a terminal: name a file with --to")
    shown = rendering.render(view.frame, fmt=form, **options)  # type: ignore[arg-type]
    click.echo(shown, nl=isinstance(shown, str) and not shown.endswith("\n"))


def show_all(release: Release, views: Sequence[View], fmt: str | None, to: Path | None, *, as_json: bool) -> None:
    """Print several tables one after the other; as JSON in one document; to files named after each when there is a file."""
    if as_json or fmt == "json":
        import json

        from qpvhealth.publish import rendering

        each = {
            v.name: json.loads(rendering.render(v.frame, fmt="json", titles=v.titles, notes=v.notes)) for v in views
        }
        print_json({"invented": release.invented, "tables": each})
        return
    for view in views:
        path = to.with_stem(f"{to.stem}-{view.name}") if to is not None else None
        show(release, view, fmt, path, as_json=False)


def open_release(out: Path, name: str | None) -> Release:
    """Open a release: the current one unless one is named."""
    from qpvhealth.publish import release as releases

    return releases.open_release(out, name)


def settings_of(path: Path | None, raw: Path) -> Settings:
    """Read the settings: the file named, else the nearest to the working folder, else to the raw folder."""
    from qpvhealth import settings

    found = path or settings.nearest(Path.cwd()) or settings.nearest(raw if raw.is_dir() else Path.cwd())
    if found is not None:
        log.info("Settings: %s", found)
    return settings.load(found)


class Progress:
    """Show the step under way on a terminal; say nothing elsewhere unless asked with -v.

    A line that stands still between steps: what turns needs a thread, and a process with threads is not copied to a second core.
    """

    def __init__(self) -> None:
        """Show nothing yet."""
        self._live: Any = None

    def __enter__(self) -> Callable[[str], None]:
        """Return the function that names each step."""
        if sys.stderr.isatty() and log.isEnabledFor(logging.INFO) and not os.environ.get("NO_COLOR"):
            from rich.console import Console
            from rich.live import Live

            self._live = Live("starting", console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()

    def _tell(self, step: str) -> None:
        if self._live is not None:
            self._live.update(step, refresh=True)
        log.debug("%s", step)


class Bar:
    """Show how many rows are done, out of how many, on a terminal only."""

    def __init__(self) -> None:
        """Show nothing yet."""
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Callable[[int, int | None], None]:
        """Return the function that is told rows done and rows in all."""
        if sys.stderr.isatty() and log.isEnabledFor(logging.INFO) and not os.environ.get("NO_COLOR"):
            from rich.console import Console
            from rich.progress import Progress as Rows

            self._bar = Rows(console=Console(stderr=True))
            self._task = self._bar.add_task("rows", total=None)
            self._bar.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()

    def _tell(self, done: int, total: int | None) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)
