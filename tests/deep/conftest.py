"""Tests that take minutes: they run only when this folder is named on the command line (``make test-deep``)."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path, config):
    named = [Path(a.split("::")[0]).resolve() for a in config.args]
    asked = any(n == HERE or HERE in n.parents for n in named)
    return None if asked or collection_path.suffix != ".py" else True
