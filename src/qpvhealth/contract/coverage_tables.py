"""The tables behind coverage, programmes and priorities, declared once; ``contract.tables`` publishes them with the others."""

from __future__ import annotations

from qpvhealth.contract.schema import Column, Table

STAGES = ("idea", "studied", "approved", "funded", "building", "open", "abandoned")
POSITIONS = ("in_qpv", "near", "elsewhere", "undetermined")

_SOURCE = Column("source_id", "string", "Source", "Source", "id of the card in sources.toml")
_SOURCE_ROW = Column("source_row", "int", "Ligne de la source", "Row of the source", minimum=1)
_GENERATION = Column("generation", "string", "Génération de périmètres", "Generation of perimeters")
_YEAR = Column("year", "int", "Millésime", "Vintage", "vintage of the source")


def _text(name: str, fr: str, en: str, doc: str = "") -> Column:
    return Column(name, "string", fr, en, doc, nullable=True)


def _number(name: str, fr: str, en: str, doc: str = "", unit: str | None = None) -> Column:
    return Column(name, "float", fr, en, doc, unit=unit, nullable=True)


def _date(name: str, fr: str, en: str, doc: str = "") -> Column:
    return Column(name, "date", fr, en, doc, nullable=True)


_QPV = _text("qpv_code", "Code QPV", "QPV code")
_AREAS = (
    _text("commune_code", "Commune", "Commune"),
    _text("department_code", "Département", "Département"),
    _text("region_code", "Région", "Region"),
    _text("territory", "Territoire", "Territory"),
)

PROGRAMME_MEMBERS = Table(
    "programme_members",
    "Listes de programmes",
    "programme, generation, qpv_code, finess_et",
    ("programme", "generation", "qpv_code", "finess_et"),
    (
        Column("programme", "string", "Programme", "Programme"),
        _text(
            "generation", "Génération de périmètres", "Generation of perimeters", "of the QPV codes; null: structures"
        ),
        _QPV,
        _text("finess_et", "N° FINESS ET", "FINESS establishment number"),
        _SOURCE,
    ),
)

PROGRAMME_TARGETS = Table(
    "programme_targets",
    "Cibles de programmes (dossier brut)",
    "id",
    ("id",),
    (
        Column("id", "string", "Programme", "Programme"),
        Column("label", "string", "Libellé", "Label"),
        Column("measure", "string", "Mesure", "Measure", "a measure of the matrix, or programme_list"),
        Column("scope", "string", "Champ", "Scope"),
        Column("near", "string", "Proximité", "Proximity"),
        Column("perimeter", "string", "Périmètre", "Perimeter", "a QPV set of the matrix"),
        _number("baseline", "Base", "Baseline", "null: no base, no rate"),
        _date("baseline_on", "Date de la base", "Date of the baseline"),
        Column("target", "float", "Cible", "Target"),
        _date("deadline", "Échéance", "Deadline"),
        _text("deadline_said", "Échéance imprimée", "Deadline as printed"),
        Column("source", "string", "Origine", "Origin"),
        _text("no_base", "Pourquoi sans base", "Why there is no base"),
        _text("note", "Remarque", "Note"),
        _SOURCE,
        _SOURCE_ROW,
    ),
)

NEIGHBOURHOOD_FIGURES = Table(
    "neighbourhood_figures",
    "Indicateurs des quartiers",
    "qpv_code, generation, figure",
    ("qpv_code", "generation", "figure"),
    (
        Column("qpv_code", "string", "Code QPV", "QPV code"),
        _GENERATION,
        Column("figure", "string", "Indicateur", "Figure"),
        _number("value", "Valeur", "Value", "null where suppressed or absent, never 0"),
        _text("reason", "Motif d'absence", "Why there is none", "suppressed, or empty"),
        Column("reference_year", "int", "Année de référence", "Reference year", "as the card says, not the file name"),
        _SOURCE,
    ),
)

PRACTITIONERS = Table(
    "practitioners",
    "Médecins généralistes",
    "source_id, source_row",
    ("source_id", "source_row"),
    (
        _YEAR,
        Column(
            "level",
            "string",
            "Niveau",
            "Level",
            "what the row speaks of",
            values=("commune", "department", "region", "country", "point"),
        ),
        _text("area_code", "Zone", "Area", "of a point: its commune, where given"),
        _number("n_gp", "Généralistes", "GPs", "null: suppressed"),
        _number("n_over_55", "Plus de 55 ans", "Over 55", "null: suppressed or not given"),
        _number("population", "Population", "Population", unit="inhabitants"),
        _number("density", "Densité", "Density", "as given by the source", unit="per 100,000"),
        _number("longitude", "Longitude", "Longitude"),
        _number("latitude", "Latitude", "Latitude"),
        _text("covers", "Couverture", "Coverage", "départements in which its source holds every GP; null: not said"),
        _SOURCE,
        _SOURCE_ROW,
    ),
)

PROJECTS = Table(
    "projects",
    "Projets de structures",
    "project_id, year",
    ("project_id", "year"),
    (
        Column("project_id", "string", "Projet", "Project"),
        _YEAR,
        _text("name", "Nom", "Name"),
        Column("structure_type", "string", "Type", "Type", "MSP, CDS, or the word of the source for another type"),
        Column("stage", "string", "Avancement", "Stage", values=STAGES),
        _date("expected_on", "Ouverture prévue", "Expected opening"),
        _text("obstacle", "Obstacle", "Obstacle"),
        _number("amount", "Montant", "Amount", "sum of the funding lines; null where none is given", unit="EUR"),
        _text("named_qpv_code", "QPV nommé", "QPV named by the source"),
        *_AREAS,
        _number("longitude", "Longitude", "Longitude"),
        _number("latitude", "Latitude", "Latitude"),
        _SOURCE,
        _SOURCE_ROW,
    ),
)

PROJECT_LOCATIONS = Table(
    "project_locations",
    "Localisation des projets",
    "project_id, year, generation",
    ("project_id", "year", "generation"),
    (
        Column("project_id", "string", "Projet", "Project"),
        _YEAR,
        _GENERATION,
        Column(
            "position",
            "string",
            "Position",
            "Position",
            "near: within the proxy distance; never the situation of an open structure",
            values=POSITIONS,
        ),
        _text("qpv_code", "QPV", "QPV", "that holds it, or is named; the nearest one where near"),
        _number("distance_m", "Distance", "Distance", "to the nearest QPV; null without a point", unit="m"),
        Column("rule", "string", "Règle", "Rule"),
    ),
)

PROJECT_FUNDING = Table(
    "project_funding",
    "Financement des projets",
    "project_id, year, funder",
    ("project_id", "year", "funder"),
    (
        Column("project_id", "string", "Projet", "Project"),
        _YEAR,
        Column("funder", "string", "Financeur", "Funder", "FIQCS, FNADT, CPER…, as the source writes it"),
        _number("amount", "Montant", "Amount", unit="EUR"),
    ),
)

COVERAGE_TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        *(PROGRAMME_MEMBERS, PROGRAMME_TARGETS, NEIGHBOURHOOD_FIGURES, PRACTITIONERS),
        *(PROJECTS, PROJECT_LOCATIONS, PROJECT_FUNDING),
    )
}
