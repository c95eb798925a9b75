from __future__ import annotations

import hashlib
import tomllib

import geopandas as gpd
import openpyxl
import pytest
import shapely

from qpvhealth.cli.raw import _inspection_lines
from qpvhealth.errors import InputError
from qpvhealth.ingest import cards, inspection


def look(path):
    return inspection.inspect(path).as_dict()["sheets"]


def test_an_unknown_extract_gets_a_card_to_begin_with(tmp_path):
    path = tmp_path / "extrait.csv"
    path.write_text(
        "N° FINESS ET;Nature;Commune;Code INSEE;En QPV ?;Divers\n0X0000001;Centre de santé;Ville;93901;Oui;x\n",
        encoding="utf-8",
    )
    (sheet,) = look(path)
    assert sheet["fits"] == []
    card = tomllib.loads(sheet["proposed_card"].replace("year = …", "").replace("reference_date = …", ""))["source"][0]
    mapped = {"finess_et": "N° FINESS ET", "commune_code": "Code INSEE", "city": "Commune"}
    assert (mapped | {"source_says_in_qpv": "En QPV ?"}).items() <= card["columns"].items()
    assert card["values"]["structure_type"] == {"Centre de santé": "CDS"}
    assert "# not used: Divers" in sheet["proposed_card"]


def proposed(tmp_path, text):
    (tmp_path / "é d.csv").write_text(text, encoding="utf-8")
    (sheet,) = look(tmp_path / "é d.csv")
    return sheet.get("proposed_card")


def test_a_proposed_card_does_no_harm(tmp_path):
    rows = [
        "Centre hospitalier",
        "Centre de santé sexuelle",
        "Centre de santé polyvalent",
        "MSAP",
        "Maison de santé pluri",
    ]
    text = "FINESS;Type;X_L93;Y_L93\n" + "".join(f"75000001{n};{t};1;2\n" for n, t in enumerate(rows))
    card = tomllib.loads(proposed(tmp_path, text).replace("year = …", "").replace("reference_date = …", ""))["source"][
        0
    ]
    expected = dict(zip(rows, ["…", "…", "CDS", "…", "MSP"], strict=True))
    assert (card["values"]["structure_type"], card["crs"]) == (expected, "EPSG:2154")
    assert card["path"] == str(tmp_path / "é d.csv")
    assert 'crs = "…"' in proposed(tmp_path, text.replace("_L93", ""))
    of_rows = proposed(tmp_path, text.replace("X_L93;Y_L93", "X;Y;Projection").replace(";1;2", ";1;2;UTM_N20"))
    assert 'crs = "Projection"' in of_rows
    assert "…" not in of_rows[of_rows.index("crs =") : of_rows.index("[source.values")]
    assert 'structure_type = "…"  # missing' in proposed(tmp_path, "N° FINESS;Nom\n750000018;a\n")
    assert proposed(tmp_path, "TYPECOM_AV;COM_AV\nCOM;01001\n") is None


def of_proposed(card):
    return tomllib.loads(card.replace("year = …", "").replace("reference_date = …", ""))["source"][0]


def test_a_proposed_column_holds_what_it_is_called(tmp_path):
    header = "N° FINESS EJ;N° FINESS;Catégorie;Nom QPV;Type de voie;Nom;Ouverture;En QPV\n"
    row = "930000001;93000001{};Centre de santé polyvalent;Les Fleurs;rue;MSP A;au 1er mai;oui\n"
    card = of_proposed(proposed(tmp_path, header + row.format(8) + row.format(9).replace("polyvalent", "sexuelle")))
    assert card["columns"] == {
        "structure_type": "Catégorie",
        "legal_entity": "N° FINESS EJ",
        "finess_et": "N° FINESS",
        "source_says_in_qpv": "En QPV",
        "name": "Nom",
    }
    assert card["values"]["structure_type"] == {"Centre de santé polyvalent": "CDS", "Centre de santé sexuelle": "…"}


def test_a_proposed_header_row_is_the_one_that_was_read(tmp_path):
    book = openpyxl.Workbook()
    for row in (["Recensement"], [], ["N° FINESS ET", "Nature"], [], ["010000018", "MSP"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    (sheet,) = look(tmp_path / "a.xlsx")
    assert of_proposed(sheet["proposed_card"])["header_row"] == 3


def test_the_files_of_the_sample_and_of_insee_are_recognised(sample_folder, real_data):
    kinds = {
        c.path: c.kind for c in cards.load(sample_folder) if c.kind != "register" and c.get("layout") != "dgos-mapped"
    }
    for path, kind in kinds.items():
        assert kind in {fit["kind"] for sheet in look(path) for fit in sheet["fits"]}, path
    for name in ("IPRO_2022", "2015-REVN_2018"):
        (sheet,) = look(real_data / f"indicators/insee-qpv-{name}.csv")
        assert [fit["kind"] for fit in sheet["fits"]] == ["neighbourhood_indicators"]
    (sheet,) = look(real_data / "series/etalab_2023-01_nat_msp_cds.csv")
    assert [fit["kind"] for fit in sheet["fits"]] == ["series"]


def test_each_kind_of_real_file_is_recognised(real_data):
    expected = {
        "structures/finess-occitanie-2026-01.csv": ("structures", 652),
        "neighbourhoods/qpv-2024/qpv-2024-simplified-1609.geojson": ("neighbourhoods", 1609),
        "population/qpv-2015-population-2013.csv": ("populations", None),
        "zoning/gp-zoning-2025-communes.csv": ("zoning", None),
        "programmes/npnru-qpv-2015.csv": ("programme", None),
        "boundaries/communes.csv": ("boundaries", None),
        "boundaries/departements-2018.geojson": ("boundaries", None),
    }
    for name, (kind, rows) in expected.items():
        (sheet,) = look(real_data / name)
        assert [f["kind"] for f in sheet["fits"]] == [kind], name
        if rows is not None:
            assert sheet["fits"][0]["account"]["rows_out"] == rows


def test_the_generation_is_the_one_with_as_many_qpv(real_data):
    for name, generation in (("2024-simplified-1609", "qpv-2024"), ("2026-rounded-1584", "qpv-2026")):
        (sheet,) = look(real_data / f"neighbourhoods/qpv-2024/qpv-{name}.geojson")
        assert [fit["generation"] for fit in sheet["fits"]] == [generation]


def test_the_parts_of_a_shapefile_are_hashed_and_read(tmp_path):
    codes = {"code_qp": ["QP093901"], "nom_qp": ["a"]}
    square = shapely.box(2.3, 48.9, 2.31, 48.91)
    gpd.GeoDataFrame(codes, geometry=[square], crs=4326).to_file(tmp_path / "q.shp", encoding="utf-8")
    for suffix in (".shp", ".dbf"):
        (tmp_path / f"q{suffix}").rename(tmp_path / f"Q{suffix.upper()}")
    found = inspection.inspect(tmp_path / "Q.SHP").as_dict()
    assert found["sidecars"][".dbf"] == hashlib.sha256((tmp_path / "Q.DBF").read_bytes()).hexdigest()
    assert list(found["sidecars"]) == [".dbf", ".shx", ".prj", ".cpg"]
    assert [fit["kind"] for fit in found["sheets"][0]["fits"]] == ["neighbourhoods"]
    (tmp_path / "q.dbf").write_bytes(b"")
    with pytest.raises(InputError, match=r"Q\.DBF and q\.dbf could both be its \.dbf"):
        inspection.inspect(tmp_path / "Q.SHP")


def test_each_layer_of_a_geopackage_is_shown(tmp_path):
    path, square = tmp_path / "a.gpkg", shapely.box(2.3, 48.9, 2.31, 48.91)
    for layer, names in (("qpv", {"code_qp": ["QP093901"]}), ("dep", {"code": ["93"], "nom": ["a"]})):
        gpd.GeoDataFrame(names, geometry=[square], crs=4326).to_file(path, layer=layer)
    sheets = look(path)
    fits = {sheet["layer"]: [fit["kind"] for fit in sheet["fits"]] for sheet in sheets}
    assert fits == {"qpv": ["neighbourhoods"], "dep": ["boundaries"]}
    assert "\nlayer dep: 1 rows, EPSG:4326" in [*_inspection_lines({"path": "a", "sha256": "", "sheets": sheets})]
    (tmp_path / "b.csv").write_text("a;b\n")  # a header alone is no extract
    (sheet,) = look(tmp_path / "b.csv")
    assert "proposed_card" not in sheet


def test_a_legacy_extract_with_a_line_of_another_width_is_shown(tmp_path):
    path = tmp_path / "f.csv"
    whole = ";".join(["structureet", "310000017", "", "X", *[""] * 14, "124", *[""] * 13])
    path.write_text(f"finess;etalab;98;2019-03-31\nstructureet;310000009;3100\n{whole}\n")
    (sheet,) = look(path)
    assert sheet["broken"] == ["row 2: 3 fields: structureet has 31 or 32, geolocalisation 6"]
    assert "broken: row 2: 3 fields" in "\n".join(_inspection_lines(inspection.inspect(path).as_dict()))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="nothing"):
        inspection.inspect(tmp_path / "nothing.csv")
