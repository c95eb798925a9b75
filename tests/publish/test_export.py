"""Tables and lists for other tools: rows, types, places and colours as in the release."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import sqlite3
import xml.etree.ElementTree as ET

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from click.testing import CliRunner

from qpvhealth.cli import main_group
from qpvhealth.errors import PublishError, UsageError
from qpvhealth.publish import export, styles


@pytest.fixture
def rows():
    """Return three structures: one without a place, unknowns, texts that look like formulas, a code with zeros."""
    frame = pd.DataFrame(
        {
            "finess_et": pd.array(["010000018", "2A0000001", "750000018"], dtype="str"),
            "year": pd.array([2019, 2019, None], dtype="Int64"),
            "structure_type": pd.Categorical(["MSP", "CDS", None]),
            "is_in_stock": pd.array([True, False, None], dtype="boolean"),
            "opened_on": pd.Series(["2019-03-31", None, "1890-01-01"], dtype="datetime64[s]"),
            "location_error_m": [1.5, np.nan, 0.125],
            "name": pd.array(["=1+1", "Maison de l'Été", None], dtype="str"),
        }
    )
    return frame.assign(geometry=np.array([shapely.Point(2.3, 48.9), None, shapely.Point(-61.5, 16.25)], dtype=object))


def saved(tmp_path, frame, fmt, name="structures"):
    path = tmp_path / f"a.{fmt}"
    export.save(path, name, frame, {"name": "Nom"}, fmt=fmt, invented=True)
    return path


@pytest.mark.parametrize("arrow", [False, True])
def test_a_geopackage_has_places_types_and_a_style(tmp_path, rows, arrow):
    path = saved(tmp_path, rows, "gpkg")
    layer = gpd.read_file(path, layer="structures", use_arrow=arrow)
    assert layer.crs.to_epsg() == 4326
    assert layer.geometry.to_wkt().where(layer.geometry.notna(), None).tolist()[0] == "POINT (2.3 48.9)"
    assert layer.geometry.isna().tolist() == [False, True, False]
    assert layer["finess_et"].tolist() == rows["finess_et"].tolist()
    assert layer["name"].iloc[0] == "=1+1"
    info = pyogrio.read_info(path, layer="structures")
    kinds = dict(zip(info["fields"], info["ogr_types"], strict=True))
    subtypes = dict(zip(info["fields"], info["ogr_subtypes"], strict=True))
    assert (kinds["year"], kinds["opened_on"], subtypes["is_in_stock"]) == ("OFTInteger64", "OFTDate", "OFSTBoolean")
    assert path.read_bytes() == saved(tmp_path, rows, "gpkg").read_bytes()
    with sqlite3.connect(path) as base:
        ((table, qml, is_default),) = base.execute(
            "SELECT f_table_name, styleQML, useAsDefault FROM layer_styles NATURAL JOIN "
            "(SELECT table_name AS f_table_name, column_name AS f_geometry_column FROM gpkg_geometry_columns)"
        ).fetchall()  # a style of another column is none for QGIS
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert base.execute("PRAGMA user_version").fetchone() == (10_200,)  # of what GDAL 3.6 reads without a warning
    assert (table, is_default) == ("structures", 1)
    document = ET.fromstring(qml.partition("\n")[2])  # noqa: S314 -- of our own making
    renderer = document.find("renderer-v2")
    assert renderer.attrib["attr"] == "structure_type"
    assert [c.attrib["value"] for c in renderer.iter("category")] == ["MSP", "CDS", ""]
    assert len({o.attrib["value"] for o in renderer.iter("Option") if o.attrib.get("name") == "color"}) == 3


def test_polygons_of_both_kinds_are_one_layer(tmp_path):
    box = shapely.box(2, 48, 3, 49)
    shapes = np.array([box, shapely.multipolygons([box]), None], dtype=object)
    frame = pd.DataFrame(
        {"qpv_code": pd.array(["a", "b", "c"], dtype="str"), "is_npnru": [True, False, False], "geometry": shapes}
    )
    layer = gpd.read_file(saved(tmp_path, frame, "gpkg", "neighbourhoods"), layer="neighbourhoods")
    assert layer.geometry[:2].geom_type.tolist() == ["MultiPolygon"] * 2
    assert layer["is_npnru"].tolist() == [True, False, False]
    with (saved(tmp_path, frame, "csv")).open(encoding="utf-8") as file:
        assert [r["wkt"][:7] for r in csv.DictReader(file)] == ["POLYGON", "MULTIPO", ""]
    book = openpyxl.load_workbook(saved(tmp_path, frame, "xlsx"))
    assert [c.value for c in next(book.worksheets[0].iter_rows())] == ["qpv_code", "is_npnru"]
    renderer = ET.fromstring(styles.qml(frame, is_polygonal=True).partition("\n")[2]).find("renderer-v2")  # noqa: S314
    assert renderer.attrib["attr"] == "is_npnru"
    assert [c.attrib["value"] for c in renderer.iter("category")] == ["true", "false", ""]  # as QGIS writes a boolean


def test_geojson_keeps_types_and_turns_rings_as_the_standard_says(tmp_path, rows):
    document = json.loads(saved(tmp_path, rows, "geojson").read_text(encoding="utf-8"))
    assert "crs" not in document
    first, second, third = document["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [2.3, 48.9]}
    assert second["geometry"] is None
    assert first["properties"]["opened_on"] == "2019-03-31"
    assert [f["properties"]["is_in_stock"] for f in (first, second, third)] == [True, False, None]
    assert (first["properties"]["year"], third["properties"]["year"]) == (2019, None)
    assert second["properties"]["location_error_m"] is None
    clockwise = pd.DataFrame({"n": [1], "geometry": np.array([shapely.box(0, 0, 1, 1, ccw=False)], dtype=object)})
    ring = json.loads(saved(tmp_path, clockwise, "geojson").read_text())["features"][0]["geometry"]["coordinates"][0]
    assert shapely.LinearRing(ring).is_ccw


def test_csv_and_workbook_keep_types_and_have_points_as_columns(tmp_path, rows):
    text = saved(tmp_path, rows, "csv").read_text(encoding="utf-8")
    first, second, third = csv.DictReader(io.StringIO(text))
    assert (first["finess_et"], first["opened_on"], first["is_in_stock"]) == ("010000018", "2019-03-31", "true")
    assert (first["longitude"], first["latitude"], second["longitude"]) == ("2.3", "48.9", "")
    assert (third["year"], third["name"]) == ("", "")
    sheet = openpyxl.load_workbook(saved(tmp_path, rows, "xlsx")).worksheets[0]
    header, one, two, _ = sheet.iter_rows(values_only=True)
    cells = dict(zip(header, one, strict=True))
    assert (cells["finess_et"], cells["is_in_stock"]) == ("010000018", True)
    assert cells["opened_on"] == dt.datetime(2019, 3, 31)  # noqa: DTZ001
    assert (cells["longitude"], cells["latitude"], cells["Nom"]) == (2.3, 48.9, "=1+1")
    assert two[3] is False
    assert sheet.cell(2, header.index("Nom") + 1).data_type == "s"


def test_what_has_no_shapes_is_for_csv_and_workbook(tmp_path, rows):
    bare = rows.drop(columns="geometry")
    for fmt in ("gpkg", "geojson"):
        with pytest.raises(UsageError, match="export it as csv or xlsx"):
            saved(tmp_path, bare, fmt)
    assert saved(tmp_path, bare, "csv").read_text().splitlines()[0].count(",") == len(bare.columns) - 1
    with pytest.raises(UsageError, match="one of gpkg"):
        saved(tmp_path, rows, "shp")
    assert not (tmp_path / "a.shp").exists()


def test_a_geopackage_that_cannot_be_made_leaves_what_was_there(tmp_path, rows, monkeypatch):
    path = saved(tmp_path, rows, "gpkg")
    before = path.read_bytes()

    def fail(*_, **__):
        raise pyogrio.errors.DataSourceError("no space")

    monkeypatch.setattr(pyogrio, "write_arrow", fail)
    with pytest.raises(PublishError, match="no space"):
        saved(tmp_path, rows, "gpkg")
    assert path.read_bytes() == before


def test_tables_and_lists_of_a_release_take_the_shapes_of_what_they_name(built_release, tmp_path):
    release, run = built_release, CliRunner()
    for name in ("structures", "structure_locations", "neighbourhoods", "neighbourhood_coverage", "fragile"):
        path = tmp_path / f"{name}.gpkg"
        words = ["export", name, "--to", str(path), "--release", str(release.folder), "--json"]
        answer = run.invoke(main_group, words)
        assert answer.exit_code == 0, answer.output
        layer = gpd.read_file(path, layer=name)
        assert json.loads(answer.stdout)["rows"] == len(layer)
        if name in release.tables:
            assert len(layer) == len(release.table(name, geometry=False))
        assert layer.geometry.notna().any()
    located = gpd.read_file(tmp_path / "structure_locations.gpkg", layer="structure_locations")
    inside = located[located["situation"] == "in_qpv"].dropna(subset="geometry").iloc[0]
    quarters = gpd.read_file(tmp_path / "neighbourhoods.gpkg", layer="neighbourhoods")
    one = quarters[(quarters["qpv_code"] == inside["qpv_code"]) & (quarters["generation"] == inside["generation"])]
    assert one.geometry.iloc[0].distance(inside.geometry) < 1e-7
    wrong = run.invoke(main_group, ["export", "nothing", "--release", str(release.folder), "--format", "csv"])
    assert "no table or list" in str(wrong.exception)
