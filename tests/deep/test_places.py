"""Where a build must work: inputs that cannot be written, another file system, a linked folder, spaces and accents."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.commands import COMMAND, run
from tests.deep.injection import raw_folder


@pytest.fixture
def raw(tmp_path):
    return raw_folder(tmp_path / "raw", 3)


def seen(folder):
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(folder.iterdir())}


def holds(raw, out, run=run):
    """Build twice, verify; return the id."""
    before = seen(raw)
    first = run("build", "--raw", raw, "--out", out, "--json")
    assert first.returncode == 0, first.stderr
    again = run("build", "--raw", raw, "--out", out, "--json")
    assert json.loads(again.stdout)["unchanged"] is True
    assert run("verify", "--out", out).returncode == 0
    assert seen(raw) == before
    return json.loads(first.stdout)["release"]


def test_inputs_that_cannot_be_written(raw, tmp_path):
    for path in raw.iterdir():
        path.chmod(0o444)
    raw.chmod(0o555)
    try:
        holds(raw, tmp_path / "out")
    finally:
        raw.chmod(0o755)


def test_inputs_on_a_file_system_that_is_read_only(raw, tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("no unshare")
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && ! touch "$0/x" 2>/dev/null && exec "$@"'
    inside = ["unshare", "-rm", "sh", "-c", script, str(raw)]
    if subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a file system")

    def run_inside(*words):
        return subprocess.run([*inside, *COMMAND, *map(str, words)], capture_output=True, text=True, check=False)

    holds(raw, tmp_path / "out", run_inside)


def test_output_on_another_file_system(raw, tmp_path):
    shared = Path("/dev/shm")  # noqa: S108 -- a file system of its own on every Linux
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no other file system")
    out = shared / f"qpvhealth-{os.getpid()}"
    try:
        holds(raw, out)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def test_linked_folders_and_names_with_spaces_and_accents_give_the_same_release(raw, tmp_path):
    plain = holds(raw, tmp_path / "out")
    odd = tmp_path / "Données d'été (n° 1) [é]"
    shutil.copytree(raw, odd)
    assert holds(odd, tmp_path / "sortie d'août %s") == plain
    (tmp_path / "data").symlink_to(odd)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    assert holds(tmp_path / "data", tmp_path / "linked") == plain
    relative = run("build", "--raw", "data", "--out", "linked/deeper", "--json", cwd=tmp_path)
    assert json.loads(relative.stdout)["release"] == plain
