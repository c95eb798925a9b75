"""Before a raw file is opened: it is a plain local file, of the kind its name says, and it will not inflate without end.

Readers of geometry open files by content, not by name, and some of their formats fetch other files and addresses. So
nothing reaches them that has not passed here. Only the standard library is used, so that the guard starts first.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qpvhealth.errors import InputError
from qpvhealth.ingest.readers import other_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1024 * 1024
HEAD_BYTES = 4096
MAX_ZIP_ENTRIES = 5_000
MAX_ZIP_INFLATED = 1024 * MIB
MAX_ZIP_RATIO = 150
RATIO_MATTERS_FROM = 20 * MIB
MAX_CENTRAL_DIRECTORY = 8 * MIB
CHUNK = MIB

# A scheme or a driver prefix before the first slash: "https:", "PG:", "GPKG:". One letter is a drive of Windows.
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_+.-]+:")
_VIRTUAL = re.compile(r"(^|[/\\])vsi[a-z0-9_]+[/\\?]", re.IGNORECASE)

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE2_HEADER = 512
_SQLITE = b"SQLite format 3\x00"
_PARQUET = b"PAR1"
_FLATGEOBUF = b"fgb\x03fgb"
_SHAPE = b"\x00\x00\x27\x0a"
_OTHERS = (b"%PDF", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\x89PNG")
_BINARY = (*_ZIP, _OLE2, _SQLITE, _PARQUET, _FLATGEOBUF, _SHAPE, *_OTHERS)

_CONVERTED = {
    ".gdb": "a geodatabase of ArcGIS (a folder)",
    ".tab": "a table of MapInfo",
    ".mif": "an exchange file of MapInfo",
    **dict.fromkeys((".kml", ".kmz"), "a file of Google Earth"),
    ".gml": "GML",
    **dict.fromkeys((".geojsonl", ".geojsons", ".ndjson"), "GeoJSON by lines"),
    ".sqlite": "a database (SpatiaLite)",
}
"""Geometry files that GDAL converts, on the machine of whoever trusts the file."""
_ADVICE = {
    ".xlsb": "a binary workbook of Excel: save it as .xlsx",
    **dict.fromkeys((".gz", ".7z", ".rar"), "unpack it first"),
    ".vrt": "a virtual file only names others: give the file itself",
    **{suffix: f"{what}: convert it with {{command}}" for suffix, what in _CONVERTED.items()},
    ".topojson": "TopoJSON, which rounds shapes to a grid: ask for the original, or {command}",
}
"""What a file is that is not read, by extension, and the next step."""
_OTHER_JSON = (".topojson", ".geojsonl", ".geojsons", ".ndjson")


def checked_path(path: Path) -> Path:
    """Give back the path, absolute, once it is known to be a plain local file whose first bytes fit its extension.

    What a geometry reader would take for something else than a file name is refused, as is a pipe, which would wait for ever.

    Raises:
        InputError: an address, a virtual path, a driver prefix, a missing or special file, or content of another kind.

    """
    text = os.fspath(path)
    if _PREFIX.match(text) or "://" in text or _VIRTUAL.search(text):
        raise InputError(
            f"{text}: not the name of a local file (address, virtual path or driver prefix); download it first"
        )
    if any(c in text for c in "\0\n\r"):
        raise InputError(f"{text!r}: a file name cannot hold a line break or a null character; rename the file")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise InputError(f"{text!r}: a name that is not in UTF-8; rename it, or set a UTF-8 locale")
    full = Path(os.path.abspath(path))  # noqa: PTH100 -- the link itself is kept: its name holds the extension
    suffix = full.suffix.lower()
    try:
        status = full.stat()
    except OSError as error:
        raise InputError(f"{full}: cannot be read ({error.strerror or error}); correct the path") from error
    if suffix not in _KINDS and (suffix in _ADVICE or stat.S_ISREG(status.st_mode)):
        advice = _ADVICE.get(suffix, f"expected one of {', '.join(sorted(_KINDS))}")
        advice = advice.format(command=other_json.conversion(full))
        if suffix in _OTHER_JSON and stat.S_ISREG(status.st_mode):
            advice = other_json.described(full) or advice
        raise InputError(f"{full}: extension {suffix!r} is not read; {advice}")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{full}: not a regular file; give the path of a file")
    if status.st_size == 0:
        raise InputError(f"{full}: the file is empty; fetch it again")
    expected, fits = _KINDS[suffix]
    head = first_bytes(full)
    if not fits(head):
        locked = " (a password-protected or old workbook: save it as .xlsx without password)"
        exported = " (often a page or a text under this name: open it and save it as .xlsx)"
        locked = locked if head.startswith(_OLE2) else exported if suffix == ".xls" else ""
        raise InputError(
            f"{full}: the content does not fit the extension, {expected} expected{locked}; check what was sent"
        )
    return full


def first_bytes(path: Path) -> bytes:
    """Read the first bytes of a file.

    Raises:
        InputError: the file cannot be read.

    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error


def _starts(magic: bytes | tuple[bytes, ...]) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magic)


_TEXT = ("text", lambda head: not head.startswith(_BINARY))
_JSON = ("a JSON object", lambda head: head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x1e").startswith(b"{"))
_KINDS: dict[str, tuple[str, Callable[[bytes], bool]]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), _TEXT),
    **dict.fromkeys((".xlsx", ".xlsm", ".ods"), ("a workbook", _starts(_ZIP))),
    ".xls": ("a workbook of Excel 97", lambda head: head.startswith(_OLE2) and len(head) >= _OLE2_HEADER),
    ".zip": ("a zip archive", _starts(_ZIP)),
    ".shp": ("a shapefile", _starts(_SHAPE)),
    ".gpkg": ("a GeoPackage", _starts(_SQLITE)),
    **dict.fromkeys((".geojson", ".json"), _JSON),
    **dict.fromkeys((".parquet", ".geoparquet"), ("a Parquet file", _starts(_PARQUET))),
    ".fgb": ("a FlatGeobuf file", _starts(_FLATGEOBUF)),
}


def refuse_bigger(path: Path, limit: int) -> None:
    """Hold a file against the size beyond which reading it could exhaust the memory.

    Raises:
        InputError: the file is bigger than ``limit`` bytes.

    """
    size = path.stat().st_size
    if size > limit:
        raise InputError(f"{path}: {size // MIB} MiB, at most {limit // MIB} MiB are read; split or simplify the file")


def sha256_of(path: Path) -> str:
    """Hash a file piece by piece.

    Raises:
        InputError: the file cannot be read.

    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error


_READ_ERRORS = (NotImplementedError, EOFError, OSError, ValueError)
_ZIP_ERRORS = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, *_READ_ERRORS)


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose central directory is harmless: few entries, bounded sizes, no way out of its folder.

    Raises:
        InputError: damaged, encrypted, a bomb by its sizes, or an entry with an absolute path, ``..`` or a link.

    """
    try:
        with path.open("rb") as file:  # before it is parsed: each entry costs far more memory than its bytes
            end = zipfile._EndRecData(file)  # type: ignore[attr-defined] # noqa: SLF001 -- the only way to see it unparsed
        if end and (end[5] > MAX_CENTRAL_DIRECTORY or end[4] > MAX_ZIP_ENTRIES):
            raise InputError(
                f"{path}: {end[4]} entries in the archive, at most {MAX_ZIP_ENTRIES} expected; refused as a bomb"
            )
        with zipfile.ZipFile(path) as archive:
            entries, packed = archive.infolist(), path.stat().st_size
            inflated = sum(e.file_size for e in entries)
            is_bomb = inflated > RATIO_MATTERS_FROM and inflated > MAX_ZIP_RATIO * packed
            if len(entries) > MAX_ZIP_ENTRIES or inflated > MAX_ZIP_INFLATED or is_bomb:
                raise InputError(
                    f"{path}: {len(entries)} entries, {inflated // MIB} MiB once inflated from {packed // 1024} KiB; "
                    "refused as a bomb"
                )
            for entry in entries:
                name = entry.orig_filename.replace("\\", "/")
                if name.startswith("/") or ".." in name.split("/") or ":" in name or "\0" in name:
                    raise InputError(f"{path}: entry {name!r} points outside the archive; refused")
                if stat.S_ISLNK(entry.external_attr >> 16):
                    raise InputError(f"{path}: entry {name!r} is a link; refused")
                if entry.flag_bits & 0x1:
                    raise InputError(f"{path}: entry {name!r} is encrypted; save the archive without password")
            yield archive
    except _ZIP_ERRORS as error:
        raise InputError(f"{path}: damaged zip archive ({error}); fetch the file again") from error


def inflated_chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Inflate an entry piece by piece, and never beyond the size it declares: the library stops there and misses the checksum.

    Raises:
        zipfile.BadZipFile: the bytes do not have the checksum; ``opened_zip`` makes an InputError of it.

    """
    with archive.open(entry) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
