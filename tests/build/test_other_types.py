"""Types beyond MSP and CdS: loaded through a card, placed, counted under their own name, and in nobody else's figures."""

import json
import tomllib

import pandas as pd
import pytest
from click.testing import CliRunner

import qpvhealth
from qpvhealth.cli import main_group as cli
from qpvhealth.contract.tables import OTHER_TABLES, PUBLISHED
from qpvhealth.errors import UsageError
from qpvhealth.ingest import cards

HEADER = "finess;type;commune;lon;lat;ouv\n"
INSIDE, NEAR, FAR = "1.405;43.605", "1.412;43.605", "1.6;43.605"
POLE = "pôle de santé"
CORE = {
    2019: [f"310000001;MSP;31555;{INSIDE};2015-01-01", f"310000002;CDS;31555;{FAR};2015-01-01"],
    2020: [f"310000001;MSP;31555;{INSIDE};2015-01-01", f"310000003;CDS;31555;{INSIDE};2020-01-01"],
}
CITY = {
    2019: [f"310000011;Pôle;31555;{INSIDE};2016-01-01", f"310000012;Pôle;31555;{NEAR};2016-01-01"],
    2020: [
        f"310000011;Pôle;31555;{INSIDE};2016-01-01",
        f"310000013;Pôle;31555;{INSIDE};2019-09-01",
        f"310000014;Antenne;31555;{FAR};2019-09-01",
    ],
}
CARD = """
[[source]]
id = "{id}"
kind = "structures"
path = "{id}.csv"
layout = "dgos-mapped"
year = {year}
reference_date = {year}-03-31
{more}
[source.columns]
finess_et = "finess"
structure_type = "type"
commune_code = "commune"
longitude = "lon"
latitude = "lat"
opened_on = "ouv"
[source.values.structure_type]
{words}
"""
OF_CITY = f'other_types = ["{POLE}", "antenne"]\ncovers = {{ departments = ["31"] }}'
QPV = """
[[source]]
id = "qpv"
kind = "neighbourhoods"
path = "qpv.geojson"
generation = "qpv-2015"

[[source]]
id = "answers"
kind = "declarations"
path = "answers.csv"
year = 2019
generation = "qpv-2015"
answered = { regions = ["76"] }
"""


@pytest.fixture
def folder(tmp_path):
    """Write a raw folder of two years, with or without the city's own file."""

    def write(*, with_city, core=CORE, city=CITY):
        told = [QPV]
        for year, rows in core.items():
            words = 'MSP = "MSP"\nCDS = "CDS"'
            told.append(CARD.format(id=f"s{year}", year=year, more='covers = { regions = ["76"] }', words=words))
            (tmp_path / f"s{year}.csv").write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
        for year, rows in city.items() if with_city else ():
            words = f'"Pôle" = "{POLE}"\n"Antenne" = "antenne"'
            told.append(CARD.format(id=f"city{year}", year=year, more=OF_CITY, words=words))
            (tmp_path / f"city{year}.csv").write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
        ring = [[1.4, 43.6], [1.41, 43.6], [1.41, 43.61], [1.4, 43.61], [1.4, 43.6]]
        shape = {"type": "Polygon", "coordinates": [ring]}
        names = {"code_qp": "QP031001", "lib_qp": "Un", "insee_com": "31555"}
        layer = [{"type": "Feature", "properties": names, "geometry": shape}]
        (tmp_path / "qpv.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": layer}))
        (tmp_path / "answers.csv").write_text("finess_et;vecu_declared\n310000002;non\n", encoding="utf-8")
        (tmp_path / "sources.toml").write_text("\n".join(told), encoding="utf-8")
        return tmp_path

    return write


def counted(built, **cell):
    frame = built["other_yearly_counts"]
    for column, value in {"generation": "in_force", "level": "country", "modality": "all", **cell}.items():
        frame = frame[frame[column] == value]
    return dict(zip(zip(frame["structure_type"], frame["situation"], strict=True), frame["n_structures"], strict=True))


@pytest.mark.no_cover
def test_no_figure_of_msp_and_centres_moves(folder):
    alone = qpvhealth.build(folder(with_city=False))
    both = qpvhealth.build(folder(with_city=True))
    for name in PUBLISHED.keys() - OTHER_TABLES.keys() - {"extracts", "indicators"}:
        pd.testing.assert_frame_equal(alone[name], both[name])
    theirs = both["indicators"]["scope"].isin([POLE, "antenne"])
    pd.testing.assert_frame_equal(alone["indicators"], both["indicators"][~theirs].reset_index(drop=True))
    assert theirs.any()
    assert list(both["extracts"]["covers"]) == list(alone["extracts"]["covers"])


@pytest.mark.no_cover
def test_each_type_is_counted_under_its_own_name(folder):
    built = qpvhealth.build(folder(with_city=True))
    for name, table in PUBLISHED.items():
        table.check(built[name], built)
    told = counted(built, year=2020)
    assert told == {(POLE, "in_qpv"): 2, (POLE, "all"): 2, ("antenne", "elsewhere"): 1, ("antenne", "all"): 1}
    share = built["indicators"].query("indicator == 'share_in_qpv' and year == 2020 and level == 'country'")
    share = share[(share["scope"] == POLE) & (share["generation"] == "in_force")].iloc[0]
    assert (share["value"], share["numerator"], share["denominator"]) == (1.0, 2.0, 2.0)


@pytest.mark.no_cover
def test_an_ars_that_answered_about_msp_and_centres_said_nothing_of_a_pole(folder):
    built = qpvhealth.build(folder(with_city=True))
    located = built["other_structure_locations"].query("year == 2019").set_index("finess_et")
    assert located["vecu_declared"].unique().tolist() == ["unknown"]
    assert located["situation"].to_dict() == {"310000011": "in_qpv", "310000012": "vecu_proxy"}
    ours = built["structure_locations"].query("year == 2019").set_index("finess_et")
    assert ours.loc["310000002", "vecu_declared"] == "no"


@pytest.mark.no_cover
def test_their_changes_have_causes_too(folder):
    built = qpvhealth.build(folder(with_city=True))
    found = built["other_changes"].query("generation == 'in_force'").set_index("finess_et")["cause"].to_dict()
    assert found == {"310000012": "left_extract", "310000013": "opened", "310000014": "opened"}


@pytest.mark.no_cover
def test_a_year_without_their_card_covers_none_of_them(folder):
    built = qpvhealth.build(folder(with_city=True, city={2020: CITY[2020]}))
    found = built["other_changes"].query("generation == 'in_force'").set_index("finess_et")["cause"].to_dict()
    assert found == {"310000011": "coverage_of_extract", "310000013": "opened", "310000014": "opened"}


def test_a_card_of_other_types_alone_says_nothing_of_msp_elsewhere(folder):
    core = {2019: [f"310000001;MSP;31555;{INSIDE};2015-01-01"]}
    raw = folder(with_city=True, core=core, city={2019: CITY[2019]})
    text = (
        (raw / "sources.toml").read_text(encoding="utf-8").replace('regions = ["76"] }\n[s', 'regions = ["84"] }\n[s')
    )
    (raw / "sources.toml").write_text(text, encoding="utf-8")
    built = qpvhealth.build(raw)
    assert "31" not in built["extracts"]["covers"].iloc[0].split(",")
    assert {f.rule for f in built.findings} >= {"extract-outside-cover"}


def test_a_structure_that_becomes_an_msp_is_told(folder):
    core = CORE | {2020: [*CORE[2020], f"310000012;MSP;31555;{NEAR};2016-01-01"]}
    built = qpvhealth.build(folder(with_city=True, core=core))
    crossed = next(f for f in built.findings if f.rule == "type-crossed")
    assert (crossed.n, "310000012" in crossed.message) == (1, True)


def test_a_release_shows_them_apart(folder, tmp_path):
    raw, out = folder(with_city=True), tmp_path / "out"
    run = CliRunner()
    assert run.invoke(cli, ["-q", "build", "--raw", str(raw), "--out", str(out)]).exit_code == 0
    assert run.invoke(cli, ["check", "--out", str(out)]).exit_code == 0
    assert POLE in run.invoke(cli, ["counts", "--out", str(out)]).stdout
    shown = json.loads(run.invoke(cli, ["counts", "--other-types", "--out", str(out), "--json"]).stdout)
    cells = {(r["year"], r["structure_type"]): (r["in_qpv"], r["vecu_proxy"], r["all"]) for r in shown["rows"]}
    assert cells == {(2019, POLE): (1, 1, 2), (2020, POLE): (2, 0, 2), (2020, "antenne"): (0, 0, 1)}
    listed = run.invoke(cli, ["list", "others", "--type", "Antenne", "--out", str(out), "--json"])
    assert [r["finess_et"] for r in json.loads(listed.stdout)["rows"]] == ["310000014"]
    refused = run.invoke(cli, ["list", "others", "--type", "pole", "--out", str(out)]).exception
    assert isinstance(refused, UsageError)
    assert POLE in str(refused)


@pytest.mark.parametrize("name", ["MSP", "all", " pôle", "", "x" * 61])
def test_a_type_cannot_take_a_name_that_means_something_else(folder, name):
    raw = folder(with_city=True)
    text = (raw / "sources.toml").read_text(encoding="utf-8").replace(f'["{POLE}", ', f'["{name}", ')
    assert tomllib.loads(text)
    (raw / "sources.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="other_types"):
        cards.load(raw)


def test_a_type_that_the_card_does_not_name_is_refused_with_what_to_write(folder):
    raw = folder(with_city=True)
    text = (raw / "sources.toml").read_text(encoding="utf-8").replace(f'["{POLE}", "antenne"]', f'["{POLE}"]')
    (raw / "sources.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"maps to antenne.*other_types"):
        qpvhealth.build(raw)
