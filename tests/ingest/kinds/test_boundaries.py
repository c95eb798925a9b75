from __future__ import annotations

import json

import pytest

from qpvhealth.errors import UsageError
from qpvhealth.ingest.kinds import boundaries

COG = "TYPECOM,COM,REG,DEP,LIBELLE\n"


def outlines(*properties, geometry=True):
    ring = [[[2, 48], [3, 48], [3, 49], [2, 48]]]
    shape = {"type": "Polygon", "coordinates": ring} if geometry else None
    made = [{"type": "Feature", "properties": p, "geometry": shape} for p in properties]
    return json.dumps({"type": "FeatureCollection", "features": made})


@pytest.mark.parametrize(
    ("level", "code"),
    [("commune", "75056"), ("department", "75"), ("region", "11")],
)
def test_a_file_of_communes_also_holds_the_codes_above(card, level, code):
    codes = {"INSEE_COM": "75056", "INSEE_DEP": "75", "INSEE_REG": "11"}
    content = outlines({"ID": "x", "NOM": "Paris", "NOM_M": "PARIS"} | codes)
    frame = boundaries.read(card("boundaries", content, name="a.geojson", level=level)).frame
    assert frame[["level", "area_code", "label", "crs"]].to_numpy().tolist() == [[level, code, "Paris", "EPSG:4326"]]


def test_outlines_without_code_or_shape_are_rejected(card, balanced):
    staged = boundaries.read(card("boundaries", outlines({"code": None, "nom": "A"}), name="a.geojson"))
    balanced(staged, 1)
    assert staged.rejects["rule"].tolist() == ["value-missing"]
    content = outlines({"code": "75056"}, {"code": "1004"}, geometry=False)
    staged = boundaries.read(card("boundaries", content, name="b.geojson"))
    assert staged.rejects["rule"].tolist() == ["geometry-missing"] * 2


@pytest.mark.parametrize(
    ("level", "content", "codes"),
    [
        ("commune", f"{COG}COM,01004,84,01,A\nCOMD,01004,,,B\nARM,75101,11,75,C\n", ["01004", "75101"]),
        ("commune", "typecom;com;reg;dep;libelle\nCOM;1004;84;1;A\n", ["01004"]),
        ("commune", "codgeo;libgeo;epci;libepci\n01004;A;240100883;CC\n", ["01004"]),
        ("department", "DEP,REG,CHEFLIEU,LIBELLE\n1,84,01053,Ain\n2a,94,2A004,Corse-du-Sud\n", ["01", "2A"]),
        ("region", "REG,CHEFLIEU,LIBELLE\n1,97105,Guadeloupe\n", ["01"]),
    ],
)
def test_tables_of_areas(card, level, content, codes):
    staged = boundaries.read(card("boundaries", content, level=level))
    assert staged.frame["area_code"].tolist() == codes
    assert set(staged.frame["level"]) == {level}


def test_rows_are_conserved(card, balanced):
    content = "TYPECOM,COM,LIBELLE\nCOM,01004,A\nCOM,01004,A\nCOMD,01005,B\n,01006,C\nCOM,,D\n"
    staged = boundaries.read(card("boundaries", content))
    tally = balanced(staged, 5)
    assert tally.duplicates == 1
    assert tally.out_of_scope == {"COMD": 1, "no TYPECOM": 1}
    assert staged.rejects["rule"].tolist() == ["value-missing"]


def test_a_table_without_code_is_refused(card):
    with pytest.raises(UsageError, match="cog lacks area_code"):
        boundaries.read(card("boundaries", "ville\nParis\n"))


def test_epci_are_kept(card):
    content = "COM;EPCI;LIBEPCI\n01004;240100883;CC de la Plaine\n"
    frame = boundaries.read(card("boundaries", content)).frame
    assert frame[["epci_code", "epci_label"]].to_numpy().tolist() == [["240100883", "CC de la Plaine"]]
