import errno
import hashlib
import os
import stat
import zipfile
from pathlib import Path

import pytest

from qpvhealth.errors import InputError
from qpvhealth.ingest.readers import guard
from qpvhealth.ingest.readers.guard import checked_path, inflated_chunks, opened_zip, refuse_bigger, sha256_of


def test_a_plain_file_is_given_back_absolute(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("x\n1\n")
    monkeypatch.chdir(tmp_path)
    assert checked_path(Path("a.csv")) == tmp_path / "a.csv"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "https://example.org/a.geojson",
            "/vsicurl/example.org/a.geojson",
            "/vsizip/a.zip/b.shp",
            "data/vsimem/a.gpkg",
        ),
        *("PG:dbname=x.gpkg", "GPKG:/etc/a.gpkg", "file:/etc/passwd.csv", "a\nb.csv", "caf\udce9.csv"),
    ],
)
def test_what_is_not_a_file_name_is_refused(text):
    with pytest.raises(InputError):
        checked_path(Path(text))


def test_missing_special_and_empty_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "empty.csv").touch()
    for name in ("pipe.csv", "folder.csv", "empty.csv", "missing.csv"):
        with pytest.raises(InputError, match=name):
            checked_path(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.geojson", b"<OGRVRTDataSource/>"),
        ("a.gpkg", b"<OGRVRTDataSource/>"),
        ("a.shp", b"{}"),
        ("a.parquet", b"{}"),
        ("a.fgb", b"SQLite format 3\x00"),
        ("a.csv", b"PK\x03\x04"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("a.xlsx", b"a;b\n"),
        ("a.zip", b"a;b\n"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("a.vrt", b"<OGRVRTDataSource/>"),
        ("a", b"x"),
    ],
)
def test_content_of_another_kind_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError):
        checked_path(tmp_path / name)


def test_json_may_start_with_a_mark_and_spaces(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf \n{}")
    assert checked_path(tmp_path / "a.json").name == "a.json"


def test_a_hash_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"abc" * 1_000_000)
    assert sha256_of(tmp_path / "a.csv") == hashlib.sha256(b"abc" * 1_000_000).hexdigest()
    with pytest.raises(InputError):
        sha256_of(tmp_path / "b.csv")


def test_a_big_file_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"abc")
    refuse_bigger(tmp_path / "a.csv", 3)
    with pytest.raises(InputError, match="at most"):
        refuse_bigger(tmp_path / "a.csv", 2)


def zipped(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    return path


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        *(([(name, b"x")], "refused") for name in ("/etc/a", "../a", "x/../../a", "..\\a", "C:/a", link("a.shp"))),
        ([("a", bytes(30 * guard.MIB))], "bomb"),
        ([(str(i), b"") for i in range(guard.MAX_ZIP_ENTRIES + 1)], "entries"),
    ],
    ids=[*("root", "parent", "deep", "backslash", "drive", "link"), "a bomb by its directory", "too many"],
)
def test_an_archive_that_leads_elsewhere_or_is_a_bomb_is_refused(tmp_path, entries, said):
    path = zipped(tmp_path / "a.zip", entries)
    with pytest.raises(InputError, match=said), opened_zip(path):
        pass


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-30], "damaged"),
        (lambda data: data[:40] + b"\xff" * 20 + data[60:], "damaged"),
        (lambda data: flagged(data, data.index(b"PK\x01\x02") + 8), "encrypted"),
    ],
    ids=["cut", "spoilt", "the flag of encryption, in the directory"],
)
def test_a_damaged_or_encrypted_archive_is_refused(tmp_path, change, said):
    path = zipped(tmp_path / "a.zip", [("a", bytes(range(256)) * 100)])
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=said), opened_zip(path) as archive:
        list(inflated_chunks(archive, archive.infolist()[0]))


def flagged(data, at):
    return data[:at] + bytes([data[at] | 1]) + data[at + 1 :]


def test_an_entry_longer_than_declared_is_refused_while_it_is_read(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.shp", "x" * 100)
    with opened_zip(path) as archive:
        (entry,) = archive.infolist()
        assert b"".join(inflated_chunks(archive, entry)) == b"x" * 100
        entry.file_size = 99
        with pytest.raises(zipfile.BadZipFile):
            list(inflated_chunks(archive, entry))


def test_a_file_that_may_not_be_opened_is_an_input_error(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("x\n")

    def denied(*_args, **_options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(InputError, match="Permission denied"):
        guard.first_bytes(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("q.gdb", r"geodatabase of ArcGIS.* ogr2ogr /\S*/q\.gpkg /\S*/q\.gdb$"),
        ("q.tab", r"MapInfo.* ogr2ogr /\S*/q\.gpkg /\S*/q\.tab$"),
        ("q.KML", r"Google Earth.* ogr2ogr /\S*/q\.gpkg /\S*/q\.KML$"),
        ("q.topojson", r"TopoJSON, which rounds.* ogr2ogr /\S*/q\.gpkg /\S*/q\.topojson$"),
        ("q.geojsonl", r"GeoJSON by lines.* ogr2ogr /\S*/q\.gpkg /\S*/q\.geojsonl$"),
        ("q.xls", r"open it and save it as \.xlsx"),
    ],
)
def test_a_format_that_is_not_read_is_refused_with_the_way_out(tmp_path, name, what):
    if name == "q.gdb":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("<html>")
    with pytest.raises(InputError, match=what):
        checked_path(tmp_path / name)
