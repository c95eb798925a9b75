"""What is added most often stays small: each patch touches the files that CONTRIBUTING.md lists, and what it adds appears everywhere.

A patch is applied to a copy of the program and of a tiny raw folder; one process then asks the copy.
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
BUILD = ["-q", "build", "--raw", RAW, "--out", "out"]
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
DICTIONARY = ["schema", "--format", "md"]
CHECK = ["check", "--out", "out"]


def of_release(*words):
    return [*words, "--out", "out", "--json"]


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copytree(HERE / "raw", tmp_path / RAW)
    return tmp_path


@pytest.fixture
def ask(copy):
    """Run commands in the copy, in one new process, and return the exit code and the output of each."""

    def run(*commands):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
        environment["PYTHONPATH"] = str(copy / "src")
        asked = subprocess.run(
            [sys.executable, HERE / "questions.py"],
            input=json.dumps(commands),
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert asked.returncode == 0, asked.stderr
        program, *answers = json.loads(asked.stdout)
        assert Path(program).is_relative_to(copy)
        return answers

    return run


def apply(copy, name):
    """Apply a patch, and return the files that it touches."""
    command = ["git", "apply", "--numstat", "--apply", str(HERE / f"{name}.patch")]
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(copy.parent)}
    applied = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert applied.returncode == 0, applied.stderr
    return {line.split("\t")[2] for line in applied.stdout.splitlines()}


def rows(answer):
    code, text = answer
    assert code == 0, text
    return json.loads(text)["rows"]


def dictionary():
    return (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")


def test_a_year_is_a_card(copy, ask):
    assert apply(copy, "year") == {f"{RAW}/sources.toml"}
    _, counts, change, matrix, check, published, schema = ask(
        BUILD,
        of_release("counts"),
        of_release("diff", "2018", "2019"),
        of_release("matrix", "--measure", "n_in_qpv", "--year", "2019"),
        CHECK,
        of_release("check", "--published"),
        DICTIONARY,
    )
    assert [(r["year"], r["msp_in_qpv"], r["msp"]) for r in rows(counts)] == [(2018, 1, 1), (2019, 2, 2), (2030, 0, 2)]
    assert change[0] == 0
    assert {r["value"] for r in rows(matrix) if (r["scope"], r["perimeter"]) == ("msp", "all_2015")} == {2}
    assert check[0] == 0
    figures = {r["id"]: r["verdict"] for r in json.loads(published[1])["tables"]["published"]["rows"]}
    assert figures["002-2019-03-msp-n_in_qpv"] == "diffère"
    assert "non comparable" in figures.values()  # of the years without an extract
    assert schema == [0, dictionary()]


def test_a_layout_is_an_entry_and_a_file(copy, ask):
    fixture = "tests/ingest/kinds/agency-list.csv"
    assert apply(copy, "layout") == {"src/qpvhealth/ingest/kinds/structures.toml", fixture}
    shutil.copy(copy / fixture, copy / RAW)
    card = 'id = "list"\nkind = "structures"\npath = "agency-list.csv"\nyear = 2020\nreference_date = 2020-12-31'
    with (copy / RAW / "sources.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[[source]]\n{card}\n")
    inspected, _, counts, matrix, check, schema = ask(
        ["inspect", f"{RAW}/agency-list.csv", "--json"],
        BUILD,
        of_release("counts"),
        of_release("matrix", "--measure", "n_in_qpv", "--year", "2020"),
        CHECK,
        DICTIONARY,
    )
    (fit,) = json.loads(inspected[1])["sheets"][0]["fits"]
    assert (fit["layout"], fit["unmapped"], fit["account"]["rows_out"]) == ("agency-list", [], 2)
    assert [(r["msp_in_qpv"], r["cds_in_qpv"]) for r in rows(counts) if r["year"] == 2020] == [(1, 1)]
    assert {r["value"] for r in rows(matrix) if (r["scope"], r["perimeter"]) == ("cds_pluri", "all_2015")} == {1}
    assert check[0] == 0
    assert schema == [0, dictionary()]


def test_an_indicator_is_a_declaration_and_an_example(copy, ask):
    example = "tests/indicators/test_small_qpv.py"
    assert apply(copy, "indicator") == {"src/qpvhealth/indicators/declarations.py", example}
    (copy / RAW / "published.toml").write_text(FIGURE, encoding="utf-8")
    worked, _, coverage, matrix, check, write, expect, schema = ask(
        ["example", example],
        BUILD,
        of_release("coverage", "--year", "2018"),
        of_release("matrix", "--said", "small"),
        CHECK,
        [*CHECK, "--write-expect", "expected.toml"],
        [*CHECK, "--expect", "expected.toml"],
        DICTIONARY,
    )
    assert worked[0] == 1
    words = "QPV de moins de 1 000 habitants sans structure"
    assert {r["value"] for r in rows(coverage) if r["words"] == words} == {1}
    assert ("small_qpv_without_any", "all_2015", 2018, 1) in {
        (r["measure"], r["perimeter"], r["year"], r["value"]) for r in rows(matrix)
    }
    assert (check[0], write[0], expect[0]) == (0, 0, 0)
    assert 'indicator = "small_qpv_without_any"' in (copy / "expected.toml").read_text(encoding="utf-8")
    added = set(schema[1].splitlines()) - set(dictionary().splitlines())
    assert [line.split(" | ")[0] for line in added] == ["| `small_qpv_without_any`"]


def test_a_generation_is_an_entry_a_card_and_a_file(copy, ask):
    files = {"src/qpvhealth/facts/generations.toml", f"{RAW}/sources.toml", f"{RAW}/qpv-2030.geojson"}
    assert apply(copy, "generation") == files
    inspected, _, counts, bare, matrix, check, schema = ask(
        ["inspect", f"{RAW}/qpv-2030.geojson", "--json"],
        BUILD,
        of_release("counts"),
        of_release("list", "uncovered", "--year", "2030"),
        of_release("matrix", "--measure", "qpv_total", "--year", "2030"),
        CHECK,
        DICTIONARY,
    )
    (fit,) = json.loads(inspected[1])["sheets"][0]["fits"]
    assert fit["generation"] == "qpv-2030"
    assert [(r["year"], r["all_in_qpv"], r["undetermined"]) for r in rows(counts)] == [(2018, 1, 0), (2030, 1, 0)]
    assert [(r["qpv_code"], r["generation"]) for r in rows(bare)] == [("QR031002", "qpv-2030")]
    assert {r["perimeter"]: r["value"] for r in rows(matrix)}.items() >= {
        "in_force": 2,
        "all_qpv-2030": 2,
        "all_2015": 3,
    }.items()
    assert check[0] == 0
    assert schema == [0, dictionary()]
