"""One computation beside another, on a second core: a copy of this process computes it and sends the result back.

pandas holds the lock of Python, so two threads would wait for each other. The copy shares memory until it writes, holds
no file of this process open, and publishes nothing. Where it cannot be made, or ends without a result, the same function is called here: the result is the same.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
import warnings
from contextlib import contextmanager, suppress
from signal import SIGKILL
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


@contextmanager
def beside(compute: Callable[[], T], *, pays: bool = True) -> Iterator[Callable[[], T]]:
    """Start ``compute``, whose result can be pickled; give the function that waits for it.

    ``pays``: whether it is worth a copy of the process; otherwise it is computed when it is asked for. What ``compute`` raises is
    raised when it is asked for. A copy that nobody waited for is ended.
    """
    copy = _Copy(compute) if pays and can_copy() else None
    try:
        yield compute if copy is None else copy.result
    finally:
        if copy is not None:
            copy.end()


def can_copy() -> bool:
    """Say whether this process may be copied: on Linux, with a second core, and no thread that could hold a lock."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1 and threading.active_count() == 1


class _Copy(Generic[T]):
    """A copy of this process at work on one computation."""

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._read, write = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns of threads: those of Arrow, which makes its own anew after a fork
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process = os.fork()
        if self._process == 0:
            _send(compute, write)
        os.close(write)

    def result(self) -> T:
        """Wait for what the copy sends; where it ended without, compute it here."""
        with open(self._read, "rb", closefd=False) as pipe:
            sent = pipe.read()
        if self._wait() != 0:
            return self._compute()
        found: T = pickle.loads(sent)  # noqa: S301 -- our own copy wrote it
        return found

    def end(self) -> None:
        """Close the pipe, and end a copy that nobody waited for."""
        os.close(self._read)
        if self._process:
            os.kill(self._process, SIGKILL)
            self._wait()

    def _wait(self) -> int:
        status = os.waitpid(self._process, 0)[1]
        self._process = 0
        return status


class _Pickler(pickle.Pickler):
    """Sends the geometries of an array all at once: one by one takes three times as long."""

    def reducer_override(self, given: object) -> Any:  # noqa: ANN401 -- what pickle takes
        """Send an array of geometries as WKB, anything else as pickle does."""
        if not isinstance(given, np.ndarray) or given.dtype != object or not given.ndim:
            return NotImplemented
        if not shapely.is_geometry(given).any() or not shapely.is_valid_input(given).all():
            return NotImplemented  # nothing but nulls would be sent as nulls, without end
        if (shapely.get_type_id(given) == _RING).any():
            return NotImplemented  # a ring would come back as a line
        return shapely.from_wkb, (shapely.to_wkb(given, include_srid=True),)


_RING = shapely.GeometryType.LINEARRING


def _send(compute: Callable[[], object], write: int) -> None:
    """Compute, send and leave, in the copy. Files are closed first: the lock of the store is held as long as one has it open."""
    status = 1
    with suppress(BaseException):
        os.closerange(3, write)
        os.closerange(write + 1, os.sysconf("SC_OPEN_MAX"))
        result = compute()
        with open(write, "wb") as pipe:
            _Pickler(pipe, protocol=pickle.HIGHEST_PROTOCOL).dump(result)
        status = 0
    os._exit(status)
