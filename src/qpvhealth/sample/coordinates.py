"""The coordinates that each file publishes: true ones, commune centroids, and those that contradict the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.facts.territories import METROPOLE, TERRITORIES
from qpvhealth.sample.geography import communes_by_code
from qpvhealth.sample.stories import without_number
from qpvhealth.spatial.projection import transform_points

if TYPE_CHECKING:
    import pandas as pd

WGS84 = 4326
LAMBERT_93 = 2154
GEOCODED_ONE_IN, GEOCODED_REST = 97, 3
FRAGILE = ("edge", "tie", "brim", "lip", "rim")
NOT_IN_REGISTER = ("977", "978", "987")


def published(states: pd.DataFrame) -> pd.DataFrame:
    """Add ``px``, ``py``, ``epsg``: what the register says. Null where it says nothing.

    A centroid is the middle of the commune. A contradictory point is, in metropolitan France, the true one with x and y
    swapped; overseas, the local one said to be in Lambert-93.
    """
    centres = np.array([communes_by_code()[c].centre for c in states["commune"]])
    status, is_metropolitan = states["location_status"], states["territory"] == METROPOLE
    is_false = status == "contradictory"
    points = states[["x", "y"]].astype(float).to_numpy(copy=True)
    at_centre = status.isin(["centroid", "contradictory"])
    points[at_centre] = centres[at_centre]
    swapped = is_false & is_metropolitan
    points[swapped] = points[swapped][:, ::-1]
    epsg = states["territory"].map(lambda t: TERRITORIES[t].epsg).mask(is_false, LAMBERT_93)
    return states.assign(px=points[:, 0], py=points[:, 1], epsg=epsg.mask(np.isnan(points[:, 0])).astype("Int64"))


def in_degrees(points: pd.DataFrame) -> pd.DataFrame:
    """Add ``longitude`` and ``latitude``, computed from what the file publishes (px, py, epsg), right or wrong."""
    degrees = np.full((len(points), 2), np.nan)
    for epsg in sorted(points["epsg"].dropna().unique()):
        at = (points["epsg"] == epsg).fillna(value=False).to_numpy(dtype=bool)
        px, py = points.loc[at, "px"].to_numpy(), points.loc[at, "py"].to_numpy()
        degrees[at] = np.column_stack(transform_points(px, py, int(epsg), WGS84))
    return points.assign(longitude=np.round(degrees[:, 0], 10), latitude=np.round(degrees[:, 1], 10))


def has_own_point(states: pd.DataFrame) -> pd.Series:
    """Return which structures have their coordinates in the 2019 workbook itself: those that no register can complete."""
    outside_register = states["department"].isin(NOT_IN_REGISTER) | states["uid"].isin(without_number())
    return (outside_register | (states["uid"] % 211 == 0)) & states["x"].notna()


def is_geocoded(states: pd.DataFrame) -> pd.Series:
    """Return which structures of 2019 owe their point to the geocoder: the register lacks it or has the commune's middle."""
    is_usual = (states["uid"] % GEOCODED_ONE_IN == GEOCODED_REST) & states["x"].notna()
    return is_usual & ~states["place"].isin(FRAGILE) & ~has_own_point(states)


def degrees_of(states: pd.DataFrame) -> list[tuple[float, float]]:
    """Return the true longitude and latitude of each structure, to a centimetre; NaN where nobody knows its place."""
    epsg = states["territory"].map(lambda t: TERRITORIES[t].epsg).mask(states["x"].isna()).astype("Int64")
    points = in_degrees(states.assign(px=states["x"].astype(float), py=states["y"].astype(float), epsg=epsg))
    return list(zip(points["longitude"].round(7).tolist(), points["latitude"].round(7).tolist(), strict=True))
