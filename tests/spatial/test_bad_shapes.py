"""Some forty bad shapes, from the file to the door of the join: each has a rule, and none passes the door unseen."""

from __future__ import annotations

import json
import struct
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from qpvhealth.errors import InputError
from qpvhealth.ingest.cards import Card
from qpvhealth.ingest.kinds import neighbourhoods
from qpvhealth.spatial import perimeters
from qpvhealth.spatial.projection import transform_geometries

GOOD = "POLYGON ((2.40 48.90, 2.41 48.90, 2.41 48.91, 2.40 48.91, 2.40 48.90))"
SQUARE = "2.30 48.90, 2.31 48.90, 2.31 48.91, 2.30 48.91, 2.30 48.90"
WHOLE, REPAIRED, COLLAPSED = "whole", "repaired", "collapsed"
SHAPES = {s["name"]: s for s in tomllib.loads(Path(__file__).with_name("bad_shapes.toml").read_text("utf-8"))["shape"]}
NOTED = {"with heights": "heights"}


def ring(*points):
    """Write the WKB of a polygon of one ring, whatever its numbers are."""
    body = b"".join(struct.pack("<dd", *p) for p in points)
    return struct.pack("<BIII", 1, 3, 1, len(points)) + body


NAN, INF = float("nan"), float("inf")
RAW = {
    "a vertex that is no number": (ring((2.3, 48.9), (2.31, NAN), (2.31, 48.91), (2.3, 48.9)), COLLAPSED),
    "no number at all": (ring((NAN, NAN), (NAN, NAN), (NAN, NAN), (NAN, NAN)), COLLAPSED),
    "an endless vertex": (ring((2.3, 48.9), (INF, 48.9), (2.31, 48.91), (2.3, 48.9)), COLLAPSED),
    "a huge vertex": (ring((2.3, 48.9), (1e300, 48.9), (2.31, 48.91), (2.3, 48.9)), None),
    "a ring that is not closed": (ring((2.3, 48.9), (2.31, 48.9), (2.31, 48.91), (2.3, 48.91)), WHOLE),
    "a ring of two points": (ring((2.3, 48.9), (2.31, 48.9)), None),
    "no point in its ring": (ring(), COLLAPSED),
    "bytes that are no shape": (b"\x01\x03\x00\x00\x00\xff\xff\xff\xff", COLLAPSED),
}


def layer(folder, shapes, crs="EPSG:4326"):
    """Write GeoParquet: the bytes of each shape as they are."""
    codes = [f"QP0939{i:02d}" for i in range(1, len(shapes) + 1)]
    table = pa.table({"code_qp": codes, "nom_qp": codes, "geometry": pa.array(shapes, pa.binary())})
    column = {"encoding": "WKB", "geometry_types": [], "crs": json.loads(pyproj_json(crs))}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    path = folder / "q.parquet"
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return Card("q", "neighbourhoods", path, path.name, {"generation": "qpv-2015"})


def pyproj_json(crs):
    import pyproj

    return pyproj.CRS.from_user_input(crs).to_json()


def at_the_door(card):
    """Read, prepare, and give what happened to each QPV, what reaches the join, and the findings."""
    staged = neighbourhoods.read(card)
    prepared = perimeters.prepare(staged.frame).set_index("qpv_code")
    usable = perimeters.usable(prepared.reset_index(), "qpv-2015")
    joined = {code: shape for p in usable.values() for code, shape in zip(p.codes, p.polygons, strict=True)}
    assert staged.tally.rows_in == len(staged.frame) + len(staged.rejects)
    for shape in joined.values():
        assert shape.is_valid
        assert shape.geom_type in ("Polygon", "MultiPolygon")
        assert shape.area > 0
        assert np.isfinite(shapely.get_coordinates(shape)).all()
    return staged, prepared, joined


def fate(staged, prepared):
    if len(staged.rejects):
        return staged.rejects["rule"].iloc[0]
    done = prepared["repair"].get("QP093902")
    return WHOLE if done is None or done != done else done  # noqa: PLR0124 -- null


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.no_cover
def test_each_bad_shape_has_a_rule(tmp_path, name):
    expected, area = SHAPES[name]["outcome"], SHAPES[name].get("area_km2")
    shape = shapely.to_wkb(shapely.from_wkt(SHAPES[name]["wkt"])) if "wkt" in SHAPES[name] else None
    staged, prepared, joined = at_the_door(layer(tmp_path, [shapely.to_wkb(shapely.from_wkt(GOOD)), shape]))
    assert fate(staged, prepared) == expected
    assert ("QP093902" in joined) == (expected in (WHOLE, REPAIRED))
    assert "QP093901" in joined
    if area is not None:
        assert prepared.loc["QP093902", "area_km2"] == pytest.approx(area, rel=2e-3)
    if name in NOTED:
        assert NOTED[name] in " ".join(f.message for f in staged.findings)


@pytest.mark.parametrize("name", RAW)
def test_shapes_that_no_library_would_write(tmp_path, name):
    wkb, expected = RAW[name]
    try:
        staged, prepared, joined = at_the_door(layer(tmp_path, [shapely.to_wkb(shapely.from_wkt(GOOD)), wkb]))
    except InputError:
        return
    assert expected is None or fate(staged, prepared) == expected
    assert ("QP093902" in joined) == (fate(staged, prepared) in (WHOLE, REPAIRED))
    if expected == WHOLE:
        assert "closed" in " ".join(f.message for f in staged.findings)


@pytest.mark.parametrize(
    ("truth", "stated"),
    [
        ("EPSG:2154", "EPSG:32631"),
        ("EPSG:2154", "EPSG:27572"),
        ("EPSG:2154", "EPSG:32620"),
        ("EPSG:2154", "EPSG:4326"),
        ("EPSG:4326", "EPSG:2154"),
        ("EPSG:4326", "EPSG:3857"),
        ("EPSG:32631", "EPSG:32620"),
        ("EPSG:27572", "EPSG:2154"),
        ("EPSG:27572", "EPSG:5490"),
    ],
)
def test_a_whole_layer_in_a_wrong_system_is_refused(tmp_path, truth, stated):
    good = np.array([shapely.from_wkt(GOOD), shapely.from_wkt(f"POLYGON (({SQUARE}))")], dtype=object)
    written = transform_geometries(good, 4326, truth)
    card = layer(tmp_path, list(shapely.to_wkb(written)), crs=stated)
    with pytest.raises(InputError, match="coordinate system"):
        at_the_door(card)
