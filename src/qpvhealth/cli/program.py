"""The command as a program of its own: it ends at once, where Python would first take apart all that it holds."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from typing import NoReturn

from qpvhealth.cli.group import main


def run() -> NoReturn:
    """Run the command line, and end the process."""
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, int):
            _leave(end.code)
        raise


def _leave(code: int) -> None:
    """End the process as Python would, but do not take apart what it holds: measured, 0.03 s after a national build of four.

    Where a thread is still at work, something watches the program (a profiler, a debugger, a measure of coverage), or what was said
    cannot be written, it returns, and Python ends the process.
    """
    gc.freeze()  # then Python, should it end the process, would not look through every object for cycles first: 0.1 s
    if threading.active_count() > 1 or _is_watched():
        return
    atexit._run_exitfuncs()  # noqa: SLF001 -- what Python calls first at its end, and does not call again
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            return
    os._exit(code)


def _is_watched() -> bool:
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    tools = () if monitoring is None else [monitoring.get_tool(n) for n in range(6)]
    return bool(sys.gettrace() or sys.getprofile() or sys.flags.inspect or any(tools))
