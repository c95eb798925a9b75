"""What a build reads, measures and finds of the perimeters, kept for the builds after it: extracts come every year, they do not.

It is found again by all that it follows from: the bytes of the files, what their cards and corrections say, the code, the versions
of the libraries. What is damaged, or cannot be written, is as if it were not there.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import shapely

from qpvhealth.contract.rules import Finding
from qpvhealth.ingest.sources import Sources, own_sets
from qpvhealth.pipeline import ahead
from qpvhealth.pipeline.polygons import KEYS, Polygons
from qpvhealth.publish import caches

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.inputs import Input

MEASURED = [
    *KEYS,
    *("department_code", "territory", "metres", "area_km2", "repair", "repair_area_change", "moved_back"),
]
_FRAMES = ("polygons", "rejects", "measured", "fates")
_SHAPES = ("geometry", "metres", "moved_back")


class Perimeters(NamedTuple):
    """The polygons, all of them measured; and their ``fates`` between the ``generations`` that the build computed."""

    polygons: Polygons
    fates: pd.DataFrame
    generations: tuple[str, ...]


class Memory:
    """The perimeters of one build, where a ``folder`` is to keep them."""

    def __init__(self, folder: Path | None, inputs: list[Input], known: tuple[Correction, ...]) -> None:
        """Know them by their key."""
        self._folder = folder
        self._key = "" if folder is None else ahead.key(inputs, known)

    def perimeters(self, cards: list[Card]) -> Perimeters | None:
        """Return those that were kept; null where there are none, or where they are damaged."""
        arrays = None if self._folder is None else caches.kept(self._folder, self._key)
        if arrays is None:
            return None
        try:
            return _perimeters(arrays, cards)
        except Exception:  # noqa: BLE001 -- any bytes may lie there; whatever they raise, the perimeters are read again
            return None

    def keep(self, perimeters: Perimeters) -> None:
        """Keep them for the next build, where the folder can be written to."""
        if self._folder is not None:
            caches.keep(self._folder, self._key, _arrays(perimeters))


def _arrays(perimeters: Perimeters) -> dict[str, np.ndarray]:
    staged, measured = perimeters.polygons
    told = {
        "accounts": staged.accounts,
        "findings": [asdict(f) for f in staged.findings],
        "generations": perimeters.generations,
    }
    frames = (staged.neighbourhoods, staged.rejects, measured, perimeters.fates)
    arrays = {name: _packed(frame) for name, frame in zip(_FRAMES, frames, strict=True)}
    return arrays | {"told": np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)}


def _perimeters(arrays: dict[str, np.ndarray], cards: list[Card]) -> Perimeters:
    polygons, rejects, measured, fates = (_unpacked(arrays[name]) for name in _FRAMES)
    told = json.loads(arrays["told"].tobytes())
    staged = Sources(
        neighbourhoods=polygons,
        rejects=rejects,
        accounts=told["accounts"],
        findings=[Finding(**f) for f in told["findings"]],
        own_sets=own_sets(cards),
    )
    return Perimeters(Polygons(staged, measured), fates, tuple(told["generations"]))


def _packed(frame: pd.DataFrame) -> np.ndarray:
    """Write a frame as bytes of Arrow, its geometries in WKB."""
    shapes = {c: shapely.to_wkb(frame[c].to_numpy(dtype=object)) for c in _SHAPES if c in frame}
    table = pa.Table.from_pandas(frame.assign(**shapes), preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


def _unpacked(data: np.ndarray) -> pd.DataFrame:
    frame: pd.DataFrame = pa.ipc.open_stream(pa.py_buffer(data)).read_all().to_pandas()
    shapes: dict[str, Any] = {c: shapely.from_wkb(frame[c].to_numpy(dtype=object)) for c in _SHAPES if c in frame}
    return frame.assign(**shapes)
