"""The headline under every reasonable choice: QPV set, centres counted, structures or pairs, rule of proximity, date.

A published number is placed in it: a cell that agrees is *compatible with* it, never *equal to* it, since among hundreds of
cells some agree by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.facts.categories import CDS, MONO, MSP, PLURI, UNKNOWN
from qpvhealth.facts.generations import IN_FORCE, QPV_2015, QPV_2024
from qpvhealth.facts.situations import IN_QPV, UNDETERMINED, VECU_DECLARED, VECU_PROXY
from qpvhealth.facts.territories import METROPOLE
from qpvhealth.facts.zonings import ZAC, ZIP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qpvhealth.facts.published import PerimeterSet

SCOPES: dict[str, str] = {
    "msp": "MSP",
    "cds": "CdS mono et pluriprofessionnels",
    "cds_pluri": "CdS pluriprofessionnels",
    "cds_mono": "CdS monoprofessionnels",
    "msp_cds": "MSP et CdS mono et pluriprofessionnels",
    "primary": "MSP et CdS pluriprofessionnels",
}
QPV_SCOPE = "qpv"
"""Scope of the numbers in which no structure counts."""
INSIDE, DECLARED, DECLARED_OR_PROXY, WITHIN = "inside", "declared", "declared_or_proxy", "within_"
STRUCTURES, PAIRS = "structures", "pairs"
COLUMNS = [
    *("measure", "perimeter", "year", "scope", "near", "counted", "value", "numerator", "denominator", "n_unknown"),
    *("lower", "upper"),
]
_KEY = ["finess_et", "year", "generation"]
_AT = ["generation", "qpv_code"]
_NAN = float("nan")


class Sum(NamedTuple):
    """One measure in every QPV set: numerators, denominators (null: a count), unknown units, and the bounds that these leave."""

    n: Any
    over: Any
    unknown: Any
    lower: Any
    upper: Any


Sums = dict[str, Sum]


def _count(n: Any, unknown: Any, sure: Any = None) -> Sum:  # noqa: ANN401
    """Return a count: at least what is sure, at most that and every unknown unit. ``sure`` stands in where ``n`` is null."""
    least = n if sure is None else sure
    return Sum(n, None, unknown, least, least + unknown)


def _share(n: Any, told: Any, unknown: Any, sure: Any, whole: Any) -> Sum:  # noqa: ANN401
    """Return a share of what can be told; its bounds are over the whole."""
    over = np.where(whole > 0, whole, _NAN)
    return Sum(n, told, unknown, sure / over, np.minimum((sure + unknown) / over, 1.0))


@dataclass(frozen=True)
class _Year:
    """The rows of one year, and which of them each QPV set holds (``of_stock``, ``of_pairs``, ``of_qpv``: one row per set)."""

    stock: pd.DataFrame
    pairs: pd.DataFrame
    qpv: pd.DataFrame
    of_stock: np.ndarray
    of_pairs: np.ndarray
    of_qpv: np.ndarray
    proxy_m: float


@dataclass(frozen=True)
class _Verdict:
    """What is known of each QPV: surely with a structure, surely without; ``told``: the extract can tell of it."""

    yes: np.ndarray
    no: np.ndarray
    told: np.ndarray

    @property
    def unknown(self) -> np.ndarray:
        """The QPV of which neither is sure."""
        return np.asarray(~(self.yes | self.no), dtype=bool)


def near_words(near: str) -> str:
    """Say a rule of proximity in words."""
    told = {
        INSIDE: "dans le périmètre",
        DECLARED: "dans ou déclaré à proximité par l'ARS",
        DECLARED_OR_PROXY: "dans ou à proximité (déclaré, à défaut distance)",
    }
    return told.get(near) or f"dans ou à {near.removeprefix(WITHIN)} m au plus"


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
) -> pd.DataFrame:
    """Compute every cell: one row per measure, QPV set, year, scope, rule of proximity and counting unit.

    ``stock``: one row per structure open at the date, year and generation, with ``situation``, ``distance_m``, ``vecu_declared``.
    ``pairs``, ``coverage``, ``neighbourhoods``: as published. ``sets``: the QPV sets to take as denominators; those whose
    generation is not there give no row. ``rings_m`` (metres) must not exceed the largest ring of the pairs; ``proxy_m`` is the
    distance of the proxy. ``near`` names what counts: ``inside``, ``declared``, ``declared_or_proxy`` or ``within_<metres>``.
    A value is null where nothing of it is known. ``lower`` and ``upper``: if none, or all, of the unknown units count; null where no
    bound can be given (a mean, people of QPV without a population).
    """
    known = stock[[*_KEY, "structure_type", "modality", "situation"]]
    joined = pairs.merge(known, on=_KEY, how="inner", validate="many_to_one")
    territory = neighbourhoods.drop_duplicates("qpv_code").set_index("qpv_code")["territory"]
    joined["territory"] = joined["qpv_code"].map(territory)
    parts = [_of_qpv(neighbourhoods, chosen, in_force) for chosen in sets]
    for year in sorted(stock["year"].unique()):
        of_year = _year([f[f["year"] == year] for f in (stock, joined, coverage)], sets, in_force[int(year)], proxy_m)
        parts.append(_year_rows(of_year, sets, rings_m).assign(year=int(year)))
    return pd.concat([p for p in parts if len(p)], ignore_index=True)[COLUMNS]


def _year(
    frames: list[pd.DataFrame], sets: Sequence[PerimeterSet], in_force: Mapping[str, str], proxy_m: float
) -> _Year:
    stock, pairs, qpv = (f.reset_index(drop=True) for f in frames)
    at = pd.MultiIndex.from_frame(qpv[_AT])
    numbered = [f.assign(at=at.get_indexer(pd.MultiIndex.from_frame(f[_AT]))) for f in (stock, pairs)]
    held = [np.array([_in_set(f, s, in_force) for s in sets], dtype="float64") for f in (stock, pairs, qpv)]
    return _Year(numbered[0], numbered[1], qpv, held[0], held[1], held[2], proxy_m)


def _in_set(frame: pd.DataFrame, chosen: PerimeterSet, in_force: Mapping[str, str]) -> pd.Series:
    """Say which rows belong to a QPV set: the territory is one of its own, the generation the one asked for."""
    territory = frame["territory"].astype("object")
    named = (
        pd.Series(data=True, index=frame.index) if chosen.territories is None else territory.isin(chosen.territories)
    )
    if chosen.generation != IN_FORCE:
        return named & (frame["generation"] == chosen.generation)
    return named & (frame["generation"] == territory.fillna(METROPOLE).map(dict(in_force)))


def _year_rows(of_year: _Year, sets: Sequence[PerimeterSet], rings_m: Sequence[float]) -> pd.DataFrame:
    nears = (INSIDE, DECLARED, DECLARED_OR_PROXY, *(f"{WITHIN}{r:g}" for r in rings_m))
    parts = []
    for scope in SCOPES:
        for near in nears:
            for counted in (STRUCTURES,) if near == INSIDE else (STRUCTURES, PAIRS):
                sums = _structure_sums(of_year, scope, near, counted) | _qpv_sums(of_year, scope, near, counted)
                parts.append(_frame(sums, sets).assign(scope=scope, near=near, counted=counted))
    return pd.concat(parts, ignore_index=True)


def _frame(sums: Sums, sets: Sequence[PerimeterSet]) -> pd.DataFrame:
    """Write sums as rows; a set without QPV, or of which nothing is known, has none."""
    there = np.flatnonzero(sums["qpv_total"][0] > 0)
    names = np.array([s.name for s in sets], dtype=object)[there]
    blank = np.full(len(sets), _NAN)
    over = np.array([blank if s.over is None else np.where(s.over > 0, s.over, _NAN) for s in sums.values()])[:, there]
    counted, lower, upper = (
        np.array([np.broadcast_to(getattr(s, name), len(sets)) for s in sums.values()], dtype=float)[:, there]
        for name in ("n", "lower", "upper")
    )
    is_share = np.array([s.over is not None for s in sums.values()])
    value = np.where(is_share[:, None], counted / over, counted)
    columns = {"value": value, "numerator": counted, "denominator": over, "lower": lower, "upper": upper}
    told = {name: values.ravel() for name, values in columns.items()}
    unknown = np.array([s.unknown for s in sums.values()])[:, there].ravel().astype("int64")
    measures = np.repeat(np.array([*sums], dtype=object), len(there))
    where = {"measure": measures, "perimeter": np.tile(names, len(sums))}
    return pd.DataFrame(where | told | {"n_unknown": unknown}).astype({"measure": "str", "perimeter": "str"})


def in_scope(frame: pd.DataFrame, scope: str) -> tuple[np.ndarray, np.ndarray]:
    """Say which structures surely count in a scope, and which could: centres of unknown modality where it needs it."""
    msp, cds = (frame["structure_type"] == MSP).to_numpy(), (frame["structure_type"] == CDS).to_numpy()
    pluri, mono, vague = (cds & (frame["modality"] == m).to_numpy() for m in (PLURI, MONO, UNKNOWN))
    wide = {"msp": msp, "cds": cds, "msp_cds": msp | cds, "primary": msp | pluri}
    sure = (wide | {"cds_pluri": pluri, "cds_mono": mono})[scope]
    return sure, vague if scope in _NEED_MODALITY else np.zeros(len(frame), dtype=bool)


_NEED_MODALITY = ("cds_pluri", "cds_mono", "primary")


def _structure_sums(of_year: _Year, scope: str, near: str, counted: str) -> Sums:
    """Count the structures, or the (structure, QPV) pairs, of one choice in every set."""
    stock, (sure, vague) = of_year.stock, in_scope(of_year.stock, scope)
    inside, lost = _is(stock, IN_QPV), _is(stock, UNDETERMINED)
    total, n_in = of_year.of_stock @ sure, of_year.of_stock @ (sure & inside)
    could = of_year.of_stock @ ((sure & lost) | (vague & (inside | lost)))
    if near == INSIDE:
        more = of_year.of_stock @ vague
        return {
            "n_country": _count(total, more),
            "n_in_qpv": _count(n_in, could),
            "share_in_qpv": _of_all(n_in, total, could, more),
        }
    beside, unsure = _near_structures(stock, near, of_year.proxy_m)
    unknown = of_year.of_stock @ ((sure & unsure) | (vague & (beside | unsure)))
    n_near = of_year.of_stock @ (sure & beside)
    if counted == PAIRS:
        mine, _ = in_scope(of_year.pairs, scope)
        n_in = of_year.of_pairs @ (mine & (of_year.pairs["distance_m"] == 0).to_numpy())
        n_near = of_year.of_pairs @ (mine & _near_pairs(of_year.pairs, near, counted, of_year.proxy_m))
    sure_near = n_near
    if near == DECLARED:
        answered = ~inside & (stock["vecu_declared"] != UNKNOWN).to_numpy()
        n_near = np.where(of_year.of_stock @ answered > 0, n_near, _NAN)
    sums: Sums = {
        "n_near": _count(n_near, unknown, sure_near),
        "n_in_or_near": _count(n_in + n_near, unknown, n_in + sure_near),
    }
    if counted == PAIRS:
        return sums
    share = _of_all(n_in + sure_near, total, unknown, of_year.of_stock @ vague)
    return sums | {"share_in_or_near": share._replace(n=n_in + n_near)}


def _of_all(n: np.ndarray, total: np.ndarray, unknown: np.ndarray, more: np.ndarray) -> Sum:
    """Return a share of the structures; ``more`` ones of unknown modality could enter the whole without entering the count."""
    some, most = np.where(total > 0, total, _NAN), np.where(total + more > 0, total + more, _NAN)
    return Sum(n, total, unknown, n / most, np.minimum((n + unknown) / some, 1.0))


def _is(frame: pd.DataFrame, situation: str) -> np.ndarray:
    return np.asarray(frame["situation"] == situation, dtype=bool)


def _metres(near: str) -> float:
    return float(near.removeprefix(WITHIN))


def _near_structures(stock: pd.DataFrame, near: str, proxy_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Say which structures are near and not inside, and of which that is not known."""
    inside, declared = _is(stock, IN_QPV), _is(stock, VECU_DECLARED)
    if near == DECLARED:
        return declared, ~inside & (stock["vecu_declared"] == UNKNOWN).to_numpy()
    within = ~inside & (stock["distance_m"] <= (proxy_m if near == DECLARED_OR_PROXY else _metres(near))).to_numpy()
    beside = declared | (within & _is(stock, VECU_PROXY)) if near == DECLARED_OR_PROXY else within
    return beside, _is(stock, UNDETERMINED)


def _near_pairs(pairs: pd.DataFrame, near: str, counted: str, proxy_m: float) -> np.ndarray:
    """Say which pairs are near: beyond the QPV that holds the structure. Counting structures, one inside is near none."""
    declared: np.ndarray = pairs["is_declared"].to_numpy(dtype=bool) & _is(pairs, VECU_DECLARED)
    if near == INSIDE:
        return np.zeros(len(pairs), dtype=bool)
    if near == DECLARED:
        return declared
    metres = pairs["distance_m"].to_numpy(dtype=float)
    within = (metres > 0) & (metres <= (proxy_m if near == DECLARED_OR_PROXY else _metres(near)))
    if near == DECLARED_OR_PROXY:
        return np.asarray(declared | (within & _is(pairs, VECU_PROXY)), dtype=bool)
    return np.asarray(within & (~_is(pairs, IN_QPV) | (counted == PAIRS)), dtype=bool)


def _verdict(of_year: _Year, scope: str, near: str, counted: str) -> _Verdict:
    """Say of each QPV whether it has a structure.

    It is without one only when that is sure: nothing counted, nothing that could count, nothing undetermined that could be there,
    and, for what the ARS declares, an ARS that answered.
    """
    n, possible = np.zeros(len(of_year.qpv)), np.zeros(len(of_year.qpv))
    near_ones = _near_pairs(of_year.pairs, near, counted, of_year.proxy_m)
    for rows, chosen in ((of_year.stock, _is(of_year.stock, IN_QPV)), (of_year.pairs, near_ones)):
        at = rows["at"].to_numpy()
        for mark, total in zip(in_scope(rows, scope), (n, possible), strict=True):
            np.add.at(total, at[mark & chosen & (at >= 0)], 1)
    known = of_year.qpv["n_msp_in"].notna().to_numpy()
    told = known & _answered(of_year) if near == DECLARED else known
    free = (of_year.qpv["n_undetermined"] == 0).to_numpy()
    yes, no = n > 0, (n == 0) & (possible == 0) & free & told
    return _Verdict(yes, no, told & (yes | no) if scope in _NEED_MODALITY else told)


def _answered(of_year: _Year) -> np.ndarray:
    """Say which QPV lie in a département in which every structure outside a QPV has an answer of the ARS."""
    stock = of_year.stock
    outside = stock[~_is(stock, IN_QPV) & stock["department_code"].notna().to_numpy()]
    complete = (outside["vecu_declared"] != UNKNOWN).groupby([outside["generation"], outside["department_code"]]).all()
    where = pd.MultiIndex.from_frame(of_year.qpv[["generation", "department_code"]])
    return np.asarray(where.isin(complete.index[complete]))


def _qpv_sums(of_year: _Year, scope: str, near: str, counted: str) -> Sums:
    """Count the QPV, and their inhabitants, of one choice in every set."""
    found, held = _verdict(of_year, scope, near, counted), of_year.of_qpv
    zero = np.zeros(len(held))
    n_yes, n_no, told, unknown = (held @ m for m in (found.yes & found.told, found.no, found.told, found.unknown))
    seen, whole = held @ found.yes, held.sum(axis=1)
    n_all = np.where(told > 0, seen, _NAN)
    sums: Sums = {
        "qpv_total": _count(whole, zero),
        "qpv_covered": _count(n_all, unknown, seen),
        "share_qpv_covered": _share(n_yes, told, unknown, seen, whole),
        "share_qpv_without_any": _share(n_no, told, unknown, n_no, whole),
    }
    if near == INSIDE:
        sure, _ = in_scope(of_year.stock, scope)
        n_in = of_year.of_stock @ (sure & _is(of_year.stock, IN_QPV))
        sums["structures_per_covered_qpv"] = Sum(n_in, n_all, unknown, _NAN, _NAN)
    for name, mark in _marks(of_year.qpv).items():
        sums |= _subset_sums(of_year, name, mark, found)
    return sums


def _marks(qpv: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what each QPV is, null where that is not known."""
    zone = qpv["zone_class"]
    large, npnru = qpv["is_large"].astype("boolean"), qpv["is_npnru"].astype("boolean")
    return {
        "qpv": pd.Series(data=True, index=qpv.index, dtype="boolean"),
        "large_qpv": large,
        "large_npnru_qpv": (large & npnru).where(large.notna() & npnru.notna()),
        "zip_qpv": (zone == ZIP).astype("boolean").where(zone.notna()),
        "zip_or_zac_qpv": zone.isin((ZIP, ZAC)).astype("boolean").where(zone.notna()),
    }


def _subset_sums(of_year: _Year, name: str, mark: pd.Series, found: _Verdict) -> Sums:
    """Count the QPV of a subset, all and without a structure, and their inhabitants; null where no mark or verdict is known."""
    held = of_year.of_qpv
    marked, open_mark = mark.fillna(value=False).to_numpy(dtype=bool), mark.isna().to_numpy()
    without = marked & found.no
    unsure = (marked | open_mark) & ~found.yes & ~without
    known = held @ ~open_mark > 0
    told = known & (held @ found.told > 0)
    people = of_year.qpv["population"].astype("float64").to_numpy()
    weight, weighed = np.nan_to_num(people), np.isnan(people)
    sums: Sums = {}
    for suffix, sure, open_question, is_told in (
        ("", marked, open_mark, known),
        ("_without_any", without, unsure, told),
    ):
        n, people_in = held @ sure, held @ (weight * sure)
        unknown = held @ open_question
        if not suffix and marked.all():
            continue
        sums[f"{name}{suffix}"] = _count(np.where(is_told, n, _NAN), unknown, n)
        most = np.where(
            held @ (weighed & (sure | open_question)) > 0, _NAN, people_in + held @ (weight * open_question)
        )
        lost = unknown + held @ (sure & weighed)
        is_weighed = (n == 0) | (held @ (sure & ~weighed) > 0)
        lived = np.where(is_told & is_weighed, people_in, _NAN)
        sums[f"{name}{suffix}_population"] = Sum(lived, None, lost, people_in, most)
    return sums


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
    named = {"perimeter": chosen.name, "scope": QPV_SCOPE, "near": INSIDE, "counted": STRUCTURES}
    return pd.DataFrame([row | named for row in rows], columns=COLUMNS).astype({"year": "Int64"})


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
    named = {"perimeter": "metropole_2024", "scope": QPV_SCOPE, "near": INSIDE, "counted": STRUCTURES, "year": pd.NA}
    return pd.DataFrame([row | named for row in rows], columns=COLUMNS).astype({"year": "Int64"})
