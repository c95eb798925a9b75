"""A GeoJSON document before a parser follows it: how deep it nests, how long its strings are, how many features it holds.

Only quotes and brackets are looked at, in one pass of bounded memory; whether the document is right is for its reader to say.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.errors import InputError
from qpvhealth.ingest.readers.guard import MIB, refuse_bigger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 256 * MIB
MAX_DEPTH = 32
MAX_STRING = MIB

_NAMES = {b"features": b"F", b"geometry": b"G"}
"""The names that count, and the mark that stands where each stood, among the brackets."""
_OTHERS = bytes(set(range(256)) - set(b"FGN[]{}"))
_NULL = re.compile(rb"null\s*+[\],]")
_CRS = re.compile(rb'"crs"\s*+:\s*+(?=\{)')
LONGEST_CRS = 10_000
_FEATURE = 3
"""How deep a feature lies: document, array, feature."""
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_AFTER_NAME = re.compile(rb"\s*+:?+\s*+[\[{]?+")
_OPENS = re.compile(rb"\s*+:\s*+[\[{]")
_STEP = np.zeros(256, dtype=np.int8)
_STEP[[ord("["), ord("{")]], _STEP[[ord("]"), ord("}")]] = 1, -1


def counted(path: Path) -> tuple[int, int] | None:
    """Count the objects of the array ``features`` of a document, and their geometries that hold an array; null without ``features``.

    Both are counted by names and brackets.

    Raises:
        InputError: it is too big, nests without end, or holds a giant string.

    """
    refuse_bigger(path, MAX_BYTES)
    codes, depth = _skeleton(path)
    within = _in_features(codes, depth)
    if within is None:
        return None
    codes, depth = codes[within], depth[within]
    codes, depth = codes[codes != ord("N")], depth[codes != ord("N")]
    features = (codes == ord("{")) & (depth == _FEATURE)
    opens = (codes[:-2] == ord("G")) & (codes[1:-1] == ord("{")) & (codes[2:] == ord("["))
    return int(features.sum()), int((opens & (depth[:-2] == _FEATURE)).sum())


def missing(path: Path) -> np.ndarray:
    """Return the places, from 1, of the elements of the array ``features`` that are null: GDAL passes over them without a word."""
    data = path.read_bytes()
    if not any(_is_element(data, null.start()) for null in _NULL.finditer(data)):
        return np.array([], dtype=np.int64)
    codes, depth = _skeleton(path)
    within = _in_features(codes, depth)
    codes, depth = codes[within or slice(0)], depth[within or slice(0)]
    is_null = (codes == ord("N")) & (depth == _FEATURE - 1)
    elements = is_null | ((codes == ord("{")) & (depth == _FEATURE))
    return np.flatnonzero(is_null[elements]) + 1


def system_name(path: Path) -> str | None:
    """Return the coordinate system that a GeoJSON of 2008 names (member ``crs``); null where it has none."""
    data = path.read_bytes()
    for member in _CRS.finditer(data):
        try:
            crs, _ = json.JSONDecoder().raw_decode(
                data[member.end() : member.end() + LONGEST_CRS].decode("utf-8", "replace")
            )
        except (ValueError, RecursionError):
            continue
        if isinstance(crs, dict) and isinstance(named := crs.get("properties"), dict) and "type" in crs:
            return str(next((named[key] for key in ("name", "code", "href") if key in named), crs["type"]))
    return None


def _is_element(data: bytes, at: int) -> bool:
    """Say whether what begins at a byte is an element of an array: a bracket or a comma stands before it."""
    before = at - 1
    while before >= 0 and data[before] in b" \t\r\n":
        before -= 1
    return before >= 0 and data[before] in b"[,"


def _skeleton(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the brackets, the marks of names and the nulls of a document, and how deep each lies. Raises as ``counted`` does."""
    skeleton, longest = [], 0
    for text in _pieces(_without_escapes(path.read_bytes())):
        parts = text.split(
            b'"'
        )  # outside, string, outside, ..., outside; a last quote that never closes is outside too
        strings = parts[1:-1:2]
        longest = max(longest, *map(len, strings), 0)
        parts[1:-1:2] = [
            _NAMES[s] if s in _NAMES and _OPENS.match(after) else b""
            for s, after in zip(strings, parts[2::2], strict=True)
        ]
        parts[::2] = [outside.replace(b"null", b"N") if b"null" in outside else outside for outside in parts[::2]]
        skeleton.append(b"".join(parts).translate(None, _OTHERS))
    if longest + 2 > MAX_STRING:
        raise InputError(f"{path.name}: a string of {longest + 2} bytes, at most {MAX_STRING} are read; refused")
    codes = np.frombuffer(b"".join(skeleton), dtype=np.uint8)
    depth = np.cumsum(_STEP[codes], dtype=np.int64)
    if depth.max(initial=0) > MAX_DEPTH:
        raise InputError(f"{path.name}: nested {depth.max()} deep, at most {MAX_DEPTH} are read; refused")
    return codes, depth


def _without_escapes(data: bytes) -> bytes:
    """Write the quotes inside strings as apostrophes, so that every quote left opens or closes a string."""
    return _STRING.sub(lambda m: b'"' + m.group()[1:-1].replace(b'"', b"'") + b'"', data) if b"\\" in data else data


def _pieces(data: bytes) -> Iterator[bytes]:
    """Cut a document outside its strings, about every MiB: the parts of a whole one could fill the memory.

    The colon after a name stays with it, and the bracket after the colon.
    """
    at = 0
    while at < len(data):
        stop = min(at + MIB, len(data))
        if data.count(b'"', at, stop) % 2:
            stop = data.find(b'"', stop) + 1 or len(data)
        stop = next(_AFTER_NAME.finditer(data, stop)).end()
        yield data[at:stop]
        at = stop


def _in_features(codes: np.ndarray, depth: np.ndarray) -> slice | None:
    """Return where the array named ``features`` of the outermost object stands among the brackets; null where there is none."""
    starts = np.flatnonzero((codes[:-1] == ord("F")) & (codes[1:] == ord("[")) & (depth[:-1] == 1))
    if not len(starts):
        return None
    ends = np.flatnonzero(depth[starts[0] + 1 :] == 1)
    return slice(starts[0] + 1, starts[0] + 1 + (int(ends[0]) if len(ends) else len(codes)))
