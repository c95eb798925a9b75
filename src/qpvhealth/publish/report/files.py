"""The files of a report: one renderer a format, each file written whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.errors import UsageError
from qpvhealth.publish.report import html, markdown, odt, pdf, sheets
from qpvhealth.publish.report.content import INTERNAL, PUBLIC
from qpvhealth.publish.store import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from qpvhealth.publish.report.content import Audience, Note

RENDERERS: dict[str, Callable[[Note], str | bytes]] = {
    "html": html.render,
    "md": markdown.render,
    "xlsx": sheets.render,
    "odt": odt.render,
    "pdf": pdf.render,
}


DEFAULT_AUDIENCE: dict[str, Audience] = {
    "html": PUBLIC,
    "pdf": PUBLIC,
    "md": INTERNAL,
    "xlsx": INTERNAL,
    "odt": INTERNAL,
}
"""What is sent and printed is for everybody; what is worked on is not."""


def write(
    note_for: Callable[[Audience], Note], folder: Path, formats: Iterable[str], audience: Audience | None = None
) -> list[Path]:
    """Write ``report.FORMAT`` in a folder for each format, and return the files; all are rendered before one is written.

    ``note_for``: the note for an audience; ``audience``: of every format, by default that of ``DEFAULT_AUDIENCE``. Raises UsageError
    for an unknown format.
    """
    chosen = list(dict.fromkeys(formats))
    if unknown := [name for name in chosen if name not in RENDERERS]:
        raise UsageError(f"unknown format {', '.join(unknown)}; formats: {', '.join(RENDERERS)}")
    readers = {name: audience or DEFAULT_AUDIENCE[name] for name in chosen}
    notes = {reader: note_for(reader) for reader in dict.fromkeys(readers.values())}
    rendered = {folder / f"report.{name}": RENDERERS[name](notes[reader]) for name, reader in readers.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in rendered.items():
        write_file(path, content)
    return list(rendered)
