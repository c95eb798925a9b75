"""What became of communes: ``commune_events.csv``, from the INSEE file of commune events (COG 2024).

A row says that on a day a code gave way to another, and the name that it had. A row whose two codes are the same says that the
commune went on: under another name, or after it gave up a part. Merged, renumbered and restored communes since 2010 are in it, and
associated communes of before that addresses still name (59355 Lomme).
"""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Event(NamedTuple):
    """On a day, ``code_from`` (then called ``name``) became ``code_to``, or a part of it."""

    code_from: str
    on: date
    code_to: str
    name: str = ""


@cache
def shipped() -> tuple[Event, ...]:
    """Read the events of the package, in the order of their dates."""
    text = resources.files(__package__).joinpath("commune_events.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    return tuple(Event(a, date.fromisoformat(on), b, name) for a, on, b, name in rows)


def successors(events: Iterable[Event]) -> dict[str, tuple[str, date]]:
    """Return, for each code that is no more after the last event, the code that it is in now and since when it is no more.

    A code that was restored is itself. A code that was divided without going on has no one successor, and stays as it is.
    """
    by_day: dict[date, list[Event]] = {}
    for event in events:
        by_day.setdefault(event.on, []).append(event)
    gone: dict[str, tuple[str, date]] = {}
    for day, own in sorted(by_day.items()):
        goes_on = {e.code_from for e in own if e.code_from == e.code_to}
        targets: dict[str, set[str]] = {}
        for event in own:
            if event.code_from != event.code_to:
                gone.pop(event.code_to, None)
            if event.code_from not in goes_on:
                targets.setdefault(event.code_from, set()).add(event.code_to)
        gone |= {code: (next(iter(found)), day) for code, found in targets.items() if len(found) == 1}
    return {code: (_last(code, gone), day) for code, (_, day) in gone.items()}


def _last(code: str, gone: dict[str, tuple[str, date]]) -> str:
    """Follow successors to the end; a circle, which only a wrong file has, ends where it closes."""
    seen: set[str] = set()
    while code in gone and code not in seen:
        seen.add(code)
        code = gone[code][0]
    return code
