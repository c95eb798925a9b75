from __future__ import annotations

import pandas as pd
import pytest

from qpvhealth.indicators.addresses import same_street, street_key


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("12 rue de la Paix", "12 R PAIX BP 40123", True),
        ("12 rue de la Paix CS 40 123", "12 rue de la Paix TSA 7", True),
        ("12 rue de la Paix Bâtiment B", "Bât. C, entrée 2, 12 rue de la Paix", True),
        ("12 B rue de la Paix", "12 rue de la Paix", False),
        ("12 rue de la Paix", "14 rue de la Paix BP 12", False),
        ("3 rue de l'Entrée de Ville", "3 rue de Ville", False),
        ("8 avenue de la Porte d'Orléans", "8 avenue d'Orléans", False),
    ],
)
def test_boxes_buildings_and_entrances_are_no_other_place(one, other, same):
    keys = [street_key(pd.Series([text])) for text in (one, other)]
    assert same_street(*keys).tolist() == [same]


def test_a_box_alone_is_no_street():
    assert street_key(pd.Series(["BP 12", None])).isna().all()
