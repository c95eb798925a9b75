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
        *(("LAMBERT_93", "EPSG:2154"), ("lambert-93", "EPSG:2154"), ("UTM_N20", "EPSG:4559")),
        *(("UTM_N21", "EPSG:4467"), ("UTM_N22", "EPSG:2972"), ("UTM_S38", "EPSG:4471"), ("UTM_S40", "EPSG:2975")),
        *(("WGS84/UTM zone 21N", "EPSG:32621"), ("WGS84 / UTM zone 1S", "EPSG:32701")),
        *(("RGF93 v1 / Lambert-93", "EPSG:2154"), ("Martinique 1938 / UTM zone 20N", "EPSG:2973")),
        *(("EPSG:5490 RGAF09", "EPSG:5490"), ("WGS84 (EPSG:4326)", "EPSG:4326"), ("wgs 84", "EPSG:4326")),
        *(("Lambert II étendu", None), ("EPSG:999999", None), ("", None)),
        # a part of a text decides nothing, and two systems in one text neither
        *(("MART38 UTM N20", None), ("Martinique 1938 / UTM N20", None), ("NTF Lambert 93", None)),
        *(("1938 / UTM zone 20N", None), ("EPSG:2154 or EPSG:5490", None), ("EPSG:2154 UTM_N20", None)),
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


@pytest.mark.parametrize("text", ["MART38 UTM N20", "Martinique 1938 / UTM N20"])
def test_a_name_that_is_not_known_is_refused_with_the_near_ones(card, text):
    assert systems.near(text)[0] == "EPSG:2973 (Martinique 1938 / UTM zone 20N)"
    with pytest.raises(UsageError, match=r"near: EPSG:2973 \(Martinique 1938 / UTM zone 20N\)"):
        systems.of_card(card("neighbourhoods", crs=text))
    with pytest.raises(UsageError, match=r"near: EPSG:2973 \(Martinique 1938 / UTM zone 20N\)"):
        systems.of_option(text)
    with pytest.raises(InputError, match=r"near: EPSG:2973 \(Martinique 1938 / UTM zone 20N\)"):
        systems.of_metadata(text, "a.parquet")


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        *(("2154", "EPSG:2154"), ("EPSG:2154", "EPSG:2154"), ("IGNF:LAMB93", "EPSG:2154"), ("OGC:CRS84", "EPSG:4326")),
        *(("urn:ogc:def:crs:EPSG::5490", "EPSG:5490"), ("UTM_N22", "EPSG:2972")),
    ],
)
def test_an_option_may_be_a_number_a_name_or_what_a_file_states(text, crs):
    assert systems.of_option(text) == crs


def test_a_territory_may_stand_behind_a_name_and_a_datum_may_not():
    assert systems.by_name("WGS84/UTM zone 21N (Saint-Pierre-et-Miquelon)") == systems.by_name("WGS84/UTM zone 21N")
    assert systems.by_name("WGS84/UTM zone 21N") is not None
    assert systems.by_name("LAMBERT_93 (Métropole)") == "EPSG:2154"
    assert systems.by_name("UTM N20 (Martinique 1938)") is None
    assert systems.by_name("UTM N20 (Fort Desaix)") is None
