"""The tables that say why a figure changed, declared once; ``contract.tables`` publishes them with the others."""

from __future__ import annotations

from qpvhealth.contract.schema import Column, Table
from qpvhealth.facts.categories import MODALITIES, STRUCTURE_TYPES
from qpvhealth.facts.causes import CAUSES
from qpvhealth.facts.situations import ANSWERS, SITUATIONS
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.rules.levels import HEADLINE

ALL = "all"
FATES = ("unchanged", "modified", "merged", "split", "mixed", "new", "gone")
LINK_KINDS = ("renumbered", "merged", "split")


def _text(name: str, fr: str, en: str, doc: str = "", **rules: object) -> Column:
    return Column(name, "string", fr, en, doc, nullable=True, **rules)  # type: ignore[arg-type]


def _both(name: str, fr: str, en: str, doc: str = "", **rules: object) -> tuple[Column, Column]:
    """Declare a column before and after a change; null where the structure is not in the stock."""
    meaning = doc or "null: not in the stock"
    return (
        _text(f"{name}_from", f"{fr} avant", f"{en} before", meaning, **rules),
        _text(f"{name}_to", f"{fr} après", f"{en} after", meaning, **rules),
    )


_GENERATION = Column(
    "generation", "string", "Génération de périmètres", "Generation of perimeters", "`in_force`: that of each date"
)
_FROM_YEAR = Column("from_year", "int", "Millésime de départ", "First vintage", "the extract of the opening stock")
_TO_YEAR = Column("to_year", "int", "Millésime d'arrivée", "Last vintage", "the extract of the closing stock")
_CAUSE = Column("cause", "string", "Cause", "Cause", "see docs/method.md for the order of tests", values=tuple(CAUSES))
_LEVEL = Column("level", "string", "Niveau", "Level", values=(*HEADLINE,))
_AREA = Column("area_code", "string", "Zone", "Area")

CHANGES = Table(
    "changes",
    "Changements",
    "finess_et, generation, from_year, to_year, step",
    ("finess_et", "generation", "from_year", "to_year", "step"),
    (
        Column("finess_et", "string", "N° FINESS ET", "FINESS establishment number", "the last number it had"),
        _GENERATION,
        _FROM_YEAR,
        _TO_YEAR,
        Column("step", "int", "Étape", "Step", "one factor at a time, in the order of docs/method.md", minimum=1),
        Column(
            "structure_type", "string", "Type", "Type", "after the step, or the last it had", values=STRUCTURE_TYPES
        ),
        *_both("situation", "Situation", "Situation", values=SITUATIONS),
        _CAUSE,
        Column(
            "effect_in_qpv", "int", "Effet en QPV", "Effect in QPV", "of the step, all types", minimum=-1, maximum=1
        ),
        Column(
            "effect_in_or_near",
            "int",
            "Effet dans ou près",
            "Effect in or near",
            "by the rule of the settings; null where unknown before or after",
            nullable=True,
            minimum=-1,
            maximum=1,
        ),
        *_both("finess_et", "N° FINESS ET", "FINESS number", "null: not in that extract"),
        *_both("structure_type", "Type", "Type", values=STRUCTURE_TYPES),
        *_both("modality", "Modalité", "Modality", values=MODALITIES),
        *_both("vecu_declared", "Déclaration de l'ARS", "Declared by the ARS", values=ANSWERS),
        *_both("qpv_code", "QPV", "QPV", "that of each extract, whatever the step; null outside"),
        *_both("generation", "Génération", "Generation", "the generation counted in each extract"),
        *_both("territory", "Territoire", "Territory", values=(*TERRITORIES, "none")),
        *_both("region", "Région", "Region"),
        *_both("department", "Département", "Département"),
        Column("opened_on", "date", "Ouverte le", "Opened on", "as written, placeholders included", nullable=True),
        Column("closed_on", "date", "Fermée le", "Closed on", nullable=True),
        Column(
            "moved_m",
            "float",
            "Déplacement du point",
            "Distance between the points",
            "null without two usable points in one territory",
            unit="m",
            nullable=True,
            minimum=0,
        ),
        _text("changed", "Champs modifiés", "Fields that differ", "between the two extracts, comma-separated"),
        Column("evidence", "string", "Preuve", "Evidence", "what made it this cause"),
        Column(
            "other_order_differs",
            "bool",
            "Autre ordre, autre partage",
            "Another order, another split",
            "with the causes in another order, this step would move the structure between other cells, or another would",
        ),
    ),
)

CHANGE_SUMMARY = Table(
    "change_summary",
    "Comptes des changements",
    "generation, from_year, to_year, level, area_code, structure_type, situation, cause",
    ("generation", "from_year", "to_year", "level", "area_code", "structure_type", "situation", "cause"),
    (
        _GENERATION,
        _FROM_YEAR,
        _TO_YEAR,
        _LEVEL,
        _AREA,
        Column("structure_type", "string", "Type", "Type", values=(*STRUCTURE_TYPES, ALL)),
        Column("situation", "string", "Situation", "Situation", values=(*SITUATIONS, ALL)),
        _CAUSE,
        Column("n", "int", "Solde", "Net", "opening stock + the n of every cause = closing stock"),
        Column("n_in", "int", "Entrées", "In", "structures that come into the cell for this cause", minimum=0),
        Column("n_out", "int", "Sorties", "Out", "structures that go out of it for this cause", minimum=0),
    ),
)

LINK_CANDIDATES = Table(
    "link_candidates",
    "Identités proposées",
    "from_year, to_year, finess_et_from, finess_et_to",
    ("from_year", "to_year", "finess_et_from", "finess_et_to"),
    (
        _FROM_YEAR,
        _TO_YEAR,
        Column("finess_et_from", "string", "N° FINESS ET avant", "FINESS number before"),
        Column("finess_et_to", "string", "N° FINESS ET après", "FINESS number after"),
        Column("kind", "string", "Nature", "Kind", values=LINK_KINDS),
        Column("score", "float", "Score", "Score", "share of the known evidence that agrees", minimum=0, maximum=1),
        Column(
            "is_confirmed", "bool", "Confirmée", "Confirmed", "a links file says so: only then do the accounts change"
        ),
        _text("name_from", "Nom avant", "Name before"),
        _text("name_to", "Nom après", "Name after"),
        Column(
            "name_similarity",
            "float",
            "Ressemblance des noms",
            "Similarity of names",
            "share of their words in common",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column("same_address", "bool", "Même adresse", "Same address", nullable=True),
        Column("same_siret", "bool", "Même SIRET", "Same SIRET", nullable=True),
        Column("same_legal_entity", "bool", "Même entité juridique", "Same legal entity", nullable=True),
        Column("same_opening", "bool", "Même date d'ouverture", "Same opening date", nullable=True),
        Column("distance_m", "float", "Distance", "Distance", unit="m", nullable=True, minimum=0),
        Column(
            "n_different_characters",
            "int",
            "Caractères différents",
            "Characters that differ",
            "between the two numbers, place by place",
            nullable=True,
            minimum=0,
        ),
    ),
)

NEIGHBOURHOOD_FATES = Table(
    "neighbourhood_fates",
    "Devenir des quartiers",
    "generation_from, generation_to, qpv_code_from, qpv_code_to",
    ("generation_from", "generation_to", "qpv_code_from", "qpv_code_to"),
    (
        Column("generation_from", "string", "Génération de départ", "First generation"),
        Column("generation_to", "string", "Génération d'arrivée", "Last generation"),
        _text("qpv_code_from", "QPV avant", "QPV before", "null: new"),
        _text("qpv_code_to", "QPV après", "QPV after", "null: gone"),
        Column("territory", "string", "Territoire", "Territory", values=tuple(TERRITORIES)),
        Column(
            "fate",
            "string",
            "Devenir",
            "Fate",
            "of the group of QPV that overlap by at least 5 % of either polygon; unchanged: one to one, and the letter says so",
            values=FATES,
        ),
        Column("group", "int", "Groupe", "Group", "QPV linked by overlaps, whatever their number", minimum=1),
        Column("share_of_from", "float", "Part du premier", "Share of the first", nullable=True, minimum=0, maximum=1),
        Column("share_of_to", "float", "Part du second", "Share of the second", nullable=True, minimum=0, maximum=1),
        Column("overlap_m2", "float", "Superficie commune", "Area in common", unit="m2", nullable=True, minimum=0),
        _text("letter", "Lettre officielle", "Official letter", "of the second code: I, M, N or C; null before 2024"),
    ),
)

PERIMETER_EFFECT = Table(
    "perimeter_effect",
    "Effet de périmètre",
    "year, generation_from, generation_to, level, area_code, structure_type",
    ("year", "generation_from", "generation_to", "level", "area_code", "structure_type"),
    (
        Column("year", "int", "Millésime", "Vintage", "the same structures are counted in both generations"),
        Column("generation_from", "string", "Première génération", "First generation"),
        Column("generation_to", "string", "Seconde génération", "Second generation"),
        _LEVEL,
        _AREA,
        Column("structure_type", "string", "Type", "Type", values=(*STRUCTURE_TYPES, ALL)),
        Column("n_from", "int", "En QPV, première", "In QPV, first", minimum=0),
        Column("n_gained", "int", "Gagnées", "Gained", "inside the second only", minimum=0),
        Column("n_lost", "int", "Perdues", "Lost", "inside the first only", minimum=0),
        Column("n_to", "int", "En QPV, seconde", "In QPV, second", minimum=0),
        Column("net", "int", "Solde", "Net", "n_to - n_from = n_gained - n_lost: nothing changed on the ground"),
        Column("n_unknown", "int", "Inconnues", "Unknown", "undetermined in either generation", minimum=0),
    ),
)

_SPLIT_TYPES = (*STRUCTURE_TYPES, ALL, "pooled")


def _number(name: str, fr: str, en: str, doc: str = "", unit: str | None = None) -> Column:
    return Column(name, "float", fr, en, doc, unit=unit, nullable=True)


def _count(name: str, fr: str, en: str, doc: str = "") -> Column:
    return Column(name, "int", fr, en, doc, minimum=0)


TREND = Table(
    "trend",
    "Tendance et lieu",
    "generation, from_year, to_year, level, area_code, structure_type",
    ("generation", "from_year", "to_year", "level", "area_code", "structure_type"),
    (
        _GENERATION,
        _FROM_YEAR,
        _TO_YEAR,
        _LEVEL,
        _AREA,
        Column(
            "structure_type",
            "string",
            "Type",
            "Type",
            "all: the sum by type; pooled: computed on the totals",
            values=_SPLIT_TYPES,
        ),
        _count("base", "En QPV, départ", "In QPV, first"),
        _count("current", "En QPV, arrivée", "In QPV, last"),
        _count("national_from", "France, départ", "France, first"),
        _count("national_to", "France, arrivée", "France, last"),
        _number("national_growth", "Croissance nationale", "National growth", "null where the base is 0"),
        Column("observed", "int", "Observé", "Observed", "a difference of stocks"),
        _number("expected", "Attendu", "Expected", "base x national growth of the type", "structures"),
        _number("specific", "Propre au lieu", "Specific", "observed - expected", "structures"),
        _number("mix_effect", "Effet de structure", "Mix effect", "specific by type - specific pooled", "structures"),
    ),
)

THEN_AND_NOW = Table(
    "then_and_now",
    "Connu alors, connu depuis",
    "year, department_code, structure_type",
    ("year", "department_code", "structure_type"),
    (
        Column("year", "int", "Millésime", "Vintage"),
        Column("department_code", "string", "Département", "Département", "`none` where unknown"),
        Column("structure_type", "string", "Type", "Type", values=STRUCTURE_TYPES),
        Column("known_in", "int", "Dernier millésime", "Last vintage", "the extract that is counted back"),
        Column(
            "date", "date", "Date", "Date", "reference date of the extract of that year, else the day of the last one's"
        ),
        Column(
            "n_then",
            "int",
            "Connu alors",
            "As known then",
            "the stock of the extract of that year; null: no extract",
            nullable=True,
            minimum=0,
        ),
        _count("n_now", "Connu depuis", "As known now", "of the last extract, open at that date by its own dates"),
        _count("n_undated", "Sans date", "Undated", "of the last extract, no reliable opening date"),
        Column("difference", "int", "Écart", "Difference", "now - then; null: no extract of that year", nullable=True),
    ),
)

PUBLISHED_SERIES = Table(
    "published_series",
    "Séries publiées",
    "name, release, indicator, level, area_code, date",
    ("name", "release", "indicator", "level", "area_code", "date"),
    (
        Column("name", "string", "Série", "Series"),
        Column("release", "string", "Édition", "Release"),
        Column("indicator", "string", "Indicateur", "Indicator", "identifier in the source"),
        Column("level", "string", "Niveau", "Level", values=("country", "region", "department")),
        _AREA,
        Column("date", "date", "Date", "Date", "as stamped by the source"),
        _number("value", "Valeur", "Value", "null: suppressed; an absent row is absent, not zero"),
        _text("unit", "Unité", "Unit"),
    ),
)

SERIES_AUDIT = Table(
    "series_audit",
    "Contrôle des séries publiées",
    "name, check, indicator, level, area_code, date, release, other_release",
    ("name", "check", "indicator", "level", "area_code", "date", "release", "other_release"),
    (
        Column("name", "string", "Série", "Series"),
        Column(
            "check",
            "string",
            "Contrôle",
            "Check",
            values=("levels_differ", "absent_rows", "date_stamps", "restated", "never_falls"),
        ),
        Column("indicator", "string", "Indicateur", "Indicator"),
        Column("level", "string", "Niveau", "Level"),
        _text("area_code", "Zone", "Area"),
        Column("date", "date", "Date", "Date"),
        Column("release", "string", "Édition", "Release"),
        _text("other_release", "Autre édition", "Other release"),
        _number("value", "Valeur", "Value", "what the note says"),
        _number("other_value", "Autre valeur", "Other value"),
        _number("difference", "Écart", "Difference"),
        Column("note", "string", "Remarque", "Note"),
    ),
)

LINKS = Table(
    "links",
    "Identités confirmées",
    "finess_et_from, finess_et_to, from_year, to_year, source_id",
    ("finess_et_from", "finess_et_to", "from_year", "to_year", "source_id"),
    (
        Column("finess_et_from", "string", "N° FINESS ET avant", "FINESS number before"),
        Column("finess_et_to", "string", "N° FINESS ET après", "FINESS number after"),
        Column("kind", "string", "Nature", "Kind", values=LINK_KINDS),
        Column("from_year", "int", "Dernier millésime du premier", "Last vintage of the first", nullable=True),
        Column("to_year", "int", "Premier millésime du second", "First vintage of the second", nullable=True),
        _text("reason", "Motif", "Reason"),
        Column("source_id", "string", "Source", "Source", "id of the card in sources.toml"),
    ),
)

OUT_OF_SCOPE = Table(
    "out_of_scope",
    "Hors champ",
    "finess_et, year",
    ("finess_et", "year"),
    (
        Column("finess_et", "string", "N° FINESS ET", "FINESS number", "counted in the extract of another year"),
        Column("year", "int", "Millésime", "Vintage", "the extract that lists it under a type that is not counted"),
        Column("type_as_written", "string", "Type écrit", "Type as written", "own word, else the FINESS category"),
        Column("source_id", "string", "Source", "Source", "id of the card in sources.toml"),
        _text("sheet", "Feuille", "Sheet"),
        Column("source_row", "int", "Ligne", "Row", "line of the raw file"),
    ),
)

CHANGE_TABLES: dict[str, Table] = {
    t.name: t
    for t in (
        *(OUT_OF_SCOPE, CHANGES, CHANGE_SUMMARY, LINKS, LINK_CANDIDATES, NEIGHBOURHOOD_FATES, PERIMETER_EFFECT),
        *(TREND, THEN_AND_NOW, PUBLISHED_SERIES, SERIES_AUDIT),
    )
}
