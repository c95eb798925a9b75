"""What several tests share: the invented France, written and built once a process, and where the real files may be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import Phase, settings

# No test is timed: a loaded machine is not a failure.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
# For `make mutants`: a property that fails has done its work, and is not made smaller.
settings.register_profile("mutants", deadline=None, max_examples=20, phases=[Phase.explicit, Phase.generate])

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _own_caches(tmp_path_factory):
    """Let the commands that tests run keep nothing among the user's caches, nor find anything there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        yield


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory):
    from qpvhealth import sample

    folder = tmp_path_factory.mktemp("sample") / "raw"
    sample.write(folder)
    return folder


@pytest.fixture(scope="session")
def built(sample_folder):
    import qpvhealth

    return qpvhealth.build(sample_folder)


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
def built_release(built, tmp_path_factory):
    return published(built, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def real_data():
    if not REAL.is_dir():
        pytest.skip("the public files are not beside the project")
    return REAL
