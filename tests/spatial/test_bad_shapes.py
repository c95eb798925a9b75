"""Some forty bad shapes, from the file to the door of the join: each has a rule, and none passes the door unseen."""

from __future__ import annotations

import json
import struct

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
AREA = 0.815
"""Square kilometres of the square, by its sides on the ellipsoid: 733 m by 1,112 m."""

WHOLE, REPAIRED, COLLAPSED, MISPLACED, REJECTED = "whole", "repaired", "collapsed", "misplaced", "geometry-missing"

SHAPES = {
    # good, or with something harmless, which is noted where anything was dropped
    "a square": (f"POLYGON (({SQUARE}))", WHOLE, AREA),
    "clockwise": ("POLYGON ((2.30 48.90, 2.30 48.91, 2.31 48.91, 2.31 48.90, 2.30 48.90))", WHOLE, AREA),
    "a vertex twice": (f"POLYGON ((2.30 48.90, {SQUARE}))", WHOLE, AREA),
    "a vertex in the middle of a side": (f"POLYGON ((2.30 48.90, 2.305 48.90, {SQUARE[12:]}))", WHOLE, AREA),
    "one part of a multipolygon": (f"MULTIPOLYGON ((({SQUARE})))", WHOLE, AREA),
    "with heights": (
        "POLYGON Z ((2.30 48.90 5, 2.31 48.90 5, 2.31 48.91 5, 2.30 48.91 5, 2.30 48.90 5))",
        WHOLE,
        AREA,
    ),
    "a hole": (
        f"POLYGON (({SQUARE}), (2.302 48.902, 2.304 48.902, 2.304 48.904, 2.302 48.904, 2.302 48.902))",
        WHOLE,
        AREA * 0.96,
    ),
    "a part with an empty one": (f"MULTIPOLYGON ((({SQUARE})), EMPTY)", WHOLE, AREA),
    # invalid, with a right reading
    "a bowtie": ("POLYGON ((2.30 48.90, 2.31 48.91, 2.31 48.90, 2.30 48.91, 2.30 48.90))", REPAIRED, AREA / 2),
    "two bowties in a row": (
        "POLYGON ((2.30 48.90, 2.31 48.91, 2.32 48.90, 2.32 48.91, 2.31 48.90, 2.30 48.91, 2.30 48.90))",
        REPAIRED,
        AREA,
    ),
    "a spike": (
        "POLYGON ((2.30 48.90, 2.31 48.90, 2.31 48.905, 2.35 48.905, 2.31 48.905, 2.31 48.91, 2.30 48.91, 2.30 48.90))",
        REPAIRED,
        AREA,
    ),
    "a spike of zero width inwards": (
        "POLYGON ((2.30 48.90, 2.31 48.90, 2.31 48.91, 2.305 48.91, 2.305 48.905, 2.305 48.91, 2.30 48.91, 2.30 48.90))",
        REPAIRED,
        AREA,
    ),
    "the same part twice": (f"MULTIPOLYGON ((({SQUARE})), (({SQUARE})))", REPAIRED, AREA),
    "the shell again as a hole": (f"POLYGON (({SQUARE}), ({SQUARE}))", COLLAPSED, 0),
    "a hole outside": (
        f"POLYGON (({SQUARE}), (2.32 48.90, 2.33 48.90, 2.33 48.91, 2.32 48.91, 2.32 48.90))",
        REPAIRED,
        2 * AREA,
    ),
    "a hole half outside": (
        f"POLYGON (({SQUARE}), (2.305 48.902, 2.315 48.902, 2.315 48.904, 2.305 48.904, 2.305 48.902))",
        REPAIRED,
        AREA * 0.9,
    ),
    "a hole in a hole": (
        (
            f"POLYGON (({SQUARE}), (2.302 48.902, 2.308 48.902, 2.308 48.908, 2.302 48.908, 2.302 48.902),"
            " (2.304 48.904, 2.306 48.904, 2.306 48.906, 2.304 48.906, 2.304 48.904))"
        ),
        REPAIRED,
        None,
    ),
    "two holes that cross": (
        (
            f"POLYGON (({SQUARE}), (2.302 48.902, 2.306 48.902, 2.306 48.906, 2.302 48.906, 2.302 48.902),"
            " (2.304 48.904, 2.308 48.904, 2.308 48.908, 2.304 48.908, 2.304 48.904))"
        ),
        REPAIRED,
        None,
    ),
    "a hole that cuts it in two": (
        f"POLYGON (({SQUARE}), (2.304 48.90, 2.306 48.90, 2.306 48.91, 2.304 48.91, 2.304 48.90))",
        REPAIRED,
        AREA * 0.8,
    ),
    "parts that overlap": (
        f"MULTIPOLYGON ((({SQUARE})), ((2.305 48.90, 2.315 48.90, 2.315 48.91, 2.305 48.91, 2.305 48.90)))",
        REPAIRED,
        AREA * 1.5,
    ),
    "parts that share a side": (
        f"MULTIPOLYGON ((({SQUARE})), ((2.31 48.90, 2.32 48.90, 2.32 48.91, 2.31 48.91, 2.31 48.90)))",
        REPAIRED,
        AREA * 2,
    ),
    "a part inside a part": (
        f"MULTIPOLYGON ((({SQUARE})), ((2.302 48.902, 2.304 48.902, 2.304 48.904, 2.302 48.904, 2.302 48.902)))",
        REPAIRED,
        AREA,
    ),
    "a collection with a line and a point": (
        f"GEOMETRYCOLLECTION (POLYGON (({SQUARE})), LINESTRING (2.3 48.9, 2.4 49), POINT (2.5 49))",
        REPAIRED,
        AREA,
    ),
    "an inverted shell and its twin": (
        f"POLYGON ((2.30 48.90, 2.31 48.90, 2.31 48.91, 2.30 48.91, {SQUARE}))",
        REPAIRED,
        AREA,
    ),
    # nothing can be inside
    "a line there and back": ("POLYGON ((2.30 48.90, 2.31 48.91, 2.30 48.90, 2.30 48.90))", COLLAPSED, 0),
    "all on one line": ("POLYGON ((2.30 48.90, 2.31 48.90, 2.32 48.90, 2.30 48.90))", COLLAPSED, 0),
    "four times the same point": ("POLYGON ((2.30 48.90, 2.30 48.90, 2.30 48.90, 2.30 48.90))", COLLAPSED, 0),
    "a collection without a polygon": (
        "GEOMETRYCOLLECTION (LINESTRING (2.3 48.9, 2.31 48.91), POINT (2.305 48.905))",
        COLLAPSED,
        0,
    ),
    # no perimeter at all
    "nothing": (None, COLLAPSED, 0),
    "an empty polygon": ("POLYGON EMPTY", COLLAPSED, 0),
    "an empty multipolygon": ("MULTIPOLYGON EMPTY", COLLAPSED, 0),
    "an empty collection": ("GEOMETRYCOLLECTION EMPTY", COLLAPSED, 0),
    "a line": ("LINESTRING (2.30 48.90, 2.31 48.91)", REJECTED, None),
    "a closed line": (f"LINESTRING ({SQUARE})", REJECTED, None),
    "lines": (f"MULTILINESTRING (({SQUARE}), (2.3 48.9, 2.4 49))", REJECTED, None),
    "a point": ("POINT (2.305 48.905)", REJECTED, None),
    "points": ("MULTIPOINT ((2.305 48.905), (2.306 48.906))", REJECTED, None),
    # elsewhere
    "swapped axes": ("POLYGON ((48.90 2.30, 48.90 2.31, 48.91 2.31, 48.91 2.30, 48.90 2.30))", MISPLACED, None),
    "the other hemisphere": (
        "POLYGON ((2.30 -48.90, 2.31 -48.90, 2.31 -48.91, 2.30 -48.91, 2.30 -48.90))",
        MISPLACED,
        None,
    ),
    "west for east": (
        "POLYGON ((-2.30 58.90, -2.31 58.90, -2.31 58.91, -2.30 58.91, -2.30 58.90))",
        MISPLACED,
        None,
    ),
    "at null island": ("POLYGON ((0 0, 0.01 0, 0.01 0.01, 0 0.01, 0 0))", MISPLACED, None),
    "metres as degrees": (
        "POLYGON ((648000 6867000, 649000 6867000, 649000 6868000, 648000 6868000, 648000 6867000))",
        MISPLACED,
        None,
    ),
    "in La Réunion": ("POLYGON ((55.5 -21, 55.51 -21, 55.51 -20.99, 55.5 -20.99, 55.5 -21))", MISPLACED, None),
}
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
def test_each_bad_shape_has_a_rule(tmp_path, name):
    wkt, expected, area = SHAPES[name]
    shape = None if wkt is None else shapely.to_wkb(shapely.from_wkt(wkt))
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
