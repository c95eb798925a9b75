"""The public files beside the project, read as a user would give them: counts as measured on the files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from qpvhealth.errors import UsageError
from qpvhealth.facts.generations import expected_count
from qpvhealth.facts.territories import COLLECTIVITY_COMMUNES, DEPARTMENT_TERRITORY, TERRITORIES, department_of_qpv
from qpvhealth.ingest import communes
from qpvhealth.ingest.card import Card
from qpvhealth.ingest.commune_history import CommuneHistory
from qpvhealth.ingest.kinds import boundaries, neighbourhoods, populations, programmes, structures, zonings

COLLAPSED = ["QN09105I", "QN09113I", "QN09503I"]
QPV_2015 = "neighbourhoods/qpv-2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp"
SIMPLIFIED = "neighbourhoods/qpv-2024/qpv-2024-simplified-1609.geojson"
ROUNDED = "neighbourhoods/qpv-2024/qpv-2026-rounded-1584.geojson"


@pytest.fixture
def card(real_data):
    def make(kind, path, **options):
        return Card(options.pop("id", "c"), kind, real_data / path, Path(path).name, options)

    return make


def test_the_region_of_occitanie(card, balanced):
    options = {"year": 2026, "reference_date": date(2026, 1, 1)}
    staged = structures.read(card("structures", "structures/finess-occitanie-2026-01.csv", **options))
    tally = balanced(staged, 10007)
    assert (tally.rows_out, sum(tally.out_of_scope.values()), tally.rejected) == (652, 9355, 0)
    assert staged.frame["structure_type"].value_counts().to_dict() == {"MSP": 372, "CDS": 280}
    assert tally.out_of_scope["excluded category 347"] == 21
    frame = staged.frame
    quality = frame[["location_status", "location_precision", "crs"]].drop_duplicates()
    assert quality.to_numpy().tolist() == [["located", "unknown", "EPSG:2154"]]
    assert frame["commune_code"].notna().all()
    assert frame["siret"].isna().sum() == 16
    assert frame.duplicated(["x", "y"], keep=False).sum() == 43


@pytest.mark.parametrize(
    ("path", "generation"), [(QPV_2015, "qpv-2015"), (SIMPLIFIED, "qpv-2024"), (ROUNDED, "qpv-2026")]
)
def test_the_perimeters_of_a_generation_by_territory(card, balanced, path, generation):
    staged = neighbourhoods.read(card("neighbourhoods", path, generation=generation))
    balanced(staged, sum(expected_count(generation, t) for t in TERRITORIES))
    territory = staged.frame["qpv_code"].map(department_of_qpv).map(DEPARTMENT_TERRITORY)
    found = territory.value_counts().to_dict()
    assert found == {t: n for t in TERRITORIES if (n := expected_count(generation, t))}
    assert staged.rejects.empty
    assert staged.frame["name"].notna().all()
    assert not staged.frame["name"].str.contains("[\x80-\x9f]", regex=True).any()


def test_lists_of_communes_are_split(card):
    for path, generation in ((SIMPLIFIED, "qpv-2024"), (ROUNDED, "qpv-2026")):
        codes = neighbourhoods.read(card("neighbourhoods", path, generation=generation)).frame["commune_codes"]
        assert codes.str.contains(",").sum() == 149
        assert codes.notna().all()


@pytest.mark.parametrize(
    ("name", "crs", "n"),
    [
        *(("QP_METROPOLE_LB93", "EPSG:2154", 1296), ("QP_GUADELOUPE_WGS84_UTM20N", "EPSG:32620", 16)),
        *(("QP_GUYANE_RGF95_UTM22N", "EPSG:2972", 32), ("QP_LAREUNION_RGR92_UTM40S", "EPSG:2975", 49)),
        *(("QP_MAYOTTE_RGM04_UTM38S", "EPSG:4470", 36), ("QP_POLYNESIEFRANCAISE_WGS84_EPSG4326", "EPSG:4326", 76)),
    ],
)
def test_each_local_file_has_the_system_of_its_prj_not_of_its_name(card, name, crs, n):
    path = f"neighbourhoods/qpv-2015/{name}.shp"
    frame = neighbourhoods.read(card("neighbourhoods", path, generation="qpv-2015")).frame
    assert len(frame) == n
    assert set(frame["crs"]) == {crs}


def test_three_collapsed_polygons_come_from_the_other_file(card):
    flat = neighbourhoods.read(card("neighbourhoods", SIMPLIFIED, id="a", generation="qpv-2024"))
    full = neighbourhoods.read(card("neighbourhoods", ROUNDED, id="b", generation="qpv-2024", codes=COLLAPSED))
    frame, duplicates, replaced = neighbourhoods.combine([flat.frame, full.frame])
    assert len(frame) == 1609
    assert (duplicates, replaced) == ({}, {"a": 3})
    assert sorted(frame.loc[frame["source_id"] == "b", "qpv_code"]) == COLLAPSED


def test_a_file_of_the_wrong_generation_is_told(card):
    with pytest.raises(UsageError, match='the codes are those of qpv-2015; write generation = "qpv-2015"'):
        neighbourhoods.read(card("neighbourhoods", QPV_2015, generation="qpv-2024"))


@pytest.mark.parametrize(
    ("path", "generation", "year", "people", "rows", "duplicates"),
    [
        ("population/qpv-2015-population-2013.csv", "qpv-2015", 2013, 5_435_060, 1514, 0),
        ("indicators/qpv-2024-indicators.csv", "qpv-2024", 2020, 5_931_940, 1518, 195),
        ("indicators/insee-qpv-2015-DEMO_2018.csv", "qpv-2015", 2013, 5_019_573, 1345, 0),
    ],
)
def test_people(card, path, generation, year, people, rows, duplicates):  # noqa: PLR0917
    staged = populations.read(card("populations", path, generation=generation, population_year=year))
    assert (len(staged.frame), staged.tally.duplicates, staged.tally.rejected) == (rows, duplicates, 0)
    assert staged.frame["population"].sum() == people


def test_the_zoning_of_communes(card, balanced):
    options = {"edition": "2025", "in_force_from": date(2025, 5, 9)}
    staged = zonings.read(card("zoning", "zoning/gp-zoning-2025-communes.csv", **options))
    tally = balanced(staged, 38907)
    assert (tally.rows_out, tally.rejected, tally.duplicates) == (34849, 121, 3937)
    assert set(staged.rejects["rule"]) == {"value-missing"}
    assert staged.frame["zone_class"].value_counts(dropna=False).to_list() == [16679, 13596, 3046, 1502, 26]
    assert staged.frame["zone_class"].isna().sum() == 26


def test_the_list_of_the_npnru(card, balanced):
    options = {"programme": "NPNRU", "generation": "qpv-2015"}
    staged = programmes.read(card("programme", "programmes/npnru-qpv-2015.csv", **options))
    balanced(staged, 448)
    assert staged.frame["qpv_code"].nunique() == 448
    territory = staged.frame["qpv_code"].map(department_of_qpv).map(DEPARTMENT_TERRITORY)
    assert territory.value_counts()["metropole"] == 422


@pytest.mark.parametrize(
    ("path", "level", "rows_in", "rows_out"),
    [
        ("communes.csv", "commune", 37544, 34935 + 45),
        ("departements.csv", "department", 101, 101),
        ("regions.csv", "region", 18, 18),
        ("departements-2018.geojson", "department", 101, 101),
        ("regions-2018-simplified.geojson", "region", 13, 13),
    ],
)
def test_boundaries(card, balanced, path, level, rows_in, rows_out):  # noqa: PLR0917
    staged = boundaries.read(card("boundaries", f"boundaries/{path}", level=level, year=2024))
    balanced(staged, rows_in)
    assert len(staged.frame) == rows_out
    assert staged.frame["area_code"].is_unique


def test_names_of_communes_lead_to_codes(card):
    qpv = neighbourhoods.read(card("neighbourhoods", QPV_2015, generation="qpv-2015")).frame
    table = boundaries.read(card("boundaries", "boundaries/communes.csv", level="commune", year=2024)).frame
    alone = communes.codes(qpv["qpv_code"], qpv["commune_names"], table)
    found = communes.codes(qpv["qpv_code"], qpv["commune_names"], table, CommuneHistory.of([]).names)
    # Polynésie and Saint-Martin are not in the list of communes; the others were renamed or merged since 2015.
    assert alone.isna().sum() == 101
    assert found.notna().all()
    assert (found[alone.notna()] == alone[alone.notna()]).all()
    assert set(found.str.split(",").explode()) <= {*table["area_code"], *COLLECTIVITY_COMMUNES.values()}
    assert found[qpv["qpv_code"].str.startswith(("QP075", "QP013"))].notna().all()
