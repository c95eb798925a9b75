"""What people read in place of codes and digits, cell by cell."""

from datetime import date

import pandas as pd
import pytest

from qpvhealth.contract.precision import Ordinal, Share
from qpvhealth.contract.tables import VALUES
from qpvhealth.facts import zonings
from qpvhealth.indicators import density, prescreen, priorities
from qpvhealth.publish import words
from qpvhealth.publish.rendering import in_both, readable, render
from qpvhealth.publish.selection import View
from qpvhealth.publish.sentences import THIN


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("share_in_qpv", 0.08142, "8,1 %"),
        ("share_in_qpv", 0.0815, "8,2 %"),  # half away from zero, where floats would go down
        ("share_of_way", 1.048, "104,8 %"),
        ("distance_m", 12.5, "13"),
        ("border_distance_m", -148.4, "-148"),
        ("population", 2240481.0, "2 240 481"),
        ("density", 87.25, "87,3"),
        ("longitude", 2.3056789, "2,305679"),
        ("source_row", 10924, "10924"),
        ("n_rows", 10924, "10 924"),
        ("is_large", True, "oui"),
        ("situation", "in_qpv", "dans un QPV"),
        ("generation", "in_force", "en vigueur"),
        ("near", "within_300", "dans ou à 300 m au plus"),
        ("name", "unknown", "unknown"),
        ("zone_class", "ZIP", "ZIP"),
        ("population", None, ""),
    ],
)
def test_a_cell_reads_as_it_is_written_in_french(name, value, text):
    (cell,) = words.shown(name, [value], None, "fr")
    assert readable(cell) == text.replace(" ", THIN if isinstance(value, float | int) else " ")


@pytest.mark.parametrize(
    ("value", "french", "english"),
    [
        (1234567, f"1{THIN}234{THIN}567", "1,234,567"),
        (2019, "2019", "2019"),
        (12345.67, f"12{THIN}345,67", "12,345.67"),
        (-0.5, "-0,5", "-0.5"),
        (Share(0.081), f"8,1{THIN}%", "8.1%"),
        (date(2019, 3, 31), "31/03/2019", "2019-03-31"),
        (True, "oui", "yes"),
        (None, "", ""),
    ],
)
def test_a_value_has_the_signs_of_its_language_in_a_cell_and_in_a_sentence(value, french, english):
    assert (readable(value), readable(value, "en")) == (french, english)
    assert (in_both(value), in_both(value).english) == (french, english)


def test_the_criteria_have_their_words_in_titles_and_lists():
    """A title, a list of codes and a list of French words; an entry may hold commas, and what is no criterion stays."""
    assert (words.criterion("gp_density"), words.criterion("gp_density").english) == (
        "Densité de généralistes",
        "GP density",
    )
    assert words.shown("unknown", ["npnru, gp_density", None, 3], None, "fr") == [
        "NPNRU, Densité de généralistes",
        None,
        3,
    ]
    assert words.shown("unknown", ["npnru, gp_density", "other"], None, "en") == ["NPNRU, GP density", "other"]
    two = ", ".join(c.label_fr for c in prescreen.CRITERIA[5:7])
    assert words.shown("missing", [two], None, "en") == [
        "social, medico-social, administrative activity, support by a psychologist"
    ]
    assert words.shown("missing", [two], None, "fr") == [two]
    why = "pas de taux : base inconnue ; pas de date : une seule observation"
    assert words.shown("because", [why], None, "en") == ["pas de taux : base inconnue ; no date: a single observation"]


def test_every_criterion_has_its_words():
    """What is ranked and what is pre-screened, by name in the one and by its French in the other."""
    assert [words.criterion(name) for name in priorities.CRITERIA]
    assert all(words.word(c.label_fr, "en") != c.label_fr for c in prescreen.CRITERIA)


def test_what_a_value_measures_is_said_by_its_row():
    frame = pd.DataFrame({"value": [0.5, 1514.0, 3651208.0], "unit": ["share", "QPV", "inhabitants"]})
    view = words.in_words(View("v", frame, {"value": "Valeur", "unit": "Unité"}))
    assert [readable(v) for v in view.frame["value"]] == [f"50,0{THIN}%", "1514", f"3{THIN}651{THIN}208"]
    assert list(view.frame["unit"]) == ["part", "QPV", "habitants"]
    english = words.in_words(View("v", frame, {"value": "Valeur", "unit": "Unité"}), "en")
    assert english.titles == {"value": "Value", "unit": "Unit"}
    assert list(english.frame["unit"]) == ["share", "QPV", "inhabitants"]


def test_the_frame_of_a_view_stays_as_it_was():
    frame = pd.DataFrame({"share_in_qpv": [0.08142], "situation": ["in_qpv"]})
    words.in_words(View("v", frame, {}))
    assert frame.to_dict("list") == {"share_in_qpv": [0.08142], "situation": ["in_qpv"]}


def test_every_value_of_the_dictionary_has_words_in_both_languages():
    own = {*zonings.CLASSES, "MSP", "CDS"}
    for language in ("fr", "en"):
        codes = {value for values in VALUES.values() for value in values} - own
        missing = {code for code in codes if code not in words.words_of(language)}
        assert missing <= (set() if language == "fr" else {*VALUES["TERRITORIES"]})


def test_causes_are_in_english_too():
    text = "ouverture +28, déménagement -2"
    assert words.shown("causes", [text, None], None, "fr") == [text, None]
    (english, nothing) = words.shown("causes", [text, None], None, "en")
    assert english == "opening date between the two reference dates +28, another address -2"
    assert nothing is None


def test_a_share_and_a_row_number_are_numbers():
    assert (Share(0.5) + 0, Ordinal(3) + 0) == (0.5, 3)
    assert render(pd.DataFrame({"s": pd.Series([Share(0.5)], dtype="object")}), fmt="text").splitlines()[2] == "50,0 %"


@pytest.mark.parametrize(
    ("rule", "fr", "en"),
    [
        ("within-300-m", "à 300 m au plus d'un QPV", "within 300 m of a QPV"),
        ("beyond-12.5-m", "à plus de 12,5 m de tout QPV", "beyond 12.5 m of any QPV"),
        ("declared-no", "l'ARS a répondu non", "the ARS answered no"),
        ("covers", "le contour contient le point", "the outline holds the point"),
    ],
)
def test_a_rule_is_said_in_words(rule, fr, en):
    assert (words.word(rule, "fr"), words.word(rule, "en")) == (fr, en)


def test_what_a_log_says_in_english_is_not_in_a_french_view():
    rows = pd.DataFrame({"rule": ["finess-invalid"], "message": ['FINESS number "x"'], "cell": ["x"]})
    view = View("rejects", rows, {"rule": "Règle", "message": "Message", "cell": "Valeur lue"})
    assert [*words.in_words(view).titles.values()] == ["Règle", "Valeur lue"]
    assert [*words.in_words(view).frame.columns] == ["rule", "cell"]
    assert [*words.in_words(view, "en").frame.columns] == ["rule", "message", "cell"]


@pytest.mark.parametrize(
    ("code", "french", "english"),
    [
        (density.FEW.format(5), "moins de 5 généralistes", "fewer than 5 GPs"),
        (
            density.COMPLEMENT.format(11),
            "son complément révélerait moins de 11 généralistes",
            "its complement would reveal fewer than 11 GPs",
        ),
        (
            "moins de cinq généralistes",
            "moins de cinq généralistes",
            "moins de cinq généralistes",
        ),  # of an older release
        (None, None, None),
    ],
)
def test_why_ages_are_masked_is_said_in_both_languages(code, french, english):
    assert words.shown("masked", [code], None, "fr") == [french]
    assert words.shown("masked", [code], None, "en") == [english]
