"""What is drawn on a map: every point once, none over another, in the finest frame, and the ground under them."""

import math
import re
from xml.etree import ElementTree as ET

import pytest
import shapely

from qpvhealth.publish.report import maps
from qpvhealth.publish.report.maps import CITIES, METROPOLE_BOX, Frame, Point

FRANCE = Frame("France", METROPOLE_BOX, (0, 0, 520, 510), "metropole", has_quarters=False)
LYON = Frame("Lyon", CITIES["lyon"], (530, 0, 190, 166), "lyon")
LEGEND = ("en QPV", "en quartier vécu", "QPV", "ARS sans réponse")
SPACE = "{http://www.w3.org/2000/svg}"


def circles(svg):
    root = ET.fromstring(svg)  # noqa: S314 -- drawn by this test
    found = root.findall(f"{SPACE}g/{SPACE}circle")
    return [(float(c.get("cx")), float(c.get("cy")), c.get("fill")) for c in found]


def draw(points, frames=(FRANCE, LYON), **options):
    return maps.draw("m", ("Titre", "Description"), LEGEND, frames, points, **options)


def test_a_point_is_drawn_once_in_the_finest_frame_that_holds_it():
    points = [Point("a", 4.85, 45.75, is_inside=True), Point("b", 0, 47, is_inside=False)]
    drawn = circles(draw(points))
    assert len(drawn) == 2
    assert [x > 530 for x, _, _ in sorted(drawn)] == [False, True]
    assert {fill for *_, fill in drawn} == {maps.INK, maps.LAND}
    assert maps.shared((FRANCE, LYON), [*points, Point("c", -61, 16, is_inside=True)]) == [points[1:], points[:1]]


def test_points_of_one_place_do_not_cover_each_other():
    drawn = circles(draw([Point(f"{k:03}", 2, 47, k % 2 == 0) for k in range(60)]))
    pairs = [(a, b) for i, a in enumerate(drawn) for b in drawn[:i]]
    assert min(math.dist(a[:2], b[:2]) for a, b in pairs) >= 2 * maps.RADIUS
    assert max(math.dist(a[:2], drawn[0][:2]) for a in drawn) < 40


def test_the_order_of_the_rows_changes_nothing():
    points = [Point(f"{k:03}", 2 + k / 900, 47, is_inside=True) for k in range(40)]
    assert draw(points) == draw(points[::-1])


def test_the_middle_of_a_box_is_the_middle_of_its_frame():
    west, south, east, north = LYON.box
    assert LYON.place((west + east) / 2, (south + north) / 2) == pytest.approx((95, 83))
    x_scale, y_scale = LYON.scale
    assert x_scale / y_scale == pytest.approx(math.cos(math.radians((south + north) / 2)))


def test_ars_without_an_answer_are_hatched_and_said():
    hatched = draw([], hatched={"2A", "2B"})
    assert hatched.count('fill="url(#m-hatch)"') == 2 + 1
    assert "ARS sans réponse" in hatched
    assert "ARS sans réponse" not in draw([])


def test_outlines_of_qpv_are_drawn_where_a_frame_shows_them():
    square = shapely.box(4.84, 45.74, 4.86, 45.76)
    paths = re.findall(rf'<path d="[^"]+" fill="{maps.QUARTER}"', draw([], quarters=[square]))
    assert len(paths) == 1
    assert not re.findall(rf'<path d="[^"]+" fill="{maps.QUARTER}"', draw([], frames=[FRANCE], quarters=[square]))


def test_a_drawing_has_a_title_and_a_description_that_stand_alone():
    root = ET.fromstring(draw([]))  # noqa: S314 -- drawn by this test
    assert (root.findtext(f"{SPACE}title"), root.findtext(f"{SPACE}desc")) == ("Titre", "Description")
    assert root.get("aria-labelledby") == "m-title m-desc"
    assert not [e for e in root.iter() if "style" in e.attrib or "class" in e.attrib]
