"""An empty environment takes the locks and the wheel, by the pip of Debian 12 and on newer Pythons, and gives the same release.

Asks the package index, or the cache of pip. An environment takes 500 to 800 MB and is removed when its test ends.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OLD_PIP = HERE / "debian-12.lock"
IN_QPV = {2018: (42, 209), 2019: (59, 221), 2020: (86, 227)}
"""MSP and centres in a QPV in the invented France, as published."""


def run(*words, cwd=ROOT, check=True):
    # Leave out the empty cache of the other tests, and the settings of their Python and coverage.
    env = {k: v for k, v in os.environ.items() if k != "XDG_CACHE_HOME" and not k.startswith(("PYTHON", "COV"))}
    done = subprocess.run([*map(str, words)], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
    return done


def interpreter(minor):
    """Return a Python of that version that really runs and can make environments: on the path, or one of pyenv's; null: none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [sys._base_executable, shutil.which(f"python{minor}"), *pyenv.glob(f"versions/{minor}.*/bin/python")]
    query = "import ensurepip, sys; print(*sys.version_info[:2], sep='.')"
    return next((c for c in candidates if c and run(c, "-c", query, check=False).stdout.strip() == minor), None)


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def index_answers(pip, folder):
    """Say whether a package index gives one small package; what is withdrawn from one that answers is no reason to skip."""
    words = ("download", "--retries", "1", "--timeout", "20", "--no-deps", "-r", OLD_PIP, "-d", folder)
    probe = run(*pip, *words, check=False)
    if probe.returncode and "No matching distribution found" in probe.stderr:
        return False
    assert probe.returncode == 0, probe.stderr
    return True


@pytest.mark.parametrize("minor", ["3.11", "3.12", "3.13"])
def test_an_empty_environment_takes_the_locks_and_the_wheel_and_gives_the_same_release(
    minor, folder, sample_folder, released
):
    base_python = interpreter(minor)
    if base_python is None:
        pytest.skip(f"no Python {minor} that runs on this machine")
    run(base_python, "-m", "venv", folder / "environment")
    python = folder / "environment" / "bin" / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    if not index_answers(pip, folder):
        pytest.skip("no package index answers: pip 23.0.1 cannot be had")

    by_hash = [*pip, "install", "--quiet", "--no-compile", "--only-binary", ":all:", "--require-hashes", "-r"]
    if minor == "3.11":  # that pip runs on no newer Python
        run(*by_hash, OLD_PIP)
        assert run(*pip, "--version").stdout.startswith("pip 23.0.1 ")
    run(*by_hash, ROOT / "requirements.lock")
    run(python, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist")
    run(*pip, "install", "--quiet", "--no-compile", "--no-deps", "--no-index", *(folder / "dist").glob("*.whl"))
    run(*pip, "check")
    command = python.with_name("qpvhealth")
    run(command, "sample", "my-raw", cwd=folder)
    run(command, "build", "--raw", sample_folder, "--out", "my-releases", cwd=folder)
    rows = json.loads(run(command, "counts", "--out", "my-releases", "--json", cwd=folder).stdout)["rows"]
    shown = {row["year"]: (row["msp_in_qpv"], row["cds_in_qpv"]) for row in rows}
    assert {year: shown[year] for year in IN_QPV} == IN_QPV
    assert (folder / "my-releases" / "current").readlink() == (released / "current").readlink()
    if minor == "3.11":
        run(*by_hash, ROOT / "requirements-dev.lock")
        run(*pip, "check")
