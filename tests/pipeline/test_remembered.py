"""Perimeters that a build keeps are those it would read, and nothing that happens to them changes a build."""

from __future__ import annotations

import pandas as pd
import pytest

import qpvhealth
from qpvhealth.errors import UsageError
from qpvhealth.pipeline import accounting, ahead, polygons
from qpvhealth.publish import caches
from qpvhealth.settings import Settings


@pytest.fixture
def raw(perimeters):
    """Keep the perimeters of a folder, though they are few."""
    return perimeters


def assert_same(one, two):
    assert (one.inputs, one.findings, one.in_force) == (two.inputs, two.findings, two.in_force)
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, two[name])


def test_perimeters_are_kept_and_not_read_again(raw, tmp_path, monkeypatch):
    alone = qpvhealth.build(raw)
    rules = {f.rule for f in alone.findings}
    assert {"correction-applied", "polygon-repaired", "commune-unnamed"} <= rules
    assert {"QP031001", "Z1"} <= set(alone["neighbourhoods"]["qpv_code"])
    first = qpvhealth.build(raw, cache=tmp_path / "kept")
    monkeypatch.setattr(polygons, "reading", None)
    again = qpvhealth.build(raw, cache=tmp_path / "kept")
    assert len(list((tmp_path / "kept").iterdir())) == 1
    assert_same(alone, first)
    assert_same(alone, again)


def test_fates_are_kept_with_the_generations_that_they_are_between(raw, tmp_path, monkeypatch):
    asked, original = [], accounting.fates_between
    monkeypatch.setattr(accounting, "fates_between", lambda basis: asked.append(1) or original(basis))
    alone = Settings(generations=("qpv-2015",))
    for settings, n in ((None, 1), (None, 1), (alone, 2), (alone, 2), (None, 3)):
        kept = qpvhealth.build(raw, settings, cache=tmp_path / "kept")
        assert len(asked) == n
        assert set(kept["neighbourhood_fates"]["generation_from"]) == (set() if settings else {"civ-2008"})
        assert len(kept["neighbourhood_fates"]) == (0 if settings else 3)


def damaged(path, how):
    data = path.read_bytes()
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "flipped":
        at = data.index(b"QP031001")
        path.write_bytes(data[:at] + b"QP031009" + data[at + 8 :])
    else:
        path.write_bytes(b"not at all")


@pytest.mark.parametrize("how", ["cut", "flipped", "other"])
def test_what_is_damaged_is_read_again(raw, tmp_path, how):
    first = qpvhealth.build(raw, cache=tmp_path / "kept")
    (path,) = (tmp_path / "kept").iterdir()
    whole = path.stat().st_size
    damaged(path, how)
    assert_same(first, qpvhealth.build(raw, cache=tmp_path / "kept"))
    assert path.stat().st_size == whole
    assert_same(first, qpvhealth.build(raw, cache=tmp_path / "kept"))


def test_what_is_no_perimeters_is_read_again(raw, tmp_path):
    first = qpvhealth.build(raw, cache=tmp_path / "kept")
    (path,) = (tmp_path / "kept").iterdir()
    caches.keep(tmp_path / "kept", path.stem, {"index": pd.Series([1]).to_numpy()})
    assert_same(first, qpvhealth.build(raw, cache=tmp_path / "kept"))


def test_a_folder_that_cannot_be_written_stops_nothing(raw, tmp_path):
    (tmp_path / "file").write_text("here", encoding="utf-8")
    assert_same(qpvhealth.build(raw), qpvhealth.build(raw, cache=tmp_path / "file" / "kept"))


def test_a_small_file_is_not_kept(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(ahead, "MANY_BYTES", 2**20)
    qpvhealth.build(raw, cache=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_what_is_wrong_is_said_again(raw, tmp_path):
    corrections = raw / "corrections.toml"
    corrections.write_text(
        corrections.read_text(encoding="utf-8").replace('expect = "Q"', 'expect = "X"'), encoding="utf-8"
    )
    for _ in range(2):
        with pytest.raises(UsageError, match="the source has changed"):
            qpvhealth.build(raw, cache=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
