"""Perimeters that are not QPV: the 215 quarters of 2008 and their programme, from the raw folder to the date it would be met."""

import json
from datetime import date

import pytest
from click.testing import CliRunner

import qpvhealth
from qpvhealth.cli import main_group
from qpvhealth.facts import generations

QUARTERS = 215
CARDS = """
[[source]]
id = "civ"
kind = "neighbourhoods"
path = "civ.geojson"
generation = "civ-2008"
code_pattern = 'CIV\\d{3}'
in_force_from = 2008-06-20
in_force_to = 2014-12-31
"""
EXTRACT = """
[[source]]
id = "s{year}"
kind = "structures"
path = "s{year}.csv"
layout = "dgos-mapped"
year = {year}
reference_date = {year}-12-31
"""
TARGET = """
[[source]]
id = "targets"
kind = "targets"
path = "targets.csv"
"""


def corner(n):
    """Put the quarters on a grid of 15 columns, 300 m squares 3 km apart, in Lambert-93 degrees close enough for a test."""
    return 2.0 + 0.04 * (n % 15), 47.0 + 0.03 * (n // 15)


def quarter(n):
    x, y = corner(n)
    ring = [[x, y], [x + 0.004, y], [x + 0.004, y + 0.003], [x, y + 0.003], [x, y]]
    names = {"code": f"CIV{n:03d}", "nom": f"Quartier {n}"}
    return {"type": "Feature", "properties": names, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def msp(n, *, inside):
    """Put one MSP in quarter ``n``, or 1 km east of it."""
    x, y = corner(n)
    return f"18{n:07d},MSP,18033,{x + (0.002 if inside else 0.017)},{y + 0.0015}"


@pytest.fixture
def run(tmp_path):
    """Build extracts that hold so many MSP inside the quarters (and five outside), and ask a question of the release."""

    def command(inside, *words, target=""):
        layer = {"type": "FeatureCollection", "features": [quarter(n) for n in range(QUARTERS)]}
        (tmp_path / "civ.geojson").write_text(json.dumps(layer), encoding="utf-8")
        cards = CARDS + "".join(EXTRACT.format(year=y) for y in inside)
        if target:
            (tmp_path / "targets.csv").write_text(target, encoding="utf-8")
            cards += TARGET
        (tmp_path / "sources.toml").write_text(cards, encoding="utf-8")
        for year, n in inside.items():
            rows = [msp(k, inside=True) for k in range(n)] + [msp(200 + k, inside=False) for k in range(5)]
            head = "finess_et,structure_type,commune_code,longitude,latitude\n"
            (tmp_path / f"s{year}.csv").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
        out = str(tmp_path / "out")
        built = CliRunner().invoke(main_group, ["-q", "build", "--raw", str(tmp_path), "--out", out])
        assert built.exit_code == 0, built.output
        return json.loads(CliRunner().invoke(main_group, [*words, "--out", out, "--json"]).stdout)

    return command


def espoir(shown, name="espoir-banlieues"):
    return [r for r in shown["rows"] if r["programme"] == name]


@pytest.mark.no_cover
def test_thirty_msp_in_the_215_quarters(run):
    seen = espoir(run({2009: 6, 2010: 12}, "programmes"))
    assert [r["value"] for r in seen] == [6, 12]
    last = seen[-1]
    assert (last["pace_observed"], last["pace_needed"]) == (pytest.approx(6, abs=0.01), pytest.approx(18, abs=0.05))
    assert last["met_on"].startswith("2013-12")  # three more years at six a year
    assert (last["state"], last["share_of_way"]) == ("en cours", None)
    assert "ni base publiée" in last["because"]


@pytest.mark.no_cover
def test_the_target_is_met(run):
    seen = espoir(run({2010: 12, 2011: 30}, "programmes"))[-1]
    assert (seen["value"], seen["state"], seen["pace_needed"]) == (30, "atteint", None)


def test_a_base_of_ones_own_gives_the_share_of_the_way(run):
    target = (
        "id,label,measure,scope,near,perimeter,baseline,baseline_on,target,deadline,source\n"
        "ours,Espoir,n_in_qpv,msp,inside,all_civ-2008,6,2009-12-31,30,2011-12-31,note interne\n"
    )
    seen = espoir(run({2009: 6, 2010: 12}, "programmes", target=target), "ours")[-1]
    assert (seen["share_of_way"], seen["because"]) == (0.25, "")


def test_without_their_outlines_the_programme_says_why(run):
    seen = espoir(run({2009: 6}, "programmes"))[0]
    assert seen["because"].endswith("une seule observation")


@pytest.mark.no_cover
def test_the_quarters_are_in_force_before_the_law_knew_qpv(run):
    shown = run({2009: 6, 2010: 12}, "counts")["rows"]
    assert [(r["msp_in_qpv"], r["msp"], r["undetermined"]) for r in shown] == [(6, 11, 0), (12, 17, 0)]


@pytest.mark.no_cover
def test_a_code_of_another_form_is_rejected(tmp_path, run):
    run({2009: 1}, "counts")
    layer = json.loads((tmp_path / "civ.geojson").read_text(encoding="utf-8"))
    layer["features"][0]["properties"]["code"] = "ZUS12"
    (tmp_path / "civ.geojson").write_text(json.dumps(layer), encoding="utf-8")
    built = qpvhealth.build(tmp_path)
    assert len(built["neighbourhoods"]) == QUARTERS - 1
    assert built["rejects"]["rule"].tolist() == ["qpv-code-invalid"]


OWN = {"civ-2008": (date(2008, 6, 20), date(2014, 12, 31))}


@pytest.mark.parametrize(
    ("on", "available", "expected"),
    [
        (date(2010, 1, 1), ("civ-2008",), "civ-2008"),
        (date(2010, 1, 1), ("civ-2008", "qpv-2015"), "civ-2008"),
        (date(2010, 1, 1), ("qpv-2015",), None),
        (date(2008, 6, 19), ("civ-2008",), None),
        (date(2015, 1, 1), ("civ-2008",), None),  # the law has QPV that day: another set does not take their place
    ],
)
def test_the_law_comes_first(on, available, expected):
    assert generations.in_force("metropole", on, available, OWN) == expected
