"""Why a figure changed: every unit of change between two extracts has one named cause, and nothing is left over.

Structures that leave go out with the situation they had, those that enter come in with the one they have; those that stay are
carried from the first state to the last one factor at a time, in the order of ``FACTORS``. Because each step starts where the one
before it ended, opening stock plus steps equals closing stock for any type, situation and area. The order, and why, is in
``docs/method.md``; the causes are those of the System of National Accounts read for a register (domain reference, section 14).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.facts import causes
from qpvhealth.facts.categories import UNKNOWN as UNKNOWN_MODALITY
from qpvhealth.facts.dates import PLACEHOLDERS
from qpvhealth.facts.situations import (
    DECLARED,
    ELSEWHERE,
    IN_QPV,
    LOCATED,
    NO,
    PROXY,
    UNDETERMINED,
    UNKNOWN,
    VECU_DECLARED,
    VECU_PROXY,
    YES,
)
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.indicators import pairing
from qpvhealth.indicators.addresses import commune_key, same_street, street_key

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

SAME_POINT_M = 1.0
"""Two points closer than this are one: rounding of coordinates between two layouts, not a relocation."""

RECLASSIFICATION, PLACE, ANSWER, PERIMETER = "reclassification", "place", "answer", "perimeter"
FACTORS = (RECLASSIFICATION, PLACE, ANSWER, PERIMETER)
"""What can change for a structure that stays, in the order in which it is applied."""

AREAS = {"territory": "territory", "region": "region_code", "department": "department_code"}
_SIDES = ("from", "to")
_PAIRED = ("finess_et", "structure_type", "modality", "vecu_declared", "qpv_code", "generation", *AREAS)
KEY = ["finess_et", "generation", "from_year", "to_year", "step"]
COLUMNS = [
    *KEY,
    *("structure_type", "situation_from", "situation_to", "cause", "effect_in_qpv", "effect_in_or_near"),
    *(f"{c}_{side}" for c in _PAIRED for side in _SIDES),
    *("opened_on", "closed_on", "moved_m", "changed", "evidence", "other_order_differs"),
]


@dataclass(frozen=True)
class Interval:
    """Two extracts: years, reference dates, and the départements each covers (null: everything)."""

    from_year: int
    to_year: int
    from_date: date
    to_date: date
    covers_from: Collection[str] | None = None
    covers_to: Collection[str] | None = None

    @property
    def is_backward(self) -> bool:
        """Whether the second extract is the earlier one."""
        return self.from_date > self.to_date

    @property
    def reversed(self) -> Interval:
        """The same two extracts the other way round."""
        return Interval(self.to_year, self.from_year, self.to_date, self.from_date, self.covers_to, self.covers_from)


def account(
    before: pd.DataFrame, after: pd.DataFrame, interval: Interval, links: pd.DataFrame, *, near_rule: str = DECLARED
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


def touched(before: pd.DataFrame, after: pd.DataFrame, interval: Interval, links: pd.DataFrame) -> pd.DataFrame:
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
    return _ready(listed).assign(**_written(listed, before, after))


def named(pairs: pd.DataFrame, interval: Interval, *, near_rule: str = DECLARED) -> pd.DataFrame:
    """Name the causes of what ``touched`` gives; with a column ``generation``, for several ways of choosing perimeters at once."""
    stays = pairs["in_from"] & pairs["in_to"]
    parts = [_entries(pairs[~pairs["in_from"]], interval), _exits(pairs[~pairs["in_to"]], interval)]
    parts += [_identities(pairs[stays]), *_steps(pairs[stays])]
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
    swapped = {f"{c}_{a}": f"{c}_{b}" for c in (*_PAIRED, "situation") for a, b in (_SIDES, _SIDES[::-1])}
    frame = changes.rename(columns={**swapped, "from_year": "to_year", "to_year": "from_year"})
    last = frame.groupby([c for c in ("finess_et", "generation") if c in frame])["step"].transform("max")
    number = frame["finess_et_to"].fillna(frame["finess_et_from"])
    kind = frame["structure_type_to"].fillna(frame["structure_type_from"])
    effects = {c: -frame[c] for c in ("effect_in_qpv", "effect_in_or_near")}
    return frame.assign(step=last - frame["step"] + 1, finess_et=number, structure_type=kind, **effects)


def situation(place: pd.Series, answer: pd.Series) -> pd.Series:
    """Give the situation from the place and the ARS's answer: inside wins, then the answer, then the place.

    The factored form of ``spatial.situations.resolve``; null where the place is.
    """
    inside = place == IN_QPV
    told = place.mask(~inside & (answer == YES), VECU_DECLARED).mask(~inside & (answer == NO), ELSEWHERE)
    return told.where(place.notna()).astype("str")


def _ready(pairs: pd.DataFrame) -> pd.DataFrame:
    """Add what the tests read: areas without nulls, distance between the points, addresses compared, places by perimeter."""
    areas = {
        f"{area}_{side}": pairs[f"{column}_{side}"].fillna(NO_REGION).where(pairs[f"in_{side}"])
        for area, column in AREAS.items()
        for side in _SIDES
    }
    points = {
        f"{axis}_{side}": pairs[f"{axis}_{side}"].where(pairs[f"location_status_{side}"] == LOCATED)
        for axis in "xy"
        for side in _SIDES
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
    streets = [street_key(pairs[f"address_{side}"]) for side in _SIDES]
    towns = [commune_key(pairs[f"commune_code_{side}"]) for side in _SIDES]
    town = _differ(*towns) & ~_same(pairs["postcode_from"], pairs["postcode_to"])
    known = streets[0].notna() & streets[1].notna()
    return {"address_differs": ~same_street(*streets) & known | town, "address_known": known | town}


def _differ(old: pd.Series, new: pd.Series) -> pd.Series:
    return old.notna() & new.notna() & (old != new)


def _same(old: pd.Series, new: pd.Series) -> pd.Series:
    return old.notna() & new.notna() & (old == new)


def _entries(rows: pd.DataFrame, interval: Interval) -> pd.DataFrame:
    """Name the cause of each structure that is in the second stock and not in the first."""
    first, last = pd.Timestamp(interval.from_date), pd.Timestamp(interval.to_date)
    opened = _reliable(rows["opened_on_to"]).fillna(_reliable(rows["opened_on_from"]))
    between, earlier = (opened > first) & (opened <= last), opened <= first
    uncovered = _uncovered(rows["department_to"], interval.covers_from)
    was_listed = rows["finess_et_from"].notna()
    aside = was_listed & rows["structure_type_from"].isna()
    tests = (
        (rows["is_linked"], causes.IDENTITY, "a confirmed link splits another record"),
        (between, causes.OPENED, "opened_on lies between the two reference dates"),
        *_scope_tests(rows, aside, "first"),
        (uncovered, causes.COVERAGE, "the first extract does not cover the area"),
        (earlier & was_listed, causes.NOT_ATTRIBUTABLE, "listed as closed in the first extract, as open in the second"),
        (earlier, causes.LATE_REGISTRATION, "opened_on is not after the first reference date"),
        (rows["opened_on_to"].isin(_days()), causes.NOT_ATTRIBUTABLE, "opened_on is a placeholder"),
        (opened.isna(), causes.NOT_ATTRIBUTABLE, "no opening date"),
    )
    other = _differ(situation(rows["place_10"], rows["answer_to"]), situation(rows["place_11"], rows["answer_to"]))
    found = _named(rows, tests, "opened_on is after the second reference date")
    end = _state(rows, frozenset(FACTORS))
    return _rows(found.assign(other_order_differs=other | (between & (uncovered | aside))), None, end)


def _exits(rows: pd.DataFrame, interval: Interval) -> pd.DataFrame:
    """Name the cause of each structure that is in the first stock and not in the second."""
    first, last = pd.Timestamp(interval.from_date), pd.Timestamp(interval.to_date)
    closed = _reliable(rows["closed_on_to"]).fillna(_reliable(rows["closed_on_from"]))
    between, earlier = (closed > first) & (closed <= last), closed <= first
    uncovered = _uncovered(rows["department_from"], interval.covers_to)
    aside = rows["finess_et_to"].notna() & rows["structure_type_to"].isna()
    tests = (
        (rows["is_linked"], causes.IDENTITY, "a confirmed link merges it into another record"),
        (between, causes.CLOSED, "closed_on lies between the two reference dates"),
        (earlier, causes.LATE_DEREGISTRATION, "closed_on is not after the first reference date"),
        *_scope_tests(rows, aside, "second"),
        (uncovered, causes.COVERAGE, "the second extract does not cover the area"),
        (rows["finess_et_to"].isna(), causes.LEFT_EXTRACT, "no longer listed, no closing date"),
    )
    other = _differ(situation(rows["place_00"], rows["answer_from"]), situation(rows["place_01"], rows["answer_from"]))
    found = _named(rows, tests, "listed as not yet open in the second extract")
    start = _state(rows, frozenset())
    return _rows(found.assign(other_order_differs=other | (between & (uncovered | aside))), start, None)


def _scope_tests(rows: pd.DataFrame, aside: pd.Series, which: str) -> tuple[tuple[pd.Series, str, str], ...]:
    """Test the structures that one extract lists out of scope: what is counted changed, or what the structure is."""
    said = f"the {which} extract lists it out of scope"
    return (
        (aside & rows["same_word"], causes.SCOPE, f"{said}, under the same type"),
        (aside & rows["one_vocabulary"], causes.RECLASSIFIED, f"{said}, under another type"),
        (aside, causes.NOT_ATTRIBUTABLE, f"{said}, in words that the other extract does not use"),
    )


def _written(pairs: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> dict[str, pd.Series]:
    """Compare the types as written: ``same_word``, and ``one_vocabulary`` (one extract uses the word of the other)."""
    words = [pairs[f"type_as_written_{side}"].str.casefold() for side in _SIDES]
    used = [frame["type_as_written"].str.casefold().unique() for frame in (before, after)]
    shared = words[0].isin(used[1]) | words[1].isin(used[0])
    return {"same_word": _same(*words), "one_vocabulary": words[0].notna() & words[1].notna() & shared}


def _named(rows: pd.DataFrame, tests: tuple[tuple[pd.Series, str, str], ...], otherwise: str) -> pd.DataFrame:
    """Give each row the cause and evidence of the first test that holds; not attributable where none does."""
    holds = [np.asarray(mask, dtype=bool) for mask, _, _ in tests]
    cause = np.select(holds, [c for _, c, _ in tests], causes.NOT_ATTRIBUTABLE)
    evidence = np.select(holds, [e for _, _, e in tests], otherwise)
    return rows.assign(cause=cause, evidence=evidence, **_dates(rows))


def _dates(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Show the dates of the second extract, of the first where the second gives none."""
    return {day: rows[f"{day}_to"].fillna(rows[f"{day}_from"]) for day in ("opened_on", "closed_on")}


def _reliable(days: pd.Series) -> pd.Series:
    return days.mask(days.isin(_days()))


def _days() -> list[pd.Timestamp]:
    return [pd.Timestamp(d) for d in PLACEHOLDERS]


def _uncovered(department: pd.Series, covers: Collection[str] | None) -> pd.Series:
    """Say which départements an extract does not cover; an unknown one is not held against it."""
    if covers is None:
        return pd.Series(data=False, index=department.index)
    return department.notna() & (department != NO_REGION) & ~department.isin(list(covers))


def _identities(rows: pd.DataFrame) -> pd.DataFrame:
    """Record the structures whose number changed, by a confirmed link: a step without effect."""
    renumbered = rows[rows["finess_et_from"] != rows["finess_et_to"]]
    start = _state(renumbered, frozenset())
    told = renumbered.assign(cause=causes.IDENTITY, evidence="a confirmed link renumbers it", other_order_differs=False)
    return _rows(told.assign(opened_on=told["opened_on_to"], closed_on=told["closed_on_to"]), start, start)


def _steps(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Carry the structures that stay from their first state to their last, one factor at a time."""
    marks = pd.DataFrame({factor: test(rows) for factor, test in _CHANGED.items()})
    touched = marks.any(axis=1)
    rows, marks = rows[touched], marks[touched]
    codes = _coded(rows)
    parts, done = [], frozenset[str]()
    for factor in FACTORS:
        at, then = marks[factor], done | {factor}
        found = _explained(rows[at], factor).assign(other_order_differs=_differs(codes, factor, done)[at])
        parts.append(_rows(found, _state(found, done), _state(found, then)))
        done = then
    return parts


def _state(rows: pd.DataFrame, new: frozenset[str]) -> pd.DataFrame:
    """Describe each structure when the factors of ``new`` have their second value and the others their first."""
    place = rows[f"place_{int(PLACE in new)}{int(PERIMETER in new)}"]
    answer = rows[f"answer_{_SIDES[ANSWER in new]}"]
    side = _SIDES[PLACE in new]
    kind = _SIDES[RECLASSIFICATION in new]
    told = {"structure_type": rows[f"structure_type_{kind}"], "modality": rows[f"modality_{kind}"]}
    areas = {area: rows[f"{area}_{side}"] for area in AREAS}
    seen = {"place": place, "vecu_declared": answer, "situation": situation(place, answer)}
    return pd.DataFrame(told | areas | seen, index=rows.index)


def _coded(rows: pd.DataFrame) -> dict[frozenset[str], np.ndarray]:
    """Give a number to the cell (type, situation, area) in which each structure is, for every set of factors applied."""
    kinds = _numbers([rows[f"structure_type_{side}"] for side in _SIDES])
    areas = _numbers([_together(rows, side) for side in _SIDES])
    seen = list(product((0, 1), repeat=3))
    found = _numbers([situation(rows[f"place_{p}{g}"], rows[f"answer_{_SIDES[a]}"]) for p, g, a in seen])
    situations = dict(zip(seen, found, strict=True))
    sets = [frozenset(c) for size in range(len(FACTORS) + 1) for c in combinations(FACTORS, size)]
    return {
        s: (kinds[RECLASSIFICATION in s] * _MANY + areas[PLACE in s]) * _MANY
        + situations[int(PLACE in s), int(PERIMETER in s), int(ANSWER in s)]
        for s in sets
    }


_MANY = 1 << 20
"""More than there are combinations of areas, or situations."""


def _together(rows: pd.DataFrame, side: str) -> pd.Series:
    """Write the areas of one side as one text."""
    territory, *smaller = (rows[f"{area}_{side}"].fillna("") for area in AREAS)
    for area in smaller:
        territory = territory + "/" + area
    return territory


def _numbers(columns: list[pd.Series]) -> list[np.ndarray]:
    """Give each value of several columns of one length a number, nulls too: the same for the same value."""
    codes, _ = pd.factorize(pd.concat(columns), use_na_sentinel=False)
    return np.split(codes.astype("int64"), len(columns))


def _differs(codes: dict[frozenset[str], np.ndarray], factor: str, done: frozenset[str]) -> np.ndarray:
    """Say where the step of a factor would move a structure between other cells if the factors came in another order."""
    others = [frozenset(s) for s in codes if factor not in s]
    before, after = codes[done], codes[done | {factor}]
    differ = np.zeros(len(before), dtype=bool)
    for context in others:
        b, a = codes[context], codes[context | {factor}]
        moves = (b != a) | (before != after)
        differ |= moves & ((b != before) | (a != after))
    return differ


def _is_reclassified(rows: pd.DataFrame) -> pd.Series:
    """Another type, or another modality where both are known: learning a modality changes no structure."""
    known = (rows["modality_from"] != UNKNOWN_MODALITY) & (rows["modality_to"] != UNKNOWN_MODALITY)
    return (rows["structure_type_from"] != rows["structure_type_to"]) | (
        known & (rows["modality_from"] != rows["modality_to"])
    )


def _is_elsewhere_now(rows: pd.DataFrame) -> pd.Series:
    """Another point, another situation under the first perimeters, or another area."""
    return _point_differs(rows) | _place_differs(rows) | _area_differs(rows)


def _point_differs(rows: pd.DataFrame) -> pd.Series:
    """Usable points more than ``SAME_POINT_M`` apart. A point that appears or is lost counts by what it decides."""
    return (rows["moved_m"] > SAME_POINT_M) | (rows["x_from"].notna() & rows["x_to"].notna() & rows["moved_m"].isna())


def _place_differs(rows: pd.DataFrame) -> pd.Series:
    return rows["place_00"] != rows["place_10"]


def _area_differs(rows: pd.DataFrame) -> pd.Series:
    differ = [rows[f"{area}_from"] != rows[f"{area}_to"] for area in AREAS]
    return differ[0] | differ[1] | differ[2]


def _answer_differs(rows: pd.DataFrame) -> pd.Series:
    return rows["answer_from"] != rows["answer_to"]


def _perimeter_decides(rows: pd.DataFrame) -> pd.Series:
    """Another situation under the second perimeters, point and answer being those of the second extract."""
    return situation(rows["place_10"], rows["answer_to"]) != situation(rows["place_11"], rows["answer_to"])


_CHANGED = {
    RECLASSIFICATION: _is_reclassified,
    PLACE: _is_elsewhere_now,
    ANSWER: _answer_differs,
    PERIMETER: _perimeter_decides,
}


def _explained(rows: pd.DataFrame, factor: str) -> pd.DataFrame:
    """Name the cause and the evidence of one factor."""
    explain = {
        RECLASSIFICATION: _explain_class,
        PLACE: _explain_place,
        ANSWER: _explain_answer,
        PERIMETER: _explain_perimeter,
    }
    cause, evidence = explain[factor](rows)
    return rows.assign(cause=cause, evidence=evidence, **_dates(rows))


_Told = tuple[np.ndarray, np.ndarray]


def _explain_class(rows: pd.DataFrame) -> _Told:
    of_type = rows["structure_type_from"] != rows["structure_type_to"]
    return np.full(len(rows), causes.RECLASSIFIED), np.where(of_type, "another type", "another modality")


def _explain_place(rows: pd.DataFrame) -> _Told:
    point, address = _point_differs(rows), rows["address_differs"]
    decides = _place_differs(rows)
    unknown = ~rows["address_known"] & (decides | _area_differs(rows))
    only_area = ~point & ~decides
    tests = (
        (only_area, causes.NOT_ATTRIBUTABLE, "another area for the same point"),
        (address, causes.MOVED, "another address"),
        (unknown, causes.NOT_ATTRIBUTABLE, "another point, and an address that one extract does not give"),
        (point, causes.RELOCATED, "same address, another point"),
        (decides, causes.RELOCATED, "same address, a point that became known, unknown or of another precision"),
    )
    named = _named(rows, tests, "")
    return named["cause"].to_numpy(), named["evidence"].to_numpy()


def _explain_answer(rows: pd.DataFrame) -> _Told:
    old, new = rows["answer_from"], rows["answer_to"]
    words = np.select(
        [(new == YES), (old == YES) & (new == NO), (new == UNKNOWN), (old == UNKNOWN)],
        ["added", "withdrawn", "became unknown", "became no"],
        "",
    )
    return np.full(len(rows), causes.DECLARATION), words


def _explain_perimeter(rows: pd.DataFrame) -> _Told:
    other = rows["generation_from"].fillna("") != rows["generation_to"].fillna("")
    cause = np.where(other, causes.GENERATION, causes.CONTOUR)
    return cause, np.where(other, "same place, other generation", "same place, edited polygons")


def _rows(found: pd.DataFrame, start: pd.DataFrame | None, end: pd.DataFrame | None) -> pd.DataFrame:
    """Write changes: the state before and after (null: not in the stock), the cause and its evidence."""
    states = {}
    for side, state in zip(_SIDES, (start, end), strict=True):
        for column in ("structure_type", "modality", "vecu_declared", "situation", "place", *AREAS):
            value = pd.Series(None, index=found.index, dtype="str") if state is None else state[column]
            states[f"{column}_{side}"] = value.astype("str")
    kept = [f"{c}_{side}" for c in ("finess_et", "qpv_code", "generation") for side in _SIDES]
    kept += ["generation"] if "generation" in found else []
    evidence = ("cause", "evidence", "other_order_differs", "opened_on", "closed_on", "moved_m")
    return found[[*kept, *evidence]].assign(changed=_changed(found), **states)


def _changed(found: pd.DataFrame) -> pd.Series:
    """List which fields differ between the two extracts."""
    fields = ("structure_type", "modality", "postcode", "commune_code", "location_status", "answer")
    said = pd.Series("", index=found.index).mask(found["address_differs"], ",address")
    for field in (*fields, "opened_on", "closed_on"):
        old, new = found[f"{field}_from"], found[f"{field}_to"]
        differ = (old != new) & (old.notna() | new.notna())
        said = said.mask(differ, said + "," + field)
    return said.where(found["in_from"] & found["in_to"], "").str.lstrip(",").replace("", None).astype("str")


def _numbered(rows: pd.DataFrame) -> pd.Series:
    """Return the number of each step, from 1 for each structure, in the order in which they were applied."""
    number = rows["finess_et_to"].fillna(rows["finess_et_from"])
    return rows.groupby([number, rows["generation"]] if "generation" in rows else number).cumcount() + 1


def _with_effects(rows: pd.DataFrame, near_rule: str) -> pd.DataFrame:
    """Add the effects: on the stock inside a QPV, and inside or near, null where either side is unknown."""
    inside = [(rows[f"situation_{side}"] == IN_QPV).astype("Int64") for side in _SIDES]
    near = [_in_or_near(rows, side, near_rule) for side in _SIDES]
    same = _same(rows["place_from"], rows["place_to"]) & _same(rows["vecu_declared_from"], rows["vecu_declared_to"])
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
