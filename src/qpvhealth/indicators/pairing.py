"""Which structure of one extract is which structure of another: by number, and by confirmed links where numbers changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import among

if TYPE_CHECKING:
    from collections.abc import Iterable

RECORD_COLUMNS = (
    *("finess_et", "is_in_stock", "structure_type", "type_as_written", "modality"),
    *("address", "postcode", "commune_code", "department_code", "region_code", "territory"),
    *("opened_on", "closed_on", "location_status", "x", "y"),
)
"""What an extract says of a structure, whatever the perimeters."""
STOCK_COLUMNS = (*RECORD_COLUMNS, "qpv_code", "place", "place_other", "answer", "generation")
"""What the accounting reads of each structure of an extract, in or out of the stock; without a type, it is out of scope."""

_LINKED = ["finess_et_from", "finess_et_to"]


def paired(before: pd.DataFrame, after: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """Pair the structures of two extracts: one row per structure that is in the stock of either, in the order of the numbers.

    ``before`` and ``after``: one row per structure with ``finess_et`` and ``is_in_stock``. ``links``: ``usable`` pairs of
    identifiers. Returns ``at_from`` and ``at_to`` (positions in the two extracts, -1 where not in it), ``in_from`` and ``in_to`` (in
    the stock), and ``is_linked`` (a confirmed link concerns it). A number in both extracts is itself; a link pairs what left with
    what entered, one to one; what is left over of a merger or split keeps its own row, ``is_linked``.
    """
    old_of = _one_to_one(before, after, links)
    second = _side(after, "to", old_of.values())
    numbers = second["finess_et_to"].replace(old_of) if old_of else second["finess_et_to"]
    frame = _side(before, "from", old_of).merge(
        second.assign(before=numbers), left_on="finess_et_from", right_on="before", how="outer", sort=True
    )
    known = frame.assign(in_from=_true(frame["in_from"]), in_to=_true(frame["in_to"]))
    rows = known[known["in_from"] | known["in_to"]].reset_index(drop=True)
    left = rows["in_from"] & ~rows["in_to"] & among(rows["finess_et_from"], links["finess_et_from"])
    entered = rows["in_to"] & ~rows["in_from"] & among(rows["finess_et_to"], links["finess_et_to"])
    renumbered = rows["in_from"] & rows["in_to"] & (rows["finess_et_from"] != rows["finess_et_to"])
    at = {side: rows[side].fillna(-1).astype("int64") for side in ("at_from", "at_to")}
    return rows[["in_from", "in_to"]].assign(**at, is_linked=left | entered | renumbered)


def _side(extract: pd.DataFrame, side: str, linked: Iterable[str]) -> pd.DataFrame:
    """List the structures of one extract with their positions; one out of the stock gives way to a link that uses its number."""
    number, stock = extract["finess_et"], extract["is_in_stock"]
    told = {f"finess_et_{side}": number, f"at_{side}": np.arange(len(extract)), f"in_{side}": stock}
    return pd.DataFrame(told)[~(among(number, linked) & ~stock)]


def usable(links: pd.DataFrame, stock_from: pd.Series, stock_to: pd.Series, years: tuple[int, int]) -> pd.DataFrame:
    """Return the links, chains followed, whose first identifier is in the first stock and second in the second.

    ``links``: ``finess_et_from``, ``finess_et_to``, ``from_year``, ``to_year`` (last year of the one, first of the other; null:
    any). A chain a → b → c links a to c. A link is used only between years that hold it.
    """
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


def _true(flags: pd.Series) -> pd.Series:
    return flags.astype("boolean").fillna(value=False).astype(bool)
