"""Polygons measured as they are read, and those measured once everything is: together what is measured all at once."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager

import pandas as pd
import pytest
import shapely

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import cards, inputs
from qpvhealth.ingest.sources import Sources
from qpvhealth.pipeline import ahead, beside, polygons
from qpvhealth.spatial import perimeters

TOULOUSE, REUNION, PARIS = (1.4, 43.6), (55.4, -21.1), (2.37, 48.83)
FLAT = shapely.Polygon([(1.4, 43.6), (1.41, 43.61), (1.4, 43.6)])
BOWTIE = shapely.Polygon([(1.5, 43.6), (1.51, 43.61), (1.51, 43.6), (1.5, 43.61)])
OUTLINES = {
    "department": pd.DataFrame({"area_code": ["75"], "geometry": [shapely.box(2, 48, 3, 49)], "crs": ["EPSG:4326"]})
}


def square(x, y):
    return shapely.box(x, y, x + 0.01, y + 0.01)


def staged(source, generation, shapes):
    frame = pd.DataFrame([*shapes.items()], columns=["qpv_code", "geometry"])
    frame["source_row"] = range(1, len(frame) + 1)
    communes = pd.Series(["75056" if code == "Z2" else None for code in shapes], dtype="str")
    return frame.assign(source_id=source, generation=generation, crs="EPSG:4326", commune_codes=communes)


OFFICIAL = staged(
    "a",
    "qpv-2015",
    {
        "QP974001": square(*REUNION),
        "QP031001": square(*TOULOUSE),
        "QP031002": FLAT,
        "QP031003": BOWTIE,
        "QP031004": square(*REUNION),
        "QP099001": square(2.6, 48.6),
    },
)
OWN = staged("own", "civ-2008", {"Z1": square(*TOULOUSE), "Z2": square(*PARIS), "Z3": square(2.5, 48.5), "Z4": FLAT})


def early(frame):
    """Measure what can be measured of a frame as it is read."""
    return polygons._measured(frame[perimeters.says_where(frame)].reset_index(drop=True), {})


@pytest.mark.parametrize("frames", [[OFFICIAL], [OWN], [OWN, OFFICIAL], [OFFICIAL, OWN]])
def test_measured_early_or_late_is_measured_the_same(frames):
    every = pd.concat(frames, ignore_index=True)
    measured = pd.concat([early(frame) for frame in frames], ignore_index=True)
    assert len(measured) == sum(len(frame) - 1 for frame in frames if frame is OFFICIAL)
    found = polygons.prepared(Sources(neighbourhoods=every), measured, OUTLINES)
    expected = perimeters.prepare(every, OUTLINES)
    degrees = perimeters.published_geometry(expected)
    assert found["degrees"].tolist() == degrees.tolist()
    columns = [c for c in expected if c not in ("geometry", "metres")]
    pd.testing.assert_frame_equal(found[columns], expected[columns])
    for shapes in ("geometry", "metres"):
        assert found[shapes].tolist() == expected[shapes].tolist()
    if len(frames) > 1:
        told = found.set_index("qpv_code")["department_code"]
        assert told[["QP974001", "Z2", "Z3", "QP099001"]].tolist() == ["974", "75", "75", "75"]
        assert pd.isna(told["Z1"])


def test_a_source_that_lies_elsewhere_is_refused_once_all_of_it_is_known():
    lost = staged("lost", "qpv-2015", {"QP974009": square(*PARIS)})
    with pytest.raises(InputError, match="card lost: every polygon lies outside"):
        polygons.prepared(Sources(neighbourhoods=lost), early(lost), {})
    both = pd.concat([lost, staged("lost", "civ-2008", {"Z9": square(*PARIS)})], ignore_index=True)
    both["source_row"] = [1, 2]
    found = polygons.prepared(Sources(neighbourhoods=both), early(both), {})
    assert found.set_index("qpv_code")["repair"].fillna("").to_dict() == {"QP974009": "misplaced", "Z9": ""}


@pytest.fixture
def folder(tmp_path):
    """Write one file a generation, the second the larger."""
    for name, codes in (("qpv-2015", ["QP031001"]), ("qpv-2024", ["QN03101M", "QN03102M"]), ("civ-2008", ["Z1"])):
        features = [
            {
                "type": "Feature",
                "properties": {"code_qp": code},
                "geometry": json.loads(shapely.to_geojson(square(1.4 + k / 10, 43.6))),
            }
            for k, code in enumerate(codes)
        ]
        (tmp_path / f"{name}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return tmp_path


def given(folder, *generations):
    text = "".join(
        f"[[source]]\nid = '{g}'\nkind = 'neighbourhoods'\npath = '{g}.geojson'\ngeneration = '{g}'\n"
        for g in generations
    )
    (folder / "sources.toml").write_text(text)
    return cards.load(folder)


def test_every_file_is_read_and_what_can_be_is_measured(folder):
    loaded = given(folder, "qpv-2015", "qpv-2024", "civ-2008")
    with polygons.reading(loaded, (), inputs.resolve(loaded), {}) as read:
        found = read()
        assert read() is found
    assert sorted(found.staged.neighbourhoods["qpv_code"]) == ["QN03101M", "QN03102M", "QP031001", "Z1"]
    assert list(found.staged.accounts) == ["civ-2008", "qpv-2015", "qpv-2024"]
    assert sorted(zip(found.measured["source_id"], found.measured["source_row"], strict=True)) == [
        ("qpv-2015", 1),
        ("qpv-2024", 1),
        ("qpv-2024", 2),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux alone")
@pytest.mark.parametrize(("many", "copied"), [(0, ["qpv-2024"]), (2**30, [])])
def test_the_largest_file_is_read_in_a_copy_where_it_is_large(folder, monkeypatch, many, copied):
    asked, original = [], beside.beside

    @contextmanager
    def noted(compute, *, pays):
        asked.extend([compute.args[0].id] if pays else [])
        with original(compute, pays=pays) as later:
            yield later

    monkeypatch.setattr(ahead, "MANY_BYTES", many)
    monkeypatch.setattr(polygons, "beside", noted)
    loaded = given(folder, "qpv-2015", "qpv-2024", "civ-2008")
    with polygons.reading(loaded, (), inputs.resolve(loaded), {}) as read:
        assert len(read().staged.neighbourhoods) == 4
    assert asked == copied


def test_what_is_wrong_is_said_when_polygons_are_asked_for(folder):
    (folder / "qpv-2015.geojson").write_text("{")
    loaded = given(folder, "qpv-2024", "qpv-2015")
    with (
        polygons.reading(loaded, (), inputs.resolve(loaded), {}) as read,
        pytest.raises(InputError, match=r"qpv-2015\.geojson"),
    ):
        read()
    with polygons.reading([], (), [], {}) as read, pytest.raises(UsageError, match="no card of kind"):
        read()
