"""Every fact of an explanation is that of the published tables and of the raw file."""

import re
import shutil
import tomllib
from xml.etree import ElementTree as ET

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from qpvhealth.errors import UsageError
from qpvhealth.ingest.raw_rows import RawFolder
from qpvhealth.publish import explanation
from qpvhealth.publish.release import open_release
from qpvhealth.publish.selection import Filters
from qpvhealth.studies import counted, explanations, location_map
from qpvhealth.studies.counted import Figure

ALL = Filters()
METRES = {"971": 5490, "972": 5490, "973": 2972, "974": 2975, "976": 4471, "978": 5490, "987": 3297}
"""The system of each overseas département, and 2154 elsewhere."""
NS = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def release(released):
    return open_release(released)


@pytest.fixture(scope="module")
def raw(sample_folder):
    return RawFolder(sample_folder)


@pytest.mark.no_cover
def test_fifty_structures_have_the_facts_of_the_tables_and_the_text_of_their_rows(release, raw):
    structures, places = release.table("structures", geometry=False), release.table("structure_locations")
    for code in structures["finess_et"].drop_duplicates().sample(50, random_state=3):
        document = explanations.explain(release, code, raw, ALL)
        own = structures[structures["finess_et"] == code].set_index("year")
        assert [y["year"] for y in document["years"]] == sorted(own.index)
        for year in document["years"]:
            row = own.loc[year["year"]]
            assert {k: row[k] for k in ("structure_type", "location_status")}.items() <= year["facts"].items()
            texts = [text.replace("-", "") for text in year["source"]["raw"].values()]
            assert code.replace("-", "") in texts
            assert year["source"]["source_row"] == row["source_row"]
            here = places[(places["finess_et"] == code) & (places["year"] == year["year"])].set_index("generation")
            assert sum(v["is_in_force"] for v in year["verdicts"]) == 1
            for verdict in year["verdicts"]:
                there = here.loc[verdict["generation"]]
                assert verdict["situation"] == there["situation"]
                assert verdict.get("border_distance_m") == (
                    None if pd.isna(there["border_distance_m"]) else there["border_distance_m"]
                )
                assert verdict["flips"]


def contours(folder, generation, territory):
    """Read the polygons of a territory with geopandas alone, in the metres of its system."""
    files = [c["path"] for c in cards(folder) if c["kind"] == "neighbourhoods" and c["generation"] == generation]
    layers = [gpd.read_file(folder / path).rename(columns=str.lower) for path in files]
    own = [rows[rows["code_qp"].str[2:5].map(METRES).fillna(2154) == territory].to_crs(territory) for rows in layers]
    return pd.concat([rows.set_index("code_qp").geometry for rows in own if len(rows)]).buffer(0)


def cards(folder):
    return tomllib.loads((folder / "sources.toml").read_text(encoding="utf-8"))["source"]


@pytest.mark.no_cover
def test_fifty_structures_stand_where_geopandas_alone_puts_them(release, raw, sample_folder):
    places = release.table("structure_locations")
    places = places[(places["year"] == 2018) & places["distance_m"].notna()]
    ours = places.groupby(["generation", "situation", "is_fragile"], observed=True)
    codes = ours.sample(9, random_state=5, replace=True)["finess_et"].drop_duplicates().head(50)
    read = {}
    for code in codes:
        (year,) = explanations.explain(release, code, raw, Filters(year=2018))["years"]
        own = year["source"]["raw"]
        territory = METRES.get(year["facts"]["department_code"], 2154)
        point = shapely.Point(float(own["x"]), float(own["y"]))
        for verdict in year["verdicts"]:
            key = (verdict["generation"], territory)
            read[key] = around = read[key] if key in read else contours(sample_folder, *key)
            metres = around.distance(point)
            assert verdict["distance_m"] == pytest.approx(metres.min(), abs=0.01)
            assert metres[verdict["nearest_qpv_code"]] == pytest.approx(metres.min(), abs=0.01)
            inside = around[around.covers(point)]
            assert verdict["n_qpv_inside"] == len(inside)
            deepest = max((shape.boundary.distance(point) for shape in inside), default=-metres.min())
            assert verdict["border_distance_m"] == pytest.approx(-deepest, abs=0.01)
            assert {a["qpv_code"] for a in verdict["around"]} == set(metres.index[metres <= 1000])
            by_place = "in_qpv" if len(inside) else "vecu_proxy" if metres.min() <= 300 else "elsewhere"
            assert verdict["situation"] == by_place  # nobody answered in 2018


@pytest.mark.no_cover
def test_the_changes_of_a_structure_are_those_of_the_table(release, raw):
    changes = release.table("changes")
    moved = changes[(changes["generation"] == "in_force") & (changes["effect_in_qpv"] != 0)]
    for code in moved["finess_et"].drop_duplicates().head(20):
        document = explanations.explain(release, code, raw, ALL)
        own = moved[moved["finess_et"] == code]
        assert sum(c["effect_in_qpv"] for c in document["changes"]) == own["effect_in_qpv"].sum()
        assert {c["cause"] for c in document["changes"]} >= set(own["cause"])


def test_a_raw_row_is_not_read_from_another_file(release, sample_folder, tmp_path):
    code = "0X0000030"

    def reasons(folder):
        document = explanations.explain(release, code, RawFolder(folder), Filters(year=2019))
        (year,) = document["years"]
        assert ("raw" in year["source"]) != ("raw_is_missing" in year["source"])
        return year["source"].get("raw_is_missing")

    assert reasons(sample_folder) is None
    assert reasons(tmp_path / "nowhere") == "folder"
    copy = tmp_path / "raw"
    shutil.copytree(sample_folder, copy)
    cards = (copy / "sources.toml").read_text(encoding="utf-8")
    (copy / "sources.toml").write_text(cards.replace('"structures-2019"', '"structures-of-2019"'), encoding="utf-8")
    assert reasons(copy) == "card"
    (copy / "sources.toml").write_text(cards, encoding="utf-8")
    (copy / "structures" / "2019.xlsx").write_bytes((copy / "structures" / "2020.xlsx").read_bytes())
    assert reasons(copy) == "hash"
    (copy / "structures" / "2019.xlsx").unlink()
    assert reasons(copy) == "file"
    row = next(i for i in release.manifest["inputs"] if i["id"] == "structures-2019")
    assert RawFolder(sample_folder).row(row, "Structures", 9_999_999, "0X0000030").reason == "row"


@pytest.mark.parametrize(
    ("code", "narrowed", "words"),
    [
        ("0X0000001", Filters(year=2020), "commune_code, 16912 → 16907 : code d'une commune voisine"),
        ("QN97194M", ALL, "commune_codes, 97199 → 97195"),
    ],
)
def test_a_correction_is_said_beside_the_raw_row(release, raw, code, narrowed, words):
    lines = list(explanation.lines(explanations.explain(release, code, raw, narrowed)))
    assert [line for line in lines if "corrigé (corrections.toml)" in line and words in line]
    others = explanation.lines(explanations.explain(release, "0X0000030", raw, narrowed))
    assert not [line for line in others if "corrigé" in line]


PLACE = {
    "generation": "qpv-2015",
    "situation": "vecu_proxy",
    "situation_by_place": "vecu_proxy",
    "vecu_declared": "unknown",
}
OUT = PLACE | {"nearest_qpv_code": "QP031012", "border_distance_m": 12.4}
IN = PLACE | {"situation": "in_qpv", "situation_by_place": "in_qpv", "qpv_code": "QP031012", "border_distance_m": -3.0}
THEN = IN | {"generation": "qpv-2024", "qpv_code": "QN03107M"}


@pytest.mark.parametrize(
    ("place", "facts", "others", "sentences"),
    [
        (OUT, {}, [OUT], ["à 12,4 m hors de QP031012", "un oui de l'ARS"]),
        (OUT, {}, [OUT, THEN], ["à 12,4 m hors", "un oui", "dans les périmètres QPV 2024 (QN03107M)"]),
        (IN, {}, [IN], ["à 3 m à l'intérieur de QP031012"]),
        (THEN, {}, [OUT, THEN], ["à 3 m à l'intérieur de QN03107M", "hors des périmètres QPV 2015"]),
        (OUT | {"is_fragile": True}, {"location_error_m": 150.0}, [], ["12,4 m hors", "150 m, suffit", "un oui"]),
        (
            OUT | {"situation": "vecu_declared", "vecu_declared": "yes"},
            {},
            [],
            ["12,4 m hors", "sans le oui de l'ARS : à proximité (distance, non déclaré)"],
        ),
        (
            OUT | {"situation": "elsewhere", "vecu_declared": "no"},
            {},
            [],
            ["12,4 m hors", "sans le non de l'ARS : à proximité (distance, non déclaré)"],
        ),
        (
            PLACE | {"situation": "undetermined", "situation_by_place": "undetermined"},
            {"location_status": "missing"},
            [],
            ["aucun point utilisable (sans point)", "un oui"],
        ),
        (
            PLACE | {"situation_by_place": "elsewhere"},
            {"location_status": "missing"},
            [],
            ["aucun QPV assez près", "un oui"],
        ),
        (
            PLACE | {"situation": "undetermined", "situation_by_place": "undetermined"},
            {"location_status": "located"},
            [],
            ["aucun contour donné", "un oui"],
        ),
        (OUT | {"other_qpv_code": "QP031013"}, {}, [], ["12,4 m hors", "QP031013, d'une autre commune", "un oui"]),
        (OUT | {"other_area_code": "81004"}, {}, [], ["12,4 m hors", "près de 81004, loin de", "un oui"]),
    ],
)
def test_what_would_flip_the_answer(place, facts, others, sentences):
    lines = [explanation.flip(f) for f in explanations.flips(place, facts, others)]
    assert len(lines) == len(sentences)
    assert all(sentence in line for sentence, line in zip(sentences, lines, strict=True)), lines


def test_a_qpv_has_its_coverage_structures_zoning_and_fate(release, raw):
    coverage = release.table("neighbourhood_coverage")
    covered = coverage[(coverage["year"] == 2019) & (coverage["generation"] == "qpv-2015") & (coverage["n_msp_in"] > 0)]
    code = covered["qpv_code"].iloc[0]
    document = explanations.explain(release, code, raw, Filters(generation="qpv-2015"))
    (generation,) = document["generations"]
    year = next(y for y in generation["years"] if y["year"] == 2019)
    inside = [s for s in year["structures"] if s["situation"] == "in_qpv" and s["distance_m"] == 0]
    assert sum(s["structure_type"] == "MSP" for s in inside) == year["n_msp_in"] == covered["n_msp_in"].iloc[0]
    assert {z["edition"] for z in generation["zoning"]} == {"2019", "2025"}
    assert {f["fate"] for f in document["fates"]}
    assert code in generation["source"]["raw"].values()


@pytest.mark.parametrize("name", ["share_in_qpv", "large_qpv_without_any", "net_in_qpv"])
def test_an_indicator_has_its_rows(release, name):
    document = explanations.explain_indicator(release, Figure(2019, level="region", area_code="76", indicator=name))
    rows, figure = document["rows"], document["figure"]
    if name == "net_in_qpv":
        assert sum(r["effect"] for r in rows["numerator"]) == figure["value"]
    else:
        assert len(rows["numerator"]) == figure["numerator"]
    assert ("denominator" in rows) == (name == "share_in_qpv")
    if "denominator" in rows:
        assert len(rows["denominator"]) == figure["denominator"]
        assert len(rows["unknown"]) <= figure["n_unknown"]


CODES = re.compile(r"\b(in_qpv|vecu_proxy|elsewhere|in_force|unknown|True|False|None)\b|\d\.\d")


@pytest.mark.parametrize("code", ["0X0000030", "QP009903", "share_in_qpv"])
def test_an_explanation_reads_in_both_languages(release, raw, code):
    if code in counted.INDICATORS:
        document = explanations.explain_indicator(release, Figure(2019, indicator=code))
    else:
        document = explanations.explain(release, code, raw, ALL)
    french = [line for line in explanation.lines(document) if " = " not in line and "Indicateur" not in line]
    assert not [line for line in french[1:] if CODES.search(line)]
    english = list(explanation.lines(document, "en"))
    assert not [line for line in english if re.search(r"Millésime|Périmètres|Situation avant|Ce qui", line)]


def test_a_code_that_is_not_there_is_refused(release, raw):
    with pytest.raises(UsageError, match='no structure, QPV or indicator "0X9"'):
        explanations.explain(release, "0X9", raw, ALL)
    with pytest.raises(UsageError, match="no year"):
        explanations.explain(release, "0X0000030", raw, Filters(year=1999))
    structures, years = release.table("structures"), release.table("extracts")["year"]
    (code, there) = next(
        (c, y) for c, y in structures.groupby("finess_et")["year"].unique().items() if len(y) < len(years)
    )
    absent = min({*years} - {*there})
    with pytest.raises(UsageError, match=f"{code} is not in the extract of {absent}; it is in: {min(there)}"):
        explanations.explain(release, code, raw, Filters(year=absent))


def drawn(text):
    return ET.fromstring(text)  # noqa: S314 -- our own document


def test_the_map_of_a_structure_has_its_point_error_and_perimeters(release):
    structures = release.table("structures", geometry=False)
    blurred = structures[(structures["location_precision"] == "street") & (structures["location_status"] == "located")]
    row = blurred[blurred["is_in_stock"]].iloc[0]
    document = drawn(location_map.location_map(release, row["finess_et"], year=int(row["year"])))
    titles = [t.text for t in document.iter(f"{NS}title")]
    assert f"erreur plausible : {row['location_error_m']:g} m" in titles
    assert any(row["finess_et"] in t for t in titles[1:])
    assert any(t.startswith(("QP", "QN")) for t in titles)
    assert any(re.fullmatch(r"\d+ k?m", t) for t in titles)


def test_the_map_of_a_qpv_has_the_structures_that_stand_in_it(release):
    pairs = release.table("structure_neighbourhoods")
    pairs = pairs[(pairs["year"] == 2019) & (pairs["generation"] == "qpv-2015") & (pairs["distance_m"] == 0)]
    code = pairs["qpv_code"].iloc[0]
    document = drawn(location_map.location_map(release, code, year=2019))
    titles = " ".join(t.text for t in document.iter(f"{NS}title"))
    assert all(finess in titles for finess in pairs.loc[pairs["qpv_code"] == code, "finess_et"])
    assert "DONNÉES INVENTÉES" in " ".join(t.text for t in document.iter(f"{NS}text"))


def test_what_has_no_place_has_no_map(release):
    structures = release.table("structures")
    lost = structures[structures["geometry"].isna()]
    with pytest.raises(UsageError, match="no point"):
        location_map.location_map(release, lost["finess_et"].iloc[0], year=int(lost["year"].iloc[0]))
    with pytest.raises(UsageError, match="an indicator has no map"):
        location_map.location_map(release, "n_in_qpv")


def test_a_structure_of_a_territory_without_qpv_has_a_point_and_no_qpv_to_enter(release, raw):
    document = explanations.explain(release, "0X0000753", raw, Filters(year=2018))
    (year,) = document["years"]
    assert year["facts"]["location_status"] == "located"
    assert "longitude" in year["facts"]
    for verdict in year["verdicts"]:
        assert verdict["flips"][0] == {"what": "no_qpv", "territory": "saint_pierre_et_miquelon"}
    text = "\n".join(explanation.lines(document))
    assert "aucun QPV dans ce territoire" in text
    assert "aucun point utilisable" not in text


def test_silence_of_an_ars_is_no_answer_about_a_qpv(release, raw):
    """Nobody was asked in 2024: whether the structure 155 m from QP974930 is declared near it is unknown; in 2019 an ARS said so."""
    years = explanations.explain(release, "0X0000933", raw, Filters(generation="qpv-2015"))["years"]
    around = {y["year"]: y["verdicts"][0]["around"][0] for y in years}
    assert {year: pair.get("is_declared") for year, pair in around.items()} == {
        2018: None,
        2019: True,
        2020: None,
        2024: None,
    }
    (quarter,) = explanations.explain(release, "QP974930", raw, Filters(year=2024))["generations"]
    (structure,) = quarter["years"][0]["structures"]
    assert "is_declared" not in structure


def test_a_point_on_a_border_is_no_minus_zero_metres_inside(release, raw):
    (year,) = explanations.explain(release, "0X0000408", raw, Filters(year=2018, generation="qpv-2015"))["years"]
    assert str(year["verdicts"][0]["flips"][0]["metres"]) == "0.0"


def test_rows_that_no_figure_counts_are_explained(release, raw):
    """A row of no known type in 2019, counted in 2020; rows whose number is wrong, by that number, by their line, in the bounds."""
    nursing = explanations.explain(release, "0X0001319", raw, ALL)
    assert [y["year"] for y in nursing["years"]] == [2020, 2024]
    (row,) = nursing["out_of_scope"]
    assert row["source_row"] == 990
    assert row["year"] == 2019
    assert row["type_as_written"] == "Centre de soins infirmiers"
    assert "out_of_scope" not in explanations.explain(release, "0X0001319", raw, Filters(year=2020))
    assert "Lignes hors champ" in "\n".join(explanation.lines(nursing))
    for code in ("0X12", "structures-2018:3121"):
        document = explanations.explain(release, code, raw, ALL)
        assert document["kind"] == "rejected"
        (row,) = document["rejected"]
        assert (row["source_id"], row["row"], row["rule"]) == ("structures-2018", 3121, "finess-invalid")
        assert "comptée dans aucun chiffre, au plus dans ses bornes" in "\n".join(explanation.lines(document))
    possible = explanations.explain(
        release, "structures-2018:rejected-3121", raw, ALL
    )  # it may be one: it is in the bounds
    assert possible["kind"] == "structure"
    assert possible["rejected"] == explanations.explain(release, "0X12", raw, ALL)["rejected"]
    assert "characters" not in "".join(explanation.lines(possible))  # the message of the log is in English
    assert "characters" in "".join(explanation.lines(possible, "en"))
    assert possible["changes"] == []
    assert possible["years"][0]["source"]["source_row"] == 3121
    assert "Lignes rejetées" in "\n".join(explanation.lines(possible, "fr"))
