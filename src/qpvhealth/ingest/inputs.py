"""The files behind the cards: there, safe, unchanged; and the fingerprint of a build, known before it runs. Stdlib only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import InputError
from qpvhealth.ingest import cards as card_files, corrections, published
from qpvhealth.ingest.readers import companions, guard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qpvhealth.ingest.card import Card

SHOWN = ("layout", "year", "generation", "edition", "status", "title", "producer", "url", "licence")
DATES = ("reference_date", "received_on", "retrieved_on")
SAID_ELSEWHERE = ("sha256", "sidecars", "invented", "note", "accept")
LIBRARIES = ("geopandas", "numpy", "pandas", "pyarrow", "pyogrio", "pyproj", "python-calamine", "shapely")


Seen = tuple[int, ...]
"""Of a file: its number, size and times of change."""


@dataclass(frozen=True)
class Input:
    """One card with the hash of its file, and of the files that go with a shapefile; and what the system said of each before."""

    card: Card
    sha256: str
    sidecars: dict[str, str]
    seen: dict[Path, Seen]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for the manifest."""
        about = {k: self.card.get(k) for k in SHOWN if self.card.get(k) is not None}
        dates = {k: str(self.card.get(k)) for k in DATES if self.card.get(k)}
        files = {"sha256": self.sha256} | ({"sidecars": self.sidecars} if self.sidecars else {})
        # how to read the file: sheet, columns, coded values, area covered and the like
        options = {k: v for k, v in self.card.options.items() if k not in (*SHOWN, *DATES, *SAID_ELSEWHERE)}
        mapped = {k: v for k, v in {"columns": self.card.columns, "values": self.card.values}.items() if v}
        reading = {k: str(v) if isinstance(v, date) else v for k, v in sorted((options | mapped).items())}
        identity = {"id": self.card.id, "kind": self.card.kind, "path": self.card.shown_path}
        return identity | files | about | dates | ({"reading": reading} if reading else {})


def resolve(cards: list[Card]) -> list[Input]:
    """Find and hash the file of every card.

    Raises InputError, all problems at once: a file missing or unsafe, or other bytes than the card's ``sha256``.
    """
    inputs, problems = [], []
    for card in cards:
        try:
            inputs.append(_input(card))
        except InputError as error:
            problems.append(f"card {card.id}: {error}")
    if problems:
        raise InputError("\n".join(problems))
    return inputs


def _input(card: Card) -> Input:
    if "://" in card.given_path or card.given_path.lower().lstrip().startswith("/vsi"):
        raise InputError(f'"{card.given_path}" is an address, not a file; download it first, then name the file')
    path = guard.checked_path(card.path)
    beside = companions.of(path)
    seen = {p: _seen(p) for p in (path, *beside.values())}
    sha256, sidecars = guard.sha256_of(path), {s: guard.sha256_of(p) for s, p in beside.items()}
    _refuse_other_bytes(card.shown_path, sha256, card.get("sha256"))
    for suffix, stated in card.get("sidecars", {}).items():
        _refuse_other_bytes(f"the {suffix} of {card.shown_path}", sidecars.get(suffix), stated)
    return Input(card, sha256, sidecars, seen)


def _refuse_other_bytes(name: str, sha256: str | None, stated: str | None) -> None:
    """Refuse a file that is not the one whose hash the card states, or that is not there."""
    if stated is not None and stated.lower() != sha256:
        raise InputError(
            f"{name}: its bytes are not those of the card (sha256 {sha256}, the card says {stated.lower()});"
            " take the right file, or write the new hash after checking what changed"
        )


def refuse_changed(inputs: list[Input]) -> None:
    """Refuse files that changed after they were hashed: what was read may not be what the hash says.

    A companion that came or went since then is a change too. Raises InputError, all files at once.
    """
    changed = []
    for hashed in inputs:
        path = next(iter(hashed.seen))
        now = {p: _seen(p) for p in (path, *companions.of(path).values())}
        changed += [f"card {hashed.card.id}: {p.name}" for p in hashed.seen | now if hashed.seen.get(p) != now.get(p)]
    if changed:
        raise InputError(f"changed while it was read: {', '.join(changed)}; run again when nobody writes to it")


def _seen(path: Path) -> Seen:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def fingerprint(inputs: list[Input], folder: Path, settings: Mapping[str, Any]) -> str:
    """Hash everything that can change a release: inputs, cards, corrections, published figures, settings, code and versions.

    Raises UsageError for a ``published.toml`` that is wrong.
    """
    parts = {
        "inputs": [(i.card.id, i.sha256, i.sidecars) for i in inputs],
        "cards": _digest(folder / card_files.FILE_NAME),
        "corrections": _digest(folder / corrections.FILE_NAME),
        "published": published.load(folder),
        "settings": settings,
        "code": code_digest(),
        "versions": versions(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Return the versions of the libraries that read, place and write."""
    return {name: metadata.version(name) for name in LIBRARIES}


@cache
def code_digest() -> str:
    """Hash the modules of this package, and the data files beside them."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".toml", ".csv")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
