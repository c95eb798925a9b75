"""What is read together with a file is found once, whatever the case of its letters, and never chosen among two."""

from __future__ import annotations

import pytest

from qpvhealth.errors import InputError
from qpvhealth.ingest.readers import companions

LOWER = ["q.shp", "q.dbf", "q.shx", "q.prj", "q.cpg"]


def written(folder, names):
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder / names[0]


@pytest.mark.parametrize(
    "names",
    [
        LOWER,
        ["Q.SHP", "Q.DBF", "Q.SHX", "Q.PRJ", "Q.CPG"],
        ["Q.SHP", "q.dbf", "Q.shx", "q.PRJ", "Q.Cpg"],
        ["été[1]*.Shp", "ÉTÉ[1]*.dbf", "Été[1]*.SHX", "été[1]*.prj", "été[1]*.cpg"],
    ],
)
def test_the_parts_of_a_shapefile_are_found_in_any_case(tmp_path, names):
    path = written(tmp_path, names)
    expected = zip(companions.SUFFIXES, names[1:], strict=True)
    assert list(companions.of(path).items()) == [(suffix, tmp_path / name) for suffix, name in expected]


def test_other_files_are_no_parts(tmp_path):
    path = written(tmp_path, [*LOWER[:3], "q.qix", "q.sbn", "q.shp.xml", "q.dbf.bak", "q2.prj", "r.cpg", "q"])
    assert sorted(companions.of(path)) == [".dbf", ".shx"]


@pytest.mark.parametrize("name", ["q.csv", "q.zip", "q.geojson", "q.parquet"])
def test_other_formats_have_none(tmp_path, name):
    assert companions.of(written(tmp_path, [name, *LOWER])) == {}


@pytest.mark.parametrize("twin", ["Q.DBF", "q.Dbf", "q.SHX", "Q.prj", "Q.CPG", "Q.shp"])
def test_two_that_could_be_the_same_part_are_refused(tmp_path, twin):
    path = written(tmp_path, [*LOWER, twin])
    with pytest.raises(InputError, match=f"{twin} and {twin.lower()} could both be its {twin[1:].lower()}"):
        companions.of(path)


@pytest.mark.parametrize("part", [".dbf", ".shx"])
def test_a_shapefile_needs_its_parts(tmp_path, part):
    path = written(tmp_path, LOWER)
    (tmp_path / f"q{part}").unlink()
    with pytest.raises(InputError, match=f"q{part} is missing"):
        companions.of(path)


def test_a_part_that_leads_elsewhere_is_refused(tmp_path):
    (tmp_path / "other").mkdir()
    path = written(tmp_path, [*LOWER[:3]])
    (tmp_path / "q.prj").symlink_to(written(tmp_path / "other", ["q.prj"]))
    with pytest.raises(InputError, match=r"q\.prj leads out"):
        companions.of(path)
    (tmp_path / "q.prj").unlink()
    (tmp_path / "q.prj").mkdir()
    with pytest.raises(InputError, match=r"q\.prj leads out of the folder or is not a file"):
        companions.of(path)


def test_a_shapefile_may_be_linked_with_all_its_parts(tmp_path):
    (tmp_path / "other").mkdir()
    written(tmp_path / "other", LOWER)
    for name in LOWER:
        (tmp_path / name).symlink_to(tmp_path / "other" / name)
    assert list(companions.of(tmp_path / "q.shp")) == [*companions.SUFFIXES]


def test_a_folder_that_is_not_there_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be listed"):
        companions.of(tmp_path / "none" / "q.shp")


@pytest.mark.parametrize("suffix", companions.JOURNALS)
def test_a_geopackage_that_is_being_written_is_refused(tmp_path, suffix):
    path = written(tmp_path, ["q.gpkg", "q.gpkg-shm"])
    journal = tmp_path / f"q.gpkg{suffix}"
    journal.write_bytes(b"")
    assert companions.of(path) == {}
    (tmp_path / "link.gpkg").symlink_to(path)
    journal.write_bytes(b"not yet in the file")
    for name in ("q.gpkg", "link.gpkg"):
        with pytest.raises(InputError, match=rf"another program has it open \(q\.gpkg{suffix}\)"):
            companions.of(tmp_path / name)
