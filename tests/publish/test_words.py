"""What people read in place of codes and digits, cell by cell."""

import pandas as pd
import pytest

from qpvhealth.contract.precision import Ordinal, Share
from qpvhealth.contract.tables import VALUES
from qpvhealth.facts import zonings
from qpvhealth.publish import words
from qpvhealth.publish.rendering import readable, render
from qpvhealth.publish.selection import View


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("share_in_qpv", 0.08142, "8,1 %"),
        ("share_in_qpv", 0.0815, "8,2 %"),  # half away from zero, where floats would go down
        ("share_of_way", 1.048, "104,8 %"),
        ("distance_m", 12.5, "13"),
        ("border_distance_m", -148.4, "-148"),
        ("population", 2240481.0, "2 240 481"),
        ("density", 87.25, "87,25"),
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
    assert readable(cell, grouped=True) == text


def test_what_a_value_measures_is_said_by_its_row():
    frame = pd.DataFrame({"value": [0.5, 1514.0, 3651208.0], "unit": ["share", "QPV", "inhabitants"]})
    view = words.in_words(View("v", frame, {"value": "Valeur", "unit": "Unité"}))
    assert [readable(v, grouped=True) for v in view.frame["value"]] == ["50,0 %", "1514", "3 651 208"]
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
