"""The ground of maps: simplified outlines of the départements, by frame, for drawing and for nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Outline:
    """One département in one frame: the rings of its parts, in degrees (WGS 84, longitude first).

    ``frame``: ``metropole``, an overseas territory, or a city (``petite_couronne``, ``lyon``, ``marseille``), where outlines are
    finer and cut to the box of the frame.
    """

    frame: str
    code: str
    rings: tuple[Ring, ...]


@cache
def outlines() -> tuple[Outline, ...]:
    """Return every outline that ships, in the order of the file; the producer and the tolerances are in ``docs/method.md``."""
    document = json.loads(resources.files(__package__).joinpath("ground.geojson").read_text(encoding="utf-8"))
    return tuple(
        Outline(
            feature["properties"]["frame"],
            feature["properties"]["code"],
            tuple(tuple((x, y) for x, y in part[0]) for part in feature["geometry"]["coordinates"]),
        )
        for feature in document["features"]
    )
