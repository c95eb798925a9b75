"""What a file says stays text: no live formula, link, markup or terminal command in anything that is shown or written."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil

import openpyxl
import pytest

from tests.commands import run

PAYLOADS = [
    "=1+1",
    '=HYPERLINK("https://example.org","x")',
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "=cmd|' /C calc'!A0",
    "https://example.org/x",
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[x](javascript:alert(1))",
    "![x](https://example.org/x.png)",
    "a|b",
    "`x`",
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://example.org\x07link\x1b]8;;\x07",
    "\x9b31m",
    "\u202egnp.exe",
    "mailto:x@example.org",
    "file:///etc/passwd",
]
LISTS = ("uncovered", "disagreements", "rejects")
SHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Build perimeters and structures that are called by the payloads, rejected ones among them."""
    folder = tmp_path_factory.mktemp("output")
    raw = folder / "raw"
    raw.mkdir()
    rows = [["finess_et", "structure_type", "commune_code", "longitude", "latitude", "name", "in_qpv"]]
    for i, payload in enumerate(PAYLOADS):
        rows.append([f"93{i:07d}", "CDS", "93901", "2.305", "48.95", payload, "oui"])
        rows.append([f"bad{i}", "CDS", "93901", "2.305", "48.905", payload, "non"])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    (raw / "s.csv").write_text(text.getvalue(), encoding="utf-8")
    features = []
    for i, payload in enumerate(PAYLOADS):
        x = 2.30 + 0.02 * i
        ring = [[x, 48.90], [x + 0.01, 48.90], [x + 0.01, 48.91], [x, 48.91], [x, 48.90]]
        properties = {"code_qp": f"QP0939{i:02d}", "nom_qp": payload, "insee_com": "93901"}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    document = {"type": "FeatureCollection", "features": features}
    (raw / "q.geojson").write_text(json.dumps(document), encoding="utf-8")
    (raw / "qpvhealth.toml").write_text("reject_share = 1.0\nreject_department_share = 1.0\n", encoding="utf-8")
    (raw / "sources.toml").write_text(
        '[[source]]\nid = "s"\nkind = "structures"\npath = "s.csv"\nlayout = "dgos-mapped"\nyear = 2020\n'
        'reference_date = 2020-04-01\n[source.columns]\nfiness_et = "finess_et"\nstructure_type = "structure_type"\n'
        'commune_code = "commune_code"\nlongitude = "longitude"\nlatitude = "latitude"\nname = "name"\n'
        'source_says_in_qpv = "in_qpv"\n[source.values.structure_type]\nCDS = "CDS"\n'
        '[[source]]\nid = "q"\nkind = "neighbourhoods"\npath = "q.geojson"\ngeneration = "qpv-2015"\n',
        encoding="utf-8",
    )
    done = run("build", "--raw", raw, "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    assert not SHOWN.search(done.stdout + done.stderr)
    return folder / "out"


@pytest.mark.parametrize("name", LISTS)
def test_no_formula_in_csv_for_people(out, name, tmp_path):
    assert run("list", name, "--out", out, "--to", tmp_path / "x.csv").returncode == 0
    text = (tmp_path / "x.csv").read_bytes().decode("utf-8-sig")
    cells = [c for row in csv.reader(io.StringIO(text, newline=""), delimiter=";") for c in row]
    assert len(cells) > 20
    assert not [c for c in cells if re.match(r"\s*[=+@-]", c) and not re.fullmatch(r"-?[\d\s.,]+", c)]


@pytest.mark.parametrize("name", LISTS)
def test_no_formula_or_link_in_a_workbook(out, name, tmp_path):
    assert run("list", name, "--out", out, "--to", tmp_path / "x.xlsx").returncode == 0
    cells = [c for s in openpyxl.load_workbook(tmp_path / "x.xlsx") for row in s.iter_rows() for c in row]
    assert len(cells) > 20
    assert not [c.coordinate for c in cells if c.data_type == "f" or c.hyperlink]


@pytest.mark.parametrize("name", LISTS)
def test_no_command_to_the_terminal(out, name):
    done = run("list", name, "--out", out)
    assert done.returncode == 0
    assert not SHOWN.search(done.stdout + done.stderr)


@pytest.mark.parametrize("name", LISTS)
def test_no_markup_in_markdown(out, name):
    done = run("list", name, "--out", out, "--format", "md")
    assert done.returncode == 0
    assert not re.search(r"(?<!\\)<[a-z/!]|(?<!\\)\]\(|(?<!\\)`", done.stdout)
    assert not SHOWN.search(done.stdout)
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1


def test_what_is_inspected_or_refused_commands_no_terminal(out, tmp_path):
    """Names of columns and the value in a message come from the file too."""
    for name in ("s.csv", "q.geojson"):
        done = run("inspect", out.parent / "raw" / name)
        assert not SHOWN.search(done.stdout + done.stderr)
    odd = tmp_path / "s.csv"
    odd.write_text("finess_et;\x1b[31mred;\x1b]0;title\x07;\u202ex\n1;2;3;4\n", encoding="utf-8")
    shown = run("inspect", odd)
    assert "red" in shown.stdout
    assert not SHOWN.search(shown.stdout + shown.stderr)
    shutil.copytree(out.parent / "raw", tmp_path / "raw")
    extract = tmp_path / "raw" / "s.csv"
    extract.write_text(extract.read_text(encoding="utf-8").replace("CDS", "\x1b]0;title\x07CDX"), encoding="utf-8")
    refused = run("build", "--raw", tmp_path / "raw", "--out", tmp_path / "out")
    assert refused.returncode == 2
    assert "CDX" in refused.stderr
    assert not SHOWN.search(refused.stdout + refused.stderr)
