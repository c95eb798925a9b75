"""Addresses, names and communes written one way, so that two extracts can be compared."""

import pandas as pd
import pytest

from qpvhealth.indicators import addresses


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
