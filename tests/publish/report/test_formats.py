"""One small report in every format: structure, escapes, types, and a page that asks for nothing."""

import base64
import hashlib
import io
import re
import sys
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from qpvhealth.errors import UsageError
from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.report import files, html, markdown, odt, pdf, sheets
from qpvhealth.publish.report.content import Column, Figure, Note, Section, Table

HOSTILE = '</td><script src="http://x.example/"></script>"\'|=cmd()&amp;'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><title>T</title><rect width="9" height="9" /></svg>'
VOID = {"meta", "br", "img", "link", "input", "hr"}


@pytest.fixture
def written():
    columns = (Column("Nom", "text"), Column("N", rows="t-2"), Column("Part", "share"), Column("Solde", "signed"))
    rows = (
        (HOSTILE, Bounded(280, 280, 306), Bounded(0.0814, 0.08, 0.09), 29),
        ("=1+1", Bounded(None, 0, 5), "–", None),  # noqa: RUF001 -- what readers see
        ("Ensemble", 1234, 0.5, -4),
    )
    table = Table("t-1", f"Table {HOSTILE}", columns, rows, ("Une note",), ("indicators",), has_total=True)
    rows_behind = Table("t-2", "Liste", (Column("Nom", "text"),), (("un",),))
    figure = Figure("f", "Carte", "Ce qu'on y voit", "Légende", SVG, (9, 9))
    sections = (
        Section("essentiel", "L'essentiel", (f"Dit {HOSTILE}", table), is_short=True),
        Section("plus", "Plus", (figure, rows_behind, "Fin")),
    )
    return Note("Titre", "France", (("Version", HOSTILE),), sections, ("DONNÉES INVENTÉES",))


class Outline(HTMLParser):
    """Collect the tags of a page, and whether they close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.data = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.data.append(data)


def test_the_page_asks_for_nothing_and_its_policy_names_its_style(written):
    page = html.render(written)
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    tags = {tag for tag, _ in outline.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "form"}
    assert not [a for _, a in outline.tags if {"style", "src", "onload", "onclick"} & set(a)]
    assert all(a["href"].startswith("#") for tag, a in outline.tags if tag == "a")
    policy = next(a["content"] for tag, a in outline.tags if a.get("http-equiv") == "Content-Security-Policy")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert policy.startswith("default-src 'none'; ")
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert HOSTILE in "".join(outline.data)


def test_the_page_can_be_read_by_ear_and_by_keyboard(written):
    page = html.render(written)
    outline = Outline()
    outline.feed(page)
    assert outline.tags[0] == ("html", {"lang": "fr"})
    assert [tag for tag, _ in outline.tags if re.fullmatch(r"h\d", tag)] == ["h1", "h2", "h2"]
    scopes = [a["scope"] for tag, a in outline.tags if tag == "th"]
    assert scopes == ["col"] * 4 + ["row"] * 3 + ["col", "row"]
    assert [tag for tag, _ in outline.tags].count("caption") == 2
    ids = [a["id"] for _, a in outline.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for tag, a in outline.tags if tag == "a"}
    assert page.count('<a href="#t-2">') == 2  # an unknown figure has no rows
    assert targets <= set(ids)
    scroll = next(a for _, a in outline.tags if a.get("class") == "scroll")
    assert (scroll["tabindex"], scroll["role"], scroll["aria-labelledby"] in ids) == ("0", "region", True)
    assert SVG in page


def test_colours_of_text_have_contrast():
    """WCAG AA: 4.5 to 1 on white."""
    for colour in re.findall(r"(?<!-)color:(#[0-9a-f]{6})", html.STYLE):
        channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
        assert 1.05 / (luminance + 0.05) >= 4.5, colour


def test_markdown_is_the_short_version(written):
    short = markdown.render(written)
    assert "## L'essentiel" in short
    assert "Plus" not in short
    assert "<script" not in short
    assert "280 (280 à 306)" in short
    assert len({line.count("|") - line.count(r"\|") for line in short.splitlines() if line.startswith("| ")}) == 1


def test_the_workbook_has_typed_columns_bounds_and_no_formula(written):
    book = openpyxl.load_workbook(io.BytesIO(sheets.render(written)))
    assert book.sheetnames == ["Lisez-moi", "T 1", "T 2"]
    sheet = book["T 1"]
    rows = [[cell.value for cell in row] for row in sheet]
    assert rows[0][:4] == ["Nom", "N", "N, au moins", "N, au plus"]
    assert rows[1] == [HOSTILE, 280, 280, 306, 0.0814, 0.08, 0.09, 29]
    assert rows[2][:4] == ["=1+1", "inconnu", 0, 5]
    assert sheet["A3"].data_type == "s"
    assert (sheet["E2"].number_format, sheet.freeze_panes) == ("0.0%", "A2")
    assert sheet.auto_filter.ref == "A1:H4"
    links = [c.hyperlink for row in book["Lisez-moi"] for c in row if c.hyperlink]
    assert [(link.location, link.target) for link in links] == [("'T 1'!A1", None), ("'T 2'!A1", None)]
    assert sheet["B1"].hyperlink.location == "'T 2'!A1"
    assert not sheet["C1"].hyperlink


def test_the_document_has_headings_tables_and_figures_with_words(written):
    with zipfile.ZipFile(io.BytesIO(odt.render(written))) as archive:
        assert archive.namelist()[0] == "mimetype"
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        assert archive.read("Pictures/f.svg").decode() == SVG
        content = ET.fromstring(archive.read("content.xml"))  # noqa: S314 -- written by this test
        manifest = archive.read("META-INF/manifest.xml").decode()
        names = set(archive.namelist()) - {"mimetype", "META-INF/manifest.xml"}
    spaces = odt.NAMESPACES
    assert [h.text for h in content.iterfind(".//text:h", spaces)] == ["L'essentiel", "Plus"]
    header = content.find(".//table:table-header-rows", spaces)
    assert len(header.findall(".//table:table-cell", spaces)) == 4
    assert content.findtext(".//svg:desc", namespaces=spaces) == "Ce qu'on y voit"
    texts = [p.text for p in content.iterfind(".//text:p", spaces)]
    assert HOSTILE in texts
    assert all(f'full-path="{name}"' in manifest for name in names)
    styles = {p.get(f"{{{spaces['text']}}}style-name") for p in content.iterfind(".//text:p", spaces)}
    assert styles <= set(odt.STYLES)


def test_columns_of_the_document_are_as_wide_as_their_words_and_numbers_stand_right(written):
    with zipfile.ZipFile(io.BytesIO(odt.render(written))) as archive:
        content, styles = (ET.fromstring(archive.read(f"{n}.xml")) for n in ("content", "styles"))  # noqa: S314 -- of this test
    spaces = odt.NAMESPACES
    name = f"{{{spaces['style']}}}name"
    width = f"{{{spaces['style']}}}column-width"
    widths = {
        s.get(name): float(p.get(width).removesuffix("cm"))
        for s in content.iterfind(".//style:style", spaces)
        for p in s.iterfind("style:table-column-properties", spaces)
    }
    first = [w for n, w in widths.items() if n.startswith("T0.")]
    assert first[0] == max(first)
    assert sum(first) == pytest.approx(odt.DRAWN_CM, abs=0.05)
    cells = {
        p.text: p.get(f"{{{spaces['text']}}}style-name") for p in content.iterfind(".//table:table-cell/text:p", spaces)
    }
    assert (cells["280"], cells["(280 à 306)"], cells[HOSTILE]) == ("CellNumber", "CellNumber", "CellHeading")
    assert styles.find(".//style:footer//text:page-number", spaces) is not None
    kept = styles.find(f".//style:style[@{name}='Caption']/style:paragraph-properties", spaces)
    assert kept.get(f"{{{spaces['fo']}}}keep-with-next") == "always"


def test_sheets_print_as_wide_as_can_be_read_and_long_lines_have_their_height(written):
    columns = (Column("Nom", "text"), *(Column(f"Un titre long, numéro {k}") for k in range(20)))
    wide = Table("t-3", "Large", columns, (("un", *range(20)),))
    long = Section("long", "Long", ("mot " * 120, wide))
    book = openpyxl.load_workbook(io.BytesIO(sheets.render(replace(written, sections=(*written.sections, long)))))
    assert (book["T 1"].page_setup.fitToWidth, book["T 3"].page_setup.fitToWidth) == (None, 3)  # one by default
    assert book["T 3"].print_title_cols == "$A:$A"
    readme = book["Lisez-moi"]
    heights = {cell.value: readme.row_dimensions[cell.row].height for cell in readme["B"] if cell.value}
    assert heights["mot " * 120] == 4 * 15
    assert heights["Fin"] in (None, 15)


def test_files_are_written_by_format(written, tmp_path):
    paths = files.write(lambda _: written, tmp_path / "note", ["md", "html", "md"])
    assert [p.name for p in paths] == ["report.md", "report.html"]
    assert paths[1].read_text(encoding="utf-8") == html.render(written)
    with pytest.raises(UsageError, match="docx"):
        files.write(lambda _: written, tmp_path / "other", ["docx"])
    assert not (tmp_path / "other").exists()


def test_the_pdf_is_tagged_says_its_language_and_has_the_same_bytes(written):
    content = pdf.render(written)
    assert content == pdf.render(written)
    assert content.startswith(b"%PDF-1.7")
    assert b"pdfuaid:part" in content
    assert b"/Lang(fr)" in content
    assert content.count(b"/Alt(") == 1
    assert b"/MarkInfo" in content
    assert b"CreationDate" not in content


def test_the_pdf_says_what_it_needs(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UsageError, match=r"pip install 'qpvhealth\[pdf\]'"):
        pdf.render(written)
