"""Coordinate systems as sources name them: by EPSG number, by a name compared whole, or not at all."""

from __future__ import annotations

import difflib
import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.territories import SYSTEMS, TERRITORIES
from qpvhealth.ingest.vocabulary import SHARED

if TYPE_CHECKING:
    import pyproj
    from pyproj.aoi import AreaOfUse
    from pyproj.database import CRSInfo

    from qpvhealth.facts.territories import Box
    from qpvhealth.ingest.card import Card

WGS84, LAMBERT_93 = "EPSG:4326", "EPSG:2154"
N_NEAR = 3
_PLACES = (*(t.label_fr for t in TERRITORIES.values()), "Métropole", "Antilles")
_PLACE = re.compile(rf"\s*\((?:{'|'.join(map(re.escape, _PLACES))})\)\s*$", re.IGNORECASE)
WIDEST = 60
"""Degrees of longitude: a wider area of use is that of a continent."""

_NUMBER = re.compile(r"EPSG:{1,2}\s*(\d{4,6})\b|^(\d{4,6})$", re.IGNORECASE)
_FORMAL = re.compile(
    r"[A-Z]{2,6}:[\w:]+|urn:.+|https?://.+|\+?proj=.+|.*[\[{].*|.*\+proj=.*", re.IGNORECASE | re.DOTALL
)
"""What is no name: an authority with a code, a URN, an address, words of PROJ, WKT, PROJJSON."""
_NO_DATUM = re.compile(r"(D_)?(unknown|not[ _]specified)", re.IGNORECASE)
"""How the name of a datum begins, in PROJ and in WKT, where there is only an ellipsoid."""
GRS_80_M = 6_378_137.0
"""The equatorial radius of GRS 1980 and of WGS 84: all datums on it that France uses agree to a metre."""
CONFIDENCE = 70
"""From which resemblance, in percent, PROJ takes a system for one of the registry."""


@lru_cache(maxsize=256)
def by_name(text: str) -> str | None:
    """Return ``EPSG:n`` for what a source writes; null for a system that is not known.

    The whole text is a number, or a name of the vocabulary (``shared.toml``) or of the EPSG registry; a part of it decides nothing.
    Words may stand beside one number (``EPSG:2154 RGF93 / Lambert-93``), unless they name another projection; the name of a territory
    may stand behind in brackets (``UTM zone 21N (Saint-Pierre-et-Miquelon)``), and nothing else: a datum could.
    """
    numbers = {first or second for first, second in _NUMBER.findall(text.strip())}
    if len(numbers) > 1:
        return None
    if not numbers:
        return _named(_PLACE.sub("", text))
    number = f"EPSG:{numbers.pop()}"
    beside = _named(re.sub(r"\(.*?\)", " ", _NUMBER.sub(" ", text.strip())))
    contradicts = beside not in (None, number) and beside not in _geographic()
    return number if not contradicts and _exists(number) else None


def near(text: str) -> list[str]:
    """Return the systems of France whose names are nearest to a text: ``EPSG:2973 (Martinique 1938 / UTM zone 20N)``, at most three."""
    names = _names_of_france()
    wanted = _key(re.sub(r"\bUTM\W*(ZONE\W*)?([NS])\W*(\d+)", r"UTM ZONE \3\2", text.upper()))
    keys = difflib.get_close_matches(wanted, names, n=N_NEAR, cutoff=0.4)
    return [names[key] for key in keys]


def of_metadata(crs: object, name: str) -> str | None:
    """Return the system that a geometry file states, by its EPSG number where it has one, else as WKT; null for one without a datum.

    CRS84 is EPSG:4326 with the axes as stored. ``without_datum`` says why a system is not taken.

    Raises:
        InputError: it cannot be understood.

    """
    if crs is None or crs == "":
        return None
    if isinstance(crs, str) and crs in SYSTEMS:
        return crs
    if isinstance(crs, str) and not _FORMAL.fullmatch(crs):
        if (system := by_name(crs)) is None:
            raise InputError(
                f'{name}: its coordinate system "{crs}" is not known{near_words(crs)}; give its EPSG number'
            )
        return system
    import pyproj  # noqa: PLC0415 -- only for geometry files whose system must be looked up

    try:
        read = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise InputError(
            f"{name}: its coordinate system cannot be read ({str(error)[:200]}); give its EPSG number"
        ) from error
    if read.to_authority() == ("OGC", "CRS84"):
        return "EPSG:4326"
    if _lacks_datum(read):
        return None
    number = read.to_epsg(CONFIDENCE)
    return f"EPSG:{number}" if number else read.to_wkt()


def without_datum(crs: object) -> str:
    """Write why a system, as a file states it, is not taken: it names an older ellipsoid and no datum; empty for any other.

    PROJ takes UTM 20N on the ellipsoid of 1924 for Fort Marigot's; Martinique 1938 and Guadeloupe 1948 have the same one, hundreds of
    metres away.
    """
    import pyproj  # noqa: PLC0415 -- only for geometry files whose system must be looked up

    read = pyproj.CRS.from_user_input(crs) if crs else None
    if read is None or not _lacks_datum(read):
        return ""
    of_france = {name.split(" ", 1)[0]: name for name in _names_of_france().values()}
    may_be = [of_france[number] for number in _alike(read) if number in of_france]
    return "its system names an ellipsoid and no datum" + (f"; it may be {', '.join(sorted(may_be))}" if may_be else "")


def of_option(text: str) -> str:
    """Return the system that a user writes: a number, a name compared whole, or what a file could state (WKT, ``IGNF:LAMB93``).

    Raises UsageError, with the near ones, for one that is not known.
    """
    system = by_name(text)
    if system is None and _FORMAL.fullmatch(text) and not _NUMBER.search(text):
        try:
            system = of_metadata(text, "crs")
        except InputError:
            system = None
    if system is None:
        raise UsageError(f'unknown coordinate system "{text}"{near_words(text)}; write it as EPSG:2154')
    return system


def of_card(card: Card) -> str | None:
    """Return the system that a card states, null when it states none. Raises UsageError for one that does not exist."""
    stated = card.get("crs")
    if stated is None:
        return None
    if (system := by_name(str(stated))) is None:
        words = near_words(str(stated))
        raise UsageError(
            f'card {card.id}: crs "{stated}" is no coordinate system{words}; write it as crs = "EPSG:2154"'
        )
    return system


def near_words(text: str) -> str:
    """Write the near systems as a part of a sentence; empty without any."""
    return f" (near: {', '.join(names)})" if (names := near(text)) else ""


def _lacks_datum(read: pyproj.CRS) -> bool:
    base = read.geodetic_crs
    if read.is_bound or base is None or base.datum is None or not _NO_DATUM.match(base.datum.name):
        return False
    return base.ellipsoid is not None and base.ellipsoid.semi_major_metre != GRS_80_M and len(_alike(read)) != 1


def _alike(read: pyproj.CRS) -> list[str]:
    return [f"EPSG:{found.code}" for found in read.list_authority("EPSG", CONFIDENCE)]


def _key(text: str) -> str:
    """Keep the letters and digits of a name, without case and accents."""
    plain = unicodedata.normalize("NFKD", text.upper())
    return "".join(c for c in plain if c.isascii() and c.isalnum())


def _named(text: str) -> str | None:
    """Return the system whose name is the whole text, of the vocabulary, else of the registry; null for none, or several."""
    key = _key(text)
    return (_VOCABULARY.get(key) or _registry().get(key)) if key else None


_VOCABULARY = {_key(name): crs for crs, names in SHARED["systems"].items() for name in names}


@cache
def _registry() -> dict[str, str]:
    """Return the names of the EPSG registry, projected systems and geographic ones in two dimensions, those of one system only."""
    codes: dict[str, set[str]] = {}
    for info in _systems():
        codes.setdefault(_key(info.name), set()).add(f"EPSG:{info.code}")
    return {key: only for key, (only, *others) in codes.items() if not others}


@cache
def _geographic() -> frozenset[str]:
    """Return the systems of longitudes and latitudes, whose names are those of datums too."""
    return frozenset(f"EPSG:{info.code}" for info in _systems() if info.type.name == "GEOGRAPHIC_2D_CRS")


@cache
def _systems() -> tuple[CRSInfo, ...]:
    """Read the registry: projected systems, and geographic ones in two dimensions, in use."""
    from pyproj.database import query_crs_info  # noqa: PLC0415 -- only where a file or a card names another system
    from pyproj.enums import PJType  # noqa: PLC0415

    kinds = [PJType.PROJECTED_CRS, PJType.GEOGRAPHIC_2D_CRS]
    return tuple(info for info in query_crs_info("EPSG", kinds) if not info.deprecated)


@cache
def _names_of_france() -> dict[str, str]:
    """Return the systems whose area of use holds some of a territory and is no continent, by the key of their name."""
    names = {}
    for info in _systems():
        area = info.area_of_use
        if area is not None and any(_meets(area, t.box) for t in TERRITORIES.values()):
            names[_key(info.name)] = f"EPSG:{info.code} ({info.name})"
    return names


def _meets(area: AreaOfUse, box: Box) -> bool:
    west, south, east, north = box
    return (
        area.east - area.west <= WIDEST
        and area.west <= east
        and area.east >= west
        and area.south <= north
        and area.north >= south
    )


def _exists(crs: str) -> bool:
    if crs in SYSTEMS:
        return True
    import pyproj  # noqa: PLC0415 -- only where a file or a card names another system

    try:
        pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        return False
    return True
