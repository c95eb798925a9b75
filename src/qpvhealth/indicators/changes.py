"""Why a figure changed: every unit of change between two extracts has one named cause, and nothing is left over.

Structures that leave go out with the situation they had, those that enter come in with the one they have; those that stay are
carried from the first state to the last one factor at a time (``factors``). Because each step starts where the one
before it ended, opening stock plus steps equals closing stock for any type, situation and area. The order, and why, is in
``docs/method.md``; the causes are those of the System of National Accounts read for a register (domain reference, section 14).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.situations import (
    DECLARED,
    IN_QPV,
    LOCATED,
    PROXY,
    UNDETERMINED,
    UNKNOWN,
    VECU_PROXY,
    YES,
)
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.indicators import accounts, factors, movements, pairing
from qpvhealth.indicators.addresses import commune_key, same_street, street_key

if TYPE_CHECKING:
    import numpy as np

_PAIRED = ("finess_et", "structure_type", "modality", "vecu_declared", "qpv_code", "generation", *accounts.AREAS)
KEY = ["finess_et", "generation", "from_year", "to_year", "step"]
COLUMNS = [
    *KEY,
    *("structure_type", "situation_from", "situation_to", "cause", "effect_in_qpv", "effect_in_or_near"),
    *(f"{c}_{side}" for c in _PAIRED for side in accounts.SIDES),
    *("opened_on", "closed_on", "moved_m", "changed", "evidence", "other_order_differs"),
]


def account(
    before: pd.DataFrame,
    after: pd.DataFrame,
    interval: accounts.Interval,
    links: pd.DataFrame,
    *,
    near_rule: str = DECLARED,
) -> pd.DataFrame:
    """Account for every change between two extracts under one way of choosing perimeters.

    ``before`` and ``after``: one row per structure of an extract, in or out of the stock, with ``pairing.STOCK_COLUMNS``:
    ``place`` is the situation that the point alone gives under the perimeters of its own extract, ``place_other`` under those
    of the other extract, ``answer`` the ARS's, ``x`` and ``y`` metres of the territory. ``links``: confirmed identities.
    Returns one row per structure and step, with ``COLUMNS`` but for ``generation``. Swapping the two extracts turns every row round.
    """
    if interval.is_backward:
        return turned(account(after, before, interval.reversed, links, near_rule=near_rule))
    return named(touched(before, after, interval, links), interval, near_rule=near_rule)


def touched(
    before: pd.DataFrame, after: pd.DataFrame, interval: accounts.Interval, links: pd.DataFrame
) -> pd.DataFrame:
    """Pair two extracts as ``account`` takes them and keep what entered, left or may have changed: a few rows of many.

    Returns one row per structure with both records side by side (endings ``_from`` and ``_to``) and what the tests of causes read.
    """
    first, last = (frame.loc[frame["is_in_stock"], "finess_et"] for frame in (before, after))
    known = pairing.usable(links, first, last, (interval.from_year, interval.to_year))
    pairs = pairing.paired(before, after, known)
    kept = pairs[_may_differ(pairs, before, after)].reset_index(drop=True)
    records = [
        frame[list(_RECORD)].reset_index(drop=True).reindex(kept[at]).set_axis(kept.index).add_suffix(side)
        for frame, at, side in ((before, "at_from", "_from"), (after, "at_to", "_to"))
    ]
    listed = pd.concat([kept[["in_from", "in_to", "is_linked"]], *records], axis=1)
    return _ready(listed).assign(**movements.words(listed, before, after))


def named(pairs: pd.DataFrame, interval: accounts.Interval, *, near_rule: str = DECLARED) -> pd.DataFrame:
    """Name the causes of what ``touched`` gives; with a column ``generation``, for several ways of choosing perimeters at once."""
    stays = pairs["in_from"] & pairs["in_to"]
    parts = [movements.entries(pairs[~pairs["in_from"]], interval), movements.exits(pairs[~pairs["in_to"]], interval)]
    parts += [factors.identities(pairs[stays]), *factors.steps(pairs[stays])]
    rows = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    rows = rows.assign(from_year=interval.from_year, to_year=interval.to_year, step=_numbered(rows))
    return _with_effects(rows, near_rule)


_RECORD = tuple(c for c in pairing.STOCK_COLUMNS if c != "is_in_stock")
_COMPARED = (
    *("finess_et", "structure_type", "modality", "location_status", "x", "y"),
    *("territory", "region_code", "department_code", "answer"),
)


def _may_differ(pairs: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> np.ndarray:
    """Say which pairs are in one stock only, or differ in anything that a test of a factor reads.

    A point without territory cannot be told to be the same.
    """
    stays = (pairs["in_from"] & pairs["in_to"]).to_numpy()
    old, new = (
        frame.take(pairs.loc[stays, at]).reset_index(drop=True) for frame, at in ((before, "at_from"), (after, "at_to"))
    )
    compared = [(old[c], new[c]) for c in _COMPARED]
    compared += [(old["place"], new["place_other"]), (new["place_other"], new["place"])]
    differ = old["territory"].isna()
    for one, other in compared:
        differ |= (one != other) & (one.notna() | other.notna())
    out = ~stays
    out[stays] = differ
    return out


def none() -> pd.DataFrame:
    """Return an empty frame of changes: fewer than two extracts."""
    counted = ("from_year", "to_year", "step", "effect_in_qpv", "effect_in_or_near")
    return pd.DataFrame({c: pd.Series(dtype="Int64" if c in counted else "str") for c in COLUMNS})


def turned(changes: pd.DataFrame) -> pd.DataFrame:
    """Turn changes round: what entered leaves, steps run backwards, effects change sign; causes and evidence stay."""
    swapped = {
        f"{c}_{a}": f"{c}_{b}" for c in (*_PAIRED, "situation") for a, b in (accounts.SIDES, accounts.SIDES[::-1])
    }
    frame = changes.rename(columns={**swapped, "from_year": "to_year", "to_year": "from_year"})
    last = frame.groupby([c for c in ("finess_et", "generation") if c in frame])["step"].transform("max")
    number = frame["finess_et_to"].fillna(frame["finess_et_from"])
    kind = frame["structure_type_to"].fillna(frame["structure_type_from"])
    effects = {c: -frame[c] for c in ("effect_in_qpv", "effect_in_or_near")}
    return frame.assign(step=last - frame["step"] + 1, finess_et=number, structure_type=kind, **effects)


def _ready(pairs: pd.DataFrame) -> pd.DataFrame:
    """Add what the tests read: areas without nulls, distance between the points, addresses compared, places by perimeter."""
    areas = {
        f"{area}_{side}": pairs[f"{column}_{side}"].fillna(NO_REGION).where(pairs[f"in_{side}"])
        for area, column in accounts.AREAS.items()
        for side in accounts.SIDES
    }
    points = {
        f"{axis}_{side}": pairs[f"{axis}_{side}"].where(pairs[f"location_status_{side}"] == LOCATED)
        for axis in "xy"
        for side in accounts.SIDES
    }
    east, north = points["x_to"] - points["x_from"], points["y_to"] - points["y_from"]
    moved = (east * east + north * north) ** 0.5
    same_territory = pairs["territory_from"] == pairs["territory_to"]
    places = {
        "place_00": pairs["place_from"],
        "place_01": pairs["place_other_from"],
        "place_10": pairs["place_other_to"],
        "place_11": pairs["place_to"],
    }
    return pairs.assign(**points, **places, **areas, moved_m=moved.where(same_territory), **_compared(pairs)).copy()


def _compared(pairs: pd.DataFrame) -> dict[str, pd.Series]:
    """Compare addresses: ``address_differs`` and ``address_known`` (both are).

    Another address is another street line, or another commune and another postcode: a commune that merges or an
    arrondissement written as its city is not a move.
    """
    streets = [street_key(pairs[f"address_{side}"]) for side in accounts.SIDES]
    towns = [commune_key(pairs[f"commune_code_{side}"]) for side in accounts.SIDES]
    town = accounts.differ(*towns) & ~accounts.same(pairs["postcode_from"], pairs["postcode_to"])
    known = streets[0].notna() & streets[1].notna()
    return {"address_differs": ~same_street(*streets) & known | town, "address_known": known | town}


def _numbered(rows: pd.DataFrame) -> pd.Series:
    """Return the number of each step, from 1 for each structure, in the order in which they were applied."""
    number = rows["finess_et_to"].fillna(rows["finess_et_from"])
    return rows.groupby([number, rows["generation"]] if "generation" in rows else number).cumcount() + 1


def _with_effects(rows: pd.DataFrame, near_rule: str) -> pd.DataFrame:
    """Add the effects: on the stock inside a QPV, and inside or near, null where either side is unknown."""
    inside = [(rows[f"situation_{side}"] == IN_QPV).astype("Int64") for side in accounts.SIDES]
    near = [_in_or_near(rows, side, near_rule) for side in accounts.SIDES]
    same = accounts.same(rows["place_from"], rows["place_to"]) & accounts.same(
        rows["vecu_declared_from"], rows["vecu_declared_to"]
    )
    return rows.assign(
        finess_et=rows["finess_et_to"].fillna(rows["finess_et_from"]),
        structure_type=rows["structure_type_to"].fillna(rows["structure_type_from"]),
        effect_in_qpv=inside[1] - inside[0],
        effect_in_or_near=(near[1] - near[0]).mask(same, 0),
    ).drop(columns=["place_from", "place_to"])


def _in_or_near(rows: pd.DataFrame, side: str, near_rule: str) -> pd.Series:
    """Say whether a structure is in or near a QPV by the rule (1, 0, null where unknown); 0 out of the stock."""
    place, answer = rows[f"place_{side}"], rows[f"vecu_declared_{side}"]
    by_place = (place == VECU_PROXY).astype("Int64").mask(place == UNDETERMINED, pd.NA)
    by_answer = (answer == YES).astype("Int64").mask(answer == UNKNOWN, pd.NA)
    near = by_answer if near_rule == DECLARED else by_place if near_rule == PROXY else by_answer.fillna(by_place)
    return near.mask(place == IN_QPV, 1).mask(place.isna(), 0)
