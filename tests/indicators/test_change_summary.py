"""Changes added up by hand: what comes into each cell, what goes out, and the difference."""

import pandas as pd
import pytest

from qpvhealth.errors import ContractError
from qpvhealth.indicators import change_summary

PAIR = {"generation": "g", "from_year": 2018, "to_year": 2019}
AREAS = {"territory": "metropole", "region": "76"}


def change(cause, before, after, kind=("MSP", "MSP"), department=("31", "31")):
    """Describe one step; ``before`` and ``after`` are situations, null outside the stock."""
    sides = {"from": (before, 0), "to": (after, 1)}
    told = {f"situation_{s}": situation for s, (situation, _) in sides.items()}
    told |= {f"structure_type_{s}": kind[i] if v else None for s, (v, i) in sides.items()}
    told |= {f"department_{s}": department[i] if v else None for s, (v, i) in sides.items()}
    told |= {f"{c}_{s}": area if v else None for s, (v, _) in sides.items() for c, area in AREAS.items()}
    return PAIR | {"cause": cause} | told


def summed(*changes):
    return change_summary.summarise(pd.DataFrame(changes).astype({c: "str" for c in changes[0] if "year" not in c}))


def cells(summary, level, **over):
    """Return n, n_in and n_out by area, type, situation and cause at one level."""
    rows = summary[summary["level"] == level]
    for column, value in over.items():
        rows = rows[rows[column] == value]
    keys = ["area_code", "structure_type", "situation", "cause"]
    return {tuple(r[:4]): tuple(r[4:]) for r in rows[[*keys, "n", "n_in", "n_out"]].to_numpy().tolist()}


def test_what_enters_and_what_leaves_a_cell():
    summary = summed(
        change("opened", None, "in_qpv"),
        change("opened", None, "in_qpv"),
        change("closed", "in_qpv", None),
        change("opened", None, "elsewhere", kind=("CDS", "CDS")),
    )
    assert cells(summary, "country") == {
        ("FR", "all", "all", "closed"): (-1, 0, 1),
        ("FR", "all", "all", "opened"): (3, 3, 0),
        ("FR", "all", "elsewhere", "opened"): (1, 1, 0),
        ("FR", "all", "in_qpv", "closed"): (-1, 0, 1),
        ("FR", "all", "in_qpv", "opened"): (2, 2, 0),
        ("FR", "CDS", "all", "opened"): (1, 1, 0),
        ("FR", "CDS", "elsewhere", "opened"): (1, 1, 0),
        ("FR", "MSP", "all", "closed"): (-1, 0, 1),
        ("FR", "MSP", "all", "opened"): (2, 2, 0),
        ("FR", "MSP", "in_qpv", "closed"): (-1, 0, 1),
        ("FR", "MSP", "in_qpv", "opened"): (2, 2, 0),
    }
    assert summary["n"].eq(summary["n_in"] - summary["n_out"]).all()
    assert summary.equals(summary.sort_values(change_summary.KEY, ignore_index=True))


def test_a_step_inside_a_cell_is_no_row_of_it():
    summary = summed(change("moved", "elsewhere", "in_qpv"), change("identity", "in_qpv", "in_qpv"))
    assert cells(summary, "country", structure_type="all") == {
        ("FR", "all", "elsewhere", "moved"): (-1, 0, 1),
        ("FR", "all", "in_qpv", "moved"): (1, 1, 0),
    }


def test_a_move_leaves_one_area_and_enters_another():
    summary = summed(change("moved", "in_qpv", "in_qpv", department=("31", "93")))
    assert cells(summary, "department", structure_type="MSP", situation="in_qpv") == {
        ("31", "MSP", "in_qpv", "moved"): (-1, 0, 1),
        ("93", "MSP", "in_qpv", "moved"): (1, 1, 0),
    }
    assert cells(summary, "country") == cells(summary, "region") == {}


def test_a_reclassification_changes_types_and_not_the_total():
    summary = summed(change("reclassified", "in_qpv", "in_qpv", kind=("MSP", "CDS")))
    assert cells(summary, "country", situation="all") == {
        ("FR", "CDS", "all", "reclassified"): (1, 1, 0),
        ("FR", "MSP", "all", "reclassified"): (-1, 0, 1),
    }


def test_an_area_that_nobody_knows_is_none():
    summary = summed(change("opened", None, "in_qpv", department=("31", None)))
    assert {area for area, *_ in cells(summary, "department")} == {"none"}


@pytest.mark.parametrize(("closing", "balances"), [(6, True), (7, False)])
def test_opening_stock_and_causes_give_the_closing_stock(closing, balances):
    summary = summed(
        change("opened", None, "in_qpv"), change("opened", None, "in_qpv"), change("closed", "in_qpv", None)
    )
    cell = {"level": "country", "area_code": "FR", "structure_type": "all", "situation": "all", "generation": "g"}
    counts = pd.DataFrame([cell | {"year": 2018, "n_structures": 5}, cell | {"year": 2019, "n_structures": closing}])
    only = summary[
        (summary["level"] == "country") & (summary["structure_type"] == "all") & (summary["situation"] == "all")
    ]
    pairs = pd.DataFrame({"from_year": [2018], "to_year": [2019]})
    found = change_summary.residuals(counts, only, pairs)
    assert found[["opening", "causes", "closing", "residual"]].to_numpy().tolist() == [[5, 1, closing, closing - 6]]
    if balances:
        change_summary.assert_balance(counts, only, pairs)
    else:
        with pytest.raises(ContractError, match=r"1 cells do not balance"):
            change_summary.assert_balance(counts, only, pairs)
