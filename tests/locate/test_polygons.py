from __future__ import annotations

import json

import pandas as pd
import pytest

from qpvhealth.errors import InputError, UsageError
from qpvhealth.locate import polygons


def written(tmp_path, *rings):
    features = [
        {
            "type": "Feature",
            "properties": {"code_qp": f"QP09390{i}"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for i, ring in enumerate(rings, 1)
    ]
    path = tmp_path / "q.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


SQUARE = [[2.3, 48.9], [2.31, 48.9], [2.31, 48.91], [2.3, 48.91], [2.3, 48.9]]
LINE = [[2.3, 48.9], [2.31, 48.9], [2.3, 48.9], [2.3, 48.9]]


def test_what_cannot_be_used_is_told_and_the_rest_is_in_metres(tmp_path):
    usable, notes = polygons.read(written(tmp_path, SQUARE, LINE))
    assert usable["metropole"].codes.tolist() == ["QP093901"]
    assert 8e5 < usable["metropole"].polygons[0].area < 9e5
    assert notes == ["1 QPV without area once repaired: no point can be inside or near (QP093902)"]


def test_a_file_without_a_usable_polygon_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"q\.geojson: no polygon of it can be used"):
        polygons.read(written(tmp_path, LINE))


@pytest.mark.filterwarnings("ignore:.*infer_string.*:DeprecationWarning")
def test_a_pandas_that_reads_texts_as_objects_is_refused(tmp_path):
    with pd.option_context("future.infer_string", False), pytest.raises(UsageError, match=r"future\.infer_string"):
        polygons.read(written(tmp_path, SQUARE))
