"""The page of the method: every table has one stage, and a build can stop after any of them."""

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import qpvhealth
from qpvhealth.build import stages
from qpvhealth.cli import main_group
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.errors import UsageError

CARDS = """
[[source]]
id = "s"
kind = "structures"
path = "s.csv"
layout = "dgos-mapped"
year = 2019
reference_date = 2019-03-31
[source.columns]
finess_et = "finess"
structure_type = "type"
commune_code = "commune"
longitude = "lon"
latitude = "lat"
[source.values.structure_type]
MSP = "MSP"
[[source]]
id = "q"
kind = "neighbourhoods"
path = "q.geojson"
generation = "qpv-2015"
"""


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    (folder / "sources.toml").write_text(CARDS, encoding="utf-8")
    (folder / "s.csv").write_text("finess;type;commune;lon;lat\n310000001;MSP;31555;1.405;43.605\n", encoding="utf-8")
    ring = [[1.4, 43.6], [1.41, 43.6], [1.41, 43.61], [1.4, 43.61], [1.4, 43.6]]
    feature = {"type": "Feature", "properties": {"code_qp": "QP031001", "lib_qp": "A"}}
    feature["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    (folder / "q.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def built(raw):
    return qpvhealth.build(raw)


def test_every_table_is_given_by_one_stage():
    named = [name for stage in stages.STAGES for name in stage.gives]
    assert sorted(named) == sorted(PUBLISHED)


@pytest.mark.parametrize("n", range(1, len(stages.STAGES) + 1))
def test_a_build_stops_after_a_stage_and_writes_its_tables_as_a_release_has_them(raw, built, tmp_path, n):
    target, until = tmp_path / "to", stages.STAGES[n - 1].name
    arguments = ["build", "--raw", str(raw), "--out", str(tmp_path / "out"), "--until", until, "--to", str(target)]
    done = CliRunner().invoke(main_group, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    expected = {name for stage in stages.STAGES[:n] for name in stage.gives}
    assert {path.stem for path in target.iterdir()} == expected == {*json.loads(done.stdout)["tables"]}
    assert not (tmp_path / "out").exists()
    for name in expected:
        assert pq.read_table(target / f"{name}.parquet").column_names == PUBLISHED[name].names
        assert pq.read_metadata(target / f"{name}.parquet").num_rows == len(built[name])
    again = CliRunner().invoke(main_group, arguments)
    assert isinstance(again.exception, UsageError)
    assert "not empty" in str(again.exception)


def test_until_needs_a_folder(raw):
    done = CliRunner().invoke(main_group, ["build", "--raw", str(raw), "--until", "place"])
    assert (done.exit_code, "--to FOLDER go together" in done.output) == (2, True)


def test_the_plan_names_the_stages(raw, tmp_path):
    arguments = ["build", "--raw", str(raw), "--out", str(tmp_path / "out"), "--dry-run"]
    lines = CliRunner().invoke(main_group, arguments).output.splitlines()
    starts = [next(i for i, line in enumerate(lines) if line.startswith(stage.name)) for stage in stages.STAGES]
    assert starts == sorted(starts)
    plan = json.loads(CliRunner().invoke(main_group, [*arguments, "--json"]).stdout)
    assert [stage["name"] for stage in plan["stages"]] == [stage.name for stage in stages.STAGES]


def test_the_stages_are_functions_from_frames_to_frames(raw, built):
    """A script runs the stages one by one, and gets the tables that a build gives."""
    places = qpvhealth.stages.place(qpvhealth.stages.ingest(raw))
    zoned = qpvhealth.stages.overlay(places)["neighbourhood_zoning"]
    counted = qpvhealth.stages.count(places, zoned)
    explained = qpvhealth.stages.explain(places, counted)
    assert len(explained["changes"]) == len(built["changes"]) == 0
    yearly = PUBLISHED["yearly_counts"].conform(counted.yearly[PUBLISHED["yearly_counts"].names])
    pd.testing.assert_frame_equal(yearly, built["yearly_counts"])
    assert callable(qpvhealth.build)  # also once the modules of its package are loaded
