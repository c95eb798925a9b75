"""What is added most often stays small: each patch touches the files that CONTRIBUTING.md lists, and what it adds appears everywhere.

The four patches are applied to a copy of the program and of a tiny raw folder; one process then asks the copy.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RAW = "data/raw"
PATCHES = {
    "year": {f"{RAW}/sources.toml"},
    "layout": {"src/qpvhealth/ingest/kinds/structures.toml", "tests/ingest/kinds/agency-list.csv"},
    "indicator": {"src/qpvhealth/indicators/declarations.py", "tests/indicators/test_small_qpv.py"},
    "generation": {"src/qpvhealth/facts/generations.toml", f"{RAW}/sources.toml", f"{RAW}/qpv-2030.geojson"},
}
"""By addition, the files that it may touch."""
QUESTIONS = {
    "inspect list": f"inspect {RAW}/agency-list.csv --json",
    "inspect contours": f"inspect {RAW}/qpv-2030.geojson --json",
    "example": "example tests/indicators/test_small_qpv.py",
    "build": f"-q build --raw {RAW} --out out",
    "counts": "counts --out out --json",
    "diff": "diff 2018 2019 --out out --json",
    "coverage": "coverage --year 2018 --out out --json",
    "uncovered": "list uncovered --year 2030 --out out --json",
    "matrix": "matrix --measure n_in_qpv --out out --json",
    "perimeters": "matrix --measure qpv_total --year 2030 --out out --json",
    "said": "matrix --said small --out out --json",
    "published": "check --published --out out --json",
    "check": "check --out out",
    "write": "check --write-expect expected.toml --out out",
    "expect": "check --expect expected.toml --out out",
    "schema": "schema --format md",
}
AGENCY_CARD = """
[[source]]
id = "list"
kind = "structures"
path = "agency-list.csv"
year = 2020
reference_date = 2020-12-31
"""
FIGURE = """
[[figure]]
id = "small"
document = "a report"
words = "small QPV without any"
said = "1"
value = 1
unit = "QPV"
on = 2018-03-31
measure = "small_qpv_without_any"
"""
"""A figure that somebody printed, of the indicator that is added."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "src", folder / "src")
    shutil.copytree(HERE / "raw", folder / RAW)
    return folder


@pytest.fixture(scope="module")
def touched(copy):
    """Apply every patch, and return the files that each touches."""
    files, environment = {}, os.environ | {"GIT_CEILING_DIRECTORIES": str(copy.parent)}
    for name in PATCHES:
        command = ["git", "apply", "--numstat", "--apply", str(HERE / f"{name}.patch")]
        applied = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        assert applied.returncode == 0, applied.stderr
        files[name] = {line.split("\t")[2] for line in applied.stdout.splitlines()}
    return files


@pytest.fixture(scope="module")
def answers(copy, touched):
    """Return the exit code and the output of each question, asked of the copy in one new process."""
    assert touched == PATCHES
    shutil.copy(copy / "tests/ingest/kinds/agency-list.csv", copy / RAW)
    (copy / RAW / "published.toml").write_text(FIGURE, encoding="utf-8")
    with (copy / RAW / "sources.toml").open("a", encoding="utf-8") as cards:
        cards.write(AGENCY_CARD)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    asked = subprocess.run(
        [sys.executable, HERE / "questions.py"],
        input=json.dumps([words.split() for words in QUESTIONS.values()]),
        cwd=copy,
        env=environment | {"PYTHONPATH": str(copy / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    program, *answers = json.loads(asked.stdout)
    assert Path(program).is_relative_to(copy)
    return dict(zip(QUESTIONS, answers, strict=True))


def rows(answer, *columns):
    code, text = answer
    assert code == 0, text
    return [tuple(row[c] for c in columns) for row in json.loads(text)["rows"]]


def fit(answer):
    (only,) = json.loads(answer[1])["sheets"][0]["fits"]
    return only


@pytest.mark.parametrize("name", PATCHES)
def test_an_addition_touches_the_files_of_its_line(touched, name):
    assert touched[name] == PATCHES[name]


def test_every_table_holds_what_was_added_and_the_release_is_checked(answers):
    assert [answers[question][0] for question in ("build", "diff", "check", "write", "expect")] == [0] * 5


def test_a_year_is_a_card(answers):
    counts = rows(answers["counts"], "year", "msp_in_qpv", "msp")
    assert [row for row in counts if row[0] < 2020] == [(2018, 1, 1), (2019, 2, 2)]
    assert ("all_2015", "msp", 2019, 2) in rows(answers["matrix"], "perimeter", "scope", "year", "value")
    figures = {r["id"]: r["verdict"] for r in json.loads(answers["published"][1])["tables"]["published"]["rows"]}
    assert figures["002-2019-03-msp-n_in_qpv"] == "diffère"
    assert "non comparable" in figures.values()  # of the years without an extract


def test_a_layout_is_an_entry_and_a_file(answers):
    read = fit(answers["inspect list"])
    assert (read["layout"], read["unmapped"], read["account"]["rows_out"]) == ("agency-list", [], 2)
    assert (2020, 1, 1) in rows(answers["counts"], "year", "msp_in_qpv", "cds_in_qpv")
    assert ("all_2015", "cds_pluri", 2020, 1) in rows(answers["matrix"], "perimeter", "scope", "year", "value")


def test_an_indicator_is_a_declaration_and_an_example(copy, answers):
    assert answers["example"][0] == 1
    words = "QPV de moins de 1 000 habitants sans structure"
    assert (words, 1) in rows(answers["coverage"], "words", "value")
    name = "small_qpv_without_any"
    assert (name, "all_2015", 2018, 1) in rows(answers["said"], "measure", "perimeter", "year", "value")
    assert f'indicator = "{name}"' in (copy / "expected.toml").read_text(encoding="utf-8")


def test_a_generation_is_an_entry_a_card_and_a_file(answers):
    assert fit(answers["inspect contours"])["generation"] == "qpv-2030"
    assert (2030, 1, 0) in rows(answers["counts"], "year", "all_in_qpv", "undetermined")
    assert rows(answers["uncovered"], "qpv_code", "generation") == [("QR031002", "qpv-2030")]
    perimeters = dict(rows(answers["perimeters"], "perimeter", "value"))
    assert {k: perimeters[k] for k in ("in_force", "all_qpv-2030", "all_2015")} == {
        "in_force": 2,
        "all_qpv-2030": 2,
        "all_2015": 3,
    }


def test_the_dictionary_gains_the_indicator_and_nothing_else(answers):
    before = (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8").splitlines()
    added = set(answers["schema"][1].splitlines()) - set(before)
    assert [line.split(" | ")[0] for line in added] == ["| `small_qpv_without_any`"]
