"""What several tests share: the invented France, written and built once for the whole run, and where the real files may be."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import Phase, settings

# No test is timed: a loaded machine is not a failure. Thirty examples find every fault that a hundred find (`make mutants` tries 20).
settings.register_profile("untimed", deadline=None, max_examples=30)
settings.load_profile("untimed")
# For `make mutants`: a property that fails has done its work, and is not made smaller.
settings.register_profile("mutants", deadline=None, max_examples=20, phases=[Phase.explicit, Phase.generate])

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items):
    """Measure no coverage in properties: their examples run at length what the tests by hand run once."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("no_cover")


@pytest.fixture(scope="session", autouse=True)
def _own_caches(tmp_path_factory):
    """Let the commands that tests run keep nothing among the user's caches, nor find anything there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        yield


@pytest.fixture(autouse=True)
def _no_cover(request, monkeypatch):
    """Trace no command of a test marked ``no_cover`` either: it repeats, at length, lines that other tests cover."""
    if request.node.get_closest_marker("no_cover"):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Return a function that has a folder made by the first worker of pytest-xdist that asks for it, and gives it to all."""
    import fcntl

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder_of(name, make):
        folder, unfinished = shared / name, shared / f"{name}.unfinished"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                unfinished.mkdir(exist_ok=True)
                make(unfinished)
                unfinished.rename(folder)
        return folder

    return folder_of


@pytest.fixture(scope="session")
def sample_folder(once):
    from qpvhealth import sample

    return once("sample", lambda folder: sample.write(folder / "raw")) / "raw"


@pytest.fixture(scope="session")
def built(once, sample_folder):
    import qpvhealth

    def make(folder):
        (folder / "tables.pickle").write_bytes(pickle.dumps(qpvhealth.build(sample_folder)))

    return pickle.loads((once("built", make) / "tables.pickle").read_bytes())  # noqa: S301 -- written by this run


@pytest.fixture(scope="session")
def released(once, built, sample_folder):
    """Give a store that holds the release of ``built``, published by the command itself."""
    from qpvhealth.build import stages
    from tests.commands import run

    def make(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stages, "run", lambda *_, **__: built)
            done = run("build", "--raw", sample_folder, "--out", folder / "out")
        assert done.returncode == 0, done.stderr

    return once("released", make) / "out"


@pytest.fixture(scope="session")
def built_release(released):
    from qpvhealth.publish import release

    return release.open_release(released)


def published(built, folder, settings=None):
    """Publish the tables of a build as a release, and open it."""
    from qpvhealth.contract.tables import PUBLISHED
    from qpvhealth.publish import release
    from qpvhealth.publish.manifest import Facts
    from qpvhealth.settings import Settings

    chosen = settings or Settings()
    own = chosen.as_dict() | {"in_force": built.in_force}
    facts = Facts(str(chosen), invented=built.invented, inputs=built.inputs, settings=own)
    return release.open_release(release.write(folder, dict(built), PUBLISHED, facts))


@pytest.fixture(scope="session")
def real_data():
    if not REAL.is_dir():
        pytest.skip("the public files are not beside the project")
    return REAL
