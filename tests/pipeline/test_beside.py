"""A copy of the process computes the same, and leaves nothing behind; where it cannot, the same is computed here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from qpvhealth.errors import ContractError
from qpvhealth.pipeline import beside as module
from qpvhealth.pipeline.beside import beside, in_parts

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux alone")
as_copied = pytest.mark.usefixtures("copied")


@pytest.fixture
def copied(monkeypatch):
    """Copy even where a runner of tests has threads; return the copies that were made."""
    made = []

    class Noted(module._Copy):
        def __init__(self, *given):
            super().__init__(*given)
            made.append(self)

    monkeypatch.setattr(module, "can_copy", lambda: True)
    monkeypatch.setattr(module, "_Copy", Noted)
    return made


def open_files():
    """List what this process has open."""
    return [path.name for path in Path("/proc/self/fd").iterdir()]


def waited_for(copied):
    """Say whether the one copy that was made was waited for: nothing of it is left."""
    return [copy._process for copy in copied] == [0]


@linux
def test_the_result_comes_from_another_process(copied):
    with beside(lambda: (os.getpid(), "é" * 100_000)) as later:
        process, text = later()
    assert process != os.getpid()
    assert text == "é" * 100_000
    assert waited_for(copied)


@linux
@as_copied
def test_geometries_come_back_as_they_were():
    ring = shapely.LinearRing([(0, 0), (1, 0), (1, 1)])
    shapes = [shapely.box(0, 0, 1, 1 / 3), None, shapely.Polygon(), shapely.set_srid(shapely.Point(1, 2), 2154)]
    frame = pd.DataFrame({"code": ["a", None, "c", "d"], "geometry": np.array(shapes), "n": [1, 2, 3, 4]})
    mixed = np.array([ring, "text", 3, None], dtype=object)
    rings = np.array([ring, shapes[0]])
    with beside(lambda: (frame, mixed, rings, np.array(shapes).reshape(2, 2))) as later:
        came, others, outlines, square = later()
    pd.testing.assert_frame_equal(came, frame)
    assert [shapely.get_srid(g) for g in came["geometry"]] == [0, -1, 0, 2154]
    assert others.tolist() == mixed.tolist()
    assert outlines[0].geom_type == "LinearRing"
    assert square.shape == (2, 2)
    assert square[0, 0].equals_exact(shapes[0], 0)


@linux
@as_copied
def test_arrays_without_any_geometry_come_back_too():
    nulls, none = np.array([None, None], dtype=object), np.array([], dtype=object)
    with beside(lambda: (os.getpid(), nulls, none)) as later:
        process, came, empty = later()
    assert process != os.getpid()
    assert came.tolist() == [None, None]
    assert empty.tolist() == []


def test_what_does_not_pay_is_computed_here():
    with beside(os.getpid, pays=False) as later:
        assert later() == os.getpid()


def test_without_a_second_core_it_is_computed_here(monkeypatch):
    monkeypatch.setattr(module, "can_copy", lambda: False)
    with beside(os.getpid) as later:
        assert later() == os.getpid()


@linux
def test_what_is_raised_there_is_raised_here(copied):
    def broken():
        raise ContractError("no balance")

    with beside(broken) as later, pytest.raises(ContractError, match="no balance"):
        later()
    assert waited_for(copied)


@linux
@as_copied
def test_a_copy_that_dies_is_made_up_for_here():
    here = os.getpid()

    def killed_elsewhere():
        if os.getpid() != here:
            os.abort()
        return "done"

    with beside(killed_elsewhere) as later:
        assert later() == "done"


@linux
@as_copied
@pytest.mark.parametrize("call", ["memfd_create", "pipe", "fork"])
def test_where_the_system_refuses_a_copy_it_is_computed_here(monkeypatch, call):
    def refused(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    before = open_files()
    monkeypatch.setattr(os, call, refused)
    with beside(os.getpid) as later:
        assert later() == os.getpid()
    assert open_files() == before


@linux
@as_copied
def test_nothing_stays_open():
    before = open_files()
    with beside(os.getpid) as later:
        later()
    assert open_files() == before


@linux
@as_copied
def test_what_cannot_be_sent_is_computed_here():
    with beside(lambda: lambda: 3) as later:
        assert later()() == 3


@linux
def test_a_copy_that_nobody_waits_for_is_ended(copied):
    def endless():
        while True:
            pass

    with pytest.raises(ContractError), beside(endless):
        raise ContractError
    assert waited_for(copied)


@linux
@as_copied
def test_the_copy_holds_no_file_open(tmp_path):
    with (tmp_path / "lock").open("w") as lock:

        def is_open():
            try:
                os.fstat(lock.fileno())
            except OSError:
                return False
            return True

        with beside(is_open) as later:
            assert later() is False
        assert is_open()


def test_a_process_with_one_thread_may_be_copied():
    code = """
        import os, threading
        from qpvhealth.pipeline.beside import can_copy
        cores = sorted(os.sched_getaffinity(0))[:2]
        os.sched_setaffinity(0, cores[:1])
        alone = can_copy()
        os.sched_setaffinity(0, cores)
        stop = threading.Event()
        print(alone, can_copy())
        thread = threading.Thread(target=stop.wait)
        thread.start()
        print(can_copy())
        stop.set()
        thread.join()
        del os.memfd_create
        print(can_copy())
    """
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) == 1:
        pytest.skip("one core here")
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True", "False", "False"]


@linux
@as_copied
def test_a_copy_that_is_ended_removes_what_it_unpacked(tmp_path):
    def unpacked():
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            (Path(folder) / "a").write_text("", encoding="utf-8")
            time.sleep(60)

    with beside(unpacked):
        while not [*tmp_path.glob("*/a")]:
            time.sleep(0.001)
    assert not [*tmp_path.iterdir()]


@linux
@as_copied
def test_a_copy_that_does_not_end_when_asked_is_ended(tmp_path, monkeypatch):
    def deaf():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (tmp_path / "begun").touch()
        time.sleep(60)

    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    begun = time.monotonic()
    with beside(deaf):
        while not (tmp_path / "begun").exists():
            time.sleep(0.001)
    assert time.monotonic() < begun + 30


def counted(n, *, ends=None):
    """Yield the first numbers, each with the process that counted it; one may end before the last."""
    for number in range(n):
        if number == ends:
            raise ContractError("no more")
        yield number, os.getpid()


@linux
def test_results_come_one_after_another_from_one_process(copied):
    with in_parts(lambda: counted(3)) as results:
        found = [*results]
    assert [number for number, _ in found] == [0, 1, 2]
    assert len({process for _, process in found} - {os.getpid()}) == 1
    assert waited_for(copied)


@linux
@as_copied
def test_the_copy_does_not_wait_for_a_result_to_be_asked_for(tmp_path):
    def first_then_later():
        yield np.arange(1_000_000)
        (tmp_path / "on").touch()
        yield "later"

    with in_parts(first_then_later) as results:
        while not (tmp_path / "on").exists():
            time.sleep(0.001)
        assert next(results).sum() == 499_999_500_000
        assert next(results) == "later"
        assert next(results, None) is None


@linux
@as_copied
def test_results_that_a_copy_ended_without_are_computed_here():
    here = os.getpid()

    def ended_elsewhere():
        yield 0, os.getpid()
        if os.getpid() != here:
            os.abort()
        yield 1, os.getpid()
        yield 2, os.getpid()

    with in_parts(ended_elsewhere) as results:
        (_, process), *others = results
    assert process != here
    assert others == [(1, here), (2, here)]


@linux
@as_copied
def test_what_is_raised_between_results_is_raised_when_the_next_is_asked_for():
    with in_parts(lambda: counted(3, ends=1)) as results:
        assert next(results)[0] == 0
        with pytest.raises(ContractError, match="no more"):
            next(results)


def test_results_that_do_not_pay_are_computed_here_when_they_are_asked_for():
    with in_parts(lambda: counted(2, ends=1), pays=False) as results:
        assert next(results) == (0, os.getpid())
        with pytest.raises(ContractError):
            next(results)


@linux
@as_copied
@pytest.mark.parametrize("pays", [True, False])
def test_there_may_be_no_result(pays):
    with in_parts(lambda: iter(()), pays=pays) as results:
        assert [*results] == []
