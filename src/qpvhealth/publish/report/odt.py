"""The report as an OpenDocument text, for approvals that go through a word processor: real styles, headings and tables."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

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
    "TableNote": ("Table note", {"fo:font-size": "8pt"}),
}
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
                _table(body, block, note.language)
            elif isinstance(block, Figure):
                _figure(body, block)
            else:
                _paragraph(body, block)
    return _bytes(root)


def _paragraph(parent: ET.Element, text: str, style: str = "Text_20_body") -> ET.Element:
    return _add(parent, "text:p", {"text:style-name": style}, text)


def _table(body: ET.Element, table: Table, language: Language) -> None:
    _paragraph(body, table.caption, "Caption")
    element = _add(body, "table:table", {"table:name": table.anchor})
    _add(element, "table:table-column", {"table:number-columns-repeated": str(len(table.columns))})
    header = _add(_add(element, "table:table-header-rows"), "table:table-row")
    for column in table.columns:
        _paragraph(_add(header, "table:table-cell", {"office:value-type": "string"}), column.title, "CellHeading")
    for cells in table.texts(language):
        row = _add(element, "table:table-row")
        for at, cell in enumerate(cells):
            style = "Cell" if at else "CellHeading"
            _paragraph(_add(row, "table:table-cell", {"office:value-type": "string"}), cell, style)
    for words in table.notes:
        _paragraph(body, words, "TableNote")


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
        _add(element, "style:paragraph-properties", {"fo:margin-top": "0.1cm", "fo:margin-bottom": "0.1cm"})
        _add(element, "style:text-properties", properties)
    layout = _add(_add(root, "office:automatic-styles"), "style:page-layout", {"style:name": "A4"})
    page = {"fo:page-width": "21cm", "fo:page-height": "29.7cm", "fo:margin": "1.9cm"}
    _add(layout, "style:page-layout-properties", page)
    master = {"style:name": "Standard", "style:page-layout-name": "A4"}
    _add(_add(root, "office:master-styles"), "style:master-page", master)
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
