from __future__ import annotations

import tomllib

import pytest

from qpvhealth.errors import InputError
from qpvhealth.ingest import inspection


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
    assert card["columns"]["finess_et"] == "N° FINESS ET"
    assert card["columns"]["commune_code"] == "Code INSEE"
    assert card["columns"]["city"] == "Commune"
    assert card["columns"]["source_says_in_qpv"] == "En QPV ?"
    assert card["values"]["structure_type"] == {"Centre de santé": "CDS"}
    assert "# not used: Divers" in sheet["proposed_card"]


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


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="nothing"):
        inspection.inspect(tmp_path / "nothing.csv")
