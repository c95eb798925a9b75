"""Polygons in the user's cache folder: read again whole, never in the way."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import shapely

from qpvhealth.locate import polygon_cache
from qpvhealth.spatial.proximity import Perimeters

SQUARES = np.array([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)], dtype=object)
PERIMETERS = {
    "metropole": Perimeters(np.array(["QP075001", "QP0759é"], dtype=object), SQUARES),
    "mayotte": Perimeters(np.array(["QN97601M"], dtype=object), SQUARES[:1]),
}
KEPT = PERIMETERS, ["1 QPV without area"]


def plain(kept):
    """Return what was kept as plain values; null as it is."""
    return kept and ({name: (c.tolist(), shapely.to_wkb(p).tolist()) for name, (c, p) in kept[0].items()}, kept[1])


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_the_folder_is_among_the_caches_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert polygon_cache.folder() == tmp_path / "qpvhealth" / "locate"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert polygon_cache.folder() == tmp_path / "home" / ".cache" / "qpvhealth" / "locate"


def test_a_user_without_home_keeps_nothing(monkeypatch):
    def nowhere():
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nowhere)
    assert polygon_cache.folder() is None


def test_what_is_kept_comes_back_and_nothing_else_is_left(tmp_path):
    assert polygon_cache.read(tmp_path, "k") is None
    assert polygon_cache.write(tmp_path / "made", "k", *KEPT)
    assert plain(polygon_cache.read(tmp_path / "made", "k")) == plain(KEPT)
    assert names(tmp_path / "made") == ["k.npz"]


def test_every_byte_that_changes_a_polygon_is_noticed(tmp_path):
    polygon_cache.write(tmp_path, "k", *KEPT)
    path = tmp_path / "k.npz"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert plain(polygon_cache.read(tmp_path, "k")) in (None, plain(KEPT)), at


def test_the_oldest_go_first(tmp_path):
    for n in range(polygon_cache.MOST + 2):
        polygon_cache.write(tmp_path, f"k{n}", *KEPT)
        os.utime(tmp_path / f"k{n}.npz", (n, n))
    polygon_cache.write(tmp_path, "last", *KEPT)
    assert names(tmp_path) == ["k3.npz", "k4.npz", "k5.npz", "k6.npz", "k7.npz", "k8.npz", "k9.npz", "last.npz"]


def test_what_the_dead_left_is_removed_and_what_is_being_written_stays(tmp_path):
    for name, age in ((".k.dead.npz", 2 * polygon_cache.UNFINISHED_S), (".k.live.npz", 0)):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    polygon_cache.write(tmp_path, "k", *KEPT)
    assert names(tmp_path) == [".k.live.npz", "k.npz"]


@pytest.mark.parametrize("make", [Path.touch, lambda p: p.symlink_to(p)])
def test_a_folder_that_is_none_stops_nothing(tmp_path, make):
    make(tmp_path / "file")
    assert polygon_cache.write(tmp_path / "file", "k", *KEPT) is False
    assert polygon_cache.read(tmp_path / "file", "k") is None
