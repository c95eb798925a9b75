"""The method, top to bottom: ingest, place, join, overlay, count. Where the rooms of the house meet."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from qpvhealth.contract.keys import positions
from qpvhealth.contract.packed import Packed, PackedTables, give_back
from qpvhealth.contract.schema import refuse_object_texts
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import SITUATIONS
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.indicators import agreement, counts, coverage, figures, headline, net_change, perimeter_effect
from qpvhealth.ingest import inputs as input_files, sources as staged_sources
from qpvhealth.pipeline import accounting, assembly, findings, other_types, polygons, supplements
from qpvhealth.pipeline.begun import begin
from qpvhealth.pipeline.beside import in_parts
from qpvhealth.pipeline.kept import Kept
from qpvhealth.pipeline.placing import Places
from qpvhealth.publish import release
from qpvhealth.settings import Settings
from qpvhealth.spatial import location, outlines, overlay, perimeters as perimeter_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qpvhealth.contract.rules import Finding
    from qpvhealth.contract.schema import Published
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.ingest.sources import Sources
    from qpvhealth.pipeline.begun import Begun
    from qpvhealth.pipeline.kept import Name, Placed
    from qpvhealth.spatial.proximity import Perimeters


class Built(PackedTables):
    """The published tables by name, as frames; also the accounts of the inputs and the findings of the build.

    ``files``: of some tables, the file that a release holds of them (see ``release.encoded``), made while a core had nothing else to do.
    """

    def __init__(
        self,
        packed: dict[str, Published],
        files: dict[str, bytes],
        inputs: list[dict[str, Any]],
        found: list[Finding],
        *,
        in_force: dict[int, dict[str, str | None]],
        invented: bool,
    ) -> None:
        """Hold the tables of one build."""
        super().__init__(packed)
        self.files = files
        self.inputs, self.findings, self.in_force, self.invented = inputs, found, in_force, invented


@dataclass(frozen=True)
class Basis:
    """What every step shares, prepared once: what was read, the choices, and the perimeters.

    ``shapes``: outlines by level. ``prepared``: every polygon given; ``neighbourhoods``: those of the generations computed, with
    what is known of them. ``in_force``: by year and territory. ``invented``: whether the cards say so.
    """

    sources: Sources
    settings: Settings
    shapes: dict[str, pd.DataFrame]
    prepared: pd.DataFrame
    neighbourhoods: pd.DataFrame
    by_generation: dict[str, dict[str, Perimeters]]
    in_force: dict[int, dict[str, str | None]]
    invented: bool


def build(
    raw: str | Path,
    settings: Settings | None = None,
    *,
    progress: Callable[[str], None] | None = None,
    cache: Path | None = None,
) -> Built:
    """Build every table of a release from a raw folder, in memory.

    ``raw`` holds ``sources.toml``. ``cache``: a folder that keeps the perimeters for the next build (see ``caches.folder``); null
    keeps nothing. Returns the tables of ``contract.tables.PUBLISHED`` by name. Raises UsageError for a wrong card, mapping or
    setting, and where pandas reads texts as objects; InputError for a file that is missing, changed or unreadable; ContractError when
    an account does not balance or levels do not add up. Nothing else is written.
    """
    with begin(Path(raw), cache) as begun:
        return finish(begun, settings, progress=progress)


def finish(begun: Begun, settings: Settings | None = None, *, progress: Callable[[str], None] | None = None) -> Built:
    """Build every table, as ``build`` does, of what has ``begun``."""
    refuse_object_texts()
    chosen, tell = settings or Settings(), partial(_step, progress)
    sources = staged_sources.read_all(begun.cards, begun.known, tell, lambda: begun.polygons().staged, begun.context)
    input_files.refuse_changed(begun.inputs)
    tell("preparing perimeters")
    basis = _basis(sources, chosen, begun.polygons().measured, invented=begun.cards[0].is_invented)
    tables, files, found = _tables(basis, begun, tell)
    accounts, told = _accounts(begun.inputs, sources), [*sources.findings, *found]
    return Built(tables, files, accounts, told, in_force=basis.in_force, invented=basis.invented)


def _tables(
    basis: Basis, begun: Begun, tell: Callable[[str], None]
) -> tuple[dict[str, Published], dict[str, bytes], list[Finding]]:
    """Compute every table in its published form, the files of some, and what there is to say of them.

    What a copy of the process computes is asked for where it is needed: the files last, which it makes while the rest is done here.
    """
    abroad = findings.abroad(basis.sources)  # asked while extracts are there
    with ExitStack() as copies:
        of_polygons = partial(_of_neighbourhoods, basis, begun)
        of_neighbourhoods = copies.enter_context(in_parts(of_polygons, pays=len(basis.prepared) >= FEW))
        placed, others = _placed(basis, tell)
        tell("overlaying the zonings")
        zoning: pd.DataFrame = next(of_neighbourhoods)
        aside = other_types.listed_aside(placed, others, basis.sources.out_of_scope)
        of_structures = partial(_of_structures, placed, others, zoning, basis, out_of_scope=aside)
        of_placed = copies.enter_context(in_parts(of_structures, pays=FEW <= len(placed) <= COPIED))
        tell("counting")
        counted = _counted(placed, zoning, of_placed, basis)
        tell("accounting for the changes")
        tables = counted.tables | _unexplained(placed, counted, zoning, aside, basis)
        rebuilt = [*accounting.rebuilt(tables["then_and_now"].frame())]
        told: _Told = next(of_placed)
        give_back()
        tables |= told.tables | _accounted(counted, told, basis)
        tell("checking")
        tables |= next(of_neighbourhoods)
        perimeters: _Said = next(of_neighbourhoods)
        structures: _Said = next(of_placed)
    tables |= _all_conformed(_published(placed, "") | _published(others, "other_"))
    give_back()
    found = [*perimeters.findings, *abroad, *structures.findings, *rebuilt]
    return {name: tables[name] for name in PUBLISHED}, perimeters.files | structures.files, found


def _unexplained(
    placed: Kept, counted: _Counted, zoning: pd.DataFrame, aside: pd.DataFrame, basis: Basis
) -> dict[str, Published]:
    """Return what needs no change to be named, and what was only read."""
    tables: dict[str, pd.DataFrame | Packed] = {
        "extracts": _extracts(basis),
        "neighbourhood_zoning": zoning,
        "rejects": basis.sources.rejects,
        "out_of_scope": aside,
        "links": basis.sources.links,
        "published_series": basis.sources.series,
        **accounting.unexplained(placed, counted.yearly, basis),
        **supplements.tables(basis),
    }
    return _all_conformed(tables)


def _accounted(counted: _Counted, told: _Told, basis: Basis) -> dict[str, Published]:
    """Hold the changes against the counts; return what follows from both."""
    totals, summary = counted.yearly, told.change_summary
    accounting.assert_balance(summary, totals, basis.sources.vintages)
    changed = [_net_change(part, summary, basis) for part in counted.indicators]
    every = assembly.together(totals, told.of_others["other_yearly_counts"])
    tables: dict[str, pd.DataFrame | Packed] = {
        "change_summary": summary,
        **told.of_others,
        "areas": assembly.areas_table(basis.sources, every),
        "indicators": Packed.together([*counted.indicators, *changed, told.indicators]),
    }
    return _all_conformed(tables)


class _Said(NamedTuple):
    """The files of tables that leave room in the memory, and what there is to say of them."""

    files: dict[str, bytes]
    findings: list[Finding]


def _of_neighbourhoods(basis: Basis, begun: Begun) -> Iterator[Any]:
    """Yield what no structure changes: the zoning; the tables of the neighbourhoods; their files, and what there is to say of them."""
    yield _zoning(basis)
    generations = tuple(basis.by_generation)
    fates = begun.fates(generations)
    if fates is None:
        fates = accounting.fates_between(basis)
        begun.keep(basis.prepared, fates, generations)
    tables = _all_conformed({"neighbourhoods": basis.neighbourhoods, "neighbourhood_fates": fates})
    yield tables
    yield _Said(_files(tables, basis), findings.of_perimeters(basis))


class _Told(NamedTuple):
    """Why structures changed, and the sums of these changes; the types beyond MSP and CdS."""

    tables: dict[str, Published]
    change_summary: pd.DataFrame
    of_others: dict[str, pd.DataFrame]
    indicators: Packed


def _of_structures(
    placed: Kept, others: Kept, zoning: pd.DataFrame, basis: Basis, *, out_of_scope: pd.DataFrame
) -> Iterator[Any]:
    """Yield what needs no count of the MSP and CdS: for each batch of years the structures nearest to the QPV, then the changes
    (``_Told``), then (``_Said``) their files, and what there is to say of the structures.
    """  # noqa: D205
    for structures in placed.each("structures", _POINTS):
        yield _nearest(structures, basis.by_generation)
    explained = accounting.explained(placed, basis, out_of_scope=out_of_scope)
    give_back()
    stock = _with_in_force(_stock(*(others.whole(name, columns) for name, columns in _STOCK)), basis)
    of_others = other_types.tables(others, stock, placed, basis)
    indicators = _in_context(other_types.indicators(stock, basis.settings), basis)
    summary = explained.pop("change_summary")
    tables = _all_conformed(explained)
    del explained  # which may be large, and is held in its published form
    yield _Told(tables, summary, of_others, indicators)
    found = [
        *findings.of_structures(placed, zoning, basis),
        *accounting.findings(tables),
        *other_types.findings(placed, others),
    ]
    yield _Said({} if len(placed) > COPIED else _files(tables, basis), found)


def _files(tables: Mapping[str, Published], basis: Basis) -> dict[str, bytes]:
    """Make the files of tables where they are made: in a copy of the process, that is beside other work."""
    return {name: release.encoded(table, invented=basis.invented) for name, table in tables.items()}


def _all_conformed(tables: Mapping[str, pd.DataFrame | Packed]) -> dict[str, Published]:
    return {name: _conformed(table, name) for name, table in tables.items()}


def _conformed(rows: pd.DataFrame | Packed, name: str) -> Published:
    """Put a table in its published form, where it is made: a copy of the process sends that sooner than a frame."""
    return PUBLISHED[name].conform(assembly.selected(rows, name))


FEW = 1_000
"""Fewer rows than this are computed sooner than the process is copied."""
COPIED = 250_000
"""More structures than this are told of here: a copy of the process would take as much memory again."""
AT_ONCE = 100_000
"""How many structures are placed, joined and counted at a time: more, in every generation, would fill the memory."""


def _placed(basis: Basis, tell: Callable[[str], None]) -> tuple[Kept, Kept]:
    """Place the structures of every year, a batch of years at a time: MSP and CdS, and the types beyond them."""
    counted, others = Kept(), Kept()
    places = Places(basis)
    for years in _batches(basis.sources):
        for kept, placed in zip((counted, others), _placed_of(years, places, tell), strict=True):
            kept.add(years, placed)
    return counted, others


def _placed_of(years: list[int], places: Places, tell: Callable[[str], None]) -> tuple[Placed, Placed]:
    tell("placing structures")
    structures = places.structures(years)
    tell("joining structures and neighbourhoods")
    return other_types.split(places.located(structures))


def _batches(sources: Sources) -> list[list[int]]:
    """Put the years in batches of at most ``AT_ONCE`` structures, or of one year."""
    batches: list[list[int]] = [[]]
    held = 0
    for year, extract in sources.structures.items():
        if held and held + len(extract) > AT_ONCE:
            batches.append([])
            held = 0
        batches[-1].append(year)
        held += len(extract)
    return batches


def _published(placed: Kept, kind: str) -> dict[str, Packed]:
    """Give away the tables of what was placed, under the names of a ``kind`` of structures."""
    names: tuple[tuple[Name, str], ...] = (
        ("structures", f"{kind}structures"),
        ("located", f"{kind}structure_locations"),
        ("pairs", f"{kind}structure_neighbourhoods"),
    )
    return {table: placed.let_go(name, PUBLISHED[table].names) for name, table in names}


class _Counted(NamedTuple):
    """The tables of the counts; the counts themselves; and the indicators, which are many, by batch in their published form."""

    tables: dict[str, Published]
    yearly: pd.DataFrame
    indicators: list[Packed]


def _counted(placed: Kept, zoning: pd.DataFrame, nearest: Iterator[pd.DataFrame], basis: Basis) -> _Counted:
    """Count the stock, a batch of years at a time: by area, against the extract's own flag, and what covers each QPV.

    ``nearest`` gives for each batch the structures nearest to the QPV.
    """
    given = (rows[rows["is_in_stock"]] for rows in placed.each("structures", ["epci_code", "is_in_stock"]))
    known = {level for rows in given for level in counts.levels_of(rows)}
    levels = [level for level in counts.LEVELS if level in known]
    parts, indicators = [], []
    tables = zip(*(placed.each(name, columns) for name, columns in (*_STOCK, _AROUND)), strict=True)
    for years, (structures, located, pairs) in zip(placed.batches, tables, strict=True):
        stock = _stock(structures, located)
        every = _with_in_force(stock, basis)
        own = _counted_at(every, levels) | {"perimeter_effect": perimeter_effect.effect(stock)}
        covered = _coverage(stock, pairs, zoning, next(nearest), basis, years=years)
        parts.append(own | {"neighbourhood_coverage": covered})
        indicators.append(_indicators(every, covered, basis))
    counted = {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}
    return _Counted(_all_conformed(counted), counted["yearly_counts"], indicators)


def _counted_at(every: pd.DataFrame, levels: list[str]) -> dict[str, pd.DataFrame]:
    """Count the stock of some years, its rows ``in_force`` included."""
    yearly = counts.count(every, levels)
    counts.assert_levels_add_up(yearly)
    return {"yearly_counts": yearly, "flag_agreement": agreement.agreement(every)}


def _step(progress: Callable[[str], None] | None, step: str) -> None:
    """Say which step begins; what the one before has let go is given back first."""
    give_back()
    if progress is not None:
        progress(step)


def _basis(sources: Sources, settings: Settings, measured: pd.DataFrame, *, invented: bool) -> Basis:
    """Prepare what every year and generation shares: outlines, perimeters, and which generation is in force where and when.

    ``measured``: what is known of the perimeters.
    """
    shapes = outlines.prepare(sources.outlines)
    prepared = polygons.prepared(sources, measured, shapes)
    generations = _generations(prepared, settings)
    names = pd.Series([*TERRITORIES], dtype="str")
    in_force = {}
    for year, vintage in sources.vintages.items():
        found = assembly.generation_in_force(names, vintage, settings, generations, sources.own_sets)
        in_force[year] = {t: (None if pd.isna(g) else str(g)) for t, g in zip(names, found, strict=True)}
    used = prepared[prepared["generation"].isin(generations)]
    by_generation = {g: perimeter_rules.usable(prepared, g) for g in generations}
    known = assembly.neighbourhoods_table(used, sources)
    return Basis(sources, settings, shapes, prepared, known, by_generation, in_force, invented)


def _generations(prepared: pd.DataFrame, settings: Settings) -> tuple[str, ...]:
    given = tuple(sorted(prepared["generation"].unique()))
    asked = settings.generations or given
    if missing := [g for g in (*asked, *settings.headline_generation.values()) if g not in given]:
        raise findings.no_such_generation(missing, given)
    return tuple(g for g in given if g in asked or g in settings.headline_generation.values())


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
_WHERE = ["generation", "situation", "qpv_code", "distance_m", "vecu_declared"]
_STOCK: tuple[tuple[Name, list[str]], ...] = (
    ("structures", _COUNTED),
    ("located", ["finess_et", "year", *_WHERE]),
)
_POINTS = ["finess_et", "year", "structure_type", "location_status", "territory", "is_in_stock", "x", "y"]
_AROUND: tuple[Name, list[str]] = ("pairs", PUBLISHED["structure_neighbourhoods"].names)
"""What counting reads of structures, of where they are and of the QPV around them: the rest stays where it is kept."""


def _stock(structures: pd.DataFrame, located: pd.DataFrame) -> pd.DataFrame:
    """Return the stock: one row per structure open at the reference date, year and generation, with its situation.

    Its texts are categories: what counts them compares numbers.
    """
    generations = pd.CategoricalDtype([*located["generation"].unique(), IN_FORCE])
    kinds = {"generation": generations, "situation": pd.CategoricalDtype(list(SITUATIONS))}
    open_ones = structures.loc[structures["is_in_stock"], _COUNTED].drop(columns="is_in_stock")
    open_ones = open_ones.astype(dict.fromkeys(_CODED, "category")).assign(is_placed=assembly.placed_rows(open_ones))
    at = positions(["finess_et", "year"], located, open_ones)
    there = located.loc[at >= 0, _WHERE]
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
    stock: pd.DataFrame,
    pairs: pd.DataFrame,
    zoning: pd.DataFrame,
    nearest: pd.DataFrame,
    basis: Basis,
    *,
    years: list[int],
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
    return assembly.coverage_table(classed, places, nearest, settings.large_population)


def _nearest(structures: pd.DataFrame, by_generation: dict[str, dict[str, Perimeters]]) -> pd.DataFrame:
    """Return the nearest structure of each type for each QPV of each generation and year, among the stock whose point may decide."""
    placed = structures[structures["is_in_stock"] & assembly.placed_rows(structures)]
    kinds, of = counts.distinct(placed, ["year", "structure_type"])
    x, y = (placed[c].to_numpy() for c in ("x", "y"))
    territory, codes = placed["territory"], placed["finess_et"]
    parts = [pd.DataFrame(columns=["group", "qpv_code", "code", "distance_m", "generation"])]
    for generation, perimeters in by_generation.items():
        found = location.nearest_points(perimeters, x, y, territory=territory, codes=codes, of=of)
        parts.append(found.assign(generation=generation))
    every = pd.concat(parts[1:] or parts, ignore_index=True).rename(columns={"code": "finess_et"})
    return every.join(kinds.take(every.pop("group").to_numpy(dtype="int64")).reset_index(drop=True))


def _indicators(stock: pd.DataFrame, covered: pd.DataFrame, basis: Basis) -> Packed:
    """Return the headline of some years in every generation, those in force included."""
    rule, distance = basis.settings.vecu_rule, basis.settings.vecu_distance_m
    structures = headline.structures(stock, near_rule=rule, vecu_distance_m=distance)
    current = assembly.in_force_neighbourhoods(covered, basis.in_force).assign(generation=IN_FORCE)
    places = headline.neighbourhoods(pd.concat([covered, current], ignore_index=True))
    return _in_context(figures.together([structures, places]), basis)


def _net_change(indicators: Packed, summary: pd.DataFrame, basis: Basis) -> Packed:
    """Return how the stock among some indicators changed since the extract before."""
    stock = indicators.rows(indicators["indicator"] == net_change.STOCK).frame()
    return _in_context(net_change.net_change(stock, summary), basis)


def _in_context(indicators: pd.DataFrame, basis: Basis) -> Packed:
    """Say in words for which date and perimeters indicators hold, and give them their published types: they are put in order together."""
    return PUBLISHED["indicators"].typed(indicators.assign(rule=findings.in_context(indicators, basis)))


def _extracts(basis: Basis) -> pd.DataFrame:
    rows = [
        {
            "year": v.year,
            "reference_date": pd.Timestamp(v.reference_date),
            "status": v.status,
            "source_ids": ",".join(v.source_ids),
            "covers": None if v.departments is None else ",".join(sorted(v.departments)),
            "is_invented": basis.invented,
        }
        for v in basis.sources.vintages.values()
    ]
    return pd.DataFrame(rows, columns=PUBLISHED["extracts"].names)


def _accounts(inputs: list[Input], sources: Sources) -> list[dict[str, Any]]:
    return [i.as_dict() | sources.accounts.get(i.card.id, {}) for i in inputs]
