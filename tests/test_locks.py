"""The locks name all that an installer will ask for, in the form in which old ones look for it, and agree with each other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNNING, DEVELOPING, AUDIT = "requirements.lock", "requirements-dev.lock", "requirements-audit.lock"
LOCKS = (RUNNING, DEVELOPING, AUDIT)


class Pin(NamedTuple):
    """One line of a lock: a package at one version, for the interpreters of its marker, and the hashes of its files."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self):
        return canonicalize_name(self.requirement.name)

    @property
    def version(self):
        return str(self.requirement.specifier).removeprefix("==")


def pins(text):
    lines = [
        line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.strip().startswith("#")
    ]
    cut = [re.split(r"\s+--hash=", line.strip()) for line in lines]
    return [Pin(Requirement(first), frozenset(hashes)) for first, *hashes in cut]


def lock(name):
    return pins((ROOT / name).read_text(encoding="utf-8"))


def applies(requirement, extras=frozenset()):
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def gaps(pinned, project, requires):
    """Return what an installer would ask for that no pin of this interpreter answers, by name, version and extras.

    ``project``: what the project itself asks for; ``requires``: from a pin to the requirements of that package. pip before 23.3
    looks for ``coverage[toml]`` at the newest release of the index, hashed or not, where the lock only pins ``coverage``.
    """
    by_name = {pin.name: pin for pin in pinned if applies(pin.requirement)}
    requirements = [("the project", Requirement(text)) for text in project]
    for pin in by_name.values():
        requirements += [(pin.name, Requirement(text)) for text in requires(pin)]
    missing = []
    for user, wanted in requirements:
        extras = by_name[user].requirement.extras if user in by_name else frozenset()
        if not applies(wanted, extras):
            continue
        pin = by_name.get(canonicalize_name(wanted.name))
        if pin is None:
            missing.append(f"{user} asks for {wanted}: not in the lock")
        elif not wanted.specifier.contains(pin.version, prereleases=True):
            missing.append(f"{user} asks for {wanted}: the lock has {pin.version}")
        elif not wanted.extras <= pin.requirement.extras:
            missing.append(f"{user} asks for {wanted}: pinned without the extra")
    return missing


def installed_requirements(pin):
    distribution = metadata.distribution(pin.name)
    assert distribution.version == pin.version, f"{pin.name} {distribution.version} is installed: run `make develop`"
    return distribution.requires or []


def project_requirements(name):
    declared, groups = PROJECT["project"], PROJECT["dependency-groups"]
    if name == RUNNING:
        return declared["dependencies"] + groups["build"]
    extras = [text for texts in declared["optional-dependencies"].values() for text in texts]
    return declared["dependencies"] + groups["build"] + extras + groups["dev"]


@pytest.mark.parametrize("name", [RUNNING, DEVELOPING])
def test_a_lock_answers_all_that_is_asked_for(name):
    assert gaps(lock(name), project_requirements(name), installed_requirements) == []


MADE_UP = "asker==1.0 --hash=sha256:aa\ntarget[fast, safe]==2.1 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n    # via asker\n"


@pytest.mark.parametrize(
    ("requirement", "gap"),
    [
        ("target[fast]>=2", None),
        ("target[fast,safe]>=2", None),
        ("Target", None),
        ("other; python_version < '3'", None),
        ("other; extra == 'unasked'", None),
        ("target[toml]>=2", "pinned without the extra"),
        ("target>=3", "the lock has 2.1"),
        ("other", "not in the lock"),
    ],
)
def test_the_check_of_a_lock_sees_what_is_missing(requirement, gap):
    missing = gaps(pins(MADE_UP), ["asker"], lambda pin: [requirement] if pin.name == "asker" else [])
    assert [text.partition(": ")[2] for text in missing] == ([gap] if gap else [])


def test_the_check_of_a_lock_follows_the_extras_of_a_pin():
    missing = gaps(pins(MADE_UP), [], lambda pin: ["wheels; extra == 'fast'"] if pin.name == "target" else [])
    assert missing == ['target asks for wheels; extra == "fast": not in the lock']
    assert gaps(pins(MADE_UP), ["absent"], lambda _: []) == ["the project asks for absent: not in the lock"]


def test_the_lock_of_before_is_seen_to_lack_its_extra():
    """The lock that stopped building: coverage was pinned, pytest-cov asks for coverage[toml]."""
    text = (ROOT / DEVELOPING).read_text(encoding="utf-8")
    assert "coverage[toml]==" in text
    stripped = pins(text.replace("coverage[toml]==", "coverage=="))
    missing = gaps(stripped, project_requirements(DEVELOPING), installed_requirements)
    assert [text.partition(": ")[2] for text in missing] == ["pinned without the extra"]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_by_version_and_hash_and_names_no_address(name):
    pinned = lock(name)
    assert pinned
    for pin in pinned:
        assert re.fullmatch(r"==[0-9][^,*]*", str(pin.requirement.specifier)), pin
        assert pin.hashes
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", h) for h in pin.hashes)
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def identities(name):
    return {(pin.name, pin.version, str(pin.requirement.marker)): pin for pin in lock(name)}


def test_what_runs_is_what_developers_test():
    running, developing = identities(RUNNING), identities(DEVELOPING)
    assert running.keys() < developing.keys()
    for key, pin in running.items():
        assert pin.hashes == developing[key].hashes, key
        assert pin.requirement.extras <= developing[key].requirement.extras, key


def test_no_two_locks_name_two_versions_of_a_package():
    developing = {pin.name: {p.version for p in lock(DEVELOPING) if p.name == pin.name} for pin in lock(DEVELOPING)}
    shared = [pin for pin in lock(AUDIT) if pin.name in developing]
    assert shared
    assert not [pin for pin in shared if pin.version not in developing[pin.name]]


def test_the_back_end_of_the_build_is_in_the_lock():
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]


def recipes(*targets, path):
    words = ["make", "--dry-run", "--always-make", f"PYTHON={sys.executable}", *targets]
    done = subprocess.run(words, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("path", [os.environ["PATH"], "/usr/bin:/bin"], ids=["path of the machine", "plain path"])
def test_make_installs_by_hash_only_and_says_what(path):
    lines = recipes(".venv/ready-dev", "audit", path=path)
    installs = [line for line in lines if "pip install" in line]
    assert len(installs) == 4
    own = [line for line in installs if "--no-deps --no-build-isolation -e ." in line]
    assert len(own) == 1
    assert all("--only-binary :all: --require-hashes -r requirements" in line for line in installs if line not in own)
    for name in (RUNNING, DEVELOPING):
        here = [p for p in lock(name) if sys.platform == "win32" or "win32" not in str(p.requirement.marker)]
        assert any(f": {len({p.name for p in here})} packages of {name}" in line for line in lines), lines


def test_a_build_installs_no_tool_of_developers():
    lines = recipes("build", path=os.environ["PATH"])
    assert any(RUNNING in line for line in lines)
    assert not any(DEVELOPING in line for line in lines)
