"""The report as one HTML file: no request, one style and one script whose hashes its policy names, every text of the data escaped."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from qpvhealth.publish.bounds import Bounded, parted
from qpvhealth.publish.report import live_map
from qpvhealth.publish.report.content import NOT_SHOWN, Figure, Table, number, single_line
from qpvhealth.publish.report.words import say

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Block, LiveMap, Note, Section

WIDE_FROM = 10
"""A table of more columns is set closer, to fit a laptop of 1,280 pixels."""
STYLE = (
    """
:root{color-scheme:light}
body{font-family:system-ui,"Liberation Sans",Arial,sans-serif;font-size:1rem;line-height:1.5;color:#161616;background:#fff;margin:0}
main,header,nav,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.6rem;line-height:1.25;margin:.6rem 0}
h2{font-size:1.3rem;margin:2rem 0 .5rem;border-bottom:2px solid #161616}
p{max-width:50rem}
.area{font-size:1.15rem;font-weight:600}
.warning{border:3px solid #161616;padding:.5rem .8rem;font-weight:700}
.skip{position:absolute;left:-99rem}
.skip:focus{position:static;display:inline-block;padding:.4rem .8rem}
a{color:#0a3d91}
a:focus-visible,.scroll:focus-visible{outline:3px solid #0a3d91;outline-offset:2px}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.1rem .9rem;font-size:.875rem;border:1px solid #767676;padding:.6rem}
dt{font-weight:600}
dd{margin:0}
nav ul{padding:0;list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.8125rem;width:100%}
caption{text-align:left;font-weight:600;padding:.5rem 0 .3rem;font-size:.9375rem}
th,td{border-bottom:1px solid #c8c8c8;padding:.25rem .4rem;text-align:left;vertical-align:top;overflow-wrap:break-word;hyphens:auto}
thead th{border-bottom:2px solid #161616;vertical-align:bottom;overflow-wrap:normal}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
thead .n{white-space:normal}
.n small{display:block;font-size:.75rem}
@media screen{.wide th,.wide td{padding:.25rem .2rem}.wide .n small{font-size:.6875rem}}
.total th,.total td{font-weight:700;border-top:2px solid #161616}
.note{font-size:.8125rem;margin:.3rem 0;color:#3a3a3a}
figure{margin:1rem 0}
figure svg{width:100%;height:auto}
figcaption{font-size:.875rem}
footer{font-size:.8125rem;padding-bottom:2rem}
@media screen{tbody th{min-width:7rem}}
@media (max-width:40rem){caption{max-width:calc(100vw - 2rem)}dl{display:block}dd{margin-bottom:.4rem}h1{font-size:1.3rem}}
@page{size:A4;margin:14mm 12mm 16mm;@bottom-right{content:counter(page) " / " counter(pages);font-size:8pt}}
@media print{
body{font-size:9.5pt}main,header,footer{max-width:none;padding:0}nav,.skip{display:none}
.n small{font-size:6pt}.note{font-size:7pt;margin:1pt 0;break-before:avoid}tbody tr:first-child{break-before:avoid}.scroll{overflow:visible}table{font-size:7pt;table-layout:auto}th,td{padding:1pt 2.5pt}thead{display:table-header-group}
p{max-width:none;margin:.4em 0}h2{margin:1.1em 0 .4em}dl{padding:.3em .6em}tr,figure{break-inside:avoid}h2{break-after:avoid}caption{break-after:avoid;font-size:9pt}
figure svg{max-height:195mm}a{color:inherit;text-decoration:none}.annex{break-before:page}
}
"""
    + live_map.STYLE
)


def render(note: Note) -> str:
    """Return the report as an HTML page, in the language of the note; the same note gives the same bytes."""
    live = note.live() if note.live else None
    policy = f"default-src 'none'; style-src 'sha256-{_hash(STYLE)}'; base-uri 'none'; form-action 'none'"
    policy += f"; script-src 'sha256-{_hash(live_map.SCRIPT)}'" if live else ""
    page = ET.Element("html", {"lang": note.language})
    head = ET.SubElement(page, "head")
    ET.SubElement(head, "meta", {"charset": "utf-8"})
    ET.SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    ET.SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    ET.SubElement(head, "title").text = single_line(f"{note.title} ({note.subtitle})")
    ET.SubElement(head, "style").text = STYLE
    body = ET.SubElement(page, "body")
    _text(body, "a", say("page.skip", note.language), {"class": "skip", "href": "#contenu"})
    header = ET.SubElement(body, "header")
    for warning in note.warnings:
        _text(header, "p", warning, {"class": "warning"})
    banner = ET.SubElement(header, "dl")
    for label, value in note.banner:
        _text(banner, "dt", label)
        _text(banner, "dd", value)
    _text(header, "h1", note.title)
    _text(header, "p", note.subtitle, {"class": "area"})
    contents = ET.SubElement(ET.SubElement(body, "nav", {"aria-label": say("page.contents", note.language)}), "ul")
    for section in note.sections:
        _text(ET.SubElement(contents, "li"), "a", section.title, {"href": f"#{section.anchor}"})
        if live and section.anchor == live_map.AFTER:
            title = live_map.words_of(note.language)["title"]
            _text(ET.SubElement(contents, "li"), "a", title, {"href": f"#{live_map.ANCHOR}"})
    main = ET.SubElement(body, "main", {"id": "contenu"})
    figures: list[Figure] = []
    for section in note.sections:
        _section(main, section, figures, note)
        if live and section.anchor == live_map.AFTER:
            _live_map(main, live, note)
    footer = ET.SubElement(body, "footer")
    _text(footer, "p", " · ".join(value for _, value in note.banner[:2]))
    text = ET.tostring(page, encoding="unicode", method="html")
    for figure in figures:  # drawings are XML of our own, put in as they are
        text = text.replace(f"<!--{figure.anchor}-->", figure.svg, 1)
    return f"<!DOCTYPE html>\n{text}\n"


def _hash(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _text(parent: ET.Element, tag: str, text: str, attributes: dict[str, str] | None = None) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes or {})
    element.text = single_line(text)
    return element


def _section(main: ET.Element, section: Section, figures: list[Figure], note: Note) -> None:
    kind = {"class": "annex"} if section.anchor == "annexes" else {}
    part = ET.SubElement(main, "section", {"id": section.anchor, "aria-labelledby": f"{section.anchor}-titre", **kind})
    _text(part, "h2", section.title, {"id": f"{section.anchor}-titre"})
    for block in section.blocks:
        _block(part, block, figures, note)


def _live_map(main: ET.Element, live: LiveMap, note: Note) -> None:
    """Write the map that can be moved, its tables folded under it."""
    words = live_map.words_of(note.language)
    names = {"id": live_map.ANCHOR, "aria-labelledby": f"{live_map.ANCHOR}-titre"}
    part = ET.SubElement(main, "section", names)
    _text(part, "h2", words["title"], {"id": f"{live_map.ANCHOR}-titre"})
    live_map.controls(part, live, note.language)
    for table in live.tables:
        folded = ET.SubElement(part, "details", {"id": f"{table.anchor}-list"})
        _text(folded, "summary", f"{table.caption} ({number(len(table.rows), language=note.language)})")
        _table(folded, table, note)
    live_map.script(part, live, note.language)


def _block(part: ET.Element, block: Block, figures: list[Figure], note: Note) -> None:
    if isinstance(block, str):
        _text(part, "p", block)
    elif isinstance(block, Table):
        _table(part, block, note)
    else:
        figures.append(block)
        drawn = ET.SubElement(part, "figure", {"id": block.anchor})
        drawn.append(ET.Comment(block.anchor))
        _text(drawn, "figcaption", block.caption)


def _table(part: ET.Element, table: Table, note: Note) -> None:
    """Write a table whose first column names the rows; what is wider than the page scrolls, by keyboard too."""
    label = {"role": "region", "aria-labelledby": f"{table.anchor}-titre", "tabindex": "0", "class": "scroll"}
    wide = {"class": "wide"} if len(table.columns) > WIDE_FROM else {}
    element = ET.SubElement(ET.SubElement(part, "div", label), "table", {"id": table.anchor, **wide})
    _text(element, "caption", table.caption, {"id": f"{table.anchor}-titre"})
    is_number = [column.unit not in ("text", "date") for column in table.columns]
    row = ET.SubElement(ET.SubElement(element, "thead"), "tr")
    for column, numeric in zip(table.columns, is_number, strict=True):
        _text(row, "th", column.title, {"scope": "col", **({"class": "n"} if numeric else {})})
    body = ET.SubElement(element, "tbody")
    texts = table.texts(note.language)
    for at, (cells, values) in enumerate(zip(texts, table.rows, strict=True), 1):
        is_total = table.has_total and at == len(texts)
        row = ET.SubElement(body, "tr", {"class": "total"} if is_total else {})
        _text(row, "th", cells[0], {"scope": "row"})
        for cell, value, column, numeric in zip(cells[1:], values[1:], table.columns[1:], is_number[1:], strict=True):
            _cell(row, cell, value, column.rows if column.rows in note.lists else "", numeric=numeric)
    source = say("page.source", note.language, names=", ".join(table.source))
    for words in (*table.notes, *([source] if table.source else [])):
        _text(part, "p", words, {"class": "note"})


def _cell(row: ET.Element, text: str, value: object, rows: str, *, numeric: bool) -> None:
    """Write a cell: bounds on a line of their own, and the number as a link to the list of its rows where there is one."""
    figure = value.value if isinstance(value, Bounded) else value
    alone, bounds = parted(text) if isinstance(value, Bounded) else (text, "")
    cell = ET.SubElement(row, "td", {"class": "n"} if numeric else {})
    if rows and figure and figure != NOT_SHOWN:
        _text(cell, "a", alone, {"href": f"#{rows}"})
    else:
        cell.text = single_line(alone)
    if bounds:
        _text(cell, "small", bounds)
