"""The index in the user's cache folder: found again whole, never in the way."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from qpvhealth.locate import index_cache

ARRAYS = {"codes": np.array(["QP075001", ""]), "levels": np.arange(3)}


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_the_folder_is_among_the_caches_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert index_cache.folder() == tmp_path / "qpvhealth" / "locate"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert index_cache.folder() == tmp_path / "home" / ".cache" / "qpvhealth" / "locate"


def test_a_user_without_home_keeps_nothing(monkeypatch):
    def nowhere():
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nowhere)
    assert index_cache.folder() is None


def test_what_is_kept_comes_back_and_nothing_else_is_left(tmp_path):
    assert index_cache.read(tmp_path, "k") is None
    assert index_cache.write(tmp_path / "made", "k", ARRAYS)
    found = index_cache.read(tmp_path / "made", "k")
    assert {name: array.tolist() for name, array in found.items()} == {n: a.tolist() for n, a in ARRAYS.items()}
    assert names(tmp_path / "made") == ["k.npz"]


def test_every_byte_that_changes_an_array_is_noticed(tmp_path):
    index_cache.write(tmp_path, "k", ARRAYS)
    path = tmp_path / "k.npz"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = index_cache.read(tmp_path, "k") or {}
        assert all(name not in ARRAYS or array.tolist() == ARRAYS[name].tolist() for name, array in found.items()), at


def test_the_oldest_go_first(tmp_path):
    for n in range(index_cache.MOST + 2):
        index_cache.write(tmp_path, f"k{n}", ARRAYS)
        os.utime(tmp_path / f"k{n}.npz", (n, n))
    index_cache.write(tmp_path, "last", ARRAYS)
    assert names(tmp_path) == ["k3.npz", "k4.npz", "k5.npz", "k6.npz", "k7.npz", "k8.npz", "k9.npz", "last.npz"]


def test_what_the_dead_left_is_removed_and_what_is_being_written_stays(tmp_path):
    for name, age in ((".k.dead.npz", 2 * index_cache.UNFINISHED_S), (".k.live.npz", 0)):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    index_cache.write(tmp_path, "k", ARRAYS)
    assert names(tmp_path) == [".k.live.npz", "k.npz"]


@pytest.mark.parametrize("make", [Path.touch, lambda p: p.symlink_to(p)])
def test_a_folder_that_is_none_stops_nothing(tmp_path, make):
    make(tmp_path / "file")
    assert index_cache.write(tmp_path / "file", "k", ARRAYS) is False
    assert index_cache.read(tmp_path / "file", "k") is None
