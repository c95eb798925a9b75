"""Coordinate systems as sources name them: by EPSG number, by an older name, or not at all."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.territories import SYSTEMS
from qpvhealth.ingest.vocabulary import SHARED

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card

WGS84, LAMBERT_93 = "EPSG:4326", "EPSG:2154"

_NUMBER = re.compile(r"EPSG:{1,2}\s*(\d{4,6})|^(\d{4,6})$", re.IGNORECASE)


@lru_cache(maxsize=256)
def by_name(text: str) -> str | None:
    """Return ``EPSG:n`` for what a source writes; null for a system that is not known.

    A number wins over the words beside it (``EPSG:2154 RGF93 / Lambert-93``).
    """
    if match := _NUMBER.search(text.strip()):
        number = f"EPSG:{match[1] or match[2]}"
        return number if _exists(number) else None
    words = " ".join(re.split(r"[\s_-]+", text.upper()))
    return next((crs for name, crs in SHARED["systems"].items() if name in words), None)


def of_metadata(crs: object, name: str) -> str | None:
    """Return the system that a geometry file states, by its EPSG number where it has one, else as WKT.

    CRS84 is EPSG:4326 with the axes as stored.

    Raises:
        InputError: it cannot be understood.

    """
    if crs is None or crs == "":
        return None
    if isinstance(crs, str) and crs in SYSTEMS:
        return crs
    import pyproj  # noqa: PLC0415 -- only for geometry files whose system must be looked up

    try:
        system = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise InputError(
            f"{name}: its coordinate system cannot be read ({str(error)[:200]}); give crs in the card"
        ) from error
    if system.to_authority() == ("OGC", "CRS84"):
        return "EPSG:4326"
    number = system.to_epsg()
    return f"EPSG:{number}" if number else system.to_wkt()


def of_card(card: Card) -> str | None:
    """Return the system that a card states, null when it states none. Raises UsageError for one that does not exist."""
    stated = card.get("crs")
    if stated is None:
        return None
    if (system := by_name(str(stated))) is None:
        raise UsageError(f'card {card.id}: crs "{stated}" is no coordinate system; write it as crs = "EPSG:2154"')
    return system


def _exists(crs: str) -> bool:
    if crs in SYSTEMS:
        return True
    import pyproj  # noqa: PLC0415 -- only where a file or a card names another system

    try:
        pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        return False
    return True
