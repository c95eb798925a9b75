"""Commands of the program, run in this process or in one of their own."""

from __future__ import annotations

import io
import logging
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import chdir, nullcontext, redirect_stderr, redirect_stdout, suppress
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


def run_forked(*words, cwd=None, seconds=120, first=None):
    """Run a command in a copy of this process, for what may kill it or must not; ``first`` is called in the copy."""
    from qpvhealth.cli import main

    arguments = [str(word) for word in words]
    with tempfile.TemporaryFile() as written, tempfile.TemporaryFile() as noted:
        child = os.fork()
        if child == 0:
            signal.alarm(seconds)
            code = 99
            try:
                for stream, file in ((1, written), (2, noted)):
                    os.dup2(file.fileno(), stream)
                sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))  # noqa: SIM115
                os.chdir(cwd or os.curdir)
                if first:
                    first()
                main(arguments)
            except SystemExit as end:
                code = end.code
            except BaseException:  # noqa: BLE001 -- as an interpreter would end
                traceback.print_exc()
            with suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (written, noted):
            file.seek(0)
            texts.append(file.read().decode("utf-8"))
    return subprocess.CompletedProcess(arguments, code, *texts)


def run_alone(*words, cwd=None, **environment):
    """Run a command in a process of its own, with more variables in its environment."""
    arguments = [*COMMAND, *map(str, words)]
    variables = os.environ | {"PYTHONWARNINGS": "default"} | environment
    return subprocess.run(
        arguments, cwd=cwd, env=variables, capture_output=True, text=True, check=False, encoding="utf-8"
    )
