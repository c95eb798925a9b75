"""Coordinates declared in another system than theirs: each point is held against what the source itself says of its place.

For every pair (system of the numbers, system declared), the points that the mistake moves by more than 10 km must be found
out, and the points that it leaves in their place (systems that agree to the metre) must not be.
"""

from __future__ import annotations

import datetime as dt
import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from qpvhealth.facts.departments import DEPARTMENT_BOXES
from qpvhealth.facts.polynesie import COMMUNE_BOXES
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.ingest.cards import Card
from qpvhealth.ingest.kinds import structures
from qpvhealth.settings import Settings
from qpvhealth.spatial import outlines, placement
from qpvhealth.spatial.projection import transform_points

FAR_M, NEAR_M, REQUIRED = 10_000, 100, 0.999
SWAPPED = " swapped"
WORLD = ("EPSG:4326", "EPSG:3857")
METROPOLITAN = (*WORLD, "EPSG:2154", "EPSG:27572", "EPSG:32630", "EPSG:32631", "EPSG:32632", "EPSG:3943", "EPSG:3949")
METROPOLITAN_TOO = (*METROPOLITAN, "EPSG:4171", "EPSG:2972", "EPSG:2975", "EPSG:4471", "EPSG:5490", "EPSG:4559")
OVERSEAS = (*WORLD, "EPSG:2154", "EPSG:27572", "EPSG:5490", "EPSG:2972", "EPSG:2975", "EPSG:4471", "EPSG:4467")
OVERSEAS_TOO = (*OVERSEAS, *(f"EPSG:{code}" for code in (3297, 32619, 32621, 32622, 32740, 32705, 32707)))
TOLERANCES, ERRORS = Settings().outline_tolerance_m, Settings().location_error_m
AREAS = ["territory", "commune_code", "department_code", "region_code"]


def written(lon, lat, system):
    """Return the numbers that a file holds; some files have northing first."""
    x, y = transform_points(lon, lat, 4326, system.removesuffix(SWAPPED))
    return (y, x) if system.endswith(SWAPPED) else (x, y)


def mistaken(places, lon, lat, own, declared):
    """Return one row per place and pair of systems: what is written, as what it is declared, and how far that moves it.

    Each row is a source of its own: it is judged alone.
    """
    parts = []
    for truth, said in itertools.product([*own, *(s + SWAPPED for s in own)], declared):
        x, y = written(lon, lat, truth)
        there_lon, there_lat = transform_points(x, y, said, 4326)
        seen = np.isfinite(there_lon) & np.isfinite(there_lat) & (np.abs(there_lat) <= 90)
        moved = np.full(len(lon), np.inf)
        moved[seen] = pyproj.Geod(ellps="GRS80").inv(lon[seen], lat[seen], there_lon[seen], there_lat[seen])[2]
        parts.append(places.assign(x=x, y=y, crs=said, truth=truth, moved_m=moved))
    rows = pd.concat(parts, ignore_index=True)
    codes = [f"{i:09d}" for i in range(len(rows))]
    return rows.assign(finess_et=codes, source_id=codes)


def statuses(rows, shapes):
    known = {"rank": 0, "location_status": "located", "location_precision": "unknown"}
    offered = rows[["finess_et", "x", "y", "crs", "source_id"]].assign(
        **known, location_score=np.nan, commune_found=None
    )
    offered = offered.astype({"commune_found": "str", "crs": "str"})
    declared = rows[["finess_et", *AREAS]].astype("str").assign(year=2024)
    offered = offered.assign(year=2024)
    placed = placement.place(
        declared, offered, outlines=shapes, tolerance_m=TOLERANCES, minimum_score=0.8, error_m=ERRORS
    )
    return placed["location_status"].to_numpy()


def rates(rows, shapes):
    """Return the share of the far ones that are found out, how many there are, and the false alarms on the good ones."""
    refused = statuses(rows, shapes) != "located"
    far, near = rows["moved_m"] > FAR_M, rows["moved_m"] < NEAR_M
    false = int((refused & near).sum())
    return float(refused[far].sum() / max(far.sum(), 1)), int(far.sum()), false, rows[far & ~refused]


def department_outlines(data):
    layer = gpd.read_file(data / "boundaries" / "departements-2018.geojson")
    frame = pd.DataFrame({"area_code": layer["code"].astype("str"), "geometry": layer.geometry.to_numpy()})
    return outlines.prepare({"department": frame.assign(crs="EPSG:4326")})


@pytest.fixture(scope="module")
def occitanie(real_data):
    """One structure in four of the real extract, where the extract says that it is."""
    path = real_data / "structures" / "finess-occitanie-2026-01.csv"
    card = Card("f", "structures", path, path.name, {"year": 2026, "reference_date": dt.date(2026, 1, 15)})
    frame = structures.read(card).frame.iloc[::4].reset_index(drop=True)
    places = frame[["commune_code", "department_code"]].assign(territory="metropole", region_code="76")
    lon, lat = transform_points(frame["x"].to_numpy(float), frame["y"].to_numpy(float), "EPSG:2154", 4326)
    return places, lon, lat


def test_the_real_extract_in_a_wrong_system_is_found_out(occitanie, real_data):
    rows = mistaken(*occitanie, METROPOLITAN[:5], METROPOLITAN_TOO)
    share, n_far, n_false, missed = rates(rows, department_outlines(real_data))
    assert n_far > 10_000
    assert share >= REQUIRED, missed.groupby(["truth", "crs"]).size().to_dict()
    assert n_false == 0


def test_the_real_extract_in_its_own_system_raises_no_alarm(occitanie, real_data):
    places, lon, lat = occitanie
    rows = mistaken(places, lon, lat, ["EPSG:2154"], ["EPSG:2154"])
    _, n_far, n_false, _ = rates(rows[rows["truth"] == "EPSG:2154"], department_outlines(real_data))
    assert (n_far, n_false) == (0, 0)


def test_the_real_extract_in_a_wrong_system_is_found_out_without_outlines(occitanie):
    """The box of the declared département is enough: no system that France uses is so near another."""
    share, n_far, n_false, missed = rates(mistaken(*occitanie, METROPOLITAN[:5], METROPOLITAN_TOO), {})
    assert n_far > 10_000
    assert share >= REQUIRED, missed.groupby(["truth", "crs"]).size().to_dict()
    assert n_false == 0


def seeded(territory, n, seed=0):
    """Return places spread over the inner part of the box of each département of a territory, at least n in all.

    Polynésie is mostly sea: there the places are spread over the boxes of its communes.
    """
    spread, inner = np.random.default_rng(seed), 0.15
    boxes = COMMUNE_BOXES if territory.name == "polynesie" else {d: DEPARTMENT_BOXES[d] for d in territory.departments}
    codes = np.repeat([*boxes], -(-n // len(boxes)))
    west, south, east, north = np.array([boxes[c] for c in codes]).T
    lon = west + (east - west) * spread.uniform(inner, 1 - inner, len(codes))
    lat = south + (north - south) * spread.uniform(inner, 1 - inner, len(codes))
    communes = codes if boxes is COMMUNE_BOXES else None
    known = {"territory": territory.name, "commune_code": communes, "region_code": None}
    return pd.DataFrame({"department_code": [c[:3] for c in codes]} | known), lon, lat


@pytest.fixture(scope="module", params=TERRITORIES.values(), ids=lambda t: t.name)
def territory(request):
    """Each territory in turn: its tests follow one another, and find its systems prepared, which takes a second."""
    return request.param


@pytest.fixture(scope="module")
def trial(territory):
    """Return the mistakes of a territory, its own system and those of the world being the systems of the numbers."""
    places, lon, lat = seeded(territory, 60)
    own = (*WORLD, f"EPSG:{territory.epsg}")
    declared = METROPOLITAN_TOO if territory.name == "metropole" else OVERSEAS_TOO
    return mistaken(places, lon, lat, own, declared), (lon, lat)


def in_communes(rows, lonlat, territory, level, shape):
    """Declare each place in a commune of its own, drawn around its point in metres; return the rows and the outlines."""
    x, y = transform_points(*lonlat, 4326, territory.epsg)
    codes = [f"{i:05d}" for i in range(len(x))]
    drawn = {"area_code": codes, "territory": territory.name, "metres": shape(x, y)}
    return rows.assign(commune_code=np.tile(codes, len(rows) // len(codes))), {level: pd.DataFrame(drawn)}


@pytest.mark.no_cover
def test_every_territory_with_the_outline_of_the_declared_commune(trial, territory):
    """Each place is declared in a commune of its own, a square of 10 km around it."""
    rows, lonlat = trial
    rows, shapes = in_communes(
        rows, lonlat, territory, "commune", lambda x, y: shapely.box(x - 5_000, y - 5_000, x + 5_000, y + 5_000)
    )
    share, n_far, n_false, missed = rates(rows, shapes)
    assert n_far > 5_000
    assert share >= REQUIRED, missed.groupby(["truth", "crs"]).size().to_dict()
    assert n_false == 0


def test_every_territory_without_outlines_in_communes_that_have_a_neighbourhood(trial, territory):
    """Each commune has a QPV, 60 km from the place; each pair of systems is one file; the département has a box only."""
    rows, lonlat = trial
    rows = rows.assign(source_id=rows["truth"])
    rows, shapes = in_communes(
        rows, lonlat, territory, placement.QPV_OF_COMMUNE, lambda x, y: shapely.box(x + 60_000, y, x + 60_500, y + 500)
    )
    share, n_far, n_false, missed = rates(rows, shapes)
    assert n_far > 5_000
    assert share >= REQUIRED, missed.groupby(["truth", "crs"]).size().to_dict()
    assert n_false == 0


def test_every_territory_by_its_boxes_alone(trial):
    """Each pair of systems is one file; what falls in its box by chance is not believed, most of the file being elsewhere."""
    rows, _ = trial
    share, n_far, n_false, missed = rates(rows.assign(source_id=rows["truth"]), {})
    assert n_far > 5_000
    assert share >= REQUIRED, missed.groupby(["truth", "crs"]).size().to_dict()
    assert n_false == 0


def test_one_point_alone_is_found_out_by_its_box(trial, territory):
    """In Guyane, half a percent of single points (swapped axes near the Oyapock) stay in the box: only a file tells."""
    share, _, n_false, missed = rates(trial[0], {})
    assert share >= (0.99 if territory.name == "guyane" else REQUIRED), (
        missed.groupby(["truth", "crs"]).size().to_dict()
    )
    assert n_false == 0
