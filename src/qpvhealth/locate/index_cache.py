"""The index of polygons in the user's cache folder, by a key of its content, for later runs of ``locate``.

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

MOST = 8
"""How many indexes stay in the folder; the oldest go first."""
UNFINISHED_S = 3600
"""After so long, whoever was writing a file has died."""


def folder() -> Path | None:
    """Return the folder of indexes in the user's cache folder; null for a user without home."""
    with suppress(RuntimeError):
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qpvhealth" / "locate"
    return None


def write(where: Path, key: str, arrays: Mapping[str, np.ndarray]) -> bool:
    """Write arrays under a key; say whether they could be written.

    The oldest files are removed, and what processes that died have left unfinished.
    """
    fresh = where / f".{key}.{secrets.token_hex(4)}.npz"
    try:
        where.mkdir(parents=True, exist_ok=True)
        try:
            np.savez(fresh, allow_pickle=False, **dict(arrays))
            fresh.replace(where / f"{key}.npz")
        finally:
            fresh.unlink(missing_ok=True)
        by_age = sorted((path.stat().st_mtime, path) for path in where.glob("*.npz"))
        finished = [path for _, path in by_age if not path.name.startswith(".")]
        dead = [path for at, path in by_age if path.name.startswith(".") and at < time.time() - UNFINISHED_S]
        for path in (*finished[:-MOST], *dead):
            path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def read(where: Path, key: str) -> dict[str, np.ndarray] | None:
    """Return the arrays written under a key; null where there are none, or where they are damaged."""
    try:
        with (where / f"{key}.npz").open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception:  # noqa: BLE001 -- any bytes may lie there; whatever they raise, the index is built again
        return None
