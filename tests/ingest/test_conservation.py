"""A few hundred of the generated files that the deep tests go through by the hundred thousand."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

DEEP = Path(__file__).resolve().parents[1] / "deep" / "test_conservation.py"


@pytest.fixture(scope="module")
def deep():
    from sys import modules

    spec = importlib.util.spec_from_file_location("deep_conservation", DEEP)
    module = modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_lose_no_record(tmp_path, deep):
    assert deep.all_hold(tmp_path, deep.of_records, n=400, seconds=30, seed="quick") >= 100


def test_generated_extracts_lose_no_row(tmp_path, deep):
    assert deep.all_hold(tmp_path, deep.of_structures, n=25, seconds=30, seed="quick") >= 5
