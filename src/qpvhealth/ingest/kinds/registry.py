"""Every kind of card, with its module: a reader of one kind loads that one alone."""

from types import ModuleType

from qpvhealth.ingest.kinds import (
    boundaries,
    commune_events,
    declarations,
    geocoded,
    links,
    neighbourhoods,
    populations,
    practitioners,
    programmes,
    projects,
    quarter_indicators,
    series,
    structures,
    targets,
    zonings,
)

MODULES: dict[str, ModuleType] = {
    module.KIND.name: module
    for module in (
        *(structures, neighbourhoods, populations, declarations, zonings, programmes, projects, quarter_indicators),
        *(practitioners, boundaries, geocoded, series, links, targets, commune_events),
    )
}
"""The module of each kind of card; ``structures`` also reads registers."""
KINDS = {"structures": structures.KIND, "register": structures.REGISTER} | {n: m.KIND for n, m in MODULES.items()}
"""Every kind of card, by name."""
