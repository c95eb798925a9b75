"""The hidden rows of a workbook of Excel 97 (.xls), which calamine does not tell.

Source: Microsoft, [MS-CFB] (the compound file: sectors, their table, the directory) and [MS-XLS] (records BoundSheet8, Row, BOF, EOF).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HEADER = 512
_FREE, _ENTRY, _SMALL, _SMALL_SECTOR = 0xFFFF_FFFA, 128, 4096, 64
"""Numbers from here on name no sector; bytes of an entry of the directory; smaller streams lie in small sectors of the root's stream."""
_BOF, _EOF, _SHEET, _ROW = 0x0809, 0x000A, 0x0085, 0x0208
_HIDDEN = 0x20


def hidden_rows(path: Path) -> dict[str, set[int]]:
    """Return the numbers of the hidden rows by sheet; nothing of a file that is not as described, which its reader then refuses."""
    try:
        book = _workbook(path.read_bytes())
        sheets = [_sheet(body) for kind, body in _records(book, 0) if kind == _SHEET]
        return {name: set(_hidden(book, at)) for name, at in sheets}
    except (struct.error, IndexError, UnicodeDecodeError):
        return {}


def _workbook(data: bytes) -> bytes:
    """Return the stream of the workbook: the sectors that the directory names, one after the other."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    first_directory, first_more = struct.unpack_from("<I", data, 48)[0], struct.unpack_from("<I", data, 68)[0]
    n_sectors = max(len(data) // size, 1)

    def numbers(sector: int) -> tuple[int, ...]:
        """Read a sector as numbers of sectors."""
        return struct.unpack_from(f"<{size // 4}I", data, HEADER + sector * size)

    of_table, more = list(struct.unpack_from("<109I", data, 76)), first_more
    while more < _FREE and len(of_table) <= n_sectors + 109:
        *listed, more = numbers(more)
        of_table += listed
    following = [n for sector in of_table if sector < _FREE for n in numbers(sector)]

    body = data[HEADER:]

    def stream(first: int) -> bytes:
        """Join the sectors of the file that follow one another from one on."""
        return _chain(body, size, following, first)

    root, book = b"", b""
    directory = stream(first_directory)
    for at in range(0, len(directory) - _ENTRY + 1, _ENTRY):
        length, start, n_bytes = (
            struct.unpack_from(form, directory, at + k)[0] for form, k in (("<H", 64), ("<I", 116), ("<I", 120))
        )
        name = directory[at : at + max(min(length, 64) - 2, 0)].decode("utf-16-le")
        if at == 0:
            root = stream(start)
        elif name in ("Workbook", "Book"):
            if n_bytes >= _SMALL:
                return stream(start)[:n_bytes]
            table = stream(struct.unpack_from("<I", data, 60)[0])
            small = struct.unpack(f"<{len(table) // 4}I", table)
            book = _chain(root, _SMALL_SECTOR, small, start)[:n_bytes]
    return book


def _chain(data: bytes, size: int, following: Sequence[int], sector: int) -> bytes:
    """Join the sectors that follow one another from one on; a chain longer than the data turns in a ring."""
    pieces: list[bytes] = []
    while sector < _FREE and len(pieces) <= len(data) // size:
        pieces.append(data[sector * size : (sector + 1) * size])
        sector = following[sector]
    return b"".join(pieces)


def _records(book: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Give the records of the part of the workbook that begins at a place: kind and content, those of charts within it left out."""
    depth = 0
    while at + 4 <= len(book):
        kind, length = struct.unpack_from("<HH", book, at)
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, book[at + 4 : at + 4 + length]
        at += 4 + length


def _sheet(body: bytes) -> tuple[str, int]:
    """Return the name of a sheet and where its part begins; texts are in Latin-1 or UTF-16, as a bit says."""
    at, n, is_wide = struct.unpack_from("<I2xBB", body)
    return (body[8 : 8 + 2 * n].decode("utf-16-le") if is_wide & 1 else body[8 : 8 + n].decode("latin-1")), at


def _hidden(book: bytes, at: int) -> Iterator[int]:
    for kind, body in _records(book, at):
        if kind == _ROW and body[12] & _HIDDEN:
            yield struct.unpack_from("<H", body)[0] + 1
