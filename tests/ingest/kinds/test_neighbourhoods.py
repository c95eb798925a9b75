from __future__ import annotations

import json
import shutil

import geopandas
import pandas as pd
import pytest
import shapely
from shapely.geometry import Point, Polygon, box

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import communes
from qpvhealth.ingest.corrections import Correction
from qpvhealth.ingest.kinds import neighbourhoods

SQUARE = box(2.0, 48.0, 2.1, 48.1)
FLAT = Polygon([(2, 48), (2.1, 48), (2, 48)])


def features(*rows, crs=None):
    """Write GeoJSON: each row is (geometry, properties)."""
    made = [
        {"type": "Feature", "properties": p, "geometry": None if g is None else json.loads(shapely.to_geojson(g))}
        for g, p in rows
    ]
    return json.dumps({"type": "FeatureCollection", "features": made} | (crs or {}))


def qpv(code="QP075001", geometry=SQUARE, **properties):
    return geometry, {"code_qp": code, "nom_qp": "Nom"} | properties


def read(card, *rows, known=(), **options):
    return neighbourhoods.read(card("neighbourhoods", features(*rows), name="q.geojson", **options), known)


def test_a_file_without_a_feature_is_no_file_of_another_layout(card):
    with pytest.raises(InputError, match=r"q\.geojson.*holds no feature and no row"):
        read(card)


@pytest.mark.parametrize("driver", ["shp", "zip", "gpkg", "fgb", "parquet", "geojson"])
def test_every_format_gives_the_same_rows(card, tmp_path, driver):
    names = {"NOM_QP": ["L\u2019Été", "Cœur"], "COMMUNE_QP": ["Paris", "Ajaccio"]}
    shapes = [SQUARE, box(8, 41, 8.1, 41.1)]
    frame = geopandas.GeoDataFrame({"CODE_QP": ["QP075001", "QP02A001"]} | names, geometry=shapes, crs=4326)
    path = tmp_path / f"f.{driver}"
    if driver == "parquet":
        frame.to_parquet(path)
    elif driver == "zip":
        (tmp_path / "z").mkdir()
        frame.to_file(tmp_path / "z" / "f.shp", encoding="utf-8")
        shutil.make_archive(str(tmp_path / "f"), "zip", tmp_path / "z")
    else:
        frame.to_file(path, **({"SPATIAL_INDEX": "NO"} if driver == "fgb" else {}))
    staged = neighbourhoods.read(card("neighbourhoods", name=path.name))
    columns = ["qpv_code", "name", "commune_names", "crs", "source_row"]
    assert staged.frame[columns].to_numpy().tolist() == [
        ["QP075001", "L\u2019Été", "Paris", "EPSG:4326", 1],
        ["QP02A001", "Cœur", "Ajaccio", "EPSG:4326", 2],
    ]
    assert shapely.equals(staged.frame["geometry"][0], SQUARE)


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        *(("CODE_QP", "qpv_code"), ("Code_du_qua", "qpv_code"), ("code", "qpv_code"), ("codeQPV", "qpv_code")),
        *(("qp", "qpv_code"), ("Nom_du_quar", "name"), ("LIB_QP", "name"), ("label", "name"), ("libQPV", "name")),
        *(("INSEE_COM", "commune_codes"), ("insee", "commune_codes"), ("COG", "commune_codes")),
        *(("listeDepCom", "commune_codes"), ("siren_epci", "epci_codes"), ("listeEPCI2022", "epci_codes")),
        *(("lib_com", "commune_names"), ("liste_des_communes", "commune_names")),
    ],
)
def test_aliases_in_any_case(header, ours):
    assert neighbourhoods.KIND.layouts[0].mapping([header], truncated=True)[ours] == [header]


def test_two_names_for_the_code_are_refused(card):
    with pytest.raises(UsageError, match="two headers for qpv_code: code_qp, code"):
        read(card, (SQUARE, {"code_qp": "QP075001", "code": "QP075001"}))


def test_a_file_without_code_says_what_to_write(card):
    with pytest.raises(UsageError, match=r'\[source.columns\]\nqpv_code = "…"'):
        read(card, (SQUARE, {"ident": "QP075001"}))
    assert len(read(card, (SQUARE, {"ident": "QP075001"}), columns={"qpv_code": "ident"}).frame) == 1


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        *(("97120, 97101", "97120,97101"), ("97120;97101", "97120,97101"), ("2691", "02691"), ("75056", "75056")),
        *(("75056, 75056", "75056"), ("NA", None), (None, None), ("75056, NA", "75056"), ("75056, 12", "75056")),
    ],
)
def test_lists_of_communes(card, cell, codes):
    staged = read(card, qpv(insee_com=cell))
    found = staged.frame["commune_codes"][0]
    assert found == codes if codes else pd.isna(found)
    rules = [f.rule for f in staged.findings]
    assert ("commune-zeros-restored" in rules) == (cell == "2691")
    assert ("commune-invalid" in rules) == (cell == "75056, 12")


def test_na_is_no_epci(card):
    frame = read(card, qpv(siren_epci="NA"), qpv("QP075002", siren_epci="200054781, 200057867")).frame
    assert pd.isna(frame["epci_codes"][0])
    assert frame["epci_codes"][1] == "200054781,200057867"


def test_rows_that_cannot_be_used_are_rejected(card, balanced):
    line = shapely.LineString([(0, 0), (1, 1)])
    rows = (qpv(), qpv(None), qpv("QP75001"), qpv("QP075002", line), qpv("QP075003", Point(0, 0)))
    staged = read(card, *rows)
    balanced(staged, 5)
    rules = ["qpv-code-missing", "qpv-code-invalid", *["geometry-missing"] * 2]
    assert staged.rejects[["row", "rule"]].to_numpy().tolist() == [[n, rule] for n, rule in enumerate(rules, 2)]
    assert "QP75001" in staged.rejects["message"][1]
    assert staged.rejects["message"][3] == "a point or a line, not a polygon"


@pytest.mark.parametrize(
    ("shapes", "what"),
    [
        ((Point(2.3, 48.9), None), "points"),
        ((shapely.MultiPoint([(2.3, 48.9)]),), "points"),
        ((shapely.LineString([(2.3, 48.9), (2.4, 48.9)]),), "lines"),
    ],
)
def test_a_layer_of_points_or_lines_is_no_layer_of_qpv(card, shapes, what):
    rows = [qpv(f"QP07500{n}", shape) for n, shape in enumerate(shapes)]
    with pytest.raises(InputError, match=f"{what}, no polygon: .* give the layer or the file of polygons"):
        read(card, *rows)


def test_a_qpv_without_polygon_among_others_keeps_its_row(card, balanced):
    staged = read(card, qpv(), qpv("QP075002", None), qpv("QP075003", Polygon()))
    balanced(staged, 3)
    assert staged.frame["geometry"].isna().tolist() == [False, True, True]
    twice = read(card, qpv(), qpv("QP075002", Polygon([(0, 0), (1, 0), (1, 1)])), id="d").frame
    whole, duplicates, replaced = neighbourhoods.combine([staged.frame, twice])
    assert (len(whole), duplicates, replaced) == (3, {"d": 1}, {"c": 1})
    assert read(card, qpv("QP075002", None)).rejects["rule"].tolist() == ["geometry-missing"]


@pytest.mark.parametrize(("stated", "codes"), [("qpv-2024", ["QP075001"]), ("qpv-2015", ["QN07511M", "QN97102I"])])
def test_codes_of_another_generation_stop_the_run(card, stated, codes):
    with pytest.raises(UsageError, match=r"the codes are those of qpv-20.*write generation = "):
        read(card, *(qpv(code) for code in codes), generation=stated)


def test_perimeters_of_ones_own(card):
    assert len(read(card, qpv("CUCS-1"), generation="cucs-2008").frame) == 1
    staged = read(card, qpv("C1"), qpv("X1"), generation="cucs-2008", code_pattern=r"^C\d$")
    assert staged.rejects["rule"].tolist() == ["qpv-code-invalid"]


def test_only_the_codes_asked_for_are_taken(card, balanced):
    staged = read(card, qpv(), qpv("QP075002"), codes=["QP075002"])
    assert balanced(staged, 2).out_of_scope == {"not among the codes of the card": 1}
    with pytest.raises(UsageError, match=r"no QPV QP075009; correct codes in card c"):
        read(card, qpv(), codes=["QP075009"])


def test_identical_polygons_count_once_and_two_of_a_code_are_refused(card, balanced):
    assert balanced(read(card, qpv(), qpv()), 2).duplicates == 1
    with pytest.raises(InputError, match=r"QP075001 has two different polygons or names, rows 1, 2"):
        read(card, qpv(), qpv(geometry=box(0, 0, 1, 1)))


def test_a_collapsed_polygon_gives_way_to_another_card(card):
    first = read(card, qpv(geometry=FLAT), qpv("QP075002"), id="a")
    second = read(card, qpv(nom_qp="Autre"), id="b")
    third = read(card, qpv("QP075002"), id="d")
    frame, duplicates, replaced = neighbourhoods.combine([s.frame for s in (first, second, third)])
    assert dict(zip(frame["qpv_code"], frame["source_id"], strict=True)) == {"QP075001": "b", "QP075002": "a"}
    assert (duplicates, replaced) == ({"d": 1}, {"a": 1})
    kept, _, replaced = neighbourhoods.combine([first.frame])
    assert len(kept) == 2
    assert replaced == {}


def test_two_cards_that_differ_are_refused(card):
    first, second = read(card, qpv(), id="a"), read(card, qpv(geometry=box(0, 0, 1, 1)), id="b")
    with pytest.raises(InputError, match=r"name in `codes` of a card"):
        neighbourhoods.combine([first.frame, second.frame])


def test_a_missing_prj_is_refused_whatever_the_name_says(card, tmp_path):
    path = tmp_path / "QP_MAYOTTE_RGM04_UTM38S.shp"
    frame = geopandas.GeoDataFrame({"CODE_QP": ["QP976001"]}, geometry=[box(45, -13, 45.1, -12.9)], crs=4470)
    frame.to_file(path)
    path.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match=r"the name of a file is not one.*write crs = "):
        neighbourhoods.read(card("neighbourhoods", name=path.name))
    stated = card("neighbourhoods", name=path.name, crs="EPSG:4470")
    assert neighbourhoods.read(stated).frame["crs"].tolist() == ["EPSG:4470"]


def test_a_table_is_no_file_of_polygons(card):
    with pytest.raises(InputError, match="not a geometry file"):
        neighbourhoods.read(card("neighbourhoods", "code_qp\nQP075001\n"))


def test_a_correction_mends_a_commune(card):
    known = (Correction("c", "QP075001", "commune_codes", "97602", "97604", "Bouéni"),)
    assert read(card, qpv(insee_com="97602"), known=known).frame["commune_codes"].tolist() == ["97604"]


# Communes by name

TABLE = pd.DataFrame(
    [
        *(("13213", "Marseille 13e Arrondissement"), ("13212", "Marseille 12e Arrondissement"), ("97608", None)),
        *(("93066", "Saint-Denis"), ("62321", "Évin-Malmaison"), ("59452", "Ostricourt"), ("69019", "Belleville")),
        ("75101", "Paris 1er Arrondissement"),
    ],
    columns=["area_code", "label"],
)


@pytest.mark.parametrize(
    ("code", "names", "found"),
    [
        ("QP013001", "Marseille 13ème et 12ème arrondissements", "13213,13212"),
        ("QP013001", "Marseille 13ème arrondissement, Marseille 12ème arrondissement", "13213,13212"),
        *(("QP013001", "Marseille 13ème", "13213"), ("QP075001", "Paris 1er arrondissement", "75101")),
        *(("QP093001", "St-Denis", "93066"), ("QP093001", "SAINT DENIS,", "93066"), ("QP062001", "Ostricourt", None)),
        *(("QP062001", "Évin-Malmaison, Ostricourt", "62321,59452"), ("QP054001", "Belleville", None)),
        *(("QP093001", "Saint-Denis, Nulle-Part", None), ("QP093001", "12ème", None)),
    ],
)
def test_communes_are_named_within_their_department(code, names, found):
    told = communes.codes(pd.Series([code]), pd.Series([names]), TABLE)
    assert told[0] == found if found else pd.isna(told[0])
