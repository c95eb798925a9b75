from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings as tries, strategies as st

from qpvhealth.errors import ContractError, UsageError
from qpvhealth.publish import manifest
from qpvhealth.publish.manifest import Facts


@pytest.fixture
def folder(tmp_path, country):
    return country.publish(tmp_path)


def test_the_manifest_says_what_the_release_holds(folder):
    told = manifest.read(folder)
    assert told["files"].keys() == {"quarters.parquet", "centres.parquet"}
    assert told["files"]["quarters.parquet"]["rows"] == 2
    assert told["files"]["centres.parquet"]["bytes"] == (folder / "centres.parquet").stat().st_size
    assert told["fingerprint"] == "one"
    assert told["invented"] is True
    assert {"pandas", "pyarrow", "shapely"} <= told["versions"].keys()
    assert manifest.verify(folder) == []


def test_the_manifest_has_one_form(folder):
    data = (folder / manifest.NAME).read_bytes()
    assert data == manifest.canonical(json.loads(data))
    assert data.endswith(b"}\n")


def test_the_id_is_that_of_the_content(folder):
    told = manifest.read(folder)
    assert folder.name == told["release_id"] == manifest.sealed(told)["release_id"]
    assert len(folder.name) == 16


def test_versions_and_fingerprint_are_no_part_of_the_id_and_still_checked(folder):
    told = manifest.read(folder)
    other = manifest.sealed(told | {"versions": {"numpy": "0"}, "fingerprint": "two"})
    assert other["release_id"] == told["release_id"]
    assert other["checksum"] != told["checksum"]
    assert manifest.sealed(told | {"settings": {"a": 1}})["release_id"] != told["release_id"]


def test_a_manifest_from_when_versions_were_part_of_the_id_is_read(folder):
    old = {k: v for k, v in manifest.read(folder).items() if k not in ("release_id", "checksum")}
    old["release_id"] = hashlib.sha256(manifest.canonical(old)).hexdigest()[:16]
    folder = folder.rename(folder.with_name(old["release_id"]))
    manifest.write(folder, old)
    assert manifest.read(folder) == old
    manifest.write(folder, old | {"versions": {}})
    assert manifest.verify(folder)[0] == "manifest.json: damaged: it does not agree with its own release_id"


def test_any_flipped_bit_is_found(folder):
    missed = [
        (path.name, at)
        for path in sorted(folder.iterdir())
        for at in range(0, path.stat().st_size, 1 if path.name == manifest.NAME else 11)
        if not problems_of_flip(folder, path, at, at % 8)
    ]
    assert missed == []


def problems_of_flip(folder, path, at, bit):
    data = path.read_bytes()
    path.write_bytes(data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :])
    problems = manifest.verify(folder)
    path.write_bytes(data)
    return problems


def test_missing_and_extra_files_are_named(folder):
    (folder / "quarters.parquet").unlink()
    (folder / "notes.txt").write_text("")
    assert manifest.verify(folder) == ["quarters.parquet: missing", "notes.txt: extra, not in the manifest"]


def test_a_copy_bears_any_name_but_the_id_of_another_release(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "mars-2019")
    assert manifest.read(copy) == manifest.read(folder)
    assert manifest.verify(copy) == []
    for place in (tmp_path / ("0" * 16), folder.with_name("mine")):
        moved = shutil.copytree(folder, place)
        assert manifest.verify(moved)[0].startswith(f"manifest.json: this is release {folder.name}, in the folder of")
        with pytest.raises(ContractError, match=f"this is release {folder.name}, in the folder of {place.name}"):
            manifest.read(moved)


def test_a_changed_file_is_named_with_what_was_expected(folder):
    path = folder / "quarters.parquet"
    size = path.stat().st_size
    path.write_bytes(b"")
    assert manifest.verify(folder) == [f"quarters.parquet: changed: 0 bytes, {size} expected"]
    path.unlink()
    path.mkdir()
    assert manifest.verify(folder) == ["quarters.parquet: not a regular file"]


def test_a_folder_without_a_manifest_is_no_release(tmp_path):
    assert manifest.verify(tmp_path) == ["manifest.json: missing"]
    with pytest.raises(UsageError, match=r"not a release.*manifest\.json"):
        manifest.read(tmp_path)


def self_consistent(**changes):
    return manifest.canonical(manifest.sealed(manifest.build(Facts("one", invented=True), {}) | changes))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"release_id": "x"}',
        self_consistent(files=[]),
        self_consistent(files={"a": 1}),
        self_consistent(files={"a": {"bytes": 1}}),
        self_consistent().replace(b"one", b"two"),
        self_consistent().replace(b"\n", b""),
    ],
    ids=range(12),
)
def test_a_damaged_manifest_is_found_and_never_trusted(tmp_path, data):
    (tmp_path / manifest.NAME).write_bytes(data)
    assert any(p.startswith("manifest.json: damaged") for p in manifest.verify(tmp_path))
    with pytest.raises(ContractError, match="damaged"):
        manifest.read(tmp_path)


def test_a_manifest_leads_to_no_other_folder(tmp_path):
    files = {"../outside.txt": {"sha256": "", "bytes": 0, "rows": 0}}
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside.txt").touch()
    (tmp_path / "inside" / manifest.NAME).write_bytes(self_consistent(files=files))
    assert manifest.verify(tmp_path / "inside") == ["../outside.txt: missing"]


def test_a_manifest_of_another_version_is_refused(tmp_path):
    (tmp_path / manifest.NAME).write_bytes(self_consistent(schema_version=2))
    with pytest.raises(UsageError, match="schema version 2, 1 expected"):
        manifest.read(tmp_path)


def test_settings_may_hold_dates_paths_tuples_and_numbers_of_numpy():
    settings = {"on": dt.date(2019, 3, 31), "rings": (100, 200), "n": np.int64(3), "path": Path("a/b"), 10: "x", 9: "y"}
    told = manifest.build(Facts("one", invented=False, settings=settings), {})
    plain = {"on": "2019-03-31", "rings": [100, 200], "n": 3, "path": "a/b", "10": "x", "9": "y"}
    assert told["settings"] == plain
    assert told == manifest.sealed(json.loads(manifest.canonical(told)))


@pytest.mark.parametrize("value", [object(), {1, 2}])
def test_what_json_cannot_hold_is_a_bug_said_so(value):
    with pytest.raises(TypeError, match="cannot be written in a manifest"):
        manifest.build(Facts("one", invented=False, settings={"x": value}), {})


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@tries(max_examples=15, deadline=None)
@given(st.dictionaries(st.text(), PLAIN))
def test_any_settings_survive_writing_and_reading(settings):
    told = manifest.build(Facts("one", invented=True, settings=settings), {})
    read = json.loads(manifest.canonical(told))
    assert manifest.canonical(read) == manifest.canonical(told)
    assert manifest.sealed(read) == told
