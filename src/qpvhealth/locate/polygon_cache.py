"""Polygons, read and repaired, in the user's cache folder, by a key of their content, for later runs of ``locate``.

It only saves time. What is damaged there is as if it were not there, and what cannot be written there stops nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from qpvhealth.spatial.proximity import Perimeters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PARTS = ("codes", "wkb", "edges")
MOST = 8
"""How many sets stay in the folder; the oldest go first."""
UNFINISHED_S = 3600
"""After so long, whoever was writing a file has died."""


def folder() -> Path | None:
    """Return the folder of polygons in the user's cache folder; null for a user without home."""
    with suppress(RuntimeError):
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qpvhealth" / "locate"
    return None


def write(where: Path, key: str, perimeters: Mapping[str, Perimeters], notes: Sequence[str]) -> bool:
    """Write polygons by territory, and what is to be said of them, under a key; say whether they could be written.

    The oldest files are removed, and what processes that died have left unfinished.
    """
    fresh = where / f".{key}.{secrets.token_hex(4)}.npz"
    try:
        where.mkdir(parents=True, exist_ok=True)
        try:
            np.savez(fresh, allow_pickle=False, **_arrays(perimeters, notes))
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


def read(where: Path, key: str) -> tuple[dict[str, Perimeters], list[str]] | None:
    """Return what was written under a key; null where there is nothing, or where it is damaged."""
    try:
        with (where / f"{key}.npz").open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            territories, notes = json.loads(file["header"].tobytes())
            perimeters = {name: _perimeters(*(file[f"{name}.{part}"] for part in PARTS)) for name in territories}
    except Exception:  # noqa: BLE001 -- any bytes may lie there; whatever they raise, the polygons are read again
        return None
    return perimeters, notes


def _arrays(perimeters: Mapping[str, Perimeters], notes: Sequence[str]) -> dict[str, np.ndarray]:
    arrays = {"header": np.frombuffer(json.dumps([list(perimeters), list(notes)]).encode(), dtype=np.uint8)}
    for name, (codes, polygons) in perimeters.items():
        wkb = shapely.to_wkb(polygons)
        parts = (
            np.asarray(codes, dtype=str),
            np.frombuffer(b"".join(wkb), dtype=np.uint8),
            np.cumsum([0, *map(len, wkb)]),
        )
        arrays |= {f"{name}.{part}": array for part, array in zip(PARTS, parts, strict=True)}
    return arrays


def _perimeters(codes: np.ndarray, wkb: np.ndarray, edges: np.ndarray) -> Perimeters:
    data = wkb.tobytes()
    polygons = shapely.from_wkb([data[a:b] for a, b in pairwise(edges.tolist())])
    return Perimeters(codes.astype(object), np.asarray(polygons, dtype=object))
