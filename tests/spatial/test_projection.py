"""Metres are those that PROJ finds in its registry, to the bit, though it is not asked."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Transformer
from pyproj.transformer import TransformerGroup

from qpvhealth.facts.territories import PROJECTIONS, TERRITORIES
from qpvhealth.spatial import projection

KNOWN = [t for t in TERRITORIES.values() if t.epsg in PROJECTIONS]
FEW_POINTS = 5_000


def around(territory):
    """Return random positions in the box of a territory, and as far beyond it as it is wide."""
    west, south, east, north = territory.box
    rng = np.random.default_rng(territory.epsg)
    lon = rng.uniform(max(west - (east - west), -180), east + (east - west), FEW_POINTS)
    lat = rng.uniform(south - (north - south), min(north + (north - south), 85), FEW_POINTS)
    return lon, lat


@pytest.mark.parametrize("territory", KNOWN, ids=lambda t: t.name)
def test_metres_and_degrees_are_those_of_the_registry(territory):
    asked = Transformer.from_crs("EPSG:4326", f"EPSG:{territory.epsg}", always_xy=True)
    lon, lat = around(territory)
    there = projection.transform_points(lon, lat, "EPSG:4326", territory.epsg)
    back = projection.transform_points(*there, territory.epsg, "EPSG:4326")
    np.testing.assert_array_equal(there, asked.transform(lon, lat))
    np.testing.assert_array_equal(back, asked.transform(*there, direction="INVERSE"))
    np.testing.assert_allclose(back, (lon, lat), atol=1e-6)


@pytest.mark.parametrize("territory", TERRITORIES.values(), ids=lambda t: t.name)
def test_the_registry_is_asked_where_it_has_several_ways(territory):
    ways = TransformerGroup("EPSG:4326", f"EPSG:{territory.epsg}", always_xy=True).transformers
    assert (territory.epsg in PROJECTIONS) == (len(ways) == 1)


def test_what_cannot_be_projected_is_nowhere():
    x, y = projection.transform_points(np.array([2.3, np.nan, np.inf]), np.array([48.9, 48.9, 1e9]), 4326, 2154)
    assert np.isnan(x).tolist() == np.isnan(y).tolist() == [False, True, True]
