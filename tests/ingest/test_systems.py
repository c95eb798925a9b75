from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj
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


OLD = "+proj=utm +zone=20 +ellps=intl +units=m +no_defs"


@pytest.mark.parametrize("version", ["WKT1_GDAL", "WKT1_ESRI", "WKT2_2019"])
def test_an_ellipsoid_without_a_datum_is_no_system(version):
    text = pyproj.CRS(OLD).to_wkt(version)
    assert systems.of_metadata(text, "a.shp") is None
    assert systems.without_datum(text).startswith("its system names an ellipsoid and no datum")


def test_the_systems_that_share_an_ellipsoid_are_named():
    assert pyproj.CRS(OLD).to_epsg() == 2969
    assert "EPSG:2970 (Guadeloupe 1948 / UTM zone 20N), EPSG:2973 (Martinique 1938 / UTM" in systems.without_datum(OLD)
    with pytest.raises(UsageError, match="unknown coordinate system"):
        systems.of_option(OLD)


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        ("+proj=lcc +lat_0=46.5 +lon_0=3 +lat_1=49 +lat_2=44 +x_0=700000 +y_0=6600000 +ellps=GRS80", "EPSG:2154"),
        (
            "+proj=tmerc +lat_0=-21.1166666666667 +lon_0=55.5333333333333 +x_0=160000 +y_0=50000 +ellps=intl",
            "EPSG:3727",
        ),
        (pyproj.CRS(2973).to_wkt("WKT1_ESRI"), "EPSG:2973"),
    ],
)
def test_a_system_that_only_one_datum_has_needs_no_name_for_it(text, crs):
    assert systems.of_metadata(text, "a.shp") == crs
    assert systems.without_datum(text) == ""


def test_a_system_with_its_shift_to_wgs_84_needs_no_name_of_a_datum():
    text = f"{OLD} +towgs84=126.93,547.94,130.41,0,0,0,0"
    assert systems.of_metadata(text, "a.shp").startswith("BOUNDCRS")
    assert systems.without_datum(None) == ""
