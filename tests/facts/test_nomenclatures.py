from __future__ import annotations

from datetime import date

import pytest

from qpvhealth.facts import categories, situations, zonings


def test_two_open_categories_count_and_four_closed_ones_did():
    assert {c.code: c.structure_type for c in categories.COUNTED.values() if c.until is None} == {
        "603": "MSP",
        "124": "CDS",
    }
    closed = {c.code: c.until for c in categories.COUNTED.values() if c.until}
    assert closed == dict.fromkeys(("125", "130", "289", "439"), date(2013, 12, 19))


def test_excluded_categories_have_a_reason_and_are_never_counted():
    named = {"228", "438", "604", "606", "617", "618", "636", "347", "297", "328"}
    assert set(categories.EXCLUDED) == named
    assert not named & set(categories.COUNTED)
    assert all(categories.EXCLUDED.values())


def test_vocabularies_lead_to_known_classes():
    for vocabulary in zonings.VOCABULARIES:
        assert set(vocabulary.classes.values()) <= {*zonings.CLASSES, None}
        assert vocabulary.source
    assert set(zonings.LABELS_FR) == set(zonings.CLASSES)


@pytest.mark.parametrize(
    ("vocabulary", "word", "zone"),
    [
        ("cartosante", "3_QPV_ZIP", "ZIP"),
        ("cartosante", "6_HZ", "HZ"),
        ("cartosante", "7_GQ_ZAC", "ZAC"),
        ("zonmed", "3_HZ", "HZ"),
        ("zonmed", "4_ZAR", "ZAR"),
        ("zonmed", "N/A - résultat non disponible", None),
        ("national", "Zone de vigilance", "ZV"),
        ("national", "Hors vivier", "HV"),
        ("national", "0", None),
        ("drees", "Non-spécifié", None),
        ("plain", "ZIP+", "ZIP"),
    ],
)
def test_a_word_has_its_class_in_its_vocabulary(vocabulary, word, zone):
    (found,) = [v for v in zonings.VOCABULARIES if v.name == vocabulary]
    assert found.classes[word] == zone


def test_situations_have_a_label():
    assert set(situations.SITUATIONS) < set(situations.LABELS_FR)
