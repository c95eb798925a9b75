"""The method, top to bottom: ingest, place, join, overlay, count. Where the rooms of the house meet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import numbers, positions
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.facts.generations import IN_FORCE, expected_count
from qpvhealth.facts.situations import SITUATIONS
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.indicators import agreement, counts, coverage, headline, net_change, perimeter_effect
from qpvhealth.ingest import cards as card_files, corrections, inputs as input_files, sources as staged_sources
from qpvhealth.pipeline import accounting, assembly, findings, other_types, supplements
from qpvhealth.pipeline.beside import beside
from qpvhealth.settings import Settings
from qpvhealth.spatial import (
    location,
    outlines,
    overlay,
    perimeters as perimeter_rules,
    placement,
    projection,
    situations,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from qpvhealth.contract.rules import Finding
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.ingest.sources import Sources
    from qpvhealth.spatial.proximity import Perimeters


class Built(dict[str, pd.DataFrame]):
    """The published tables by name, as frames; also the accounts of the inputs and the findings of the build."""

    def __init__(
        self,
        tables: dict[str, pd.DataFrame],
        inputs: list[dict[str, Any]],
        found: list[Finding],
        *,
        in_force: dict[int, dict[str, str | None]],
        invented: bool,
    ) -> None:
        """Hold the tables of one build."""
        super().__init__(tables)
        self.inputs, self.findings, self.in_force, self.invented = inputs, found, in_force, invented


@dataclass(frozen=True)
class Basis:
    """What every step shares, prepared once: what was read, the choices, and the perimeters.

    ``shapes``: outlines by level. ``prepared``: every polygon given; ``neighbourhoods``: those of the generations computed, with
    what is known of them. ``in_force``: by year and territory.
    """

    sources: Sources
    settings: Settings
    shapes: dict[str, pd.DataFrame]
    prepared: pd.DataFrame
    neighbourhoods: pd.DataFrame
    by_generation: dict[str, dict[str, Perimeters]]
    in_force: dict[int, dict[str, str | None]]


def build(raw: str | Path, settings: Settings | None = None, *, progress: Callable[[str], None] | None = None) -> Built:
    """Build every table of a release from a raw folder, in memory.

    ``raw`` holds ``sources.toml``. Returns the tables of ``contract.tables.PUBLISHED`` by name. Raises UsageError for a wrong
    card, mapping or setting, InputError for a file that is missing, changed or unreadable, ContractError when an account does
    not balance or levels do not add up. Nothing is written.
    """
    folder, chosen, tell = Path(raw), settings or Settings(), progress or _silent
    cards = card_files.load(folder)
    known = corrections.load(folder, cards)
    inputs = input_files.resolve(cards)
    sources = staged_sources.read_all(cards, known, tell)
    input_files.refuse_changed(inputs)
    tell("preparing perimeters")
    basis = _basis(sources, chosen)
    tables = _tables(basis, invented=cards[0].is_invented, tell=tell)
    tell("checking")
    found = [*sources.findings, *findings.of(tables, basis), *accounting.findings(tables)]
    found += other_types.findings(tables["structures"], tables["other_structures"])
    # each frame is let go as its published form is made: the two of every table at once would double the memory
    conformed = {name: table.conform(assembly.selected(tables.pop(name), name)) for name, table in PUBLISHED.items()}
    return Built(conformed, _accounts(inputs, sources), found, in_force=basis.in_force, invented=cards[0].is_invented)


def _tables(basis: Basis, *, invented: bool, tell: Callable[[str], None]) -> dict[str, pd.DataFrame]:
    """Compute every table, not yet in its published form."""
    with beside(partial(_of_perimeters, basis), pays=len(basis.prepared) >= FEW) as of_perimeters:
        tell("placing structures")
        placed = _structures(basis)
        tell("joining structures and neighbourhoods")
        (structures, located, pairs), others = other_types.split(other_types.Placed(placed, *_locations(placed, basis)))
        tell("overlaying the zonings")
        zoning, fates = of_perimeters()
    aside = other_types.listed_aside(structures, others.structures, basis.sources.out_of_scope)
    account = partial(accounting.explained, structures, located, basis, out_of_scope=aside)
    with beside(account, pays=FEW <= len(structures) <= AT_ONCE) as explained:
        tell("counting")
        counted = _counted(structures, located, pairs, zoning, basis)
        totals = counted["yearly_counts"]
        others_stock = _with_in_force(_stock(others.structures, others.located), basis)
        of_others = other_types.tables(others, others_stock, structures, basis)
        tell("accounting for the changes")
        accounts = accounting.balanced(explained(), totals, basis)
    yearly = assembly.together(totals, of_others["other_yearly_counts"])
    return {
        "extracts": _extracts(basis.sources, invented=invented),
        "structures": structures,
        "neighbourhoods": basis.neighbourhoods,
        "structure_locations": located,
        "structure_neighbourhoods": pairs,
        "neighbourhood_zoning": zoning,
        "rejects": basis.sources.rejects,
        **counted,
        "out_of_scope": aside,
        "neighbourhood_fates": fates,
        **accounts,
        **of_others,
        **supplements.tables(basis),
        "indicators": _indicators(
            assembly.together(counted["indicators"], other_types.indicators(others_stock, basis.settings)),
            counted["neighbourhood_coverage"],
            accounts["change_summary"],
            basis,
        ),
        "areas": assembly.areas_table(basis.sources, yearly),
    }


FEW = 1_000
"""Fewer rows than this are computed sooner than the process is copied."""
AT_ONCE = 250_000
"""How many structures are counted at a time: the stock of more, in every generation, would fill the memory."""


def _counted(
    structures: pd.DataFrame, located: pd.DataFrame, pairs: pd.DataFrame, zoning: pd.DataFrame, basis: Basis
) -> dict[str, pd.DataFrame]:
    """Count the stock, some years at a time: by area, against the extract's own flag, as indicators, and what covers each QPV."""
    levels = counts.levels_of(structures[["epci_code"]][structures["is_in_stock"]])
    parts = []
    for years in _batches(structures, basis):
        rows, there, near = (_of_years(frame, years) for frame in (structures[_COUNTED], located, pairs))
        stock = _stock(rows, there)
        own = {
            "perimeter_effect": perimeter_effect.effect(stock),
            "neighbourhood_coverage": _coverage(stock, near, zoning, basis, years=years),
        }
        parts.append(_counted_at(_with_in_force(stock, basis), levels, basis) | own)
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}


def _counted_at(every: pd.DataFrame, levels: list[str], basis: Basis) -> dict[str, pd.DataFrame]:
    """Count the stock of some years, its rows ``in_force`` included."""
    yearly = counts.count(every, levels)
    counts.assert_levels_add_up(yearly)
    rule, distance = basis.settings.vecu_rule, basis.settings.vecu_distance_m
    return {
        "yearly_counts": yearly,
        "flag_agreement": agreement.agreement(every),
        "indicators": headline.structures(every, near_rule=rule, vecu_distance_m=distance),
    }


def _batches(structures: pd.DataFrame, basis: Basis) -> list[list[int]]:
    """Put the years in batches of at most ``AT_ONCE`` structures, or of one year."""
    size = structures["year"].value_counts()
    batches: list[list[int]] = [[]]
    for year in basis.sources.vintages:
        held = int(size.reindex(batches[-1]).fillna(0).sum())
        if held and held + size.get(year, 0) > AT_ONCE:
            batches.append([])
        batches[-1].append(year)
    return batches


def _of_years(frame: pd.DataFrame, years: list[int]) -> pd.DataFrame:
    at = frame["year"].isin(years)
    return frame if at.all() else frame[at]


def _silent(_: str) -> None:
    """Tell nobody."""


def _basis(sources: Sources, settings: Settings) -> Basis:
    """Prepare what every year and generation shares: outlines, perimeters, and which generation is in force where and when."""
    shapes = outlines.prepare(sources.outlines)
    prepared = perimeter_rules.prepare(sources.neighbourhoods, shapes)
    generations = _generations(prepared, settings)
    names = pd.Series([*TERRITORIES], dtype="str")
    in_force = {}
    for year, vintage in sources.vintages.items():
        found = assembly.generation_in_force(names, vintage, settings, generations, sources.own_sets)
        in_force[year] = {t: (None if pd.isna(g) else str(g)) for t, g in zip(names, found, strict=True)}
    used = prepared[prepared["generation"].isin(generations)]
    by_generation = {g: perimeter_rules.usable(prepared, g) for g in generations}
    return Basis(
        sources, settings, shapes, prepared, assembly.neighbourhoods_table(used, sources), by_generation, in_force
    )


def _generations(prepared: pd.DataFrame, settings: Settings) -> tuple[str, ...]:
    given = tuple(sorted(prepared["generation"].unique()))
    asked = settings.generations or given
    if missing := [g for g in (*asked, *settings.headline_generation.values()) if g not in given]:
        raise findings.no_such_generation(missing, given)
    return tuple(g for g in given if g in asked or g in settings.headline_generation.values())


def _structures(basis: Basis) -> pd.DataFrame:
    tables = []
    surroundings = {placement.QPV_OF_COMMUNE: perimeter_rules.by_commune(basis.prepared)}
    for year, extract in basis.sources.structures.items():
        known = assembly.with_areas(extract, basis.sources.communes)
        places = placement.place(
            known,
            basis.sources.points[year],
            outlines=basis.shapes | surroundings,
            tolerance_m=basis.settings.outline_tolerance_m,
            minimum_score=basis.settings.geocoder_score,
            error_m=basis.settings.location_error_m,
        )
        tables.append(assembly.structures_table(known, places, basis.sources.vintages[year]))
        basis.sources.let_go(year)
    return pd.concat(tables, ignore_index=True)


def _locations(structures: pd.DataFrame, basis: Basis) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Locate every structure of every year in every generation: each distinct point is joined once per generation."""
    located, pairs = [], []
    x, y = structures["x"].to_numpy(dtype=float), structures["y"].to_numpy(dtype=float)
    in_force = assembly.in_force_at(structures, basis.in_force)
    for generation, perimeters in basis.by_generation.items():
        found = location.locate_all(x, y, structures["territory"], perimeters, basis.settings.largest_ring_m)
        answers = assembly.answers(structures, basis.sources, generation, in_force)
        rows = structures[_PLACING].join(found.points).join(answers)
        rows["generation"] = generation
        rows["has_perimeters"] = rows["territory"].isna() | rows["territory"].isin(list(perimeters))
        rows["is_surely_elsewhere"] = _surely_elsewhere(rows, generation, basis)
        rows = _only_placed(rows)
        verdict = situations.resolve(rows, vecu_distance_m=basis.settings.vecu_distance_m)
        by_place = accounting.places(rows, basis.settings.vecu_distance_m)
        told = rows.drop(columns="qpv_code").join(verdict).assign(situation_by_place=by_place)
        located.append(told[_LOCATED])
        nearest = structures[_DECLARED].join(found.points[["nearest_qpv_code"]])
        pairs.append(_pairs(nearest, found.pairs, generation, basis))
    return pd.concat(located, ignore_index=True), pd.concat(pairs, ignore_index=True)


_PLACING = [
    *("finess_et", "year", "territory", "commune_code", "department_code", "source_says_in_qpv"),
    *("location_status", "location_precision", "location_error_m"),
]
_DECLARED = ["finess_et", "year", "territory", "location_status", "x", "y", "vecu_declared", "vecu_qpv_code"]
_LOCATED = [*PUBLISHED["structure_locations"].names, "is_unlisted", "is_contested"]


def _only_placed(rows: pd.DataFrame) -> pd.DataFrame:
    """Blank the distances of points that cannot decide: a hint must not look like a measure."""
    placed = assembly.placed_rows(rows)
    measured = ["qpv_code", "nearest_qpv_code", "distance_m", "border_distance_m"]
    blanked = rows.assign(**{c: rows[c].where(placed) for c in measured})
    return blanked.assign(n_qpv_inside=rows["n_qpv_inside"].where(placed, 0).fillna(0).astype("int64"))


def _surely_elsewhere(rows: pd.DataFrame, generation: str, basis: Basis) -> pd.Series:
    own = basis.neighbourhoods["generation"] == generation
    listed = basis.neighbourhoods.loc[own, "commune_codes"].dropna().str.split(",")
    perimeters = basis.by_generation[generation]
    sure = situations.surely_elsewhere(
        rows,
        perimeters,
        set(listed.explode()),
        basis.shapes,
        ring_m=basis.settings.largest_ring_m,
        commune_reach_m=basis.settings.commune_reach_m,
    )
    empty = {t for t in TERRITORIES if t not in perimeters and not expected_count(generation, t)}
    return sure | rows["territory"].isin(empty)


def _pairs(rows: pd.DataFrame, found: pd.DataFrame, generation: str, basis: Basis) -> pd.DataFrame:
    """Every pair within the largest ring of a point that may decide, and every declared pair whatever its distance."""
    keys = ["finess_et", "year", "qpv_code"]
    columns = [*keys, "distance_m", "is_declared"]
    placed = assembly.placed_rows(rows)
    near = found[placed.to_numpy()[found["point"]]].reset_index(drop=True)
    near = near.join(rows[["finess_et", "year"]].take(near["point"].to_numpy()).reset_index(drop=True))
    declared = _declared(rows.assign(is_placed=placed), generation, basis).drop_duplicates(keys)
    of_near, of_declared = numbers(keys, near, declared)
    told = near.assign(is_declared=np.isin(of_near, of_declared))
    beyond = declared[~np.isin(of_declared, of_near)].assign(is_declared=True)
    return assembly.together(told[columns], beyond[columns]).assign(generation=generation)


def _declared(rows: pd.DataFrame, generation: str, basis: Basis) -> pd.DataFrame:
    """Measure every declared pair. A declaration that names no QPV attaches to the nearest one of its territory."""
    named, perimeters = assembly.declared_pairs(rows, basis.sources, generation), basis.by_generation[generation]
    point = rows[["territory", "x", "y", "nearest_qpv_code", "is_placed"]]
    at = positions(["finess_et", "year"], named, rows)
    declared = named.join(point.take(at).reset_index(drop=True))
    declared["qpv_code"] = declared["qpv_code"].fillna(declared["nearest_qpv_code"].where(declared["is_placed"]))
    declared = declared[_same_territory(declared, perimeters)]
    x, y = (declared[c].where(declared["is_placed"]).to_numpy(dtype=float) for c in ("x", "y"))
    return declared.assign(distance_m=location.distances(x, y, declared["qpv_code"], perimeters))


def _same_territory(declared: pd.DataFrame, perimeters: dict[str, Perimeters]) -> pd.Series:
    """Say which declared pairs name a QPV that has a polygon in the territory of the structure."""
    home = {code: territory for territory, p in perimeters.items() for code in p.codes}
    found = declared["qpv_code"].map(home)
    return found.notna() & (declared["territory"].isna() | (found == declared["territory"]))


def _of_perimeters(basis: Basis) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what needs no structure: the zonings of the QPV, and what became of them from one generation to another."""
    return _zoning(basis), accounting.fates_between(basis)


def _zoning(basis: Basis) -> pd.DataFrame:
    """Overlay every edition on every generation; QPV-level classes only on the generation whose codes they name."""
    parts = [pd.DataFrame(columns=PUBLISHED["neighbourhood_zoning"].names)]
    sources = basis.sources
    for edition in sources.editions.to_dict("records"):
        classes = sources.zoning_classes[sources.zoning_classes["edition"] == edition["edition"]]
        composition = sources.zoning_composition[sources.zoning_composition["edition"] == edition["edition"]]
        for generation, rows in basis.neighbourhoods.groupby("generation"):
            own = classes[(classes["level"] != overlay.QPV) | (edition["generation"] == generation)]
            zoned = overlay.zone(rows, own, composition, basis.shapes.get("commune"))
            parts.append(zoned.assign(edition=edition["edition"]))
    return pd.concat(parts[1:] or parts, ignore_index=True)


_COUNTED = [
    *("finess_et", "year", "structure_type", "modality", "source_says_in_qpv", "location_status"),
    *("territory", "region_code", "department_code", "commune_code", "epci_code", "is_in_stock", "x", "y"),
]
"""What counting reads of a structure: the other columns stay in its table."""


def _stock(structures: pd.DataFrame, located: pd.DataFrame) -> pd.DataFrame:
    """Return the stock: one row per structure open at the reference date, year and generation, with its situation.

    Its texts are categories: what counts them compares numbers.
    """
    generations = pd.CategoricalDtype([*located["generation"].unique(), IN_FORCE])
    kinds = {"generation": generations, "situation": pd.CategoricalDtype(list(SITUATIONS))}
    open_ones = structures.loc[structures["is_in_stock"], _COUNTED].drop(columns="is_in_stock")
    open_ones = open_ones.astype(dict.fromkeys(_CODED, "category")).assign(is_placed=assembly.placed_rows(open_ones))
    at = positions(["finess_et", "year"], located, open_ones)
    there = located.loc[at >= 0, ["generation", "situation", "qpv_code", "distance_m", "vecu_declared"]]
    coded = there.astype(kinds | dict.fromkeys(("qpv_code", "vecu_declared"), "category")).reset_index(drop=True)
    return open_ones.take(at[at >= 0]).reset_index(drop=True).join(coded)


_CODED = [
    *("structure_type", "modality", "source_says_in_qpv"),
    *("territory", "region_code", "department_code", "commune_code", "epci_code"),
]


def _with_in_force(stock: pd.DataFrame, basis: Basis) -> pd.DataFrame:
    """Add the rows of the generation in force at each date."""
    return pd.concat([stock, assembly.in_force_rows(stock, basis.in_force)], ignore_index=True)


def _coverage(
    stock: pd.DataFrame, pairs: pd.DataFrame, zoning: pd.DataFrame, basis: Basis, *, years: list[int]
) -> pd.DataFrame:
    """Measure the coverage of the QPV of every generation by the extract of each year, one without any structure too."""
    sources, settings = basis.sources, basis.settings
    answered = coverage.answered_departments(stock)
    places = assembly.neighbourhoods_by_year(basis.neighbourhoods, sources, answered, years)
    covered = coverage.cover(
        places, stock, pairs, near_rule=settings.vecu_rule, vecu_distance_m=settings.vecu_distance_m
    )
    days = {year: sources.vintages[year].reference_date for year in years}
    editions = {year: assembly.edition_in_force(sources.editions, day) for year, day in days.items()}
    classed = assembly.with_zone_classes(covered, zoning, editions)
    return assembly.coverage_table(classed, places, _nearest(stock, basis.by_generation), settings.large_population)


def _nearest(stock: pd.DataFrame, by_generation: dict[str, dict[str, Perimeters]]) -> pd.DataFrame:
    """Return the nearest structure of each type for each QPV of each generation and year, among those whose point may decide."""
    placed = stock[stock["is_placed"]]
    parts = [pd.DataFrame(columns=["generation", "year", "structure_type", "qpv_code", "finess_et", "distance_m"])]
    for (generation, territory), at in projection.groups(placed, "generation", "territory"):
        if territory in by_generation[generation]:
            rows = placed.take(at)
            groups, of = counts.distinct(rows, ["year", "structure_type"])
            x, y = (rows[c].to_numpy() for c in ("x", "y"))
            found = location.nearest_points(by_generation[generation][territory], x, y, rows["finess_et"], of)
            named = groups.take(found["group"].to_numpy()).reset_index(drop=True).assign(generation=generation)
            parts.append(named.join(found.rename(columns={"code": "finess_et"})))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _indicators(
    of_structures: pd.DataFrame, covered: pd.DataFrame, summary: pd.DataFrame, basis: Basis
) -> pd.DataFrame:
    """Return the headline of every year and generation, those in force included, each with its date and perimeters in words."""
    current = assembly.in_force_neighbourhoods(covered, basis.in_force).assign(generation=IN_FORCE)
    places = pd.concat([covered, current], ignore_index=True)
    parts = [of_structures, headline.neighbourhoods(places), net_change.net_change(of_structures, summary)]
    out = pd.concat(parts, ignore_index=True)
    return out.assign(rule=findings.in_context(out, basis))


def _extracts(sources: Sources, *, invented: bool) -> pd.DataFrame:
    rows = [
        {
            "year": v.year,
            "reference_date": pd.Timestamp(v.reference_date),
            "status": v.status,
            "source_ids": ",".join(v.source_ids),
            "covers": None if v.departments is None else ",".join(sorted(v.departments)),
            "is_invented": invented,
        }
        for v in sources.vintages.values()
    ]
    return pd.DataFrame(rows, columns=PUBLISHED["extracts"].names)


def _accounts(inputs: list[Input], sources: Sources) -> list[dict[str, Any]]:
    return [i.as_dict() | sources.accounts.get(i.card.id, {}) for i in inputs]
