from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import cleaning, systems
from qpvhealth.ingest.kinds.structures import KIND
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers.raw import RawTable
from qpvhealth.ingest.staging import Sieve

LAYOUT = Layout("any", (Field("a"),))


@pytest.mark.parametrize(
    ("written", "crs"),
    [
        ("EPSG:2154 RGF93 / Lambert-93 (Métropole)", "EPSG:2154"),
        *(("epsg:2975", "EPSG:2975"), ("EPSG::5490", "EPSG:5490"), ("2972", "EPSG:2972")),
        *(("LAMBERT_93", "EPSG:2154"), ("BD_ADRESSE,V2.1,LAMBERT_93", "EPSG:2154"), ("UTM_N20", "EPSG:4559")),
        *(("UTM_N21", "EPSG:4467"), ("UTM_N22", "EPSG:2972"), ("UTM_S38", "EPSG:4471"), ("UTM_S40", "EPSG:2975")),
        *(("WGS84/UTM zone 21N", "EPSG:32621"), ("WGS84 / UTM zone 1S", "EPSG:32701")),
        *(("Lambert II étendu", None), ("EPSG:999999", None), ("", None)),
    ],
)
def test_systems_are_known_by_number_or_by_older_name(written, crs):
    assert systems.by_name(written) == crs


def test_a_column_of_names_keeps_its_empty_cells():
    found = cleaning.translated(pd.Series(["UTM_S38", None, "?"], dtype="str"), systems.by_name)
    assert found[0] == "EPSG:4471"
    assert found[1:].isna().all()


def layer(crs):
    frame = pd.DataFrame({"a": pd.Series(["1"], dtype="str")})
    return RawTable("f.shp", frame, np.array([1]), crs=crs)


def test_a_layer_needs_a_system(card):
    raw = layer(None)
    with pytest.raises(InputError, match=r'no .prj.*write crs = "EPSG:…" in card c'):
        Sieve(raw, card("neighbourhoods"), LAYOUT, KIND).crs()
    assert Sieve(raw, card("neighbourhoods", crs="EPSG:2154"), LAYOUT, KIND).crs() == "EPSG:2154"


def test_a_card_may_correct_a_file_and_it_is_said(card):
    for stated, crs, rules in (({"crs": "EPSG:2154"}, "EPSG:2154", ["crs-overridden"]), ({}, "EPSG:4326", [])):
        sieve = Sieve(layer("EPSG:4326"), card("neighbourhoods", **stated), LAYOUT, KIND)
        assert (sieve.crs(), [f.rule for f in sieve.findings]) == (crs, rules)


def test_a_system_that_does_not_exist_is_refused(card):
    with pytest.raises(UsageError, match='crs "Lambert" is no coordinate system'):
        systems.of_card(card("neighbourhoods", crs="Lambert"))
