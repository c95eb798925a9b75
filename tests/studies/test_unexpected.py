"""A release that is not as expected: exit 1, and the difference taken apart by cause."""

import json

import pytest
from click.testing import CliRunner

from qpvhealth.cli import main_group

CARDS = """
[[source]]
id = "s{year}"
kind = "structures"
path = "s{year}.csv"
layout = "dgos-mapped"
year = {year}
reference_date = {year}-03-31
"""
QPV = '\n[[source]]\nid = "q"\nkind = "neighbourhoods"\npath = "q.geojson"\ngeneration = "qpv-2015"\n'
HEADER = "finess_et,structure_type,commune_code,longitude,latitude,opened_on\n"
FIRST = ["310000001,MSP,31555,1.405,43.605,2015-01-01", "310000002,CDS,31555,1.405,43.605,2015-01-01"]
LATE = "310000003,MSP,31555,1.405,43.605,2018-12-01"


@pytest.fixture
def run(tmp_path):
    """Build the rows given by year, and run a command on the releases."""
    ring = [[1.4, 43.6], [1.41, 43.6], [1.41, 43.61], [1.4, 43.61], [1.4, 43.6]]
    feature = {"type": "Feature", "properties": {"code_qp": "QP031001", "lib_qp": "Un"}}
    feature["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    (tmp_path / "q.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    runner, out = CliRunner(), ["--out", str(tmp_path / "out")]

    def command(*words, rows=None):
        if rows is not None:
            (tmp_path / "sources.toml").write_text("".join(CARDS.format(year=y) for y in rows) + QPV, encoding="utf-8")
            for year, lines in rows.items():
                (tmp_path / f"s{year}.csv").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
            built = runner.invoke(main_group, ["-q", "build", "--raw", str(tmp_path), *out])
            assert built.exit_code == 0, built.output
        return runner.invoke(main_group, [*words, *out])

    return command


def test_the_causes_sum_to_the_difference(run, tmp_path):
    expect = str(tmp_path / "expect.toml")
    assert run("check", "--write-expect", expect, rows={2019: FIRST}).exit_code == 0
    assert run("check", "--expect", expect).exit_code == 0
    held = run("check", "--expect", expect, "--json", rows={2019: [*FIRST, LATE]})
    assert held.exit_code == 1
    tables = json.loads(held.stdout)["tables"]
    gaps = {r["figure"]: r["difference"] for r in tables["expected"]["rows"] if r["verdict"] == "diffère"}
    in_qpv = [r for r in tables["expected-causes"]["rows"] if r["figure"].startswith("n_in_qpv")]
    for figure in {r["figure"] for r in in_qpv}:
        assert sum(r["n"] for r in in_qpv if r["figure"] == figure) == gaps[figure] == 1
    assert {(r["label_fr"], r["n_in"], r["n_out"]) for r in in_qpv} == {("inscription tardive", 1, 0)}


def test_without_the_release_they_were_made_from_the_vintage_before_is_all_there_is(run, tmp_path):
    expect = tmp_path / "expect.toml"
    expect.write_text('[[expect]]\nindicator = "n_in_qpv"\nyear = 2020\nvalue = 9\n', encoding="utf-8")
    held = run("check", "--expect", str(expect), "--json", rows={2019: FIRST, 2020: [*FIRST, LATE]})
    causes = json.loads(held.stdout)["tables"]["expected-causes"]
    assert (held.exit_code, [(r["between"], r["n"]) for r in causes["rows"]]) == (1, [("2019 et 2020", 1)])
    assert any("n'expliquent pas" in note for note in causes["notes"])


def test_a_figure_that_counts_no_structures_is_named_as_such(run, tmp_path):
    expect = tmp_path / "expect.csv"
    expect.write_text("indicator,year,value\nqpv_total,2019,9\n", encoding="utf-8")
    held = run("check", "--expect", str(expect), rows={2019: FIRST})
    assert held.exit_code == 1
    assert "qpv_total" in held.stdout.partition("Sans décomposition")[2]
