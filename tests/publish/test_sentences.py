"""Net is not gross, in two languages, between two dates."""

from datetime import date

import pytest

from qpvhealth.publish import sentences
from qpvhealth.publish.bounds import Bounded

DAYS = (date(2018, 3, 31), date(2019, 3, 31))


def exact(*stocks):
    return tuple(Bounded(n, n, n) for n in stocks)


CREATED = ("créé", "ouvert", "created", "opened")


def test_a_net_difference_says_so_and_how_many_entries_it_takes():
    text = sentences.net("MSP en QPV", exact(42, 59), DAYS)
    assert (
        text
        == "MSP en QPV, de fin mars 2018 à fin mars 2019 : solde net +17, 42 → 59, au moins 17 entrées, toutes causes"
    )
    english = sentences.net("MSP in QPV", exact(42, 59), DAYS, "en")
    assert english == (
        "MSP in QPV, from end of March 2018 to end of March 2019: net +17, 42 → 59, at least 17 entries, whatever their cause"
    )


@pytest.mark.parametrize(("opening", "closing"), [(1, 5), (5, 1), (3, 3), (1, 2)])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_net_difference_is_ever_called_a_creation(opening, closing, language):
    text = sentences.net("MSP", exact(opening, closing), DAYS, language)
    assert not any(word in text.casefold() for word in CREATED)
    assert "en 2018" not in text


def test_one_is_singular_and_none_is_no_number():
    assert "au moins 1 entrée," in sentences.net("MSP", exact(1, 2), DAYS)
    assert "at least 1 exit," in sentences.net("MSP", exact(2, 1), DAYS, "en")
    assert "solde net 0, 3 → 3, entrées et sorties se compensent" in sentences.net("MSP", exact(3, 3), DAYS)
    assert "solde net 0, 3 → 3, aucun mouvement" in sentences.net("MSP", exact(3, 3), DAYS, moved=False)
    assert "no movement" in sentences.net("MSP", exact(3, 3), DAYS, "en", moved=False)


def test_dated_flows_stand_beside_the_net():
    text = sentences.gross("MSP en QPV", exact(42, 59), DAYS, opened=14, closed=1)
    assert "ouvertures 14, fermetures 1 (dates connues), autres causes +4" in text
    assert text.endswith("solde net de +17, 42 → 59")


def test_stocks_and_their_change_have_their_bounds_beside_them():
    stocks = (Bounded(209, 209, 225), Bounded(221, 221, 236))
    text = sentences.net("CdS en QPV", stocks, DAYS, change=Bounded(12, 11, 12))
    assert "solde net +12 (+11 à +12), 209 (209 à 225) → 221 (221 à 236)" in text
    english = sentences.gross("CdS in QPV", stocks, DAYS, "en", opened=14, closed=2, change=Bounded(12, 11, 12))
    assert english.endswith("net +12 (+11 to +12), 209 (209 to 225) → 221 (221 to 236)")
    assert "(+11" not in sentences.net("CdS en QPV", stocks, DAYS, change=Bounded(13, 11, 13))  # of other stocks


def test_sentences_join_in_each_language():
    joined = sentences.joined((sentences.note("cause_added", name="x"), "", "2019"))
    assert (str(joined), joined.english) == ("source x ajoutée ; 2019", "source x added; 2019")
    assert sentences.english_of(["2019", joined, None]) == {"source x ajoutée ; 2019": "source x added; 2019"}


def test_an_interval_is_two_dates():
    assert sentences.interval(date(2019, 3, 31), date(2020, 4, 1)) == "de fin mars 2019 au 1er avril 2020"
    assert sentences.interval(date(2020, 4, 1), date(2024, 2, 29)) == "du 1er avril 2020 à fin février 2024"
    assert sentences.interval(date(2020, 4, 1), date(2021, 8, 15), "en") == "from 1 April 2020 to 15 August 2021"
