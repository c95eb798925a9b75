"""``manifest.json``: what a release holds and what it was made from, hashed so that a changed bit is found.

The id of a release is derived from its manifest, which holds the hash of every other file, but for the versions of the libraries
that made it: the same inputs, settings and rules give the same id and the same tables whatever Python made them. A checksum covers
the whole manifest. No clock, machine or user is recorded.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qpvhealth import __version__
from qpvhealth.errors import ContractError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NAME = "manifest.json"
RELEASES = "releases"
"""The folder of a store in which each release bears its id."""
SCHEMA_VERSION = 1
ID_LENGTH = 16
MADE_WITH = {"fingerprint", "versions"}
"""What changes with the libraries and the code, not with what a release holds: no part of its id."""


@dataclass(frozen=True)
class Facts:
    """What only the caller knows of a release.

    ``fingerprint`` stands for inputs, settings and code, and is known before the build. ``inputs`` has one mapping a
    file (id, kind, path as given, sha256, rows in, rows out, out of scope, rejected, duplicates, ...), ``warnings`` one a
    rule (rule, n, message, ...), ``versions`` one entry a library that could change a byte.
    """

    fingerprint: str
    invented: bool
    inputs: Sequence[Mapping[str, Any]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[Mapping[str, Any]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def build(facts: Facts, files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Assemble a manifest; ``files`` gives each file's ``sha256``, ``bytes`` and ``rows`` (see ``described``)."""
    content = {"schema_version": SCHEMA_VERSION, "qpvhealth_version": __version__, "files": files, **vars(facts)}
    return sealed(json.loads(json.dumps(content, default=_plain, allow_nan=False)))


def described(path: Path, rows: int) -> dict[str, Any]:
    """Describe one file of a release for its manifest, from what is on the disk."""
    return {"sha256": sha256(path), "bytes": path.stat().st_size, "rows": rows}


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Add ``release_id``, derived from all but ``MADE_WITH``, and ``checksum``, the sha256 of all the rest."""
    content = _without(manifest, {"release_id", "checksum"})
    content["release_id"] = _digest(_without(content, MADE_WITH))[:ID_LENGTH]
    return content | {"checksum": _digest(content)}


def _without(content: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {k: v for k, v in content.items() if k not in keys}


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()


def canonical(content: Mapping[str, Any]) -> bytes:
    """Write a manifest in its one form: keys sorted, one space of indent, UTF-8, a newline at the end."""
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def write(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write ``manifest.json`` and return its path."""
    path = folder / NAME
    path.write_bytes(canonical(content))
    return path


def read(folder: Path) -> dict[str, Any]:
    """Read the manifest of a release.

    Raises UsageError where there is none, or where a newer program wrote it; ContractError where it is damaged, or in the folder of
    another release.
    """
    path = folder / NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{folder}: not a release: {NAME} cannot be read ({error.strerror})") from error
    content, problem = _parsed(data)
    if problem:
        raise ContractError(f"{path}: {problem}; run `qpvhealth build` again")
    if (version := content["schema_version"]) != SCHEMA_VERSION:
        expected = f"{SCHEMA_VERSION} expected: read it with the qpvhealth that wrote it"
        raise UsageError(f"{path}: schema version {version}, {expected}")
    if problem := _misplaced(folder, content):
        raise ContractError(f"{path}: {problem}")
    return content


def verify(folder: Path) -> list[str]:
    """Hash every file of a release again; return each problem, nothing where there is none.

    A problem: a file that is missing, extra or changed, a manifest that does not agree with its own id or form, or a folder that bears
    the id of another release.
    """
    path = folder / NAME
    if not path.is_file():
        return [f"{NAME}: missing"]
    content, problem = _parsed(path.read_bytes())
    problem = problem or _misplaced(folder, content)
    files = content.get("files", {})
    there = {p.name for p in folder.iterdir()} - {NAME}
    problems = [f"{NAME}: {problem}"] if problem else []
    problems += [f"{name}: missing" for name in sorted(files.keys() - there)]
    problems += [f"{name}: extra, not in the manifest" for name in sorted(there - files.keys())]
    checked = ((name, changed(folder / name, files[name])) for name in sorted(files.keys() & there))
    return problems + [f"{name}: {what}" for name, what in checked if what]


def changed(path: Path, expected: Mapping[str, Any]) -> str:
    """Say how a file differs from what the manifest lists (``described``); nothing where it does not."""
    try:
        if not path.is_file():
            return "not a regular file" if path.exists() else "missing"
        if (size := path.stat().st_size) != expected["bytes"]:
            return f"changed: {size} bytes, {expected['bytes']} expected"
        if (digest := sha256(path)) != expected["sha256"]:
            return f"changed: sha256 {digest}, {expected['sha256']} expected"
    except OSError as error:  # removed by another process since, or not to be read
        return f"cannot be read ({error.strerror})"
    return ""


def _misplaced(folder: Path, content: Mapping[str, Any]) -> str:
    """Say whether a folder bears the id of another release: a store names each by its id; a copy elsewhere has any other name."""
    place, release_id = folder.resolve(), content.get("release_id")
    bears_id = place.parent.name == RELEASES or re.fullmatch(rf"[0-9a-f]{{{ID_LENGTH}}}", place.name)
    if not content or not bears_id or place.name == release_id:
        return ""
    return f"this is release {release_id}, in the folder of {place.name}; rename the folder, or run `qpvhealth build` again"


def is_complete(folder: Path, content: Mapping[str, Any]) -> bool:
    """Say whether every file of the manifest is there with its recorded size."""
    sizes = {folder / name: facts["bytes"] for name, facts in content["files"].items()}
    return all(p.is_file() and p.stat().st_size == size for p, size in sizes.items())


def sha256(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parsed(data: bytes) -> tuple[dict[str, Any], str]:
    """Parse a manifest; return it, or nothing, with what is wrong with it."""
    try:
        content = json.loads(data)
        if "checksum" in content:
            agrees = canonical(sealed(content)) == data
        else:  # written when the versions were still part of the id
            old_id = _digest(_without(content, {"release_id"}))[:ID_LENGTH]
            agrees = canonical(content) == data and content["release_id"] == old_id
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}, "damaged: not a manifest"
    if not agrees:
        return {}, "damaged: it does not agree with its own release_id"
    files, keys = content.get("files"), {"sha256", "bytes", "rows"}
    has_files = isinstance(files, dict) and all(isinstance(f, dict) and keys <= f.keys() for f in files.values())
    if not has_files or "schema_version" not in content:
        return {}, "damaged: its list of files cannot be read"
    return content, ""


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Put dates, numpy numbers and paths in a form JSON has."""
    for convert in ("isoformat", "item", "__fspath__"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    raise TypeError(f"{value!r} ({type(value).__name__}) cannot be written in a manifest")
