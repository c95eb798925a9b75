"""Rows that could not be read: in the bounds of what they could change, and a build stops where that is too much."""

import json

import pytest

import qpvhealth
from qpvhealth.errors import InputError
from qpvhealth.settings import Settings

CARDS = """
[[source]]
id = "s"
kind = "structures"
path = "s.csv"
layout = "dgos-mapped"
year = 2019
reference_date = 2019-03-31
[source.columns]
finess_et = "finess"
structure_type = "type"
name = "nom"
commune_code = "commune"
longitude = "lon"
latitude = "lat"
closed_on = "ferm"
[source.values.structure_type]
MSP = "MSP"
CDS = "CDS"
pharmacie = "out_of_scope"
[[source]]
id = "q"
kind = "neighbourhoods"
path = "q.geojson"
generation = "qpv-2015"
"""
ADDRESS = 'address = "adresse"'
WITH_ADDRESS = CARDS.replace('name = "nom"', f'name = "nom"\n{ADDRESS}')
HEADER = "finess;type;nom;commune;lon;lat;ferm\n"
INSIDE, FAR, NOWHERE = "1.405;43.605", "1.6;43.605", ";"
BAD = "3.11E+08"


def square(n):
    x = 1.4 + n / 20
    ring = [[x, 43.6], [x + 0.01, 43.6], [x + 0.01, 43.61], [x, 43.61], [x, 43.6]]
    properties = {"code_qp": f"QP03100{n + 1}", "lib_qp": f"Q{n}", "insee_com": "31555"}
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


@pytest.fixture
def build(tmp_path):
    def run(*rows, n_others=20, settings=None, cards=CARDS):
        others = [f"3100000{n:02d};MSP;AUTRE {n};31555;{FAR};" for n in range(10, 10 + n_others)]
        (tmp_path / "sources.toml").write_text(cards, encoding="utf-8")
        lines, n_cells = [HEADER.strip(), *rows, *others], HEADER.count(";")
        if ADDRESS in cards:
            lines = [line + ";" * (n_cells + 1 - line.count(";")) for line in lines]
            lines[0] += "adresse"
        (tmp_path / "s.csv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        layer = {"type": "FeatureCollection", "features": [square(n) for n in range(3)]}
        (tmp_path / "q.geojson").write_text(json.dumps(layer), encoding="utf-8")
        return qpvhealth.build(tmp_path, settings)

    return run


def figure(built, indicator, scope="msp_cds"):
    rows = built["indicators"].query("generation == 'in_force' and level == 'country'")
    row = rows[(rows["indicator"] == indicator) & (rows["scope"] == scope)].iloc[0]
    return tuple(int(row[c]) for c in ("value", "lower", "upper"))


def covered(built):
    return built["neighbourhood_coverage"].set_index("qpv_code")["is_covered_in"].astype(object).tolist()


def test_a_centre_without_a_number_inside_a_qpv_leaves_that_qpv_unsure(build):
    built = build(f"{BAD};CDS;CENTRE;31555;{INSIDE};")
    assert figure(built, "n_in_qpv") == (0, 0, 1)
    assert figure(built, "n_in_qpv", "msp") == (0, 0, 0)
    assert figure(built, "n_country") == (20, 20, 21)
    assert figure(built, "qpv_without_any") == (3, 2, 3)
    assert [v is False for v in covered(built)] == [False, True, True]
    assert "3.11E+08" not in built["structures"]["finess_et"].tolist()


@pytest.mark.no_cover
def test_a_row_whose_commune_is_read_concerns_its_qpv_and_no_more_than_one(build):
    built = build(f"{BAD};MSP;MAISON;31555;{NOWHERE};")
    assert figure(built, "qpv_without_any") == (3, 2, 3)
    assert figure(built, "qpv_without_any", "cds") == (3, 3, 3)
    assert [v is False for v in covered(built)] == [False] * 3


@pytest.mark.parametrize(
    ("commune", "inside", "bare"), [("31555", 1, 2), ("31069", 0, 3), ("75101", 0, 3), ("", 1, 2)], ids=str
)
@pytest.mark.no_cover
def test_a_row_of_a_commune_without_qpv_is_inside_none_in_every_figure(build, commune, inside, bare):
    for row in (f"{BAD};MSP;MAISON;{commune};{NOWHERE};", f"310009999;MSP;MAISON;{commune};{NOWHERE};"):
        built, n = build(row), 20 if row.startswith(BAD) else 21
        assert figure(built, "n_in_qpv") == (0, 0, inside)
        assert figure(built, "n_country") == (n, n, 21)
        assert figure(built, "qpv_without_any") == (3, bare, 3)
        assert [v is False for v in covered(built)] == [not inside] * 3
        near = built["indicators"].query("indicator == 'n_in_or_near' and level == 'country' and scope == 'msp'")
        assert near["upper"].tolist() == [21] * len(near)  # nobody says of any whether it is near


@pytest.mark.parametrize(
    "row",
    [
        f"{BAD};pharmacie;OFFICINE;31555;{INSIDE};",
        f"{BAD};CDS;CENTRE;31555;{INSIDE};2018-01-01",
        f"{BAD};CDS;CENTRE;31555;{FAR};",
    ],
)
@pytest.mark.no_cover
def test_another_category_a_closure_or_a_point_outside_have_no_effect(build, row):
    built = build(row)
    assert figure(built, "qpv_without_any") == (3, 3, 3)
    assert figure(built, "n_in_qpv") == (0, 0, 0)


def test_a_line_that_is_no_row_may_be_anything_anywhere(build):
    built = build("one;cell;too;many;in;this;line;of;the;file")
    assert figure(built, "n_country") == (20, 20, 21)
    assert figure(built, "qpv_without_any") == (3, 2, 3)


def test_too_many_rows_stop_a_build_and_settings_say_how_many(build):
    rows = [f"{BAD};CDS;CENTRE {n};31555;{FAR};" for n in range(3)]
    with pytest.raises(InputError, match=r"2019 \(s\): 3 rows of 23 in the country could not be read, more than 1%"):
        build(*rows)
    passed = build(*rows, settings=Settings(reject_share=0.5, reject_department_share=0.5))
    assert figure(passed, "n_country") == (20, 20, 23)


def test_a_file_of_which_no_row_can_be_used_stops_a_build(build):
    with pytest.raises(InputError, match="card s: none of its 1 rows can be used; row 2: FINESS number"):
        build(f"{BAD};CDS;CENTRE;31555;{INSIDE};", n_others=0)


REGISTER = """
[[source]]
id = "r"
kind = "register"
path = "r.csv"
layout = "finess-regional"
year = 2019
"""
TITLES = "nofinesset;rs;categetab;siret;code_commune_insee;datefermeture\n"


@pytest.mark.parametrize(
    ("row", "entry", "upper"),
    [
        (f"{BAD};CDS;CENTRE;31555;{INSIDE};", "310009999;CENTRE;124;;31555;", 1),
        (f"{BAD};CDS;CENTRE;31555;{INSIDE};", "310009999;CENTRE;124;;31555;2018-06-01", 0),
        (f"{BAD};CDS;CENTRE;31555;{INSIDE};", "310009999;CENTRE;124;;31555;2019-06-01", 1),
        (f"{BAD};CDS;CENTRE;31555;{INSIDE};", "310009999;CENTRE;620;;31555;", 0),
        (f"{BAD};CDS;CENTRE;31555;{INSIDE};", "310009999;AUTRE;620;;31555;", 1),
        (f"{BAD};CDS;CENTRE;31555;{INSIDE};", "310000010;CENTRE;124;;31555;", 0),
        (f"310009999;;CENTRE;31555;{INSIDE};", "310009999;PHARMACIE;620;;31555;", 0),
        (f"310000010;;CENTRE;31555;{INSIDE};", "310009998;PHARMACIE;620;;31555;", 0),
    ],
    ids=["open", "closed", "closed later", "a pharmacy", "another name", "counted", "by number", "number counted"],
)
def test_what_a_register_knows_of_a_rejected_row_is_no_structure_of_the_bounds(build, tmp_path, row, entry, upper):
    (tmp_path / "r.csv").write_text(TITLES + entry + "\n", encoding="utf-8")
    built = build(row, cards=CARDS + REGISTER)
    assert figure(built, "n_in_qpv") == (0, 0, upper)
    (account,) = [i for i in built.inputs if i["id"] == "r"]
    n_of_extract = int(entry[:9] in built["structures"]["finess_et"].tolist())
    assert (account["rows_out"], account["out_of_scope"]) == (n_of_extract, 1 - n_of_extract)
    (finding,) = [f for f in built.findings if f.rule == "rows-rejected"]
    assert (finding.n, finding.of, finding.message[:13]) == (1, 21, "card s: row 2")


@pytest.mark.parametrize(
    ("written", "upper"),
    [
        (("Centre de santé", "31555", "1 R PERDUE"), 0),
        (("CENTRE SANTE", "31555", "1, rue de la Perdue"), 0),
        (("CENTRE DE SANTE", "31555", "RUE PERDUE BP 12"), 0),
        (("CENTRE DE SANTE", "31555", "2 RUE PERDUE"), 1),
        (("CENTRE DE SANTE", "31069", "1 RUE PERDUE"), 1),
        (("CENTRE DENTAIRE", "31555", "1 RUE PERDUE"), 1),
    ],
)
@pytest.mark.no_cover
def test_a_rejected_row_is_another_writing_of_one_that_is_counted_or_closed(build, tmp_path, written, upper):
    name, commune, street = written
    row = f"{BAD};CDS;{name};{commune};{INSIDE};;{street}"
    counted = build(row, f"310009999;CDS;CENTRE DE SANTE;31555;{INSIDE};;1 RUE PERDUE", cards=WITH_ADDRESS)
    assert figure(counted, "n_in_qpv") == (1, 1, 1 + upper)
    titles, entry = TITLES.replace("rs;", "rs;voie;"), "310009999;CENTRE DE SANTE;1 RUE PERDUE;124;;31555;2018-06-01\n"
    (tmp_path / "r.csv").write_text(titles + entry, encoding="utf-8")
    assert figure(build(row, cards=WITH_ADDRESS + REGISTER), "n_in_qpv") == (0, 0, upper)


def test_a_rejected_row_of_a_merged_commune_is_the_one_that_is_counted_there(build):
    rows = [f"{BAD};CDS;CENTRE;50602;{NOWHERE};;1 R PERDUE", f"500009999;CDS;CENTRE;50129;{NOWHERE};;1 RUE PERDUE"]
    assert figure(build(*rows, cards=WITH_ADDRESS), "n_country") == (21, 21, 21)


def test_correct_rows_are_no_finding(build):
    assert not [f for f in build().findings if f.rule == "rows-rejected"]
