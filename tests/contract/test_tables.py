from __future__ import annotations

import json

import pytest
from frictionless import Schema

from qpvhealth.contract.tables import PUBLISHED

KEYS = {
    "structures": "finess_et year name structure_type modality commune_code department_code region_code territory opened_on"
    " closed_on source_says_in_qpv source_qpv_code location_status location_precision location_error_m source_id source_row"
    " geometry",
    "neighbourhoods": "qpv_code generation name territory commune_codes department_code region_code population is_npnru"
    " area_km2 geometry",
    "structure_locations": "finess_et year generation qpv_code nearest_qpv_code distance_m border_distance_m is_fragile"
    " situation vecu_declared agrees_with_source rule",
    "structure_neighbourhoods": "finess_et year generation qpv_code distance_m is_declared",
    "neighbourhood_zoning": "qpv_code generation edition zone_class level_used share_in_zip differs_from_territory",
    "flag_agreement": "year generation level area_code structure_type source_says_in_qpv situation n",
    "neighbourhood_coverage": "qpv_code generation year n_msp_in n_cds_in n_msp_near n_cds_near nearest_msp_finess_et"
    " nearest_msp_m nearest_cds_finess_et nearest_cds_m is_covered_in is_covered_near is_covered_primary population"
    " population_year zone_class zoning_edition is_npnru is_large",
    "yearly_counts": "generation year level area_code structure_type modality situation n_structures",
    "indicators": "indicator generation year level area_code scope value numerator denominator n_unknown unit rule",
    "rejects": "source_id sheet row rule message raw",
}
GRAIN = {
    "structures": ("finess_et", "year"),
    "neighbourhoods": ("qpv_code", "generation"),
    "structure_locations": ("finess_et", "year", "generation"),
    "structure_neighbourhoods": ("finess_et", "year", "generation", "qpv_code"),
    "neighbourhood_zoning": ("qpv_code", "generation", "edition"),
    "neighbourhood_coverage": ("qpv_code", "generation", "year"),
    "yearly_counts": ("generation", "year", "level", "area_code", "structure_type", "modality", "situation"),
    "indicators": ("indicator", "generation", "year", "level", "area_code", "scope"),
    "rejects": ("source_id", "sheet", "row"),
}
COLUMNS = [(table, column) for table in PUBLISHED.values() for column in table.columns]


@pytest.mark.parametrize("name", KEYS)
def test_a_table_of_the_interface_has_its_columns(name):
    assert set(KEYS[name].split()) <= set(PUBLISHED[name].names)


@pytest.mark.parametrize("name", GRAIN)
def test_a_table_of_the_interface_has_its_grain(name):
    assert PUBLISHED[name].key == GRAIN[name]


@pytest.mark.parametrize("table", PUBLISHED.values(), ids=PUBLISHED)
def test_a_table_is_declared_soundly(table):
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= set(table.names)
    assert table.grain == ", ".join(table.key) or set(table.grain.split(", ")) <= set(table.names)
    for reference in table.references:
        assert set(reference.columns) <= set(table.names)
        assert set(reference.target) <= set(PUBLISHED[reference.table].names)


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[f"{t.name}.{c.name}" for t, c in COLUMNS])
def test_a_column_has_labels_and_a_name_of_the_house(table, column):
    assert column.fr.strip()
    assert column.en.strip()
    if column.kind == "bool" and table.name in KEYS:
        assert column.name.startswith(("is_", "has_")) or column.name in (
            "agrees_with_source",
            "differs_from_territory",
        )
    if column.name.startswith("is_"):
        assert column.kind == "bool"
    if column.name.endswith("_m"):
        assert (column.kind, column.unit) == ("float", "m")
    if column.name.endswith("_on"):
        assert column.kind == "date"
    if column.name.startswith("share_"):
        assert (column.minimum, column.maximum) == (0, 1)


@pytest.mark.parametrize("table", PUBLISHED.values(), ids=PUBLISHED)
def test_the_generated_table_schema_is_one(table):
    descriptor = json.loads(json.dumps(table.table_schema()))
    schema = Schema.from_descriptor(descriptor)
    assert schema.field_names == table.names
    assert schema.primary_key == list(table.key)
    assert all(field.title for field in schema.fields)


@pytest.mark.parametrize("table", PUBLISHED.values(), ids=PUBLISHED)
def test_the_dictionary_tells_every_column(table):
    text = table.markdown()
    assert all(f"| `{name}` |" in text for name in table.names)
    assert table.arrow_schema().names == table.names


def test_geometry_is_wkb_and_may_be_missing():
    assert PUBLISHED["structures"].geometry == "geometry"
    assert PUBLISHED["structures"].column("geometry").nullable
