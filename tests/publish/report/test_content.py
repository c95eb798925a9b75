"""Numbers as French readers see them, rounded once, and what stands where a share would mislead."""

from datetime import date

import pytest

from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.report import words
from qpvhealth.publish.report.content import NOT_SHOWN, number, ratio, single_line, text


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (1234.5, "ratio", "1 234,5"),
        (1234567, "count", "1 234 567"),
        (0.0814190, "share", "8,1 %"),
        (0.86, "share", "86 %"),
        (1, "share", "100 %"),
        (0.12249999, "share", "12,2 %"),
        (12.245, "ratio", "12,25"),
        (2.5, "count", "3"),
        (29, "signed", "+29"),
        (-4, "signed", "−4"),  # noqa: RUF001 -- a true minus sign
        (0, "signed", "0"),
        (-0.2, "signed", "0"),
    ],
)
def test_numbers_are_french_and_rounded_half_away_from_zero(value, unit, written):
    assert number(value, unit).replace("\u202f", " ") == written


def test_bounds_stand_beside_a_figure_that_could_be_another():
    assert text(Bounded(280, 280, 306)) == "280 (280 à 306)"
    assert text(Bounded(280, 280, 280)) == "280"
    assert text(Bounded(0.081, 0.0812, 0.0813), "share").replace("\u202f", " ") == "8,1 %"
    assert text(Bounded(None, 0, 18)) == "inconnu (au plus 18)"
    assert text(Bounded(None, 4, 18)) == "inconnu (4 à 18)"
    assert text(Bounded(None, 4, 18), language="en") == "unknown (4 to 18)"
    assert text(Bounded(None, -4, 18), "signed") == "inconnu (−4 à +18)"  # noqa: RUF001 -- a true minus sign
    assert text(Bounded(None, None, None)) == text(None) == "inconnu"
    assert text(date(2019, 3, 31)) == "31/03/2019"
    assert (text(value=True), text(value=False)) == ("oui", "non")


def test_small_bases_carry_no_rate():
    assert ratio(30, 20) == 1.5
    assert ratio(30, 19) == NOT_SHOWN
    assert ratio(None, 50) is None


def test_sentences_agree_with_their_numbers():
    assert words.say("zoning.people", n=1, bounds="") == " : 1 habitant"
    assert words.say("zoning.people", n=0, bounds="") == " : 0 habitant"
    assert words.say("zoning.people", n=1500, bounds="").replace("\u202f", " ") == " : 1 500 habitants"
    with pytest.raises(KeyError):
        words.say("zoning.people")


def test_direction_and_control_characters_become_spaces():
    assert single_line("a\u202eb\nc\u202fd") == "a b c\u202fd"


def test_no_line_ends_before_a_french_sign():
    french = "Source : « QPV » ; 8 % ! qui ? a:b, 50% (c;d)"
    assert single_line(french) == "Source\u00a0: «\u00a0QPV\u00a0»\u202f; 8\u202f%\u202f! qui\u202f? a:b, 50% (c;d)"
