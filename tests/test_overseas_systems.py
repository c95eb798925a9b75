"""The same point in every way of writing it: the systems of overseas France, from the raw folder and from ``locate`` to the answer."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from click.testing import CliRunner
from pyproj import Transformer

import qpvhealth
from qpvhealth import locate
from qpvhealth.cli import main_group

INSIDE_M = 0.33
PLACES = {
    "mayotte": ("QP976001", "97611", 4471, (523_000.0, 8_587_000.0), ("EPSG:4326", "EPSG:4471", "EPSG:10674")),
    "guadeloupe": ("QP971001", "97105", 5490, (645_000.0, 1_770_000.0), ("EPSG:4326", "EPSG:5490", "EPSG:4559")),
    "martinique": ("QP972001", "97209", 5490, (708_000.0, 1_617_000.0), ("EPSG:4326", "EPSG:5490", "EPSG:4559")),
}
CARDS = """
[[source]]
id = "qpv"
kind = "neighbourhoods"
path = "qpv.geojson"
generation = "{generation}"
[[source]]
id = "s"
kind = "structures"
path = "s.csv"
layout = "dgos-mapped"
year = 2019
reference_date = 2019-03-31
{more}
[source.columns]
finess_et = "finess_et"
structure_type = "structure_type"
commune_code = "commune_code"
x = "x"
y = "y"
{columns}
"""


@pytest.fixture
def place(tmp_path, request):
    """One square QPV in the metres of its territory, written in degrees; a point so far inside its western border; rows for a CSV."""
    code, commune, epsg, (x, y), systems = PLACES[request.param]
    square = gpd.GeoDataFrame({"code_qp": [code]}, geometry=[shapely.box(x, y, x + 500, y + 500)], crs=epsg)
    square.to_crs(4326).to_file(tmp_path / "qpv.geojson", COORDINATE_PRECISION=12)
    degrees = Transformer.from_crs(epsg, 4326, always_xy=True).transform(x + INSIDE_M, y + 250)
    written = {s: Transformer.from_crs("EPSG:4326", s, always_xy=True).transform(*degrees) for s in systems}
    return tmp_path, commune, code, written


def build(
    folder, rows, *, more="", columns="", generation="qpv-2015", header="finess_et,structure_type,commune_code,x,y"
):
    (folder / "sources.toml").write_text(CARDS.format(more=more, columns=columns, generation=generation))
    (folder / "s.csv").write_text("\n".join([header, *rows]) + "\n")
    return qpvhealth.build(folder)


@pytest.mark.parametrize("place", PLACES, indirect=True)
@pytest.mark.no_cover
def test_a_point_just_inside_is_inside_in_every_system_of_its_territory(place):
    folder, commune, _, written = place
    for crs, (x, y) in written.items():
        built = build(folder, [f"970000001,MSP,{commune},{x!r},{y!r}"], more=f'crs = "{crs}"')
        located = built["structure_locations"].iloc[0]
        assert located["situation"] == "in_qpv", crs
        assert located["border_distance_m"] == pytest.approx(-INSIDE_M, abs=0.002), crs


@pytest.mark.parametrize("place", PLACES, indirect=True)
def test_locate_answers_the_same_in_every_system(place):
    folder, _, code, written = place
    for crs, (x, y) in written.items():
        pq.write_table(pa.table({"x": [x], "y": [y]}), folder / "p.parquet")
        locate.locate_file(
            folder / "p.parquet", folder / "qpv.geojson", folder / "o.parquet", distance_m=10, x="x", y="y", crs=crs
        )
        assert pq.read_table(folder / "o.parquet")["qpv_code"].to_pylist() == [code], crs


@pytest.mark.parametrize("place", ["martinique"], indirect=True)
@pytest.mark.parametrize(
    ("text", "is_read"), [("MART38 UTM N20", False), ("Martinique 1938 / UTM zone 20N", True), ("EPSG:2973", True)]
)
@pytest.mark.no_cover
def test_a_system_in_words_is_matched_whole(place, text, is_read):
    """MART38 UTM N20 was read as UTM N20 of the modern system, 422 m away."""
    folder, commune, _, written = place
    x, y = Transformer.from_crs("EPSG:5490", "EPSG:2973", always_xy=True).transform(*written["EPSG:5490"])
    rows = [f"970000001,MSP,{commune},{x + 100!r},{y!r},{text}"]
    header = "finess_et,structure_type,commune_code,x,y,Projection"
    built = build(folder, rows, columns='crs = "Projection"', header=header)
    located = built["structure_locations"].iloc[0]
    assert located["situation"] == ("in_qpv" if is_read else "undetermined")
    warned = {f.rule: f.message for f in built.findings}
    assert ("crs-unknown" in warned) == (not is_read)
    assert is_read or "near: EPSG:2973 (Martinique 1938 / UTM zone 20N)" in warned["crs-unknown"]


@pytest.mark.parametrize("place", ["martinique"], indirect=True)
def test_a_card_that_names_a_system_by_a_part_is_refused(place):
    folder, commune, _, written = place
    x, y = written["EPSG:5490"]
    with pytest.raises(qpvhealth.errors.UsageError, match=r"near: EPSG:2973 \(Martinique 1938 / UTM zone 20N\)"):
        build(folder, [f"970000001,MSP,{commune},{x},{y}"], more='crs = "Martinique 1938 / UTM N20"')


def test_a_transformation_accurate_to_metres_is_said_and_counts_in_the_error(tmp_path):
    square = shapely.box(652_000, 6_862_000, 652_500, 6_862_500)
    qpv = gpd.GeoDataFrame({"code_qp": ["QP075001"]}, geometry=[square], crs=2154)
    qpv.to_crs(4326).to_file(tmp_path / "qpv.geojson", COORDINATE_PRECISION=12)
    x, y = Transformer.from_crs(2154, 27572, always_xy=True).transform(652_002.5, 6_862_250)
    errors = {}
    for crs, (east, north) in {"EPSG:2154": (652_002.5, 6_862_250), "EPSG:27572": (x, y)}.items():
        rows = [f"750000001,MSP,75101,{east!r},{north!r}"]
        built = build(tmp_path, rows, more=f'crs = "{crs}"')
        errors[crs] = built["structures"]["location_error_m"].iloc[0]
        shifts = [f.message for f in built.findings if f.rule == "datum-shift"]
        assert len(shifts) == (crs == "EPSG:27572")
    assert "accurate to 3 m" in shifts[0]
    assert errors["EPSG:27572"] == pytest.approx(errors["EPSG:2154"] + 3)
    pq.write_table(pa.table({"x": [x], "y": [y]}), tmp_path / "p.parquet")
    words = ["locate", tmp_path / "p.parquet", "--neighbourhoods", tmp_path / "qpv.geojson", "--distance", 100]
    words += ["--out", tmp_path / "o.parquet", "--x", "x", "--y", "y", "--crs", "EPSG:27572", "--json"]
    answer = CliRunner().invoke(main_group, [*map(str, words)])
    assert answer.exit_code == 0, answer.output
    assert "accurate to 3 m" in answer.stderr
    assert json.loads(answer.stdout)["shift"]["accuracy_m"] == 3
    assert pq.read_table(tmp_path / "o.parquet")["qpv_code"].to_pylist() == ["QP075001"]


def test_a_datum_without_a_stated_transformation_decides_nothing():
    from qpvhealth.spatial import placement

    metres = placement._shift_m(pd.Series(["EPSG:2154", "EPSG:2984", None], dtype="str"))
    np.testing.assert_array_equal(metres, [0.0, np.nan, 0.0])
