from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from qpvhealth.errors import ContractError
from qpvhealth.indicators import agreement, counts
from qpvhealth.rules import levels

CENTRE = {"structure_type": "CDS", "modality": "unknown"}


def number(frame, **where):
    wanted = {
        "generation": "qpv-2015",
        "year": 2019,
        "structure_type": "all",
        "modality": "all",
        "situation": "all",
    } | where
    rows = frame[np.logical_and.reduce([frame[k] == v for k, v in wanted.items()])]
    return rows.iloc[0, -1] if len(rows) == 1 else len(rows)


def test_levels_totals_and_areas_without_code(stock):
    frame = counts.count(
        stock(
            {"situation": "in_qpv", "qpv_code": "QP031001"},
            {"situation": "elsewhere"},
            CENTRE | {"situation": "in_qpv", "qpv_code": "QP031002", "commune_code": "31001"},
            CENTRE
            | {"region_code": "none", "department_code": "978", "territory": "saint_martin", "commune_code": None},
            {"region_code": None, "department_code": None, "territory": None, "commune_code": None},
        )
    )
    assert number(frame, level="country", area_code="FR") == 5
    assert number(frame, level="country", area_code="FR", situation="in_qpv") == 2
    assert number(frame, level="country", area_code="FR", structure_type="CDS", modality="unknown") == 2
    assert number(frame, level="region", area_code="76") == 3
    assert number(frame, level="region", area_code="none") == 2
    assert number(frame, level="department", area_code="978", structure_type="CDS") == 1
    assert number(frame, level="department", area_code="none") == 1
    assert number(frame, level="territory", area_code="none") == 1
    assert number(frame, level="commune", area_code="none") == 2
    assert number(frame, level="qpv", area_code="QP031001") == 1
    assert set(frame.loc[frame["level"] == "qpv", "situation"]) == {"in_qpv", "all"}
    assert "epci" not in set(frame["level"])
    counts.assert_levels_add_up(frame)


def test_epci_is_counted_where_one_is_known(stock):
    frame = counts.count(stock({"epci_code": "243100518"}, {}))
    assert number(frame, level="epci", area_code="243100518") == 1
    assert number(frame, level="epci", area_code="none") == 1


def test_what_does_not_occur_has_no_row_and_nothing_is_counted_twice(stock):
    frame = counts.count(stock({}))
    assert (frame["n_structures"] == 1).all()
    assert len(frame) == 5 * 8  # five levels, each of three columns itself or all
    assert not frame.duplicated(["generation", "year", "level", "area_code", *counts.TOTALLED]).any()


def test_an_empty_stock_counts_nothing(stock):
    frame = counts.count(stock())
    assert frame.empty
    counts.assert_levels_add_up(frame)


def test_a_broken_table_raises_and_says_which(stock):
    frame = counts.count(stock({}, {"situation": "in_qpv", "qpv_code": "Q"}, CENTRE))
    wrong = frame.assign(
        n_structures=frame["n_structures"].where(frame["area_code"] != "76", frame["n_structures"] + 1)
    )
    with pytest.raises(ContractError, match=r"yearly_counts: region sums to \d+, the country has \d+"):
        counts.assert_levels_add_up(wrong)
    with pytest.raises(ContractError, match="department sums to 0"):
        counts.assert_levels_add_up(frame[(frame["level"] != "department") | (frame["structure_type"] == "CDS")])
    with pytest.raises(ContractError, match="qpv sums to"):
        counts.assert_levels_add_up(frame[(frame["level"] != "qpv") | (frame["situation"] == "all")])


_row = st.fixed_dictionaries(
    {
        "generation": st.sampled_from(["qpv-2015", "in_force"]),
        "year": st.sampled_from([2018, 2019]),
        "structure_type": st.sampled_from(["MSP", "CDS"]),
        "modality": st.sampled_from(["mono", "pluri"]),
        "situation": st.sampled_from(["elsewhere", "undetermined"]),
        "region_code": st.sampled_from(["76", "11"]),
        "department_code": st.sampled_from(["31", "75", None]),
    }
)


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(_row, max_size=25))
def test_every_cell_is_the_naive_count(stock, rows):
    frame = counts.count(stock(*rows))
    by_level = {"region": "region_code", "department": "department_code"}
    for cell in frame[frame["level"].isin(by_level)].to_dict("records"):
        same = [
            (r[by_level[cell["level"]]] or "none") == cell["area_code"]
            and all(cell[k] in ("all", r[k]) for k in counts.TOTALLED)
            and (r["generation"], r["year"]) == (cell["generation"], cell["year"])
            for r in rows
        ]
        assert sum(same) == cell["n_structures"]
    keys = [(r["generation"], r["year"]) for r in rows]
    totals = frame[(frame["level"] == "region") & (frame[counts.TOTALLED] == "all").all(axis=1)]
    assert (
        totals.groupby(["generation", "year"])["n_structures"].sum().to_dict()
        == pd.Series(keys).value_counts().to_dict()
    )


def test_cells_hold_nulls_apart():
    frame = pd.DataFrame({"a": pd.Series(["x", None, "x", None], dtype="str"), "b": [1, 1, 1, 2]})
    got = counts.cells(frame, ["a", "b"], "n")
    assert sorted(zip(got["a"].fillna("-"), got["b"], got["n"], strict=True)) == [("-", 1, 1), ("-", 2, 1), ("x", 1, 2)]


def test_totals_of_a_chosen_column_only():
    base = pd.DataFrame({"kind": ["MSP", "CDS", "CDS"], "place": ["A", "A", "B"], "n": [2, 3, 5]})
    got = counts.with_totals(base, "n", ["kind"])
    assert sorted(got.itertuples(index=False, name=None)) == [
        *(("CDS", "A", 3), ("CDS", "B", 5), ("MSP", "A", 2), ("all", "A", 5), ("all", "B", 5))
    ]


def test_agreement_crosses_the_flag_with_the_situation(stock):
    flags, situations = ("yes", "no", "unknown"), ("in_qpv", "elsewhere")
    rows = [{"source_says_in_qpv": f, "situation": s} for f, s in product(flags, situations)]
    got = agreement.agreement(stock(*rows, CENTRE | {"source_says_in_qpv": "yes", "situation": "elsewhere"}))
    country = got[got["level"] == "country"].set_index(["structure_type", "source_says_in_qpv", "situation"])["n"]
    assert country["all", "yes", "elsewhere"] == 2
    assert country["MSP", "yes", "elsewhere"] == country["CDS", "yes", "elsewhere"] == 1
    assert country["all"].sum() == 7
    assert set(got["level"]) == set(levels.HEADLINE)
