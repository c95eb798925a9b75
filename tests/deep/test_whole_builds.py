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


def injected(folder, **task):
    done = subprocess.run(
        [sys.executable, PROGRAM, folder, json.dumps([task])], capture_output=True, text=True, check=False
    )
    if done.returncode == NOT_POSSIBLE:
        pytest.skip("no compiler, or no right to mount a file system")
    assert done.returncode == 0, done.stderr[-3000:]
    (told,) = json.loads(done.stdout)
    assert told["problems"] == []
    return told


@pytest.mark.parametrize("seed", range(4))
def test_every_step_fails_or_kills_and_leaves_a_whole_release(tmp_path, is_whole, seed):
    """All four together try each step, or without ``--whole`` each third one."""
    stride = 4 if is_whole else 12
    told = injected(tmp_path, task="faults", stride=stride, seed=seed * stride // 4, seconds=HANG_SECONDS)
    assert told["steps"] > 500
    assert told["last"] > told["steps"] - stride, "stopped by time before the last step"
    assert {"4", KILLED} <= told["outcomes"].keys()


@pytest.mark.parametrize("seed", [11, 12])
def test_three_hundred_kills_at_random_moments(tmp_path, is_whole, seed):
    whole, publishing = (8, 142) if is_whole else (5, 70)
    told = injected(tmp_path, task="moments", whole=whole, publishing=publishing, seed=seed, seconds=HANG_SECONDS)
    assert told["whole"] + told["publishing"] == whole + publishing
    assert told["outcomes"][KILLED] > (whole + publishing) // 3


def test_a_disk_of_every_size(tmp_path):
    told = injected(tmp_path, task="quota", sizes=40)
    assert set(told["outcomes"]) == {"0", "4"}


def test_files_of_every_size(tmp_path):
    told = injected(tmp_path, task="largest", sizes=20)
    assert set(told["outcomes"]) == {"0", "4"}


def test_a_small_file_system_of_every_size(tmp_path):
    told = injected(tmp_path, task="tmpfs", pages=4)
    assert set(told["outcomes"]) == {"0", "4"}
    assert told["outcomes"]["0"] == 1
