"""One computation beside another, on a second core: a copy of this process computes it and sends the result back.

pandas holds the lock of Python, so two threads would wait for each other. The copy shares memory until it writes, holds
no file of this process open, and publishes nothing. Where it cannot be made, or ends without a result, the same function is called here: the result is the same.
"""

from __future__ import annotations

import mmap
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import islice
from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
PATIENCE_S = 1.0
"""A copy that has not ended by itself so long after it was asked to, is ended."""


@contextmanager
def beside(
    compute: Callable[[], T], *, pays: bool = True, otherwise: Callable[[], T] | None = None
) -> Iterator[Callable[[], T]]:
    """Start ``compute``, whose result can be pickled; give the function that waits for it.

    ``pays``: whether it is worth a copy of the process; if not, or where there can be none, it is computed when it is asked for, or
    ``otherwise`` is. What ``compute`` raises is raised when it is asked for. A copy that nobody waited for is ended.
    """
    here = compute if otherwise is None else otherwise
    with _parts(lambda: map(_called, [compute]), lambda: map(_called, [here]), pays=pays) as results:
        yield partial(next, results)


@contextmanager
def in_parts(compute: Callable[[], Iterator[Any]], *, pays: bool = True) -> Iterator[Iterator[Any]]:
    """Start ``compute``, which yields one result after another; give them as they come, each waited for when it is asked for.

    As ``beside``: the copy goes on with the next result while this process uses the last. Without a copy each is computed when it is
    asked for, and where a copy ends early, those that it has not sent are.
    """
    with _parts(compute, compute, pays=pays) as results:
        yield results


@contextmanager
def _parts(compute: Callable[[], Iterator[T]], here: Callable[[], Iterator[T]], *, pays: bool) -> Iterator[Iterator[T]]:
    with ExitStack() as held:
        copied: Callable[[], Iterator[T]] = here
        if pays and can_copy():
            with suppress(OSError):  # too many processes or open files: the system refuses
                copied = _Copy(compute, here, held).results
        yield copied()


def _called(compute: Callable[[], T]) -> T:
    return compute()


def can_copy() -> bool:
    """Say whether this process may be copied: on Linux, with a second core, and no thread that could hold a lock."""
    if sys.platform != "linux" or not hasattr(os, "memfd_create"):  # which a Python made for an old Linux lacks
        return False
    return len(os.sched_getaffinity(0)) > 1 and threading.active_count() == 1


class _Copy(Generic[T]):
    """A copy of this process at work on results, one after another.

    It leaves each in memory that both have, and then says so through a pipe: a large result through a pipe would wait for this
    process to read it.
    """

    def __init__(self, compute: Callable[[], Iterator[T]], here: Callable[[], Iterator[T]], held: ExitStack) -> None:
        """Copy this process. What is ``held`` is let go of at the end, the copy first. Raises OSError where the system refuses."""
        self._here = here
        self._left = os.memfd_create("results")
        held.callback(os.close, self._left)
        self._told, tell = os.pipe()
        held.callback(os.close, self._told)
        try:
            self._process = _fork()
            if self._process == 0:
                _leave(compute, self._left, tell)
        finally:
            os.close(tell)
        held.callback(self._end)

    def results(self) -> Iterator[T]:
        """Wait for what the copy leaves, one result after another; those that it ended without are computed here."""
        start = n = 0
        while end := int.from_bytes(os.read(self._told, _WORD), sys.byteorder):
            if end == start:
                return
            yield self._read(start, end)
            start, n = end, n + 1
        yield from islice(self._here(), n, None)

    def _read(self, start: int, end: int) -> T:
        with (
            mmap.mmap(self._left, end, access=mmap.ACCESS_READ) as left,
            memoryview(left) as every,
            every[start:] as result,
        ):
            found: T = pickle.loads(result)  # noqa: S301 -- our own copy wrote it
        return found

    def _end(self) -> None:
        """End the copy, if it has not: asked first, so that it removes what it has unpacked."""
        os.kill(self._process, SIGTERM)
        asked = time.monotonic()
        while not os.waitpid(self._process, os.WNOHANG)[0]:
            if time.monotonic() > asked + PATIENCE_S:
                os.kill(self._process, SIGKILL)
            time.sleep(0.001)
        self._process = 0


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns of threads: those of Arrow, which makes its own anew after a fork
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


class _Pickler(pickle.Pickler):
    """Sends the geometries of an array all at once: one by one takes three times as long."""

    def reducer_override(self, given: object) -> Any:  # noqa: ANN401 -- what pickle takes
        """Send an array of geometries as WKB, anything else as pickle does."""
        if not isinstance(given, np.ndarray) or given.dtype != object or not given.ndim:
            return NotImplemented
        import shapely  # noqa: PLC0415 -- not loaded yet where layers are read ahead

        if not shapely.is_geometry(given).any() or not shapely.is_valid_input(given).all():
            return NotImplemented  # nothing but nulls would be sent as nulls, without end
        if (shapely.get_type_id(given) == shapely.GeometryType.LINEARRING).any():
            return NotImplemented  # a ring would come back as a line
        return shapely.from_wkb, (shapely.to_wkb(given, include_srid=True),)


def _leave(compute: Callable[[], Iterator[object]], memory: int, tell: int) -> None:
    """Leave one result after another in memory, say where each ends, and end: the copy, which never returns from here. Other files are
    closed first: the lock of the store is held as long as one has it open. A copy that is asked to end unwinds what it does.
    """  # noqa: D205
    status = 1
    try:
        with suppress(BaseException):
            signal.signal(SIGTERM, lambda *_: sys.exit(status))
            first, last = sorted((memory, tell))
            os.closerange(3, first)
            os.closerange(first + 1, last)
            os.closerange(last + 1, os.sysconf("SC_OPEN_MAX"))
            end = 0
            with open(memory, "wb") as left:
                for result in compute():
                    _Pickler(left, protocol=pickle.HIGHEST_PROTOCOL).dump(result)
                    left.flush()
                    end = left.tell()
                    os.write(tell, end.to_bytes(_WORD, sys.byteorder))
            os.write(tell, end.to_bytes(_WORD, sys.byteorder))  # the same again: there is no more
            status = 0
    finally:  # whatever comes between: asked to end, it must not go on as the process that it was copied from
        os._exit(status)


_WORD = 8
"""Bytes of a number in the pipe; they are read together, since they are written together."""
