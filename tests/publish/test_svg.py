"""Shapes in metres on a sheet of pixels: places, lengths and texts computed by hand."""

from xml.etree import ElementTree as ET

import pytest
import shapely

from qpvhealth.publish.svg import Box, Drawing, round_length

NS = "{http://www.w3.org/2000/svg}"


def drawn(drawing):
    return ET.fromstring(drawing.text())  # noqa: S314 -- our own document


def test_metres_become_pixels_and_north_is_up():
    drawing = Drawing(Box(0, 0, 1000, 500), "plan", width=248, margin=24, foot=50)
    assert drawing.scale == 0.2
    assert drawing.height == 100 + 48 + 50
    assert drawing.at(0, 500) == (24, 24)
    assert drawing.at(1000, 0) == (224, 124)


def test_a_polygon_has_its_hole_and_a_circle_its_radius_in_metres():
    drawing = Drawing(Box(0, 0, 1000, 1000), "plan", width=148, margin=24)
    ring = shapely.box(0, 0, 1000, 1000).difference(shapely.box(400, 400, 600, 600))
    drawing.shape(ring, "a ring", fill="#ddd")
    drawing.circle(500, 500, "error", metres=150, fill="none")
    drawing.square(500, 500, "centre", pixels=3)
    document = drawn(drawing)
    path = document.find(f".//{NS}path")
    assert path.get("d").count("M") == 2
    assert path.get("fill-rule") == "evenodd"
    assert document.find(f".//{NS}circle").get("r") == "15.0"
    assert [t.text for t in document.iter(f"{NS}title")] == ["plan", "a ring", "error", "centre"]


@pytest.mark.parametrize(("most", "length"), [(1, 1), (4.9, 2), (260, 200), (999, 500), (1000, 1000), (0.7, 0.5)])
def test_a_scale_bar_is_a_round_length(most, length):
    assert round_length(most) == pytest.approx(length)


def test_the_scale_bar_is_as_long_as_it_says():
    drawing = Drawing(Box(0, 0, 1000, 1000), "plan", width=1048, margin=24)
    drawing.scale_bar()
    document = drawn(drawing)
    (bar,) = document.iter(f"{NS}path")
    assert bar.find(f"{NS}title").text == "200 m"
    assert bar.get("d").startswith("M24 ")
    assert "H224.0" in bar.get("d")


def test_texts_are_escaped():
    drawing = Drawing(Box(0, 0, 1, 1), '<script>"a" & b', width=100)
    drawing.circle(0, 0, "</title><script>alert(1)</script>", fill='"/><script>')
    drawing.caption("<b>")
    text = drawing.text()
    assert "<script" not in text
    assert drawn(drawing).find(f"{NS}title").text == '<script>"a" & b'


def test_no_style_no_script_no_link():
    drawing = Drawing(Box(0, 0, 1, 1), "plan")
    drawing.label(0.5, 0.5, "QP001001")
    drawing.scale_bar()
    assert not {"style", "script", "a", "image", "use"} & {e.tag.removeprefix(NS) for e in drawn(drawing).iter()}
    assert "href" not in drawing.text()
