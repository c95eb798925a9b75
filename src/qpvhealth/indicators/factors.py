"""What stays in the stock: carried from its first state to its last, one factor at a time, in the order of ``FACTORS``."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd

from qpvhealth.facts import causes
from qpvhealth.facts.categories import UNKNOWN as UNKNOWN_MODALITY
from qpvhealth.facts.situations import NO, UNDETERMINED, UNKNOWN, YES
from qpvhealth.indicators import accounts
from qpvhealth.rules.proximity import situation

SAME_POINT_M = 1.0
"""Two points closer than this are one: rounding of coordinates between two layouts, not a relocation."""

RECLASSIFICATION, PLACE, ANSWER, PERIMETER = "reclassification", "place", "answer", "perimeter"
FACTORS = (RECLASSIFICATION, PLACE, ANSWER, PERIMETER)
"""What can change for a structure that stays, in the order in which it is applied."""


def identities(rows: pd.DataFrame) -> pd.DataFrame:
    """Record the structures whose number changed, by a confirmed link: a step without effect."""
    renumbered = rows[rows["finess_et_from"] != rows["finess_et_to"]]
    explained = (np.full(len(renumbered), causes.IDENTITY), np.full(len(renumbered), "a confirmed link renumbers it"))
    return accounts.steps(renumbered.index, 0, 0, explained, np.zeros(len(renumbered), dtype=bool))


def steps(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Carry the structures that stay from their first state to their last, one factor at a time: ``accounts.steps``."""
    marks = pd.DataFrame({factor: test(rows) for factor, test in _CHANGED.items()})
    is_affected = marks.any(axis=1)
    rows, marks = rows[is_affected], marks[is_affected]
    codes = _coded(rows)
    parts, done = [], frozenset[str]()
    for n, factor in enumerate(FACTORS):
        at = marks[factor]
        differs = _differs(codes, factor, done)[at]
        cause, evidence = _EXPLAIN[factor](rows)
        parts.append(accounts.steps(rows.index[at], n, n + 1, (cause[at], evidence[at]), differs))
        done |= {factor}
    return parts


def state(rows: pd.DataFrame, applied: pd.Series) -> pd.DataFrame:
    """Describe each structure once the first factors, as many as ``applied``, have their second value; null out of the stock."""
    new = {factor: applied > n for n, factor in enumerate(FACTORS)}
    of_factor = dict.fromkeys(("structure_type", "modality"), RECLASSIFICATION) | dict.fromkeys(accounts.AREAS, PLACE)
    columns = {c: _by_side(rows, c, new[factor]) for c, factor in of_factor.items()}
    for of_point in ("place", "around"):
        first, moved, last = (rows[f"{of_point}_{step}"] for step in ("00", "10", "11"))
        columns[of_point] = first.mask(new[PLACE], moved).mask(new[PERIMETER], last)
    answer = _by_side(rows, "answer", new[ANSWER])
    columns |= {"vecu_declared": answer, "situation": situation(columns["place"], answer)}
    return pd.DataFrame({c: values.where(applied != accounts.OUT).astype("str") for c, values in columns.items()})


def _by_side(rows: pd.DataFrame, column: str, second: pd.Series) -> pd.Series:
    return rows[f"{column}_from"].mask(second, rows[f"{column}_to"])


def _coded(rows: pd.DataFrame) -> dict[frozenset[str], np.ndarray]:
    """Give a number to the cell (type, situation, area) in which each structure is, for every set of factors applied."""
    kinds = _numbers([rows[f"structure_type_{side}"] for side in accounts.SIDES])
    areas = _numbers([_area_text(rows, side) for side in accounts.SIDES])
    seen = list(product((0, 1), repeat=3))
    numbers = _numbers([situation(rows[f"place_{p}{g}"], rows[f"answer_{accounts.SIDES[a]}"]) for p, g, a in seen])
    situations = dict(zip(seen, numbers, strict=True))
    sets = [frozenset(c) for size in range(len(FACTORS) + 1) for c in combinations(FACTORS, size)]
    return {
        s: (kinds[RECLASSIFICATION in s] * _MANY + areas[PLACE in s]) * _MANY
        + situations[int(PLACE in s), int(PERIMETER in s), int(ANSWER in s)]
        for s in sets
    }


_MANY = 1 << 20
"""More than there are combinations of areas, or situations."""


def _area_text(rows: pd.DataFrame, side: str) -> pd.Series:
    """Write the areas of one side as one text."""
    territory, *smaller = (rows[f"{area}_{side}"].fillna("") for area in accounts.AREAS)
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
    both_given = (rows["modality_from"] != UNKNOWN_MODALITY) & (rows["modality_to"] != UNKNOWN_MODALITY)
    return (rows["structure_type_from"] != rows["structure_type_to"]) | (
        both_given & (rows["modality_from"] != rows["modality_to"])
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
    differ = [rows[f"{area}_from"] != rows[f"{area}_to"] for area in accounts.AREAS]
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


def _explain_class(rows: pd.DataFrame) -> accounts.Explained:
    of_type = rows["structure_type_from"] != rows["structure_type_to"]
    return np.full(len(rows), causes.RECLASSIFIED), np.where(of_type, "another type", "another modality")


def _explain_place(rows: pd.DataFrame) -> accounts.Explained:
    point, address = _point_differs(rows), rows["address_differs"]
    decides = _place_differs(rows)
    unknown = ~rows["address_known"] & (decides | _area_differs(rows))
    only_area = ~point & ~decides
    undecided = [rows[place] == UNDETERMINED for place in ("place_00", "place_10")]
    tests = (
        (undecided[0] & decides, causes.LOCATION_LEARNT, "the location did not decide before"),
        (undecided[1] & decides, causes.LOCATION_LOST, "the location does not decide any more"),
        (only_area, causes.NOT_ATTRIBUTABLE, "another area for the same point"),
        (address, causes.MOVED, "another address"),
        (unknown, causes.NOT_ATTRIBUTABLE, "another point, and an address that one extract does not give"),
        (point, causes.RELOCATED, "same address, another point"),
        (decides, causes.RELOCATED, "same address, a point that became known, unknown or of another precision"),
    )
    return accounts.first_test(tests, "")


def _explain_answer(rows: pd.DataFrame) -> accounts.Explained:
    old, new = rows["answer_from"], rows["answer_to"]
    words = np.select(
        [(new == YES), (old == YES) & (new == NO), (new == UNKNOWN), (old == UNKNOWN)],
        ["added", "withdrawn", "became unknown", "became no"],
        "",
    )
    return np.full(len(rows), causes.DECLARATION), words


def _explain_perimeter(rows: pd.DataFrame) -> accounts.Explained:
    other = rows["generation_from"].fillna("") != rows["generation_to"].fillna("")
    cause = np.where(other, causes.GENERATION, causes.CONTOUR)
    return cause, np.where(other, "same place, other generation", "same place, edited polygons")


_EXPLAIN = {
    RECLASSIFICATION: _explain_class,
    PLACE: _explain_place,
    ANSWER: _explain_answer,
    PERIMETER: _explain_perimeter,
}
