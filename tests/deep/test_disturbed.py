"""What lies on the disk between two runs, disturbed: releases and their link, the index of ``locate``, the workbooks of the field.

A wrong figure is never shown: the command refuses with its documented code, or its answer is that of the undisturbed files.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from tests.commands import run_forked
from tests.deep.injection import raw_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork")
USAGE, INPUT, PUBLISHING, CONTRACT = 2, 3, 4, 5


def run(*words):
    """Run a command in a copy of this process; return its exit code, and what it wrote on stdout and on stderr."""
    done = run_forked(*words)
    return done.returncode, done.stdout, done.stderr


def flips(data, n, seed):
    """Give n copies of some bytes: a bit flipped, a stretch of garbage, a part cut off, in turn."""
    spread = random.Random(seed)  # noqa: S311 -- mutations, not secrets
    for i in range(n):
        out, at = bytearray(data), spread.randrange(len(data))
        if i % 3 == 0:
            out[at] ^= 1 << spread.randrange(8)
        elif i % 3 == 1:
            out[at : at + 16] = spread.randbytes(min(16, len(out) - at))
        else:
            del out[at:]
        yield bytes(out)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return raw_folder(tmp_path_factory.mktemp("given") / "raw", 9, step=0.002)


@pytest.fixture(scope="module")
def store(raw, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    assert run("build", "--raw", raw, "--out", folder / "out")[0] == 0
    return folder / "out"


@pytest.fixture
def out(store, tmp_path):
    shutil.copytree(store, tmp_path / "out", symlinks=True)
    return tmp_path / "out"


COUNTS = ("counts", "--format", "csv")


def test_a_disturbed_manifest_is_never_believed(out):
    right = run(*COUNTS, "--out", out)
    assert right[0] == 0
    path = (out / "current").resolve() / "manifest.json"
    data = path.read_bytes()
    for i, disturbed in enumerate(flips(data, 36, "manifest")):
        path.write_bytes(disturbed)
        code, shown, said = run(*COUNTS, "--out", out)
        assert (code, shown) in {(CONTRACT, ""), (USAGE, "")} or disturbed == data, f"{i}: {code} {said}"
        assert run("verify", "--out", out)[0] in (1, USAGE, CONTRACT), i
    path.write_bytes(data)
    assert run("verify", "--out", out)[0] == 0


MANIFESTS = {
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "deep": b"[" * 100_000,
    "endless number": b'{"schema_version": 1' + b"0" * 5_000 + b"}",
    "files are none": b'{"schema_version": 1, "files": 3}',
    "not text": b"\xff\xfe{}",
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_what_is_no_manifest_is_said(out, name):
    ((out / "current").resolve() / "manifest.json").write_bytes(MANIFESTS[name])
    for command in (
        COUNTS,
        ("diff", "2018", "2019"),
        ("verify",),
        ("releases", "list"),
        ("releases", "prune", "--keep", "1"),
    ):
        code, _, said = run(*command, "--out", out)
        assert code in (0, 1, USAGE, CONTRACT), f"{command}: {said}"


def pipe(path):
    os.mkfifo(path)


LINKS = {
    "to itself": lambda path: path.symlink_to("current"),
    "to what is not there": lambda path: path.symlink_to("releases/0000000000000000"),
    "out of the store": lambda path: path.symlink_to("/etc"),
    "to the folder above": lambda path: path.symlink_to("releases/.."),
    "an empty file": lambda path: path.write_bytes(b""),
    "bytes that are no text": lambda path: path.write_bytes(b"\xff\x00\xfe"),
    "a name with a null": lambda path: path.write_bytes(b"releases/\0a"),
    "a name without end": lambda path: path.write_bytes(b"releases/" + b"a" * 100_000),
    "a folder": lambda path: path.mkdir(),
    "a pipe": pipe,
}


@pytest.mark.parametrize("name", LINKS)
def test_a_disturbed_link_to_the_current_release_is_refused_and_mended_by_a_build(out, raw, name):
    (out / "current").unlink()
    LINKS[name](out / "current")
    code, shown, said = run(*COUNTS, "--out", out)
    assert (code, shown) == (USAGE, ""), said
    code, _, said = run("build", "--raw", raw, "--out", out)
    assert code == (PUBLISHING if name == "a folder" else 0), said
    assert run(*COUNTS, "--out", out)[0] == (USAGE if name == "a folder" else 0)


@pytest.fixture(scope="module")
def located(tmp_path_factory):
    """Points, two squares in Lambert-93, the folder of the index, and the right answer."""
    folder = tmp_path_factory.mktemp("located")
    squares = [shapely.box(650_000 + i, 6_860_000, 650_500 + i, 6_860_500) for i in (0, 700)]
    layer = gpd.GeoDataFrame({"code_qp": ["QP075001", "QP075002"], "nom_qp": ["a", "b"]}, geometry=squares, crs=2154)
    for name in ("q.gpkg", "q.geojson", "q.fgb"):
        layer.to_file(folder / name)
    layer.to_parquet(folder / "q.parquet")
    rows = "".join(f"{i},{649_500 + 17 * i},{6_860_000 + 7 * i}\n" for i in range(100))
    (folder / "p.csv").write_text(f"id,x,y\n{rows}", encoding="utf-8")
    return folder


def locate(folder, neighbourhoods, cache, points="p.csv"):
    """Locate the points with an index kept in a folder; return the exit code, what was written (null: nothing), and what was said."""
    os.environ["XDG_CACHE_HOME"] = str(cache)
    to = cache.parent / "located.csv"
    to.unlink(missing_ok=True)
    words = ("locate", folder / points, "--neighbourhoods", neighbourhoods, "--distance", "300", "--out", to)
    code, _, said = run(*words, *("--x", "x", "--y", "y", "--crs", "EPSG:2154"))
    assert {p.name for p in cache.parent.iterdir()} <= {"located.csv", cache.name, "q"}
    return code, to.read_text(encoding="utf-8") if to.exists() else None, said


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "")  # put back at the end
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def test_a_disturbed_index_is_built_again(located, cache):
    right = locate(located, located / "q.gpkg", cache)
    assert right[0] == 0
    (kept,) = cache.glob("qpvhealth/locate/*.npz")
    data = kept.read_bytes()
    with zipfile.ZipFile(kept) as archive:
        directory = archive.start_dir
    heads = [bytearray(data) for _ in range(40)]
    for i, head in enumerate(heads):
        head[directory + i * (len(data) - directory) // len(heads)] ^= 1 << (
            i % 8
        )  # in the directory, which has no checksum
    for i, disturbed in enumerate([*flips(data, 30, "index"), *map(bytes, heads), b"", b"PK", b"\x93NUMPY"]):
        kept.write_bytes(disturbed)
        assert locate(located, located / "q.gpkg", cache)[:2] == right[:2], i


@pytest.mark.parametrize("name", ["q.gpkg", "q.geojson", "q.fgb", "q.parquet"])
def test_disturbed_polygons_give_the_same_points_or_an_error(located, cache, name):
    right = locate(located, located / name, cache)
    (cache.parent / "q").mkdir()
    path = cache.parent / "q" / name
    for i, disturbed in enumerate(flips((located / name).read_bytes(), 36, name)):
        path.write_bytes(disturbed)
        code, written, said = locate(located, path, cache)
        assert code in (0, USAGE, INPUT), f"{i}: {code} {said}"
        assert (written is None) == (code != 0), i
        if written is not None:
            assert len(written.splitlines()) == len(right[1].splitlines()), i


@pytest.fixture(scope="module")
def sent(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sent")
    words = ("returns", "template", folder / "books", "--deadline", "2020-06-30", "--year", "2020", "--out", store)
    assert run(*words)[0] == 0
    return min((folder / "books").iterdir(), key=lambda path: path.stat().st_size)


DATA = tomllib.loads(Path(__file__).with_name("odd.toml").read_text(encoding="utf-8"))
ODD = (*DATA["cells"], "x" * 30_000, "9" * 400, "\u200b", "\U0001f600")
VALUES = (*DATA["values"], "9" * 5_000, "9" * 30, "'" + "x" * 70_000 + "'")
TEXTS = DATA["texts"]


def read_back(folder, store, *more):
    """Read a workbook that came back from the field; return the exit code and what was said."""
    asked = ("--deadline", "2020-06-30", "--year", "2020", "--out", store, *more)
    code, _, said = run("returns", "read", folder / "back.xlsx", *asked)
    return code, said


def test_odd_cells_in_what_comes_back_from_the_field_are_named_or_taken(store, sent, tmp_path):
    import openpyxl

    spread = random.Random("returns")  # noqa: S311 -- shapes, not secrets
    to = tmp_path / "declarations.csv"
    for i in range(25):
        book = openpyxl.load_workbook(sent)
        for _ in range(spread.choice([1, 1, 3, 10])):
            sheet = spread.choice(book.worksheets)
            cell = sheet.cell(spread.randint(1, sheet.max_row + 1), spread.randint(1, sheet.max_column + 1))
            cell.value = spread.choice([*ODD, None, 3.5, True, 10**20])
        book.save(tmp_path / "back.xlsx")
        to.unlink(missing_ok=True)
        code, said = read_back(tmp_path, store, "--declarations", to)
        assert code in (0, 1, USAGE, INPUT), f"{i}: {said}"
        assert to.exists() == (code in (0, 1)), i


def test_disturbed_workbooks_from_the_field_are_refused_or_read(store, sent, tmp_path):
    data = sent.read_bytes()
    for i, disturbed in enumerate(flips(data, 24, "book")):
        (tmp_path / "back.xlsx").write_bytes(disturbed)
        code, said = read_back(tmp_path, store)
        assert code in (0, 1, USAGE, INPUT), f"{i}: {said}"


def reworded(text, spread):
    """Put an odd value behind an equals sign or a separator, drop or repeat a line."""
    lines = text.splitlines()
    at, kind = spread.randrange(len(lines)), spread.randrange(4)
    if kind < 2:
        parts = re.split(r"(= |;)", lines[at])
        parts[-1] = spread.choice(VALUES)
        lines[at] = "".join(parts)
    elif kind == 2:
        del lines[at]
    else:
        lines.insert(at, lines[spread.randrange(len(lines))])
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", TEXTS)
def test_odd_choices_cards_corrections_and_expectations_are_refused_or_taken(store, tmp_path, name):
    raw = raw_folder(tmp_path / "raw", 9, step=0.002)
    for each in ("sources.toml", "corrections.toml"):
        (raw / each).write_text(TEXTS[each], encoding="utf-8")
    spread, path = random.Random(name), (raw if name in ("sources.toml", "corrections.toml") else tmp_path) / name  # noqa: S311
    for i in range(50):
        path.write_text(reworded(TEXTS[name], spread), encoding="utf-8")
        if name.startswith("expected"):
            words = ("check", "--expect", path, "--out", store)
        else:
            words = ("--quiet", "build", "--raw", raw, "--out", tmp_path / "out", "--dry-run")
            words += ("--settings", path) if name == "qpvhealth.toml" else ()
        code, _, said = run(*words)
        assert code in (0, 1, USAGE, INPUT, CONTRACT), f"{i}: {path.read_text(encoding='utf-8')[:300]} {said}"
        assert not (tmp_path / "out").exists()
