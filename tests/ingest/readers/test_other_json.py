from __future__ import annotations

import json
import math

import pytest

from qpvhealth.errors import InputError
from qpvhealth.ingest.inspection import inspect
from qpvhealth.ingest.readers.layers import read as read_vector

RING = [[2.3, 48.9], [2.31, 48.9], [2.31, 48.91], [2.3, 48.9]]
FEATURE = {
    "type": "Feature",
    "properties": {"code_qp": "QP075001"},
    "geometry": {"type": "Polygon", "coordinates": [RING]},
}
LINES = "\n".join([json.dumps(FEATURE)] * 2)
GRID = {"scale": [0.001, 0.0005], "translate": [2.3, 48.9]}
TOPOLOGY = {
    "type": "Topology",
    "arcs": [[[0, 0], [10, 0], [0, 10]]],
    "objects": {"a": {"type": "Polygon", "arcs": [[0]]}},
}
ESRI = {
    "geometryType": "esriGeometryPolygon",
    "spatialReference": {"wkid": 4326},
    "features": [{"attributes": {"code_qp": "QP075001"}, "geometry": {"rings": [RING]}}],
}
EAST, NORTH = 0.001 * 111_320 * math.cos(math.radians(48.9)), 0.0005 * 111_320


@pytest.mark.parametrize("suffix", [".json", ".geojson"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LINES, "GeoJSON by lines, one feature each: convert it with ogr2ogr /.*/a.gpkg /.*/a"),
        ("\x1e" + json.dumps(FEATURE) + "\n\x1e" + json.dumps(FEATURE), "GeoJSON by lines"),
        (
            json.dumps(TOPOLOGY),
            "TopoJSON, on no stated grid: ask for the original, or convert it with ogr2ogr /.*/a.gpkg /.*/a",
        ),
        (
            json.dumps({"transform": GRID, **TOPOLOGY}),
            rf"TopoJSON, on a grid of {EAST:.3g} by {NORTH:.3g} m: each vertex is up to {math.hypot(EAST, NORTH) / 2:.3g} m off",
        ),
        (json.dumps(ESRI), r"JSON of ArcGIS \(Esri\), on no stated grid: ask for GeoJSON"),
        (
            json.dumps(ESRI | {"transform": {"scale": [10, 10], "translate": [650_000, 6_860_000]}}),
            "on a grid of 10 by 10 m: each vertex is up to 7.07 m off",
        ),
    ],
)
def test_another_json_is_named_with_the_command_that_converts_it(tmp_path, suffix, text, words):
    path = tmp_path / f"a{suffix}"
    path.write_text(text, encoding="utf-8")
    for reader in (read_vector, inspect):
        with pytest.raises(InputError, match=words) as raised:
            reader(path)
        assert "damaged" not in str(raised.value)


def test_an_extension_of_its_own_says_the_grid_too(tmp_path):
    path = tmp_path / "a b" / "a.topojson"
    path.parent.mkdir()
    path.write_text(json.dumps({"transform": GRID, **TOPOLOGY}))
    with pytest.raises(InputError, match=r"TopoJSON, on a grid of .* ogr2ogr '/.* b/a\.gpkg' '/.* b/a\.topojson'$"):
        read_vector(path)


@pytest.mark.parametrize(
    "properties", [{"code_qp": "QP075001", "note": '"type": "Topology"'}, {"rings": [1], "attributes": {}}]
)
def test_geojson_that_speaks_of_another_is_geojson(tmp_path, properties):
    path = tmp_path / "a.geojson"
    collection = {"type": "FeatureCollection", "features": [FEATURE | {"properties": properties}]}
    for indent in (None, 1):
        path.write_text(json.dumps(collection, indent=indent))
        assert len(read_vector(path).frame) == 1
    path.write_text(json.dumps(FEATURE | {"properties": properties}))
    assert len(read_vector(path).frame) == 1
