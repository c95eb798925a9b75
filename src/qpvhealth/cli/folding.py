"""Lines folded to the width of a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def folded(lines: Iterable[str], width: int) -> Iterator[str]:
    """Fold what is longer than the width under its own indent, but for a command and a word of any length: they are copied whole."""
    for line in lines:
        if len(line) <= width or ": qpvhealth " in line:
            yield line
            continue
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        yield from textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
