"""Layers that a copy of the process reads ahead are those that are read later; the key of the perimeters is all they follow from."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

import pyarrow as pa
import pytest

import qpvhealth
from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import cards, corrections, inputs, layers
from qpvhealth.pipeline import ahead, beside, building
from qpvhealth.pipeline.begun import begin
from qpvhealth.publish import caches

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux alone")


@pytest.fixture
def raw(perimeters, monkeypatch):
    """Copy the process even where a runner of tests has threads."""
    monkeypatch.setattr(beside, "can_copy", lambda: sys.platform == "linux")
    return perimeters


def resolved(raw):
    return inputs.resolve(cards.load(raw))


def layers_ahead(raw, cache=None):
    with ahead.reading(raw, resolved(raw), cache) as read:
        return read()


@linux
def test_layers_come_by_card_as_they_are_read_later(raw):
    found = layers_ahead(raw)
    assert sorted(found) == ["own", "q"]
    for card in cards.of_kind(cards.load(raw), "neighbourhoods"):
        later = layers.of_card(card)
        assert found[card.id].table.equals(later.table)
        assert found[card.id]._replace(table=None) == later._replace(table=None)


@linux
def test_they_come_from_another_process_which_loads_no_frame_library(raw):
    code = f"""
import sys
from pathlib import Path
from qpvhealth.pipeline import ahead
from qpvhealth.ingest import cards, inputs
ahead.MANY_BYTES = 0
def loaded():
    return [name for name in ("pandas", "geopandas", "pyogrio", "shapely") if sys.modules.get(name)]
original = ahead._layers
ahead._layers = lambda given: original(given) | {{"loaded": loaded()}}
raw = Path({str(raw)!r})
with ahead.reading(raw, inputs.resolve(cards.load(raw)), None) as read:
    before = loaded()
    found = read()
print(before, found.pop("loaded"), sorted(found))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] ['pyogrio'] ['own', 'q']"


def test_a_build_is_the_same_with_layers_read_ahead(raw):
    expected = qpvhealth.build(raw)
    given = resolved(raw)
    with ahead.reading(raw, given, None) as read, begin(raw, None, given, read) as begun:
        built = building.finish(begun)
    assert (built.inputs, built.findings) == (expected.inputs, expected.findings)
    assert all(built[name].equals(frame) for name, frame in expected.items())


def test_layers_read_ahead_are_not_read_again(raw, monkeypatch):
    read = {card.id: layers.of_card(card) for card in cards.of_kind(cards.load(raw), "neighbourhoods")}
    monkeypatch.setattr(layers, "of_card", None)
    with begin(raw, None, resolved(raw), lambda: read) as begun:
        assert begun.polygons().staged.neighbourhoods["qpv_code"].iloc[:2].tolist() == ["Z1", "QP031001"]


def test_what_is_wrong_with_a_layer_is_said_when_it_is_needed(raw):
    (raw / "own.geojson").write_text("{", encoding="utf-8")
    assert layers_ahead(raw) == {}
    given = resolved(raw)
    with (
        ahead.reading(raw, given, None) as read,
        begin(raw, None, given, read) as begun,
        pytest.raises(InputError, match=r"own\.geojson"),
    ):
        begun.polygons()


def test_a_wrong_correction_is_said_at_once(raw, tmp_path):
    (raw / "corrections.toml").write_text("[[correction]]\nsource = 'x'\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"corrections\.toml"):
        layers_ahead(raw, tmp_path / "kept")


@pytest.fixture
def begun_copies(monkeypatch):
    """What each reading ahead was begun with: whether it pays."""
    asked, original = [], beside.beside

    @contextmanager
    def noted(compute, *, pays, otherwise):
        asked.append(pays)
        with original(compute, pays=pays, otherwise=otherwise) as later:
            yield later

    monkeypatch.setattr(ahead, "beside", noted)
    return asked


def test_what_is_kept_is_not_read(raw, tmp_path, begun_copies):
    cache = tmp_path / "kept"
    layers_ahead(raw, cache)
    qpvhealth.build(raw, cache=cache)
    assert layers_ahead(raw, cache) == {}
    (raw / "q.geojson").write_text((raw / "q.geojson").read_text("utf-8").replace('"Q"', '"R"'), encoding="utf-8")
    (raw / "corrections.toml").unlink()
    layers_ahead(raw, cache)
    assert begun_copies == [True, False, True]


@pytest.mark.parametrize(("few", "most", "pays"), [(0, 0, True), (1, 0, False), (0, -1, False)])
def test_few_bytes_and_very_many_are_not_read_ahead(raw, monkeypatch, begun_copies, *, few, most, pays):
    given = resolved(raw)
    n = sum((raw / f"{name}.geojson").stat().st_size for name in ("q", "own"))
    monkeypatch.setattr(ahead, "MANY_BYTES", n + few)
    monkeypatch.setattr(ahead, "MOST_BYTES", n + most)
    with ahead.reading(raw, given, None) as read:
        assert sorted(read()) == (["own", "q"] if pays and sys.platform == "linux" else [])
    assert begun_copies == [pays]


def test_without_a_copy_nothing_is_read_ahead(raw, monkeypatch):
    monkeypatch.setattr(beside, "can_copy", lambda: False)
    monkeypatch.setattr(layers, "of_card", None)
    assert layers_ahead(raw) == {}


def test_only_what_a_copy_does_not_need_is_hidden_from_it(raw, monkeypatch):
    for name in ahead._UNUSED:
        monkeypatch.setitem(sys.modules, name, sys.modules.get(name))
    found = ahead._layers(list(cards.of_kind(cards.load(raw), "neighbourhoods")))
    assert all(sys.modules[name] is None for name in ahead._UNUSED)
    assert isinstance(found["q"].table, pa.Table)


def key(raw):
    return ahead.key(resolved(raw), corrections.load(raw, cards.load(raw)))


@pytest.mark.parametrize(
    ("name", "old", "new", "is_other"),
    [
        ("q.geojson", "QP031001", "QP031006", True),
        ("sources.toml", "in_force_from = 2008-01-01", "in_force_from = 2009-01-01", True),
        ("sources.toml", 'generation = "qpv-2015"', 'generation = "qpv-2015"\ncrs = "EPSG:4326"', True),
        ("corrections.toml", "Le Carré", "Le Rond", True),
        ("c.csv", "Ville", "Autre", True),
        ("s.csv", "MSP", "CDS", False),
        ("sources.toml", "year = 2020\nreference", 'title = "Extract"\nyear = 2020\nreference', False),
    ],
)
def test_the_key_follows_from_the_perimeters_alone(raw, name, old, new, is_other):
    before = key(raw)
    text = (raw / name).read_text(encoding="utf-8")
    assert old in text
    (raw / name).write_text(text.replace(old, new), encoding="utf-8")
    assert (key(raw) != before) is is_other


def test_the_key_follows_from_the_code_and_the_libraries(raw, monkeypatch):
    before = key(raw)
    monkeypatch.setattr(inputs, "code_digest", lambda: "other")
    changed = key(raw)
    monkeypatch.setattr(inputs, "versions", dict)
    assert len({before, changed, key(raw)}) == 3


def test_bytes_are_counted_by_kind(raw, monkeypatch):
    given = resolved(raw)
    monkeypatch.setattr(ahead, "MANY_BYTES", sum((raw / f"{name}.geojson").stat().st_size for name in ("q", "own")))
    assert ahead.are_many(given, "neighbourhoods", "zoning")
    assert not ahead.are_many(given, "zoning")
    assert not ahead.are_many([i for i in given if i.card.id == "q"], "neighbourhoods")


def test_a_cache_says_what_it_has(tmp_path):
    caches.keep(tmp_path / "c", "k", {})
    assert caches.has(tmp_path / "c", "k")
    assert not caches.has(tmp_path / "c", "l")
