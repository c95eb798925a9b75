"""One way from each system to degrees: the same whatever the grids and the network of a machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from pyproj import CRS, Transformer
from pyproj.transformer import TransformerGroup

from qpvhealth.facts.datums import REALISATIONS
from qpvhealth.spatial import datums
from qpvhealth.spatial.projection import same_crs, transform_points

MAYOTTE, GUADELOUPE, PARIS = (45.23, -12.78), (-61.5, 16.2), (2.35, 48.85)


@pytest.mark.parametrize(
    ("crs", "metres", "place"),
    [
        ("EPSG:10674", 4471, MAYOTTE),
        ("EPSG:10671", 4471, MAYOTTE),
        ("EPSG:4559", 5490, GUADELOUPE),
        ("EPSG:4558", 5490, GUADELOUPE),
        ("EPSG:9794", 2154, PARIS),
        ("EPSG:25831", 2154, PARIS),
    ],
)
def test_realisations_are_one_system_whatever_the_registry_has_between_them(crs, metres, place):
    lon, lat = (np.array([v]) for v in place)
    there = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(*place)
    ours = transform_points(np.array([there[0]]), np.array([there[1]]), crs, metres)
    np.testing.assert_allclose(ours, transform_points(lon, lat, 4326, metres), atol=1e-6)
    np.testing.assert_allclose(transform_points(*ours, metres, crs), np.array(there)[:, None], atol=1e-6)


def test_the_registry_moves_what_is_one_system_here():
    """Without the list, the two points of issue 21 would be 0.74 m and 0.61 m away."""
    for crs, epsg, place, metres in (("EPSG:10674", 4471, MAYOTTE, 0.74), ("EPSG:4559", 5490, GUADELOUPE, 0.61)):
        there = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(*place)
        moved = np.subtract(Transformer.from_crs(crs, epsg, always_xy=True).transform(*there), there)
        assert np.hypot(*moved) == pytest.approx(metres, abs=0.01)
        assert datums.shift(crs).accuracy_m == pytest.approx(metres, abs=0.07)


def test_each_realisation_is_a_datum_of_the_registry():
    names = {CRS(n).datum.name.removesuffix(" ensemble") for n in _GEOGRAPHIC}
    assert set(REALISATIONS) == names


_GEOGRAPHIC = (4326, 4258, 4171, 9777, 9782, 4558, 5489, 4624, 4627, 4470, 10671, 4463)


def test_geographic_realisations_are_the_same_coordinates():
    assert all(same_crs(4326, number) for number in _GEOGRAPHIC)
    assert same_crs("EPSG:4326", "IGNF:RGF93G")
    assert not same_crs("EPSG:4326", "EPSG:4275")
    assert not same_crs("EPSG:4326", "EPSG:4687")


@pytest.mark.parametrize(
    ("crs", "operation", "accuracy_m"),
    [
        ("EPSG:27572", "NTF (Paris) to NTF (1) + NTF to WGS 84 (1)", 3.0),
        ("EPSG:2976", "Tahiti 52 to WGS 84 (1) + Inverse of RGPF to WGS 84 (1)", 10.5),
        ("EPSG:2969", "Fort Marigot to RGAF09 (1)", 10.0),
        ("EPSG:2970", "Guadeloupe 1948 to WGS 84 (2)", 1.1),
        ("EPSG:10674", "RGM23 used as it is", 0.74),
        ("EPSG:4559", "RRAF 1991 used as it is", 0.67),
        ("EPSG:2984", "Ballpark geographic offset from RGNC 1991 to WGS 84", None),
    ],
)
def test_what_is_accurate_to_metres_only_has_its_operation_and_accuracy(crs, operation, accuracy_m):
    assert datums.shift(crs) == (operation, accuracy_m)


@pytest.mark.parametrize("crs", ["EPSG:2154", "EPSG:4326", "EPSG:25831", "EPSG:3857", "EPSG:2973", "EPSG:3727"])
def test_what_is_accurate_to_half_a_metre_is_not_reported(crs):
    assert datums.shift(crs) is None


def test_an_older_datum_goes_straight_to_that_of_its_territory_where_that_is_more_accurate():
    """Réunion 1947: 0.1 m straight to RGR92, 44 m to WGS 84."""
    straight = TransformerGroup("EPSG:3727", "EPSG:2975", always_xy=True).transformers[0]
    x, y = np.array([160_000.0]), np.array([50_000.0])
    np.testing.assert_allclose(transform_points(x, y, "EPSG:3727", 2975), straight.transform(x, y), atol=1e-6)


SCRIPT = """
import json, numpy as np
from qpvhealth.spatial.projection import transform_points
from qpvhealth.spatial import datums
answers = {}
for crs, x, y in (("EPSG:27572", 600000.0, 2428000.0), ("EPSG:4275", 2.35, 48.85), ("EPSG:10674", 520000.0, 8590000.0),
                  ("EPSG:4559", 660000.0, 1800000.0), ("EPSG:2976", 230000.0, 8060000.0), ("EPSG:4171", 2.35, 48.85)):
    lon, lat = transform_points(np.array([x]), np.array([y]), crs, 4326)
    answers[crs] = [lon[0], lat[0], datums.shift(crs)]
print(json.dumps(answers))
"""


def test_a_network_for_grids_changes_nothing():
    """With PROJ_NETWORK on, PROJ prefers grids it would fetch, and without a network gives infinity."""
    off, on = (
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"PROJ_NETWORK": switch},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for switch in ("OFF", "ON")
    )
    assert off == on
    answers = json.loads(on)
    assert all(np.isfinite(values[:2]).all() for values in answers.values())
