"""Lines folded to the width of a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


NO_BREAK = "\u00a0"


def folded(lines: Iterable[str], width: int) -> Iterator[str]:
    """Fold what is longer than the width under its own indent; a word of any length stays whole.

    A command goes on as a shell reads it, by a backslash at the end of each line, so that it can be copied.
    """
    for line in lines:
        if len(line) <= width:
            yield line
            continue
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        _, is_command, command = line.partition(": qpvhealth ")
        if "'" in command:  # no line of a quoted word may end before it does
            yield line
            continue
        wrapper = textwrap.TextWrapper(
            width - 2 * bool(is_command), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        bound = line.replace(" ;", f"{NO_BREAK};").replace(" :", f"{NO_BREAK}:")  # no line begins with a sign
        *first, last = (part.replace(NO_BREAK, " ") for part in wrapper.wrap(bound))
        yield from (f"{part} \\" if is_command else part for part in first)
        yield last
