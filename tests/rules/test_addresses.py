"""Addresses, names and communes written one way, so that two extracts can be compared."""

import pandas as pd
import pytest

from qpvhealth.rules import addresses


def texts(*values):
    return pd.Series(values, dtype="str", index=range(3, 3 + len(values)))


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("2 R. de l'Église", "2 RUE EGLISE"),
        ("002 rue ÉGLISE", "2 RUE EGLISE"),
        ("0 bd du Cœur-Sacré", "0 BOULEVARD COEUR SACRE"),
        ("12BIS AV ŒUVRES", "12 BIS AVENUE OEUVRES"),
        ("de la", "-"),
        (None, "-"),
    ],
)
def test_a_street_is_written_one_way(address, key):
    assert addresses.street_key(texts(address)).fillna("-").tolist() == [key]


def test_names_keep_their_words_and_communes_their_city():
    names = addresses.name_key(texts("Maison de Santé du Cœur, n° 2", None, "de la"))
    assert names.iloc[0] == "MAISON SANTE COEUR 2"
    assert names.isna().tolist() == [False, True, True]
    communes = addresses.commune_key(texts("75113", "35238", None))
    assert communes.fillna("-").tolist() == ["75056", "35238", "-"]
    assert communes.index.tolist() == [3, 4, 5]


def test_a_number_that_one_side_lacks_makes_no_other_street():
    left = texts("RUE EGLISE", "2 RUE EGLISE", "2 BIS RUE EGLISE", "2 RUE EGLISE", None, "RUE EGLISE")
    right = texts("2 RUE EGLISE", "3 RUE EGLISE", "RUE EGLISE", "2 RUE EGLISE", "RUE EGLISE", "RUE VERTE")
    assert addresses.same_street(left, right).tolist() == [True, False, True, True, False, False]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("12 rue de la Paix", "12 R PAIX BP 40123", True),
        ("12 rue de la Paix", "B.P. 12 - 12 rue de la Paix", True),
        ("12 rue de la Paix", "12 rue de la Paix C.S. 12345", True),
        ("12 rue de la Paix", "Bâtiment A2, 12 rue de la Paix", True),
        ("12 rue de la Paix", "Bat. 12B 12 rue de la Paix", True),
        ("12 rue de la Paix", "Bâtiment A 12 rue de la Paix", True),
        ("12 rue de la Paix", "Bâtiment A 14 rue de la Paix", False),
        ("12 rue de la Paix", "BP 12 14 rue de la Paix", False),
        ("12 rue de la Halle", "12 rue de la Paix", False),
        ("12 rue de la Paix CS 40 123", "12 rue de la Paix TSA 7", True),
        ("12 rue de la Paix Bâtiment B", "Bât. C, entrée 2, 12 rue de la Paix", True),
        ("12 B rue de la Paix", "12 rue de la Paix", False),
        ("12 rue de la Paix", "14 rue de la Paix BP 12", False),
        ("3 rue de l'Entrée de Ville", "3 rue de Ville", False),
        ("8 avenue de la Porte d'Orléans", "8 avenue d'Orléans", False),
    ],
)
def test_boxes_buildings_and_entrances_are_no_other_place(one, other, same):
    keys = [addresses.street_key(pd.Series([text])) for text in (one, other)]
    assert addresses.same_street(*keys).tolist() == [same]


def test_a_box_alone_is_no_street():
    assert addresses.street_key(pd.Series(["BP 12", None])).isna().all()
