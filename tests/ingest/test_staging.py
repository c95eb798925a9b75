from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from qpvhealth.errors import ContractError, InputError, UsageError
from qpvhealth.ingest.card import Card
from qpvhealth.ingest.kinds.structures import KIND
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers.raw import BrokenRow, RawTable
from qpvhealth.ingest.staging import Sieve, merged, no_rejects, refuse_other_generation
from qpvhealth.ingest.tally import Tally

CARD = Card("c", "structures", Path("f.csv"), "f.csv")
LAYOUT = Layout("any", (Field("a"), Field("b")))


def sieved(table):
    return Sieve(table, CARD, LAYOUT, KIND)


def raw(n=5, **changes):
    frame = pd.DataFrame({"a": [str(i) for i in range(n)], "b": [None] * n}, dtype="str")
    return RawTable("f.csv", frame, np.arange(2, 2 + n), **changes)


def test_every_row_leaves_by_one_door(balanced):
    broken = (BrokenRow(9, "unclosed-quote", "a quote", '"x'), BrokenRow(8, "geolocation-orphan", "no one", "y"))
    sieve = sieved(raw(broken=broken, sheet="S", notes=("encoding utf-8",)))
    sieve.reject(np.array([True, False, False, False, False]), "value-missing", "first")
    sieve.reject(pd.Series([True, True, False, False, False]), "value-unreadable", "{}", pd.Series(list("vwxyz")))
    sieve.leave_out(np.array([True, True, True, False, False]), "other")
    sieve.leave_out(pd.Series([False, False, False, False, False]), pd.Series([None] * 5, dtype="str"))
    staged = sieve.staged(raw().frame.assign(k=["x", "x", "x", "x", "x"], a=list("33334")), "k")
    tally = balanced(staged, 7)
    assert (tally.rows_out, tally.rejected, tally.duplicates, tally.out_of_scope) == (2, 4, 0, {"other": 1})
    assert staged.rejects.astype("object").where(staged.rejects.notna(), None).to_numpy().tolist() == [
        ["c", "S", 2, "value-missing", "first", None, "0;"],
        ["c", "S", 3, "value-unreadable", "w", "w", "1;"],
        ["c", "S", 8, "geolocation-orphan", "no one", None, "y"],
        ["c", "S", 9, "row-broken", "unclosed-quote: a quote", None, '"x'],
    ]
    columns = ["source_id", "sheet", "source_row", "a"]
    assert staged.frame[columns].to_numpy().tolist() == [["c", "S", 5, "3"], ["c", "S", 6, "4"]]
    assert [f.rule for f in staged.findings] == ["reading-choice"]


def test_formulas_that_nobody_calculated_are_a_finding_where_a_column_is_used():
    sieve = sieved(raw(uncalculated={"b": [2, 3, 4, 5, 6, 7], "another": [2]}))
    words = 'f.csv: column "b", rows 2, 3, 4, 5, 6, …: b is unknown there, formulas that nobody calculated'
    assert [(f.rule, f.n, f.of, f.message) for f in sieve.findings] == [("formula-uncalculated", 6, 5, words)]


def test_a_narrowed_sieve_keeps_the_account_and_the_shapes(balanced):
    sieve = sieved(raw(geometry=shapely.points(np.arange(5), 0)))
    sieve.leave_out(np.array([True, False, True, False, False]), pd.Series(["p", "q", None, "s", "t"], dtype="str"))
    sieve.narrow()
    assert shapely.get_x(sieve.raw.geometry).tolist() == [1, 3, 4]
    sieve.reject(np.array([False, True, False]), "value-missing", "m")
    staged = sieve.staged(sieve.text)
    assert balanced(staged, 5).out_of_scope == {"p": 1, "unknown": 1}
    assert staged.frame["source_row"].tolist() == [3, 6]
    assert staged.unread["source_row"].tolist() == [5]


def test_reasons_add_up_and_rows_leave_once(balanced):
    sieve = sieved(raw())
    sieve.leave_out(np.array([True, False, False, False, False]), "other")
    reasons = pd.Series(["x", "other", "x", "x", "x"], index=range(5, 10))
    sieve.leave_out(np.array([True, True, False, False, False]), reasons)
    sieve.leave_out(np.array([False, False, True, False, False]), "third")
    assert balanced(sieve.staged(raw().frame), 5).out_of_scope == {"other": 2, "third": 1}
    assert sieve.out_of_scope.tolist() == [True, True, True, False, False]


def test_rejects_of_one_row_keep_their_order():
    broken = tuple(BrokenRow(9 - i // 20, f"rule-{i}", "m", "r") for i in range(40))
    told = sieved(raw(broken=broken)).staged(raw().frame).rejects
    assert told["message"].tolist() == [f"rule-{i}: m" for i in (*range(20, 40), *range(20))]
    assert told.index.tolist() == list(range(40))


def test_what_has_left_is_not_found_wanting():
    sieve = sieved(raw(notes=("n",)))
    sieve.reject(np.array([True, True, False, False, False]), "value-missing", "m")
    sieve.warn_at("siret-invalid", np.array([True, False, False, True, False]), raw().frame["a"], "unknown")
    sieve.narrow()
    told = [(f.rule, f.n, f.message) for f in sieve.findings]
    assert told == [("reading-choice", 1, "f.csv: n"), ("siret-invalid", 1, 'f.csv: unknown: "3" (row 5)')]
    assert sieve.staged(sieve.text).source_id == "c"


def test_what_is_unreadable_is_reported_with_its_cells_under_the_rule_of_its_kind():
    sieve = sieved(
        replace(raw(3), frame=pd.DataFrame({"a": ["x1", "2", None], "b": ["1234", "?", "75056"]}, dtype="str"))
    )
    assert sieve.numbers("a").tolist()[1] == 2
    assert sieve.communes("b").tolist()[::2] == ["01234", "75056"]
    assert [(f.rule, f.message.split(": ", 1)[1]) for f in sieve.findings] == [
        ("number-unreadable", 'a taken as unknown: "x1" (row 2)'),
        ("commune-zeros-restored", 'four digits read as five: "1234" (row 2)'),
        ("commune-invalid", 'commune code taken as unknown: "?" (row 3)'),
    ]


@pytest.mark.parametrize(("codes", "is_refused"), [(("QP001001", "QN00101M"), False), (("QN00101M",) * 2, True)])
def test_codes_are_of_another_generation_where_more_than_half_are(codes, is_refused):
    card = Card("c", "neighbourhoods", Path("f.csv"), "f.csv", {"generation": "qpv-2015"})
    with pytest.raises(UsageError, match="qpv-2024") if is_refused else nullcontext():
        refuse_other_generation(pd.Series(codes, dtype="str"), "f.csv", card)


def test_an_account_of_a_sieve_names_its_file():
    sieve = sieved(raw())
    sieve.n_records = 6
    with pytest.raises(ContractError, match=r"f\.csv: 6 rows in, 5 accounted for"):
        sieve.staged(raw().frame)


def test_findings_name_the_first_values_and_their_rows():
    sieve = sieved(raw())
    sieve.warn("siret-invalid", 0, "never")
    sieve.warn_at("siret-invalid", np.ones(5, dtype=bool), raw().frame["a"], "unknown")
    (finding,) = sieve.findings
    assert (finding.n, finding.of) == (5, 5)
    assert finding.message == 'f.csv: unknown: "0" (row 2), "1" (row 3), "2" (row 4)'


def test_repeats_are_those_of_kept_rows():
    sieve = sieved(raw(3))
    sieve.reject(np.array([True, False, False]), "value-missing", "m")
    assert sieve.repeats(pd.DataFrame({"x": [1, 1, 1]}), "x").tolist() == [False, False, True]
    assert not sieve.repeats(pd.DataFrame({"x": [1, 1, 1], "y": [1, 1, 2]}), "x").any()
    assert sieve.repeats(pd.DataFrame({"x": [1, 1, 1], "y": [1, 1, 2]}), "x", ["y"]).tolist() == [False, False, True]
    lists = pd.DataFrame({"x": [1, 1, 1], "y": [["a"], ["a"], ["a"]], "geometry": shapely.points([0, 1, 1], 0)})
    assert sieve.staged(lists, "x").tally.duplicates == 1


def test_an_account_that_loses_a_row_is_a_broken_contract():
    for n in (6, 8):
        with pytest.raises(ContractError, match=f"f: {n} rows in, 7 accounted for"):
            Tally(n, 1, 2, 3, {"x": 1}).asserted("f")
    counts = {"rows_in": 7, "rows_out": 1, "rejected": 2, "duplicates": 3, "out_of_scope": 1}
    assert Tally(7, 1, 2, 3, {"x": 1}).asserted("f").as_dict() == counts | {"out_of_scope_by_reason": {"x": 1}}


def test_no_rejects_have_types():
    columns = ("source_id", "sheet", "row", "rule", "message", "cell", "raw")
    assert no_rejects().dtypes.astype("str").to_dict() == dict.fromkeys(columns, "str") | {"row": "int64"}
    assert sieved(raw()).staged(raw().frame).rejects.empty


def test_the_parts_of_a_source_add_up(balanced):
    first, second = sieved(raw()), sieved(raw(3, sheet="S"))
    first.leave_out(np.ones(5, dtype=bool), "other")
    second.leave_out(np.array([True, False, False]), "other")
    second.reject(np.array([False, True, False]), "value-missing", "m")
    staged = merged([first.staged(raw().frame), second.staged(raw(3).frame)])
    assert balanced(staged, 8).out_of_scope == {"other": 6}
    assert (staged.tally.rejected, staged.frame["source_row"].tolist()) == (1, [4])


def test_raw_text_of_a_table_without_columns():
    empty = RawTable("f", pd.DataFrame(index=range(2)), np.array([1, 2]))
    assert empty.raw_text(np.array([0, 1])) == ["", ""]


@pytest.mark.parametrize(
    ("stated", "of_file", "crs", "rules"),
    [
        (None, "EPSG:4326", "EPSG:4326", []),
        ("EPSG:2154", None, "EPSG:2154", []),
        ("EPSG:2154", "EPSG:2154", "EPSG:2154", []),
        ("EPSG:2154", "EPSG:4326", "EPSG:2154", ["crs-overridden"]),
    ],
)
def test_a_card_that_contradicts_the_system_of_its_file_is_reported(stated, of_file, crs, rules):
    card = replace(CARD, options={} if stated is None else {"crs": stated})
    sieve = Sieve(raw(crs=of_file), card, LAYOUT, KIND)
    assert (sieve.crs(), [f.rule for f in sieve.findings]) == (crs, rules)
    with pytest.raises(InputError, match="no coordinate system"):
        sieved(raw()).crs()


@pytest.mark.parametrize(("column", "names_a_type"), [("structure_type", True), ("modality", False)])
def test_a_word_mapped_to_no_value_is_refused_and_a_type_of_ones_own_is_proposed_for_types_alone(column, names_a_type):
    card = replace(CARD, values={column: {"oui": "nothing"}}, options={"other_types": ["pôle"]})
    with pytest.raises(UsageError, match=rf"\[source\.values\.{column}\] maps to nothing; known: ") as refused:
        Sieve(raw(), card, LAYOUT, KIND).coded(column)
    assert ("other_types" in str(refused.value)) == ("pôle" in str(refused.value)) == names_a_type
