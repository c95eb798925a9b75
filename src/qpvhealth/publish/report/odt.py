"""The report as an OpenDocument text, for approvals that go through a word processor: real styles, headings and tables."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from qpvhealth.publish.bounds import parted
from qpvhealth.publish.report.content import Figure, Table, single_line
from qpvhealth.publish.report.words import say

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Note
    from qpvhealth.publish.sentences import Language

MIME = "application/vnd.oasis.opendocument.text"
NAMESPACES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
    "fo": "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0",
    "svg": "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0",
    "xlink": "http://www.w3.org/1999/xlink",
    "manifest": "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
}
STYLES: dict[str, tuple[str, dict[str, str]]] = {
    "Title": ("Title", {"fo:font-size": "16pt", "fo:font-weight": "bold"}),
    "Heading_20_1": ("Heading 1", {"fo:font-size": "13pt", "fo:font-weight": "bold"}),
    "Text_20_body": ("Text body", {"fo:font-size": "10pt"}),
    "Warning": ("Warning", {"fo:font-size": "11pt", "fo:font-weight": "bold"}),
    "Caption": ("Caption", {"fo:font-size": "10pt", "fo:font-weight": "bold"}),
    "Cell": ("Cell", {"fo:font-size": "7pt"}),
    "CellHeading": ("Cell heading", {"fo:font-size": "7pt", "fo:font-weight": "bold"}),
    "CellNumber": ("Cell number", {"fo:font-size": "7pt"}),
    "CellNumberHeading": ("Cell number heading", {"fo:font-size": "7pt", "fo:font-weight": "bold"}),
    "Footer": ("Footer", {"fo:font-size": "8pt"}),
    "TableNote": ("Table note", {"fo:font-size": "8pt"}),
}
PARAGRAPHS: dict[str, dict[str, str]] = {
    **{name: {"fo:text-align": "end"} for name in ("CellNumber", "CellNumberHeading", "Footer")},
    **{name: {"fo:keep-with-next": "always"} for name in ("Heading_20_1", "Caption")},
}
"""Numbers to the right; a heading or a caption stays with what it names."""
CHARACTER_CM, PADDING_CM = 0.115, 0.3
"""A character of a table, and the room beside its words."""
LONGEST_TEXT, LONGEST_BOUNDS = 22, 12
"""Characters of a column of texts, and of the bounds of a number, before their lines are folded."""
DRAWN_CM = 17.0
"""How wide a figure is drawn: an A4 page without its margins."""
for _prefix, _uri in NAMESPACES.items():
    ET.register_namespace(_prefix, _uri)


def render(note: Note) -> bytes:
    """Return the document: A4, figures as images with their text alternatives; the same note gives the same bytes."""
    figures = [b for s in note.sections for b in s.blocks if isinstance(b, Figure)]
    files: dict[str, bytes] = {
        "content.xml": _content(note),
        "styles.xml": _styles(note.language),
        "meta.xml": _meta(note),
        **{f"Pictures/{f.anchor}.svg": f.svg.encode() for f in figures},
    }
    files["META-INF/manifest.xml"] = _manifest(files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {"mimetype": MIME.encode(), **files}.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


def _q(name: str) -> str:
    prefix, local = name.split(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def _add(
    parent: ET.Element, name: str, attributes: dict[str, str] | None = None, text: str | None = None
) -> ET.Element:
    element = ET.SubElement(parent, _q(name), {_q(k): v for k, v in (attributes or {}).items()})
    element.text = None if text is None else single_line(text)
    return element


def _root(name: str) -> ET.Element:
    return ET.Element(_q(name), {_q("office:version"): "1.3"})


def _bytes(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _content(note: Note) -> bytes:
    root = _root("office:document-content")
    automatic = _add(root, "office:automatic-styles")
    for number, table in enumerate(note.tables):
        _table_styles(automatic, f"T{number}", table, note.language)
    tables = iter(range(len(note.tables)))
    body = _add(_add(root, "office:body"), "office:text")
    for warning in note.warnings:
        _paragraph(body, warning, "Warning")
    for label, value in note.banner:
        _paragraph(body, say("page.pair", note.language, label=label, value=value), "TableNote")
    _paragraph(body, note.title, "Title")
    _paragraph(body, note.subtitle, "Caption")
    for section in note.sections:
        heading = {"text:style-name": "Heading_20_1", "text:outline-level": "1"}
        _add(body, "text:h", heading, section.title)
        for block in section.blocks:
            if isinstance(block, Table):
                _table(body, f"T{next(tables)}", block, note.language)
            elif isinstance(block, Figure):
                _figure(body, block)
            else:
                _paragraph(body, block)
    return _bytes(root)


def _paragraph(parent: ET.Element, text: str, style: str = "Text_20_body") -> ET.Element:
    return _add(parent, "text:p", {"text:style-name": style}, text)


def _table_styles(parent: ET.Element, name: str, table: Table, language: Language) -> None:
    """Give each column the part of the page that its words ask for, and each row a line under it."""
    whole_width = {"style:width": f"{DRAWN_CM:g}cm", "table:align": "margins"}
    _add(_style(parent, name, "table"), "style:table-properties", whole_width)
    for at, width in enumerate(_widths(table, language)):
        column = {"style:column-width": f"{width:.2f}cm"}
        _add(_style(parent, f"{name}.{at}", "table-column"), "style:table-column-properties", column)
    _add(_style(parent, f"{name}.row", "table-row"), "style:table-row-properties", {"fo:keep-together": "always"})
    line = {"fo:border-bottom": "0.5pt solid #c8c8c8", "fo:padding": "0.03cm 0.13cm"}
    _add(_style(parent, f"{name}.cell", "table-cell"), "style:table-cell-properties", line)


def _widths(table: Table, language: Language) -> list[float]:
    """Return the width of each column in centimetres, by its longest cell, and no less than its longest word where the page allows."""
    words, cells_of = [], []
    rows = table.texts(language)
    for at, column in enumerate(table.columns):
        cells = [row[at] for row in rows]
        words.append(max(len(word) for text in (column.title, *cells) for word in text.split(" ")) + 1)
        whole = max((len(part) for cell in cells for part in cell.split(" (")), default=0)
        cells_of.append(max(words[-1], min(whole, LONGEST_TEXT if column.unit == "text" else LONGEST_BOUNDS)) + 2)
    widths = [DRAWN_CM * n / sum(cells_of) for n in cells_of]
    least = [CHARACTER_CM * n + PADDING_CM for n in words]
    lacking = sum(max(f - w, 0) for f, w in zip(least, widths, strict=True))
    spare = sum(max(w - f, 0) for f, w in zip(least, widths, strict=True))
    if lacking > spare:
        return widths
    part = lacking / spare if spare else 0.0
    return [max(w, f) - part * max(w - f, 0) for f, w in zip(least, widths, strict=True)]


def _style(parent: ET.Element, name: str, family: str) -> ET.Element:
    return _add(parent, "style:style", {"style:name": name, "style:family": family})


def _table(body: ET.Element, name: str, table: Table, language: Language) -> None:
    _paragraph(body, table.caption, "Caption")
    element = _add(body, "table:table", {"table:name": table.anchor, "table:style-name": name})
    for at in range(len(table.columns)):
        _add(element, "table:table-column", {"table:style-name": f"{name}.{at}"})
    is_number = [column.unit not in ("text", "date") for column in table.columns]
    styles = ["CellNumberHeading" if numeric else "CellHeading" for numeric in is_number]
    _row(_add(element, "table:table-header-rows"), name, [column.title for column in table.columns], styles)
    styles = ["CellHeading", *("CellNumber" if numeric else "Cell" for numeric in is_number[1:])]
    for cells in table.texts(language):
        _row(element, name, cells, styles)
    for words in table.notes:
        _paragraph(body, words, "TableNote")


def _row(parent: ET.Element, name: str, cells: list[str], styles: list[str]) -> None:
    row = _add(parent, "table:table-row", {"table:style-name": f"{name}.row"})
    for cell, style in zip(cells, styles, strict=True):
        element = _add(row, "table:table-cell", {"office:value-type": "string", "table:style-name": f"{name}.cell"})
        alone, bounds = parted(cell) if style == "CellNumber" else (cell, "")
        for text in (alone, bounds)[: 1 + bool(bounds)]:
            _paragraph(element, text, style)


def _figure(body: ET.Element, figure: Figure) -> None:
    height = DRAWN_CM * figure.size[1] / figure.size[0]
    size = {"svg:width": f"{DRAWN_CM:g}cm", "svg:height": f"{height:.2f}cm", "text:anchor-type": "as-char"}
    frame = _add(_paragraph(body, ""), "draw:frame", {"draw:name": figure.anchor, **size})
    image = {"xlink:href": f"Pictures/{figure.anchor}.svg", "xlink:type": "simple", "xlink:show": "embed"}
    _add(frame, "draw:image", {**image, "xlink:actuate": "onLoad"})
    _add(frame, "svg:title", text=figure.title)
    _add(frame, "svg:desc", text=figure.description)
    _paragraph(body, figure.caption, "TableNote")


def _styles(language: str) -> bytes:
    root = _root("office:document-styles")
    styles = _add(root, "office:styles")
    default = _add(styles, "style:default-style", {"style:family": "paragraph"})
    country = {"fr": "FR", "en": "GB"}[language]
    words = {"fo:language": language, "fo:country": country, "fo:font-family": "Liberation Sans"}
    _add(default, "style:text-properties", words)
    for name, (shown, properties) in STYLES.items():
        style = {"style:name": name, "style:display-name": shown, "style:family": "paragraph"}
        outline = {"style:default-outline-level": "1"} if name.startswith("Heading") else {}
        element = _add(styles, "style:style", {**style, **outline})
        margin = "0.02cm" if name.startswith("Cell") else "0.1cm"
        own = {"fo:margin-top": margin, "fo:margin-bottom": margin, **PARAGRAPHS.get(name, {})}
        _add(element, "style:paragraph-properties", own)
        _add(element, "style:text-properties", properties)
    layout = _add(_add(root, "office:automatic-styles"), "style:page-layout", {"style:name": "A4"})
    page = {"fo:page-width": "21cm", "fo:page-height": "29.7cm", "fo:margin": "1.9cm"}
    _add(layout, "style:page-layout-properties", page)
    _add(_add(layout, "style:footer-style"), "style:header-footer-properties", {"fo:margin-top": "0.3cm"})
    master = {"style:name": "Standard", "style:page-layout-name": "A4"}
    page_of = _add(_add(root, "office:master-styles"), "style:master-page", master)
    foot = _paragraph(_add(page_of, "style:footer"), "", "Footer")
    _add(foot, "text:page-number", {"text:select-page": "current"}, "1").tail = " / "
    _add(foot, "text:page-count", text="1")
    return _bytes(root)


def _meta(note: Note) -> bytes:
    root = _root("office:document-meta")
    meta = _add(root, "office:meta")
    _add(meta, "dc:title", text=note.title)
    _add(meta, "dc:language", text=note.language)
    return _bytes(root)


def _manifest(files: dict[str, bytes]) -> bytes:
    root = ET.Element(_q("manifest:manifest"), {_q("manifest:version"): "1.3"})
    for path in ("/", *files):
        kind = MIME if path == "/" else "image/svg+xml" if path.endswith(".svg") else "text/xml"
        _add(root, "manifest:file-entry", {"manifest:full-path": path, "manifest:media-type": kind})
    return _bytes(root)
