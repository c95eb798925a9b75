"""Which structure of one extract is which structure of another: by number, and by confirmed links where numbers changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import among

if TYPE_CHECKING:
    from collections.abc import Collection

RECORD_COLUMNS = (
    *("finess_et", "is_in_stock", "structure_type", "type_as_written", "modality"),
    *("address", "postcode", "commune_code", "department_code", "region_code", "territory"),
    *("opened_on", "closed_on", "location_status", "x", "y"),
)
"""What an extract says of a structure, whatever the perimeters."""
PLACE_COLUMNS = ("qpv_code", "place", "place_other", "around", "around_other", "answer", "generation")
"""What is said of where it is under one way of choosing perimeters: ``place`` is the situation that the point alone gives, ``around``
whether that point is in a QPV or within the distance of the settings (yes, no, unknown); ``_other``: under the other perimeters."""
STOCK_COLUMNS = (*RECORD_COLUMNS, *PLACE_COLUMNS)
"""What the accounting reads of each structure of an extract, in or out of the stock; without a type, it is out of scope."""

_LINKED = ["finess_et_from", "finess_et_to"]


def paired(before: pd.DataFrame, after: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """Pair the structures of two extracts: one row per structure that is in the stock of either.

    ``before`` and ``after``: one row per structure with ``finess_et`` and ``is_in_stock``. ``links``: ``usable`` pairs of
    identifiers. Returns ``at_from`` and ``at_to`` (positions in the two extracts, -1 where not in it), ``in_from`` and ``in_to`` (in
    the stock), and ``is_linked`` (a confirmed link concerns it). A number in both extracts is itself; a link pairs what left with
    what entered, one to one; what is left over of a merger or split keeps its own row, ``is_linked``.
    """
    old_of = _one_to_one(before, after, links) if len(links) else {}
    numbers = (before["finess_et"], after["finess_et"].replace(old_of) if old_of else after["finess_et"])
    codes, known = pd.factorize(pd.concat(numbers, ignore_index=True))
    sides: dict[str, np.ndarray] = {}
    for side, frame, code, linked in (
        ("from", before, codes[: len(before)], old_of.keys()),
        ("to", after, codes[len(before) :], old_of.values()),
    ):
        at = _positions(frame, code, len(known), linked)
        sides |= {f"at_{side}": at, f"in_{side}": np.append(frame["is_in_stock"], values=False)[at]}
    rows = pd.DataFrame(sides)
    rows = rows[rows["in_from"] | rows["in_to"]].reset_index(drop=True)
    return rows.assign(is_linked=_is_linked(rows, before, after, links) if len(links) else False)


def _positions(extract: pd.DataFrame, code: np.ndarray, n: int, linked: Collection[str]) -> np.ndarray:
    """Return the position in an extract of each of ``n`` numbers, -1 where not in it.

    ``code``: which number each row has. A row out of the stock gives way to a link that uses its number.
    """
    at, rows = np.full(n, -1), np.arange(len(extract))
    if linked:
        rows = rows[~(among(extract["finess_et"], linked) & ~extract["is_in_stock"])]
    at[code[rows]] = rows
    return at


def _is_linked(rows: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame, links: pd.DataFrame) -> pd.Series:
    """Say which pairs a confirmed link concerns: renumbered, or left over of a merger or split."""
    old, new = (
        frame["finess_et"].reset_index(drop=True).reindex(rows[at]).set_axis(rows.index)
        for frame, at in ((before, "at_from"), (after, "at_to"))
    )
    left = rows["in_from"] & ~rows["in_to"] & among(old, links["finess_et_from"])
    entered = rows["in_to"] & ~rows["in_from"] & among(new, links["finess_et_to"])
    return left | entered | (rows["in_from"] & rows["in_to"] & (old != new))


def usable(links: pd.DataFrame, stock_from: pd.Series, stock_to: pd.Series, years: tuple[int, int]) -> pd.DataFrame:
    """Return the links, chains followed, whose first identifier is in the first stock and second in the second.

    ``links``: ``finess_et_from``, ``finess_et_to``, ``from_year``, ``to_year`` (last year of the one, first of the other; null:
    any). A chain a → b → c links a to c. A link is used only between years that hold it.
    """
    if links.empty:
        return links[_LINKED]
    chains = _closure(links[_holds(links, years)][_LINKED].drop_duplicates())
    there = among(chains["finess_et_from"], stock_from) & among(chains["finess_et_to"], stock_to)
    return chains[there & (chains["finess_et_from"] != chains["finess_et_to"])].sort_values(_LINKED, ignore_index=True)


def _holds(links: pd.DataFrame, years: tuple[int, int]) -> pd.Series:
    first, last = years
    return (links["from_year"].fillna(first) >= first) & (links["to_year"].fillna(last) <= last)


def _closure(edges: pd.DataFrame) -> pd.DataFrame:
    """Follow chains until none is new."""
    known = edges
    while True:
        steps = known.merge(edges.set_axis(["finess_et_to", "finess_et_next"], axis=1), on="finess_et_to")
        longer = steps[["finess_et_from", "finess_et_next"]].set_axis(_LINKED, axis=1)
        grown = pd.concat([known, longer]).drop_duplicates(ignore_index=True)
        if len(grown) == len(known):
            return grown
        known = grown


def _one_to_one(before: pd.DataFrame, after: pd.DataFrame, links: pd.DataFrame) -> dict[str, str]:
    """Map new numbers to old ones: links that pair what left the stock with what entered it, smallest first, each used once."""
    left = ~among(links["finess_et_from"], after.loc[after["is_in_stock"], "finess_et"])
    entered = ~among(links["finess_et_to"], before.loc[before["is_in_stock"], "finess_et"])
    free = links[left & entered].sort_values(["finess_et_to", "finess_et_from"])
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    for old, new in zip(free["finess_et_from"], free["finess_et_to"], strict=True):
        if new not in chosen and old not in taken:
            chosen[new] = old
            taken.add(old)
    return chosen
