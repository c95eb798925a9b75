"""Metres are those that PROJ finds in its registry, to the bit, though it is not asked."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from pyproj import CRS, Transformer
from pyproj.transformer import TransformerGroup

from qpvhealth.facts.territories import SYSTEMS, TERRITORIES
from qpvhealth.spatial import datums, projection

FEW_POINTS = 5_000


def around(territory):
    """Return random positions in the box of a territory, and as far beyond it as it is wide."""
    west, south, east, north = territory.box
    rng = np.random.default_rng(territory.epsg)
    lon = rng.uniform(max(west - (east - west), -180), east + (east - west), FEW_POINTS)
    lat = rng.uniform(south - (north - south), min(north + (north - south), 85), FEW_POINTS)
    return lon, lat


@pytest.mark.parametrize("territory", TERRITORIES.values(), ids=lambda t: t.name)
def test_metres_and_degrees_are_those_of_the_registry(territory):
    asked = Transformer.from_crs("EPSG:4326", f"EPSG:{territory.epsg}", always_xy=True)
    lon, lat = around(territory)
    there = projection.transform_points(lon, lat, "EPSG:4326", territory.epsg)
    back = projection.transform_points(*there, territory.epsg, "EPSG:4326")
    np.testing.assert_array_equal(there, asked.transform(lon, lat))
    np.testing.assert_array_equal(back, asked.transform(*there, direction="INVERSE"))
    np.testing.assert_allclose(back, (lon, lat), atol=1e-6)


@pytest.mark.parametrize("territory", TERRITORIES.values(), ids=lambda t: t.name)
def test_the_way_is_the_first_of_the_registry(territory):
    first, *others = TransformerGroup("EPSG:4326", f"EPSG:{territory.epsg}", always_xy=True).transformers
    [(way, is_forward)] = datums.way(f"EPSG:{territory.epsg}").steps
    assert (way.definition, is_forward) == (first.definition, False)
    assert all(other.area_of_use == first.area_of_use for other in others)


def test_no_two_of_the_known_systems_are_the_same():
    assert {f"EPSG:{t.epsg}" for t in TERRITORIES.values()} | {"EPSG:4326"} == SYSTEMS
    assert not any(projection.same_crs(one, two) for one, two in combinations(sorted(SYSTEMS), 2))
    assert projection.same_crs("EPSG:4326", 4326)
    assert projection.same_crs("EPSG:4326", CRS.from_epsg(4326).to_wkt())
    assert not projection.same_crs(4326, "EPSG:2154")


def test_what_cannot_be_projected_is_nowhere():
    x, y = projection.transform_points(np.array([2.3, np.nan, np.inf]), np.array([48.9, 48.9, 1e9]), 4326, 2154)
    assert np.isnan(x).tolist() == np.isnan(y).tolist() == [False, True, True]
