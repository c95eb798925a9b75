"""Years held small between the steps of a build: whatever is read again is what was put there."""

import pandas as pd
import pytest

from qpvhealth.pipeline import kept as module
from qpvhealth.pipeline.kept import Kept, Placed


def placed(*rows):
    """Return what was placed: one row per structure, in one generation, each around one QPV."""
    structures = pd.DataFrame(rows, columns=["finess_et", "year", "name"]).astype({"finess_et": "str", "name": "str"})
    located = structures[["finess_et", "year"]].assign(situation="in_qpv")
    return Placed(structures.astype({"year": "int64"}), located, located[["finess_et", "year"]].assign(distance_m=0.5))


@pytest.fixture
def kept():
    years = Kept()
    years.add([2018, 2019], placed(("A", 2018, "a"), ("B", 2018, None), ("A", 2019, "a")))
    years.add([2020], placed())
    years.add([2021], placed(("C", 2021, "c"), ("A", 2021, "d")))
    return years


def test_a_table_is_read_again_by_batch_by_year_or_whole(kept):
    assert len(kept) == 5
    assert kept.batches == [[2018, 2019], [2020], [2021]]
    assert [rows["finess_et"].tolist() for rows in kept.each("structures", ["finess_et"])] == [
        ["A", "B", "A"],
        [],
        ["C", "A"],
    ]
    assert kept.whole("located", ["year"])["year"].tolist() == [2018, 2018, 2019, 2021, 2021]
    own = kept.of_year("structures", ["finess_et", "name"], 2018)
    assert own.equals(pd.DataFrame({"finess_et": ["A", "B"], "name": ["a", None]}, dtype="str"))
    assert [len(kept.of_year("pairs", ["distance_m"], year)) for year in (2019, 2020, 2021)] == [1, 0, 2]


@pytest.mark.parametrize("small", [0, 50_000])
def test_what_is_read_twice_is_the_same_and_apart(kept, monkeypatch, small):
    monkeypatch.setattr(module, "SMALL", small)
    first, *_ = kept.each("structures", ["name", "finess_et"])
    first.loc[0, "name"] = "changed"
    first["finess_et"] = "Z"
    again, *_ = kept.each("structures", ["finess_et", "name", "year"])
    assert again.fillna("-").to_numpy().tolist() == [["A", "a", 2018], ["B", "-", 2018], ["A", "a", 2019]]
    assert kept.let_go("structures", ["name"]).frame()["name"].fillna("-").tolist() == ["a", "-", "a", "c", "d"]
    assert [rows["year"].tolist() for rows in kept.each("located", ["year"])] == [[2018, 2018, 2019], [], [2021, 2021]]


def test_a_year_that_no_batch_has_is_an_error(kept):
    with pytest.raises(KeyError, match="2017"):
        kept.of_year("structures", ["name"], 2017)


def test_each_number_is_told_once(kept):
    assert kept.numbers().tolist() == ["A", "B", "C"]


def test_what_is_let_go_is_whole_and_read_no_more(kept):
    gone = kept.let_go("structures", ["finess_et", "year"])
    assert gone.frame().equals(
        pd.DataFrame({"finess_et": list("ABACA"), "year": [2018, 2018, 2019, 2021, 2021]}).astype({"finess_et": "str"})
    )
    with pytest.raises(KeyError, match="structures"):
        kept.whole("structures", ["finess_et"])
