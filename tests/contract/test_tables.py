from __future__ import annotations

import copy
import json
import tomllib
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from qpvhealth.contract import tables
from qpvhealth.contract.tables import OTHER_TABLES, PUBLISHED, REJECTED_TABLES, VALUES, declared
from qpvhealth.errors import UsageError
from qpvhealth.facts.categories import STRUCTURE_TYPES

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


@pytest.mark.parametrize("name", KEYS)
def test_a_table_of_the_interface_has_its_columns_and_its_key(name):
    assert set(KEYS[name].split()) <= set(PUBLISHED[name].names)
    assert PUBLISHED[name].key == GRAIN.get(name, PUBLISHED[name].key)


@pytest.mark.parametrize("table", PUBLISHED.values(), ids=PUBLISHED)
def test_a_table_is_declared_soundly(table):
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= set(table.names)
    assert table.grain == ", ".join(table.key)
    text = table.markdown()
    assert all(f"| `{name}` |" in text for name in table.names)
    assert table.arrow_schema().names == table.names
    for reference in table.references:
        assert set(reference.columns) <= set(table.names)
        assert set(reference.target) <= set(PUBLISHED[reference.table].names)


@pytest.mark.parametrize("table", PUBLISHED.values(), ids=PUBLISHED)
def test_columns_have_labels_and_names_of_the_house(table):
    for column in table.columns:
        name = column.name
        assert column.fr.strip(), name
        assert column.en.strip(), name
        if (
            column.kind == "bool"
            and table.name in KEYS
            and name not in ("agrees_with_source", "differs_from_territory")
        ):
            assert name.startswith(("is_", "has_")), name
        if name.startswith("is_"):
            assert column.kind == "bool", name
        if name.endswith("_m"):
            assert (column.kind, column.unit) == ("float", "m"), name
        if name.endswith("_on"):
            assert column.kind == "date", name
        if name.startswith("share_"):
            assert (column.minimum, column.maximum) == (0, 1), name


WHOLE = """
fr = "Ventes"
key = ["year"]
columns = [
    "year",
    { like = "structure_type", nullable = true, values = "STRUCTURE_TYPES + ALL" },
    { name = "n", kind = "int", fr = "Nombre", en = "Number", minimum = 0 },
]
references = [{ columns = ["year"], table = "extracts", target = ["year"] }]
"""


def test_a_declaration_names_what_tables_share():
    table = declared("sales", tomllib.loads(WHOLE))
    assert (table.name, table.grain, table.names) == ("sales", "year", ["year", "structure_type", "n"])
    assert table.column("year") == PUBLISHED["extracts"].column("year")
    assert "sales" not in PUBLISHED
    assert table.column("structure_type").values == (*STRUCTURE_TYPES, "all")
    assert table.column("structure_type").nullable
    assert (table.column("n").minimum, table.references[0].table) == (0, "extracts")


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ('"year",\n', '"yaer",\n', 'sales.toml: column no. 1 (""): columns.toml has no "yaer"'),
        ('like = "structure_type"', 'like = "type"', 'sales.toml: column no. 2 (""): columns.toml has no "type"'),
        ("+ ALL", "+ EVERY", 'sales.toml: column no. 2 (""): no list "EVERY" of values; known: ALL, '),
        ("minimum", "least", 'sales.toml: table no. 1 ("sales"): columns no. 3 ("n"): unknown key "least"; known: '),
        ('kind = "int"', 'kind = "whole"', "columns no. 3 (\"n\"): kind cannot be 'whole'"),
        (', en = "Number"', "", 'columns no. 3 ("n"): en is missing'),
        ("minimum = 0", 'minimum = "0"', "columns no. 3 (\"n\"): minimum cannot be '0'"),
        ('table = "extracts", ', "", 'sales.toml: table no. 1 ("sales"): references no. 1 (""): table is missing'),
        ('fr = "Ventes"', "", 'sales.toml: table no. 1 ("sales"): fr is missing'),
    ],
)
def test_a_bad_declaration_is_refused_with_its_place(right, wrong, problem):
    assert WHOLE.count(right) == 1
    with pytest.raises(UsageError) as refused:
        declared("sales", tomllib.loads(WHOLE.replace(right, wrong)))
    assert problem in str(refused.value)


def test_a_list_that_the_code_has_is_not_written_again():
    files = [f for f in resources.files(tables).iterdir() if f.name.endswith(".toml")]
    assert {f.name.removesuffix(".toml") for f in files} == {
        "columns",
        *PUBLISHED,
    } - OTHER_TABLES.keys() - REJECTED_TABLES.keys()
    documents = [tomllib.loads(f.read_text(encoding="utf-8")) for f in files]
    columns = [c for d in documents for c in (*d.get("columns", ()), *d.values()) if isinstance(c, dict)]
    written = [set(c["values"]) for c in columns if isinstance(c.get("values"), list)]
    assert len(written) > 3
    assert not [values for values in written if values in [set(v) for v in VALUES.values()]]


PROFILE = json.loads(Path(__file__).with_name("table_schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(PROFILE, format_checker=jsonschema.FormatChecker(["regex"]))


def problems(descriptor):
    return [error.json_path for error in VALIDATOR.iter_errors(descriptor)]


@pytest.mark.parametrize("table", PUBLISHED.values(), ids=PUBLISHED)
def test_the_generated_table_schema_is_one(table):
    descriptor = json.loads(json.dumps(table.table_schema()))
    assert problems(descriptor) == []
    assert [field["name"] for field in descriptor["fields"]] == table.names
    assert all(field["title"] and field["description"] for field in descriptor["fields"])
    assert descriptor["primaryKey"] == list(table.key)
    for key in descriptor.get("foreignKeys", []):
        target = PUBLISHED[key["reference"]["resource"]]
        assert len(key["fields"]) == len(key["reference"]["fields"])
        assert set(key["reference"]["fields"]) <= set(target.names)


SOUND = {
    "fields": [
        {"name": "code", "type": "string", "constraints": {"required": True, "pattern": "[0-9]{2}"}},
        {"name": "n", "type": "integer", "constraints": {"minimum": 0}},
        {"name": "on", "type": "date", "constraints": {"maximum": "2026-12-31"}},
    ],
    "primaryKey": ["code"],
    "foreignKeys": [{"fields": ["code"], "reference": {"resource": "codes", "fields": ["code"]}}],
    "missingValues": [""],
}
BREAKS = {
    "no fields": lambda d: d.pop("fields"),
    "fields empty": lambda d: d["fields"].clear(),
    "a field without a name": lambda d: d["fields"][0].pop("name"),
    "a type that is not one": lambda d: d["fields"][0].update(type="text"),
    "a misspelt property": lambda d: d.update(primarykey=["code"]),
    "a misspelt constraint": lambda d: d["fields"][1]["constraints"].update(min=0),
    "a pattern of numbers": lambda d: d["fields"][1]["constraints"].update(pattern="[0-9]"),
    "a pattern that is none": lambda d: d["fields"][0]["constraints"].update(pattern="[0-9"),
    "a bound of another type": lambda d: d["fields"][1]["constraints"].update(minimum="none"),
    "a day that is none": lambda d: d["fields"][2]["constraints"].update(maximum="31/12/2026"),
    "required, in words": lambda d: d["fields"][0]["constraints"].update(required="yes"),
    "a key of one text": lambda d: d.update(primaryKey="code"),
    "a reference to nothing": lambda d: d["foreignKeys"][0].pop("reference"),
    "no references, in a list": lambda d: d["foreignKeys"].clear(),
    "missing values twice": lambda d: d.update(missingValues=["", ""]),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_table_schema_that_is_none_is_refused(how):
    assert problems(SOUND) == []
    broken = copy.deepcopy(SOUND)
    BREAKS[how](broken)
    assert problems(broken)


def test_the_profile_is_a_json_schema():
    jsonschema.Draft202012Validator.check_schema(PROFILE)


def test_geometry_is_wkb_and_may_be_missing():
    assert PUBLISHED["structures"].geometry == "geometry"
    assert PUBLISHED["structures"].column("geometry").nullable
