"""What the build has to say besides the figures: findings about polygons, places, answers and what is missing."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.build import assembly
from qpvhealth.contract.keys import among
from qpvhealth.contract.rules import Finding
from qpvhealth.facts.generations import IN_FORCE, KNOWN, expected_count
from qpvhealth.facts.situations import CENTROID, CONTRADICTORY, IN_QPV, MISSING, NO, YES
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.indicators import counts
from qpvhealth.spatial.perimeters import MISPLACED, overlaps
from qpvhealth.spatial.repair import COLLAPSED, REPAIRED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qpvhealth.build.perimeters import Basis
    from qpvhealth.build.placing import Placed
    from qpvhealth.ingest.sources import Sources, Vintage
    from qpvhealth.settings import Settings
    from qpvhealth.spatial.proximity import Perimeters

BORDER_M, CONFLICT_M = 1.0, 100.0
SHOWN = 5


def context(vintage: Vintage, generation: str, in_force: dict[str, str | None], settings: Settings) -> str:
    """Say in words at which date, with which perimeters, and over what an indicator is computed."""
    used = sorted({g for g in in_force.values() if g})
    perimeters = (
        f"perimeters in force ({', '.join(used) or 'none'})" if generation == IN_FORCE else f"perimeters {generation}"
    )
    if vintage.year in settings.headline_generation and generation == IN_FORCE:
        perimeters = f"perimeters {used[0]} forced by the settings"
    covered = (
        "" if vintage.departments is None else f"; the extract covers {', '.join(sorted(vintage.departments))} only"
    )
    status = f"; {vintage.status}" if vintage.status else ""
    return f"at {vintage.reference_date.isoformat()}, {perimeters}{covered}{status}"


def in_context(indicators: pd.DataFrame, basis: Basis) -> pd.Series:
    """Add to the rule of each indicator the date, perimeters and cover it holds for: categories, the few that differ."""
    vintages, in_force, settings = basis.sources.vintages, basis.in_force, basis.settings
    cells, at = counts.distinct(indicators, ["year", "generation", "rule"])
    words = [
        f"{rule}; {context(vintages[year], generation, in_force[year], settings)}"
        for year, generation, rule in zip(cells["year"].tolist(), cells["generation"], cells["rule"], strict=True)
    ]
    return pd.Series(pd.Categorical(pd.array(words, dtype="str")).take(at), index=indicators.index)


def of_perimeters(basis: Basis) -> list[Finding]:
    """Collect the findings of a build about its polygons alone."""
    return [
        *_polygons(basis.prepared, basis.settings),
        *_counts_of_qpv(basis.by_generation, basis.prepared),
        *_overlaps(basis.by_generation),
    ]


def of_structures(placed: Placed, zoning: pd.DataFrame, basis: Basis) -> list[Finding]:
    """Collect the findings of a build once its structures are placed, in the order of the method."""
    sources = basis.sources
    return [
        *_places(placed),
        *_locations(placed),
        *_attributes(basis.neighbourhoods, placed, sources),
        *_zonings(zoning, sources),
        *_declared(placed, sources),
        *_generations(basis.in_force, sources),
    ]


def _some(
    rows: pd.DataFrame, column: str, rule: str, message: str, of_: int | None = None, *, area: str = ""
) -> Iterator[Finding]:
    """Yield a finding about these rows with the first codes, unless there is none. With an ``area``, a card may sign it."""
    if len(rows):
        codes = rows[column].dropna().astype("str").drop_duplicates()
        shown = ", ".join(codes.head(SHOWN)) + (", …" if len(codes) > SHOWN else "")
        signable = (area, str(len(rows)), tuple(rows["source_id"].unique())) if area else ()
        yield Finding(rule, len(rows), f"{message}: {shown}", of_, *signable)


def _polygons(prepared: pd.DataFrame, settings: Settings) -> Iterator[Finding]:
    for generation, rows in prepared.groupby("generation"):
        repaired = rows[rows["repair"] == REPAIRED]
        changed = repaired[~(repaired["repair_area_change"].abs() <= settings.repair_area_share)]
        n = len(rows)
        yield from _some(repaired, "qpv_code", "polygon-repaired", f"{generation}: invalid polygons repaired", n)
        share = f"{settings.repair_area_share:.0%}"
        yield from _some(changed, "qpv_code", "polygon-changed", f"{generation}: area changed by more than {share}", n)
        collapsed = rows[rows["repair"] == COLLAPSED]
        advice = "no area left, coverage unknown; take these polygons from another file (`codes` in its card)"
        yield from _some(collapsed, "qpv_code", "polygon-collapsed", f"{generation}: {advice}", n, area=str(generation))
        misplaced = rows[rows["repair"] == MISPLACED]
        words = f"{generation}: outside the territory of their code"
        yield from _some(misplaced, "qpv_code", "polygon-misplaced", words, n, area=str(generation))


def _counts_of_qpv(by_generation: dict[str, dict[str, Perimeters]], prepared: pd.DataFrame) -> Iterator[Finding]:
    polygons = prepared.groupby(["generation", "territory"]).size()
    for generation, territory in product(by_generation, TERRITORIES):
        expected, n = expected_count(generation, territory), int(polygons.get((generation, territory), 0))
        if expected is not None and n != expected:
            yield Finding(
                "qpv-count", abs(n - expected), f"{generation}, {territory}: {n} polygons, the law has {expected}"
            )


def _overlaps(by_generation: dict[str, dict[str, Perimeters]]) -> Iterator[Finding]:
    for generation, perimeters in by_generation.items():
        by_territory = [overlaps(p) for p in perimeters.values()]
        pairs = pd.concat(by_territory, ignore_index=True) if by_territory else pd.DataFrame()
        if len(pairs):
            worst = pairs.sort_values("overlap_m2").iloc[-1]
            largest = f"largest {worst['overlap_m2']:.0f} m² ({worst['qpv_code']}, {worst['other_qpv_code']})"
            yield Finding("qpv-overlap", len(pairs), f"{generation}: pairs of polygons overlap, {largest}")


def abroad(sources: Sources) -> list[Finding]:
    """Name the structures in a département that France does not have."""
    foreign: list[Finding] = []
    for year, extract in sources.structures.items():
        rows = extract[assembly.is_abroad(extract)]
        codes = ", ".join(sorted(rows["department_code"].unique()))
        words = f"{year}: a département that France does not have ({codes}), taken as unknown"
        foreign.extend(_some(rows, "finess_et", "department-unknown", words, len(extract)))
    return foreign


def _places(placed: Placed) -> Iterator[Finding]:
    structures = placed.structures[
        ["finess_et", "year", "location_status", "location_conflict_m", "n_location_sources"]
    ]
    for year, rows in structures.groupby("year"):
        n = len(rows)
        lost = rows[rows["location_status"].isin((CENTROID, MISSING))]
        yield from _some(lost, "finess_et", "location-undetermined", f"{year}: no point that can decide", n)
        wrong = rows[rows["location_status"] == CONTRADICTORY]
        words = "the point contradicts what is declared"
        yield from _some(wrong, "finess_et", "location-contradictory", f"{year}: {words}", n)
        conflict = rows[(rows["location_conflict_m"] > CONFLICT_M) & (rows["n_location_sources"] > 1)]
        yield from _some(conflict, "finess_et", "location-conflict", f"{year}: sources place them far apart", n)


def _locations(placed: Placed) -> Iterator[Finding]:
    measured = ["n_qpv_inside", "border_distance_m", "is_fragile", "agrees_with_source"]
    located = placed.located[[*_ROW, "generation", *measured]]
    open_ones = located.merge(placed.structures.loc[placed.structures["is_in_stock"], _ROW], on=_ROW)
    for (year, generation), rows in open_ones.groupby(["year", "generation"]):
        yield from _of_location(rows, f"{year}, {generation}")


_ROW = ["finess_et", "year"]


def _of_location(rows: pd.DataFrame, where: str) -> Iterator[Finding]:
    n = len(rows)
    yield from _some(rows[rows["n_qpv_inside"] > 1], "finess_et", "tie", f"{where}: inside several QPV", n)
    at_border = rows[rows["border_distance_m"].abs() <= BORDER_M]
    yield from _some(at_border, "finess_et", "near-border", f"{where}: within {BORDER_M:g} m of a QPV limit", n)
    fragile = rows[rows["is_fragile"].fillna(value=False).astype(bool)]
    words = "a plausible error of the point changes the situation"
    yield from _some(fragile, "finess_et", "fragile", f"{where}: {words}", n)
    differs = rows[~rows["agrees_with_source"].fillna(value=True).astype(bool)]
    yield from _some(differs, "finess_et", "flag-disagreement", f"{where}: see `qpvhealth list disagreements`", n)


def _attributes(qpv: pd.DataFrame, placed: Placed, sources: Sources) -> Iterator[Finding]:
    for generation, rows in qpv.groupby("generation"):
        without = rows[rows["population"].isna()]
        yield from _some(without, "qpv_code", "population-missing", f"{generation}: QPV without population", len(rows))
    codes = pd.MultiIndex.from_frame(qpv[["qpv_code", "generation"]])
    generations = set(qpv["generation"])
    people = sources.populations
    orphans = (
        people[~pd.MultiIndex.from_frame(people[["qpv_code", "generation"]]).isin(codes)] if len(people) else people
    )
    yield from _some(orphans, "qpv_code", "population-orphan", "no polygon has these codes") if len(people) else ()
    listed = sources.programmes.dropna(subset=["qpv_code"])
    listed = listed[listed["generation"].isin(generations)]
    lost = listed[~pd.MultiIndex.from_frame(listed[["qpv_code", "generation"]]).isin(codes)] if len(listed) else listed
    yield from _some(lost, "qpv_code", "programme-orphan", "no polygon has these codes")
    communes = set(sources.communes.loc[sources.communes["level"] == "commune", "area_code"])
    if communes:
        stated = placed.structures[["commune_code"]].dropna()
        unknown = stated[~among(stated["commune_code"], communes)]
        yield from _some(unknown, "commune_code", "commune-unknown", "not in the table of communes", len(stated))


def _zonings(zoning: pd.DataFrame, sources: Sources) -> Iterator[Finding]:
    for (edition, generation), rows in zoning.groupby(["edition", "generation"]):
        without = rows[rows["zone_class"].isna()]
        reasons = ", ".join(f"{reason} {n}" for reason, n in without["reason"].value_counts().items())
        yield from _some(
            without, "qpv_code", "zoning-without-class", f"edition {edition}, {generation}: {reasons}", len(rows)
        )
    for stated in sources.editions.to_dict("records"):
        classes = sources.zoning_classes
        listed = classes[(classes["edition"] == stated["edition"]) & (classes["level"] == "qpv")]
        polygons = zoning.loc[zoning["generation"] == stated["generation"], "qpv_code"]
        orphans = listed[~among(listed["code"], polygons)]
        yield from _some(
            orphans, "code", "zoning-orphan", f"edition {stated['edition']}: no polygon has these codes", len(listed)
        )


def _declared(placed: Placed, sources: Sources) -> Iterator[Finding]:
    answers = ["situation", "vecu_declared", "is_unlisted", "is_contested"]
    for (year, generation), rows in placed.located[[*_ROW, "generation", *answers]].groupby(["year", "generation"]):
        yield from _of_answers(rows, f"{year}, {generation}")
    with_code = sources.declarations.dropna(subset=["qpv_code"])
    polygons = sources.neighbourhoods[["qpv_code", "generation"]]
    lost = with_code[
        ~pd.MultiIndex.from_frame(with_code[["qpv_code", "generation"]]).isin(pd.MultiIndex.from_frame(polygons))
    ]
    yield from _some(lost, "qpv_code", "declaration-orphan", "declared QPV that no polygon has", len(with_code))


def _of_answers(rows: pd.DataFrame, where: str) -> Iterator[Finding]:
    inside = rows[(rows["situation"] == IN_QPV) & (rows["vecu_declared"] == YES)]
    yield from _some(inside, "finess_et", "declaration-inside", f"{where}: declared near, but inside", len(rows))
    unlisted = rows[rows["is_unlisted"] & (rows["vecu_declared"] == NO) & (rows["situation"] != IN_QPV)]
    words = "outside, not named by an ARS that answered, read as no"
    yield from _some(unlisted, "finess_et", "declaration-unlisted", f"{where}: {words}", len(rows))
    contested = rows[rows["is_contested"]]
    words = "the extract's own column differs, the answer is kept"
    yield from _some(contested, "finess_et", "declaration-conflict", f"{where}: {words}", len(rows))


def _generations(in_force: dict[int, dict[str, str | None]], sources: Sources) -> Iterator[Finding]:
    available = set(sources.neighbourhoods["generation"])
    for year, by_territory in in_force.items():
        day = sources.vintages[year].reference_date
        law = {t for t in TERRITORIES for g in KNOWN if expected_count(g, t)}
        if without := [t for t, g in by_territory.items() if g is None and t in law]:
            words = f"{year}: of the generations given ({', '.join(sorted(available))}), none is in force at {day} in"
            yield Finding("generation-missing", len(without), f"{words} {', '.join(without)}")
    first = [v for v in sources.vintages.values() if not sources.editions.empty and not _has_edition(v, sources)]
    for vintage in first:
        yield Finding("zoning-none-in-force", 1, f"no zoning edition is in force at {vintage.reference_date}")


def _has_edition(vintage: Vintage, sources: Sources) -> bool:
    return any(day <= vintage.reference_date for day in sources.editions["in_force_from"])
