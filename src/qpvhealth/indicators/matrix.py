"""The headline under every reasonable choice: QPV set, centres counted, structures or pairs, rule of proximity, date.

A published number is placed in it: a cell that agrees is *compatible with* it, never *equal to* it, since among hundreds of
cells some agree by chance. What each choice marks is computed once a year; every cell is a sum of it.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import positions
from qpvhealth.facts.generations import IN_FORCE, QPV_2015, QPV_2024
from qpvhealth.facts.situations import DECLARED, DECLARED_OR_PROXY, PROXY
from qpvhealth.facts.territories import METROPOLE
from qpvhealth.indicators import figures, readings, unplaced
from qpvhealth.indicators.counts import distinct
from qpvhealth.indicators.coverage import Near, Presence, Verdicts, answered_departments, verdicts
from qpvhealth.indicators.declarations import QPV, STRUCTURES
from qpvhealth.rules.proximity import LOCATION_COLUMNS, Proximity
from qpvhealth.rules.scopes import SCOPES
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from qpvhealth.facts.perimeter_sets import PerimeterSet

QPV_SCOPE = "qpv"
"""Scope of the numbers in which no structure counts."""
INSIDE, WITHIN = "inside", "within_"
ONE_BY_ONE, PAIRS = "structures", "pairs"
"""What is counted: each structure once, or each pair of a structure and a QPV."""
COLUMNS = [
    *("measure", "perimeter", "year", "scope", "near", "counted", "value", "numerator", "denominator", "n_unknown"),
    *("lower", "upper"),
]
_OF_SETS = ("n_qpv", "qpv_population", "npnru_qpv", "letter_I", "letter_M", "letter_N", "letter_C")
MEASURES = (
    *_OF_SETS,
    *("fate_gone", "codes_lost"),
    *(i.name for i in STRUCTURES if i.in_matrix),
    *(i.in_matrix or i.name for i in QPV if i.in_matrix is not None),
    "structures_per_covered_qpv",
)
"""What the cells measure: the QPV of a set, the indicators in the matrix, and a mean."""
_OF_QPV = {i.in_matrix or i.name for i in QPV}
_MEAN, _OF_MEAN = "structures_per_covered_qpv", ("n_in_qpv", "qpv_covered")
"""The mean, and what it divides by what."""
_AT = ["generation", "qpv_code"]
STOCK_COLUMNS = (
    *("finess_et", "year", "generation", "territory", "department_code", "commune_code", "structure_type", "modality"),
    *LOCATION_COLUMNS,
    *("other_qpv_code", "other_area_code", "possible_qpv_codes"),
)
"""What is read of the stock."""
_NAN = float("nan")


def matrix(
    stock: pd.DataFrame,
    pairs: pd.DataFrame,
    coverage: pd.DataFrame,
    neighbourhoods: pd.DataFrame,
    *,
    sets: Sequence[PerimeterSet],
    in_force: Mapping[int, Mapping[str, str]],
    rings_m: Sequence[float],
    proxy_m: float,
    measures: Collection[str] = MEASURES,
) -> pd.DataFrame:
    """Compute every cell of some measures: one row per measure, QPV set, year, scope, rule of proximity and counting unit.

    ``stock``: one row per structure open at the date, year and generation, with ``STOCK_COLUMNS``; a rejected row that may be one has
    ``is_read`` false. ``pairs``: theirs. ``coverage``, ``neighbourhoods``: as published. ``sets``: the QPV sets to take as denominators;
    those whose generation is not there give no row. ``rings_m`` (metres) must not exceed the largest ring of the pairs; ``proxy_m`` is
    the distance of the proxy. ``near`` names what counts: ``inside``, ``declared``, ``declared_or_proxy`` or ``within_<metres>``. A value
    is null where nothing of it is known. ``lower`` and ``upper``: if none, or all, of the unknown units count; null where no bound can
    be given (a mean, people of QPV without a population).
    """
    rules = {n: (n, proxy_m) for n in (DECLARED, DECLARED_OR_PROXY)} | {f"{WITHIN}{r:g}": (PROXY, r) for r in rings_m}
    communes = neighbourhoods[[*_AT, "commune_codes"]]
    qpv = coverage.merge(communes, on=_AT, how="left", validate="many_to_one")
    stock, pairs, qpv = _coded(stock, pairs, qpv)
    of_sets = [_of_qpv(neighbourhoods, chosen, in_force) for chosen in sets if not {*_OF_SETS}.isdisjoint(measures)]
    parts = [rows[rows["measure"].isin(measures)] for rows in of_sets]
    for year in sorted(stock["year"].unique()):
        own, around, quarters = (f[f["year"] == year].reset_index(drop=True) for f in (stock, pairs, qpv))
        # each set is a sum of runs of rows
        quarters = quarters.sort_values(["generation", "territory"], ignore_index=True)
        has_answer = positions(["generation", "department_code"], quarters, answered_departments(own)) >= 0
        own = readings.with_second_places(own, neighbourhoods)
        lost, lost_or_near = (unplaced.of_stock(quarters, own, or_near=or_near) for or_near in (False, True))
        first = _Reading(own, around, quarters, has_answer, lost, lost_or_near)
        made = _of_year(first, sets, in_force[int(year)], rules, measures)
        if readings.is_disputed(own).any():
            second = first._replace(stock=readings.without_place(own), qpv=readings.without_disputed(quarters, own))
            again = _of_year(second, sets, in_force[int(year)], rules, measures)
            made = readings.widened(made, again, of_qpv=made["measure"].isin(_OF_QPV))
        parts.append(made.assign(year=int(year)))
    filled = [p for p in parts if len(p)] or [pd.DataFrame(columns=COLUMNS)]
    kinds = dict.fromkeys(figures.NUMBERS, "float64") | {"n_unknown": "int64", "scope": "str", "year": "Int64"}
    return pd.concat(filled, ignore_index=True)[COLUMNS].astype(kinds)


def _coded(*frames: pd.DataFrame) -> list[pd.DataFrame]:
    """Turn texts that repeat into categories, the same ones in every frame: what each year selects and compares is then a number."""
    texts = (str(c) for frame in frames for c in frame if frame[c].dtype == "str")
    names = [name for name in dict.fromkeys(texts) if name not in _TEXTS]
    coded: list[dict[str, pd.Categorical]] = [{} for _ in frames]
    for name in names:
        own = [k for k, frame in enumerate(frames) if name in frame]
        codes, values = pd.concat([frames[k][name] for k in own], ignore_index=True).array.factorize()
        dtype = pd.CategoricalDtype(values)
        for k, part in zip(own, np.split(codes, np.cumsum([len(frames[k]) for k in own])[:-1]), strict=True):
            coded[k][name] = pd.Categorical.from_codes(part, dtype=dtype, validate=False)
    return [frame.assign(**columns) for frame, columns in zip(frames, coded, strict=True)]


_TEXTS = {"commune_code", "commune_codes", "other_qpv_code", "name"}
"""Texts that are taken apart, or compared with other lists."""


def _in_set(rows: pd.DataFrame, chosen: PerimeterSet, in_force: Mapping[str, str]) -> pd.Series:
    """Say which rows belong to a QPV set: the territory is one of its own, the generation the one asked for."""
    territory = rows["territory"].astype("object")
    mask = pd.Series(data=True, index=rows.index)
    mask = mask if chosen.territories is None else territory.isin(chosen.territories)
    if chosen.generation != IN_FORCE:
        return mask & (rows["generation"] == chosen.generation)
    return mask & (rows["generation"] == territory.fillna(METROPOLE).map(dict(in_force)))


class _Reading(NamedTuple):
    """One year, by one of the readings of its disputed structures.

    ``has_answer``: the QPV whose département has the ARS's answers. ``lost``, ``lost_or_near``: what may stand in a QPV, or in one or
    near, by either reading.
    """

    stock: pd.DataFrame
    pairs: pd.DataFrame
    qpv: pd.DataFrame
    has_answer: np.ndarray
    lost: unplaced.Unplaced
    lost_or_near: unplaced.Unplaced


def _of_year(
    reading: _Reading,
    sets: Sequence[PerimeterSet],
    in_force: Mapping[str, str],
    rules: Mapping[str, tuple[str, float]],
    chosen: Collection[str],
) -> pd.DataFrame:
    """Compute the cells of one year: for each rule, the chosen measures that it changes, in every scope (the choices) and set (the groups)."""
    qpv = reading.qpv
    homes, at = distinct(qpv, ["generation", "territory"])
    runs = np.searchsorted(at, np.arange(len(homes)))
    scopes, n_scopes = [*SCOPES.values()], len(SCOPES)
    present = Presence(qpv, reading.stock, reading.pairs)
    cells = figures.Cells(reading.stock, ["generation", "territory"], Proximity.of(reading.stock))
    of_cells, of_homes = (
        np.array([_in_set(f, s, in_force) for s in sets], dtype=float).T for f in (cells.kinds, homes)
    )

    def total(values: np.ndarray) -> np.ndarray:
        """Sum what QPV hold over each set."""
        return np.asarray(np.add.reduceat(values, runs, axis=-1, dtype=float) @ of_homes)

    choices = [(INSIDE, ONE_BY_ONE), *product(rules, (ONE_BY_ONE, PAIRS))]
    of_kinds = [scope.members(present.kinds) for scope in scopes]
    judged = _judged(present, reading, of_kinds, choices, rules)
    in_sets = [(np.where(of_set[at] > 0, 0, -1), 1) for of_set in of_homes.T]
    could = np.array([m.possible for m in of_kinds])

    def reachable(concerned: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Bound, choice by choice, what structures without a place could change in each set."""
        inside, near = concerned[:n_scopes], concerned[n_scopes:]
        of_near = np.tile(could, (len(choices) - 1, 1))
        parts = (
            reading.lost.reachable(inside, weights, could, in_sets),
            reading.lost_or_near.reachable(near, weights, of_near, in_sets),
        )
        return np.concatenate(parts)

    sides = ((seen.covered.yes, seen.covered.no, seen.none_seen, seen.can_tell) for _, seen in judged)
    yes, no, none_seen, can_tell = (np.concatenate(side) for side in zip(*sides, strict=True))
    wanted = {*chosen, *(_OF_MEAN if _MEAN in chosen else ())}
    declared = [i for i in QPV if i.in_matrix is not None and (i.in_matrix or i.name) in wanted]
    every = Verdicts(Tristate(yes, no), none_seen, can_tell)
    made = figures.of_qpv(declared, qpv, every, total, reachable)
    members = np.array([m.yes for m in of_kinds], dtype=float)
    of_structure_cells = [scope.members(cells.kinds) for scope in scopes]
    counted: dict[str, dict[str, figures.Numbers]] = {}
    for near, rule in ((INSIDE, (PROXY, 0.0)), *rules.items()):
        of_rule = INSIDE if near == INSIDE else "near"
        of_structures = [i for i in STRUCTURES if i.in_matrix == of_rule and i.name in wanted]
        numbers = figures.of_structures(
            of_structures, cells, of_structure_cells, rule, lambda values: values @ of_cells
        )
        counted[near] = {i.name: n for i, n in zip(of_structures, numbers, strict=True)}
    parts: list[tuple[str, str, str, figures.Numbers]] = []
    for k, ((near, unit), (around, _)) in enumerate(zip(choices, judged, strict=True)):
        own = slice(k * n_scopes, (k + 1) * n_scopes)
        measures = {
            i.in_matrix or i.name: figures.Numbers(*(v[own] for v in n)) for i, n in zip(declared, made, strict=True)
        }
        measures |= counted[near]
        if around is None and _MEAN in chosen:
            inside, over = (measures[name] for name in _OF_MEAN)
            some, mean = np.where(over.value > 0, over.value, _NAN), np.full(inside.value.shape, _NAN)
            measures[_MEAN] = figures.Numbers(inside.value / some, inside.value, some, over.n_unknown, mean, mean)
        elif around is not None and unit == PAIRS:
            measures.pop("share_in_or_near", None)
            union = present.by_qpv(present.each.inside.yes) + around.union
            sums = {"n_near": around.sure, "n_in_or_near": union}
            measures |= {n: _of_pairs(measures[n], total(members @ sums[n].T)) for n in sums.keys() & measures.keys()}
        parts += [(name, near, unit, n) for name, n in measures.items() if name in chosen]
    is_there = total(np.ones(len(qpv))) > 0
    return _rows(parts, [s.name for s in sets], is_there)


def _of_pairs(structures: figures.Numbers, seen: np.ndarray) -> figures.Numbers:
    """Count pairs where structures were counted one by one: unknown where these are, and by as many."""
    value = np.where(np.isnan(structures.value), _NAN, seen)
    return structures._replace(value=value, numerator=value, lower=seen, upper=seen + structures.n_unknown)


def _judged(
    present: Presence,
    reading: _Reading,
    members: Sequence[Tristate],
    choices: Sequence[tuple[str, str]],
    rules: Mapping[str, tuple[str, float]],
) -> list[tuple[Near | None, Verdicts]]:
    """Judge every QPV under each choice of proximity and unit, in every scope: what is near it, and what stands in it or near."""
    qpv, scopes = reading.qpv, [*SCOPES.values()]
    free, listed = (qpv["n_undetermined"] == 0).to_numpy(), qpv["n_msp_in"].notna().to_numpy()
    inside = verdicts(scopes, members, present.inside, present.inside, free=free, assessed=listed)
    judged: list[tuple[Near | None, Verdicts]] = [
        (None, inside._replace(can_tell=inside.can_tell | inside.covered.yes))
    ]
    for near, unit in choices[1:]:
        around = present.near(*rules[near], each=unit == PAIRS and near.startswith(WITHIN))
        seen = verdicts(
            scopes,
            members,
            present.inside + around.union,
            present.inside + around.possible,
            free=free & around.is_attached,
            assessed=listed & reading.has_answer if near == DECLARED else listed,
        )
        judged.append((around, seen))
    return judged


def _rows(
    parts: Sequence[tuple[str, str, str, figures.Numbers]], sets: Sequence[str], is_there: np.ndarray
) -> pd.DataFrame:
    """Write measures (name, rule of proximity, counting unit, numbers) as rows, by scope, in the sets that have QPV."""
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    names = np.array(sets, dtype=object)[is_there]
    scope, at, in_set = np.indices((len(SCOPES), len(parts), len(names))).reshape(3, -1)
    choices = zip(*(part[:3] for part in parts), strict=True)
    texts = {
        c: pd.array(list(words), dtype="str").take(at)
        for c, words in zip(("measure", "near", "counted"), choices, strict=True)
    }
    texts |= {"perimeter": pd.array(names, dtype="str").take(in_set)}
    numbers = {
        c: np.stack([getattr(part[-1], c)[:, is_there] for part in parts], axis=1).ravel() for c in figures.NUMBERS
    }
    scopes = pd.Categorical.from_codes(scope, pd.Index([*SCOPES]))
    return pd.DataFrame({"scope": scopes} | texts | numbers).astype({"n_unknown": "int64"})


def _of_qpv(
    neighbourhoods: pd.DataFrame, chosen: PerimeterSet, in_force: Mapping[int, Mapping[str, str]]
) -> pd.DataFrame:
    """Count the QPV of a set, their inhabitants and their letters: no structure, no year, except for what is in force."""
    years: Sequence[int | None] = [*in_force] if chosen.generation == IN_FORCE else [None]
    rows: list[dict[str, object]] = []
    for year in years:
        qpv = neighbourhoods[_in_set(neighbourhoods, chosen, in_force.get(year, {}) if year else {})]
        if len(qpv):
            rows += [row | {"year": year} for row in _qpv_facts(qpv)]
    choices = {"perimeter": chosen.name, "scope": QPV_SCOPE, "near": INSIDE, "counted": ONE_BY_ONE}
    return pd.DataFrame([row | choices for row in rows], columns=COLUMNS).astype({"year": "Int64"})


def _qpv_facts(qpv: pd.DataFrame) -> Iterator[dict[str, object]]:
    people, listed = qpv["population"], qpv["is_npnru"]
    yield _fact("n_qpv", len(qpv))
    if people.notna().any():
        lost = int(people.isna().sum())
        yield _fact("qpv_population", float(people.sum()), lost) | ({"upper": _NAN} if lost else {})
    if listed.notna().any():
        yield _fact("npnru_qpv", int(listed.fillna(value=False).sum()), int(listed.isna().sum()))
    for letter, n in qpv["qpv_code"].str.extract(r"([IMNC])$")[0].value_counts().items():
        yield _fact(f"letter_{letter}", int(n))


def _fact(measure: str, value: float, unknown: int = 0) -> dict[str, object]:
    bounds = {"lower": value, "upper": value + unknown}
    return {"measure": measure, "value": value, "numerator": value, "denominator": _NAN, "n_unknown": unknown} | bounds


def of_fates(fates: pd.DataFrame) -> pd.DataFrame:
    """Count the metropolitan QPV of 2015 gone in 2024, and the codes lost: cells beside the matrix.

    ``fates``: generation_from, generation_to, qpv_code_from, qpv_code_to, fate. Gone: no successor. Codes lost: those of 2015
    less those of 2024 that are not new, which also counts what merges take and splits give.
    """
    between = fates[(fates["generation_from"] == QPV_2015) & (fates["generation_to"] == QPV_2024)]
    code = between["qpv_code_from"].fillna(between["qpv_code_to"])
    home = between[~code.str[2:4].isin(("97", "98"))]
    old, new = home["qpv_code_from"].dropna().unique(), home["qpv_code_to"].dropna().unique()
    born = home.loc[home["qpv_code_from"].isna(), "qpv_code_to"].nunique()
    gone = home.loc[home["qpv_code_to"].isna(), "qpv_code_from"].nunique()
    if not len(old):
        return pd.DataFrame(columns=COLUMNS)
    rows = [_fact("fate_gone", gone), _fact("codes_lost", len(old) - (len(new) - born))]
    choices = {"perimeter": "metropole_2024", "scope": QPV_SCOPE, "near": INSIDE, "counted": ONE_BY_ONE, "year": pd.NA}
    return pd.DataFrame([row | choices for row in rows], columns=COLUMNS).astype({"year": "Int64"})
