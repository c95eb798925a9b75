"""The documents say what the program does: commands run as written, generated pages are up to date."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import geopandas as gpd
import pyarrow as pa
import pytest
import shapely

from tests.commands import run, run_alone

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def readme_commands():
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


OTHER_MACHINE = {"TZ": "Pacific/Tahiti", "PYTHONHASHSEED": "7", "LC_ALL": "C", "OMP_NUM_THREADS": "1"}


@pytest.mark.no_cover
def test_the_commands_of_the_readme_run_as_written(tmp_path, released):
    """The invented France is written and built by processes of another time zone and locale: the release has the same bytes."""
    folder = tmp_path / "données d'été"
    folder.mkdir()
    commands = [shlex.split(command)[1:] for command in readme_commands()]
    assert len(commands) == 19
    for words in commands:
        alone = words[0] in ("sample", "build")
        done = run_alone(*words, cwd=folder, **OTHER_MACHINE) if alone else run(*words, cwd=folder)
        assert done.returncode == 0, f"{words}\n{done.stderr}"
    assert (folder / "disagreements.xlsx").is_file()
    assert (folder / "my-note" / "report.html").is_file()
    ours, theirs = (
        {p.relative_to(out): p.read_bytes() for p in (out / "releases").glob("*/*")}
        for out in (released, folder / "my-releases")
    )
    assert ours == theirs


def test_the_published_figures_of_the_method_are_read_as_written(tmp_path):
    from qpvhealth.ingest import published

    method = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(\[\[figure\]\].*?)```", method, re.DOTALL)
    (tmp_path / "published.toml").write_text(block, encoding="utf-8")
    (source,) = published.load(tmp_path)
    assert [(f["id"], f["value"], f["scope"]) for f in source["figures"]] == [
        ("bilan-2020-msp", 86, "msp"),
        ("bilan-2020-cds", 227, "cds"),
    ]


def test_the_commands_are_put_on_the_path_before_they_are_used():
    assert README.index(". .venv/bin/activate") < README.index("$ qpvhealth")


@pytest.mark.no_cover
def test_the_real_folder_of_the_readme_gives_the_figures_it_states(real_data, tmp_path):
    cards = re.search(r"<!-- real-files -->\n```toml\n(.*?)```", README, re.DOTALL).group(1)
    (tmp_path / "sources.toml").write_text(cards.replace('path = "', f'path = "{real_data}/'), encoding="utf-8")

    assert run("build", "--raw", ".", "--out", "out", cwd=tmp_path).returncode == 0

    def counted(*options):
        (row,) = json.loads(run("counts", "--out", "out", "--json", *options, cwd=tmp_path).stdout)["rows"]
        return row["all_in_qpv"], row["all"]

    assert counted("--generation", "qpv-2015") == (44, 652)
    assert counted("--generation", "qpv-2024") == counted() == (49, 652)
    assert "44 of the 652 structures" in README
    assert "in a QPV of 2015 (`counts --generation qpv-2015`)" in README
    assert "49 in a QPV of 2024" in README


def test_the_function_shown_for_spark_runs_over_arrow_batches(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)\n\nframe\.mapInArrow", page, re.DOTALL).group(1)
    square = gpd.GeoDataFrame(
        {"code_qp": ["QP075001"], "nom_qp": ["a"]}, geometry=[shapely.box(2.3, 48.8, 2.31, 48.81)], crs=4326
    )
    square.to_file(tmp_path / "qpv.gpkg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shown = {}
    exec(code, shown)  # noqa: S102 -- our own page
    points = pa.RecordBatch.from_pydict({"id": [1, 2, 3], "lon": [2.305, 2.311, 2.4], "lat": [48.805] * 3})
    found = pa.Table.from_batches(shown["located"]([points, points])).to_pydict()
    assert found["qpv_code"] == ["QP075001", None, None] * 2
    assert found["near_qpv_code"] == [None, "QP075001", None] * 2


@pytest.mark.parametrize("page", ["cli.md", "data-dictionary.md"])
def test_generated_pages_are_up_to_date(page):
    from qpvhealth.cli import reference
    from qpvhealth.contract import dictionary
    from qpvhealth.indicators import declarations

    made = reference() if page == "cli.md" else f"{dictionary.markdown()}\n{declarations.markdown()}\n"
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == made, "run `make docs`"


def test_every_command_is_documented():
    from qpvhealth.cli import main_group

    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert all(f"`qpvhealth {name}`" in page for name in main_group.commands)
    assert all(command.help for command in main_group.commands.values())


def test_the_page_for_contributors_names_what_exists():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {*re.findall(r"`make ([a-z-]+)", page)} >= {"test", "check", "test-deep", "mutants", "docs", "bench", "lock"}
    assert {*re.findall(r"`make ([a-z-]+)", page)} <= {*targets}
    patches = {p.name for p in (ROOT / "tests" / "additions").glob("*.patch")}
    assert {*re.findall(r"`([a-z]+\.patch)`", page)} == patches
    source = ROOT / "src" / "qpvhealth"
    named = re.findall(r"`((?:rules|facts|contract|ingest|indicators)/[a-z_/.]*)`", page)
    assert len(named) > 10
    assert not [name for name in named if not (source / name).exists()]
    assert not [name for name in re.findall(r"`(tests/[a-z_/]+(?:\.py)?)`", page) if not (ROOT / name).exists()]


def test_the_project_speaks_of_itself_alone():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    hosts = re.compile("py" + r"pi\.org|" + "python" + "hosted|registry\\.n" + "pm")
    for name in tracked:
        text = (ROOT / name).read_bytes().decode("utf-8", errors="replace")
        assert not hosts.search(text), name
        assert not re.search(r"(^|[^A-Za-z0-9_.])/(?:wo" + "rk|fa" + "rm)/", text), name


def test_examples_stand_line_by_line():
    from qpvhealth.cli import reference

    page = reference()
    assert "\\b" not in page
    assert "\n    qpvhealth counts\n    qpvhealth counts --level region" in page


def test_the_page_of_the_architecture_names_what_exists():
    from importlib import import_module

    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    steps = re.findall(r'-->\|"([a-z_.]+)"\|', page)
    assert len(steps) > 10
    for step in steps:
        module, function = f"qpvhealth.{step}".rsplit(".", 1)
        assert callable(getattr(import_module(module), function)), step
    folders = {p.name for p in (ROOT / "src" / "qpvhealth").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert set(re.findall(r"^\| `([a-z_]+)/` \|", page, re.MULTILINE)) == folders
    assert all((ROOT / place).exists() for place in re.findall(r"`(tests/[a-z_/]+(?:\.py)?)`", page))
