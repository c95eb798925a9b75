"""The loader of the lists: blocks, types, and what it refuses, with the place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib import resources

import pytest

from qpvhealth.errors import UsageError
from qpvhealth.facts import lists


@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0


@dataclass(frozen=True)
class Thing:
    id: str
    size: float
    on: date | None
    box: tuple[float, float] = (0.0, 0.0)
    words: tuple[str, ...] = ()
    named: dict[str, str | None] | None = None
    at: Point | None = None
    sure: bool = True


def test_a_block_gives_its_fields_to_its_rows_and_a_row_has_the_last_word():
    blocks = [
        {"size": 1, "on": date(2020, 4, 1), "rows": [{"id": "a"}, {"id": "b", "size": 2.5, "on": "2021-01-31"}]},
        {"id": "c", "size": 3, "box": [1, 2], "words": ["x"], "named": {"k": "v"}, "at": {"x": 1}, "sure": False},
    ]
    assert lists.records(Thing, blocks, "f") == (
        Thing("a", 1.0, date(2020, 4, 1)),
        Thing("b", 2.5, date(2021, 1, 31)),
        Thing("c", 3.0, None, (1.0, 2.0), ("x",), {"k": "v"}, Point(1.0), sure=False),
    )
    assert lists.records(Thing, [], "f") == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"colour": "red"}, 'f no. 1 ("a"): unknown key "colour"; known: id, size, '),
        ({"size": "big"}, "f no. 1 (\"a\"): size cannot be 'big'"),
        ({"size": True}, "size cannot be True"),
        ({"size": 10**400}, "size cannot be 1000"),
        ({"on": "soon"}, "on cannot be 'soon'"),
        ({"box": [1, 2, 3]}, "box cannot be [1, 2, 3]"),
        ({"words": "x"}, "words cannot be 'x'"),
        ({"named": {"k": 1}}, "named cannot be"),
        ({"sure": 1}, "sure cannot be 1"),
        ({"at": {"y": 1}}, 'f no. 1 ("a"): at: x is missing'),
        ({"at": {"x": 1, "z": 1}}, 'at: unknown key "z"'),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(changed, message):
    with pytest.raises(UsageError) as caught:
        lists.records(Thing, [{"id": "a", "size": 1} | changed], "f")
    assert message in str(caught.value)


def test_all_problems_are_raised_at_once():
    with pytest.raises(UsageError) as caught:
        lists.records(Thing, [{"id": "a"}, {"id": 1, "size": 2}], "f")
    assert str(caught.value).splitlines() == ['f no. 1 ("a"): size is missing', 'f no. 2 ("1"): id cannot be 1']


@pytest.mark.parametrize("blocks", [{"id": "a"}, ["a"], [{"rows": {"id": "a"}}], [{"rows": ["a"]}], None, "a"])
def test_what_is_no_list_of_blocks_is_refused(blocks):
    with pytest.raises(UsageError, match="f: "):
        lists.expand(blocks, "f")


def test_a_list_has_its_sections_and_no_others():
    with pytest.raises(
        UsageError, match=r"addresses\.toml: sections missing or unknown: abbreviations, parts, postal, words"
    ):
        lists.load("addresses", ("small_words", "words"))


def test_each_list_starts_with_what_it_is_and_names_a_source():
    files = [f for f in resources.files(lists.__package__).iterdir() if f.name.endswith(".toml")]
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.startswith("# "), file.name
        assert any(word in text for word in ("ource", "docs/method.md", "Texts:")), file.name
