"""Sites for new structures: squares whose surroundings meet, distances in metres."""

import numpy as np
import pandas as pd
import shapely

from qpvhealth.spatial import projection, sites
from qpvhealth.spatial.proximity import Perimeters

X, Y = 650_000, 6_860_000


def squares(*west):
    polygons = np.array([shapely.box(X + w, Y, X + w + 100, Y + 100) for w in west], dtype=object)
    codes = np.array([f"Q{n}" for n in range(len(west))], dtype=object)
    return {"metropole": Perimeters(codes, polygons)}


def test_inside_only_one_site_a_qpv():
    found = sites.candidates(squares(0, 400), 0)
    reached = sites.served(found, squares(0, 400), 0)
    assert reached[["site", "qpv_code"]].to_numpy().tolist() == [[0, "Q0"], [1, "Q1"]]


def test_a_site_between_two_serves_both():
    held = squares(0, 400)  # 300 m apart: their surroundings of 200 m meet
    reached = sites.served(sites.candidates(held, 200), held, 200)
    assert reached.groupby("site")["qpv_code"].nunique().max() == 2
    assert (reached["distance_m"] <= 200).all()
    apart = sites.served(sites.candidates(held, 100), held, 100)
    assert apart.groupby("site")["qpv_code"].nunique().max() == 1


def test_three_that_meet_have_a_common_site():
    held = squares(0, 300, 600)
    reached = sites.served(sites.candidates(held, 260), held, 260)
    assert reached.groupby("site")["qpv_code"].nunique().max() == 3


def test_places_worth_trying_and_what_they_serve():
    """Three squares of which each two meet: one place each, one a pair, one for all; and a territory apart."""
    held = squares(0, 300, 600) | {"mayotte": Perimeters(np.array(["M"]), np.array([shapely.box(0, 0, 100, 100)]))}
    found = sites.candidates(held, 260)
    assert found["territory"].tolist() == ["metropole"] * 7 + ["mayotte"]
    assert found["site"].tolist() == list(range(8))
    lon, lat = projection.transform_points(found["x"].to_numpy()[:7], found["y"].to_numpy()[:7], 2154, 4326)
    np.testing.assert_allclose(found[["longitude", "latitude"]].to_numpy()[:7], np.column_stack([lon, lat]))
    assert len(sites.candidates(squares(0, 300), 100)) == 2  # surroundings that touch have nothing in common
    assert len(sites.candidates(squares(0, 1, 2, 3), 50)) == 4 + 6 + 4 + 1 * (sites.LARGEST_GROUP > 3)
    reached = sites.served(found, held, 260)
    assert list(reached.columns) == ["site", "qpv_code", "distance_m"]
    assert reached.index.tolist() == list(range(len(reached)))
    assert reached.loc[reached["site"] == 7, ["qpv_code", "distance_m"]].to_numpy().tolist() == [["M", 0]]
    assert (reached.groupby("site")["distance_m"].min()[[0, 1, 2]] == 0).all()


def test_a_release_is_put_back_in_metres():
    polygon = squares(0)["metropole"].polygons
    degrees = projection.transform_geometries(polygon, 2154, 4326)
    frame = pd.DataFrame({"qpv_code": ["Q0", "Q1"], "territory": "metropole", "area_km2": [0.01, 0.0]})
    held = sites.in_metres(frame.assign(geometry=[degrees[0], None]))
    assert held["metropole"].codes.tolist() == ["Q0"]  # the collapsed one is left out
    assert abs(shapely.area(held["metropole"].polygons)[0] - 10_000) < 0.01


def test_points_without_territory_are_nowhere():
    lon, lat = projection.transform_points(np.array([X + 50.0]), np.array([Y + 50.0]), 2154, 4326)
    x, _ = projection.to_territory_metres(np.repeat(lon, 2), np.repeat(lat, 2), pd.Series(["metropole", None]), 4326)
    assert abs(x[0] - X - 50) < 0.001
    assert np.isnan(x[1])
