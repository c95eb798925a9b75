"""Every published table, declared once: checks, Arrow schema, data dictionary and column titles come from here."""

from __future__ import annotations

from dataclasses import replace

from qpvhealth.contract.change_tables import CHANGE_TABLES
from qpvhealth.contract.coverage_tables import COVERAGE_TABLES
from qpvhealth.contract.schema import Column, Reference, Table
from qpvhealth.facts.categories import MODALITIES, STRUCTURE_TYPES
from qpvhealth.facts.situations import ANSWERS, LOCATION_STATUSES, PRECISIONS, SITUATIONS
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.facts.zonings import CLASSES, LEVELS as ZONING_LEVELS
from qpvhealth.rules.levels import LEVELS

ALL = "all"
SIZE_BANDS = ("under 1000", "1000 to 2499", "2500 to 4999", "5000 to 24000", "above 24000")
COUNT_LEVELS = (*LEVELS,)
QPV_CODE = r"\S{1,40}"
COMMUNE_CODE = r"(\d{2}|2[AB])\d{3}"
DEPARTMENT_CODE = r"\d{2}|2[AB]|9[78]\d"

_FINESS = Column(
    "finess_et",
    "string",
    "N° FINESS ET",
    "FINESS establishment number",
    "FINESS ET number; a structure that has none keeps its extract's identifier, prefixed by the source id",
    pattern=r"[0-9][0-9A-Z][0-9]{7}|[^:]+:.+",
)
_YEAR = Column("year", "int", "Millésime", "Vintage", "vintage of the extract; its reference date is in `extracts`")
_GENERATION = Column(
    "generation", "string", "Génération de périmètres", "Generation of perimeters", "set of QPV perimeters"
)
_QPV = Column("qpv_code", "string", "Code QPV", "QPV code", pattern=QPV_CODE)
_TYPE = Column("structure_type", "string", "Type", "Type", values=STRUCTURE_TYPES)
_MODALITY = Column(
    "modality",
    "string",
    "Mono / pluriprofessionnel",
    "Mono or pluriprofessional",
    "an MSP is pluri; FINESS does not say it of a centre, which is then unknown",
    values=MODALITIES,
)
_SITUATION = Column(
    "situation",
    "string",
    "Situation",
    "Situation",
    "inside wins; then the ARS's answer; then the distance; undetermined where the location cannot decide",
    values=SITUATIONS,
)
_TERRITORY = Column("territory", "string", "Territoire", "Territory", values=tuple(TERRITORIES))
_DEPARTMENT = Column("department_code", "string", "Département", "Département", pattern=DEPARTMENT_CODE)
_REGION = Column("region_code", "string", "Région", "Region", "INSEE code, `none` where the territory has no region")
_GEOMETRY = Column("geometry", "geometry", "Géométrie", "Geometry", "WKB, EPSG:4326, longitude first", nullable=True)
_SOURCE = Column("source_id", "string", "Source", "Source", "id of the card in sources.toml")
_SOURCE_ROW = Column(
    "source_row", "int", "Ligne de la source", "Row of the source", "as a person sees it in the file", minimum=1
)
_RULE = Column("rule", "string", "Règle", "Rule", "identifier of the rule that decided")
_LEVEL = Column("level", "string", "Niveau", "Level", values=COUNT_LEVELS)
_AREA = Column("area_code", "string", "Zone", "Area")
_N = Column("n", "int", "Nombre", "Number", minimum=0)
_ZONE = Column("zone_class", "string", "Zonage", "Zoning class", nullable=True, values=CLASSES)
_EDITION = Column("edition", "string", "Édition du zonage", "Zoning edition")
_POPULATION = Column(
    "population",
    "int",
    "Population",
    "Population",
    "municipal population; null where no source gives it",
    unit="inhabitants",
    nullable=True,
    minimum=0,
)
_POPULATION_YEAR = Column("population_year", "int", "Année de population", "Population year", nullable=True)
_NPNRU = Column(
    "is_npnru",
    "bool",
    "NPNRU",
    "In the NPNRU",
    "null where no list of this generation was given",
    nullable=True,
)


def _nullable(column: Column) -> Column:
    return replace(column, nullable=True)


def _metres(name: str, fr: str, en: str, doc: str, *, minimum: float | None = 0) -> Column:
    return Column(name, "float", fr, en, doc, unit="m", nullable=True, minimum=minimum)


def _text(name: str, fr: str, en: str, doc: str = "") -> Column:
    return Column(name, "string", fr, en, doc, nullable=True)


def _count(name: str, fr: str, en: str, doc: str = "") -> Column:
    return Column(name, "int", fr, en, doc, minimum=0, nullable=True)


EXTRACTS = Table(
    "extracts",
    "Extraits",
    "year",
    ("year",),
    (
        _YEAR,
        Column("reference_date", "date", "Date de référence", "Reference date", "the day at which the extract is true"),
        _text("status", "Statut", "Status", "provisional, validated or published, as its card says"),
        Column("source_ids", "string", "Sources", "Sources", "ids of the cards of this vintage"),
        _text("covers", "Couverture", "Coverage", "what the extract covers; null: the whole country"),
        Column("is_invented", "bool", "Données inventées", "Invented data"),
    ),
)

STRUCTURES = Table(
    "structures",
    "Structures",
    "finess_et, year",
    ("finess_et", "year"),
    (
        _FINESS,
        _YEAR,
        _text("name", "Nom", "Name"),
        _TYPE,
        _MODALITY,
        _text("category", "Catégorie FINESS", "FINESS category"),
        _text("type_as_written", "Type écrit", "Type as written", "the extract's own word, else the FINESS category"),
        _text("siret", "SIRET", "SIRET"),
        _text("legal_entity", "N° FINESS EJ", "FINESS legal entity number"),
        _text("address", "Adresse", "Address"),
        _text("postcode", "Code postal", "Postal code"),
        _text("city", "Ville", "Town"),
        Column("commune_code", "string", "Commune", "Commune", "INSEE code", nullable=True, pattern=COMMUNE_CODE),
        _nullable(_DEPARTMENT),
        _REGION,
        _text("epci_code", "EPCI", "EPCI", "where a table of communes gives it"),
        _nullable(_TERRITORY),
        Column("opened_on", "date", "Ouverte le", "Opened on", nullable=True),
        Column("closed_on", "date", "Fermée le", "Closed on", nullable=True),
        Column(
            "is_in_stock",
            "bool",
            "Dans le stock",
            "In the stock",
            "closed_on null or after the reference date, and opened_on null or not after it",
        ),
        Column(
            "source_says_in_qpv",
            "string",
            "Déclarée en QPV par l'extrait",
            "The extract's own flag",
            values=ANSWERS,
        ),
        _text("source_qpv_code", "QPV selon l'extrait", "QPV according to the extract"),
        Column("location_status", "string", "Localisation", "Location", values=LOCATION_STATUSES),
        Column("location_precision", "string", "Précision", "Precision", values=PRECISIONS),
        _metres(
            "location_error_m", "Incertitude", "Location error", "plausible error of the point, from its precision"
        ),
        _text("location_source_id", "Source du point", "Source of the point"),
        Column(
            "n_location_sources",
            "int",
            "Sources de localisation",
            "Sources of location",
            "how many give a point",
            minimum=0,
        ),
        _metres(
            "location_conflict_m",
            "Écart entre sources",
            "Disagreement of sources",
            "largest distance between the usable points; null with fewer than two",
        ),
        _text("location_note", "Remarque de localisation", "Location note", "why the point cannot decide"),
        _SOURCE,
        _text("sheet", "Feuille", "Sheet"),
        _SOURCE_ROW,
        _GEOMETRY,
    ),
)

NEIGHBOURHOODS = Table(
    "neighbourhoods",
    "Quartiers prioritaires",
    "qpv_code, generation",
    ("qpv_code", "generation"),
    (
        _QPV,
        _GENERATION,
        _text("name", "Nom", "Name"),
        _TERRITORY,
        _text("commune_codes", "Communes", "Communes", "INSEE codes, comma-separated; null where the source has none"),
        _text("commune_names", "Noms des communes", "Commune names"),
        _nullable(_DEPARTMENT),
        _REGION,
        _text("epci_codes", "EPCI", "EPCI", "SIREN codes, comma-separated"),
        _POPULATION,
        _POPULATION_YEAR,
        _NPNRU,
        Column("area_km2", "float", "Superficie", "Area", "after repair", unit="km2", nullable=True, minimum=0),
        _text("repair", "Réparation", "Repair", "what was done to the polygon: null, repaired, collapsed"),
        Column(
            "repair_area_change",
            "float",
            "Variation de superficie",
            "Area change of the repair",
            "relative to the unsigned area as read",
            nullable=True,
        ),
        _SOURCE,
        _SOURCE_ROW,
        _GEOMETRY,
    ),
)

_STRUCTURE_REF = Reference(("finess_et", "year"), "structures", ("finess_et", "year"))
_QPV_REF = Reference(("qpv_code", "generation"), "neighbourhoods", ("qpv_code", "generation"))

STRUCTURE_LOCATIONS = Table(
    "structure_locations",
    "Localisation des structures",
    "finess_et, year, generation",
    ("finess_et", "year", "generation"),
    (
        _FINESS,
        _YEAR,
        _GENERATION,
        replace(_nullable(_QPV), doc="the QPV that covers the point, border included; null unless inside"),
        Column(
            "nearest_qpv_code", "string", "QPV le plus proche", "Nearest QPV", "smallest code on ties", nullable=True
        ),
        _metres("distance_m", "Distance au QPV", "Distance to the QPV", "exact, to the nearest QPV; 0 inside"),
        _metres(
            "border_distance_m",
            "Distance à la limite",
            "Distance to the border",
            "distance_m outside; minus the distance to the border of the assigned QPV inside",
            minimum=None,
        ),
        Column(
            "is_fragile",
            "bool",
            "Fragile",
            "Fragile",
            "a plausible location error would change the situation; null without a usable point",
            nullable=True,
        ),
        _SITUATION,
        Column(
            "situation_by_place",
            "string",
            "Situation selon le lieu",
            "Situation by place",
            "what the point alone gives, before the ARS's answer",
            values=SITUATIONS,
        ),
        Column("vecu_declared", "string", "Quartier vécu déclaré", "Declared by the ARS", values=ANSWERS),
        Column(
            "agrees_with_source",
            "bool",
            "Conforme à l'extrait",
            "Agrees with the extract",
            "geometry against the extract's own flag; null where either is unknown",
            nullable=True,
        ),
        Column("n_qpv_inside", "int", "QPV qui la contiennent", "QPV that hold it", "more than one: a tie", minimum=0),
        _RULE,
    ),
    (_STRUCTURE_REF, _QPV_REF),
)

STRUCTURE_NEIGHBOURHOODS = Table(
    "structure_neighbourhoods",
    "Couples structure-quartier",
    "finess_et, year, generation, qpv_code",
    ("finess_et", "year", "generation", "qpv_code"),
    (
        _FINESS,
        _YEAR,
        _GENERATION,
        _QPV,
        _metres("distance_m", "Distance", "Distance", "exact; null for a declared pair without a usable point"),
        Column("is_declared", "bool", "Déclaré", "Declared", "the ARS declares this pair"),
    ),
    (_STRUCTURE_REF, _QPV_REF),
)

NEIGHBOURHOOD_ZONING = Table(
    "neighbourhood_zoning",
    "Zonage des quartiers",
    "qpv_code, generation, edition",
    ("qpv_code", "generation", "edition"),
    (
        _QPV,
        _GENERATION,
        _EDITION,
        _ZONE,
        Column(
            "level_used",
            "string",
            "Niveau utilisé",
            "Level used",
            "the list that gave the class: QPV, else TVS, else commune; null where none did",
            nullable=True,
            values=ZONING_LEVELS,
        ),
        _text("raw_label", "Libellé de la source", "Label of the source"),
        _text("classes", "Classes rencontrées", "Classes met", "of a QPV that straddles, comma-separated"),
        Column(
            "reason",
            "string",
            "Motif d'absence",
            "Why there is no class",
            nullable=True,
            values=("straddling", "partly_unknown", "no_commune", "not_in_zoning", "class_unknown"),
        ),
        Column(
            "share_in_zip",
            "float",
            "Part en ZIP",
            "Share in ZIP",
            "by area, where the zones have polygons; 0 or 1 where one class covers the QPV",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column(
            "differs_from_territory",
            "bool",
            "Diffère de son territoire",
            "Differs from its territory",
            "the QPV-level class is not that of its TVS or commune; null where either is unknown",
            nullable=True,
        ),
    ),
    (_QPV_REF,),
)

FLAG_AGREEMENT = Table(
    "flag_agreement",
    "Comparaison avec l'indicateur de l'extrait",
    "year, generation, level, area_code, structure_type, source_says_in_qpv, situation",
    ("year", "generation", "level", "area_code", "structure_type", "source_says_in_qpv", "situation"),
    (
        _YEAR,
        _GENERATION,
        _LEVEL,
        _AREA,
        replace(_TYPE, values=(*STRUCTURE_TYPES, ALL)),
        Column("source_says_in_qpv", "string", "En QPV selon l'extrait", "In QPV, says the extract", values=ANSWERS),
        _SITUATION,
        _N,
    ),
)

NEIGHBOURHOOD_COVERAGE = Table(
    "neighbourhood_coverage",
    "Couverture des quartiers",
    "qpv_code, generation, year",
    ("qpv_code", "generation", "year"),
    (
        _QPV,
        _GENERATION,
        _YEAR,
        _text("name", "Nom", "Name"),
        _TERRITORY,
        _REGION,
        _nullable(_DEPARTMENT),
        _count(
            "n_msp_in", "MSP dans le QPV", "MSP inside", "null where the QPV has no usable polygon or is not covered"
        ),
        _count("n_cds_in", "CdS dans le QPV", "CdS inside"),
        _count("n_cds_pluri_in", "CdS pluri dans le QPV", "Pluriprofessional CdS inside"),
        _count(
            "n_msp_near", "MSP à proximité", "MSP near", "outside it, by the rule of the settings; null where unknown"
        ),
        _count("n_cds_near", "CdS à proximité", "CdS near", "outside it, by the rule of the settings"),
        _text("nearest_msp_finess_et", "MSP la plus proche", "Nearest MSP"),
        _metres("nearest_msp_m", "Distance à la MSP", "Distance to the MSP", "0 inside"),
        _text("nearest_cds_finess_et", "CdS le plus proche", "Nearest CdS"),
        _metres("nearest_cds_m", "Distance au CdS", "Distance to the CdS", "0 inside"),
        Column("n_undetermined", "int", "Indéterminées possibles", "Undetermined that could be inside", minimum=0),
        Column("is_covered_in", "bool", "Couvert (dans)", "Covered inside", "null where unknown", nullable=True),
        Column(
            "is_covered_near",
            "bool",
            "Couvert (dans ou près)",
            "Covered in or near",
            "null where unknown",
            nullable=True,
        ),
        Column(
            "is_covered_primary",
            "bool",
            "Couvert (MSP et CdS pluri)",
            "Covered, MSP and pluriprofessional CdS",
            "inside; null where unknown, or where the only centres have no known modality",
            nullable=True,
        ),
        _POPULATION,
        _POPULATION_YEAR,
        _ZONE,
        _nullable(replace(_EDITION, name="zoning_edition")),
        _NPNRU,
        Column("is_large", "bool", "Grand quartier", "Large", "null without a population", nullable=True),
        Column(
            "size_band",
            "string",
            "Tranche d'habitants",
            "Size band",
            "bounds of document 001 (5,000 to 24,000) and half and a fifth of the lower one; null without a population",
            nullable=True,
            values=SIZE_BANDS,
        ),
    ),
    (_QPV_REF,),
)

YEARLY_COUNTS = Table(
    "yearly_counts",
    "Comptes annuels",
    "generation, year, level, area_code, structure_type, modality, situation",
    ("generation", "year", "level", "area_code", "structure_type", "modality", "situation"),
    (
        _GENERATION,
        _YEAR,
        _LEVEL,
        _AREA,
        replace(_TYPE, values=(*STRUCTURE_TYPES, ALL)),
        replace(_MODALITY, values=(*MODALITIES, ALL)),
        replace(_SITUATION, values=(*SITUATIONS, ALL)),
        replace(_N, name="n_structures", fr="Structures", en="Structures"),
    ),
)

INDICATORS = Table(
    "indicators",
    "Indicateurs",
    "indicator, generation, year, level, area_code, scope",
    ("indicator", "generation", "year", "level", "area_code", "scope"),
    (
        Column("indicator", "string", "Indicateur", "Indicator"),
        _GENERATION,
        _YEAR,
        _LEVEL,
        _AREA,
        Column("scope", "string", "Champ", "Scope", "which structures count"),
        Column("value", "float", "Valeur", "Value", "null where unknown, never 0 for unknown", nullable=True),
        Column("numerator", "float", "Numérateur", "Numerator", nullable=True),
        Column("denominator", "float", "Dénominateur", "Denominator", nullable=True),
        Column("n_unknown", "int", "Inconnus", "Unknown", "units that could be in the numerator", minimum=0),
        Column("lower", "float", "Au moins", "At least", "if no unknown unit counts", nullable=True),
        Column("upper", "float", "Au plus", "At most", "if every unknown unit counts", nullable=True),
        Column("unit", "string", "Unité", "Unit"),
        Column("rule", "string", "Règle", "Rule", "perimeter, scope and date in words"),
    ),
)

REJECTS = Table(
    "rejects",
    "Lignes rejetées",
    "source_id, sheet, row",
    ("source_id", "sheet", "row"),
    (
        _SOURCE,
        _text("sheet", "Feuille", "Sheet", "null for a file without sheets"),
        Column("row", "int", "Ligne", "Row", minimum=1),
        _RULE,
        Column("message", "string", "Message", "Message"),
        Column("raw", "string", "Texte", "Raw text"),
    ),
)

AREAS = Table(
    "areas",
    "Zones",
    "level, area_code",
    ("level", "area_code"),
    (_LEVEL, _AREA, Column("label", "string", "Nom", "Name")),
)

OTHER_TYPE = r"(?!(?:MSP|CDS|all)$)\S.{0,59}"
"""A type beyond MSP and CdS, by the name that its card gives it."""


def _of_other_types(table: Table, fr: str) -> Table:
    """Declare the same table for the types beyond MSP and CdS: their names are those of the cards, and no row totals types."""
    doc = "named by the card of its extract (`other_types`); in no count of MSP and CdS, nor in any coverage"
    columns = tuple(
        replace(c, doc=doc, values=None, pattern=OTHER_TYPE) if c.name.startswith("structure_type") else c
        for c in table.columns
    )
    references = tuple(replace(r, table="other_structures") if r.table == "structures" else r for r in table.references)
    return replace(table, name=f"other_{table.name}", fr=fr, columns=columns, references=references)


OTHER_TABLES = {
    t.name: t
    for t in (
        _of_other_types(STRUCTURES, "Structures d'autres types"),
        _of_other_types(STRUCTURE_LOCATIONS, "Localisation des structures d'autres types"),
        _of_other_types(STRUCTURE_NEIGHBOURHOODS, "Couples structure d'un autre type-quartier"),
        _of_other_types(YEARLY_COUNTS, "Comptes annuels des autres types"),
        _of_other_types(CHANGE_TABLES["changes"], "Changements des structures d'autres types"),
    )
}

PUBLISHED: dict[str, Table] = (
    {
        t.name: t
        for t in (
            EXTRACTS,
            STRUCTURES,
            NEIGHBOURHOODS,
            STRUCTURE_LOCATIONS,
            STRUCTURE_NEIGHBOURHOODS,
            NEIGHBOURHOOD_ZONING,
            FLAG_AGREEMENT,
            NEIGHBOURHOOD_COVERAGE,
            YEARLY_COUNTS,
            INDICATORS,
            REJECTS,
            AREAS,
        )
    }
    | OTHER_TABLES
    | CHANGE_TABLES
    | COVERAGE_TABLES
)
