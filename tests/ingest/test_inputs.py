from __future__ import annotations

import hashlib
import shutil

import pytest

from qpvhealth.errors import InputError
from qpvhealth.ingest import cards, inputs
from qpvhealth.ingest.readers import guard, tables


def raw_folder(folder, *lines, content="a;b\n1;2\n"):
    (folder / "s.csv").write_text(content, encoding="utf-8")
    text = "".join(f"[[source]]\nid='{i}'\nkind='practitioners'\nyear=2019\n{line}\n" for i, line in enumerate(lines))
    (folder / "sources.toml").write_text(text, encoding="utf-8")
    return cards.load(folder)


def test_files_are_found_and_hashed(tmp_path):
    sha256 = hashlib.sha256(b"a;b\n1;2\n").hexdigest()
    (found,) = inputs.resolve(raw_folder(tmp_path, f"path='s.csv'\nsha256='{sha256.upper()}'\nretrieved_on=2019-04-15"))
    assert found.sha256 == sha256
    identity = {"id": "0", "kind": "practitioners", "path": "s.csv", "sha256": sha256}
    assert found.as_dict() == identity | {"year": 2019, "retrieved_on": "2019-04-15"}


@pytest.mark.parametrize(
    "keys",
    [
        *("kind='projects'\nyear=1", "kind='practitioners'\nyear=1", "kind='series'\nname='n'\nrelease='r'"),
        "kind='neighbourhood_indicators'\ngeneration='g'\nreference_year=1",
    ],
)
def test_kinds_that_enter_no_table_yet_are_checked_too(tmp_path, keys):
    (tmp_path / "sources.toml").write_text(f"[[source]]\nid='a'\npath='no.csv'\n{keys}", encoding="utf-8")
    with pytest.raises(InputError, match=r"card a: .*no.csv"):
        inputs.resolve(cards.load(tmp_path))


def test_all_problems_are_told_at_once(tmp_path):
    lines = (
        *("path='none.csv'", "path='https://example.org/s.csv'", "path='/vsicurl/x.csv'"),
        *("path='s.csv'\nsha256='0'", "path='.'", "path='s.exe'"),
    )
    (tmp_path / "s.exe").write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        inputs.resolve(raw_folder(tmp_path, *lines))
    told = str(caught.value).splitlines()
    assert [line[:7] for line in told] == [f"card {n}:" for n in range(6)]
    assert "is an address, not a file; download it first" in told[1]
    assert "its bytes are not those of the card" in told[3]


def shapefile(folder, *lines, name="q", capitals=False):
    """Write the parts of a shapefile, each of one letter, and its card; return the cards."""
    for suffix, content in ((".shp", b"\x00\x00\x27\x0a"), (".dbf", b"d"), (".shx", b"x"), (".prj", b"p")):
        part = f"{name}{suffix}"
        (folder / (part.upper() if capitals else part)).write_bytes(content)
    path = f"{name}.shp".upper() if capitals else f"{name}.shp"
    text = "\n".join(["[[source]]\nid='q'\nkind='neighbourhoods'\ngeneration='g'", f"path='{path}'", *lines])
    (folder / "sources.toml").write_text(text, encoding="utf-8")
    return cards.load(folder)


HASHES = {s: hashlib.sha256(letter).hexdigest() for s, letter in ((".dbf", b"d"), (".shx", b"x"), (".prj", b"p"))}


@pytest.mark.parametrize("capitals", [False, True])
def test_companions_of_a_shapefile_are_hashed(tmp_path, capitals):
    (found,) = inputs.resolve(shapefile(tmp_path, capitals=capitals))
    assert found.sidecars == HASHES
    assert found.as_dict()["sidecars"] == HASHES
    before = inputs.fingerprint([found], tmp_path, {})
    (tmp_path / ("Q.DBF" if capitals else "q.dbf")).write_bytes(b"e")
    (found,) = inputs.resolve(cards.load(tmp_path))
    assert inputs.fingerprint([found], tmp_path, {}) != before


def test_companions_have_the_bytes_that_the_card_states(tmp_path):
    stated = f"sidecars={{'.dbf'='{HASHES['.dbf'].upper()}', '.prj'='{HASHES['.prj']}'}}"
    (found,) = inputs.resolve(shapefile(tmp_path, stated, capitals=True))
    assert "reading" not in found.as_dict()
    (tmp_path / "Q.DBF").write_bytes(b"e")
    other = r"card q: the \.{} of Q\.SHP: its bytes are not those of the card"
    with pytest.raises(InputError, match=other.format("dbf")):
        inputs.resolve(cards.load(tmp_path))
    (tmp_path / "Q.DBF").write_bytes(b"d")
    (tmp_path / "Q.PRJ").unlink()
    with pytest.raises(InputError, match=other.format("prj")):
        inputs.resolve(cards.load(tmp_path))


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_geopackage_that_is_being_written_has_no_hash(tmp_path, suffix):
    (tmp_path / "q.gpkg").write_bytes(b"SQLite format 3\x00")
    text = "[[source]]\nid='q'\nkind='neighbourhoods'\ngeneration='g'\npath='q.gpkg'"
    (tmp_path / "sources.toml").write_text(text, encoding="utf-8")
    found = inputs.resolve(cards.load(tmp_path))
    (tmp_path / f"q.gpkg{suffix}").write_bytes(b"x")
    for refuses in (lambda: inputs.resolve(cards.load(tmp_path)), lambda: inputs.refuse_changed(found)):
        with pytest.raises(InputError, match="another program has it open"):
            refuses()


@pytest.mark.parametrize("change", [lambda p: p.with_suffix(".cpg").write_bytes(b"c"), lambda p: p.unlink()])
def test_a_companion_that_comes_or_goes_after_the_hash_is_refused(tmp_path, change):
    found = inputs.resolve(shapefile(tmp_path))
    inputs.refuse_changed(found)
    change(tmp_path / "q.prj")
    with pytest.raises(InputError, match=r"changed while it was read: card q: q\.(cpg|prj); run again"):
        inputs.refuse_changed(found)


@pytest.mark.parametrize("how", ["replaced", "written to", "removed"])
def test_a_file_that_changes_after_it_was_hashed_is_refused(tmp_path, how):
    found = inputs.resolve(raw_folder(tmp_path, "path='s.csv'"))
    inputs.refuse_changed(found)
    path = tmp_path / "s.csv"
    if how == "replaced":
        shutil.copy2(path, tmp_path / "new")
        (tmp_path / "new").replace(path)
    elif how == "written to":
        path.write_bytes(path.read_bytes() + b"\n")
    else:
        path.unlink()
    with pytest.raises(InputError, match=r"changed while it was read: card 0: s\.csv"):
        inputs.refuse_changed(found)


def test_the_fingerprint_changes_with_what_can_change_a_release(tmp_path):
    made = inputs.resolve(raw_folder(tmp_path, "path='s.csv'"))
    first = inputs.fingerprint(made, tmp_path, {"a": 1})
    assert inputs.fingerprint(made, tmp_path, {"a": 1}) == first
    assert inputs.fingerprint(made, tmp_path, {"a": 2}) != first
    (tmp_path / "corrections.toml").write_text("", encoding="utf-8")
    assert inputs.fingerprint(made, tmp_path, {"a": 1}) != first
    changed = inputs.resolve(raw_folder(tmp_path, "path='s.csv'", content="a;b\n1;3\n"))
    assert inputs.fingerprint(changed, tmp_path, {"a": 1}) != first


def test_the_lists_beside_the_modules_enter_the_fingerprint(tmp_path, monkeypatch):
    for name in ("ingest/inputs.py", "facts/lists.py", "facts/territories.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    monkeypatch.setattr(inputs, "__file__", str(tmp_path / "ingest" / "inputs.py"))
    first = inputs.code_digest.__wrapped__()
    (tmp_path / "facts" / "territories.toml").write_text("x = 1", encoding="utf-8")
    assert inputs.code_digest.__wrapped__() != first


def test_a_table_is_read_where_the_guard_lets_it_through():
    assert set(tables.SUFFIXES) == set(guard._KINDS)


@pytest.mark.parametrize(
    ("name", "advice"), [("f.xls", "save it as .xlsx"), ("f.pdf", "expected one of"), ("f", "expected")]
)
def test_other_extensions_are_refused_with_advice(card, name, advice):
    with pytest.raises(InputError, match=advice):
        tables.read(card("populations", "x", name=name))
