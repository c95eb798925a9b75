"""Outlines with fewer corners: how far they may be from the whole ones, in the metres of their territory."""

import numpy as np
import pandas as pd
import pytest
import shapely

from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.spatial.projection import WGS84, transform_geometries
from qpvhealth.spatial.simplification import simplified

STEP = 1e-5
CENTRES = {"metropole": (2.35, 48.86), "la_reunion": (55.5, -21.1), "guyane": (-52.3, 4.9)}


def rough(territory, seed=3):
    """Return a disc of some 400 m whose border trembles by a few metres, in degrees."""
    random, system = np.random.default_rng(seed), TERRITORIES[territory].epsg
    centre = shapely.get_coordinates(transform_geometries([shapely.Point(*CENTRES[territory])], WGS84, system))[0]
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    corners = centre + (400 + random.normal(0, 2, 400))[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return transform_geometries([shapely.Polygon(corners)], system, WGS84)[0]


def apart(one, two, territory):
    """Return the largest distance between two borders, in metres."""
    system = TERRITORIES[territory].epsg
    borders = shapely.boundary(transform_geometries([one, two], WGS84, system))
    return shapely.hausdorff_distance(*borders, densify=0.01)


@pytest.mark.parametrize("territory", CENTRES)
@pytest.mark.parametrize("tolerance_m", [1.0, 5.0, 20.0])
def test_a_border_stays_within_the_tolerance_once_its_corners_are_rounded(territory, tolerance_m):
    shape = rough(territory)
    frame = pd.DataFrame({"territory": [territory], "geometry": [shape]})
    (fewer,) = simplified(frame, tolerance_m=tolerance_m, step=STEP)
    drawn = shapely.transform(fewer, lambda corners: np.rint(corners / STEP) * STEP)
    assert apart(shape, drawn, territory) <= tolerance_m
    assert len(fewer.exterior.coords) < 400 / max(tolerance_m / 4, 1)


def test_holes_parts_nulls_and_the_order_of_rows_stay():
    square = shapely.box(2.30, 48.80, 2.31, 48.81)
    holed = square.difference(shapely.box(2.302, 48.802, 2.304, 48.804))
    parts = shapely.MultiPolygon([shapely.box(55.4, -21.0, 55.41, -20.99), shapely.box(55.5, -21.0, 55.51, -20.99)])
    rows = {"territory": ["la_reunion", "metropole", "metropole"], "geometry": [parts, holed, None]}
    frame = pd.DataFrame(rows, index=[7, 3, 3])
    first, second, third = simplified(frame, tolerance_m=5.0, step=STEP)
    assert len(shapely.get_parts(first)) == 2
    assert len(second.interiors) == 1
    assert third is None
    assert apart(second, holed, "metropole") < 0.01


def test_a_tolerance_under_the_rounding_is_refused():
    frame = pd.DataFrame({"territory": ["metropole"], "geometry": [shapely.box(2, 48, 2.01, 48.01)]})
    with pytest.raises(ValueError, match=r"move by more than 0\.5 m"):
        simplified(frame, tolerance_m=0.5, step=STEP)
