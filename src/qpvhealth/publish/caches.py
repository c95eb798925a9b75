"""What costs time to make, kept among the caches of the user for later runs: the index of polygons, the perimeters of a build.

It only saves time. What is damaged there is as if it were not there, and what cannot be written there stops nothing.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = 8
"""How many things of a kind are kept; the oldest go first."""
UNFINISHED_S = 3600
"""After so long, whoever was writing a file has died."""


def folder(kind: str) -> Path | None:
    """Return the folder where things of one kind are kept, among the caches of the user; null for a user without home."""
    with suppress(RuntimeError):
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qpvhealth" / kind
    return None


def keep(where: Path, key: str, arrays: Mapping[str, np.ndarray]) -> bool:
    """Keep arrays under a key, and forget the oldest ones; say whether they could be kept."""
    fresh = where / f".{key}.{secrets.token_hex(4)}.npz"
    try:
        where.mkdir(parents=True, exist_ok=True)
        try:
            np.savez(fresh, allow_pickle=False, **dict(arrays))
            fresh.replace(where / f"{key}.npz")
        finally:
            fresh.unlink(missing_ok=True)
        _tidy(where)
    except OSError:
        return False
    return True


def has(where: Path, key: str) -> bool:
    """Say whether there is something under a key, whole or not."""
    return (where / f"{key}.npz").is_file()


def kept(where: Path, key: str) -> dict[str, np.ndarray] | None:
    """Return the arrays that were kept under a key; null where there are none, or where they are damaged."""
    try:
        with (where / f"{key}.npz").open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception:  # noqa: BLE001 -- any bytes may lie there; whatever they raise, they are made again
        return None


def _tidy(where: Path) -> None:
    """Remove the oldest files, and what processes that died have left unfinished."""
    by_age = sorted((path.stat().st_mtime, path) for path in where.glob("*.npz"))
    finished = [path for _, path in by_age if not path.name.startswith(".")]
    dead = [path for at, path in by_age if path.name.startswith(".") and at < time.time() - UNFINISHED_S]
    for path in (*finished[:-KEPT], *dead):
        path.unlink(missing_ok=True)
