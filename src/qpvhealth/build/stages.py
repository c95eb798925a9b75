"""The method on one page, one stage after another: ingest, place, overlay, count, explain. ``publish.release`` writes what they make.

Each stage is a function from frames to frames, for scripts as well as for ``build``; ``run`` calls them in order.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from qpvhealth.build import (
    accounting,
    assembly,
    counting,
    findings,
    other_types,
    perimeters,
    placing,
    rejected,
    supplements,
    zoning,
)
from qpvhealth.contract.schema import refuse_object_texts
from qpvhealth.contract.tables import COVERAGE_TABLES, PUBLISHED, REJECTED_TABLES
from qpvhealth.errors import QpvhealthError
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.indicators import agreement, counts, matrix, perimeter_effect, series_audit, trend
from qpvhealth.ingest import (
    cards as card_files,
    corrections,
    delivered_points,
    delivered_populations,
    deliveries,
    inputs as input_files,
    published as published_files,
    signatures,
    sources as staged_sources,
)
from qpvhealth.settings import Settings
from qpvhealth.spatial.placement import ROUNDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from qpvhealth.build.perimeters import Basis
    from qpvhealth.build.placing import Placed
    from qpvhealth.contract.rules import Finding
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.ingest.sources import Sources


def silent(_step: str) -> None:
    """Say nothing of the steps."""


class Stage(NamedTuple):
    """One stage of the method: what it takes, what it does, and the tables that it gives."""

    name: str
    takes: str
    does: str
    gives: tuple[str, ...]


STAGES = (
    Stage(
        "ingest",
        "sources.toml, corrections.toml, raw files",
        "read every card, clean and correct its rows, reject what cannot be used",
        ("extracts", "rejects", "carried_communes", "links", "published_series", "series_audit"),
    ),
    Stage(
        "place",
        "structures, points, polygons",
        "repair the polygons, choose the point of each structure, join it with the QPV of every generation",
        (
            *("neighbourhoods", "structures", "structure_locations", "structure_neighbourhoods", "out_of_scope"),
            *("other_structures", "other_structure_locations", "other_structure_neighbourhoods", *REJECTED_TABLES),
            *COVERAGE_TABLES,
        ),
    ),
    Stage(
        "overlay",
        "neighbourhoods, zonings",
        "give each QPV its zoning class in every edition of its region, and its fate between generations",
        ("neighbourhood_zoning", "neighbourhood_fates"),
    ),
    Stage(
        "count",
        "structures placed, zoning",
        "count the stock by area, and what covers each QPV",
        (
            *("yearly_counts", "neighbourhood_coverage", "flag_agreement", "perimeter_effect", "trend", "then_and_now"),
            *("other_yearly_counts", "areas", "zoning_regions"),
        ),
    ),
    Stage(
        "explain",
        "structures placed, counts",
        "give every change between two extracts its causes, check them against the counts, compute the indicators",
        ("changes", "change_summary", "link_candidates", "other_changes", "indicators"),
    ),
)


class Places(NamedTuple):
    """What the stage ``place`` gives: the perimeters, MSP and CdS placed, other types placed, and what is listed out of scope.

    ``unread``: the rejected rows that may be structures, placed by what could be read of them.
    """

    basis: Basis
    placed: Placed
    others: Placed
    out_of_scope: pd.DataFrame
    unread: Placed

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables of the stage."""
        names = ("structures", "structure_locations", "structure_neighbourhoods")
        placed = {"": self.placed, "other_": self.others, "rejected_": self.unread}
        return {
            **{prefix + name: rows for prefix, of in placed.items() for name, rows in zip(names, of, strict=True)},
            "neighbourhoods": self.basis.neighbourhoods,
            "out_of_scope": self.out_of_scope,
            **supplements.tables(self.basis),
        }


class Counts(NamedTuple):
    """What the stage ``count`` gives: the stock in every generation and in the one in force, and its counts.

    ``possible``: ``every``, and the rejected rows that may be structures of it.
    """

    stock: pd.DataFrame
    every: pd.DataFrame
    possible: pd.DataFrame
    every_other: pd.DataFrame
    yearly: pd.DataFrame
    other_yearly: pd.DataFrame
    covered: pd.DataFrame


class Built(dict[str, pd.DataFrame]):
    """The published tables by name, as frames; also the accounts of the inputs, the findings, and the generations in force."""

    def __init__(self) -> None:
        """Begin without any table."""
        super().__init__()
        self.inputs: list[dict[str, Any]] = []
        self.findings: list[Finding] = []
        self.in_force: dict[int, dict[str, str | None]] = {}
        self.invented = False


def run(
    raw: Path, inputs: Sequence[Input], settings: Settings, progress: Callable[[str], None], until: str | None = None
) -> Built:
    """Run the stages in order, all of them or ``until`` one; every table leaves its stage in its published form.

    ``inputs``: the files of the raw folder, hashed. ``progress`` is called with the name of each step. Raises as ``build`` does, with the
    accounts of the cards.
    """
    refuse_object_texts()
    built = Built()
    stages = _method(raw, list(inputs), settings, progress, built)
    try:
        for stage, (tables, findings_of_stage) in zip(STAGES, stages, strict=True):
            for name in stage.gives:
                built[name] = PUBLISHED[name].conform(tables[name][PUBLISHED[name].names])
            built.findings += findings_of_stage
            if stage.name == until:
                return built
        built.findings += [*accounting.findings(built), *accounting.rebuilt(built["then_and_now"])]
        built.findings = signatures.sign(built.findings, [i.card for i in inputs])
    except QpvhealthError as error:
        error.accounts = error.accounts or {i["id"]: i for i in built.inputs if "rows_in" in i}
        raise
    ordered = {name: built.pop(name) for name in PUBLISHED}
    built.update(ordered)
    return built


def _method(
    raw: Path, inputs: list[Input], settings: Settings, progress: Callable[[str], None], built: Built
) -> Iterator[tuple[dict[str, pd.DataFrame], list[Finding]]]:
    """Yield the tables and the findings of each stage, in the order of ``STAGES``."""
    printed = published_files.load(raw, matrix.MEASURES)
    sources = ingest(raw, [i.card for i in inputs], progress)
    built.inputs = [i.as_dict() | sources.accounts.get(i.card.id, {}) for i in inputs] + printed
    input_files.refuse_changed(inputs)
    rejected.refuse(sources, settings)
    deliveries.refuse_same_bytes(inputs, sources.accounts)
    built.invented = inputs[0].card.is_invented
    delivered = deliveries.of_sources(sources, [i.card for i in inputs], settings.delivery)
    yield _read_tables(sources, invented=built.invented), [*sources.findings, *delivered]

    foreign = [*findings.abroad(sources), *findings.of_systems(sources)]
    places = place(sources, settings, progress)
    built.in_force = places.basis.in_force
    structures = places.placed.structures
    moved = delivered_points.of_points(structures, settings.delivery, ROUNDED)
    moved += delivered_points.of_minutes(placing.misread_minutes(structures, places.basis), delivered)
    yield places.tables(), [*findings.of_perimeters(places.basis), *foreign, *moved]

    progress("overlaying the zonings")
    overlaid = overlay(places)
    peopled = delivered_populations.of_populations(
        sources.populations_read, places.basis.neighbourhoods, overlaid["neighbourhood_fates"], settings.delivery
    )
    about = findings.of_structures(places.placed, overlaid["neighbourhood_zoning"], places.basis)
    yield overlaid, [*about, *peopled]

    progress("counting")
    counted = count(places, overlaid["neighbourhood_zoning"])
    tables = _count_tables(places, counted)
    unpublished = findings.unpublished(tables["zoning_regions"], places.basis.sources)
    yield tables, [*unpublished, *other_types.findings(places.placed, places.others)]

    progress("accounting for the changes")
    yield explain(places, counted), []


def ingest(
    raw: str | Path, cards: list[card_files.Card] | None = None, progress: Callable[[str], None] = silent
) -> Sources:
    """Read every card of a raw folder: staged frames by kind, with their accounts, rejects and findings.

    ``cards``: those of ``sources.toml`` where they have been read. Raises UsageError for a wrong card, mapping or correction,
    InputError for a file that is missing or unreadable.
    """
    chosen = card_files.load(Path(raw)) if cards is None else cards
    return staged_sources.read_all(chosen, corrections.load(Path(raw), chosen), progress)


def place(sources: Sources, settings: Settings | None = None, progress: Callable[[str], None] = silent) -> Places:
    """Prepare the perimeters, choose the point of each structure, and join it with the QPV of every generation.

    Takes the extracts and points of ``sources`` away: all that follows is in the structures, which need not be in memory twice.
    Raises UsageError for a generation of the settings that no card gives, InputError where every polygon of a source lies outside its
    territory.
    """
    progress("preparing perimeters")
    basis = perimeters.prepare(sources, settings or Settings())
    progress("placing structures")
    structures = placing.structures(basis)
    sources.structures.clear()
    sources.points.clear()
    progress("joining structures and neighbourhoods")
    every = placing.located(structures, basis)
    placed, others = other_types.split(every)
    aside = other_types.listed_aside(placed, others, sources.out_of_scope)
    return Places(basis, placed, others, aside, placing.unread(every, basis))


def overlay(places: Places) -> dict[str, pd.DataFrame]:
    """Give each QPV its class in every edition of the zoning, and its fate between every two generations."""
    return {
        "neighbourhood_zoning": zoning.classes(places.basis),
        "neighbourhood_fates": zoning.fates_between(places.basis),
    }


def count(places: Places, zoned: pd.DataFrame) -> Counts:
    """Count the stock by area, type and situation, and measure what covers each QPV. ``zoned``: ``neighbourhood_zoning``.

    Raises ContractError, naming the cell, when levels do not add up.
    """
    basis = places.basis
    stock = counting.stock_of(places.placed)
    every = counting.with_in_force(stock, basis)
    every_other = counting.with_in_force(counting.stock_of(places.others), basis)
    yearly, other_yearly = counts.count(every), counts.count(every_other)
    for counted in (yearly, other_yearly):
        counts.assert_levels_add_up(counted)
    possible = counting.with_unread(stock, places.unread)
    pairs = assembly.concatenated(places.placed.pairs, places.unread.pairs)
    covered = counting.coverage(possible, places.placed.structures, pairs, zoned, basis)
    every_possible = every if possible is stock else counting.with_in_force(possible, basis)
    return Counts(stock, every, every_possible, every_other, yearly, other_yearly, covered)


def explain(places: Places, counted: Counts) -> dict[str, pd.DataFrame]:
    """Name the causes of every change between consecutive extracts, check them against the counts, and compute the indicators.

    Raises ContractError unless opening stock and causes give the closing stock for every type, situation and area.
    """
    basis, vintages = places.basis, places.basis.sources.vintages
    changes = accounting.changes(places.placed, vintages, basis, out_of_scope=places.out_of_scope)
    summary = accounting.summary(changes, counted.yearly, vintages)
    return {
        "changes": changes,
        "change_summary": summary,
        "link_candidates": accounting.candidates(places.placed, changes, accounting.consecutive(vintages)),
        "other_changes": other_types.changes(places.others, counted.other_yearly, places.placed, basis),
        "indicators": counting.indicators(
            counted.possible,
            counted.covered,
            summary=summary,
            changes=changes,
            every_other=counted.every_other,
            basis=basis,
        ),
    }


def _read_tables(sources: Sources, *, invented: bool) -> dict[str, pd.DataFrame]:
    """Return the tables that are published as they were read."""
    extracts = [
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
    return {
        "extracts": pd.DataFrame(extracts, columns=PUBLISHED["extracts"].names),
        "rejects": sources.rejects,
        "carried_communes": sources.history.table(),
        "links": sources.links,
        "published_series": sources.series,
        "series_audit": series_audit.audit(sources.series),
    }


def _count_tables(places: Places, counted: Counts) -> dict[str, pd.DataFrame]:
    """Return the tables of the stage ``count``. Types beyond MSP and CdS have no total over types: each is counted apart."""
    vintages = places.basis.sources.vintages
    covered, in_force = counted.covered, places.basis.in_force
    current = assembly.in_force_neighbourhoods(covered, in_force).assign(generation=IN_FORCE)
    other_yearly = counted.other_yearly[counted.other_yearly["structure_type"] != counts.ALL].reset_index(drop=True)
    return {
        "yearly_counts": counted.yearly,
        "other_yearly_counts": other_yearly,
        "neighbourhood_coverage": covered,
        "zoning_regions": zoning.by_region(pd.concat([covered, current], ignore_index=True)),
        "flag_agreement": agreement.agreement(counted.every),
        "perimeter_effect": perimeter_effect.effect(counted.stock),
        "trend": trend.trend(counted.yearly, accounting.intervals(vintages)),
        "then_and_now": accounting.then_and_now(places.placed, vintages),
        "areas": assembly.areas_table(places.basis.sources, assembly.concatenated(counted.yearly, other_yearly)),
    }
