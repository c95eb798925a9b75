"""Visas: who signed the figures of a release, when, and which visa that replaces.

A record beside the releases (``visas.json``), one entry a visa, never changed: no cryptographic signature. A visa speaks of the bytes of
its release: it names the checksum of the manifest, and stands for no other content.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

from qpvhealth.errors import ContractError, UsageError
from qpvhealth.publish import manifest
from qpvhealth.publish.store import Store, write_file

if TYPE_CHECKING:
    from pathlib import Path

    from qpvhealth.publish.release import Release

NAME = "visas.json"


@dataclass(frozen=True)
class Visa:
    """One visa: its ``number`` from 1 on, the release and checksum that it speaks of, the day, and who. ``replaces``: a former number."""

    number: int
    release: str
    checksum: str
    signed_on: str
    author: str
    by: str
    note: str = ""
    replaces: int | None = None

    @property
    def day(self) -> str:
        """The day as a French note writes it: 30/11/2026."""
        return f"{self.on:%d/%m/%Y}"

    @property
    def on(self) -> date:
        """The day."""
        return date.fromisoformat(self.signed_on)


def read(root: Path) -> list[Visa]:
    """Return the visas of a store, in their order. Raises ContractError for a record that cannot be read."""
    path = root / NAME
    if not path.is_file():
        return []
    try:
        visas = [Visa(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))["visas"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{path}: the record of visas cannot be read ({error}); restore it") from error
    if [visa.number for visa in visas] != list(range(1, len(visas) + 1)):
        raise ContractError(f"{path}: visas are numbered from 1 on, without a gap; restore the record")
    return visas


def sign(
    store: Store, release: str | None, *, author: str, by: str, on: date, note: str = "", replaces: int | None = None
) -> Visa:
    """Add the visa of a release to the record of its store, and return it.

    Raises UsageError for an empty name, a visa to replace that is not there or was replaced, a release that has a visa already, unless
    that one is replaced; ContractError where a file of the release has changed.
    """
    if not (author.strip() and by.strip()):
        raise UsageError("a visa names its author and who signs it: --author and --by")
    folder = store.resolve(release)
    if problems := manifest.verify(folder):
        raise ContractError("\n".join((*problems, f"{folder.name} is not signed: its files have changed")))
    with store.lock():
        visas = read(store.root)
        replaced = {visa.replaces for visa in visas}
        if replaces is not None and (replaces in replaced or replaces not in {visa.number for visa in visas}):
            open_ones = ", ".join(str(v.number) for v in visas if v.number not in replaced) or "none"
            raise UsageError(f"no visa {replaces} to replace; those in force: {open_ones}")
        standing = [v.number for v in visas if v.release == folder.name and v.number not in replaced]
        if standing and replaces not in standing:
            raise UsageError(f"{folder.name} has visa {standing[-1]} already; --replaces {standing[-1]} replaces it")
        checksum = str(manifest.read(folder)["checksum"])
        names = {"author": author.strip(), "by": by.strip(), "note": note.strip()}
        visa = Visa(len(visas) + 1, folder.name, checksum, on.isoformat(), **names, replaces=replaces)
        entries = {"visas": [asdict(v) for v in (*visas, visa)]}
        write_file(store.root / NAME, json.dumps(entries, ensure_ascii=False, indent=1) + "\n")
    return visa


def of_release(release: Release) -> tuple[Visa | None, Visa | None]:
    """Return the last visa of a release, and the one that replaces it; null for none, and for a copy that stands in no store."""
    visas = _beside(release)
    own = [v for v in visas if v.release == release.id and v.checksum == release.manifest["checksum"]]
    last = own[-1] if own else None
    after = [v for v in visas if last is not None and v.replaces == last.number]
    return last, after[0] if after else None


def last_of(release: Release) -> Visa | None:
    """Return the last visa in force of the store that holds a release; null where nothing is signed."""
    return _standing(_beside(release))


def last_signed(root: Path) -> Visa:
    """Return the last visa in force of a store. Raises UsageError where nothing is signed."""
    if (visa := _standing(read(root))) is None:
        raise UsageError(f"nothing is signed in {root}; sign a release with `qpvhealth sign`")
    return visa


def _beside(release: Release) -> list[Visa]:
    return read(release.folder.parent.parent) if release.folder.parent.name == manifest.RELEASES else []


def _standing(visas: list[Visa]) -> Visa | None:
    replaced = {visa.replaces for visa in visas}
    return next((visa for visa in reversed(visas) if visa.number not in replaced), None)
