"""The files that are read together with a raw file: the parts of a shapefile; and the journal with which a GeoPackage is not read.

Hashing, verification and reading all find them here, so that no byte is read that was not hashed. Only the standard library is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from qpvhealth.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SHAPES = ".shp"
SUFFIXES = (".dbf", ".shx", ".prj", ".cpg")
"""The parts of a shapefile that change what is read of it; its spatial indexes (.qix, .sbn, .sbx) and its .shp.xml do not."""
NEEDED = (".dbf", ".shx")
JOURNALS = ("-wal", "-journal")
"""What SQLite has written beside a database and not yet in it, or has not yet taken back."""


def of(path: Path) -> dict[str, Path]:
    """Find the companions of a raw file by lower-case suffix, in the order of ``SUFFIXES``; only a shapefile has any.

    Their names are those of the .shp in any case of their letters (``Q.SHP`` with ``q.dbf``).

    Raises:
        InputError: two files could be the same part, the .dbf or the .shx is missing, a part leads out of the folder or is not a
            regular file; or a GeoPackage has a journal that is not empty.

    """
    suffix = path.suffix.lower()
    if suffix == ".gpkg":  # SQLite looks beside the file itself, not beside a link to it
        whole = path.resolve()
        for journal in (whole.with_name(whole.name + ending) for ending in JOURNALS):
            if journal.exists() and journal.stat().st_size:
                raise InputError(f"{path.name}: another program has it open ({journal.name}); close it there first")
    if suffix != SHAPES:
        return {}
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 -- names are compared, no path is needed
    except OSError as error:
        raise InputError(
            f"{path.parent}: cannot be listed ({error.strerror or error}); check its permissions"
        ) from error
    parts = {s: path.with_name(name) for s, name in by_suffix(names, path.name).items() if s != SHAPES}
    for part in parts.values():
        if part.resolve().parent != path.resolve().parent or not part.is_file():
            raise InputError(
                f"{path.name}: {part.name} leads out of the folder or is not a file; copy the shapefile itself"
            )
    return parts


def by_suffix(names: Iterable[str], main: str) -> dict[str, str]:
    """Choose among names the .shp ``main`` and its companions, by lower-case suffix, in the order of ``SUFFIXES``.

    Raises:
        InputError: two names differ in the case of their letters only, or the .dbf or the .shx is missing.

    """
    stem, chosen = main[: -len(SHAPES)], {}
    every = sorted(names)
    for suffix in (SHAPES, *SUFFIXES):
        candidates = [name for name in every if name.lower() == stem.lower() + suffix]
        if len(candidates) > 1:
            raise InputError(
                f"{main}: {' and '.join(candidates)} could both be its {suffix}; remove all but the right one"
            )
        if candidates:
            chosen[suffix] = candidates[0]
        elif suffix in NEEDED:
            raise InputError(f"{main}: {stem}{suffix} is missing beside it; copy all parts of the shapefile")
    return chosen
