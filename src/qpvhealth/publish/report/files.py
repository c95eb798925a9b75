"""The files of a report: one renderer a format, each file written whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.errors import UsageError
from qpvhealth.publish.report import html, markdown, odt, pdf, sheets
from qpvhealth.publish.store import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from qpvhealth.publish.report.content import Note

RENDERERS: dict[str, Callable[[Note], str | bytes]] = {
    "html": html.render,
    "md": markdown.render,
    "xlsx": sheets.render,
    "odt": odt.render,
    "pdf": pdf.render,
}


def write(note: Note, folder: Path, formats: Iterable[str]) -> list[Path]:
    """Write ``report.FORMAT`` in a folder for each format, and return the files. Raises UsageError for an unknown format."""
    chosen = list(dict.fromkeys(formats))
    if unknown := [name for name in chosen if name not in RENDERERS]:
        raise UsageError(f"unknown format {', '.join(unknown)}; formats: {', '.join(RENDERERS)}")
    rendered = {folder / f"report.{name}": RENDERERS[name](note) for name in chosen}
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in rendered.items():
        write_file(path, content)
    return list(rendered)
