"""The report as PDF/UA-1 on A4, by typst (extra ``pdf``): the template takes every text from one JSON document, never as markup."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import UsageError
from qpvhealth.publish.report.content import Figure, Table, single_line
from qpvhealth.publish.report.words import say

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Block, Note
    from qpvhealth.publish.sentences import Language

STANDARD = "ua-1"


def render(note: Note) -> bytes:
    """Return the document; no clock and no font of the machine is in it, so that the same note gives the same bytes.

    Raises UsageError where typst is not installed.
    """
    try:
        import typst  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise UsageError("the PDF needs typst: pip install 'qpvhealth[pdf]', or leave --pdf out") from error
    template = resources.files(__package__).joinpath("report.typ").read_bytes()
    figures = [block for section in note.sections for block in section.blocks if isinstance(block, Figure)]
    document = json.dumps(_document(note), ensure_ascii=False).encode()
    files = {"main.typ": template, "data.json": document, **{f"{f.anchor}.svg": f.svg.encode() for f in figures}}
    compiler: Any = typst.compile  # its stubs do not know files in memory
    return bytes(compiler(files, format="pdf", pdf_standards=STANDARD, ignore_system_fonts=True))


def _document(note: Note) -> dict[str, Any]:
    return {
        "title": single_line(note.title),
        "subtitle": single_line(note.subtitle),
        "language": note.language,
        "warnings": [single_line(w) for w in note.warnings],
        "banner": [
            [single_line(say("page.pair", note.language, label=label, value="")), single_line(value)]
            for label, value in note.banner
        ],
        "sections": [
            {"title": single_line(s.title), "blocks": [_block(b, note.language) for b in s.blocks]}
            for s in note.sections
            if s.blocks
        ],
    }


def _block(block: Block, language: Language) -> dict[str, Any]:
    if isinstance(block, str):
        return {"kind": "text", "words": single_line(block)}
    if isinstance(block, Table):
        return {
            "kind": "table",
            "caption": single_line(block.caption),
            "columns": [single_line(c.title) for c in block.columns],
            "numeric": [c.unit not in ("text", "date") for c in block.columns],
            "rows": [[single_line(cell) for cell in row] for row in block.texts(language)],
            "notes": [single_line(n) for n in block.notes],
        }
    words = {"caption": single_line(block.caption), "description": single_line(block.description)}
    return {"kind": "figure", "file": f"{block.anchor}.svg", **words}
