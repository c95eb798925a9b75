"""What the interactive map shows: QPV, structures and their facts in each generation of perimeters, read from published tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from qpvhealth.facts.ground import outlines
from qpvhealth.facts.territories import METROPOLE
from qpvhealth.facts.zonings import LABELS_FR
from qpvhealth.publish import selection, words
from qpvhealth.publish.rendering import plain, readable
from qpvhealth.publish.report import live_map as page
from qpvhealth.publish.report.content import Column, LiveMap, Table, number, single_line
from qpvhealth.publish.report.maps import Point
from qpvhealth.spatial.simplification import simplified
from qpvhealth.studies.report.maps import frames_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qpvhealth.publish.report.content import Unit
    from qpvhealth.publish.sentences import Language
    from qpvhealth.studies.report.subject import Subject

    Codes = Mapping[str, list[list[str]]]

TOLERANCE_M = 5.0
"""How far a drawn outline may be from the published one, in metres."""
UNCLASSED = "unclassed"
# What each short name of the page is in the published tables.
STRUCTURE = {"code": "finess_et", "name": "name", "type": "structure_type", "modality": "modality", "city": "city"}
STRUCTURE |= {"territory": "territory", "status": "location_status", "error": "location_error_m"}
LOCATION = {"situation": "situation", "qpv": "qpv_code", "nearest": "nearest_qpv_code", "distance": "border_distance_m"}
LOCATION |= {"declared": "vecu_declared", "rule": "rule", "fragile": "is_fragile"}
QUARTER = {"code": "qpv_code", "name": "name", "communes": "commune_names", "territory": "territory"}
QUARTER |= {
    "population": "population",
    "population_year": "population_year",
    "npnru": "is_npnru",
    "coverage": "coverage",
}
QUARTER |= {"msp_in": "n_msp_in", "cds_in": "n_cds_in", "msp_near": "n_msp_near", "cds_near": "n_cds_near"}
QUARTER |= {"undetermined": "n_undetermined", "nearest_msp": "nearest_msp_finess_et", "nearest_msp_m": "nearest_msp_m"}
QUARTER |= {"nearest_cds": "nearest_cds_finess_et", "nearest_cds_m": "nearest_cds_m"}
QUARTER |= {"zone": "zone", "edition": "zoning_edition", "reason": "zoning_reason"}
STRUCTURE_FACTS = {**STRUCTURE, "point": "point", **LOCATION}
CODED = ("type", "modality", "territory", "status", "situation", "declared", "rule", "coverage", "zone", "reason")
"""Columns of codes: the page has the words of each."""
BLUE, RED, PURPLE, GREY = "#0b5394", "#b3400a", "#5b2a86", "#5f5f5f"
FORMS = {
    "coverage": {
        "inside": (BLUE, "solid"),
        "near": (BLUE, "hatch"),
        "none": (RED, "cross"),
        "not_inside": (RED, "dots"),
        "unknown": (GREY, "blank"),
    },
    "zone": {
        "ZIP": (PURPLE, "solid"),
        "ZAC": (PURPLE, "hatch"),
        "ZAR": (PURPLE, "cross"),
        "ZV": (PURPLE, "dots"),
        "HV": (BLUE, "hatch"),
        "HZ": (BLUE, "dots"),
        UNCLASSED: (GREY, "blank"),
    },
}
"""The colour and the texture of QPV by class: legible in black and white too."""
QUARTERS: dict[str, Unit] = {"qpv_code": "text", "name": "text", "department_code": "text", "population": "count"}
QUARTERS |= {"n_msp_in": "count", "n_cds_in": "count", "n_msp_near": "count", "n_cds_near": "count"}
QUARTERS |= {"nearest_msp_m": "metres", "nearest_cds_m": "metres", "zone_class": "text"}
STRUCTURES: dict[str, Unit] = {"finess_et": "text", "name": "text", "structure_type": "text", "city": "text"}
STRUCTURES |= {"situation": "text", "qpv_code": "text", "nearest_qpv_code": "text", "distance_m": "metres"}
"""The columns of the tables under the map."""
LINKS = ["qpv", "nearest", "nearest_msp", "nearest_cds"]
"""Columns whose value is the code of another element of the map."""


def live_map(subject: Subject) -> LiveMap:
    """Return the QPV and the structures of an area at the date of its year, in every generation of perimeters that was computed.

    A row a structure, a row a QPV and generation; texts are what ``explain`` shows, outlines within ``TOLERANCE_M`` of the published.
    """
    language = subject.language
    say = page.words_of(language)
    structures, quarters = _structures(subject), _quarters(subject)
    in_force = selection.in_force(subject.release, subject.year)
    places = subject.release.table(
        "structure_locations", columns=["finess_et", "year", "generation", *LOCATION.values()]
    )
    places = places[places["year"] == subject.year]
    generations = sorted({*places["generation"], *quarters["generation"]})
    by_generation = {g: quarters[quarters["generation"] == g] for g in generations}
    locations = {
        g: places[places["generation"] == g].set_index("finess_et").reindex(structures["finess_et"])
        for g in generations
    }
    territories = {*structures["territory"].dropna(), *quarters["territory"]}
    current = subject.perimeters(subject.year)
    views = [{"label": f"{current} ({say['in_force']})", "generation": None}]
    views += [{"label": _label(g), "generation": g} for g in generations if _label(g) != current]
    drawn = structures[structures["lon"].notna()]
    points = [
        Point(c, x, y, is_inside=True) for c, x, y in zip(drawn["finess_et"], drawn["lon"], drawn["lat"], strict=True)
    ]
    parts = [(structures, STRUCTURE), (quarters, QUARTER), *((rows, LOCATION) for rows in locations.values())]
    codes = {name: _words(name, parts, language) for name in CODED}
    data = {
        "generations": [{"name": g, "label": _label(g)} for g in generations],
        "views": views,
        "in_force": in_force,
        "structures": _rows(structures, STRUCTURE, codes, language, ("lon", "lat")),
        "locations": {g: _rows(rows, LOCATION, codes, language) for g, rows in locations.items()},
        "quarters": {g: _rows(rows, QUARTER, codes, language, ("rings",)) for g, rows in by_generation.items()},
        "ground": [[page.steps_of(r) for r in o.rings] for o in outlines() if o.frame in {METROPOLE, *territories}],
        "places": [[f.name, *(round(x, 5) for x in f.box)] for f in frames_of(subject, points, quarters)],
        "titles": {"structure": _titles(STRUCTURE_FACTS, language), "quarter": _titles(QUARTER, language)},
        "codes": codes,
        "links": LINKS,
        "forms": FORMS,
    }
    facts = {"on": subject.on(), "where": subject.where}
    about = say["about"].format(structures=number(len(structures), language=language), **facts)
    tolerance = say["tolerance"].format(tolerance=f"{TOLERANCE_M:g}")
    tables = (
        _table(
            "live-quarters", say["table_quarters"].format(**facts), subject.quarters(subject.year), QUARTERS, language
        ),
        _table(
            "live-structures",
            say["table_structures"].format(**facts),
            subject.structures(subject.year),
            STRUCTURES,
            language,
        ),
    )
    return LiveMap((about, tolerance), data, tables)


def _label(generation: str) -> str:
    return generation.replace("qpv-", "QPV ")


def _structures(subject: Subject) -> pd.DataFrame:
    """Return the stock of the area, by number, with the degrees of each point, null without one."""
    rows = pd.DataFrame(subject.release.table("structures", columns=[*STRUCTURE.values(), "year", "geometry"]))
    own = subject.structures(subject.year)["finess_et"]
    rows = rows[(rows["year"] == subject.year) & rows["finess_et"].isin(own)].sort_values(
        "finess_et", ignore_index=True
    )
    points = np.asarray(rows["geometry"].to_numpy(), dtype=object)
    lon, lat = (np.round(part(points), words.DEGREE_DECIMALS) for part in (shapely.get_x, shapely.get_y))
    return rows.drop(columns="geometry").assign(lon=lon, lat=lat)


def _quarters(subject: Subject) -> pd.DataFrame:
    """Return the QPV of the area in every generation, by generation and code: coverage, class of zoning, rings in whole steps."""
    rows = subject.release.table("neighbourhood_coverage")
    rows = subject.within(rows[rows["year"] == subject.year])
    own = subject.release.table("neighbourhoods", columns=["qpv_code", "generation", "commune_names", "geometry"])
    rows = rows.merge(pd.DataFrame(own), on=["qpv_code", "generation"]).sort_values(
        ["generation", "qpv_code"], ignore_index=True
    )
    shapes = simplified(rows, tolerance_m=TOLERANCE_M, step=page.STEP)
    inside, near = (rows[c].astype("boolean") for c in ("is_covered_in", "is_covered_near"))
    cases = [inside.isna(), inside, near.isna(), near]
    coverage = np.select(
        [c.fillna(value=False).astype(bool) for c in cases], ["unknown", "inside", "not_inside", "near"], "none"
    )
    rings = [
        [page.steps_of(ring.coords) for p in shapely.get_parts(s) for ring in (p.exterior, *p.interiors)]
        for s in shapes
    ]
    zone = rows["zone_class"].fillna(UNCLASSED)
    return rows.assign(coverage=coverage, zone=zone, rings=pd.Series(rings, dtype="object"), geometry=shapes)


def _rows(
    rows: pd.DataFrame, names: Mapping[str, str], codes: Codes, language: Language, also: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return columns and rows for the page: a code as its place in ``codes``, everything else as text, null for unknown."""
    columns = [
        plain(rows[c].map({code: at for at, (code, _) in enumerate(codes[name])}).astype("Int64"))
        if name in codes
        else _texts(c, rows[c], language)
        for name, c in names.items()
    ]
    columns += [plain(rows[c]) for c in also]
    return {"columns": [*names, *also], "rows": [list(row) for row in zip(*columns, strict=True)]}


def _texts(name: str, column: pd.Series, language: Language) -> list[str | None]:
    """Write a column as people read it; the distance to a border to a tenth of a metre, as in what would change an answer."""
    values = plain(column)
    if name == "border_distance_m":
        values = [words.rounded(v, 1) for v in values]
    else:
        values = words.shown(name, values, None, language)
    unit = " m" if name.endswith("_m") else ""
    return [None if v is None else single_line(readable(v, language) + unit) for v in values]


def _titles(names: Mapping[str, str], language: Language) -> list[list[str]]:
    own = page.words_of(language)["titles"]
    shown = [(short, own.get(short) or words.title(c, language)) for short, c in names.items()]
    return [[short, title] for short, title in shown if short not in ("name", "territory")]


def _words(name: str, parts: Sequence[tuple[pd.DataFrame, Mapping[str, str]]], language: Language) -> list[list[str]]:
    """Return the codes of a column of the page, each with its words."""
    codes = sorted({v for rows, names in parts if name in names for v in plain(rows[names[name]]) if v is not None})
    own = page.words_of(language)["codes"] if name in FORMS else {}
    zones = {c: f"{c} ({text})" for c, text in LABELS_FR.items()} if name == "zone" and language == "fr" else {}
    return [[c, own.get(c) or zones.get(c) or str(words.word(c, language))] for c in codes]


def _table(anchor: str, caption: str, rows: pd.DataFrame, units: Mapping[str, Unit], language: Language) -> Table:
    """Return rows as a table of the page: codes in words, an empty cell where a text is missing."""
    columns = tuple(Column(words.title(name, language), unit) for name, unit in units.items())
    cells = [
        ["" if v is None else words.word(v, language) for v in plain(rows[name])]
        if unit == "text"
        else plain(rows[name])
        for name, unit in units.items()
    ]
    return Table(anchor, caption, columns, tuple(zip(*cells, strict=True)))
