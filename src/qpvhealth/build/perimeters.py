"""What every step of a build shares: what was read, the choices, and the perimeters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.build import assembly
from qpvhealth.errors import UsageError
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.spatial import outlines, perimeters as perimeter_rules

if TYPE_CHECKING:
    from qpvhealth.ingest.sources import Sources
    from qpvhealth.settings import Settings
    from qpvhealth.spatial.proximity import Perimeters


@dataclass(frozen=True)
class Basis:
    """What was read, the choices, and the perimeters.

    ``outlines``: outlines of areas by level. ``prepared``: one row per polygon read; ``neighbourhoods``: one row per QPV of the
    generations computed, with population and NPNRU. ``by_generation``: usable polygons by generation and territory. ``in_force``:
    the generation in force by year and territory.
    """

    sources: Sources
    settings: Settings
    outlines: dict[str, pd.DataFrame]
    prepared: pd.DataFrame
    neighbourhoods: pd.DataFrame
    by_generation: dict[str, dict[str, Perimeters]]
    in_force: dict[int, dict[str, str | None]]


def prepare(sources: Sources, settings: Settings) -> Basis:
    """Prepare what years and generations share: outlines, perimeters, and which generation is in force where and when.

    Raises UsageError for a generation of the settings that no card gives, InputError where every polygon of a source lies outside
    its territory.
    """
    shapes = outlines.prepare(sources.outlines)
    prepared = perimeter_rules.prepare(sources.neighbourhoods, shapes)
    available = tuple(sorted(prepared["generation"].unique()))
    wanted = {*(settings.generations or available), *settings.headline_generation.values()}  # those forced are added
    if missing := sorted(wanted - {*available}):
        raise UsageError(f"settings: no polygons of {', '.join(missing)}; the cards give {', '.join(available)}")
    generations = tuple(g for g in available if g in wanted)
    names = pd.Series([*TERRITORIES], dtype="str")
    in_force = {}
    for year, vintage in sources.vintages.items():
        chosen = assembly.generation_in_force(names, vintage, settings, generations, sources.own_sets)
        in_force[year] = {t: (None if pd.isna(g) else str(g)) for t, g in zip(names, chosen, strict=True)}
    used = prepared[prepared["generation"].isin(generations)]
    degrees = perimeter_rules.published_geometry(used)
    neighbourhoods = assembly.neighbourhoods_table(used.assign(degrees=degrees), sources)
    by_generation = {g: perimeter_rules.usable(prepared, g) for g in generations}
    return Basis(sources, settings, shapes, prepared, neighbourhoods, by_generation, in_force)
