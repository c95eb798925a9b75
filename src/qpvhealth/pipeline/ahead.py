"""What is known of the perimeters, and begun, before the libraries of a build are loaded: are they kept, else their layers are read.

Loading the libraries takes one core as long as reading the layers takes another. No frame library is imported here.
"""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from qpvhealth.ingest import corrections, inputs as input_files
from qpvhealth.ingest.cards import of_kind
from qpvhealth.ingest.guard import MIB
from qpvhealth.pipeline.beside import beside
from qpvhealth.publish import caches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.ingest.layers import Layer

KINDS = ("neighbourhoods", "boundaries")
"""The cards that the perimeters follow from: outlines and tables of communes say where some of them are."""
MANY_BYTES = MIB
"""Files smaller than this are read sooner than the process is copied."""
MOST_BYTES = 64 * MIB
"""Larger files are read one by one, when their turn comes: ahead they would all be held at once."""


_UNUSED = ("geopandas", "pandas", "pyproj", "shapely")
"""What pyogrio loads wherever it is, which takes as long as to read the layers; reading into Arrow needs none of it."""


def are_many(inputs: list[Input], *kinds: str) -> bool:
    """Say whether the cards of some kinds have so many bytes that a copy of the process, or keeping what is read, pays."""
    return n_bytes(inputs, *kinds) >= MANY_BYTES


def n_bytes(inputs: list[Input], *kinds: str) -> int:
    """Count the bytes of the files of some kinds."""
    return sum(input_files.size(i) for i in inputs if i.card.kind in kinds)


def key(inputs: list[Input], known: tuple[Correction, ...]) -> str:
    """Hash all that the perimeters follow from."""
    read = [i for i in inputs if i.card.kind in KINDS]
    named = {i.card.id for i in read}
    parts = {
        "inputs": [i.as_dict() for i in read],
        "corrections": [asdict(c) for c in known if c.source in named],
        "code": input_files.code_digest(),
        "versions": input_files.versions(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


@contextmanager
def reading(folder: Path, inputs: list[Input], cache: Path | None) -> Iterator[Callable[[], dict[str, Layer]]]:
    """Begin to read the layers of neighbourhoods of a raw folder in a copy of the process; give the function that waits for them.

    They come by the id of their card. There are none where the ``cache`` keeps the perimeters, where they are too few or too many
    bytes, or where one cannot be read: whoever needs them reads them then, and says what is wrong.
    Raises UsageError for a wrong correction.
    """
    cards = [i.card for i in inputs]
    pays = MANY_BYTES <= n_bytes(inputs, "neighbourhoods") <= MOST_BYTES
    if pays and cache is not None:
        pays = not caches.has(cache, key(inputs, corrections.load(folder, cards)))
    none: Callable[[], dict[str, Layer]] = dict
    with beside(partial(_layers, list(of_kind(cards, "neighbourhoods"))), pays=pays, otherwise=none) as layers:
        yield layers


def _layers(cards: list[Card]) -> dict[str, Layer]:
    """Read the layers of cards, in a copy of the process: what is hidden from it is so for good."""
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(_UNUSED))
    from qpvhealth.ingest import layers  # noqa: PLC0415 -- it takes a while, which is the copy's

    return {card.id: layers.of_card(card) for card in cards}
