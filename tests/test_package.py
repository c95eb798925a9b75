"""What is handed on: a wheel with its licence and its metadata, whose facts say where they come from, and how to cite it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
import yaml

import qpvhealth

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "qpvhealth"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    tracked = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    packed = {name for name in wheel.namelist() if not name.startswith(f"qpvhealth-{qpvhealth.__version__}.dist-info/")}
    assert {line.removeprefix("src/") for line in tracked.splitlines()} <= packed
    assert {name.split("/")[0] for name in packed} == {"qpvhealth"}


def test_the_wheel_says_whose_it_is(wheel):
    folder = f"qpvhealth-{qpvhealth.__version__}.dist-info"
    head = HeaderParser().parsestr(wheel.read(f"{folder}/METADATA").decode())
    assert (head["License-Expression"], head["Author"]) == ("MIT", "the qpvhealth authors")
    assert (head["Version"], head["Requires-Python"]) == (qpvhealth.__version__, ">=3.11")
    assert head.get_all("License-File") == PROJECT["license-files"]
    for name in PROJECT["license-files"]:
        assert wheel.read(f"{folder}/licenses/{name}") == (ROOT / name).read_bytes()
    classifiers = head.get_all("Classifier")
    assert "Programming Language :: Python :: 3.11" in classifiers
    assert not [c for c in classifiers if c.startswith("License")], "the expression says it; both are refused"


def test_the_licence_is_the_one_declared():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License\n\nCopyright (c) 2026 the qpvhealth authors\n")


def origins(folder):
    page = folder / "LICENCES.md"
    rows = page.read_text(encoding="utf-8").splitlines() if page.is_file() else []
    return {name.strip().strip("`") for row in rows if row.startswith("| `") for name in row.split("|")[1].split(",")}


def test_every_module_of_facts_says_whose_they_are():
    modules = {path.stem for path in (SOURCE / "facts").glob("*.py")} - {"__init__"}
    assert modules == {Path(name).stem for name in origins(SOURCE / "facts")}


def test_every_data_file_that_ships_has_its_licence_beside_it():
    tracked = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    own = (".py", "/py.typed", "/LICENCES.md")
    # messages, tables, headers noted by the project; rows of the invented France
    folders = tuple(f"src/qpvhealth/{f}/" for f in ("contract", "ingest/kinds", "publish", "sample/files"))
    data = [ROOT / line for line in tracked.splitlines() if not line.endswith(own) and not line.startswith(folders)]
    assert {path.parent.name for path in data} == {"facts", "sample"}
    assert not [path for path in data if not {path.name, path.stem} & origins(path.parent)]


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]
    assert (citation["title"], citation["version"]) == (PROJECT["name"], qpvhealth.__version__)
    assert (citation["license"], citation["abstract"]) == (PROJECT["license"], PROJECT["description"])
    assert citation["authors"] == PROJECT["authors"]
