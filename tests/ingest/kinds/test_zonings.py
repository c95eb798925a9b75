from __future__ import annotations

import pandas as pd
import pytest
import xlsxwriter

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest.corrections import Correction
from qpvhealth.ingest.kinds import zonings

LABEL = "Qualification attribuée au QPV par l'arrêté régional"


def stage(card, content=None, known=(), **options):
    return zonings.read(card("zoning", content, **options), known)


def read(*args, **options):
    """Return the classes and the composition of one file."""
    return zonings.combine([stage(*args, **options).frame])


def classes(*args, **options):
    frame, _ = read(*args, **options)
    return dict(zip(frame["code"], frame["zone_class"], strict=True))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["1_ZIP", "3_HZ", "4_ZAR", "N/A - résultat non disponible"], ["ZIP", "HZ", "ZAR", None]),
        (["1_ZIP", "3_QPV_ZIP", "4_QPV_ZAC", "7_GQ_ZAC"], ["ZIP", "ZIP", "ZAC", "ZAC"]),
        (["ZIP", "ZAC", "Zone de vigilance", "Hors vivier", "0"], ["ZIP", "ZAC", "ZV", "HV", None]),
        (["ZIP", "Non-spécifié", "zv"], ["ZIP", None, "ZV"]),
        (["ZIP", "ZIP+", "HZ"], ["ZIP", "ZIP", "HZ"]),
    ],
)
def test_vocabularies_are_matched_whole(card, words, expected):
    content = "insee;Zonage\n" + "".join(f"7510{n};{w}\n" for n, w in enumerate(words, 1))
    found, _ = read(card, content)
    assert [None if pd.isna(c) else c for c in found["zone_class"]] == expected
    assert found["raw_label"].tolist() == words
    assert set(found["level"]) == {"commune"}


@pytest.mark.parametrize("words", [["1_ZIP", "9_ZIP"], ["3_HZ", "3_QPV_ZIP"], ["ZIPP"], ["1"]])
def test_an_unknown_word_stops_the_run(card, words):
    content = "insee;Zonage\n" + "".join(f"7510{n};{w}\n" for n, w in enumerate(words, 1))
    with pytest.raises(UsageError, match=r"no vocabulary knows all its classes.*\[source.values.zone_class\]"):
        read(card, content)


def test_the_card_may_give_the_words(card):
    content = "insee;Zonage\n75101;prioritaire\n75102;rien\n"
    found = classes(card, content, values={"zone_class": {"Prioritaire": "ZIP", "rien": ""}})
    assert found["75101"] == "ZIP"
    assert pd.isna(found["75102"])
    with pytest.raises(UsageError, match=r"zone_class\] maps to zip; known: ZIP"):
        read(card, content, values={"zone_class": {"Prioritaire": "zip", "rien": ""}})
    with pytest.raises(UsageError, match='not known: "rien"'):
        read(card, content, values={"zone_class": {"Prioritaire": "ZIP"}})


def test_rows_are_conserved(card, balanced):
    content = "insee;cp;Zonage\n75101;75001;ZIP\n75101;75002;ZIP\n;75003;ZIP\n1004;01000;ZAC\n75102;;Erreur TVS-COM\n75103;;\n"
    staged = stage(card, content)
    assert balanced(staged, 6).duplicates == 1
    assert staged.rejects[["row", "rule"]].to_numpy().tolist() == [[4, "value-missing"], [6, "zoning-error-value"]]
    assert staged.frame["code"].tolist() == ["75101", "01004", "75103"]
    assert "commune-zeros-restored" in [f.rule for f in staged.findings]
    found, _ = zonings.combine([staged.frame])
    assert found["code"].tolist() == ["75101", "01004"]  # a row without class gives none


def test_two_classes_for_one_place_are_refused(card):
    content = "insee;Zonage\n75101;ZIP\n75101;ZAC\n"
    with pytest.raises(InputError, match="two classes for one place: commune 75101: ZIP and ZAC"):
        read(card, content)
    known = (Correction("c", "75101", "zone_class", "ZAC", "ZIP", "r"),)
    assert classes(card, content, known) == {"75101": "ZIP"}


def test_tvs_lists_and_their_composition(card):
    content = "Code_TVS;Zonage\n75101____;ZIP\n01004;ZAC\n"
    assert classes(card, content) == {"75101": "ZIP", "01004": "ZAC"}
    assert set(read(card, content)[0]["level"]) == {"tvs"}
    none, composition = read(card, "depcom;libcom;tv;libtv\n75101;Paris;75101____;P\n2691;X;2691_;Y\n")
    assert none.empty
    columns = ["edition", "commune_code", "tvs_code"]
    assert composition[columns].to_numpy().tolist() == [["2019", "75101", "75101"], ["2019", "02691", "2691"]]


def test_a_commune_of_two_tvs_keeps_both(card, balanced):
    staged = stage(card, "depcom;tv\n97411;A\n97411;B\n97411;A\n")
    assert balanced(staged, 3).duplicates == 1
    assert zonings.combine([staged.frame])[1]["tvs_code"].tolist() == ["A", "B"]


def test_a_qpv_list_needs_its_generation(card):
    content = f"Code du quartier prioritaire;{LABEL}\nQP075001;ZIP\nQP75;ZIP\n"
    with pytest.raises(UsageError, match="card c: it names QPV; write the generation of their codes"):
        read(card, content)
    assert classes(card, content, generation="qpv-2015") == {"QP075001": "ZIP"}
    assert stage(card, content, generation="qpv-2015").rejects["rule"].tolist() == ["qpv-code-invalid"]
    with pytest.raises(UsageError, match='write generation = "qpv-2015"'):
        read(card, f"code_qp;{LABEL}\nQP075001;ZIP\n", generation="qpv-2024")


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("ville;Zonage\nParis;ZIP\n", {}, "no QPV, TVS or commune code among ville, Zonage"),
        ("insee;couleur\n75101;rouge\n", {}, "no class column; name it in card c"),
        ("insee;Zonage\n75101;ZIP\n", {"level": "tvs"}, "no tvs code among insee, Zonage"),
    ],
)
def test_a_file_that_is_no_zoning_says_what_to_write(card, content, options, message):
    with pytest.raises(UsageError, match=message):
        read(card, content, **options)


def test_the_level_may_be_stated(card):
    content = "insee;code_tvs;Zonage\n75101;T1;ZIP\n"
    assert set(read(card, content)[0]["level"]) == {"commune"}
    assert classes(card, content, level="tvs") == {"T1": "ZIP"}


# The national workbook

COMMUNES = [["75101", "75101____", "ZIP"], ["01004", "01004____", "0"]]
SHEETS = {
    "Lisez-moi": [["Zonage médecin au 31/12/2019"], ["Source", "DGOS"]],
    "Vide": [],
    "Zonage_communes": [["Titre"], [], ["INSEE_COM", "Code_TVS", "Zonage"], *COMMUNES],
    "Zonage_TVS": [["Code_TVS", "Nom_TVS", "Zonage"], ["75101____", "Paris", "Hors vivier"]],
    "Zonage_QPV": [["Code du quartier prioritaire", LABEL], ["QP075001", "Zone de vigilance"]],
}


@pytest.fixture
def workbook(tmp_path):
    def write(sheets=SHEETS):
        with xlsxwriter.Workbook(tmp_path / "z.xlsx") as book:
            for name, rows in sheets.items():
                sheet = book.add_worksheet(name)
                for n, cells in enumerate(rows):
                    sheet.write_row(n, 0, cells)
        return {"name": "z.xlsx", "generation": "qpv-2015"}

    return write


def test_the_three_sheets_of_the_national_workbook(card, workbook):
    staged = stage(card, **workbook())
    found, composition = zonings.combine([staged.frame])
    by_place = found.dropna(subset="zone_class").set_index(["level", "code"])["zone_class"].to_dict()
    assert by_place == {("commune", "75101"): "ZIP", ("tvs", "75101"): "HV", ("qpv", "QP075001"): "ZV"}
    assert found.loc[found["zone_class"].isna(), "code"].tolist() == ["01004"]
    assert (staged.tally.rows_in, staged.tally.rows_out) == (4, 4)
    places = staged.frame[["sheet", "source_row"]].to_numpy().tolist()
    assert places[:2] == [["Zonage_communes", 4], ["Zonage_communes", 5]]
    assert composition["tvs_code"].tolist() == ["75101", "01004"]
    assert [f.rule for f in staged.findings if f.rule == "sheet-unread"] == ["sheet-unread"]


def test_one_sheet_may_be_named(card, workbook):
    assert set(stage(card, **workbook(), sheet="Zonage_TVS").frame["level"]) == {"tvs"}


def test_a_correction_of_one_sheet_is_not_asked_of_the_others(card, workbook):
    known = (Correction("c", "QP075001", "zone_class", "Zone de vigilance", "ZIP", "r"),)
    found, _ = read(card, known=known, **workbook())
    assert found.query("level == 'qpv'")["zone_class"].tolist() == ["ZIP"]
    with pytest.raises(UsageError, match="QP075002: no row has this code in any sheet"):
        read(card, known=(Correction("c", "QP075002", "zone_class", "a", "b", "r"),), **workbook())


def test_a_header_of_the_card_may_be_that_of_one_sheet(card, workbook):
    other = SHEETS | {"Zonage_QPV": [["Code du quartier prioritaire", "Décision"], ["QP075001", "ZIP"]]}
    found, _ = read(card, columns={"zone_class": "Décision"}, **workbook(other))
    assert found.query("level == 'qpv'")["zone_class"].tolist() == ["ZIP"]
    with pytest.raises(UsageError, match="no sheet has the header Avis"):
        read(card, columns={"zone_class": "Avis"}, **workbook())


def test_a_workbook_without_zoning_is_refused(card, workbook):
    with pytest.raises(UsageError, match="no sheet with a QPV, TVS or commune code"):
        read(card, **workbook({"A": [["x", "y"], ["1", "2"]], "B": [["x", "y"], ["1", "2"]]}))


def test_the_annex_of_an_arrete_carries_its_year_in_the_header(card):
    content = "Code INSEE;Commune;Code QPV;Zonage 2025\n06029, 06030;Cannes, Le Cannet;QN00603M;ZIP\n"
    assert classes(card, content, generation="qpv-2024") == {"QN00603M": "ZIP"}


def test_a_sheet_of_another_profession_is_left_out_and_named(card, tmp_path):
    with xlsxwriter.Workbook(tmp_path / "z.xlsx") as book:
        for name, header, word in (
            ("Zonage", "zonage_medecin", "ZIP"),
            ("IDE", "Zonage infirmiers", "Très sous-dotée"),
            ("Sages-femmes", "zonage", "ZAC"),
        ):
            sheet = book.add_worksheet(name)
            for row, cells in enumerate([("code_commune", header), ("75101", word)]):
                sheet.write_row(row, 0, cells)
    staged = stage(card, name="z.xlsx", columns={"zone_class": "zonage_medecin"})
    assert staged.frame[["code", "zone_class"]].to_numpy().tolist() == [["75101", "ZIP"]]
    unread = [f.message for f in staged.findings if f.rule == "sheet-unread"]
    assert [('sheet = "Sages-femmes"' in m) for m in unread] == [True]
    with pytest.raises(UsageError, match=r"if the sheet is of another profession, name the right one: sheet = "):
        stage(card, name="z.xlsx", columns={"zone_class": "Zonage infirmiers"}, sheet="IDE")
