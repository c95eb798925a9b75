"""Which reader a file needs: by its extension, after the guards have held it against its content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.ingest.readers import delimited, layers, parquet, workbook
from qpvhealth.ingest.readers.geoparquet import PARQUET
from qpvhealth.ingest.readers.layers import VECTOR

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.readers.raw import RawTable

DELIMITED = (".csv", ".txt", ".tsv")
WORKBOOK = workbook.SUFFIXES
SUFFIXES = (*DELIMITED, *WORKBOOK, *PARQUET, *VECTOR)
"""Exactly the extensions that the guard lets through."""


def read(card: Card, *, sheet: str | None = None) -> RawTable:
    """Read a table without geometry as text: delimited, workbook or Parquet.

    Raises InputError for another extension, or a file that cannot be read.
    """
    suffix = card.path.suffix.lower()
    if suffix in DELIMITED:
        return delimited.read_delimited(
            card.path, encoding=card.get("encoding"), separator=card.get("separator"), header_row=card.get("header_row")
        )
    if suffix in WORKBOOK:
        return workbook.read_workbook(card.path, sheet=sheet or card.get("sheet"), header_row=card.get("header_row"))
    if suffix in PARQUET and not parquet.is_geoparquet(card.path):
        return parquet.read_parquet(card.path)
    return read_vector(card)


def read_vector(card: Card) -> RawTable:
    """Read a layer with its polygons or points. Raises InputError for a file that cannot be read."""
    return layers.read(card.path, layer=card.get("layer"), encoding=card.get("encoding"))
