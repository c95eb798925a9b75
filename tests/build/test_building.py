"""The chain on raw folders small enough to be read: nothing but structures and QPV, and what may go wrong with them."""

import json

import pandas as pd
import pytest

import qpvhealth
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.errors import InputError, UsageError
from qpvhealth.settings import Settings

STRUCTURES = """
[[source]]
id = "s{year}"
kind = "structures"
path = "s{year}.csv"
layout = "dgos-mapped"
year = {year}
reference_date = {year}-03-31
[source.columns]
finess_et = "finess"
structure_type = "type"
commune_code = "commune"
longitude = "lon"
latitude = "lat"
opened_on = "ouv"
vecu_declared = "vecu"
[source.values.structure_type]
MSP = "MSP"
CDS = "CDS"
[source.values.vecu_declared]
oui = "yes"
non = "no"
"""
CONTOURS = (
    '[[source]]\nid = "{id}"\nkind = "neighbourhoods"\npath = "{id}.geojson"\ngeneration = "{generation}"\n{more}\n'
)
HEADER = "finess;type;commune;lon;lat;ouv;vecu\n"
INSIDE, NEAR, FAR = "1.405;43.605", "1.412;43.605", "1.6;43.605"


def square(code, x=1.4, y=43.6, side=0.01, **properties):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"code_qp": code, "lib_qp": f"Q {code}"} | properties, "geometry": shape}


@pytest.fixture
def build(tmp_path):
    """Build from structures by year (rows of text) and contours (generation: squares), and hold the contracts."""

    def run(structures, contours, settings=None, more="", card=""):
        cards = [card]
        for year, rows in structures.items():
            cards.append(STRUCTURES.format(year=year))
            (tmp_path / f"s{year}.csv").write_text(HEADER + "".join(f"{r}\n" for r in rows), encoding="utf-8")
        for n, (generation, features) in enumerate(contours.items()):
            cards.append(CONTOURS.format(id=f"q{n}", generation=generation, more=more))
            layer = {"type": "FeatureCollection", "features": features}
            (tmp_path / f"q{n}.geojson").write_text(json.dumps(layer), encoding="utf-8")
        (tmp_path / "sources.toml").write_text("\n".join(cards), encoding="utf-8")
        built = qpvhealth.build(tmp_path, settings)
        for name, table in PUBLISHED.items():
            table.check(built[name], built)
        return built

    return run


def test_a_file_that_is_replaced_while_it_is_read_is_refused(build, tmp_path):
    build({2019: [f"310000001;MSP;31555;{INSIDE};;"]}, Q2015)

    def replace(_step):
        (tmp_path / "s2019.csv").write_text(HEADER, encoding="utf-8")

    with pytest.raises(InputError, match="changed while it was read: card s2019"):
        qpvhealth.build(tmp_path, progress=replace)


Q2015 = {"qpv-2015": [square("QP031001", insee_com="31555")]}


def test_a_printed_figure_of_what_no_release_measures_is_refused(build, tmp_path):
    keys = (
        'id = "a"\ndocument = "d"\nwords = "w"\nsaid = "1"\nvalue = 1\nunit = "u"\non = 2019-03-31\nmeasure = "luck"\n'
    )
    (tmp_path / "published.toml").write_text(f"[[figure]]\n{keys}", encoding="utf-8")
    with pytest.raises(UsageError, match='unknown measure "luck"; there are: n_qpv, '):
        build({2019: [f"310000001;MSP;31555;{INSIDE};;"]}, Q2015)


def situations(built, generation="qpv-2015"):
    frame = built["structure_locations"]
    return frame[frame["generation"] == generation]["situation"].tolist()


def country(built, **cell):
    frame = built["yearly_counts"]
    wanted = {"level": "country", "structure_type": "all", "modality": "all", "situation": "all"} | cell
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    return int(frame["n_structures"].sum())


def indicator(built, name, generation="in_force"):
    frame = built["indicators"]
    at = (frame["indicator"] == name) & (frame["generation"] == generation) & (frame["scope"] == "msp_cds")
    return frame[at & (frame["level"] == "country")].iloc[0]


def rules(built):
    return {f.rule for f in built.findings}


def test_one_structure_and_one_qpv(build):
    built = build({2019: [f"310000001;MSP;31555;{INSIDE};;"]}, Q2015)
    assert situations(built) == ["in_qpv"]
    assert country(built, generation="in_force", situation="in_qpv") == 1
    covered = built["neighbourhood_coverage"].iloc[0]
    assert (covered["n_msp_in"], covered["n_cds_in"], covered["nearest_msp_finess_et"]) == (1, 0, "310000001")
    assert pd.isna(covered["population"])
    assert pd.isna(covered["zone_class"])
    assert pd.isna(indicator(built, "zip_qpv")["value"])
    assert {"population-missing", "outlines-missing"} <= rules(built)


def test_the_five_situations(build):
    rows = [
        f"310000001;MSP;31555;{INSIDE};;oui",
        f"310000002;MSP;31555;{FAR};;oui",
        f"310000003;CDS;31555;{NEAR};;non",
        f"310000004;CDS;31555;{NEAR};;",
        f"310000005;CDS;31555;{FAR};;",
        "310000006;CDS;31555;;;;",
        "310000007;CDS;31555;;;;oui",
    ]
    built = build({2019: rows}, Q2015)
    proxy = ["vecu_proxy", "elsewhere", "undetermined", "vecu_declared"]
    assert situations(built) == ["in_qpv", "vecu_declared", "elsewhere", *proxy]
    pairs = built["structure_neighbourhoods"].set_index("finess_et")
    assert pairs["is_declared"].to_dict() == {
        "310000001": True,
        "310000002": True,  # the nearest is the one declared
        "310000003": False,
        "310000004": False,
    }
    assert indicator(built, "n_in_or_near")["value"] == 3
    assert pd.isna(built["neighbourhood_coverage"]["is_covered_in"].iloc[0]) is False


def test_an_extract_without_any_structure(build):
    built = build({2019: []}, Q2015)
    assert len(built["structures"]) == 0
    covered = built["neighbourhood_coverage"].iloc[0]
    assert (covered["n_msp_in"], covered["is_covered_in"]) == (0, False)
    assert indicator(built, "qpv_without_any")["value"] == 1


def test_a_year_whose_structures_are_all_out_of_the_stock(build):
    built = build(
        {2018: [f"310000001;MSP;31555;{INSIDE};2020-01-01;"], 2021: [f"310000001;MSP;31555;{INSIDE};2020-01-01;"]},
        Q2015,
    )
    assert country(built, generation="in_force", year=2018) == 0
    assert country(built, generation="in_force", year=2021) == 1
    assert built["neighbourhood_coverage"].set_index("year")["is_covered_in"].tolist() == [False, True]
    assert "opening-in-future" in rules(built)


def test_structures_without_commune(build):
    built = build({2019: [f"310000001;MSP;;{INSIDE};;", "310000002;CDS;;;;;"]}, Q2015)
    assert situations(built) == ["in_qpv", "undetermined"]
    located = built["structure_locations"].set_index("finess_et")
    assert located.loc["310000002", "rule"] == "location-cannot-decide"
    assert country(built, generation="in_force", level="department", area_code="none") == 2
    assert built["neighbourhood_coverage"]["n_undetermined"].tolist() == [1]


def test_a_departement_that_france_does_not_have(build):
    built = build({2019: [f"310000001;MSP;99901;{INSIDE};;"]}, Q2015)
    assert built["structures"][["department_code", "commune_code"]].isna().all(axis=None)
    assert country(built, generation="in_force", level="department", area_code="none") == 1
    assert country(built, generation="in_force") == 1
    assert "department-unknown" in rules(built)


def test_a_custom_set_of_perimeters_is_computed_and_never_in_force(build):
    contours = {"civ-2008": [square("Z1"), square("Z2", 55.4, -21.0)]}
    rows = [f"310000001;MSP;31555;{INSIDE};;", f"310000002;MSP;31555;{FAR};;"]
    built = build({2019: rows}, contours, more='code_pattern = "Z\\\\d+"')
    assert situations(built, "civ-2008") == ["in_qpv", "elsewhere"]
    assert country(built, generation="civ-2008", situation="in_qpv") == 1
    assert country(built, generation="in_force", situation="undetermined") == 2
    assert built["neighbourhoods"]["territory"].tolist() == ["metropole", "la_reunion"]
    assert "generation-missing" in rules(built)
    forced = build({2019: rows}, contours, Settings(headline_generation={2019: "civ-2008"}), 'code_pattern = "Z\\\\d+"')
    assert country(forced, generation="in_force", situation="in_qpv") == 1
    assert "forced by the settings" in indicator(forced, "n_in_qpv")["rule"]


def test_a_file_in_the_wrong_system_is_refused(build):
    with pytest.raises(InputError, match="card q0: every polygon lies outside the territory of its code") as caught:
        build({2019: [f"310000001;MSP;31555;{INSIDE};;"]}, {"qpv-2015": [square("QP031001", 43.6, 1.4)]})
    assert caught.value.exit_code == 3


def test_one_misplaced_polygon_is_a_finding(build):
    contours = {"qpv-2015": [square("QP031001"), square("QP974001", 2.3, 48.8)]}
    built = build({2019: [f"310000001;MSP;31555;{INSIDE};;"]}, contours)
    assert built["neighbourhoods"].set_index("qpv_code")["repair"].fillna("-").to_dict() == {
        "QP031001": "-",
        "QP974001": "misplaced",
    }
    assert built["neighbourhood_coverage"].set_index("qpv_code")["is_covered_in"].isna().to_dict() == {
        "QP031001": False,
        "QP974001": True,
    }
    assert "polygon-misplaced" in rules(built)


def test_a_collapsed_polygon_alone(build):
    built = build({2019: [f"310000001;MSP;31555;{INSIDE};;"]}, {"qpv-2015": [square("QP031001", side=0)]})
    assert situations(built) == ["undetermined"]
    assert built["neighbourhood_coverage"]["n_msp_in"].isna().all()
    assert "polygon-collapsed" in rules(built)


def test_on_one_day_two_generations_are_in_force(build):
    contours = {
        "qpv-2015": [square("QP031001"), square("QP974001", 55.4, -21.0)],
        "qpv-2024": [square("QN03101N", 1.5), square("QN97401N", 55.5, -21.1)],
    }
    rows = [f"310000001;MSP;31555;{INSIDE};;", "970000002;CDS;97411;55.405;-20.995;;"]
    built = build({2024: rows}, contours)
    inside = built["yearly_counts"].query(
        "level == 'qpv' and situation == 'in_qpv' and structure_type == 'all' and modality == 'all'"
    )
    assert inside.query("generation == 'in_force'")["area_code"].tolist() == ["QP974001"]
    assert indicator(built, "qpv_total")["value"] == 2
    assert country(built, generation="in_force") == country(built, generation="qpv-2015") == 2


def test_a_generation_that_no_card_gives(build):
    with pytest.raises(UsageError, match=r"no polygons of qpv-2024; the cards give qpv-2015"):
        build({2019: []}, Q2015, Settings(generations=("qpv-2024",)))


@pytest.mark.no_cover
def test_the_proxy_distance_is_a_setting(build):
    rows = {2019: [f"310000001;MSP;31555;{NEAR};;"]}
    assert situations(build(rows, Q2015, Settings(vecu_distance_m=100))) == ["elsewhere"]
    near = build(rows, Q2015, Settings(vecu_distance_m=2000))
    assert situations(near) == ["vecu_proxy"]
    assert len(near["structure_neighbourhoods"]) == 1


@pytest.mark.no_cover
def test_the_rule_of_near_changes_no_situation(build):
    rows = {2019: [f"310000001;MSP;31555;{NEAR};;non", f"310000002;MSP;31555;{NEAR};;"]}
    got = {r: build(rows, Q2015, Settings(vecu_rule=r)) for r in ("declared", "proxy", "declared_or_proxy")}
    assert len({tuple(situations(b)) for b in got.values()}) == 1
    assert {r: indicator(b, "n_in_or_near")["value"] for r, b in got.items()} == {
        "declared": 0,
        "proxy": 2,
        "declared_or_proxy": 1,
    }


@pytest.mark.no_cover
def test_the_same_folder_gives_the_same_frames(build):
    rows = {2019: [f"310000001;MSP;31555;{INSIDE};;", f"310000002;CDS;31555;{NEAR};;"]}
    first, second = build(rows, Q2015), build(rows, Q2015)
    for name in PUBLISHED:
        pd.testing.assert_frame_equal(first[name], second[name])


@pytest.mark.no_cover
def test_years_without_any_structure_stand_among_the_others(build):
    """A year built alone has the coverage and the counts that it has among other years."""
    both = [f"310000001;MSP;31555;{INSIDE};;", f"310000002;CDS;31555;{NEAR};;oui"]
    rows = {2018: [], 2019: both, 2020: [both[1], f"310000003;MSP;;{FAR};2019-06-01;"], 2021: []}
    contours = {"qpv-2015": Q2015["qpv-2015"], "own": [square("QP031009", 1.5)]}
    together = build(rows, contours, more='code_pattern = "QP.*"')
    assert together["neighbourhood_coverage"]["year"].nunique() == 4
    for year, listed in rows.items():
        alone = build({year: listed}, contours, more='code_pattern = "QP.*"')
        for name in ("structures", "structure_locations", "yearly_counts", "neighbourhood_coverage"):
            own = together[name][together[name]["year"] == year].reset_index(drop=True)
            pd.testing.assert_frame_equal(own, alone[name])


DECLARED = """
[[source]]
id = "d"
kind = "declarations"
path = "d.csv"
year = 2019
generation = "qpv-2015"
answered = {{ regions = ["76"]{more} }}
"""


@pytest.mark.parametrize(
    ("more", "msp", "cds"),
    [
        ("", "no", "no"),
        (', types = ["MSP"]', "no", "unknown"),
        (", exhaustive = false", "unknown", "unknown"),
        (', types = ["CDS"], exhaustive = true, date = 2019-06-30', "unknown", "no"),
    ],
)
def test_silence_is_a_no_only_where_the_list_is_whole_and_of_that_type(build, tmp_path, more, msp, cds):
    (tmp_path / "d.csv").write_text("finess;vecu\n310000009;oui\n", encoding="utf-8")
    rows = [f"31000000{n};{kind};31555;{NEAR};;" for n, kind in ((1, "MSP"), (2, "CDS"))]
    contours = {"qpv-2015": Q2015["qpv-2015"], "qpv-2024": [square("QN03101M", insee_com="31555")]}
    built = build({2019: rows}, contours, card=DECLARED.format(more=more))
    answers = built["structure_locations"].set_index(["generation", "finess_et"])["vecu_declared"]
    assert answers["qpv-2015"].tolist() == [msp, cds]
    assert answers["qpv-2024"].tolist() == ["unknown", "unknown"]  # the ARS spoke of the QPV of 2015
    near = built["neighbourhood_coverage"].set_index("generation")["is_covered_near"]
    assert near.isna()[["qpv-2015", "qpv-2024"]].tolist() == [not msp == cds == "no", True]
