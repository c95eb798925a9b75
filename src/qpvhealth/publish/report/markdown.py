"""The short version of the report, for a mail or a commit: the essential and its table, in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.publish.rendering import escaped as marked
from qpvhealth.publish.report.content import Table, single_line
from qpvhealth.publish.report.words import say

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Note
    from qpvhealth.publish.sentences import Language


def render(note: Note) -> str:
    """Return the sections marked short: paragraphs, tables with their notes, no figure; texts of the data show as they are."""
    lines = [f"**{escaped(w)}**\n" for w in note.warnings]
    lines += [f"# {escaped(note.title)}\n", f"{escaped(note.subtitle)}\n"]
    lines += [f"- {escaped(say('page.pair', note.language, label=k, value=v))}" for k, v in note.banner]
    for section in note.sections:
        if section.is_short:
            lines.append(f"\n## {escaped(section.title)}")
            for block in section.blocks:
                if isinstance(block, str):
                    lines.append(f"\n{escaped(block)}")
                elif isinstance(block, Table):
                    lines += ["", *_table(block, note.language)]
    return "".join(f"{line}\n" for line in lines)


def _table(table: Table, language: Language) -> list[str]:
    titles = [escaped(column.title) for column in table.columns]
    rule = ["---" if column.unit in ("text", "date") else "---:" for column in table.columns]
    rows = [[escaped(cell) for cell in row] for row in table.texts(language)]
    lines = [f"**{escaped(table.caption)}**", "", *(f"| {' | '.join(row)} |" for row in (titles, rule, *rows))]
    return [*lines, *(line for note in table.notes for line in ("", escaped(note)))]


def escaped(words: str) -> str:
    """Write a text as it is, its no-break spaces too."""
    return marked(words, single_line)
