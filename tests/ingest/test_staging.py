from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

from qpvhealth.errors import ContractError
from qpvhealth.ingest.readers.raw import BrokenRow, RawTable
from qpvhealth.ingest.staging import Sieve, Tally, no_rejects


def raw(n=5, **changes):
    frame = pd.DataFrame(
        {"a": pd.Series([str(i) for i in range(n)], dtype="str"), "b": pd.Series([None] * n, dtype="str")}
    )
    return RawTable("f.csv", frame, np.arange(2, 2 + n), **changes)


def test_every_row_leaves_by_one_door(balanced):
    broken = (BrokenRow(9, "unclosed-quote", "a quote", '"x'), BrokenRow(8, "geolocation-orphan", "no one", "y"))
    sieve = Sieve(raw(broken=broken, sheet="S", notes=("encoding utf-8",)), "c")
    sieve.reject(np.array([True, False, False, False, False]), "value-missing", "first")
    sieve.reject(pd.Series([True, True, False, False, False]), "value-unreadable", "{}", pd.Series(list("vwxyz")))
    sieve.leave_out(np.array([True, True, True, False, False]), "other")
    sieve.leave_out(pd.Series([False, False, False, False, False]), pd.Series([None] * 5, dtype="str"))
    staged = sieve.staged(raw().frame, np.array([True, True, True, True, False]))
    tally = balanced(staged, 7)
    assert (tally.rows_out, tally.rejected, tally.duplicates, tally.out_of_scope) == (1, 4, 1, {"other": 1})
    assert staged.rejects.to_numpy().tolist() == [
        ["c", "S", 2, "value-missing", "first", "0;"],
        ["c", "S", 3, "value-unreadable", "w", "1;"],
        ["c", "S", 8, "geolocation-orphan", "no one", "y"],
        ["c", "S", 9, "row-broken", "unclosed-quote: a quote", '"x'],
    ]
    assert staged.frame[["source_id", "sheet", "source_row", "a"]].to_numpy().tolist() == [["c", "S", 6, "4"]]
    assert [f.rule for f in staged.findings] == ["reading-choice", "duplicates"]


def test_a_narrowed_sieve_keeps_the_account_and_the_shapes(balanced):
    sieve = Sieve(raw(geometry=shapely.points(np.arange(5), 0)), "c")
    sieve.leave_out(np.array([True, False, True, False, False]), pd.Series(["p", "q", None, "s", "t"], dtype="str"))
    small = sieve.narrowed()
    assert shapely.get_x(small.raw.geometry).tolist() == [1, 3, 4]
    small.reject(np.array([False, True, False]), "value-missing", "m")
    staged = small.staged(small.raw.frame)
    assert balanced(staged, 5).out_of_scope == {"p": 1, "unknown": 1}
    assert staged.frame["source_row"].tolist() == [3, 6]


def test_reasons_add_up_and_rows_leave_once(balanced):
    sieve = Sieve(raw(), "c")
    sieve.leave_out(np.array([True, False, False, False, False]), "other")
    sieve.leave_out(
        np.array([True, True, False, False, False]), pd.Series(["x", "other", "x", "x", "x"], index=range(5, 10))
    )
    sieve.leave_out(np.array([False, False, True, False, False]), "third")
    assert balanced(sieve.staged(raw().frame), 5).out_of_scope == {"other": 2, "third": 1}
    assert sieve.left_out.tolist() == [True, True, True, False, False]


def test_rejects_of_one_row_keep_their_order():
    broken = tuple(BrokenRow(9 - i // 20, f"rule-{i}", "m", "r") for i in range(40))
    told = Sieve(raw(broken=broken), "c").rejects()
    assert told["message"].tolist() == [f"rule-{i}: m" for i in (*range(20, 40), *range(20))]
    assert told.index.tolist() == list(range(40))


def test_what_has_left_is_not_found_wanting():
    sieve = Sieve(raw(notes=("n",)), "c")
    sieve.reject(np.array([True, True, False, False, False]), "value-missing", "m")
    sieve.warn_at("siret-invalid", np.array([True, False, False, True, False]), raw().frame["a"], "unknown")
    told = [(f.rule, f.n, f.message) for f in sieve.narrowed().findings]
    assert told == [("reading-choice", 1, "f.csv: n"), ("siret-invalid", 1, 'f.csv: unknown: "3" (row 5)')]
    assert sieve.narrowed().staged(sieve.narrowed().raw.frame).source_id == "c"


def test_an_account_of_a_sieve_names_its_file():
    sieve = Sieve(raw(), "c")
    sieve.n_records = 6
    with pytest.raises(ContractError, match=r"f\.csv: 6 rows in, 5 accounted for"):
        sieve.staged(raw().frame)


def test_findings_name_the_first_values_and_their_rows():
    sieve = Sieve(raw(), "c")
    sieve.warn("siret-invalid", 0, "never")
    sieve.warn_at("siret-invalid", np.ones(5, dtype=bool), raw().frame["a"], "unknown")
    (finding,) = sieve.findings
    assert (finding.n, finding.of) == (5, 5)
    assert finding.message == 'f.csv: unknown: "0" (row 2), "1" (row 3), "2" (row 4)'


def test_repeats_are_those_of_kept_rows():
    sieve = Sieve(raw(3), "c")
    sieve.reject(np.array([True, False, False]), "value-missing", "m")
    assert sieve.repeats(pd.DataFrame({"x": [1, 1, 1]}), "x").tolist() == [False, False, True]


def test_an_account_that_loses_a_row_is_a_broken_contract():
    with pytest.raises(ContractError, match="f: 3 rows in, 2 accounted for"):
        Tally(3, 2, 0).asserted("f")
    assert Tally(3, 1, 1, 0, {"x": 1}).asserted("f").as_dict() == {
        "rows_in": 3,
        "rows_out": 1,
        "out_of_scope": 1,
        "out_of_scope_by_reason": {"x": 1},
        "rejected": 1,
        "duplicates": 0,
    }


def test_no_rejects_have_types():
    assert no_rejects()["row"].dtype == "int64"
    assert Sieve(raw(), "c").rejects().empty


def test_raw_text_of_a_table_without_columns():
    empty = RawTable("f", pd.DataFrame(index=range(2)), np.array([1, 2]))
    assert empty.raw_text(np.array([0, 1])) == ["", ""]
