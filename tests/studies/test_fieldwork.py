"""Workbooks to the field and back, edited as by hand in a spreadsheet program; the pre-screen of the invented France."""

import shutil
from datetime import date

import openpyxl
import pandas as pd
import pytest

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import cards
from qpvhealth.ingest.kinds import declarations
from qpvhealth.studies import fieldwork
from qpvhealth.studies.quarters import Area

DEADLINE = date(2019, 6, 30)


@pytest.fixture(scope="module")
def release(built_release):
    return built_release


@pytest.fixture(scope="module")
def books(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("books")
    return fieldwork.returns_template(release, folder, level="region", deadline=DEADLINE, year=2019)


@pytest.fixture
def sent(books, tmp_path):
    """Copy the workbooks, for a test that fills them."""
    return [shutil.copy(book, tmp_path / book.name) for book in books]


def fill(path, answers, on="2019-06-01", more=()):
    book = openpyxl.load_workbook(path)
    sheet = book["Réponses"]
    for row, (vecu, qpv) in answers.items():
        sheet.cell(row, 8).value, sheet.cell(row, 9).value = vecu, qpv
    for line in more:
        sheet.append(line)
    form = book["Formulaire"]
    for row in form.iter_rows():
        if row[0].value == "Répondu le":
            form.cell(row[0].row, 2).value = on
    book.save(path)
    return [c.value for c in sheet["A"][1:]], [c.value for c in sheet["E"][1:]]


def named(paths, code):
    return next(p for p in paths if p.stem.endswith(f"-{code}"))


def test_one_workbook_a_region_with_its_structures(release, sent):
    rows = fieldwork.structures(release, 2019)
    asked = set(release.table("neighbourhoods", geometry=False).query("generation == 'qpv-2015'")["region_code"])
    assert {p.stem.rpartition("-")[2] for p in sent} == asked
    sheet = openpyxl.load_workbook(named(sent, "53"))["Réponses"]
    near = rows[(rows["region_code"] == "53") & (rows["situation"] != "in_qpv")]
    near = near[(near["distance_m"] <= 1000) | (near["vecu_declared"] == "yes")]
    assert {c.value for c in sheet["A"][1:]} == set(near["finess_et"])
    with pytest.raises(UsageError):
        fieldwork.returns_template(release, sent[0].parent, level="town", deadline=DEADLINE)


@pytest.mark.no_cover
def test_answers_come_back(release, sent, tmp_path):
    finess, nearest = fill(named(sent, "53"), {2: ("oui", None), 3: ("Non", None)})
    fill(named(sent, "11"), {2: ("OUI", None)}, on="2019-07-15")
    fill(named(sent, "32"), {})
    to = tmp_path / "vecu.csv"
    senders, problems = fieldwork.returns_read(release, sent, deadline=DEADLINE, year=2019, to=to)
    told = senders.frame.set_index("zone")
    assert told.loc["region:53", ["n_yes", "n_no", "state"]].tolist() == [1, 1, "dans les délais"]
    assert told.loc["region:11", "state"] == "en retard"
    assert told.loc["region:32", "state"] == "sans réponse"
    assert problems.frame.empty
    made = cards.Card("c", "declarations", to, to.name, {"year": 2019, "generation": "qpv-2015"})
    staged = declarations.read(made).frame.set_index("finess_et")
    assert staged.loc[finess[0], "vecu_declared"] == "yes"
    assert staged.loc[finess[1], "vecu_declared"] == "no"
    assert nearest[0]


def test_cells_that_cannot_be_taken_are_named(release, sent):
    path = named(sent, "53")
    finess, nearest = fill(
        path,
        {2: ("peut-être", None), 3: ("oui", "QP000000"), 4: ("non", "X"), 5: ("oui", None)},
        more=[("INCONNU", *[None] * 6, "oui")],
    )
    senders, problems = fieldwork.returns_read(release, [path], deadline=DEADLINE, year=2019)
    found = {(row, column) for row, column in problems.frame[["row", "column"]].itertuples(index=False)}
    assert {(2, "quartier_vecu_oui_non"), (3, "code_qpv_desservi"), (4, "code_qpv_desservi")} <= found
    assert (len(finess) + 1, "n_finess_et") in found
    assert senders.frame.set_index("zone").loc["region:53", "n_rows"] == 1
    assert (senders.frame["state"] == "sans réponse").sum() > 5  # the others have not answered
    assert nearest


def test_a_comment_does_not_act_in_the_declarations(release, sent, tmp_path):
    path, to = named(sent, "53"), tmp_path / "vecu.csv"
    book = openpyxl.load_workbook(path)
    book["Réponses"]["H2"] = "oui"
    book["Réponses"]["J2"] = "=1+1"
    book["Réponses"]["J2"].data_type = "s"
    book.save(path)
    fieldwork.returns_read(release, [path], deadline=DEADLINE, year=2019, to=to)
    assert ";'=1+1\n" in to.read_text(encoding="utf-8")


def test_two_answers_for_one_structure(release, sent):
    path = named(sent, "53")
    finess, _ = fill(path, {2: ("oui", None)})
    fill(path, {}, more=[(finess[0], *[None] * 6, "non")])
    _, problems = fieldwork.returns_read(release, [path], deadline=DEADLINE, year=2019)
    assert finess[0] in problems.frame["value"].tolist()


def answered(release, path):
    senders, problems = fieldwork.returns_read(release, [path], deadline=DEADLINE, year=2019)
    told = senders.frame.set_index("zone").loc["region:53", ["n_yes", "n_no", "n_problems"]].tolist()
    return told, set(problems.frame["expected"])


@pytest.mark.parametrize("word", ["oui", "Oui ", "OUI", "o", "x", "X ", "Vrai", True, 1])
@pytest.mark.no_cover
def test_words_for_yes(release, sent, word):
    path = named(sent, "53")
    fill(path, {2: (word, None)})
    assert answered(release, path)[0] == [1, 0, 0]


def edited(path, edit):
    book = openpyxl.load_workbook(path)
    edit(book)
    book.save(path)


def test_columns_moved_sheets_renamed_rows_and_comments_added(release, sent):
    path = named(sent, "53")
    fill(path, {2: ("oui", None), 3: ("non", None), 5: ("oui", None)})

    def edit(book):
        sheet = book["Réponses"]
        for row in sheet.iter_rows():
            row[0].value, row[7].value = row[7].value, row[0].value
        sheet.insert_rows(4, 3)
        sheet.insert_rows(1, 2)
        sheet["A1"] = "Réponse de l'ARS Bretagne"
        sheet["B8"].comment = openpyxl.comments.Comment("à revoir", "ARS")
        sheet.title = "Bretagne"
        book["Formulaire"].title = "Fiche"

    edited(path, edit)
    assert answered(release, path) == ([2, 1, 0], set())


def test_an_answer_merged_over_several_rows_is_asked_again(release, sent):
    path = named(sent, "53")
    fill(path, {2: ("oui", None)})
    edited(path, lambda book: book["Réponses"].merge_cells("H2:H4"))
    told, expected = answered(release, path)
    assert told == [1, 0, 2]
    assert expected == {"une réponse par ligne : défaire la cellule fusionnée"}


def test_a_column_that_was_removed_is_named(release, sent):
    path = named(sent, "53")
    edited(path, lambda book: book["Réponses"].delete_cols(8))
    with pytest.raises(InputError, match="quartier_vecu_oui_non"):
        answered(release, path)


def test_a_workbook_that_is_none_of_ours(release, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append([1, 2])
    path = tmp_path / "other.xlsx"
    book.save(path)
    with pytest.raises(InputError, match=r"other\.xlsx"):
        fieldwork.returns_read(release, [path], deadline=DEADLINE, year=2019)


def test_sec_of_the_invented_france(release, tmp_path):
    view = fieldwork.sec(release, year=2020, area=Area("region", "53"))
    assert set(view.frame["region_code"]) == {"53"}
    assert set(view.frame["verdict"]) <= {"à compléter", "non éligible"}
    open_ones = view.frame[view.frame["verdict"] == "à compléter"]
    assert (open_ones["structure_type"] == "MSP").any()
    chosen = open_ones[(open_ones["kind"] == "yes") & (open_ones["place"] == "yes")]["finess_et"].iloc[0]
    path = tmp_path / "answers.csv"
    criteria = "open_to_all;fees;social_activity;psychology;in_house"
    path.write_text(f"finess_et;{criteria};patients\n{chosen};oui;oui;oui;oui;oui;1200\n", encoding="utf-8")
    again = fieldwork.sec(release, answers=path, year=2020, area=Area("region", "53")).frame
    assert again[again["verdict"] == "éligible"]["finess_et"].tolist() == [chosen]
    path.write_text("finess_et;luck\nA;oui\n", encoding="utf-8")
    with pytest.raises(InputError, match="luck"):
        fieldwork.sec(release, answers=path)


def test_support_of_declarations(release):
    listed, implied = fieldwork.vecu_support(release, year=2019)
    assert set(listed.frame["case"]) <= {
        "déclarée, loin",
        "déclarée, sans point",
        "proche, déclarée non",
        "proche, sans réponse",
    }
    told = implied.frame.set_index("region_code")
    rows = fieldwork.structures(release, 2019)
    mine = rows[(rows["region_code"] == "53") & (rows["situation"] != "in_qpv")]
    n = int((mine["situation"] == "vecu_declared").sum())
    assert told.loc["53", "n_declared"] == n
    if n:
        assert (mine["distance_m"] <= told.loc["53", "implied_m"]).sum() >= n
    assert pd.api.types.is_numeric_dtype(told["median_m"])
