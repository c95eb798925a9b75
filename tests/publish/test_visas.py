"""Visas: a record of who signed which release, that no prune removes and that a later visa replaces."""

import json
import os
import shutil
from datetime import date

import pytest

from qpvhealth.errors import ContractError, UsageError
from qpvhealth.publish import visas
from qpvhealth.publish.release import open_release
from qpvhealth.publish.store import Store
from tests.commands import run


def answer(*words):
    done = run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def document(*words):
    return json.loads(answer(*words, "--json"))


DAY = date(2026, 11, 30)
WHO = {"author": "A. Martin", "by": "B. Durand", "on": DAY}


@pytest.fixture
def out(released, tmp_path):
    """A store of one release, which may be signed."""
    shutil.copytree(released, tmp_path / "out", symlinks=True)
    return tmp_path / "out"


def test_a_visa_speaks_of_the_bytes_of_a_release(out):
    release = open_release(out)
    assert visas.of_release(release) == (None, None)
    visa = visas.sign(Store(out), None, **WHO, note="après relecture")
    assert (visa.number, visa.release, visa.checksum) == (1, release.id, release.manifest["checksum"])
    assert visas.of_release(release) == (visa, None)
    entries = json.loads((out / visas.NAME).read_text(encoding="utf-8"))["visas"]
    entries[0]["checksum"] = "0" * 64
    (out / visas.NAME).write_text(json.dumps({"visas": entries}), encoding="utf-8")
    assert visas.of_release(release) == (None, None)  # it was another content that was signed


def test_a_visa_is_replaced_and_never_changed(out):
    first = visas.sign(Store(out), None, **WHO)
    with pytest.raises(UsageError, match="has visa 1 already"):
        visas.sign(Store(out), None, **WHO)
    with pytest.raises(UsageError, match="no visa 7 to replace; those in force: 1"):
        visas.sign(Store(out), None, **WHO, replaces=7)
    second = visas.sign(Store(out), None, **WHO, replaces=1)
    assert visas.read(out) == [first, second]
    assert visas.last_signed(out) == second
    with pytest.raises(UsageError, match="no visa 1 to replace; those in force: 2"):
        visas.sign(Store(out), None, **WHO, replaces=1)


def test_what_is_wrong_is_not_signed(out):
    with pytest.raises(UsageError, match="nothing is signed"):
        visas.last_signed(out)
    with pytest.raises(UsageError, match="--author and --by"):
        visas.sign(Store(out), None, author="A", by=" ", on=DAY)
    table = open_release(out).folder / "areas.parquet"
    table.chmod(0o644)
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    with pytest.raises(ContractError, match="its files have changed"):
        visas.sign(Store(out), None, **WHO)
    assert not (out / visas.NAME).exists()


@pytest.mark.parametrize("text", ["{", '{"visas": [{}]}', '{"visas": [{"number": 2}]}', "[]"])
def test_a_damaged_record_is_said(out, text):
    (out / visas.NAME).write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match="visas cannot be read"):
        visas.read(out)


def test_the_commands_sign_list_keep_and_report(out, tmp_path):
    who = ("--author", "A. Martin", "--by", "B. Durand", "--out", out)
    assert run("diff", "--since-signed", "--out", out).returncode == 2
    assert answer("sign", *who, "--note", "<b>ok</b>").startswith("Visa 1: ")
    assert "visa 1 (B. Durand" in answer("releases", "list", "--out", out)
    assert document("releases", "list", "--out", out)["releases"][0]["visas"] == [1]
    assert answer("sign", *who, "--replaces", 1).startswith("Visa 2: ")
    assert "replaced by 2" in answer("releases", "list", "--out", out)
    answer("report", "--out", out, "--to", tmp_path / "note", "--format", "html", "--commune", "93901")
    page = (tmp_path / "note" / "report.html").read_text(encoding="utf-8")
    assert "visa n° 2" in page.replace("\u00a0", " ")
    assert "annule et remplace le visa n° 1" in page.replace("\u00a0", " ")
    assert "aucun visa" not in page
    assert answer("diff", "--since-signed", "--out", out)
    assert run("diff", 2018, 2019, "--since-signed", "--out", out).returncode == 2
    assert run("diff", 2018, "--out", out).returncode == 2


def test_a_signed_release_is_not_pruned(out):
    for name in ("0" * 16, "1" * 16):
        (out / "releases" / name).mkdir()
        os.utime(out / "releases" / name, (0, 0))
    entry = {"number": 1, "release": "0" * 16, "checksum": "", "signed_on": "2026-11-30", "author": "A", "by": "B"}
    (out / visas.NAME).write_text(json.dumps({"visas": [entry]}), encoding="utf-8")
    assert answer("releases", "prune", "--keep", 1, "--yes", "--out", out) == f"removed {'1' * 16}\n"
    assert (out / "releases" / ("0" * 16)).is_dir()
