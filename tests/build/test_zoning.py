"""The zoning is a decision of each region: what one of them publishes replaces its own classes, and nobody else's."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

import qpvhealth
from qpvhealth.cli import main_group

QPV = {"QN06901M": "69266", "QN06902M": "69266", "QN02601M": "26220", "QN01301M": "13055", "QN97801N": "97801"}
CARDS = """
[[source]]
id = "q"
kind = "neighbourhoods"
path = "q.geojson"
generation = "qpv-2024"
[[source]]
id = "s"
kind = "structures"
path = "s.csv"
layout = "dgos-mapped"
year = 2026
reference_date = 2026-06-30
[[source]]
id = "national"
kind = "zoning"
path = "national.csv"
edition = "2025"
in_force_from = 2025-01-01
[[source]]
id = "ara"
kind = "zoning"
path = "ara.csv"
edition = "2026"
in_force_from = {day}
generation = "qpv-2024"
{covers}
"""
NATIONAL = "insee;tvs;zonage\n69266;T1;ZIP\n13055;T2;ZIP\n26220;T3;ZIP\n84001;T3;ZIP\n84002;T3;ZIP\n"
ARA = "code_qp;zonage\nQN06901M;ZAC\nQN01301M;HZ\n"


@pytest.fixture
def build(tmp_path):
    """Build the zoning of the whole country and that of Auvergne-Rhône-Alpes; return the tables."""

    def built(covers='covers = { regions = ["84"] }', day="2026-01-01", more="", ara=ARA):
        features = []
        for n, (code, commune) in enumerate(QPV.items()):
            x, y = (-63.08, 18.07) if code.startswith("QN97") else (3.0 + n, 45.0)
            ring = [[x, y], [x + 0.01, y], [x + 0.01, y + 0.01], [x, y + 0.01], [x, y]]
            names = {"code_qp": code, "lib_qp": code, "insee_com": commune}
            shape = {"type": "Polygon", "coordinates": [ring]}
            features.append({"type": "Feature", "properties": names, "geometry": shape})
        layer = {"type": "FeatureCollection", "features": features}
        (tmp_path / "q.geojson").write_text(json.dumps(layer), encoding="utf-8")
        header = "finess_et,structure_type,commune_code,longitude,latitude"
        (tmp_path / "s.csv").write_text(f"{header}\n690000001,MSP,69266,3.5,45.0\n", encoding="utf-8")
        (tmp_path / "national.csv").write_text(NATIONAL, encoding="utf-8")
        (tmp_path / "ara.csv").write_text(ara, encoding="utf-8")
        (tmp_path / "sources.toml").write_text(CARDS.format(covers=covers, day=day) + more, encoding="utf-8")
        return qpvhealth.build(tmp_path)

    return built


def classes(built):
    rows = built["neighbourhood_coverage"].set_index("qpv_code")[["zoning_edition", "zone_class", "zoning_reason"]]
    return {
        code: tuple(None if pd.isna(v) else v for v in row)
        for code, row in zip(rows.index, rows.to_numpy(), strict=True)
    }


def found(built):
    return {f.rule: f.message for f in built.findings if f.rule.startswith("zoning")}


def test_a_region_replaces_its_own_classes_all_levels_together(build):
    built = build()
    assert classes(built) == {
        "QN06901M": ("2026", "ZAC", None),
        "QN06902M": ("2026", None, "not_in_zoning"),  # the commune list is of another edition
        "QN02601M": ("2025", "ZIP", None),  # most communes of its TVS are in region 93
        "QN01301M": ("2025", "ZIP", None),
        "QN97801N": ("2025", None, "not_in_zoning"),
    }
    assert found(built)["zoning-outside-cover"].endswith("not used: QN01301M")
    assert "zoning-region-silent" not in found(built)
    rows = built["zoning_regions"].query("generation == 'in_force'")
    columns = ["region_code", "zoning_edition", "n_qpv", "n_classed", "n_zip_or_zac"]
    assert rows[columns].to_numpy().tolist() == [
        ["84", "2025", 1, 1, 1],
        ["84", "2026", 2, 1, 1],
        ["93", "2025", 1, 1, 1],
        ["none", "2025", 1, 0, 0],
    ]


COG = '[[source]]\nid = "cog"\nkind = "boundaries"\npath = "cog.csv"\nlevel = "commune"\nyear = 2024\n'
GPS = '[[source]]\nid = "gps"\nkind = "practitioners"\npath = "gps.csv"\nyear = 2024\n'


@pytest.mark.parametrize(
    ("people", "edition"),
    [("26220;{0}9000\n84001;{0}5000\n84002;{0}3000\n", "2026"), ("26220;{0}9000\n84001;{0}5000\n", "2025")],
)
@pytest.mark.parametrize(
    "table",
    [(COG, "cog.csv", "com;typecom;pmun", "COM;"), (GPS, "gps.csv", "codgeo;n_gp;population", "1;")],
)
@pytest.mark.no_cover
def test_a_tvs_is_of_the_region_that_has_most_of_its_people(build, tmp_path, people, edition, table):
    card, name, header, between = table
    (tmp_path / name).write_text(f"{header}\n{people.format(between)}", encoding="utf-8")
    assert classes(build(more=card))["QN02601M"][0] == edition  # by communes where one has no population


def test_a_decision_of_tomorrow_replaces_nothing_today(build):
    assert {edition for edition, _, _ in classes(build(day="2027-01-01")).values()} == {"2025"}


def test_without_covers_the_regions_that_a_list_leaves_out_are_named(build):
    built = build(covers="", ara="code_qp;zonage\nQN06901M;ZAC\n")
    assert classes(built)["QN01301M"] == ("2026", None, "not_in_zoning")
    words = "edition 2026: no row in the regions 93, which it is said to cover and an earlier edition classes"
    assert found(built)["zoning-region-silent"] == words
    assert "zoning-region-silent" not in found(build(covers=""))  # its list names both


@pytest.mark.no_cover
def test_where_no_region_has_decided_the_class_is_unknown(build, tmp_path):
    build()
    text = (tmp_path / "sources.toml").read_text(encoding="utf-8")
    text = text.replace('edition = "2025"\n', 'edition = "2025"\ncovers = { regions = ["93"] }\n')
    (tmp_path / "sources.toml").write_text(text, encoding="utf-8")
    built = qpvhealth.build(tmp_path)
    assert classes(built)["QN97801N"] == (None, None, "not_published")
    assert classes(built)["QN02601M"] == ("2025", "ZIP", None)
    assert (
        found(built)["zoning-none-in-force"]
        == "no zoning edition is in force at 2026-06-30 for 1 QPV of the regions: none"
    )
    out = str(tmp_path / "out")
    assert CliRunner().invoke(main_group, ["-q", "build", "--raw", str(tmp_path), "--out", out]).exit_code == 0
    shown = CliRunner().invoke(main_group, ["coverage", "--out", out, "--format", "md"]).output
    assert "2026 : 3 QPV en ZIP ou ZAC sur les 4 QPV des 2 régions zonées" in shown
    assert "2026 depuis le 01/01/2026 (Auvergne-Rhône-Alpes)" in shown
    assert "zonage non publié : sans région" in shown


@pytest.mark.no_cover
def test_two_regions_may_use_one_name_with_two_dates(build, tmp_path):
    (tmp_path / "paca.csv").write_text(NATIONAL + "13001;T2;ZIP\n", encoding="utf-8")
    more = """
[[source]]
id = "paca"
kind = "zoning"
path = "paca.csv"
edition = "2026"
in_force_from = 2026-04-01
covers = { regions = ["93"] }
"""
    built = build(more=more)
    assert classes(built)["QN01301M"] == ("2026", "ZIP", None)
    assert classes(built)["QN02601M"] == ("2026", "ZIP", None)
    dates = built["neighbourhood_zoning"].set_index(["qpv_code", "edition"])["in_force_from"].astype(str)
    assert dates["QN01301M", "2026"] == "2026-04-01"
    assert dates["QN06901M", "2026"] == "2026-01-01"
    with pytest.raises(
        qpvhealth.errors.UsageError, match=r"edition 2026: its cards \(ara, paca\) differ in in_force_from"
    ):
        build(covers="", more=more)
