"""The method, top to bottom: read, prepare the perimeters, place, join, count, explain the changes, publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.contract.packed import PackedTables
from qpvhealth.contract.schema import refuse_object_texts
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.indicators import agreement, counts, figures, headline, net_change, perimeter_effect, series_audit, trend
from qpvhealth.ingest import cards as card_files, corrections, inputs as input_files, sources as staged_sources
from qpvhealth.pipeline import (
    accounting,
    assembly,
    basis as shared,
    counting,
    findings,
    other_types,
    placing,
    supplements,
)
from qpvhealth.settings import Settings
from qpvhealth.spatial import overlay

if TYPE_CHECKING:
    from collections.abc import Callable

    from qpvhealth.contract.rules import Finding
    from qpvhealth.contract.schema import Published
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.pipeline.basis import Basis


class Built(PackedTables):
    """The published tables by name, as frames; also the accounts of the inputs and the findings of the build."""

    def __init__(
        self, tables: dict[str, Published], inputs: list[dict[str, Any]], found: list[Finding], basis: Basis
    ) -> None:
        """Hold the tables of one build."""
        super().__init__(tables)
        self.inputs, self.findings = inputs, found
        self.in_force, self.invented = basis.in_force, basis.invented


def build(raw: str | Path, settings: Settings | None = None, *, progress: Callable[[str], None] | None = None) -> Built:
    """Build every table of a release from a raw folder, in memory.

    ``raw`` holds ``sources.toml``. ``progress`` is called with the name of each step as it begins. Returns the tables of
    ``contract.tables.PUBLISHED`` by name. Raises UsageError for a wrong card, mapping or setting,
    and where pandas reads texts as objects, InputError for a file that is
    missing, changed or unreadable, ContractError when an account does not balance or levels do not add up. Nothing is written.
    """
    inputs = input_files.resolve(card_files.load(Path(raw)))
    return build_inputs(Path(raw), inputs, settings or Settings(), progress or _silent)


def build_inputs(raw: Path, inputs: list[Input], settings: Settings, progress: Callable[[str], None]) -> Built:
    """Build every table, as ``build`` does, from inputs that have been hashed."""
    refuse_object_texts()
    cards = [i.card for i in inputs]
    sources = staged_sources.read_all(cards, corrections.load(raw, cards), progress)
    input_files.refuse_changed(inputs)

    progress("preparing perimeters")
    basis = shared.prepare(sources, settings, invented=cards[0].is_invented)
    progress("overlaying the zonings")
    zoning = _zoning(basis)
    progress("comparing generations")
    fates = accounting.fates_between(basis)

    progress("placing structures")
    structures = placing.structures(basis)
    progress("joining structures and neighbourhoods")
    placed, others = other_types.split(placing.located(structures, basis))
    out_of_scope = other_types.listed_aside(placed, others, sources.out_of_scope)

    progress("counting")
    stock = counting.stock(placed)
    every = counting.with_in_force(stock, basis)
    yearly = counts.count(every)
    counts.assert_levels_add_up(yearly)
    covered = counting.coverage(stock, placed, zoning, basis)
    every_other = counting.with_in_force(counting.stock(others), basis)

    progress("accounting for the changes")
    changes = accounting.changes(placed, sources.vintages, basis, out_of_scope=out_of_scope)
    summary = accounting.summary(changes, yearly, sources.vintages)
    other_tables = other_types.tables(others, every_other, placed, basis)

    progress("computing indicators")
    indicators = _indicators(every, covered, summary, every_other, basis)

    progress("checking")
    extracts = accounting.consecutive(sources.vintages)
    tables = {
        "structures": placed.structures,
        "structure_locations": placed.located,
        "structure_neighbourhoods": placed.pairs,
        "other_structures": others.structures,
        "other_structure_locations": others.located,
        "other_structure_neighbourhoods": others.pairs,
        "extracts": _extracts(basis),
        "neighbourhoods": basis.neighbourhoods,
        "neighbourhood_zoning": zoning,
        "neighbourhood_fates": fates,
        "neighbourhood_coverage": covered,
        "yearly_counts": yearly,
        "flag_agreement": agreement.agreement(every),
        "perimeter_effect": perimeter_effect.effect(stock),
        "changes": changes,
        "change_summary": summary,
        "link_candidates": accounting.candidates(placed, changes, extracts),
        "trend": trend.trend(yearly, accounting.intervals(sources.vintages)),
        "then_and_now": accounting.then_and_now(placed, sources.vintages),
        "series_audit": series_audit.audit(sources.series),
        "indicators": indicators,
        "areas": assembly.areas_table(sources, assembly.together(yearly, other_tables["other_yearly_counts"])),
        "rejects": sources.rejects,
        "out_of_scope": out_of_scope,
        "links": sources.links,
        "published_series": sources.series,
        **other_tables,
        **supplements.tables(basis),
    }
    published = {name: table.conform(tables[name][table.names]) for name, table in PUBLISHED.items()}
    found = [
        *sources.findings,
        *findings.of_perimeters(basis),
        *findings.abroad(sources),
        *findings.of_structures(placed, zoning, basis),
        *accounting.findings(published),
        *other_types.findings(placed, others),
        *accounting.rebuilt(published["then_and_now"].frame()),
    ]
    return Built(published, _accounts(inputs, sources), found, basis)


def _silent(_step: str) -> None:
    """Say nothing of the steps."""


def _zoning(basis: Basis) -> pd.DataFrame:
    """Overlay every edition on every generation; QPV-level classes only on the generation whose codes they name."""
    parts = [pd.DataFrame(columns=PUBLISHED["neighbourhood_zoning"].names)]
    sources = basis.sources
    for edition in sources.editions.to_dict("records"):
        classes = sources.zoning_classes[sources.zoning_classes["edition"] == edition["edition"]]
        composition = sources.zoning_composition[sources.zoning_composition["edition"] == edition["edition"]]
        for generation, rows in basis.neighbourhoods.groupby("generation"):
            own = classes[(classes["level"] != overlay.QPV) | (edition["generation"] == generation)]
            zoned = overlay.zone(rows, own, composition, basis.outlines.get("commune"))
            parts.append(zoned.assign(edition=edition["edition"]))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _indicators(
    every: pd.DataFrame, covered: pd.DataFrame, summary: pd.DataFrame, every_other: pd.DataFrame, basis: Basis
) -> pd.DataFrame:
    """Return the headline of every year and generation, those in force included, and how it changed; other types in their own scopes."""
    settings = basis.settings
    structures = headline.structures(every, near_rule=settings.vecu_rule, vecu_distance_m=settings.vecu_distance_m)
    current = assembly.in_force_neighbourhoods(covered, basis.in_force).assign(generation=IN_FORCE)
    neighbourhoods = headline.neighbourhoods(pd.concat([covered, current], ignore_index=True))
    changed = net_change.net_change(structures, summary)
    others = other_types.indicators(every_other, settings)
    indicators = figures.together([structures, neighbourhoods, changed, others])
    return indicators.assign(rule=findings.in_context(indicators, basis))


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


def _accounts(inputs: list[Input], sources: staged_sources.Sources) -> list[dict[str, Any]]:
    return [i.as_dict() | sources.accounts.get(i.card.id, {}) for i in inputs]
