"""A table on a terminal: its main columns, folded to the width, long lists shortened with how to see the rest."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.box import Box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qpvhealth.cli.folding import folded
from qpvhealth.publish import selection
from qpvhealth.publish.bounds import Bounded, parted
from qpvhealth.publish.rendering import INVENTED, is_numbers, one_line, plain, readable
from qpvhealth.publish.sentences import in_language

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qpvhealth.publish.selection import View
    from qpvhealth.publish.sentences import Language

SHOWN_ROWS = 40
"""Rows of a list on a terminal; a table of counts by year is shorter."""
LEAST_WIDTH, LEAST_TEXT, LONGEST_WORD, LONGEST_BOUNDS = 40, 14, 20, 11
"""Columns of the narrowest terminal that is believed, of a folded text, of a word and of bounds that are not broken."""
GAP = 2
"""Between columns: one of padding, one of the box."""
LEAD = ("year", "area_code", "label")
"""What a line below a table is about."""
AS_LINES = ("net_in_qpv", "causes")
"""Columns too long for a table: a change and its causes stand below as lines."""
RULED = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
WORDS = {
    "fr": (
        "… et {n} autres lignes : --wide, ou --to FICHIER.xlsx",
        "Colonnes non montrées : {n} sur {of} (toutes : --wide)",
        " : ",
    ),
    "en": ("… and {n} more rows: --wide, or --to FILE.xlsx", "Columns not shown: {n} of {of} (all: --wide)", ": "),
}


def fitted(view: View, notes: Sequence[str], width: int, *, invented: bool, language: Language = "fr") -> str:
    """Write a view in words (see ``words.in_words``) so that no line of its table or notes is wider than the terminal.

    The main columns of ``[main]`` in ``titles.toml`` come first, as many as fit; a command to copy is never broken.
    """
    width = max(width, LEAST_WIDTH)
    shown = view.frame.head(SHOWN_ROWS)
    columns = [c for c in view.titles if c in shown.columns]
    cells = {c: [_cell(v, language) for v in plain(shown[c])] for c in columns}
    is_number = {c: is_numbers([v for v in plain(shown[c]) if v is not None]) for c in columns}
    lines_of = {c: [line for cell in cells[c] for line in cell.split("\n")] for c in columns}
    full = {c: max(map(len, (*view.titles[c].split("\n"), *lines_of[c]))) for c in columns}
    needs = {c: _need(view.titles[c], lines_of[c], is_number=is_number[c]) for c in columns}
    chosen = _widths(_chosen(view, needs, width), full, width)
    table = Table(box=RULED, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in chosen:
        title, side = Text(one_line(view.titles[column])), "right" if is_number[column] else "left"
        table.add_column(title, justify=side, width=chosen[column], overflow="fold")  # type: ignore[arg-type]
    for row in zip(*(cells[c] for c in chosen), strict=True):
        table.add_row(*(Text(cell) for cell in row))
    content = io.StringIO()
    console = Console(file=content, width=width, no_color=True, highlight=False, markup=False, emoji=False)
    console.print(table)
    more, hidden, colon = WORDS[language]
    lines = [line.rstrip() for line in content.getvalue().splitlines()]
    below = [c for c in AS_LINES if c in columns]
    if below:
        lead = [c for c in LEAD if c in chosen]
        net, causes = ([cell.replace("\n", " ") for cell in cells[c]] for c in AS_LINES)
        listed = zip(*(cells[c] for c in lead), net, causes, strict=True)
        words = view.titles[AS_LINES[0]]
        what = words[:1].lower() + words[1:]
        lines += ["", *(f"{' '.join(at)}{colon}{what} {n}{colon}{why}" for *at, n, why in listed if why)]
    left, n_hidden = len(view.frame) - len(shown), len(columns) - len({*chosen, *below})
    lines += [more.format(n=left)] if left else []
    lines += ["", *([in_language(INVENTED, language)] if invented else []), *map(one_line, notes)]
    lines += [hidden.format(n=n_hidden, of=len(columns))] if n_hidden else []
    return "".join(f"{line}\n" for line in folded(lines, width))


def _cell(value: object, language: Language) -> str:
    """Write a cell; the bounds of a figure stand under it, on two lines where they are long."""
    text = readable(value, language)
    alone, around = parted(text) if isinstance(value, Bounded) else (text, "")
    # parted at a plain space: a number has thin ones
    parts = around.rsplit(" ", 1) if len(around) > LONGEST_BOUNDS else [around]
    return "\n".join(map(one_line, filter(None, (alone, *parts)))) if around else one_line(alone)


def _need(title: str, cells: Sequence[str], *, is_number: bool) -> int:
    """Return the narrowest that a column may be: a number whole, a text folded between words where they are not very long."""
    longest = max(map(len, cells), default=0)
    words = [len(word) for text in (title, *([] if is_number else cells)) for word in text.split()]
    return max(longest if is_number else min(longest, LEAST_TEXT), min(max(words, default=1), LONGEST_WORD))


def _chosen(view: View, needs: Mapping[str, int], width: int) -> dict[str, int]:
    """Choose the columns to show, with what each needs at least: the main ones in order, or the first ones, while they fit."""
    main = [c for c in selection.main_columns(view.name) if c in needs]
    taken: dict[str, int] = {}
    for column in [c for c in main or needs if c not in AS_LINES[1:]]:
        if not taken or sum(taken.values()) + len(taken) * GAP + needs[column] <= width:
            taken[column] = needs[column]
    return taken


def _widths(needs: dict[str, int], full: Mapping[str, int], width: int) -> dict[str, int]:
    """Give the columns chosen what is left of the width, to each what it needs to be whole, the shortest first."""
    left = width - sum(needs.values()) - len(needs) * GAP
    widths = dict(needs)
    for column in sorted(needs, key=lambda c: full[c] - needs[c]):
        more = min(max(full[column] - needs[column], 0), max(left, 0))
        widths[column] += more
        left -= more
    return widths
