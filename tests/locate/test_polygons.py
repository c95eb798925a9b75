from __future__ import annotations

import json
import subprocess
import sys

import geopandas as gpd
import pandas as pd
import pyproj
import pytest
import shapely

from qpvhealth.errors import InputError, UsageError
from qpvhealth.locate import polygons
from qpvhealth.locate.choices import Choices


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


def layers(tmp_path, *names, crs="EPSG:4326", column="code_qp", code="QP093901"):
    path = tmp_path / "q.gpkg"
    for name in names:
        frame = gpd.GeoDataFrame({column: [code]}, geometry=[shapely.Polygon(SQUARE)], crs=crs)
        frame.to_file(path, layer=name, driver="GPKG", mode="a" if path.exists() else "w")
    return path


def codes(usable):
    return usable["metropole"].codes.tolist()


def test_a_layer_is_named_by_an_option(tmp_path):
    path = layers(tmp_path, "qpv", "qpv_old")
    with pytest.raises(UsageError, match=r"several layers; name one with --layer: qpv, qpv_old") as raised:
        polygons.read(path)
    assert "card" not in str(raised.value)
    assert codes(polygons.read(path, Choices(layer="qpv"))[0]) == ["QP093901"]


def test_codes_are_in_a_column_named_recognised_or_in_the_feature_id(tmp_path):
    path = layers(tmp_path, "qpv", column="identifiant", code="93-A")
    with pytest.raises(UsageError, match=r"Name the column of the codes with --code-column") as raised:
        polygons.read(path)
    assert "card" not in str(raised.value)
    with pytest.raises(UsageError, match=r'no header "nothing"; there are: identifiant') as raised:
        polygons.read(path, Choices(code_column="nothing"))
    assert "card" not in str(raised.value)
    assert codes(polygons.read(path, Choices(code_column="identifiant"))[0]) == ["93-A"]
    feature = {"type": "Feature", "id": "QP093901", "properties": {}}
    feature["geometry"] = {"type": "Polygon", "coordinates": [SQUARE]}
    by_id = tmp_path / "id.geojson"
    by_id.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert codes(polygons.read(by_id)[0]) == ["QP093901"]


def test_a_system_that_the_file_does_not_say_is_an_option(tmp_path):
    path = tmp_path / "q.shp"
    frame = gpd.GeoDataFrame({"code_qp": ["QP093901"]}, geometry=[shapely.Polygon(SQUARE)], crs="EPSG:4326")
    frame.to_file(path)
    path.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match=r"give --neighbourhoods-crs EPSG") as raised:
        polygons.read(path)
    assert "card" not in str(raised.value)
    assert codes(polygons.read(path, Choices(crs="4326"))[0]) == ["QP093901"]
    with pytest.raises(InputError, match=r"give --neighbourhoods-crs EPSG") as raised:
        polygons.read(path, Choices(crs="EPSG:5490"))
    assert "card" not in str(raised.value)


@pytest.mark.parametrize("suffix", ["shp", "parquet"])
def test_a_system_that_names_no_datum_is_an_option(tmp_path, suffix):
    datum_missing = pyproj.CRS("+proj=utm +zone=20 +ellps=intl +units=m")
    square = shapely.box(709_000, 1_615_000, 709_400, 1_615_400)
    frame = gpd.GeoDataFrame({"code_qp": ["QP972001"]}, geometry=[square], crs=datum_missing)
    path = tmp_path / f"q.{suffix}"
    frame.to_parquet(path) if suffix == "parquet" else frame.to_file(path)
    path.with_suffix(".prj").write_text(datum_missing.to_wkt("WKT1_ESRI"))
    with pytest.raises(InputError, match=r"an ellipsoid and no datum.*give --neighbourhoods-crs EPSG"):
        polygons.read(path)
    [usable] = polygons.read(path, Choices(crs="EPSG:2973"))[0].values()
    assert usable.codes.tolist() == ["QP972001"]


def test_an_encoding_is_an_option(tmp_path):
    path = tmp_path / "q.shp"
    frame = gpd.GeoDataFrame({"code_qp": ["QP093901"], "nom": ["Cité"]}, geometry=[shapely.Polygon(SQUARE)], crs=4326)
    frame.to_file(path, encoding="cp1252")
    path.with_suffix(".cpg").write_text("UTF-8")
    with pytest.raises(InputError, match=r"give --encoding cp1252") as raised:
        polygons.read(path)
    assert "card" not in str(raised.value)
    assert codes(polygons.read(path, Choices(encoding="cp1252"))[0]) == ["QP093901"]


def test_two_polygons_of_one_code_are_refused_without_a_card(tmp_path):
    other = [[x + 0.1, y] for x, y in SQUARE]
    path = written(tmp_path, SQUARE, other)
    path.write_text(path.read_text().replace("QP093902", "QP093901"))
    with pytest.raises(InputError, match="two different polygons") as raised:
        polygons.read(path)
    assert "card" not in str(raised.value)


def test_polygons_of_another_datum_are_said_with_their_accuracy(tmp_path):
    frame = gpd.GeoDataFrame({"code_qp": ["QP093901"]}, geometry=[shapely.Polygon(SQUARE)], crs=4326)
    path = tmp_path / "q.gpkg"
    frame.to_crs(27572).to_file(path)
    assert polygons.read(path)[1] == [
        "polygons in EPSG:27572: NTF (Paris) to NTF (1) + NTF to WGS 84 (1), accurate to 3 m"
    ]


def test_polygons_load_the_reader_of_their_kind_alone():
    told = "import sys, qpvhealth.locate.polygons; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    kinds = {name for name in loaded if name.startswith("qpvhealth.ingest.kinds.")}
    assert kinds == {"qpvhealth.ingest.kinds.neighbourhoods"}
