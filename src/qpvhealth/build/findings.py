"""What the build has to say besides the figures: findings about polygons, places, answers and what is missing."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.build import assembly
from qpvhealth.build.zoning import NO_EDITION
from qpvhealth.contract.keys import among, positions
from qpvhealth.contract.rules import Finding
from qpvhealth.facts.generations import IN_FORCE, KNOWN, expected_count
from qpvhealth.facts.situations import CENTROID, CONTRADICTORY, IN_QPV, LOCATED, MISSING, NO, YES
from qpvhealth.facts.territories import (
    DEPARTMENT_REGION,
    NO_REGION,
    TERRITORIES,
    department_of_commune,
    department_of_qpv,
)
from qpvhealth.indicators import counts
from qpvhealth.ingest.cleaning import translated
from qpvhealth.spatial import datums
from qpvhealth.spatial.perimeters import MISPLACED, overlaps
from qpvhealth.spatial.repair import COLLAPSED, REPAIRED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

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
    perimeters = f"perimeters {generation}"
    if generation == IN_FORCE:
        perimeters = f"perimeters in force ({', '.join(used) or 'none'})"
        if vintage.year in settings.headline_generation:
            perimeters = f"perimeters {used[0]} forced by the settings"
    departments = vintage.departments
    covered = "" if departments is None else f"; the extract covers {', '.join(sorted(departments))} only"
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
    return [*_polygons(basis.prepared, basis.settings), *_perimeters(basis.by_generation, basis.prepared)]


def of_systems(sources: Sources) -> list[Finding]:
    """Name the systems whose coordinates are only accurate to half a metre or worse once they are longitudes and latitudes."""
    read = [frame[["source_id", "crs"]] for frame in (sources.neighbourhoods, *sources.points.values()) if len(frame)]
    outlines = [frame[["source_id", "crs"]] for frame in sources.outlines.values() if "crs" in frame.columns]
    shifts = []
    for (source, crs), rows in pd.concat([*read, *outlines]).groupby(["source_id", "crs"]):
        if (moved := datums.shift(str(crs))) is not None:
            name = crs if str(crs).startswith("EPSG:") else "its coordinate system"
            words = f"{source}: {name}: {moved.words()}"
            shifts.append(Finding("datum-shift", len(rows), words, source_ids=(str(source),)))
    return shifts


def of_structures(placed: Placed, zoning: pd.DataFrame, basis: Basis) -> list[Finding]:
    """Collect the findings of a build once its structures are placed, in the order of the method."""
    sources = basis.sources
    return [
        *_places(placed),
        *_communes(placed, basis.settings),
        *_locations(placed),
        *_attributes(basis.neighbourhoods, placed, sources),
        *_zonings(zoning, sources),
        *_declared(placed, sources),
        *_generations(basis.in_force, sources),
    ]


def _some(
    codes: pd.Series, rule: str, message: str, of_: int | None = None, *, area: str = "", ids: Collection[str] = ()
) -> Iterator[Finding]:
    """Yield a finding about these rows with the first codes, unless there is none. With an ``area``, a card may sign it."""
    if n := len(codes):
        distinct = codes.dropna().astype("str").drop_duplicates()
        shown = ", ".join(distinct.head(SHOWN)) + (", …" if len(distinct) > SHOWN else "")
        yield Finding(rule, n, f"{message}: {shown}", of_, *((area, str(n), tuple(ids)) if area else ()))


def _polygons(prepared: pd.DataFrame, settings: Settings) -> Iterator[Finding]:
    for generation, rows in prepared.groupby("generation"):
        is_repaired = rows["repair"] == REPAIRED
        changed = is_repaired & ~(rows["repair_area_change"].abs() <= settings.repair_area_share)
        advice = "no area left, coverage unknown; take these polygons from another file (`codes` in its card)"
        for rule, mask, words in (
            ("polygon-repaired", is_repaired, "invalid polygons repaired"),
            ("polygon-changed", changed, f"area changed by more than {settings.repair_area_share:.0%}"),
            ("polygon-collapsed", rows["repair"] == COLLAPSED, advice),
            ("polygon-misplaced", rows["repair"] == MISPLACED, "outside the territory of their code"),
        ):
            codes, ids = rows["qpv_code"][mask], rows["source_id"][mask].unique()
            yield from _some(codes, rule, f"{generation}: {words}", len(rows), area=str(generation), ids=ids)


def _perimeters(by_generation: dict[str, dict[str, Perimeters]], prepared: pd.DataFrame) -> Iterator[Finding]:
    """Compare the number of polygons with the law, and name the generations whose polygons overlap."""
    polygons = prepared.groupby(["generation", "territory"]).size()
    for generation, territory in product(by_generation, TERRITORIES):
        expected, n = expected_count(generation, territory), int(polygons.get((generation, territory), 0))
        if expected is not None and n != expected:
            words = f"{generation}, {territory}: {n} polygons, the law has {expected}"
            yield Finding("qpv-count", abs(n - expected), words)
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
        foreign.extend(_some(rows["finess_et"], "department-unknown", words, len(extract)))
    return foreign


def _places(placed: Placed) -> Iterator[Finding]:
    read = ["location_status", "location_conflict_m", "n_location_sources", "commune_code", "department_code"]
    every = placed.structures[[*_ROW, *read]].assign(both=lambda f: _declared_and_near(f, placed))
    for year, rows in every.groupby("year"):
        status, far = rows["location_status"], rows["location_conflict_m"] > CONFLICT_M
        for rule, mask, words in (
            ("location-undetermined", status.isin((CENTROID, MISSING)), "no point that can decide"),
            ("location-contradictory", status == CONTRADICTORY, "the point contradicts what is declared"),
            ("location-conflict", far & (rows["n_location_sources"] > 1), "sources place them far apart"),
        ):
            yield from _some(rows["both"][mask], rule, f"{year}: {words}", len(rows))


def _points_elsewhere(placed: Placed) -> pd.DataFrame:
    """Return the structures and years whose point lies elsewhere than declared by lists alone, once each, with ``other_area_code``."""
    return placed.located[[*_ROW, "other_area_code"]].dropna(subset="other_area_code").drop_duplicates(_ROW)


def _declared_and_near(structures: pd.DataFrame, placed: Placed) -> pd.Series:
    """Name structures: with the commune, else département, that each declares and where its point lies by lists alone, if it is elsewhere."""
    off = _points_elsewhere(placed)
    near = (
        off["other_area_code"]
        .reset_index(drop=True)
        .reindex(positions(_ROW, structures, off))
        .set_axis(structures.index)
    )
    declares = structures["commune_code"].fillna(structures["department_code"])
    both = structures["finess_et"] + " declares " + declares + ", its point is in or near " + near
    return both.fillna(structures["finess_et"])


def _communes(placed: Placed, settings: Settings) -> Iterator[Finding]:
    """Name the points outside the commune that is declared: by its outline, else by the communes of the QPV, or what is known of communes."""
    read = [*_ROW, "location_status", "commune_distance_m", "commune_code", "department_code"]
    structures = placed.structures.loc[placed.structures["is_in_stock"], read]
    for year, rows in structures.groupby("year"):
        off = (rows["location_status"] == LOCATED) & (rows["commune_distance_m"] > settings.commune_agrees_m)
        words = f"{year}: the point is more than {settings.commune_agrees_m:g} m outside the declared commune"
        yield from _some(rows["finess_et"][off], "commune-distance", words, len(rows))
    disputed = placed.located[[*_ROW, "generation", "other_qpv_code"]].dropna(subset="other_qpv_code")
    joined = disputed.merge(structures[[*_ROW, "commune_code"]], on=_ROW)
    joined["both"] = (
        joined["finess_et"] + " declares " + joined["commune_code"] + ", its point is in " + joined["other_qpv_code"]
    )
    for (of_year, generation), rows in joined.groupby(["year", "generation"]):
        words = f"{of_year}, {generation}: in a QPV of another commune than declared"
        yield from _some(rows["both"], "commune-disputed", words, len(structures))
    named = positions(_ROW, structures, disputed.drop_duplicates(_ROW)) >= 0
    is_off = positions(_ROW, structures, _points_elsewhere(placed)) >= 0
    afar = structures[is_off & ~named & (structures["location_status"] == LOCATED)]
    for year, rows in afar.assign(both=_declared_and_near(afar, placed)).groupby("year"):
        words = f"{year}: far from what is known of the commune or département declared"
        yield from _some(rows["both"], "commune-disputed", words, len(structures))


def _locations(placed: Placed) -> Iterator[Finding]:
    measured = ["n_qpv_inside", "border_distance_m", "is_fragile", "agrees_with_source"]
    located = placed.located[[*_ROW, "generation", *measured]]
    open_ones = located.merge(placed.structures.loc[placed.structures["is_in_stock"], _ROW], on=_ROW)
    for (year, generation), rows in open_ones.groupby(["year", "generation"]):
        at_border, is_fragile = rows["border_distance_m"].abs() <= BORDER_M, rows["is_fragile"].fillna(value=False)
        differs = ~rows["agrees_with_source"].fillna(value=True).astype(bool)
        for rule, mask, words in (
            ("tie", rows["n_qpv_inside"] > 1, "inside several QPV"),
            ("near-border", at_border, f"within {BORDER_M:g} m of a QPV limit"),
            ("fragile", is_fragile.astype(bool), "a plausible error of the point changes the situation"),
            ("flag-disagreement", differs, "see `qpvhealth list disagreements`"),
        ):
            yield from _some(rows["finess_et"][mask], rule, f"{year}, {generation}: {words}", len(rows))


_ROW = ["finess_et", "year"]
_QPV = ["qpv_code", "generation"]


def _attributes(qpv: pd.DataFrame, placed: Placed, sources: Sources) -> Iterator[Finding]:
    for generation, rows in qpv.groupby("generation"):
        without = rows[rows["population"].isna()]
        yield from _some(without["qpv_code"], "population-missing", f"{generation}: QPV without population", len(rows))
    people, listed = sources.populations, sources.programmes.dropna(subset=["qpv_code"])
    if len(people):
        orphans = people[positions(_QPV, people, qpv) < 0]
        yield from _some(orphans["qpv_code"], "population-orphan", "no polygon has these codes")
    listed = listed[listed["generation"].isin(set(qpv["generation"]))]
    lost = listed[positions(_QPV, listed, qpv) < 0]
    yield from _some(lost["qpv_code"], "programme-orphan", "no polygon has these codes")
    communes = set(sources.communes.loc[sources.communes["level"] == "commune", "area_code"])
    if communes:
        stated = placed.structures[["commune_code"]].dropna()
        of_table = {department_of_commune(code) for code in communes}  # INSEE's has no collectivity overseas
        covered = translated(stated["commune_code"], department_of_commune).isin(of_table)
        unknown = stated[~among(stated["commune_code"], communes) & covered]
        yield from _some(unknown["commune_code"], "commune-unknown", "not in the table of communes", len(stated))


def _zonings(zoning: pd.DataFrame, sources: Sources) -> Iterator[Finding]:
    for (edition, generation), rows in zoning.groupby(["edition", "generation"]):
        without = rows[rows["zone_class"].isna()]
        reasons = ", ".join(f"{reason} {n}" for reason, n in without["reason"].value_counts().items())
        words = f"edition {edition}, {generation}: {reasons}"
        yield from _some(without["qpv_code"], "zoning-without-class", words, len(rows))
    named = sources.neighbourhoods[["generation", "qpv_code"]]
    for stated in sources.editions.to_dict("records"):
        where = f"edition {stated['edition']}"
        classes = sources.zoning_classes
        listed = classes[(classes["level"] == "qpv") & classes["source_id"].isin(stated["source_ids"])]
        orphans = listed[~among(listed["code"], named.loc[named["generation"] == stated["generation"], "qpv_code"])]
        yield from _some(orphans["code"], "zoning-orphan", f"{where}: no polygon has these codes", len(listed))
        decided = zoning.loc[zoning["edition"] == stated["edition"], "qpv_code"]
        others = listed[~among(listed["code"], pd.concat([decided, orphans["code"]]))]
        words = f"{where}: classes of QPV that it does not cover, not used"
        yield from _some(others["code"], "zoning-outside-cover", words, len(listed))
    yield from _silent_regions(sources)


def _silent_regions(sources: Sources) -> Iterator[Finding]:
    """Name the regions of which an edition lists nothing and takes the classes of an earlier one: it covers less than its card says."""
    if len(sources.editions) < 2:  # noqa: PLR2004 -- one edition has none before it
        return
    classes = sources.zoning_classes
    is_qpv = classes["level"] == "qpv"
    department = translated(classes["code"].mask(is_qpv), department_of_commune).fillna(
        translated(classes["code"].where(is_qpv), department_of_qpv)
    )
    listed = classes.assign(region=translated(department, DEPARTMENT_REGION.get))
    earlier: set[str] = set()
    for stated in sources.editions.to_dict("records"):
        own = listed[listed["source_id"].isin(stated["source_ids"])]
        covered = {DEPARTMENT_REGION[d] for d in stated["departments"]} - {NO_REGION}
        named = {*own["region"].dropna()} - {NO_REGION}
        lost = sorted((earlier & covered) - named) if own["region"].notna().all() else []
        if lost:
            words = (
                f"edition {stated['edition']}: no row in the regions {', '.join(lost)}, which it is said to cover and"
            )
            yield Finding("zoning-region-silent", len(lost), f"{words} an earlier edition classes", len(covered))
        earlier |= named


def _declared(placed: Placed, sources: Sources) -> Iterator[Finding]:
    answers = ["situation", "vecu_declared", "is_unlisted", "is_contested"]
    for (year, generation), rows in placed.located[[*_ROW, "generation", *answers]].groupby(["year", "generation"]):
        is_inside, answer = rows["situation"] == IN_QPV, rows["vecu_declared"]
        unlisted = rows["is_unlisted"] & (answer == NO) & ~is_inside
        for rule, mask, words in (
            ("declaration-inside", is_inside & (answer == YES), "declared near, but inside"),
            ("declaration-unlisted", unlisted, "outside, not named by an ARS that answered, read as no"),
            ("declaration-conflict", rows["is_contested"], "the extract's own column differs, the answer is kept"),
        ):
            yield from _some(rows["finess_et"][mask], rule, f"{year}, {generation}: {words}", len(rows))
    with_code = sources.declarations.dropna(subset=["qpv_code"])
    lost = with_code[positions(_QPV, with_code, sources.neighbourhoods) < 0]
    yield from _some(lost["qpv_code"], "declaration-orphan", "declared QPV that no polygon has", len(with_code))


def unpublished(zoned: pd.DataFrame, sources: Sources) -> Iterator[Finding]:
    """Name the regions whose QPV no zoning classes at a reference date. ``zoned``: ``zoning_regions``."""
    current = zoned[(zoned["generation"] == IN_FORCE) & (zoned["zoning_edition"] == NO_EDITION)]
    for year, vintage in sources.vintages.items() if len(sources.editions) else ():
        rows = current[current["year"] == year]
        n, day = int(rows["n_qpv"].sum()), vintage.reference_date
        words = f"no zoning edition is in force at {day} for {n} QPV of the regions"
        yield from _some(rows["region_code"], "zoning-none-in-force", words)


def _generations(in_force: dict[int, dict[str, str | None]], sources: Sources) -> Iterator[Finding]:
    available = set(sources.neighbourhoods["generation"])
    for year, by_territory in in_force.items():
        day = sources.vintages[year].reference_date
        law = {t for t in TERRITORIES for g in KNOWN if expected_count(g, t)}
        if without := [t for t, g in by_territory.items() if g is None and t in law]:
            words = f"{year}: of the generations given ({', '.join(sorted(available))}), none is in force at {day} in"
            yield Finding("generation-missing", len(without), f"{words} {', '.join(without)}")
