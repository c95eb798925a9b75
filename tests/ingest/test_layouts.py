from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from qpvhealth.errors import UsageError
from qpvhealth.ingest import layouts
from qpvhealth.ingest.kinds import neighbourhoods, structures
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers.raw import RawTable

(CONTOURS,) = neighbourhoods.KIND.layouts
_, FINESS_REGIONAL, _, DGOS_MAPPED = structures.KIND.layouts
LAYOUTS = (FINESS_REGIONAL, DGOS_MAPPED)
SHORT = Layout("short", (Field("code", ("Code du quartier prioritaire",), required=True), Field("name", ("nom",))))


def raw(*header, geometry=False):
    frame = pd.DataFrame({h: pd.Series(["x"], dtype="str") for h in header})
    return RawTable("f.csv", frame, np.array([2]), geometry=np.array([None]) if geometry else None)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("N° FINESS ET", "n_finess_et"),
        ("Qualification attribuée par l\u2019arrêté régional", "qualification_attribuee_par_l_arrete_regional"),
        ("  Cœur--de ville ", "coeur_de_ville"),
        ("taux_pauvrete_60%", "taux_pauvrete_60"),
    ],
)
def test_headers_are_compared_without_case_accents_or_punctuation(written, key):
    assert layouts.key(written) == key


@pytest.mark.parametrize(
    "header", ["CODE_QP", "code_qp", "Code_du_qua", "Code du qu", "codeQPV", "QP", "Code du quartier prioritaire"]
)
def test_the_code_of_a_qpv_is_found_under_its_names(header):
    assert CONTOURS.missing([header], truncated=True) == []


def test_a_cut_name_gives_way_to_a_whole_one_and_serves_one_column():
    header = ["numero_fin", "numero_f_1", "categetab", "Nom_du_quar"]
    found = FINESS_REGIONAL.mapping(header, truncated=True)
    assert found["finess_et"] == ["numero_fin"]
    assert found["legal_entity"] == []
    assert FINESS_REGIONAL.mapping(["numero_fin", "nofinesset"])["finess_et"] == ["nofinesset"]
    assert CONTOURS.mapping(["Nom_du_quar"], truncated=True)["name"] == ["Nom_du_quar"]
    assert CONTOURS.mapping(["Nom_du_quar"])["name"] == []
    assert SHORT.missing(["----------"]) == ["code"]  # punctuation alone is no beginning of a name


def test_columns_map_by_name_in_any_order(card):
    header = ["COORDYET", "Categetab", "CoordXet", "NoFinessET"]
    found = layouts.columns(raw(*header), card("structures"), FINESS_REGIONAL)
    assert found == {"finess_et": "NoFinessET", "category": "Categetab", "x": "CoordXet", "y": "COORDYET"}


def test_the_card_comes_before_the_layout(card):
    made = card("structures", columns={"name": "Libellé"})
    found = layouts.columns(raw("nofinesset", "categetab", "rs", "LIBELLE"), made, FINESS_REGIONAL)
    assert found["name"] == "LIBELLE"


def test_every_column_of_the_layout_is_there_null_where_the_file_has_none(card):
    frame = layouts.renamed(raw("code"), card("structures"), SHORT)
    assert list(frame.columns) == ["code", "name"]
    assert frame["name"].isna().all()
    assert all(t == "str" for t in frame.dtypes)


@pytest.mark.parametrize(
    ("header", "columns", "messages"),
    [
        (["code", "CODE "], {}, ["two headers for code: code, CODE ; name one under [source.columns]"]),
        (["x"], {}, ["no header for code, which is required", "There are: x"]),
        (["code"], {"cote": "code"}, ['no column of ours is called "cote"; known: code, name']),
        (["code"], {"cote": "code", "name": "label"}, ['called "cote"', 'no header "label"']),
        (["code"], {"name": "code"}, ["no header for code, which is required"]),
    ],
)
def test_a_wrong_mapping_is_told_whole(card, header, columns, messages):
    with pytest.raises(UsageError) as caught:
        layouts.columns(raw(*header), card("structures", columns=columns), SHORT)
    assert all(m in str(caught.value) for m in messages)
    assert str(caught.value).startswith("f.csv: card c: ")


def test_the_only_layout_that_fits_is_chosen(card):
    assert layouts.choose(raw("nofinesset", "categetab"), card("structures"), LAYOUTS) is FINESS_REGIONAL
    assert layouts.choose(raw("structure_type"), card("structures"), LAYOUTS) is DGOS_MAPPED
    named = card("structures", columns={"finess_et": "id"})
    assert layouts.choose(raw("id", "categetab"), named, LAYOUTS) is FINESS_REGIONAL
    assert layouts.choose(raw("x"), card("structures", layout="dgos-mapped"), LAYOUTS) is DGOS_MAPPED


def test_two_layouts_that_fit_are_refused_with_what_to_write(card):
    with pytest.raises(UsageError, match='layout = "finess-regional" or layout = "dgos-mapped"'):
        layouts.choose(raw("nofinesset", "categetab", "structure_type"), card("structures"), LAYOUTS)


def test_a_file_that_fits_none_says_what_to_write_in_the_card(card):
    with pytest.raises(UsageError) as caught:
        layouts.choose(raw("Identifiant", "categetab"), card("structures"), LAYOUTS)
    told = str(caught.value)
    assert "fits no layout of structures (finess-regional, dgos-mapped). Columns: Identifiant, categetab" in told
    assert "write header_row in card c" in told
    assert told.endswith('write there layout = "finess-regional" and\n[source.columns]\nfiness_et = "…"')


def test_an_unknown_layout_is_refused(card):
    with pytest.raises(UsageError, match='unknown layout "dgos"; known for structures: finess-regional, dgos-mapped'):
        layouts.choose(raw("x"), card("structures", layout="dgos"), LAYOUTS)
