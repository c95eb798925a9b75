"""The same inputs give the same bytes, wherever, whenever and however they are built; and in whatever order rows come."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from qpvhealth.contract.tables import REJECTED_TABLES

COMMAND = [sys.executable, "-c", "from qpvhealth.cli import main; main()"]
HEADER = "finess_et;structure_type;modality;commune_code;longitude;latitude;name;opened_on\n"
PLACED = ("structures", "neighbourhoods", "rejects")
"""The tables that say at which row of its file something stands: row numbers follow the order of the file."""


def structures(spread):
    rows = []
    for i in range(300):
        lon, lat = spread.uniform(2.29, 2.72), spread.uniform(48.89, 48.93)
        kind = spread.choice(["MSP", "CDS"])
        rows.append(f"{'x' if i % 50 == 0 else '93'}{i:07d};{kind};;93901;{lon:.6f};{lat:.6f};N° {i};2015-01-01")
    return [*rows, *rows[10:20]]


def perimeters(spread):
    features = []
    for i in range(20):
        x = 2.30 + 0.02 * i
        ring = [[x, 48.90], [x + spread.uniform(0.005, 0.019), 48.90], [x + 0.01, 48.92], [x, 48.90]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append(
            {"type": "Feature", "properties": {"code_qp": f"QP0939{i:02d}", "nom_qp": f"É{i}"}, "geometry": geometry}
        )
    return features


def cards(order):
    both = [
        '[[source]]\nid = "s"\nkind = "structures"\npath = "s.csv"\nlayout = "dgos-mapped"\nyear = 2020\nreference_date = 2020-04-01\n',
        '[[source]]\nid = "q"\nkind = "neighbourhoods"\npath = "q.geojson"\ngeneration = "qpv-2015"\n',
        '[[source]]\nid = "p"\nkind = "populations"\npath = "p.csv"\ngeneration = "qpv-2015"\npopulation_year = 2013\n',
    ]
    return "".join(both[i] for i in order)


def write(folder, *, shuffled=False):
    spread, mixed = random.Random(1), random.Random(2)  # noqa: S311 -- shapes, not secrets
    rows, features = structures(spread), perimeters(spread)
    people = [f"QP0939{i:02d};{1000 + i}" for i in range(20)]
    if shuffled:
        for order in (rows, features, people):
            mixed.shuffle(order)
    folder.mkdir()
    (folder / "sources.toml").write_text(cards((2, 1, 0) if shuffled else (0, 1, 2)), encoding="utf-8")
    (folder / "qpvhealth.toml").write_text("reject_share = 1.0\nreject_department_share = 1.0\n", encoding="utf-8")
    (folder / "s.csv").write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    (folder / "p.csv").write_text("code_qp;population\n" + "\n".join(people) + "\n", encoding="utf-8")
    document = {"type": "FeatureCollection", "features": features}
    (folder / "q.geojson").write_text(json.dumps(document), encoding="utf-8")
    return folder


def built(raw, out, *, env=None, umask=0o022, cpus=None):
    def prepare():
        os.umask(umask)
        if cpus:
            os.sched_setaffinity(0, cpus)

    words = [*COMMAND, "build", "--raw", str(raw), "--out", str(out)]
    done = subprocess.run(
        words, env=os.environ | (env or {}), capture_output=True, text=True, check=False, preexec_fn=prepare
    )
    assert done.returncode == 0, done.stderr
    (release,) = (out / "releases").iterdir()
    return release


def contents(release):
    return {p.name: p.read_bytes() for p in sorted(release.iterdir())}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    return write(folder / "raw"), built(folder / "raw", folder / "out")


ONE = {min(os.sched_getaffinity(0))} if hasattr(os, "sched_getaffinity") else None


@pytest.mark.parametrize(
    "how",
    [
        {"env": {"TZ": "Pacific/Kiritimati"}},
        {"env": {"LC_ALL": "C", "LANG": "C"}},
        {"env": {"LC_ALL": "tr_TR.UTF-8"}},
        {"env": {"PYTHONHASHSEED": "0"}},
        {"env": {"PYTHONHASHSEED": "4242"}},
        {"env": {"OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1", "GDAL_NUM_THREADS": "1"}, "cpus": ONE},
        {"umask": 0o077},
        {"env": {"SOURCE_DATE_EPOCH": "1", "HOME": "/nonexistent", "PYTHONOPTIMIZE": "1"}},
    ],
    ids=lambda how: "-".join([*how.get("env", {}), *(k for k in how if k != "env")]),
)
def test_the_same_bytes_however_it_is_built(first, tmp_path, how):
    raw, release = first
    elsewhere = tmp_path / "données d'été"
    shutil.copytree(raw, elsewhere)
    for path in elsewhere.iterdir():
        os.utime(path, (1, 1))
    again = built(elsewhere, tmp_path / "sortie", **how)
    assert again.name == release.name
    assert contents(again) == contents(release)


def test_the_order_of_rows_polygons_and_cards_changes_nothing_but_row_numbers(first, tmp_path):
    _, release = first
    again = built(write(tmp_path / "raw", shuffled=True), tmp_path / "out")
    ours, theirs = contents(release), contents(again)
    assert ours.keys() == theirs.keys()
    differ = {Path(n).stem for n in ours if ours[n] != theirs[n]}
    assert differ <= {*PLACED, *REJECTED_TABLES, "manifest"}
    for name in (*PLACED, *REJECTED_TABLES):
        numbered = ["source_row", "row", *(["finess_et"] if name in REJECTED_TABLES else [])]  # named after its row
        frames = [
            pd.read_parquet(r / f"{name}.parquet").drop(columns=numbered, errors="ignore") for r in (release, again)
        ]
        left, right = (f.sort_values(list(f.columns), ignore_index=True) for f in frames)
        pd.testing.assert_frame_equal(left, right)


@pytest.mark.skipif(ONE is None or len(os.sched_getaffinity(0)) == 1, reason="one core here")
def test_a_second_core_changes_no_byte(tmp_path, sample_folder, released):
    (both,) = (released / "releases").iterdir()
    assert contents(built(sample_folder, tmp_path, cpus=ONE)) == contents(both)
