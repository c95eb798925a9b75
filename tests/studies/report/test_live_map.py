"""The interactive map: what its page holds is what the published tables hold, in every generation; any name is text."""

import base64
import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest
import shapely

from qpvhealth.publish.report import html
from qpvhealth.publish.report.live_map import STEP
from qpvhealth.studies.report import Subject, note
from qpvhealth.studies.report.live_map import LOCATION, QUARTER, STRUCTURE, live_map
from tests.studies.report.test_note import tiny

YEAR = 2019
HOSTILE = "</script><script>alert(1)</script><!-- \" ' \u2028 \u202e\u05e1\u05d5\u05e3"
BLOCK = re.compile(r'<script type="application/json" id="live-data">(.*?)</script>', re.DOTALL)


@pytest.fixture(scope="module")
def shown(built_release):
    return live_map(Subject.of(built_release, year=YEAR)).data


def frame(part, codes):
    """Return a part of the data of the page as a frame of codes and texts."""
    rows = pd.DataFrame(part["rows"], columns=part["columns"])
    for name in set(codes) & set(rows.columns):
        words = dict(enumerate(code for code, _ in codes[name]))
        rows[name] = rows[name].map(words)
    return rows.astype(object).where(rows.notna(), None)


def number(text):
    """Read a number as a person does: « 1 234,5 m »."""
    return None if text is None else float(re.sub(r"[^\d,-]", "", text).replace(",", "."))


def plain(column):
    return [None if pd.isna(v) else v for v in column]


def test_structures_are_those_of_the_stock_with_their_points(shown, built_release):
    rows = built_release.table("structures")
    rows = rows[(rows["year"] == YEAR) & rows["is_in_stock"]].sort_values("finess_et")
    ours = frame(shown["structures"], shown["codes"])
    for name in ("code", "name", "type", "modality", "city", "territory", "status"):
        assert plain(ours[name]) == plain(rows[STRUCTURE[name]]), name
    points = [(None, None) if p is None else (p.x, p.y) for p in rows["geometry"]]
    assert [(x is None, y is None) for x, y in zip(ours["lon"], ours["lat"], strict=True)] == [
        (x is None,) * 2 for x, _ in points
    ]
    there = [((x, y), p) for x, y, p in zip(ours["lon"], ours["lat"], points, strict=True) if x is not None]
    assert np.abs(np.array([a for a, _ in there]) - np.array([b for _, b in there])).max() < 5.01e-7


@pytest.mark.parametrize("generation", ["qpv-2015", "qpv-2024"])
def test_locations_are_those_of_each_generation(shown, built_release, generation):
    rows = built_release.table("structure_locations")
    rows = rows[(rows["year"] == YEAR) & (rows["generation"] == generation)].set_index("finess_et")
    rows = rows.loc[frame(shown["structures"], shown["codes"])["code"]]
    ours = frame(shown["locations"][generation], shown["codes"])
    for name in ("situation", "qpv", "nearest", "declared", "rule"):
        assert plain(ours[name]) == plain(rows[LOCATION[name]]), name
    for text, metres in zip(ours["distance"], rows["border_distance_m"], strict=True):
        assert (text is None) == pd.isna(metres)
        assert text is None or (abs(number(text) - metres) <= 0.05 + 1e-9 and text.endswith(" m"))
    words = {True: "oui", False: "non", None: None}
    assert list(ours["fragile"]) == [words[v] for v in plain(rows["is_fragile"])]


@pytest.mark.parametrize("generation", ["qpv-2015", "qpv-2024"])
def test_quarters_are_those_of_the_coverage(shown, built_release, generation):
    rows = built_release.table("neighbourhood_coverage")
    rows = rows[(rows["year"] == YEAR) & (rows["generation"] == generation)].sort_values("qpv_code")
    ours = frame(shown["quarters"][generation], shown["codes"])
    for name in ("code", "name", "nearest_msp", "nearest_cds", "edition", "reason"):
        assert plain(ours[name]) == plain(rows[QUARTER[name]]), name
    for name in ("population", "msp_in", "cds_in", "msp_near", "cds_near", "undetermined"):
        assert [number(t) for t in ours[name]] == plain(rows[QUARTER[name]]), name
    assert [None if z == "unclassed" else z for z in ours["zone"]] == plain(rows["zone_class"])
    inside, near = plain(rows["is_covered_in"]), plain(rows["is_covered_near"])
    expected = {(True, True): "inside", (False, True): "near", (False, False): "none", (False, None): "not_inside"}
    assert list(ours["coverage"]) == [expected.get((i, n), "unknown") for i, n in zip(inside, near, strict=True)]


def test_outlines_are_those_of_the_published_polygons(shown, built_release):
    rows = built_release.table("neighbourhoods")
    shapes = {(q, g): s for q, g, s in zip(rows["qpv_code"], rows["generation"], rows["geometry"], strict=True)}
    n = 0
    for generation, part in shown["quarters"].items():
        for row in frame(part, {}).iloc[::40].itertuples():
            shape = shapes[row.code, generation]
            steps = [np.cumsum(np.reshape(r, (-1, 2)), axis=0) * STEP for r in row.rings]
            drawn = shapely.union_all([shapely.Polygon(s) for s in steps])
            assert drawn.symmetric_difference(shape).area < 0.03 * shape.area
            n += 1
    assert n > 70


def test_the_perimeters_in_force_come_first_then_each_generation(shown):
    assert [v["label"] for v in shown["views"]] == ["QPV 2015 (en vigueur)", "QPV 2024"]
    assert shown["in_force"]["metropole"] == "qpv-2015"
    assert shown["places"][0][0] == "France métropolitaine"


@pytest.mark.no_cover
def test_the_page_is_small_and_its_policy_names_its_script(noted):
    page = html.render(noted(year=YEAR))
    assert len(page.encode()) < 6_000_000
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"innerHTML|insertAdjacent|document\.write|eval\(|fetch\(|XMLHttp|import\(", script)
    assert len(re.findall("<script", page)) == 2
    assert "Contours simplifiés à 5 m près" in page


@pytest.mark.no_cover
def test_a_hostile_name_is_text(tmp_path):
    release = tiny(tmp_path, {2019: ["0X0000001,MSP,93001,2.305,48.905"]}, name=HOSTILE)
    page = html.render(note(Subject.of(release)))
    assert len(re.findall("<script", page)) == 2
    data = json.loads(BLOCK.search(page)[1])
    (row,) = data["quarters"]["qpv-2015"]["rows"]
    assert row[1] == "</script><script>alert(1)</script><!-- \" '    \u05e1\u05d5\u05e3"
    assert "\u2028" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize(
    "rows", [["0X0000001,MSP,93001,2.305,48.905"], ["0X0000001,MSP,93001,,"], ["0X0000001,MSP,35238,-1.67,48.11"]]
)
@pytest.mark.no_cover
def test_a_release_of_one_row_has_a_map(tmp_path, rows):
    release = tiny(tmp_path, {2019: rows})
    for area in ({}, {"department": "93"}, {"region": "53"}):
        data = live_map(Subject.of(release, **area)).data
        assert len(data["structures"]["rows"]) == (not area or (",93" in rows[0]) == ("department" in area))
        assert data["views"][0]["generation"] is None
        json.dumps(data, allow_nan=False)
