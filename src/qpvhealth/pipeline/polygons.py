"""The polygons of every card, read and measured: a large file in a copy of the process, beside the rest of the reading."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import positions
from qpvhealth.ingest import inputs as input_files, sources as staged_sources
from qpvhealth.ingest.cards import of_kind
from qpvhealth.ingest.kinds import neighbourhoods
from qpvhealth.pipeline import ahead
from qpvhealth.pipeline.beside import beside
from qpvhealth.spatial import perimeters as perimeter_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.ingest.layers import Layer
    from qpvhealth.ingest.sources import Sources
    from qpvhealth.ingest.staging import Staged

KEYS = ["source_id", "source_row"]
"""What a polygon is found again by, from the file to the release."""


class Polygons(NamedTuple):
    """The polygons as staged, with their accounts; and by ``KEYS`` what was measured of those that could be (see ``_measured``)."""

    staged: Sources
    measured: pd.DataFrame


@contextmanager
def reading(
    cards: list[Card], known: tuple[Correction, ...], inputs: list[Input], layers: Mapping[str, Layer]
) -> Iterator[Callable[[], Polygons]]:
    """Begin to read the cards of neighbourhoods; give the function that waits for them, and raises what is wrong with them.

    ``layers``: those that have been read, by the id of their card.
    """
    sizes = {i.card.id: input_files.size(i) for i in inputs if i.card.kind == "neighbourhoods"}
    largest = max(sizes, key=sizes.__getitem__, default=None)
    apart = largest if largest is not None and sizes[largest] >= ahead.MANY_BYTES else None
    with ExitStack() as copies:
        waits = [
            copies.enter_context(beside(partial(_read, card, known, layers.get(card.id)), pays=card.id == apart))
            for card in of_kind(cards, "neighbourhoods")
        ]
        yield lru_cache(lambda: _together(cards, [wait() for wait in waits]))


def _read(card: Card, known: tuple[Correction, ...], layer: Layer | None) -> tuple[Staged, pd.DataFrame]:
    """Read a card, and measure the polygons whose code says where they are; the others wait for outlines and communes."""
    staged = neighbourhoods.read(card, known, layer)
    own = staged.frame[perimeter_rules.says_where(staged.frame)].reset_index(drop=True)
    return staged, _measured(own, {})


def _together(cards: list[Card], read: list[tuple[Staged, pd.DataFrame]]) -> Polygons:
    staged = staged_sources.polygons_of(cards, [one for one, _ in read])
    return Polygons(staged, pd.concat([measured for _, measured in read], ignore_index=True))


def prepared(sources: Sources, measured: pd.DataFrame, shapes: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the polygons in order, each with what is ``measured`` of it by ``KEYS``; measure those that are not there.

    ``shapes``: outlines by level. Returns one row per polygon (see ``_measured``), with ``degrees``, in which it is published. Raises
    InputError where every polygon of a source lies outside its territory.
    """
    polygons = perimeter_rules.ordered(sources.neighbourhoods)
    at = positions(KEYS, polygons, measured)
    late = np.flatnonzero(at < 0)
    if len(late):
        at[late] = len(measured) + np.arange(len(late))
        rest = _measured(polygons.iloc[late].reset_index(drop=True), shapes)
        measured = pd.concat([measured, rest], ignore_index=True) if len(measured) else rest
    found = polygons.join(measured.drop(columns=KEYS).take(at).reset_index(drop=True))
    perimeter_rules.refuse_misplaced_sources(found)
    degrees = perimeter_rules.published_geometry(found, found["moved_back"].to_numpy(dtype=object))
    return found.assign(degrees=degrees)


def _measured(polygons: pd.DataFrame, shapes: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measure polygons (see ``perimeters.measured``), and move back to degrees those not published as read; by ``KEYS``."""
    found = perimeter_rules.measured(polygons, shapes)
    moved_back = perimeter_rules.moved_back(polygons.join(found))
    return polygons[KEYS].join(found.assign(moved_back=moved_back))
