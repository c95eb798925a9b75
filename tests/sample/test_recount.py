"""Recount the invented France from its files alone, with plain geopandas: nothing here reads the construction."""

import csv
import tomllib
from datetime import date, datetime
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

from tests.sample import truth

METRES = dict.fromkeys(("971", "972", "977", "978"), 5490)
METRES |= {"973": 2972, "974": 2975, "975": 4467, "976": 4471, "987": 3297}
OVERSEAS_FINESS = {"9A": "971", "9B": "972", "9C": "973", "9D": "974", "9E": "975", "9F": "976"}
OLD_NAMES = {"LAMBERT_93": 2154, "UTM_N20": 4559, "UTM_N22": 2972, "UTM_S40": 2975, "UTM_S38": 4471}
TYPES = {"603": "MSP", "124": "CDS", "Maison de santé": "MSP", "Centre de santé": "CDS", "MSP": "MSP", "CDS": "CDS"}


@pytest.fixture(scope="module")
def raw(sample_folder):
    return sample_folder


@pytest.fixture(scope="module")
def old(raw):
    return contours(raw, "qpv-2015")


@pytest.fixture(scope="module")
def new(raw):
    return contours(raw, "qpv-2024")


def department(code):
    return code[:3] if code[:2] in ("97", "98") else code[:2]


def contours(raw, generation):
    frames = []
    for path in sorted((raw / "neighbourhoods" / generation).iterdir()):
        if path.suffix not in (".shp", ".geojson"):
            continue
        latin = path.suffix == ".shp" and not path.with_suffix(".cpg").exists()
        frame = gpd.read_file(path, encoding="cp1252" if latin else None)
        frame = frame.rename(columns={"CODE_QP": "code", "code_qp": "code", "NOM_QP": "name", "lib_qp": "name"})
        frame["department"] = frame["code"].str[2:5].str.removeprefix("0")
        metres = [
            part.to_crs(METRES.get(d, 2154))
            for d, part in frame.groupby(frame["department"].where(frame["department"].isin(METRES), "00"))
        ]
        frames += [part.to_wkb() for part in metres]
    joined = pd.concat(frames, ignore_index=True)
    joined["geometry"] = shapely.make_valid(shapely.from_wkb(joined["geometry"].to_list()))
    return joined.drop_duplicates("code").reset_index(drop=True)


def locate(structures, qpv):
    """Give the code of the neighbourhood that covers each point (x, y in the metres of its territory)."""
    out = np.full(len(structures), None, dtype=object)
    zone = structures["commune"].map(department)
    zone = zone.where(zone.isin(METRES), "00")
    owner = qpv["department"].where(qpv["department"].isin(METRES), "00")
    for name in zone.unique():
        at = np.flatnonzero((zone == name) & structures["x"].notna())
        mine = qpv[owner == name].sort_values("code").reset_index(drop=True)
        points = shapely.points(structures["x"].to_numpy(float)[at], structures["y"].to_numpy(float)[at])
        pairs = shapely.STRtree(mine["geometry"].to_numpy()).query(points, predicate="covered_by")
        for point, polygon in sorted(zip(*pairs, strict=True), reverse=True):
            out[at[point]] = mine["code"][polygon]
    return out


def projected(x, y, epsg, commune):
    target = METRES.get(department(commune), 2154)
    if epsg in (target, f"EPSG:{target}"):
        return x, y
    return transformer(epsg, target).transform(x, y)


@cache
def transformer(source, target):
    return Transformer.from_crs(source, target, always_xy=True)


def legacy(path, encoding):
    first, second = [], {}
    for line in path.read_text(encoding=encoding).splitlines()[1:]:
        cells = line.split(";")
        if cells[0] == "structureet":
            first.append(cells)
        elif cells[0] == "geolocalisation":
            second[cells[1]] = cells
    rows = []
    for c in first:
        overseas = OVERSEAS_FINESS.get(c[13])
        commune = ("97" if overseas else c[13]) + c[12]
        row = {
            "finess": c[1],
            "category": c[18],
            "commune": commune,
            "opened": c[28],
            "x": None,
            "y": None,
            "precision": None,
        }
        if point := second.get(c[1]):
            _, _, score, geocoder, crs = point[4].split(",")
            epsg = int(crs[5:9]) if crs.startswith("EPSG:") else OLD_NAMES.get(crs, 4467)
            row["precision"] = "centroid" if score == "." and geocoder.startswith("ADMIN") else "point"
            if row["precision"] == "point":
                row["x"], row["y"] = projected(float(point[2]), float(point[3]), epsg, commune)
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame = frame[frame["finess"].str.fullmatch(r"[0-9][0-9A-Z][0-9]{7}") & frame["category"].isin(["603", "124"])]
    return frame.drop_duplicates("finess").assign(type=frame["category"].map(TYPES)).reset_index(drop=True)


def card(raw, name):
    cards = tomllib.loads((raw / "sources.toml").read_text(encoding="utf-8"))["source"]
    return next(c for c in cards if c["id"] == name)


def ministry(raw, year):
    about = card(raw, f"structures-{year}")
    sheet = openpyxl.load_workbook(raw / about["path"])[about["sheet"]]
    rows = list(sheet.iter_rows(values_only=True))
    frame = pd.DataFrame(rows[about["header_row"] :], columns=rows[about["header_row"] - 1]).dropna(how="all")
    frame = frame.rename(columns={theirs: ours for ours, theirs in about["columns"].items()})
    for column, words in about["values"].items():
        frame[column] = frame[column].map(words)
    frame["commune"] = frame["commune_code"].map(lambda v: str(v).zfill(5))
    for column in ("opened_on", "closed_on"):
        frame[column] = frame[column].map(day, na_action="ignore")
    number = frame["finess_et"].fillna(frame.get("own_id", ""))
    frame = frame.assign(finess=number, type=frame["structure_type"])
    return (
        frame[
            frame["type"].isin(["MSP", "CDS"])
            & number.str.fullmatch(r"[0-9][0-9A-Z][0-9]{7}|OBS-\d+").fillna(value=False)
        ]
        .drop_duplicates("finess")
        .reset_index(drop=True)
    )


def day(value):
    return value.date() if isinstance(value, datetime) else datetime.strptime(value, "%d/%m/%Y").date()  # noqa: DTZ007


def in_stock(frame, reference):
    opened = frame["opened_on"].map(lambda d: pd.isna(d) or d <= reference)
    closed = frame["closed_on"].map(lambda d: pd.isna(d) or d > reference)
    return frame[opened & closed].reset_index(drop=True)


@pytest.fixture(scope="module")
def extract_2018(raw, old):
    frame = legacy(raw / "structures" / "2018-cs1100507.csv", "cp1252")
    frame = frame[(frame["opened"] == "") | (frame["opened"] <= "2018-03-31")].reset_index(drop=True)
    return frame.assign(qpv=locate(frame, old))


@pytest.fixture(scope="module")
def extract_2019(raw, old):
    frame = in_stock(ministry(raw, 2019), date(2019, 3, 31))
    register = legacy(raw / "structures" / "2019-cs1100507.csv", "utf-8").set_index("finess")
    points = {i: (r["x"], r["y"]) for i, r in register.iterrows() if r["precision"] == "point"}
    with (raw / "geocoded" / "2019.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            usable = (
                row["result_type"] == "housenumber"
                and row["result_status"] == "ok"
                and float(row["result_score"]) >= 0.8
            )
            code = row["result_citycode"]
            declared = frame.loc[frame["finess"] == row["finess_et"], "commune"].iloc[0]
            if usable and code == declared:
                points[row["finess_et"]] = projected(float(row["longitude"]), float(row["latitude"]), 4326, code)
    for r in frame[frame["longitude"].notna()].to_dict("records"):
        points[r["finess"]] = projected(r["longitude"], r["latitude"], 4326, r["commune"])
    frame["x"] = [points.get(f, (None, None))[0] for f in frame["finess"]]
    frame["y"] = [points.get(f, (None, None))[1] for f in frame["finess"]]
    return frame.assign(qpv=locate(frame, old))


@pytest.fixture(scope="module")
def extract_2020(raw, old):
    frame = in_stock(ministry(raw, 2020), date(2020, 4, 1))
    known = frame["x"].notna()
    moved = [projected(r["x"], r["y"], r["crs"], r["commune"]) for r in frame[known].to_dict("records")]
    frame.loc[known, ["x", "y"]] = moved
    return frame.assign(qpv=locate(frame, old))


def counts(frame):
    return frame[frame["qpv"].notna()].groupby("type").size().to_dict()


def test_2018(extract_2018):
    assert extract_2018.groupby("type").size().to_dict() == {"CDS": 2063, "MSP": 1048}
    assert counts(extract_2018) == {"CDS": 209, "MSP": 42}


def test_2019(raw, extract_2019):
    assert extract_2019.groupby("type").size().to_dict() == {"CDS": 2188, "MSP": 1251}
    assert counts(extract_2019) == {"CDS": 221, "MSP": 59}
    declared = pd.read_csv(raw / "declarations" / "vecu-2019.csv", sep=";", dtype=str)
    yes = extract_2019["finess"].isin(declared.loc[declared["vecu"] == "oui", "finess_et"]) & extract_2019["qpv"].isna()
    assert extract_2019[yes].groupby("type").size().to_dict() == {"CDS": 342, "MSP": 68}


def test_2020(extract_2020):
    assert extract_2020.groupby("type").size().to_dict() == {"CDS": 2236, "MSP": 1478}
    assert counts(extract_2020) == {"CDS": 227, "MSP": 86}
    assert extract_2020["qpv"].nunique() == 223


def test_2024(raw, old, new):
    frame = pd.read_csv(raw / "structures" / "2024-finess.csv", sep=";", dtype=str)
    frame = frame[frame["numero_finess_etablissement"].str.fullmatch(r"[0-9][0-9A-Z][0-9]{7}")]
    frame = frame.drop_duplicates("numero_finess_etablissement")
    frame = frame[frame["dateouv"].isna() | (frame["dateouv"] <= "2024-03-31")].reset_index(drop=True)
    frame = frame.assign(commune=frame["code_insee"], type=frame["categetab"].map(TYPES), x=np.nan, y=np.nan)
    known = frame["longitude"].notna()
    lonlat = frame.loc[known, ["longitude", "latitude"]].astype(float)
    frame.loc[known, ["x", "y"]] = [
        projected(lon, lat, 4326, c)
        for (lon, lat), c in zip(lonlat.to_numpy(), frame.loc[known, "commune"], strict=True)
    ]
    in_force = pd.concat([new[~new["department"].isin(METRES)], old[old["department"].isin(METRES)]])
    frame["qpv"] = locate(frame, in_force)
    expected = truth.counts().query("year == 2024").set_index(["structure_type", "situation"])["n_structures"]
    assert counts(frame) == {"CDS": expected["CDS", "in_qpv"], "MSP": expected["MSP", "in_qpv"]}
    assert frame.groupby("type").size().to_dict() == {"CDS": expected["CDS", "all"], "MSP": expected["MSP", "all"]}


def test_generations(old, new):
    assert (len(old), len(new)) == (1514, 1609)
    for generation, frame in (("qpv-2015", old), ("qpv-2024", new)):
        place = frame["department"].where(frame["department"].isin(METRES), "metropole")
        assert place.value_counts().to_dict() == truth.qpv_counts(generation)
    assert (shapely.area(old["geometry"].to_numpy()) > 0).all()
    assert (shapely.area(new["geometry"].to_numpy()) == 0).sum() == 1


def test_no_stray_overlap(old):
    """Neighbourhoods of 2015 touch at most: nothing belongs to two but what stands on a shared border."""
    mainland = old[~old["department"].isin(METRES)]["geometry"].to_numpy()
    left, right = shapely.STRtree(mainland).query(mainland, predicate="intersects")
    pairs = left < right
    assert shapely.area(shapely.intersection(mainland[left[pairs]], mainland[right[pairs]])).max() == 0


def test_fates(old, new):
    mainland = [f[~f["department"].isin(METRES)].reset_index(drop=True) for f in (old, new)]
    a, b = (f["geometry"].to_numpy() for f in mainland)
    i, j = shapely.STRtree(b).query(a, predicate="intersects")
    shared = shapely.area(shapely.intersection(a[i], b[j]))
    edge = shared >= 0.05 * np.minimum(shapely.area(a[i]), shapely.area(b[j]))
    edge &= shared > 0
    out_degree, in_degree = np.bincount(i[edge], minlength=len(a)), np.bincount(j[edge], minlength=len(b))
    assert ((out_degree == 0).sum(), (in_degree == 0).sum()) == (39, 111)
    simple = edge & (out_degree[i] == 1) & (in_degree[j] == 1)
    assert simple.sum() == 1201


def test_points_lie_in_their_commune(raw, extract_2020):
    outlines = gpd.read_file(raw / "boundaries" / "communes.geojson").set_index("code")
    wrong = tomllib.loads((raw / "corrections.toml").read_text(encoding="utf-8"))["correction"]
    corrected = {c["key"] for c in wrong}
    there = extract_2020[extract_2020["qpv"].notna() & ~extract_2020["finess"].isin(corrected)]
    for row in there.to_dict("records"):
        lon, lat = transformer(METRES.get(department(row["commune"]), 2154), 4326).transform(row["x"], row["y"])
        assert outlines.geometry[row["commune"]].covers(shapely.Point(lon, lat)), row["finess"]


def test_codes_are_not_real(old, new):
    real = Path(__file__).parents[3] / "shared" / "data" / "neighbourhoods"
    if not real.is_dir():
        pytest.skip("the real contours are not beside the project")
    known = set()
    for path in (*real.glob("*/*WGS84*.shp"), *real.glob("*/*.geojson")):
        frame = gpd.read_file(path, ignore_geometry=True, encoding="cp1252" if path.suffix == ".shp" else None)
        known |= set(frame[next(c for c in frame.columns if c.casefold() in ("code_qp", "code"))])
    invented = set(old["code"]) | set(new["code"])
    assert len(known) > 3000
    assert not invented & known
