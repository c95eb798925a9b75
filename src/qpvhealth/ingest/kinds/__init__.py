"""The kinds of cards, one module each: its keys, layouts and words, and how its columns are cleaned."""

from qpvhealth.ingest.kinds import (
    boundaries,
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

KINDS = {
    kind.name: kind
    for kind in (
        *(structures.KIND, structures.REGISTER, neighbourhoods.KIND, populations.KIND, declarations.KIND, zonings.KIND),
        *(programmes.KIND, projects.KIND, quarter_indicators.KIND, practitioners.KIND, boundaries.KIND),
        *(geocoded.KIND, series.KIND, links.KIND, targets.KIND),
    )
}
"""Every kind of card, by name."""
