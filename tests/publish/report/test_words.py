"""The words of both languages: the same sentences, with the same facts, and none of the other language among them."""

import re
import tomllib
from importlib import resources

import pytest

from qpvhealth.publish import report, sentences
from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.report import words
from qpvhealth.publish.report.content import number, text

FIELDS = re.compile(r"\{(\w+)\}")
LANGUAGES = ("fr", "en")
SECTIONS = {
    lang: tomllib.loads(resources.files(report).joinpath(f"words.{lang}.toml").read_text(encoding="utf-8"))
    for lang in LANGUAGES
}


def flat(sections):
    return {f"{s}.{k}": v for s, group in sections.items() for k, v in group.items()}


def test_both_languages_have_the_same_sentences_with_the_same_facts():
    french, english = (flat(SECTIONS[lang]) for lang in LANGUAGES)
    assert list(french) == list(english)
    for key, sentence in french.items():
        if isinstance(sentence, list):
            assert len(sentence) == len(english[key]), key
        else:
            assert set(FIELDS.findall(sentence)) == set(FIELDS.findall(english[key])), key


def test_the_notes_under_tables_have_the_same_facts_in_both_languages():
    french, english = (sentences.lines_of("notes", lang) for lang in LANGUAGES)
    assert set(french) == set(english)
    for key, sentence in french.items():
        assert set(FIELDS.findall(sentence)) == set(FIELDS.findall(english[key])), key


@pytest.mark.parametrize(
    ("value", "unit", "french", "english"),
    [
        (1234567, "count", "1 234 567", "1,234,567"),
        (1234.5, "ratio", "1 234,5", "1,234.5"),
        (0.0814, "share", "8,1 %", "8.1%"),
        (-4, "signed", "−4", "−4"),  # noqa: RUF001 -- a true minus sign
        (Bounded(280, 280, 1306), "count", "280 (280 à 1 306)", "280 (280 to 1,306)"),
        (Bounded(None, None, 9), "count", "inconnu (au plus 9)", "unknown (at most 9)"),
        (True, "text", "oui", "yes"),
        (None, "count", "inconnu", "unknown"),
    ],
)
def test_a_value_is_written_in_the_form_of_its_language(value, unit, french, english):
    assert text(value, unit).replace("\u202f", " ") == french
    assert text(value, unit, "en") == english


def test_zero_is_singular_in_french_and_plural_in_english():
    assert words.say("zoning.people", n=0, bounds="") == " : 0 habitant"
    assert words.say("zoning.people", "en", n=0, bounds="") == ": 0 inhabitants"
    assert words.say("zoning.people", "en", n=1, bounds="") == ": 1 inhabitant"
    assert number(0, "share", "en") == "0%"


def test_a_sheet_is_named_in_the_language_of_the_workbook():
    assert [words.sheet("tableau-1", lang) for lang in LANGUAGES] == ["Tableau 1", "Table 1"]
    assert [words.sheet("annexe-structures-2019", lang) for lang in LANGUAGES] == ["Structures 2019"] * 2
    assert words.sheet("t-1") == "T 1"
