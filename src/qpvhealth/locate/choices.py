"""What a file of polygons may leave open, and whoever runs ``locate`` decides. Needs no frame library."""

from __future__ import annotations

from typing import NamedTuple


class Choices(NamedTuple):
    """The layer, the column of the codes, the encoding of its texts, its coordinate system; null: as the file says, or as guessed."""

    layer: str | None = None
    code_column: str | None = None
    encoding: str | None = None
    crs: str | None = None


NO_CHOICES = Choices()
