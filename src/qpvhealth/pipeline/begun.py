"""What a build begins with: cards, corrections and inputs, and the polygons, which an earlier build kept or which are being read."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from qpvhealth.ingest import cards as card_files, corrections, inputs as input_files, published, sources
from qpvhealth.pipeline import ahead, polygons, remembered
from qpvhealth.pipeline.beside import beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.ingest.layers import Layer
    from qpvhealth.ingest.sources import Sources
    from qpvhealth.pipeline.polygons import Polygons


@dataclass(frozen=True)
class Begun:
    """A build that has begun. ``polygons`` and ``context`` wait for what is read beside; a null context is still to be read."""

    cards: list[Card]
    known: tuple[Correction, ...]
    published: list[dict[str, Any]]
    inputs: list[Input]
    polygons: Callable[[], Polygons]
    context: Callable[[], Sources] | None
    memory: remembered.Memory
    before: remembered.Perimeters | None

    def fates(self, generations: tuple[str, ...]) -> pd.DataFrame | None:
        """Return the fates between some generations, where an earlier build kept them."""
        return self.before.fates if self.before is not None and self.before.generations == generations else None

    def keep(self, prepared: pd.DataFrame, fates: pd.DataFrame, generations: tuple[str, ...]) -> None:
        """Keep the polygons, as ``prepared`` from those read, and their fates for the next build."""
        measured = polygons.Polygons(self.polygons().staged, prepared[remembered.MEASURED])
        self.memory.keep(remembered.Perimeters(measured, fates, generations))


@contextmanager
def begin(
    folder: Path,
    cache: Path | None = None,
    inputs: list[Input] | None = None,
    layers: Callable[[], Mapping[str, Layer]] = dict,
) -> Iterator[Begun]:
    """Begin the build of a raw folder. ``cache``: a folder that keeps perimeters; ``inputs``: where they have been hashed;
    ``layers`` waits for the layers of neighbourhoods, by the id of their card, where they are being read (see ``ahead``).

    Where the polygons are kept, the context is read beside. Raises UsageError for a wrong card or correction, InputError for a file
    that is missing or changed.
    """  # noqa: D205
    cards = card_files.load(folder)
    known, printed = corrections.load(folder, cards), published.load(folder)
    given = input_files.resolve(cards) if inputs is None else inputs
    memory = remembered.Memory(cache if ahead.are_many(given, "neighbourhoods") else None, given, known)
    before = memory.perimeters(cards)
    if before is None:
        with polygons.reading(cards, known, given, layers()) as read:
            yield Begun(cards, known, printed, given, read, None, memory, None)
        return
    pays = ahead.are_many(given, *sources.CONTEXT_KINDS)
    with beside(partial(sources.read_context, cards, known, lambda _: None), pays=pays) as context:
        yield Begun(cards, known, printed, given, lambda: before.polygons, context if pays else None, memory, before)
