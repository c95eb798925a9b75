"""A whole build, cut: a sample of the steps, moments and disk sizes that the deep tests go through one by one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[1] / "deep" / "injection.py"
NOT_POSSIBLE = 77


TASKS = [
    {"task": "faults", "stride": 97, "seed": 5, "seconds": 60},
    {"task": "moments", "whole": 1, "publishing": 1, "seed": 1, "seconds": 60},
    {"task": "quota", "sizes": 1},
]


def test_a_build_that_is_cut_leaves_a_whole_release_and_the_next_one_succeeds(tmp_path):
    done = subprocess.run(
        [sys.executable, PROGRAM, tmp_path, json.dumps(TASKS)], capture_output=True, text=True, check=False
    )
    if done.returncode == NOT_POSSIBLE:
        pytest.skip("no compiler")
    assert done.returncode == 0, done.stderr[-3000:]
    for told in json.loads(done.stdout):
        assert told["problems"] == []
        assert sum(told["outcomes"].values()) >= 2
