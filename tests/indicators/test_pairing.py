"""Which structure of one extract is which of another, worked by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from qpvhealth.indicators import pairing

YEARS = (2018, 2019)


def extract(*codes):
    """One row per number; a number in lower case is listed, but out of the stock."""
    return pd.DataFrame({"finess_et": [c.upper() for c in codes], "is_in_stock": [c.isupper() for c in codes]})


def linked(*pairs, **years):
    frame = pd.DataFrame(pairs, columns=["finess_et_from", "finess_et_to"], dtype="str")
    return frame.assign(
        from_year=pd.array([years.get("first")] * len(frame), dtype="Int64"),
        to_year=pd.array([years.get("last")] * len(frame), dtype="Int64"),
    )


def paired(before, after, links=()):
    """Return the pairs as (old, new, in_from, in_to, is_linked), by number; None where a structure is not listed."""
    known = pairing.usable(linked(*links), *(f.loc[f["is_in_stock"], "finess_et"] for f in (before, after)), YEARS)
    found = pairing.paired(before, after, known)
    names = [
        [None if at < 0 else frame["finess_et"][at] for at in found[column]]
        for frame, column in ((before, "at_from"), (after, "at_to"))
    ]
    rows = zip(*names, found["in_from"], found["in_to"], found["is_linked"], strict=True)
    return sorted(rows, key=lambda r: (r[0] or r[1], r[1] or ""))


def test_a_number_is_itself_and_what_is_in_neither_stock_is_left_out():
    assert paired(extract("A", "B", "c"), extract("A", "D", "c")) == [
        ("A", "A", True, True, False),
        ("B", None, True, False, False),
        (None, "D", False, True, False),
    ]


def test_a_structure_that_leaves_the_stock_may_still_be_listed():
    assert paired(extract("A", "b"), extract("a", "B")) == [
        ("A", "A", True, False, False),
        ("B", "B", False, True, False),
    ]


def test_a_link_pairs_what_left_with_what_entered():
    assert paired(extract("A", "B"), extract("C", "B"), [("A", "C")]) == [
        ("A", "C", True, True, True),
        ("B", "B", True, True, False),
    ]


def test_a_chain_links_its_ends():
    assert paired(extract("A"), extract("C"), [("A", "B"), ("B", "C")]) == [("A", "C", True, True, True)]


def test_what_is_left_over_of_a_merger_is_linked_alone():
    assert paired(extract("A", "B"), extract("B"), [("A", "B")]) == [
        ("A", None, True, False, True),
        ("B", "B", True, True, False),
    ]


def test_what_is_left_over_of_a_split_is_linked_alone():
    assert paired(extract("A"), extract("A", "B"), [("A", "B")]) == [
        ("A", "A", True, True, False),
        (None, "B", False, True, True),
    ]


def test_of_several_links_the_smallest_is_taken_and_each_number_once():
    assert paired(extract("A", "B"), extract("C", "D"), [("B", "C"), ("A", "C"), ("A", "D")]) == [
        ("A", "C", True, True, True),
        ("B", None, True, False, True),
        (None, "D", False, True, True),
    ]


def test_a_number_out_of_the_stock_gives_way_to_the_link():
    assert paired(extract("A", "c"), extract("a", "C"), [("A", "C")]) == [("A", "C", True, True, True)]


@pytest.mark.parametrize(
    ("years", "used"),
    [({}, 1), ({"first": 2018, "last": 2019}, 1), ({"first": 2017}, 0), ({"first": 2019}, 1), ({"last": 2020}, 0)],
)
def test_a_link_is_used_between_years_that_hold_it(years, used):
    found = pairing.usable(linked(("A", "B"), **years), pd.Series(["A"]), pd.Series(["B"]), YEARS)
    assert len(found) == used


def test_links_that_cannot_be_used_are_left_out():
    links = linked(("A", "A"), ("A", "X"), ("X", "B"), ("A", "B"), ("A", "B"))
    found = pairing.usable(links, pd.Series(["A"]), pd.Series(["A", "B"]), YEARS)
    assert found.to_dict("list") == {"finess_et_from": ["A"], "finess_et_to": ["B"]}
    assert pairing.usable(linked(), pd.Series(["A"]), pd.Series(["B"]), YEARS).empty
