"""The two maps, MSP and centres: what is drawn, and the caption without which a map would mislead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import shapely

from qpvhealth.facts.categories import CDS, MSP
from qpvhealth.facts.ground import outlines
from qpvhealth.facts.situations import IN_QPV, VECU_DECLARED
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, METROPOLE, REGIONS, TERRITORIES
from qpvhealth.publish import selection
from qpvhealth.publish.report import maps as drawing
from qpvhealth.publish.report.content import Figure, Section
from qpvhealth.publish.report.maps import CITIES, METROPOLE_BOX, Frame, Point
from qpvhealth.studies.report.headline import answered
from qpvhealth.studies.report.subject import COUNTRY, REGION, Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

_PARIS = frozenset({"75", "92", "93", "94"})


def maps(subject: Subject) -> Section:
    """Draw the structures of each type in QPV and in quartier vécu; what is not drawn is counted in the caption."""
    places = subject.structures(subject.year)
    rows = subject.release.table("structures", columns=["finess_et", "year", "geometry"])
    rows = rows[rows["year"] == subject.year].drop_duplicates("finess_et")
    shapes = dict(zip(rows["finess_et"], rows["geometry"], strict=True))
    places = places.assign(point=pd.Series([shapes.get(code) for code in places["finess_et"]], dtype="object"))
    places = places[places["situation"].isin([IN_QPV, VECU_DECLARED])]
    quarters = _quarters(subject)
    everywhere = _points(places)
    frames = frames_of(subject, everywhere, quarters)
    figures = [_figure(subject, kind, places, quarters, frames) for kind in (MSP, CDS)]
    return Section("cartes", subject.say("maps.title"), tuple(figures))


def _points(places: pd.DataFrame) -> list[Point]:
    there = places[places["point"].notna()]
    columns = (there["finess_et"], there["point"], there["situation"] == IN_QPV)
    return [Point(code, p.x, p.y, bool(i)) for code, p, i in zip(*columns, strict=True) if not p.is_empty]


def _quarters(subject: Subject) -> pd.DataFrame:
    """Return the polygons in force in the area, by code, with their territory."""
    rows = subject.release.table(
        "neighbourhoods", columns=["qpv_code", "generation", "territory", "department_code", "region_code", "geometry"]
    )
    rows = rows[rows["generation"] == rows["territory"].map(selection.in_force(subject.release, subject.year))]
    return subject.within(pd.DataFrame(rows)).sort_values("qpv_code")


def _figure(
    subject: Subject, kind: str, places: pd.DataFrame, quarters: pd.DataFrame, frames: Sequence[Frame]
) -> Figure:
    chosen = places[places["structure_type"] == kind]
    n, near = (int((chosen["situation"] == s).sum()) for s in (IN_QPV, VECU_DECLARED))
    scope, anchor = subject.say(f"maps.{kind.lower()}"), f"carte-{kind.lower()}"
    silent = sorted(set(subject.regions) - set(answered(subject, subject.year, kind)))
    nobody = len(silent) == len(subject.regions)
    hatched = set() if nobody else {d for region in silent for d in REGIONS[region][1]}
    points = _points(chosen)
    shapes = [s for s in quarters["geometry"] if s is not None and not s.is_empty]
    facts = {"scope": scope, "where": subject.where, "on": subject.on()}
    title = subject.say("maps.drawing", and_near="" if nobody else subject.say("maps.and_near"), **facts)
    shares = drawing.shared(frames, points)
    in_frames = "".join(
        _in_frame(subject, f.name, rows, nobody=nobody) for f, rows in zip(frames, shares, strict=True) if rows
    )
    circles = "" if nobody else subject.say("maps.circles", near=near)
    annex = subject.say(f"maps.annex_{subject.level if subject.level in (COUNTRY, REGION) else 'none'}")
    description = subject.say("maps.description", n=n, circles=circles, frames=in_frames, annex=annex, **facts)
    drawn = "qpv_all" if all(frame.has_quarters for frame in frames) else "qpv"
    legend = [subject.say(f"maps.legend_{key}") for key in ("in", "near", drawn, "hatch")]
    svg = drawing.draw(
        anchor, (title, description), legend, frames, points, hatched=hatched, quarters=shapes, has_near=not nobody
    )
    n_outside = len(points) - sum(map(len, shares))
    missing = subject.say("maps.missing", n=len(chosen) - len(points)) if len(points) < len(chosen) else ""
    missing += subject.say("maps.outside", n=n_outside) if n_outside else ""
    caption = subject.say(
        "maps.caption",
        n=n,
        declared="" if nobody else subject.say(f"maps.declared_{kind.lower()}", near=near),
        missing=missing,
        unanswered=subject.say("maps.nobody") if nobody else subject.say("maps.unanswered") if hatched else "",
        perimeters=subject.perimeters(subject.year),
        qpv=len(quarters),
        source=_origin(subject),
        ground="" if subject.is_local else subject.say("maps.ground"),
        **facts,
    )
    return Figure(anchor, title, description, caption, svg, drawing.size_of(frames))


def _in_frame(subject: Subject, name: str, points: list[Point], *, nobody: bool) -> str:
    n = sum(p.is_inside for p in points)
    near = "" if nobody else subject.say("maps.frame_near", near=len(points) - n)
    return subject.say("maps.frame", name=name, n=n, near=near)


def _origin(subject: Subject) -> str:
    extracts = subject.release.table("extracts").set_index("year")
    return str(extracts.loc[subject.year, "source_ids"])


def frames_of(subject: Subject, points: list[Point], quarters: pd.DataFrame) -> list[Frame]:
    """Lay the frames out: the country with cities beside it and overseas below, or the area alone with the cities in it."""
    if subject.level == COUNTRY:
        main = Frame(subject.say("maps.mainland"), METROPOLE_BOX, (0, 0, 520, 510), METROPOLE, has_quarters=False)
        cities = [
            Frame(subject.say(f"maps.{g}"), b, (530, 172 * k, 190, 166), g) for k, (g, b) in enumerate(CITIES.items())
        ]
        overseas = [
            (t.name, t.label_fr if subject.language == "fr" else t.label_en)
            for t in TERRITORIES.values()
            if t.name != METROPOLE
        ]
        boxes = [(g, n, box) for g, n in overseas if (box := _box(g, points, quarters)) is not None]
        small = [
            Frame(n, box, (181 * (k % 4), 520 + 130 * (k // 4), 177, 124), g) for k, (g, n, box) in enumerate(boxes)
        ]
        return [main, *small, *cities]
    codes = frozenset(subject.departments)
    territory = DEPARTMENT_TERRITORY[min(codes)]
    ground = "petite_couronne" if codes <= _PARIS else territory
    own = frozenset() if subject.is_local else codes  # of a commune, the box is that of its QPV and structures
    drawn = [shapely.Polygon(r) for o in outlines() if o.frame == ground and o.code in own for r in o.rings]
    shapes = [*drawn, *(s for s in quarters["geometry"] if s is not None and not s.is_empty)]
    if not shapes and not points:
        box = TERRITORIES[territory].box
    else:
        box = drawing.box_of(shapes, points if territory != METROPOLE or not drawn else [], 0.04)
    width = 520 if territory == METROPOLE and not subject.is_local else 720
    # simplified outlines would mislead beside the contours of a few QPV
    main = Frame(subject.name, box, (0, 0, width, 510), "" if subject.is_local else ground, codes)
    inner = [(subject.say(f"maps.{g}"), g, b) for g, b in CITIES.items() if ground == METROPOLE and _covers(codes, g)]
    inner = [] if subject.is_local else inner
    return [main, *(Frame(n, b, (530, 172 * k, 190, 166), g, codes) for k, (n, g, b) in enumerate(inner))]


def _covers(codes: frozenset[str], city: str) -> bool:
    return bool(codes & {"petite_couronne": {"75"}, "lyon": {"69"}, "marseille": {"13"}}[city])


def _box(territory: str, points: list[Point], quarters: pd.DataFrame) -> drawing.Box | None:
    """Return the box of an overseas territory: its outline, else its QPV and structures; null where it has none of them."""
    drawn = [shapely.Polygon(r) for o in outlines() if o.frame == territory for r in o.rings]
    there = quarters.loc[quarters["territory"] == territory, "geometry"]
    shapes = [*drawn, *(s for s in there if s is not None and not s.is_empty)]
    west, south, east, north = TERRITORIES[territory].box
    held = [p for p in points if west <= p.longitude <= east and south <= p.latitude <= north]
    return drawing.box_of(shapes, [] if drawn else held) if shapes or held else None
