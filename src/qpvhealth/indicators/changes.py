"""Why a figure changed: every unit of change between two extracts has one named cause, and nothing is left over.

Structures that leave go out with the situation they had, those that enter come in with the one they have; those that stay are
carried from the first state to the last one factor at a time (``factors``). Because each step starts where the one
before it ended, opening stock plus steps equals closing stock for any type, situation and area. The order, and why, is in
``docs/method.md``; the causes are those of the System of National Accounts read for a register (domain reference, section 14).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import unlike
from qpvhealth.contract.precision import rounded_m
from qpvhealth.facts.situations import DECLARED, ELSEWHERE, IN_QPV, LOCATED, NO, VECU_PROXY, YES
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.indicators import accounts, factors, movements, pairing
from qpvhealth.rules.addresses import commune_key, same_street, street_key
from qpvhealth.rules.proximity import by_rule, outside_if_declared
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        return swapped_sides(account(after, before, interval.reversed, links, near_rule=near_rule))
    places = {"": (before, after)}
    return attributed(possible(before, after, interval, links, places), near_rule=near_rule).drop(columns="generation")


def possible(
    before: pd.DataFrame,
    after: pd.DataFrame,
    interval: accounts.Interval,
    links: pd.DataFrame,
    places: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
) -> pd.DataFrame:
    """Pair two extracts and keep what entered, left or may have changed: a few rows of many.

    ``before`` and ``after``: ``pairing.RECORD_COLUMNS``, one row per structure. ``places``: by way of choosing perimeters, where the
    structures of either extract are (``pairing.PLACE_COLUMNS``, in their order). Returns one row per structure and way
    (``generation``), in the order of the numbers, with both records side by side (endings ``_from`` and ``_to``) and ``movements.context``.
    """
    first, last = (frame.loc[frame["is_in_stock"], "finess_et"] for frame in (before, after))
    confirmed = pairing.usable(links, first, last, (interval.from_year, interval.to_year))
    pairs = pairing.paired(before, after, confirmed)
    differ = _records_differ(pairs, before, after)
    masks = {name: differ | _places_differ(pairs, *sides) for name, sides in places.items()}
    listed = pairs[np.logical_or.reduce([*masks.values()])]
    records = _side_by_side(listed, before, after, _RECORD)
    records_of_both = listed.join(records.assign(**movements.context(records, before, after, interval)))
    order = records["finess_et_from"].fillna(records["finess_et_to"]).sort_values().index
    parts: list[pd.DataFrame] = []
    for name, sides in places.items():
        rows = records_of_both.loc[order[masks[name][order]]]
        parts.append(rows.join(_side_by_side(rows, *sides, pairing.PLACE_COLUMNS)).assign(generation=name))
    return pd.concat(parts, ignore_index=True)


def attributed(pairs: pd.DataFrame, *, near_rule: str = DECLARED) -> pd.DataFrame:
    """Name the causes of what ``possible`` gives, for any number of intervals and ways of choosing perimeters at once.

    Returns one row per structure, way, interval and step, with ``COLUMNS``.
    """
    if pairs.empty:
        return none()
    ready = _ready(pairs)
    stayers = ready[ready["in_from"] & ready["in_to"]]
    parts = [movements.entries(ready[~ready["in_from"]]), movements.exits(ready[~ready["in_to"]])]
    steps = pd.concat([*parts, factors.identities(stayers), *factors.steps(stayers)])
    return _written(ready, steps, near_rule)


_RECORD = tuple(c for c in pairing.RECORD_COLUMNS if c != "is_in_stock")
_COMPARED = (
    *("finess_et", "structure_type", "modality", "location_status", "x", "y"),
    *("territory", "region_code", "department_code"),
)


def _side_by_side(
    pairs: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame, columns: Sequence[str]
) -> pd.DataFrame:
    """Put what two extracts say of each pair side by side; null where a structure is not in one."""
    sides = ((before, "from"), (after, "to"))
    columns_of_both = {
        f"{c}_{side}": frame[c].array.take(at, allow_fill=True)
        for frame, side, at in ((f, side, pairs[f"at_{side}"].to_numpy()) for f, side in sides)
        for c in columns
    }
    return pd.DataFrame(columns_of_both, index=pairs.index)


def _records_differ(pairs: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> np.ndarray:
    """Say which pairs are in one stock only, or differ in what a factor reads of their records, whatever the perimeters.

    A point without territory cannot be told to be the same.
    """
    stays = pairs["in_from"] & pairs["in_to"]
    both = _side_by_side(pairs[stays], before, after, _COMPARED)
    differ = both["territory_from"].isna()
    for column in _COMPARED:
        differ |= unlike(both[f"{column}_from"], both[f"{column}_to"])
    out = ~stays.to_numpy()
    out[stays] = differ
    return out


def _places_differ(pairs: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> np.ndarray:
    """Say which pairs stay, and differ in their answer or in a place, by extract or by perimeters."""
    stays = pairs["in_from"] & pairs["in_to"]
    both = _side_by_side(pairs[stays], before, after, ("place", "place_other", "answer"))
    differ = unlike(both["answer_from"], both["answer_to"])
    differ |= unlike(both["place_from"], both["place_other_to"])
    differ |= unlike(both["place_other_to"], both["place_to"])
    out = np.zeros(len(pairs), dtype=bool)
    out[stays] = differ
    return out


def none() -> pd.DataFrame:
    """Return an empty frame of changes."""
    kinds = dict.fromkeys(("from_year", "to_year", "step"), "int64") | {"other_order_differs": "bool"}
    kinds |= dict.fromkeys(("effect_in_qpv", "effect_in_or_near"), "Int64") | {"moved_m": "float64"}
    kinds |= dict.fromkeys(("opened_on", "closed_on"), "datetime64[s]")
    return pd.DataFrame({c: pd.Series(dtype=kinds.get(c, "str")) for c in COLUMNS})


def swapped_sides(changes: pd.DataFrame) -> pd.DataFrame:
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
    moved = pd.Series(rounded_m((east * east + north * north) ** 0.5), index=pairs.index)
    same_territory = pairs["territory_from"] == pairs["territory_to"]
    sides = {"00": "from", "01": "other_from", "10": "other_to", "11": "to"}
    places = {f"{c}_{step}": pairs[f"{c}_{side}"] for c in ("place", "around") for step, side in sides.items()}
    added = points | places | areas | {"moved_m": moved.where(same_territory)} | _compared(pairs)
    return pd.concat([pairs.drop(columns=list(points | areas), errors="ignore"), pd.DataFrame(added)], axis=1)


def _compared(pairs: pd.DataFrame) -> dict[str, pd.Series]:
    """Compare addresses: ``address_differs`` and ``address_known`` (both are).

    Another address is another street line, or another commune and another postcode: a commune that merges or an
    arrondissement written as its city is not a move.
    """
    streets = [street_key(pairs[f"address_{side}"]) for side in accounts.SIDES]
    towns = [commune_key(pairs[f"commune_code_{side}"]) for side in accounts.SIDES]
    town = accounts.differ(*towns) & ~accounts.same(pairs["postcode_from"], pairs["postcode_to"])
    is_comparable = streets[0].notna() & streets[1].notna()
    return {"address_differs": ~same_street(*streets) & is_comparable | town, "address_known": is_comparable | town}


_KEPT = [
    *("generation", "from_year", "to_year", "moved_m"),
    *(f"{c}_{side}" for c in ("finess_et", "qpv_code", "generation") for side in accounts.SIDES),
]


def _written(pairs: pd.DataFrame, steps: pd.DataFrame, near_rule: str) -> pd.DataFrame:
    """Write steps as changes: the state before and after (null: not in the stock), cause, evidence, what differs and the effects.

    ``steps``: ``accounts.steps``, on the index of ``pairs``, those of a pair in the order in which they were applied.
    """
    number = steps.groupby(level=0).cumcount().to_numpy() + 1
    rows = pairs.assign(changed=accounts.changed(pairs)).loc[steps.index].reset_index(drop=True)
    applied = steps.reset_index(drop=True)
    states = {side: factors.state(rows, applied[f"applied_{side}"]) for side in accounts.SIDES}
    common = rows[[*_KEPT, "changed"]].assign(
        step=number,
        finess_et=rows["finess_et_to"].fillna(rows["finess_et_from"]),
        **applied[["cause", "evidence", "other_order_differs"]],
        **_dates(rows, is_renumbering=applied["applied_from"] == applied["applied_to"]),
        **_effects(states["from"], states["to"], near_rule),
    )
    sides = [state.drop(columns=["place", "around"]).add_suffix(f"_{side}") for side, state in states.items()]
    rows_of_changes = pd.concat([common, *sides], axis=1)
    kind = rows_of_changes["structure_type_to"].fillna(rows_of_changes["structure_type_from"])
    return rows_of_changes.assign(structure_type=kind)[COLUMNS]


def _dates(rows: pd.DataFrame, *, is_renumbering: pd.Series) -> dict[str, pd.Series]:
    """Show the dates of the second extract, of the first where the second gives none; a new number shows those of its own record."""
    return {
        day: rows[f"{day}_to"].fillna(rows[f"{day}_from"].mask(is_renumbering)) for day in ("opened_on", "closed_on")
    }


def _effects(before: pd.DataFrame, after: pd.DataFrame, near_rule: str) -> dict[str, pd.Series]:
    """Return the effects: on the stock inside a QPV, and inside or near by the rule, null where either side is unknown.

    Out of the stock is 0. What stays at one place, with one answer, has no effect, whatever is not known of it.
    """
    inside, near = [], []
    for state in (before, after):
        answer, around = (
            Tristate(*((state[c] == word).to_numpy(dtype=bool) for word in (YES, NO)))
            for c in ("vecu_declared", "around")
        )
        words = ((IN_QPV,), (VECU_PROXY, ELSEWHERE))
        place = Tristate(*(state["place"].isin(of).to_numpy(dtype=bool) for of in words))
        union = outside_if_declared(place, answer) | by_rule(near_rule, answer, around)
        inside.append((state["situation"] == IN_QPV).astype("Int64"))
        near.append(pd.Series(union.nullable(), index=state.index).astype("Int64").mask(state["place"].isna(), 0))
    same = accounts.same(before["place"], after["place"]) & accounts.same(before["around"], after["around"])
    same &= accounts.same(before["vecu_declared"], after["vecu_declared"])
    return {"effect_in_qpv": inside[1] - inside[0], "effect_in_or_near": (near[1] - near[0]).mask(same, 0)}
