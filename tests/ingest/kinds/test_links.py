"""Confirmed identities: numbers, kinds, years; what contradicts itself is refused."""

import pytest

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest.card import Card
from qpvhealth.ingest.kinds import links


def read(tmp_path, text):
    path = tmp_path / "links.csv"
    path.write_text(text, encoding="utf-8")
    return links.read(Card("links", "links", path, path.name))


def test_a_link_has_two_numbers_a_kind_and_years(tmp_path):
    text = "finess_et_from;finess_et_to;kind;from_year;to_year;reason\n10000001;990000001;;2018;2019;x\ndgos:12;990000002;fusion;;;\n"
    frame = read(tmp_path, text).frame
    assert frame["finess_et_from"].tolist() == ["010000001", "dgos:12"]
    assert frame["kind"].tolist() == ["renumbered", "merged"]
    assert frame["from_year"].isna().tolist() == [False, True]
    assert set(links.KIND.declaration.frame) <= set(frame.columns)


def test_what_cannot_be_a_number_or_a_year_is_rejected(tmp_path):
    text = "finess_et_from;finess_et_to;from_year\nX;990000001;\n010000001;;\n010000002;990000003;18\n010000004;990000005;2018\n"
    staged = read(tmp_path, text)
    assert staged.frame["finess_et_from"].tolist() == ["010000004"]
    assert sorted(staged.rejects["rule"]) == ["finess-invalid", "identifier-missing", "value-unreadable"]


@pytest.mark.parametrize(
    "rows", ["010000001;010000001;\n", "010000001;990000001;\n010000001;990000002;\n"], ids=["itself", "two successors"]
)
def test_a_contradiction_is_refused(tmp_path, rows):
    with pytest.raises(InputError, match=r"itself|two successors"):
        read(tmp_path, f"finess_et_from;finess_et_to;kind\n{rows}")


def test_a_split_may_have_two_successors_and_an_unknown_kind_is_refused(tmp_path):
    head = "finess_et_from;finess_et_to;kind\n"
    assert len(read(tmp_path, f"{head}010000001;990000001;split\n010000001;990000002;split\n").frame) == 2
    with pytest.raises(UsageError, match="not known"):
        read(tmp_path, f"{head}010000001;990000001;marriage\n")
