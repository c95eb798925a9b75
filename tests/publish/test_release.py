from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, strategies as st

from qpvhealth.contract.schema import Column, Table
from qpvhealth.errors import ContractError, UsageError
from qpvhealth.publish import manifest, parquet, release
from qpvhealth.publish.manifest import Facts
from qpvhealth.publish.store import Store

FACTS = Facts("one", invented=True)

TWIN = """
import sys
from pathlib import Path
import numpy as np, pandas as pd, shapely
from qpvhealth.contract.schema import Column, Table
from qpvhealth.publish import release, rendering
from qpvhealth.publish.manifest import Facts
kinds = {"k": "string", "n": "int", "b": "bool", "d": "date", "f": "float", "geometry": "geometry"}
table = Table("t", "T", "row", ("k",), tuple(Column(n, k, n, n, nullable=n != "k") for n, k in kinds.items()))
n = np.arange(3000)
frame = pd.DataFrame({"k": [f"é{i:05}" for i in n], "n": n % 7, "b": n % 2 == 0, "f": np.sqrt(n),
    "d": pd.Timestamp("2019-01-01") + pd.to_timedelta(n, "D"), "geometry": shapely.points(n / 100, 45)})
frame = frame.sample(frac=1, random_state=int(sys.argv[2]))
settings = {k: sorted(set("xyz")) for k in (set("abcdef") if sys.argv[2] == "1" else sorted("abcdef"))}
folder = release.write(Path(sys.argv[1]), {"t": frame}, {"t": table}, Facts("one", True, settings=settings))
shown = frame.sort_values("k").head(50)
for fmt in rendering.FORMATS:
    rendering.save(folder.parent.parent / f"t.{fmt}", shown, fmt=fmt, notes=["été"], invented=True)
"""


def read_all(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file() and p.name != ".lock"}


def test_the_same_rows_give_the_same_bytes_anywhere(tmp_path):
    script = tmp_path / "twin.py"
    script.write_text(TWIN, "utf-8")
    places = [("1", "UTC", "C", "0"), ("2", "Pacific/Auckland", "C.UTF-8", "123")]
    for seed, zone, locale, hashes in places:
        told = {"TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": hashes, "PYTHONUTF8": "0"}
        command = [sys.executable, script, tmp_path / seed, seed]
        subprocess.run(command, env={**os.environ, **told}, check=True)
    one, two = read_all(tmp_path / "1"), read_all(tmp_path / "2")
    assert one.keys() == two.keys()
    assert len([p for p in one if "current" not in p.parts]) == 2 + 5
    assert [str(p) for p in one if one[p] != two[p]] == []


def test_tables_come_back_with_the_types_of_their_contract(tmp_path, country):
    read = release.open_release(country.publish(tmp_path))
    assert read.tables == ("centres", "quarters")
    for name, table in country.declarations.items():
        pd.testing.assert_frame_equal(read.table(name), table.conform(country.tables[name]))
        table.check(read.table(name))
    assert read.invented
    assert read.verify() == []
    assert read.id == read.folder.name


def test_geopandas_reads_a_layer_in_degrees(tmp_path, country):
    folder = country.publish(tmp_path)
    quarters = gpd.read_parquet(folder / "quarters.parquet")
    assert quarters.crs == "EPSG:4326"
    assert quarters.total_bounds.tolist() == [2, 48, 4, 49]
    centres = gpd.read_parquet(folder / "centres.parquet")
    assert centres.crs.to_epsg() == 4326
    assert centres.geometry.isna().tolist() == [True, False, False]
    read = release.open_release(folder).table("quarters")
    assert gpd.GeoDataFrame(read, crs=4326).geometry.bounds["minx"].tolist() == [2, 3]


def test_a_file_describes_itself(tmp_path, country):
    folder = country.publish(tmp_path)
    schema = pq.read_schema(folder / "centres.parquet")
    told = {k.decode(): v.decode() for k, v in schema.metadata.items()}
    assert told.keys() == {"geo", "grain", "invented", "qpvhealth_version", "table"}
    assert told["grain"] == "centre"
    assert told["invented"] == "true"
    assert schema.field("distance_m").metadata[b"unit"] == b"m"
    assert not schema.field("id").nullable


def test_every_page_has_its_checksum(tmp_path, country):
    path = country.publish(tmp_path) / "centres.parquet"
    data = bytearray(path.read_bytes())
    chunk = pq.read_metadata(path).row_group(0).column(0)
    data[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ContractError, match=r"centres\.parquet: cannot be read.*qpvhealth verify"):
        parquet.read_table(path)


def test_some_columns_and_no_geometry_can_be_asked_for(tmp_path, country):
    read = release.open_release(country.publish(tmp_path))
    assert list(read.table("centres", columns=["code", "id"])) == ["code", "id"]
    assert "geometry" not in read.table("centres", geometry=False)
    assert list(read.table("centres", columns=["id", "geometry"], geometry=False)) == ["id"]


def test_what_a_reader_changes_is_not_what_the_next_one_reads(tmp_path, country):
    read = release.open_release(country.publish(tmp_path))
    taken = read.table("centres")
    taken.loc[:, "distance_m"] = 1e9
    taken["more"] = 1
    assert read.table("centres")["distance_m"].max() == 12.5
    assert "more" not in read.table("centres")


def test_a_release_is_opened_by_store_id_or_folder(tmp_path, country):
    one, two = country.publish(tmp_path, "one"), country.publish(tmp_path, "two")
    assert release.open_release(tmp_path).folder == two
    assert release.open_release(Store(tmp_path), one.name).folder == one
    assert release.open_release(one).id == one.name
    assert release.open_release(tmp_path, str(one)).id == one.name


def test_an_unknown_table_is_refused_with_the_names_there_are(tmp_path, country):
    with pytest.raises(UsageError, match='no table "centre"; tables here: centres, quarters'):
        release.open_release(country.publish(tmp_path)).table("centre")


def test_a_build_may_hold_the_store_from_its_start(tmp_path, country):
    held = Store(tmp_path)
    with held.lock():
        folder = release.write(held, country.tables, country.declarations, FACTS)
    assert held.current() == folder


def test_every_problem_of_every_table_is_raised_at_once_and_nothing_is_written(tmp_path, country):
    tables = {
        "quarters": country.tables["quarters"].assign(code=["QP002", "bad"], population=[-1, None]),
        "centres": country.tables["centres"].assign(id=["a", "a", "b"]),
    }
    with pytest.raises(ContractError) as raised:
        release.write(tmp_path, tables, country.declarations, FACTS)
    for said in ("quarters.code: must match", "quarters.population: must be at least 0", "centres.id: must be unique"):
        assert said in str(raised.value)
    assert "centres.code: must exist in quarters (1 rows): 'QP001'" in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "columns", "problem"),
    [
        ("quarters", {"population": [1.5, 2]}, r"quarters\.population: cannot be read as int"),
        (
            "centres",
            {"opened_on": pd.Timestamp("2019-01-01 12:00")},
            r"centres\.opened_on: holds an hour, a day expected",
        ),
        ("more", {}, "release: tables not declared: more"),
        ("quarters", None, "release: tables missing: quarters"),
    ],
)
def test_what_is_not_as_declared_is_refused_and_nothing_is_current(tmp_path, country, name, columns, problem):
    tables = {n: t for n, t in country.tables.items() if n != name}
    if columns is not None:
        tables[name] = country.tables.get(name, country.tables["centres"]).assign(**columns)
    with pytest.raises(ContractError, match=problem):
        release.write(tmp_path, tables, country.declarations, FACTS)
    assert Store(tmp_path).current() is None


def test_metres_are_not_published_as_degrees(tmp_path, country):
    quarters = gpd.GeoDataFrame(country.tables["quarters"], crs=2154)
    with pytest.raises(ContractError, match="quarters: geometry is in EPSG:2154, EPSG:4326 expected"):
        release.write(tmp_path, {**country.tables, "quarters": quarters}, country.declarations, FACTS)
    metres = country.tables["quarters"].assign(geometry=[shapely.box(650000, 6860000, 650100, 6860100)] * 2)
    with pytest.raises(ContractError, match=r"quarters\.geometry: not in degrees"):
        release.write(tmp_path, {**country.tables, "quarters": metres}, country.declarations, FACTS)
    layer = gpd.GeoDataFrame(country.tables["quarters"], crs=4326)
    assert release.write(tmp_path, {**country.tables, "quarters": layer}, country.declarations, FACTS).is_dir()


SHAPES = Table(
    "shapes",
    "Formes",
    "shape",
    ("id",),
    (Column("id", "int", "N°", "No"), Column("geometry", "geometry", "Forme", "Shape", nullable=True)),
)


@pytest.mark.parametrize(
    "shapes",
    [
        [],
        [None, None],
        [shapely.Point()],
        [shapely.Point(1, 2, 3), shapely.Point(1, 2), shapely.box(0, 0, 1, 1)],
        [shapely.MultiPolygon([shapely.box(0, 0, 1, 1)]), np.nan],
    ],
)
def test_any_mix_of_shapes_is_kept(tmp_path, shapes):
    frame = pd.DataFrame({"id": range(len(shapes)), "geometry": pd.Series(shapes, dtype=object)})
    folder = release.write(tmp_path, {"shapes": frame}, {"shapes": SHAPES}, FACTS)
    read = release.open_release(folder).table("shapes")
    expected = [s if isinstance(s, shapely.Geometry) else None for s in shapes]
    assert [None if s is None else s.wkb for s in read["geometry"]] == [None if s is None else s.wkb for s in expected]
    assert len(gpd.read_parquet(folder / "shapes.parquet")) == len(shapes)


PLACES = st.sampled_from(
    [None, shapely.Point(-61.5, 16.2), shapely.Point(2.5, 48.5), shapely.Point(), shapely.box(0, 0, 9, 1)]
)


@given(st.lists(PLACES, max_size=6))
def test_a_layer_is_described_as_shapely_sees_it(places):
    described = parquet._layer("t.geometry", pd.Series(places, dtype=object).to_numpy())
    there = [p for p in places if p is not None]
    assert described["geometry_types"] == sorted({p.geom_type for p in there})
    bounds = shapely.total_bounds(there).tolist() if any(not p.is_empty for p in there) else None
    assert described.get("bbox") == bounds


def test_a_missing_file_is_a_broken_contract(tmp_path, country):
    folder = country.publish(tmp_path)
    (folder / "centres.parquet").unlink()
    with pytest.raises(ContractError, match="missing; see `qpvhealth verify`"):
        release.open_release(folder).table("centres")


def test_a_table_of_another_release_is_not_read(tmp_path, country):
    ours = country.publish(tmp_path)
    tables = country.tables | {"centres": country.tables["centres"].head(1)}
    other = release.write(tmp_path, tables, country.declarations, FACTS)
    shutil.copy(other / "centres.parquet", ours)
    opened = release.open_release(ours)
    assert len(opened.table("quarters")) == 2
    with pytest.raises(ContractError, match=r"centres\.parquet: changed: "):
        opened.table("centres")


def test_versions_given_by_the_caller_are_kept(tmp_path, country):
    facts = Facts("one", invented=False, versions={"geos": "3"})
    folder = release.write(tmp_path, country.tables, country.declarations, facts)
    assert manifest.read(folder)["versions"] == {"geos": "3"}
    assert not release.open_release(folder).invented


def test_a_library_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(release, "LIBRARIES", ("pandas", "no-such-library"))
    assert release.library_versions().keys() == {"pandas"}


PLAIN = Table("plain", "Simple", "row", ("n",), (Column("n", "int", "N", "N"),))


def test_a_table_without_a_place_is_no_layer(tmp_path):
    folder = release.write(tmp_path, {"plain": pd.DataFrame({"n": [2, 1]})}, {"plain": PLAIN}, FACTS)
    assert b"geo" not in pq.read_schema(folder / "plain.parquet").metadata
    assert release.open_release(str(tmp_path)).table("plain")["n"].tolist() == [1, 2]


def test_a_value_that_parquet_cannot_hold_is_named(tmp_path):
    with pytest.raises(ContractError, match=r"plain\.n: cannot be written as int64"):
        parquet.write_table(PLAIN, pd.DataFrame({"n": ["one"]}), tmp_path / "plain.parquet", {})


def test_the_bytes_do_not_depend_on_how_rows_came_together(tmp_path):
    """Texts that came as one array, in parts or as categories are written as the same bytes."""
    n = np.arange(70_000)
    table = Table("t", "T", "id", ("id",), (*SHAPES.columns, Column("name", "string", "N", "N")))
    frame = pd.DataFrame({"id": n, "geometry": shapely.points(n % 100 / 3, 45.0), "name": [f"é{i % 50}" for i in n]})
    ways = {
        "whole": frame,
        "parts": pd.concat([frame[:30_000], frame[30_000:]], ignore_index=True),
        "categories": frame.astype({"name": "category"}),
        "objects": frame.astype({"name": "object"}),
    }
    for name, rows in ways.items():
        parquet.write_table(table, table.conform(rows), tmp_path / name, {})
    assert len({(tmp_path / name).read_bytes() for name in ways}) == 1
    schema = pq.read_schema(tmp_path / "whole")
    assert json.loads(schema.metadata[b"geo"])["columns"]["geometry"]["bbox"] == [0, 45, 33, 45]


def test_a_large_table_is_cut_in_groups_of_fixed_size(tmp_path):
    frame = pd.DataFrame({"n": range(70_000)})
    parquet.write_table(PLAIN, frame, tmp_path / "plain.parquet", {})
    told = pq.read_metadata(tmp_path / "plain.parquet")
    assert [told.row_group(i).num_rows for i in range(told.num_row_groups)] == [65_536, 4_464]


def test_a_column_that_a_table_lacks_is_named(tmp_path):
    pq.write_table(pa.table({"finess_et": ["1"]}), tmp_path / "centres.parquet")
    with pytest.raises(ContractError, match=r"centres\.parquet: cannot be read: no column year, name: another version"):
        parquet.read_table(tmp_path / "centres.parquet", columns=["finess_et", "year", "name"])


def test_tables_as_text_load_no_workbook_no_projection_and_no_published_figure():
    told = (
        "import sys, qpvhealth.publish.release, qpvhealth.publish.views, qpvhealth.publish.words; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    assert not {"xlsxwriter", "pyproj", "pyarrow.dataset", "qpvhealth.facts.published"} & {*loaded}
    assert "qpvhealth.facts.perimeter_sets" in loaded
