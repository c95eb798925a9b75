"""Identities of a release: each one that is broken is named."""

from types import SimpleNamespace

import pandas as pd
import pytest

from qpvhealth.publish import checks

CELLS = [("country", "FR", 2), ("region", "11", 1), ("region", "53", 1), ("qpv", "QP1", 0)]


def counts(*, types=("all",)):
    rows = [
        ("in_force", 2019, kind, "all", "all", *cell)
        for kind in types
        for cell in CELLS
        if kind == "all" or cell[2] > 1
    ]
    columns = ["generation", "year", "structure_type", "modality", "situation", "level", "area_code", "n_structures"]
    return pd.DataFrame(rows, columns=columns)


def release(problems=(), inputs=(), **tables):
    stock = pd.DataFrame({"year": 2019, "structure_type": "EHPAD", "is_in_stock": [True, True, False]})
    tables = {"structures": stock, "yearly_counts": counts()} | tables
    return SimpleNamespace(
        verify=lambda: list(problems), manifest={"inputs": list(inputs)}, tables=tuple(tables), table=tables.__getitem__
    )


@pytest.fixture(autouse=True)
def _no_contracts(monkeypatch):
    monkeypatch.setattr(checks, "PUBLISHED", {})


def test_what_adds_up_has_no_problem():
    source = {"id": "s", "rows_in": 5, "rows_out": 2, "out_of_scope": 1, "rejected": 1, "duplicates": 1}
    assert checks.problems(release(inputs=[source, {"id": "without rows"}])) == []


def test_a_damaged_file_is_all_there_is_to_say():
    broken = counts().assign(n_structures=9)
    assert checks.problems(release(problems=["a: changed"], yearly_counts=broken)) == ["a: changed"]


def test_rows_that_are_not_accounted_for_are_named():
    source = {"id": "s", "rows_in": 5, "rows_out": 2, "out_of_scope": 1, "rejected": 1, "duplicates": 0}
    assert checks.problems(release(inputs=[source])) == ["s: 5 rows in, 4 accounted for"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t: t.assign(year=2020), "yearly_counts: in_force 2019 has 0 structures, the stock has 2"),
        (lambda t: t.assign(year=2020), "yearly_counts: in_force 2020 has 2 structures, the stock has 0"),
        (lambda t: t.iloc[:0], "yearly_counts: no total, the stock has 2 structures"),
        (lambda t: t.drop(index=1), "yearly_counts: region does not add up to the country in 1 cells, first "),
    ],
)
def test_a_total_that_is_not_the_stock_is_named(change, problem):
    problems = checks.problems(release(yearly_counts=change(counts())))
    assert any(p.startswith(problem) for p in problems), problems


def test_other_types_are_compared_type_by_type():
    others = release().table("structures").assign(structure_type=["EHPAD", "SSIAD", "SSIAD"])
    made = release(other_structures=others, other_yearly_counts=counts(types=("EHPAD",)))
    assert [p for p in checks.problems(made) if "add up" not in p] == [
        "other_yearly_counts: in_force 2019 has 2 EHPAD, the stock has 1",
        "other_yearly_counts: in_force 2019 has 0 SSIAD, the stock has 1",
    ]


def test_a_missing_table_and_a_broken_contract_are_named(monkeypatch, country):
    monkeypatch.setattr(checks, "PUBLISHED", country.declarations)
    rows = country.declarations["centres"].conform(country.tables["centres"])
    problems = checks.problems(release(centres=pd.concat([rows, rows])))
    assert "quarters: the table is missing" in problems
    assert any("centres.id: must be unique" in p for p in problems)
