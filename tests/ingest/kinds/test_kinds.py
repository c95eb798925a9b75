"""The declarations of the kinds, as data: what the checks, the messages and the documentation read of them."""

from __future__ import annotations

import pytest

from qpvhealth.ingest import cards
from qpvhealth.ingest.kind import COMMON_KEYS
from qpvhealth.ingest.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_is_declared_whole(tmp_path, kind):
    assert kind.fr.strip()
    assert kind.en.strip()
    assert kind.fr != kind.en
    assert set(kind.required) <= set(kind.keys)
    assert set(kind.choices) <= set(kind.keys)
    assert set(kind.coded) <= set(kind.columns)
    assert not set(kind.keys) & set(COMMON_KEYS)
    for coded in kind.coded.values():
        assert set(coded.words.values()) <= set(coded.meanings)
    for layout in kind.layouts:
        assert (layout.key or layout.fields[0].name) in [f.name for f in layout.fields]
        names = [f.name for f in layout.fields]
        assert len(names) == len(set(names))
    (tmp_path / "sources.toml").write_text(f"[[source]]\nid = 'a'\n{kind.example}\n", encoding="utf-8")
    (card,) = cards.load(tmp_path)
    assert card.kind == kind.name


def test_only_layouts_that_a_header_fits_share_a_kind():
    """Two layouts of a kind with the same name could not be told apart in a card."""
    for kind in KINDS.values():
        names = [layout.name for layout in kind.layouts]
        assert len(names) == len(set(names)), kind.name
