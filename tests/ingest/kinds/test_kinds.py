"""The declarations of the kinds, as data: what the checks, the messages and the documentation read of them."""

from __future__ import annotations

import pytest

from qpvhealth.contract.tables import LINK_KINDS
from qpvhealth.errors import UsageError
from qpvhealth.facts import categories, situations, zonings
from qpvhealth.ingest import cards, kind as declarations
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.kinds.registry import KINDS
from qpvhealth.ingest.vocabulary import SHARED


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_is_declared_whole(tmp_path, kind):
    declared = kind.declaration
    assert declared.fr.strip()
    assert declared.en.strip()
    assert declared.fr != declared.en
    assert set(declared.required) <= set(declared.keys)
    assert set(declared.choices) <= set(declared.keys)
    assert set(kind.coded) <= set(kind.columns)
    assert not set(declared.keys) & set(SHARED["keys"])
    assert set(declared.keys.values()) <= set(cards._TYPES)
    for coded in kind.coded.values():
        assert set(coded.words.values()) <= set(coded.meanings)
    for layout in kind.layouts:
        assert (layout.key or layout.fields[0].name) in [f.name for f in layout.fields]
        names = [f.name for f in layout.fields]
        assert len(names) == len(set(names))
    (tmp_path / "sources.toml").write_text(f"[[source]]\nid = 'a'\n{declared.example}\n", encoding="utf-8")
    (card,) = cards.load(tmp_path)
    assert card.kind == kind.name


def test_only_layouts_that_a_header_fits_share_a_kind():
    """Two layouts of a kind with the same name could not be told apart in a card."""
    for kind in KINDS.values():
        names = [layout.name for layout in kind.layouts]
        assert len(names) == len(set(names)), kind.name


def test_coded_columns_take_the_words_that_the_facts_know():
    coded = {(kind.name, column): set(c.meanings) for kind in KINDS.values() for column, c in kind.coded.items()}
    assert coded["structures", "structure_type"] == {*categories.STRUCTURE_TYPES, "out_of_scope"}
    assert coded["register", "modality"] == set(categories.MODALITIES)
    assert coded["structures", "location_precision"] == set(situations.PRECISIONS)
    for kind in ("structures", "declarations"):
        assert coded[kind, "vecu_declared"] == set(situations.ANSWERS)
    assert coded["links", "kind"] == set(LINK_KINDS)
    assert coded["zoning", "zone_class"] == {*zonings.CLASSES, ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 'red'", r'thing.toml no. 1 .*: unknown key "colour"'),
        ("required = 'year'", "thing.toml no. 1 .*: required cannot be 'year'"),
        ("[[layout]]\nname = 'a'\naliases.x = ['*lost']", 'thing.toml: no list "lost"'),
        ("[[layout]]\nname = 'a'\ncolumns = ['x']\nrequired = ['y']", "thing.toml: layout a: no column y"),
        ("[[layout]]\nname = 'a'\nrequired = ['x'\n", "thing.toml"),
    ],
)
def test_a_declaration_that_is_wrong_is_refused_with_its_place(tmp_path, monkeypatch, text, message):
    monkeypatch.setattr(declarations, "_FOLDER", tmp_path)
    (tmp_path / "thing.toml").write_text(f"fr = 'f'\nen = 'e'\nexample = ''\n{text}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        _ = Kind("thing", "thing").layouts


def test_years_and_lists_are_written_out(tmp_path, monkeypatch):
    monkeypatch.setattr(declarations, "_FOLDER", tmp_path)
    text = "fr = 'f'\nen = 'e'\nexample = ''\nlists.own = ['a', '*yes']\n[[layout]]\nname = 'l'\n"
    (tmp_path / "thing.toml").write_text(f"{text}aliases.x = ['*own', 'Zone {{year}}']\n", encoding="utf-8")
    ((column,),) = (layout.fields for layout in Kind("thing", "thing").layouts)
    assert column.aliases[:3] == ("a", "oui", "o")
    assert {"Zone 2012", "Zone 2040"} < set(column.aliases)
