"""Commands of the program, run in this process or in one of their own."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import traceback
from contextlib import chdir, nullcontext, redirect_stderr, redirect_stdout
from unittest.mock import patch

COMMAND = [sys.executable, "-c", "from qpvhealth.cli import main; main()"]


def run(*words, cwd=None):
    """Run a command in this process; return its exit code and what it wrote, as ``subprocess.run`` does.

    A process of its own takes a second and more to load the libraries: ``run_alone`` is for what depends on it.
    """
    from qpvhealth.cli import main

    code, streams = 0, [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    log = logging.getLogger("qpvhealth")
    arguments = [str(word) for word in words]
    with (
        redirect_stdout(streams[0]),
        redirect_stderr(streams[1]),
        chdir(cwd) if cwd else nullcontext(),
        patch.multiple(log, handlers=[], propagate=log.propagate, level=log.level),
    ):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code
        except Exception:  # noqa: BLE001 -- as an interpreter would end
            code = 1
            traceback.print_exc()
        for handler in log.handlers:
            handler.close()
    for stream in streams:
        stream.flush()
    return subprocess.CompletedProcess(arguments, code, *(s.buffer.getvalue().decode("utf-8") for s in streams))


def run_alone(*words, cwd=None, **environment):
    """Run a command in a process of its own, with more variables in its environment."""
    arguments = [*COMMAND, *map(str, words)]
    variables = os.environ | {"PYTHONWARNINGS": "default"} | environment
    return subprocess.run(
        arguments, cwd=cwd, env=variables, capture_output=True, text=True, check=False, encoding="utf-8"
    )
