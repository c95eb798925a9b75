"""A build that fails or dies at any step, at any moment, on a disk of any size: published or not, never half."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("injection.py")
NOT_POSSIBLE = 77
KILLED = "-9"
HANG_SECONDS = 3_000
"""Counts bound the work; this only ends what would hang."""


def injected(folder, *tasks):
    """Run the tasks in one process that has built once; return what each answered."""
    done = subprocess.run(
        [sys.executable, PROGRAM, folder, json.dumps(tasks)], capture_output=True, text=True, check=False
    )
    if done.returncode == NOT_POSSIBLE:
        pytest.skip("no compiler, or no right to mount a file system")
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout)
    assert [answer["problems"] for answer in answers] == [[]] * len(tasks)
    return answers


@pytest.mark.parametrize("seed", range(2))
def test_every_step_fails_or_kills_and_leaves_a_whole_release(tmp_path, is_whole, seed):
    """Both together try each step, or without ``--whole`` each third one."""
    stride = 2 if is_whole else 6
    task = {"task": "faults", "stride": stride, "seed": seed * stride // 2, "seconds": HANG_SECONDS}
    (answer,) = injected(tmp_path, task)
    assert answer["steps"] > 200
    assert answer["last"] > answer["steps"] - stride, "stopped by time before the last step"
    assert {"4", KILLED} <= answer["outcomes"].keys()


def test_kills_at_random_moments(tmp_path, is_whole):
    whole, publishing = (16, 284) if is_whole else (8, 70)
    task = {"task": "moments", "whole": whole, "publishing": publishing, "seed": 11, "seconds": HANG_SECONDS}
    (answer,) = injected(tmp_path, task)
    assert answer["whole"] + answer["publishing"] == whole + publishing
    assert answer["outcomes"][KILLED] > (whole + publishing) // 3


def test_disks_and_files_of_every_size(tmp_path):
    for answer in injected(tmp_path, {"task": "quota", "sizes": 24}, {"task": "largest", "sizes": 16}):
        assert set(answer["outcomes"]) == {"0", "4"}


def test_a_small_file_system_of_every_size(tmp_path):
    (answer,) = injected(tmp_path, {"task": "tmpfs", "pages": 2})
    assert set(answer["outcomes"]) == {"0", "4"}
    assert answer["outcomes"]["0"] == 1
