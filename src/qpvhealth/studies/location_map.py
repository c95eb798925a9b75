"""The map of an explanation: a structure or a QPV among the perimeters and structures around, in metres, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import shapely

from qpvhealth.errors import UsageError
from qpvhealth.facts.territories import METROPOLE
from qpvhealth.publish import selection
from qpvhealth.publish.rendering import INVENTED
from qpvhealth.publish.svg import Box, Drawing
from qpvhealth.publish.words import word
from qpvhealth.spatial import sites
from qpvhealth.studies import quarters

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release
    from qpvhealth.spatial.proximity import Perimeters

REACH_M = 150.0
"""What is seen around the subject at least, in metres."""


class Subject(NamedTuple):
    """What a map shows: a code, the year of the structures and the generation of the perimeters."""

    code: str
    year: int
    generation: str


def location_map(release: Release, code: str, *, year: int | None = None, generation: str | None = None) -> str:
    """Draw a structure with its error circle, or a QPV, with the perimeters and structures around, a scale bar and what is shown.

    The last extract that has the structure, and the perimeters in force then, unless chosen. Raises UsageError for an indicator, for
    what the release does not have, and for a structure without a point or a QPV without a polygon.
    """
    places = release.table("neighbourhoods")
    own = places[places["qpv_code"] == code]
    if len(own):
        return _of_neighbourhood(release, own, _subject(release, own, year, generation))
    for prefix in ("", "other_"):
        rows = release.table(f"{prefix}structures")
        rows = rows[rows["finess_et"] == code]
        if len(rows):
            rows = selection.of_year(rows, year).sort_values("year")
            return _of_structure(release, rows.iloc[-1], generation)
    raise UsageError(f'no structure or QPV "{code}" to draw: an indicator has no map')


def _subject(release: Release, own: pd.DataFrame, year: int | None, generation: str | None) -> Subject:
    """Choose the perimeters of a QPV: those asked for, in force at the date, or the last that have it."""
    chosen = quarters.year_of(release, year)
    current = selection.in_force(release, chosen).get(str(own["territory"].iloc[0]))
    name = generation or (current if current in set(own["generation"]) else own["generation"].iloc[-1])
    selection.refuse_unknown(name, sorted(own["generation"]), "generation of this QPV")
    return Subject(str(own["qpv_code"].iloc[0]), chosen, str(name))


def _of_neighbourhood(release: Release, own: pd.DataFrame, subject: Subject) -> str:
    territory = str(own["territory"].iloc[0])
    perimeters = _perimeters(release, territory, subject.generation)
    if perimeters is None or subject.code not in perimeters.codes:
        raise UsageError(f"{subject.code}: no polygon in {subject.generation}")
    polygon = perimeters.polygons[list(perimeters.codes).index(subject.code)]
    return _draw(release, subject, territory, Box(*shapely.bounds(polygon)), perimeters)


def _of_structure(release: Release, row: pd.Series, generation: str | None) -> str:
    if row["geometry"] is None:
        raise UsageError(f"{row['finess_et']}: no point in {row['year']} ({row['location_status']})")
    territory = row["territory"] if isinstance(row["territory"], str) else METROPOLE
    name = generation or selection.in_force(release, int(row["year"])).get(territory)
    if name is None:
        raise UsageError(
            f"{row['finess_et']}: no perimeters in force in {territory} in {row['year']}: name a --generation"
        )
    selection.refuse_unknown(
        name, sorted(release.table("neighbourhoods", columns=["generation"])["generation"].unique()), "generation"
    )
    subject = Subject(str(row["finess_et"]), int(row["year"]), str(name))
    point = quarters.points(pd.Series([row["geometry"].x]), pd.Series([row["geometry"].y])).iloc[0]
    error = 0.0 if pd.isna(row["location_error_m"]) else float(row["location_error_m"])
    box = Box(point["x"], point["y"], point["x"], point["y"]).around(point["x"], point["y"], error)
    places = release.table("structure_locations")
    here = places[
        (places["finess_et"] == subject.code) & (places["year"] == subject.year) & (places["generation"] == name)
    ]
    nearest = set(here["nearest_qpv_code"].dropna()) if len(here) else set()
    perimeters = _perimeters(release, territory, str(name))
    if perimeters is not None:
        for code, polygon in zip(*perimeters, strict=True):
            if code in nearest:
                west, south, east, north = shapely.bounds(polygon)
                box = box.around(west, south, 0).around(east, north, 0)
    return _draw(release, subject, territory, box, perimeters)


def _perimeters(release: Release, territory: str, generation: str) -> Perimeters | None:
    rows = release.table("neighbourhoods")
    rows = rows[(rows["territory"] == territory) & (rows["generation"] == generation)]
    return sites.in_metres(pd.DataFrame(rows)).get(territory)


def _draw(release: Release, subject: Subject, territory: str, box: Box, perimeters: Perimeters | None) -> str:
    """Draw what lies in a box, and a margin around it: perimeters in grey, the subject outlined, MSP round and centres square."""
    margin = max(REACH_M, 0.2 * max(box.east - box.west, box.north - box.south))
    box = Box(box.west - margin, box.south - margin, box.east + margin, box.north + margin)
    title = f"{subject.code}, {subject.year}, périmètres {subject.generation}"
    drawing = Drawing(box, title)
    window = shapely.box(*box)
    if perimeters is not None:
        for code, polygon in zip(*perimeters, strict=True):
            if polygon.intersects(window):
                width = 2.5 if code == subject.code else 1.2
                drawing.shape(polygon, str(code), fill="#ddd", stroke="#333", stroke_width=width)
                spot = polygon.intersection(window).representative_point()
                drawing.label(spot.x, spot.y, str(code), above=0)
    rows = _structures(release, subject, territory)
    inside = rows[rows["x"].between(box.west, box.east) & rows["y"].between(box.south, box.north)]
    for row in inside.to_dict("records"):
        is_subject = row["finess_et"] == subject.code
        text = f"{word(row['structure_type'])} {row['finess_et']} {row['name'] or ''}".strip()
        if is_subject and row["location_error_m"] > 0:
            reach = float(row["location_error_m"])
            drawing.circle(
                row["x"],
                row["y"],
                f"erreur plausible : {reach:g} m",
                metres=reach,
                fill="none",
                stroke="#000",
                stroke_dasharray="4 3",
            )
        mark = drawing.circle if row["structure_type"] == "MSP" else drawing.square
        fill = "#000" if is_subject else "#fff"
        mark(row["x"], row["y"], text, pixels=6.0 if is_subject else 4.0, fill=fill, stroke="#000", stroke_width=1.5)
    drawing.scale_bar()
    drawing.caption((f"{INVENTED} · " if release.invented else "") + title)
    drawing.caption("● MSP  ■ centre  - - erreur plausible du point  gris : QPV", 1)
    return drawing.text()


def _structures(release: Release, subject: Subject, territory: str) -> pd.DataFrame:
    """Return the structures of a territory open at a date, with ``x`` and ``y`` in its metres."""
    parts = [release.table(f"{prefix}structures") for prefix in ("", "other_")]
    rows = pd.concat([p[(p["year"] == subject.year) & p["is_in_stock"]] for p in parts if len(p)], ignore_index=True)
    rows = rows[rows["geometry"].notna() & rows["territory"].fillna(METROPOLE).eq(territory)].reset_index(drop=True)
    geometry = rows["geometry"].to_numpy(dtype=object)
    placed = quarters.points(pd.Series(shapely.get_x(geometry)), pd.Series(shapely.get_y(geometry)))
    names = rows["name"].astype("object").where(rows["name"].notna(), None)
    return pd.DataFrame(rows.drop(columns="geometry")).assign(x=placed["x"], y=placed["y"], name=names)
