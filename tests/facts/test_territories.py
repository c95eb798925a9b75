from __future__ import annotations

import csv

import pytest
from pyproj import Transformer

from qpvhealth.facts import territories as facts

CONTROL = [
    ("metropole", 2154, 870262.2, 6571540.8, 5.20918, 46.22229),
    ("guadeloupe", 5490, 657242.9, 1795384.4, -61.52874, 16.23400),
    ("guadeloupe", 4559, 657242.9, 1795384.4, -61.52874, 16.23400),
    ("guadeloupe", 32620, 657242.9, 1795384.4, -61.52874, 16.23400),
    ("guyane", 2972, 353672.8, 544349.1, -52.31973, 4.92347),
    ("la_reunion", 2975, 323086.6, 7679599.8, 55.29821, -20.97571),
    ("mayotte", 4471, 524819.9, 8587194.7, 45.22868, -12.77989),
    ("saint_pierre_et_miquelon", 4467, 563213.8, 5180306.8, -56.17201, 46.77332),
    ("saint_pierre_et_miquelon", 32621, 563213.8, 5180306.8, -56.17201, 46.77332),
]


@pytest.mark.parametrize(("territory", "epsg", "x", "y", "lon", "lat"), CONTROL)
def test_control_points_agree_to_five_decimals(territory, epsg, x, y, lon, lat):  # noqa: PLR0917
    found = Transformer.from_crs(epsg, 4326, always_xy=True).transform(x, y)
    assert found == pytest.approx((lon, lat), abs=1e-5)
    west, south, east, north = facts.TERRITORIES[territory].box
    assert west <= lon <= east
    assert south <= lat <= north


@pytest.mark.parametrize(
    ("territory", "epsg"),
    [
        *(("metropole", 2154), ("guadeloupe", 5490), ("martinique", 5490), ("saint_martin", 5490)),
        *(("saint_barthelemy", 5490), ("guyane", 2972), ("la_reunion", 2975), ("mayotte", 4471)),
        *(("saint_pierre_et_miquelon", 4467), ("polynesie", 3297)),
    ],
)
def test_each_territory_has_its_metres(territory, epsg):
    assert facts.TERRITORIES[territory].epsg == epsg


def test_boxes_do_not_overlap():
    def apart(a, b):
        return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]

    boxes = [t.box for t in facts.TERRITORIES.values()]
    assert all(apart(a, b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_departments_belong_to_one_territory_and_one_region():
    assert len(facts.DEPARTMENT_TERRITORY) == 96 + 10
    assert set(facts.DEPARTMENT_REGION) == set(facts.DEPARTMENT_TERRITORY)
    assert facts.DEPARTMENT_REGION["978"] == facts.NO_REGION
    assert facts.DEPARTMENT_REGION["2A"] == "94"
    assert len(facts.REGIONS) == 18


def test_regions_and_departments_are_those_of_insee(real_data):
    with (real_data / "boundaries" / "regions.csv").open(encoding="utf-8") as file:
        regions = {row["REG"]: row["LIBELLE"] for row in csv.DictReader(file)}
    with (real_data / "boundaries" / "departements.csv").open(encoding="utf-8") as file:
        departments = {row["DEP"]: row["REG"] for row in csv.DictReader(file)}
    assert {code: name for code, (name, _) in facts.REGIONS.items()} == regions
    assert {d: r for d, r in facts.DEPARTMENT_REGION.items() if r != facts.NO_REGION} == departments


def test_arrondissements_are_those_of_insee(real_data):
    with (real_data / "boundaries" / "communes.csv").open(encoding="utf-8") as file:
        found = {row["COM"]: row["COMPARENT"] for row in csv.DictReader(file) if row["TYPECOM"] == "ARM"}
    assert found == facts.COMMUNE_OF_ARRONDISSEMENT


@pytest.mark.parametrize(
    ("commune", "department"), [("75056", "75"), ("2A004", "2A"), ("97611", "976"), ("98735", "987")]
)
def test_the_department_is_written_in_the_commune(commune, department):
    assert facts.department_of_commune(commune) == department


@pytest.mark.parametrize(("qpv", "department"), [("QP075001", "75"), ("QP02A001", "2A"), ("QN97102I", "971")])
def test_the_department_is_written_in_the_qpv(qpv, department):
    assert facts.department_of_qpv(qpv) == department


def test_overseas_codes_of_finess_lead_to_departments():
    assert [facts.FINESS_OVERSEAS[c] for c in ("9A", "9B", "9C", "9D", "9E", "9F", "9J")] == [
        *("971", "972", "973", "974", "975", "976", "986"),
    ]
