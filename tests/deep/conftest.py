"""Tests that take minutes: they run only when this folder is named on the command line (``make test-deep``).

Counts bound them, and processor time, which other programs do not lengthen; ``--whole`` asks for every step, moment and file.
"""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path, config):
    named = [Path(a.split("::")[0]).resolve() for a in config.args]
    asked = any(n == HERE or HERE in n.parents for n in named)
    return None if asked or collection_path.suffix != ".py" else True


def pytest_addoption(parser):
    parser.addoption("--whole", action="store_true", help="every step of a build, 300 moments, 100,000 files")


@pytest.fixture
def is_whole(request):
    return request.config.getoption("--whole")
