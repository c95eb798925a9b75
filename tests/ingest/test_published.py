"""``published.toml`` of a raw folder: what it becomes in the manifest, and what stops a build."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest

from qpvhealth.errors import QpvhealthError, UsageError
from qpvhealth.ingest import inputs, published

FIGURE = """
[[figure]]
document = "Bilan régional 2020, page 3"
on = 2020-04-01
unit = "structures"
measure = "n_in_qpv"
rows = [
  { id = "bilan-msp", words = "MSP en QPV", said = "86", value = 86, scope = "msp" },
  { id = "bilan-cds", words = "CdS en QPV", said = "227", value = 227, scope = "cds" },
]
"""


def write(folder, text):
    path = folder / "published.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_becomes_one_input_with_its_hash_and_its_figures(tmp_path):
    assert published.load(tmp_path) == []
    path = write(tmp_path, FIGURE)
    (given,) = published.load(tmp_path)
    figures = given.pop("figures")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert given == {"id": "published.toml", "kind": "published", "path": "published.toml", "sha256": sha256}
    assert [(f["id"], f["value"], f["on"], f["measure"]) for f in figures] == [
        ("bilan-msp", 86, date(2020, 4, 1), "n_in_qpv"),
        ("bilan-cds", 227, date(2020, 4, 1), "n_in_qpv"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FIGURE.replace("n_in_qpv", "luck"), r'published\.toml: figure no\. 1 \("bilan-msp"\): unknown measure "luck"'),
        (FIGURE.replace("bilan-cds", "001-zip"), r'figure no\. 2 \("001-zip"\): another figure has this id'),
        (FIGURE.replace("unit", "units"), r'figure no\. 1 \("bilan-msp"\): unknown key "units"'),
        (FIGURE.replace("2020-04-01", "2020-04-01T10:00:00"), "on cannot be"),
        (FIGURE + "[documents]\nx = 'y'\n", "unknown section documents"),
        ("figure = 1", "one block an entry"),
        ("figure =", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path, text, message):
    write(tmp_path, text)
    with pytest.raises(UsageError, match=message):
        inputs.fingerprint([], tmp_path, {})


def test_what_stands_in_its_place_is_not_passed_over(tmp_path):
    (tmp_path / "published.toml").mkdir()
    with pytest.raises(QpvhealthError):
        published.load(tmp_path)


def test_the_figures_enter_the_fingerprint(tmp_path):
    before = inputs.fingerprint([], tmp_path, {})
    write(tmp_path, FIGURE)
    first = inputs.fingerprint([], tmp_path, {})
    write(tmp_path, FIGURE.replace("86", "87"))
    assert len({before, first, inputs.fingerprint([], tmp_path, {})}) == 3
