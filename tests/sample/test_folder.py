import hashlib
import re
import shutil
import tomllib

import pytest

from qpvhealth import sample
from qpvhealth.errors import UsageError
from qpvhealth.facts.causes import CAUSES
from qpvhealth.facts.territories import REGIONS
from qpvhealth.sample.geography import all_departments
from qpvhealth.sample.resources import cards
from tests.sample import truth


@pytest.fixture(scope="module")
def raw(sample_folder):
    return sample_folder


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.no_cover
def test_same_bytes_at_each_run(raw, tmp_path):
    shutil.copytree(raw, tmp_path, dirs_exist_ok=True)
    sample.write(tmp_path)
    assert files(tmp_path) == files(raw)


def test_refuses_a_folder_with_other_cards(tmp_path):
    (tmp_path / "sources.toml").write_text('[[source]]\nid = "mine"\n', encoding="utf-8")
    with pytest.raises(UsageError, match="holds other cards"):
        sample.write(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["sources.toml"]


def test_cards_match_their_files(raw):
    listed = tomllib.loads((raw / "sources.toml").read_text(encoding="utf-8"))["source"]
    assert len({c["id"] for c in listed}) == len(listed)
    for card in listed:
        assert card["sha256"] == hashlib.sha256((raw / card["path"]).read_bytes()).hexdigest()
        assert card["invented"] is True
        assert card["title"].endswith("(données inventées)")


def test_every_file_has_its_card(raw):
    listed = tomllib.loads((raw / "sources.toml").read_text(encoding="utf-8"))["source"]
    of_a_shapefile = (".shx", ".dbf", ".prj", ".cpg")
    written = {name for name in files(raw) if "/" in name and not name.endswith(of_a_shapefile)}
    assert written == {c["path"] for c in listed}


def test_the_cards_list_what_is_covered_and_who_answered():
    not_covered = {"975", "977", "978", "987"}
    assert set(cards()["structures-2024"]["covers"]["departments"]) == {*all_departments()} - not_covered
    assert set(cards()["declarations-2019"]["answered"]["regions"]) == {*REGIONS} - {"94", "02"}


def test_no_file_names_a_machine_path(raw):
    for name, content in files(raw).items():
        assert not re.search(rb"/(?:work|tmp|home|root|usr)/", content), name


def test_invented_finess_numbers_have_an_impossible_prefix(raw):
    text = (raw / "structures" / "2018-cs1100507.csv").read_text(encoding="cp1252")
    numbers = re.findall(r"^structureet;([^;]+);", text, flags=re.MULTILINE)
    assert numbers
    assert all(n.startswith("0X") for n in numbers)


def test_readme_tells_every_dirt(raw):
    text = (raw / "README.md").read_text(encoding="utf-8")
    assert "{" not in text
    assert str(truth.dirt()["out_of_scope_2018"]) in text


def test_every_cause_happens():
    elsewhere = {"location_lost", "contour"}  # a point that is lost; contours edited in a second delivery
    assert set(truth.changes()["cause"]) == set(CAUSES) - elsewhere


def test_one_situation_per_structure():
    assert not truth.stock().duplicated(["finess_et", "year"]).any()
    totals = (
        truth.counts()
        .pivot_table(index=["year", "structure_type"], columns="situation", values="n_structures", aggfunc="sum")
        .fillna(0)
    )
    assert (totals.drop(columns="all").sum(axis=1) == totals["all"]).all()
