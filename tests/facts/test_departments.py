from __future__ import annotations

import geopandas as gpd
import pytest

from qpvhealth.facts.departments import DEPARTMENT_BOXES
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, TERRITORIES


def test_every_departement_has_a_box_in_that_of_its_territory():
    assert DEPARTMENT_BOXES.keys() == DEPARTMENT_TERRITORY.keys()
    for code, (west, south, east, north) in DEPARTMENT_BOXES.items():
        box = TERRITORIES[DEPARTMENT_TERRITORY[code]].box
        assert box[0] <= west < east <= box[2]
        assert box[1] <= south < north <= box[3]


def test_boxes_hold_the_outlines_with_a_margin(real_data):
    """Four hundredths of a degree are three kilometres and more."""
    layer = gpd.read_file(real_data / "boundaries" / "departements-2018.geojson")
    assert set(layer["code"]) <= DEPARTMENT_BOXES.keys()
    for code, shape in zip(layer["code"], layer.geometry, strict=True):
        (west, south, east, north), (w, s, e, n) = DEPARTMENT_BOXES[code], shape.bounds
        margin = 0.04 if len(code) == 2 else 0.0
        assert min(w - west, s - south, east - e, north - n) >= margin, code


@pytest.mark.parametrize(
    "path", ["qpv-2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp", "qpv-2024/qpv-2024-simplified-1609.geojson"]
)
def test_every_neighbourhood_lies_in_the_box_of_its_departement(real_data, path):
    layer = gpd.read_file(real_data / "neighbourhoods" / path)
    codes = next(layer[c] for c in ("code_qp", "CODE_QP") if c in layer)
    for code, (west, south, east, north) in zip(codes, layer.geometry.bounds.to_numpy(), strict=True):
        box = DEPARTMENT_BOXES[code[2:5].removeprefix("0")]
        assert box[0] <= west <= east <= box[2], code
        assert box[1] <= south <= north <= box[3], code
